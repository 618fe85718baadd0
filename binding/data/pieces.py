"""What ``binding prepare`` has done so far, in one SQLite file beside the cache.

A piece is named by a digest of everything that it depends on, so that a piece that is found is up to date: files,
settings or code that changed give other names. The file is kept when the cache is finished: rows that are added later
then cost no more than themselves. It may be deleted at any time.
"""

from __future__ import annotations

import errno
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from binding.errors import BindingError, CacheError, WriteError
from binding.files import check_name, file_sha256, make_folder, write_error
from binding.io.files import open_error

PIECES_SUFFIX: Final = ".pieces"
_FORMAT: Final = 2
_COMMIT_SECONDS: Final = 1.0  # of work that a kill may cost
_SETTLED: Final = 2.0  # seconds; a file that changed this short before it was read may change again unseen
_TABLES: Final = """
CREATE TABLE pieces (key TEXT PRIMARY KEY, content BLOB, refused TEXT NOT NULL, warnings TEXT, lasting INTEGER);
CREATE TABLE files (path TEXT PRIMARY KEY, state TEXT NOT NULL, digest TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Refusal:
    """Why a row did not get into the cache.

    Attributes:
        code, message, hint: As in the error.
    """

    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class Piece:
    """What became of some rows.

    Attributes:
        content: An encoded group of those that can be used, in order; None where none can.
        refused: Why each of the others cannot be used, by place among the rows.
        warnings: What is doubtful about those that can be used, by place among the rows.
        lasting: Whether the same rows would give the same result again; False where a process died.
    """

    content: bytes | None
    refused: dict[int, Refusal]
    warnings: dict[int, tuple[str, ...]] = field(default_factory=dict)
    lasting: bool = True


class Pieces:
    """The pieces of one cache; see ``open_pieces``."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._committed = time.monotonic()
        self._digests: dict[Path, str] = {}

    def __contains__(self, key: str) -> bool:
        with self._guarded():
            return self._connection.execute("SELECT 1 FROM pieces WHERE key = ?", (key,)).fetchone() is not None

    def get(self, key: str) -> Piece:
        """A piece that is there.

        Raises:
            CacheError: It is damaged.
        """
        with self._guarded():
            content, refused, warnings, lasting = self._connection.execute(
                "SELECT content, refused, warnings, lasting FROM pieces WHERE key = ?", (key,)
            ).fetchone()
        try:
            return Piece(
                content,
                {int(place): Refusal(*why) for place, why in json.loads(refused).items()},
                {int(place): tuple(texts) for place, texts in json.loads(warnings).items()},
                bool(lasting),
            )
        except (ValueError, TypeError, AttributeError):
            raise _damaged(self._path) from None

    def put(self, key: str, piece: Piece) -> None:
        """Keeps a piece; after a second at most, it survives a kill.

        Raises:
            WriteError: The disk is full, say.
        """
        refused = {place: (why.code, why.message, why.hint) for place, why in piece.refused.items()}
        with self._guarded():
            self._connection.execute(
                "INSERT OR REPLACE INTO pieces VALUES (?, ?, ?, ?, ?)",
                (key, piece.content, json.dumps(refused), json.dumps(piece.warnings), piece.lasting),
            )
            self._commit_now_and_then()

    def digest(self, path: Path) -> str:
        """The digest of a file's content; a file that looks untouched since it was last read is not read again.

        Raises:
            FileError: ``file_not_found`` or ``unreadable``.
        """
        if path not in self._digests:
            self._digests[path] = self._digest(path)
        return self._digests[path]

    def _digest(self, path: Path) -> str:
        name = str(path.absolute())
        try:
            stat = path.stat()
            state = f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"
            with self._guarded():
                known = self._connection.execute("SELECT state, digest FROM files WHERE path = ?", (name,)).fetchone()
            if known is not None and known[0] == state:
                return known[1]
            settled = max(stat.st_mtime, stat.st_ctime) < time.time() - _SETTLED
            digest = file_sha256(path)
        except OSError as error:
            raise open_error(path, error) from None
        if settled:
            with self._guarded():
                self._connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (name, state, digest))
        return digest

    def keep_only(self, keys: Iterable[str]) -> None:
        """Drops the pieces that a finished cache does not need.

        Raises:
            WriteError: The disk is full, say.
        """
        with self._guarded():
            self._connection.execute("CREATE TEMP TABLE used (key TEXT PRIMARY KEY)")
            self._connection.executemany("INSERT OR IGNORE INTO used VALUES (?)", ((key,) for key in keys))
            self._connection.execute("DELETE FROM pieces WHERE key NOT IN (SELECT key FROM used)")
            self._connection.commit()

    def close(self) -> None:
        """Commits what was put and closes the file."""
        try:
            with self._guarded():
                self._connection.commit()
        finally:
            self._connection.close()

    def _commit_now_and_then(self) -> None:
        if time.monotonic() - self._committed > _COMMIT_SECONDS:
            self._connection.commit()
            self._committed = time.monotonic()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _not_written(self._path, error) from None


@contextmanager
def open_pieces(path: Path) -> Iterator[Pieces]:
    """The pieces in a file, which is made where it is not there. No other process has it open meanwhile.

    Raises:
        CacheError: Another run has it open, or it is no such file.
        WriteError: It cannot be written.
    """
    connection = None
    try:
        make_folder(path.parent, resumes=True)
        check_name(path)
        connection = sqlite3.connect(path, timeout=0.0, isolation_level="IMMEDIATE")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("BEGIN EXCLUSIVE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != _FORMAT:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            if version == 0 and tables:
                raise CacheError(f"{path} is a database of something else.", "Name another output.")
            for name in tables:
                connection.execute(f'DROP TABLE "{name}"')
            for statement in _TABLES.strip().split("\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_FORMAT}")
        connection.execute("DELETE FROM pieces WHERE NOT lasting")
        connection.commit()
    except (sqlite3.Error, UnicodeDecodeError, BindingError) as error:
        if connection is not None:
            connection.close()
        raise error if isinstance(error, BindingError) else _cannot_open(path, error) from None
    pieces = Pieces(connection, path)
    try:
        yield pieces
    finally:
        pieces.close()


def _cannot_open(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> CacheError | WriteError:
    code = getattr(error, "sqlite_errorname", "")
    if code == "SQLITE_BUSY":
        return CacheError(
            f"{path} is in use by another run.",
            "Wait for it to end, or name another output; a file system without locks cannot hold this file.",
            "in_use",
        )
    if isinstance(error, UnicodeDecodeError) or code in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
        return _damaged(path)
    return _not_written(path, error)


def _damaged(path: Path) -> CacheError:
    return CacheError(f"{path} is no file of pieces of this package, or is damaged.", "Remove it; it is made again.")


def _not_written(path: Path, error: sqlite3.Error) -> WriteError:
    full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
    return write_error(path, OSError(errno.ENOSPC if full else errno.EIO, str(error)), resumes=True)

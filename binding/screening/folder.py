"""The folder of a run: ``run.json``, locks, and which parts are done.

``run.json`` says what the run is; the parts say how far it is. Locks are held by the operating
system for as long as the process lives: however it ends, no lock is left behind.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Self

from filelock import FileLock, Timeout

from binding import __version__
from binding.errors import FileError, UsageError
from binding.files import check_name, make_folder, write_text
from binding.screening.parts import PartInfo, iter_infos, parts_folder, prefilter_folder
from binding.screening.plan import Shard

RUN_FILE: Final = "run.json"
FORMAT: Final = 1
_LOCKS: Final = "locks"
_PACKAGES: Final = ("torch", "numpy", "rdkit", "gemmi", "pyarrow", "duckdb")
_WORDS: Final = {
    "version": "the version of binding",
    "model": "the model",
    "domain": "the file of the model's training set",
    "receptor": "the receptor",
    "library": "the library",
    "device": "the kind of device",
    "pocket": "the pocket",
    "template": "--template",
    "compound_tag": "--compound-tag",
    "batch_size": "--batch-size",
    "part_size": "--part-size",
    "posing": "how poses are made",
    "prefilter": "--prefilter",
}


class RunFolder:
    """The folder of a run, locked for one shard of it while the ``with`` block lasts.

    Args:
        path: Folder of the run; made where it does not exist.
        shard: Which share of the run this process does; all of it if None.

    Raises:
        FileError: ``run_locked``, ``folder_taken`` (it holds something else) or ``not_writable``.
    """

    def __init__(self, path: Path, shard: Shard | None = None) -> None:
        self.path = path
        self._shard = shard or Shard()
        self._locks = ExitStack()

    def __enter__(self) -> Self:
        check_name(self.path)
        self._refuse_foreign()
        make_folder(parts_folder(self.path), resumes=True)
        make_folder(self.path / _LOCKS, resumes=True)
        with self._locks:  # released at once where the folder is taken
            self._locks.enter_context(self._lock(f"shard-{self._shard.index}-of-{self._shard.count}"))
            self._refuse_other_counts()
            self._run_lock = FileLock(self.path / _LOCKS / "run.lock")
            self._locks = self._locks.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._locks.close()

    def begin(self, decides: dict[str, Any], key: str, about: dict[str, Any], *, restart: bool = False) -> None:
        """Starts the run, or resumes it.

        Args:
            decides: Everything that decides the numbers; see ``binding.screening.key.ingredients``.
            key: Hash of ``decides``.
            about: Further entries of ``run.json``.
            restart: Drop the content of the folder, even that of another screen.

        Raises:
            UsageError: ``run_changed``: the folder holds a run with other numbers.
        """
        with self.exclusive():
            before = self.read()
            if before is not None and restart:
                self._clear()
                before = None
            if before is not None and before.get("key") != key:
                raise self._changed(before, decides)
            started = before["started"] if before is not None else now()
            kept = {name: value for name, value in (before or {}).items() if name in ("parts", "counts", "stages")}
            self._write(
                {
                    "format": FORMAT,
                    "state": "running",
                    "started": started,
                    "updated": now(),
                    "key": key,
                    "decides": decides,
                    "versions": versions(),
                    **about,
                    **kept,
                }
            )

    def read(self) -> dict[str, Any] | None:
        """``run.json``; None where there is none yet.

        Raises:
            FileError: ``wrong_format``: it is damaged.
        """
        try:
            found = json.loads((self.path / RUN_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise FileError(
                f"{self.path / RUN_FILE} cannot be read: {error}.", "Start afresh with --restart.", "wrong_format"
            ) from None
        return dict(found)

    def update(self, **changes: Any) -> None:
        """Changes entries of ``run.json``; shards of one run do so in turn."""
        with self.exclusive():
            self._write({**(self.read() or {}), **changes, "updated": now()})

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Only one shard at a time is in this block, which may be entered again inside; the others wait."""
        with self._run_lock:
            yield

    def done(self, key: str, stage: Path | None = None) -> dict[int, PartInfo]:
        """The parts that are whole and of this run, by number; of this shard's, what is not is removed.

        Args:
            key: Of the run.
            stage: Folder below that of the run whose parts are meant, made where it does not exist; the run's if None.
        """
        folder = self.path if stage is None else stage
        make_folder(parts_folder(folder), resumes=True)
        for path in parts_folder(folder).glob("part-*.partial"):  # of a process that was killed
            if self._shard.has(_number(path)):
                path.unlink(missing_ok=True)
        found: dict[int, PartInfo] = {}
        for path, info in iter_infos(folder):
            if info is not None and info.key == key:
                found[info.number] = info
            elif self._shard.has(_number(path)):  # what another machine has just written may not be seen whole yet
                path.unlink(missing_ok=True)
        return found

    # ---------------------------------------------------------------- locks and refusals

    def _refuse_foreign(self) -> None:
        """Refuses a folder that holds files of something else."""
        if self.path.exists() and not self.path.is_dir():
            raise FileError(f"{self.path} is a file.", "Name a folder for the run with -o.", "folder_taken")
        if self.path.is_dir() and not (self.path / _LOCKS).is_dir() and any(self.path.iterdir()):
            raise FileError(
                f"{self.path} is not empty and holds no run of `binding screen`.",
                "Name another folder.",
                "folder_taken",
            )

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        holder = self.path / _LOCKS / f"{name}.json"
        try:
            with FileLock(self.path / _LOCKS / f"{name}.lock", timeout=0):
                holder.write_text(json.dumps({"pid": os.getpid(), "host": platform.node(), "since": now()}))
                yield
        except Timeout:
            raise FileError(
                f"Another process works in {self.path}: {_described(holder)}.",
                "Wait for it, or end it and give the same command again.",
                "run_locked",
            ) from None

    def _refuse_other_counts(self) -> None:
        """Shards of another division of the same run would do its parts twice."""
        mine = f"-of-{self._shard.count}.lock"
        for path in sorted((self.path / _LOCKS).glob("shard-*-of-*.lock")):
            if not path.name.endswith(mine):
                with self._lock(path.stem):
                    continue

    def _changed(self, before: dict[str, Any], decides: dict[str, Any]) -> UsageError:
        old = before.get("decides", {})
        both = dict.fromkeys((*decides, *old))
        names = [_WORDS.get(name, name) for name in both if old.get(name) != decides.get(name)]
        return UsageError(
            f"{self.path} holds another screen, begun {before.get('started')}; what differs: {', '.join(names)}.",
            "Write to another folder, or start afresh in this one with --restart.",
            "run_changed",
        )

    def _clear(self) -> None:
        for folder in (parts_folder(self.path), prefilter_folder(self.path)):
            shutil.rmtree(folder, ignore_errors=True)
        parts_folder(self.path).mkdir()
        for child in self.path.iterdir():
            if child.is_file():
                child.unlink(missing_ok=True)

    def _write(self, content: dict[str, Any]) -> None:
        """Only called in ``exclusive``: whoever else left an unfinished file was killed."""
        for leftover in self.path.glob(f"{RUN_FILE}.*.partial"):
            leftover.unlink(missing_ok=True)
        write_text(self.path / RUN_FILE, json.dumps(content, indent=2) + "\n", resumes=True, shared=True)


def _number(path: Path) -> int:
    """Of a part, from its file name, finished or not."""
    return int(path.name.split("-")[1].split(".")[0])


def _described(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {who['pid']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError):
        return "it does not say which"


def now() -> str:
    """The time, UTC, to the second."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def versions() -> dict[str, str]:
    """Versions of this package and of those that numbers may depend on."""
    return {"binding": __version__, "python": sys.version.split()[0], **{name: version(name) for name in _PACKAGES}}

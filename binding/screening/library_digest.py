"""The content of a library: the hash that keys a run, and the approximate number of records."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from binding.files import file_sha256
from binding.io.files import split_suffix
from binding.io.formats import SMILES_SUFFIXES, format_of_suffix
from binding.io.spreadsheet import SPREADSHEET, read_spreadsheet
from binding.screening.columns import TABLE_SUFFIXES
from binding.screening.library import Library

_SAMPLE_BYTES: Final = 4 << 20  # of a file's beginning, from which its records are counted or extrapolated


@dataclass(frozen=True)
class Fingerprint:
    """A library by content.

    Attributes:
        sha256: Hash of the sizes and hashes of all files in order; names do not count.
        files: Number of files.
        bytes: Total size of the files.
        records: About how many records they hold; None where that is not known without reading them.
        state: Hash of names, sizes and times of change: where it is as before, nothing is read again.
    """

    sha256: str
    files: int
    bytes: int
    records: int | None
    state: str


def fingerprint(library: Library, before: Mapping[str, Any] | None = None) -> Fingerprint:
    """Reads all files of a library once.

    Args:
        library: A file of it that is missing counts as missing; its rows will say so.
        before: The entry of ``run.json`` for the library; taken as it is where no file has changed since.
    """
    paths = list(library.files())
    state = _state(paths)
    if before is not None and before.get("state") == state:
        return Fingerprint(**{name: before[name] for name in Fingerprint.__dataclass_fields__})
    digest, total = hashlib.sha256(), 0
    for path in paths:
        size = path.stat().st_size if path.is_file() else 0
        digest.update(f"{size} {file_sha256(path) if path.is_file() else 'missing'}\n".encode())
        total += size
    return Fingerprint(digest.hexdigest(), len(paths), total, library.about_records(about_records) or None, state)


def _state(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        try:
            stat = path.stat()
            digest.update(f"{os.path.abspath(path)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        except OSError:
            digest.update(f"{os.path.abspath(path)} missing\n".encode())
    return digest.hexdigest()


def about_records(path: Path) -> int | None:
    """About how many records a file holds, from its beginning; None where its kind does not tell."""
    suffix = split_suffix(path)[1]
    try:
        if suffix == ".parquet":
            return int(pq.read_metadata(path).num_rows)
        if suffix == SPREADSHEET:
            return max(len(read_spreadsheet(path).splitlines()) - 1, 1)
        if suffix in TABLE_SUFFIXES:
            blocks = _extrapolated(path, b"M  END")
            return blocks if blocks > 1 else max(_extrapolated(path, b"\n") - 1, 1)
        poses = format_of_suffix(suffix)
        mark = b"\n" if suffix in SMILES_SUFFIXES else poses.record_mark if poses is not None else None
        return None if mark is None else _extrapolated(path, mark)
    except (OSError, EOFError, zlib.error, pa.ArrowException):
        return 1  # of a file that cannot be read, one row says so


def _extrapolated(path: Path, mark: bytes) -> int:
    size = path.stat().st_size
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
        head = stream.read(_SAMPLE_BYTES)
        held = max(head.count(mark), 1)
        return held if len(head) < _SAMPLE_BYTES else max(held, round(held * size / raw.tell()))

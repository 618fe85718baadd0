"""Libraries: files, folders, globs, lists and tables to a stream of records, in an order that never changes.

Only paths are kept in memory; a file that cannot be read, or is truncated, ends in a broken record.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from binding.errors import BindingError, FileError, UsageError
from binding.io.files import decode_text, read_bytes, split_suffix
from binding.io.formats import SMILES_SUFFIXES, ligand_suffixes
from binding.io.ligand import BadRecord
from binding.io.names import one_line
from binding.io.records import split_records, text_lines
from binding.io.series import smiles_of_line
from binding.io.table import Request, read_requests
from binding.screening.columns import TABLE_SUFFIXES, Table, open_table
from binding.screening.records import Record, RecordKind


@dataclass(frozen=True)
class _LibraryFile:
    """A file of the library and what its records are called without a title."""

    path: Path
    stem: str


class Records(Protocol):
    """What a run takes its records from: a library, or a choice of it."""

    def records(self) -> Iterator[Record]:
        """All records, in an order that never changes."""
        ...


class Library:
    """The library to screen.

    Args:
        sources: Ligand files, folders, globs, lists of files (``.txt``), SMILES lists, tables (``.csv``,
            ``.tsv``, ``.parquet``) with mol blocks, SMILES, or pairs of protein and ligand.

    Raises:
        UsageError: A source is of no known kind, or a folder or glob holds no ligand file.
        FileError: A source is missing, or a table cannot be read.
        TableError: A table has none of the columns that are understood.
    """

    def __init__(self, sources: Sequence[str | Path]) -> None:
        if not sources:
            raise UsageError("The library is empty.", "Give a ligand file, a folder or a table with -l.")
        self._sources = [_open(source) for source in sources]

    @property
    def names_receptors(self) -> bool:
        """Whether each record names its own receptor."""
        return all(isinstance(source, _Pairs) for source in self._sources)

    @property
    def needs_receptor(self) -> bool:
        """Whether any record does not."""
        return not all(isinstance(source, _Pairs) for source in self._sources)

    @property
    def has_smiles(self) -> bool:
        """Whether any source holds SMILES, which need poses."""
        return any(source.has_smiles for source in self._sources)

    def files(self) -> Iterator[Path]:
        """All files that the records come from, in order; those of a list or table may be missing."""
        for source in self._sources:
            yield from source.files()

    def records(self) -> Iterator[Record]:
        """All records, in order."""
        for source in self._sources:
            yield from source.records()

    def about_records(self, held: Callable[[Path], int | None]) -> int | None:
        """About how many records there are; None where that is not known without reading them.

        Args:
            held: Says the same of one file.
        """
        counts = [source.about_records(held) for source in self._sources]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None


class _Source:
    has_smiles = False

    def files(self) -> Iterator[Path]:
        raise NotImplementedError

    def records(self) -> Iterator[Record]:
        raise NotImplementedError

    def record_files(self) -> Iterator[Path]:
        """Those of ``files`` whose records are the library's."""
        return self.files()

    def about_records(self, held: Callable[[Path], int | None]) -> int | None:
        total = 0
        for path in self.record_files():
            count = held(path)
            if count is None:
                return None
            total += count
        return total


class _Files(_Source):
    """Ligand files and SMILES lists."""

    def __init__(self, listed: Sequence[_LibraryFile], index: Path | None = None) -> None:
        self._listed = listed
        self._index = index
        self.has_smiles = any(_is_smiles(file.path) for file in listed)

    def files(self) -> Iterator[Path]:
        if self._index is not None:
            yield self._index
        for file in self._listed:
            yield file.path

    def record_files(self) -> Iterator[Path]:
        return (file.path for file in self._listed)

    def records(self) -> Iterator[Record]:
        for file in self._listed:
            yield from _of_file(file)


class _Pairs(_Source):
    """A table of pairs, or a folder of complexes: each row names a receptor."""

    def __init__(self, path: Path, requests: Sequence[Request]) -> None:
        self._path = path
        self._requests = requests

    def files(self) -> Iterator[Path]:
        yield self._path
        seen: set[Path] = set()
        for request in self._requests:
            if isinstance(request.ligand, BadRecord):  # a row that does not fit the table: what it names is a guess
                continue
            for named in (request.protein, request.ligand, request.pocket):
                if isinstance(named, Path) and named not in seen:
                    seen.add(named)
                    yield named

    def record_files(self) -> Iterator[Path]:
        return (request.ligand for request in self._requests if isinstance(request.ligand, Path))

    def about_records(self, held: Callable[[Path], int | None]) -> int | None:
        in_files = super().about_records(lru_cache(held))
        return None if in_files is None else in_files + sum(not isinstance(r.ligand, Path) for r in self._requests)

    def records(self) -> Iterator[Record]:
        for number, request in enumerate(self._requests):
            assert isinstance(request.protein, Path)
            if isinstance(request.ligand, BadRecord):
                yield self._refused(number, request, request.protein, request.ligand)
                continue
            for record in self._of_request(number, request, request.protein):
                yield replace(
                    record,
                    receptor=request.protein,
                    receptor_name=_shown(request.protein, self._path.parent),
                    pocket=request.pocket,
                )

    def _refused(self, number: int, request: Request, protein: Path, ligand: BadRecord) -> Record:
        """A broken record for a row that does not fit the table."""
        name = request.id or ligand.name
        return Record(
            name,
            name,
            os.path.abspath(self._path),
            number,
            RecordKind.BROKEN,
            name=name,
            receptor=protein,
            receptor_name=protein.name,
            error=ligand.error,
        )

    @staticmethod
    def _of_request(number: int, request: Request, protein: Path) -> Iterator[Record]:
        if isinstance(request.ligand, Path):
            stem = request.id if request.id is not None else split_suffix(request.ligand)[0]
            yield from _of_file(_LibraryFile(request.ligand, stem))
        elif isinstance(request.ligand, str):
            name = request.id or f"{split_suffix(protein)[0]}_{request.ligand.replace(':', '_')}"
            yield Record(name, name, os.path.abspath(protein), number, RecordKind.INSIDE, request.ligand, name=name)


class _TableSource(_Source):
    """A table with a column of mol blocks or of SMILES."""

    def __init__(self, path: Path, table: Table) -> None:
        self._path = path
        self._table = table
        self.has_smiles = table.kind is RecordKind.SMILES

    def files(self) -> Iterator[Path]:
        yield self._path

    def records(self) -> Iterator[Record]:
        file, stem = os.path.abspath(self._path), split_suffix(self._path)[0]
        number = 0
        try:
            for number, (name, text) in enumerate(self._table.rows(), start=1):
                title = name or f"{stem}:{number}"
                if isinstance(text, BindingError):
                    yield Record(title, stem, file, number - 1, RecordKind.BROKEN, name=title, error=text)
                else:
                    yield Record(title, stem, file, number - 1, self._table.kind, text, name=title)
        except BindingError as error:
            yield _broken(_LibraryFile(self._path, stem), number, error)


def _open(source: str | Path) -> _Source:
    """The kind of a source, from its name and, for tables, its columns."""
    path = Path(source)
    if path.is_dir():
        return _Files(_in_folder(path))
    if not path.exists() and glob.has_magic(str(source)):
        return _Files(_matching(str(source)))
    if not path.exists():
        raise FileError(f"There is no file or folder {path}.", "Check the path.", "file_not_found")
    suffix = split_suffix(path)[1]
    if suffix in TABLE_SUFFIXES:
        table = open_table(path)
        return _Pairs(path, read_requests(path)) if table is None else _TableSource(path, table)
    if suffix == ".txt":
        return _Files(_in_list(path), index=path)
    listed = _LibraryFile(path, split_suffix(path)[0])
    if suffix not in SMILES_SUFFIXES:
        next(split_records(path), None)  # a file that is named outright and is no ligand file stops the run here
    return _Files([listed])


def _in_folder(folder: Path) -> list[_LibraryFile]:
    """The ligand files below a folder, sorted by path."""
    suffixes = ligand_suffixes(in_folders=True)
    found = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        found += [Path(parent, name) for name in names if split_suffix(Path(name))[1] in suffixes]
    if not found:
        raise UsageError(
            f"There is no ligand file below {folder}.",
            f"Files are taken that end in {', '.join(suffixes)}, also .gz.",
        )
    return [_LibraryFile(path, _stem(path, folder)) for path in sorted(found)]


def _matching(pattern: str) -> list[_LibraryFile]:
    """The files that a glob finds, sorted; ``**`` goes down."""
    found = sorted(Path(name) for name in glob.iglob(pattern, recursive=True) if os.path.isfile(name))
    if not found:
        raise FileError(f"No file is like {pattern}.", "Check the pattern.", "file_not_found")
    parents = {path.parent for path in found}
    root = Path(os.path.commonpath(parents))
    return [_LibraryFile(path, _stem(path, root)) for path in found]


def _in_list(path: Path) -> list[_LibraryFile]:
    """The files that a list names, one a line, relative to the list's folder; in its order."""
    lines = decode_text(path, read_bytes(path), "A list has one file name a line, in UTF-8.").splitlines()
    names = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not names:
        raise FileError(f"{path} names no file.", "A list has one file name a line.", "empty_file")
    return [_LibraryFile(file := path.parent / Path(name).expanduser(), _stem(file, path.parent)) for name in names]


def _stem(path: Path, root: Path) -> str:
    """The path without ending, relative to the folder that was searched where it lies below."""
    name = split_suffix(path)[0]
    parent = Path(_shown(path, root)).parent
    return name if parent == Path(".") or parent.is_absolute() else (parent / name).as_posix()


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


# ---------------------------------------------------------------- files -> records


def _of_file(file: _LibraryFile) -> Iterator[Record]:
    """The records of a file; one that breaks off, or is none, ends in a broken record."""
    return _of_smiles(file) if _is_smiles(file.path) else _of_poses(file)


def _of_poses(file: _LibraryFile) -> Iterator[Record]:
    absolute = os.path.abspath(file.path)
    waiting: str | None = None
    number = 0
    error: BindingError | None = None
    texts = split_records(file.path)
    while error is None:
        try:
            text = next(texts)
        except StopIteration:
            break
        except BindingError as damage:
            error = damage
            break
        if waiting is not None:  # only now is it known that it is not the only one
            yield Record(f"{file.stem}:{number}", file.stem, absolute, number - 1, RecordKind.POSE, waiting)
        waiting, number = text, number + 1
    if waiting is not None:
        several = number > 1 or error is not None
        yield Record(
            f"{file.stem}:{number}" if several else file.stem, file.stem, absolute, number - 1, RecordKind.POSE, waiting
        )
    if error is not None:
        yield _broken(file, number, error)


def _of_smiles(file: _LibraryFile) -> Iterator[Record]:
    """The compounds of a SMILES list: SMILES, blank, name; blank lines, comments and a header are passed over."""
    absolute, number = os.path.abspath(file.path), 0
    try:
        for line in text_lines(file.path):
            smiles, name = smiles_of_line(line)
            if not smiles or smiles.startswith("#") or (not number and smiles.lower() == "smiles"):
                continue
            number += 1
            title = one_line(name) or f"{file.stem}:{number}"
            yield Record(title, file.stem, absolute, number - 1, RecordKind.SMILES, smiles, name=title)
        if not number:
            raise FileError(f"{file.path} holds no SMILES.", "One line a compound: SMILES, blank, name.", "empty_file")
    except BindingError as error:
        yield _broken(file, number, error)


def _broken(file: _LibraryFile, number: int, error: BindingError) -> Record:
    """A broken record for a file that cannot be read from record ``number`` on."""
    id_ = f"{file.stem}:{number + 1}" if number else file.stem
    return Record(id_, file.stem, os.path.abspath(file.path), number, RecordKind.BROKEN, error=error)


def _is_smiles(path: Path) -> bool:
    return split_suffix(path)[1] in SMILES_SUFFIXES

"""The rows of folders and tables of complexes: measured affinities and the files that belong to them.

A row that cannot be used is kept with its ``error``, so that callers can report what became of each row.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from rdkit import Chem

from binding.data.records import RecordFile, ligand_inside, pick_record
from binding.errors import BindingError, FileError, LigandError, TableError, UsageError
from binding.io.index import BadEntry, IndexEntry, read_index_rows
from binding.io.ligand import read_ligands
from binding.io.sequences import ChainSequence, read_sequences
from binding.io.table import find_complex_files, ligand_cell, resolve_path
from binding.units import Affinity

_NOT_MEASURED: Final = float("nan")


@dataclass(frozen=True)
class MeasuredComplex:
    """A complex with its measured affinity.

    Attributes:
        entry: As the index has it; the pK is NaN where there is none.
        protein: The protein's file, or the folder in PDBbind layout that holds protein and ligand.
        ligand: The ligand's file, the name of a ligand inside the protein's file, or None in PDBbind layout.
        error: Why the row cannot be used.
    """

    entry: IndexEntry
    protein: Path
    ligand: Path | str | None = None
    error: BindingError | None = None

    @property
    def id(self) -> str:
        return self.entry.id

    @property
    def folder(self) -> Path:
        """The complex's folder, in PDBbind layout."""
        return self.protein

    def files(self) -> tuple[Path, Path | str]:
        """The protein's file, and the ligand's file or name.

        Raises:
            BindingError: The row's ``error``, or ``file_not_found``.
        """
        if self.error is not None:
            raise self.error
        if self.ligand is None:
            return find_complex_files(self.protein)
        return self.protein, self.ligand


@dataclass(frozen=True)
class Content:
    """What was read from the files of rows.

    Attributes:
        chains: Protein chains of each ``MeasuredComplex.protein``.
        mols: The ligand of each row, by id; one conformer, heavy atoms.
        failed: Why a row could not be read, by id.
    """

    chains: dict[Path, list[ChainSequence]] = field(default_factory=dict)
    mols: dict[str, Chem.Mol] = field(default_factory=dict)
    failed: dict[str, BindingError] = field(default_factory=dict)


# ---------------------------------------------------------------- where rows come from


def dataset_rows(source: str | Path, index: str | Path | None = None) -> list[MeasuredComplex]:
    """The rows of a folder in PDBbind layout or of a table of paths, in order.

    In a folder, a complex is ``<id>/``, or ``<receptor>/`` where the index has a column ``receptor``. A table has the
    columns ``id``, ``protein`` and ``ligand``, whose relative paths start at the table's folder; ``ligand`` may name
    one inside the protein's file (``auto``, ``A:LIG:301``).

    Args:
        source: The folder or the table.
        index: Measured affinities of a folder; ``<folder>/index.csv`` where None.

    Raises:
        FileError, TableError: The folder or the index cannot be read.
        UsageError: An index beside a table.
    """
    source = Path(source)
    if source.is_dir():
        entries = _entries(Path(index) if index is not None else source / "index.csv")
        return [MeasuredComplex(entry, _complex_folder(source, entry), None, error) for entry, error in entries]
    if not source.is_file():
        raise FileError(f"There is no folder or table {source}.", "Check the path.", "file_not_found")
    if index is not None:
        raise UsageError(f"{source} is a table and holds the affinities itself.", "Leave out the index.")
    return [_table_row(source, entry, error) for entry, error in _entries(source, required=("protein", "ligand"))]


def _table_row(table: Path, entry: IndexEntry, error: BindingError | None) -> MeasuredComplex:
    cells = entry.extra
    if error is None and cells.get("pocket"):
        raise TableError(
            f"{table.name} chooses a pocket for {entry.id!r}, which training cannot follow.",
            "Remove the column pocket; --pocket-cutoff says how much of the protein is kept around each ligand.",
        )
    blank = next((name for name in ("protein", "ligand") if not cells[name]), None)
    if blank and error is None:
        error = TableError(f"{table.name}: {entry.id!r} names no {blank}.", "Fill the cell in.", "bad_row")
    return MeasuredComplex(
        entry, resolve_path(table.parent, cells["protein"]), ligand_cell(table.parent, cells["ligand"]), error
    )


def library_rows(protein: str | Path, ligands: Sequence[str | Path], index: str | Path) -> list[MeasuredComplex]:
    """The rows of one protein with its ligands: those of the index, then the records that it does not name.

    Args:
        protein: Structure file.
        ligands: Files of posed ligands, whose record titles are the index's ids.
        index: Measured affinities.

    Raises:
        FileError, TableError: A file or the index cannot be read.
    """
    protein, files = Path(protein), [RecordFile(path) for path in map(Path, ligands)]
    if not protein.is_file():
        raise FileError(f"There is no protein file {protein}.", "Check the path.", "file_not_found")
    homes: dict[str, list[Path]] = {}
    for file in files:
        for title in file.titles:
            homes.setdefault(title, []).append(file.path)
    damaged = next((file for file in files if file.damage is not None), files[0])
    rows = []
    for entry, error in _entries(Path(index)):
        found = homes.pop(entry.id, [damaged.path])  # the file then says that it has no such record, or is damaged
        if len(found) > 1 and error is None:
            error = LigandError(
                f"{entry.id} is the title of records in {len(found)} files.", "Titles must differ.", "several_ligands"
            )
        rows.append(MeasuredComplex(entry, protein, found[0], error))
    for title, found in homes.items():
        error = TableError(
            f"The record {title} of {found[0].name} has no row in {Path(index).name}.",
            "Add its affinity under this id, or leave the record out.",
            "no_affinity",
        )
        rows.append(MeasuredComplex(IndexEntry(title, Affinity(_NOT_MEASURED)), protein, found[0], error))
    return rows


def read_complexes(sources: Sequence[str | Path], indexes: Sequence[str | Path] | None = None) -> list[MeasuredComplex]:
    """The rows of several folders or tables together, one for each id.

    Args:
        sources: As for ``dataset_rows``.
        indexes: One a folder; ``<folder>/index.csv`` where None.

    Raises:
        FileError, TableError: A folder or index cannot be read, or an id is in two of them.
    """
    rows: dict[str, MeasuredComplex] = {}
    for place, source in enumerate(sources):
        own: dict[str, MeasuredComplex] = {}
        for row in dataset_rows(source, indexes[place] if indexes else None):
            if row.id not in own or own[row.id].error is not None:
                own[row.id] = row
        twice = next((name for name in own if name in rows), None)
        if twice is not None:
            raise TableError(
                f"The id {twice!r} is in more than one index.",
                "Ids must differ between the folders that are split together.",
            )
        rows |= own
    return list(rows.values())


def _entries(path: Path, required: tuple[str, ...] = ()) -> list[tuple[IndexEntry, BindingError | None]]:
    """Each row of an index with the reason why it cannot be used, if there is one."""
    lines = read_index_rows(path, required)
    by_id: dict[str, list[int]] = {}
    for place, (_, row) in enumerate(lines):
        by_id.setdefault(row.id, []).append(place)
    found: list[tuple[IndexEntry, BindingError | None]] = []
    for place, (line, row) in enumerate(lines):
        if isinstance(row, BadEntry):
            found.append((IndexEntry(row.id or f"line {line}", Affinity(_NOT_MEASURED), row.extra), row.error))
            continue
        same = by_id[row.id]
        error: BindingError | None = None
        if len(same) > 1 and (place != same[0] or any(lines[other][1] != row for other in same)):
            error = TableError(
                f"{path.name}: the id {row.id!r} is on lines {', '.join(str(lines[other][0]) for other in same)}.",
                "The first of equal rows is used; where they differ, none is: give each complex an id of its own.",
                "duplicate_id",
            )
        found.append((row, error))
    return found


def _complex_folder(folder: Path, entry: IndexEntry) -> Path:
    named = entry.extra.get("protein") or entry.id
    # A column "protein" may hold the protein's name instead of its folder.
    # os.path: a name that no file system can hold is no folder, and no error.
    if named != entry.id and not os.path.isdir(folder / named) and os.path.isdir(folder / entry.id):
        return folder / entry.id
    return folder / named


# ---------------------------------------------------------------- what their files hold


def read_content(
    rows: Iterable[MeasuredComplex],
    *,
    proteins: bool,
    ligands: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Content:
    """Reads the structure files of rows, each file once.

    Args:
        rows: The rows to read.
        proteins: Whether the sequences are needed.
        ligands: Whether the molecules are needed.
        progress: Called with the numbers of rows done and to do.

    Returns:
        What was read; a row that lacks something that is needed is under ``failed``.
    """
    content = Content()
    by_protein: dict[Path, list[MeasuredComplex]] = {}
    for row in rows:
        by_protein.setdefault(row.protein, []).append(row)
    done, total = 0, sum(map(len, by_protein.values()))
    for protein, group in by_protein.items():
        usable: dict[Path | str, list[MeasuredComplex]] = {}
        try:
            for row in group:
                path, ligand = replace(row, error=None).files()
                usable.setdefault(ligand, []).append(row)
            if proteins:
                content.chains[protein] = read_sequences(path)
            if ligands:
                for ligand, some in usable.items():
                    _read_molecules(some, path, ligand, content)
        except BindingError as error:
            content.failed.update((row.id, error) for row in group)
        content.failed.update((row.id, row.error) for row in group if row.error is not None)
        done += len(group)
        if progress is not None:
            progress(done, total)
    return content


def _read_molecules(group: list[MeasuredComplex], protein: Path, ligand: Path | str, content: Content) -> None:
    if isinstance(ligand, str):
        mol = ligand_inside(protein, ligand)[1].mol
        content.mols.update((row.id, mol) for row in group)
        return
    records = list(read_ligands(ligand))
    for row in group:
        try:
            content.mols[row.id] = pick_record(row.id, records, alone=len(group) == 1).mol
        except BindingError as error:
            content.failed[row.id] = error

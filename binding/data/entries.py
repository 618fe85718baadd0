"""The rows of folders of complexes, with the sequences of their proteins and their ligands as molecules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rdkit import Chem

from binding.data.prepare import pick_record
from binding.errors import BindingError, FileError, TableError
from binding.io.index import IndexEntry, read_index
from binding.io.ligand import read_ligands
from binding.io.sequences import ChainSequence, read_sequences
from binding.io.table import find_complex_files


@dataclass(frozen=True)
class Row:
    """A complex with its measured affinity.

    Attributes:
        entry: As the index has it.
        folder: Of its files; rows that share a protein file share it.
    """

    entry: IndexEntry
    folder: Path

    @property
    def id(self) -> str:
        return self.entry.id


@dataclass(frozen=True)
class Content:
    """What was read from the files of rows.

    Attributes:
        chains: Of the protein in each folder.
        mols: The ligand of each row, by id; one conformer, heavy atoms.
        failed: Why a row could not be read, by id.
    """

    chains: dict[Path, list[ChainSequence]] = field(default_factory=dict)
    mols: dict[str, Chem.Mol] = field(default_factory=dict)
    failed: dict[str, BindingError] = field(default_factory=dict)


def read_rows(folders: Sequence[str | Path], indexes: Sequence[str | Path] | None = None) -> list[Row]:
    """The rows of the folders' indexes, in order.

    Args:
        folders: In the layout that ``binding prepare`` reads.
        indexes: One a folder; ``<folder>/index.csv`` where None.

    Raises:
        FileError, TableError: A folder or index cannot be read, or an id is in two of them.
    """
    rows: dict[str, Row] = {}
    for place, folder in enumerate(map(Path, folders)):
        if not folder.is_dir():
            raise FileError(f"the folder {folder} does not exist", "check the path", "file_not_found")
        for entry in read_index(indexes[place] if indexes else folder / "index.csv"):
            if entry.id in rows:
                raise TableError(
                    f"the id {entry.id!r} is in more than one index",
                    "ids must differ between the folders that are split together",
                )
            rows[entry.id] = Row(entry, folder / entry.extra.get("protein", entry.id))
    return list(rows.values())


def read_content(
    rows: Iterable[Row],
    *,
    proteins: bool,
    ligands: bool,
    progress: Callable[[int, int], None] | None = None,
) -> Content:
    """Reads the structure files of rows, each file once.

    Args:
        rows: Which.
        proteins: Whether the sequences are needed.
        ligands: Whether the molecules are needed.
        progress: Called with the numbers of rows done and to do.

    Returns:
        What was read; a row that lacks something that is needed is under ``failed``.
    """
    content = Content()
    by_folder: dict[Path, list[Row]] = {}
    for row in rows:
        by_folder.setdefault(row.folder, []).append(row)
    done, total = 0, sum(map(len, by_folder.values()))
    for folder, group in by_folder.items():
        try:
            protein_path, ligand_path = find_complex_files(folder)
            if proteins:
                content.chains[folder] = read_sequences(protein_path)
            if ligands:
                _read_molecules(group, ligand_path, content)
        except BindingError as error:
            content.failed.update((row.id, error) for row in group)
        done += len(group)
        if progress is not None:
            progress(done, total)
    return content


def _read_molecules(group: list[Row], path: Path, content: Content) -> None:
    records = list(read_ligands(path))
    named = {record.name: record for record in records}
    for row in group:
        try:
            content.mols[row.id] = pick_record(row.entry, records, named, alone=len(group) == 1).mol
        except BindingError as error:
            content.failed[row.id] = error

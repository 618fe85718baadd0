"""Which record of a ligand file belongs to a row."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from binding.errors import FileError, LigandError
from binding.io.ligand import BadRecord, record_name
from binding.io.records import split_records
from binding.io.structure import read_complex
from binding.structures import Ligand, Protein


@dataclass(frozen=True)
class LigandRecord:
    """One record of a ligand file, as text.

    Attributes:
        path: The file.
        index: 0-based place in it.
        text: As in the file.
    """

    path: Path
    index: int
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class RecordFile:
    """The records of a ligand file by title, not parsed.

    A file that breaks off has the records before the damage.

    Args:
        path: SDF, MOL2, PDB or PDBQT, also gzipped.

    Raises:
        FileError: Missing, empty or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: FileError | None = None
        self._records: dict[str, list[LigandRecord]] = {}
        index = 0
        try:
            for index, text in enumerate(split_records(path), start=1):
                record = LigandRecord(path, index - 1, text)
                self._records.setdefault(record_name(text, path, index - 1), []).append(record)
        except FileError as error:
            if not index:
                raise
            self.damage = error

    @property
    def titles(self) -> list[str]:
        """The titles of the records, each once, in file order."""
        return list(self._records)

    def pick(self, title: str) -> LigandRecord:
        """The record of a title.

        Raises:
            LigandError: ``ligand_not_found`` or ``several_ligands``.
            FileError: It is not there, and the file is damaged.
        """
        found = self._records.get(title, [])
        if len(found) == 1:
            return found[0]
        if not found and self.damage is not None:
            raise self.damage
        raise _not_one(title, len(found), str(self.path))


def pick_record(title: str, records: Sequence[Ligand | BadRecord], *, alone: bool) -> Ligand:
    """The ligand of a row: the only record where the file is one row's own, else the one with its title.

    Args:
        title: The row's id.
        records: The records of the file.
        alone: Whether no other row takes its ligand from the file.

    Raises:
        LigandError: ``ligand_not_found``, ``several_ligands``, or why the record cannot be used.
    """
    found = list(records) if alone and len(records) == 1 else [r for r in records if r.name == title]
    if len(found) != 1:
        raise _not_one(title, len(found), "the ligand file")
    if isinstance(found[0], BadRecord):
        raise found[0].error
    return found[0]


def ligand_inside(path: Path, choice: str) -> tuple[Protein, Ligand]:
    """A protein and the one ligand inside its file that a name stands for.

    Raises:
        BindingError: As for ``read_complex``; ``several_ligands`` where the name stands for more than one.
    """
    protein, ligands = read_complex(path, choice)
    if len(ligands) != 1:
        raise LigandError(
            f"{choice} stands for {len(ligands)} ligands of {path}.", "Name one, such as A:LIG:301.", "several_ligands"
        )
    return protein, ligands[0]


def _not_one(title: str, count: int, where: str) -> LigandError:
    if not count:
        hint = "Record titles must match the index's ids."
        return LigandError(f"No record of {where} is titled {title}.", hint, "ligand_not_found")
    return LigandError(f"{count} records of {where} are titled {title}.", "Titles must differ.", "several_ligands")

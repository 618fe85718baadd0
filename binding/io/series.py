"""Series of compounds by structure alone: SMILES lists, tables with a column of SMILES, SDF with or without poses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rdkit import Chem, rdBase

from binding.errors import BindingError, FileError, LigandError, TableError
from binding.io.files import decode_text, read_bytes, split_suffix
from binding.io.formats import (
    SMILES_SUFFIXES,
    TEXT_TABLE_SUFFIXES,
    format_of_record,
    format_of_suffix,
    ligand_suffixes,
)
from binding.io.ligand import BadRecord, check_bonds, parse_record
from binding.io.names import one_line
from binding.io.records import split_records
from binding.io.repair import charge_coordination_bonds
from binding.io.rows import read_rows
from binding.io.sdf import SdfFormat

_EXTENSION: Final = re.compile(r"\|[^|]*\|(?= |$)")
_NAME_COLUMNS: Final = ("id", "ligand", "ligand_id", "compound", "compound_id", "title")
_SMILES_COLUMNS: Final = {
    f"{kind}{gap}smiles": "smiles" for kind in ("canonical", "isomeric", "ligand", "rdkit") for gap in ("_", " ", "")
}
_HINT: Final = "Check its brackets and ring closures; a line of a list is SMILES, blank, name."


@dataclass(frozen=True, eq=False)
class Compound:
    """A molecule without a pose.

    Attributes:
        name: As given; else file stem and record number.
        mol: Sanitized, heavy atoms only, one fragment, stereo tags set where the source tells them.
        notes: What was decided, one sentence each.
        properties: The record's SD tags, or the row's other columns.
    """

    name: str
    mol: Chem.Mol
    notes: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Listed:
    """What a line or row says of a compound, and why it cannot be used where it does not fit the table."""

    smiles: str
    name: str
    properties: dict[str, str] = field(default_factory=dict)
    error: TableError | None = None


def read_series(path: str | Path) -> Iterator[Compound | BadRecord]:
    """Read every compound of a file, in order.

    Args:
        path: ``.smi`` (SMILES, perhaps a CXSMILES extension, name), a table with a column ``smiles`` and optionally
            ``id`` (``.csv``, ``.tsv``, ``.txt``), or a ligand file of any format; also gzipped. SDF may be a drawing
            in 2D.

    Yields:
        A ``Compound`` for each record that can be read, a ``BadRecord`` for each that cannot.

    Raises:
        FileError: Missing, empty or of another format.
        TableError: A table without the column, or without rows.
    """
    path = Path(path)
    stem, suffix = split_suffix(path)
    if suffix in SMILES_SUFFIXES:
        return _from_smiles(_smiles_lines(path), stem)
    if suffix in TEXT_TABLE_SUFFIXES:
        return _from_smiles(_table_rows(path), stem)
    if format_of_suffix(suffix) is not None:
        return _from_records(path)
    raise FileError(
        f"{path.name} has no ending of a series of compounds.",
        f"Use one of {', '.join((*SMILES_SUFFIXES, *TEXT_TABLE_SUFFIXES, *ligand_suffixes()))}.",
        "wrong_format",
    )


def compounds_from(items: Sequence[str | Chem.Mol]) -> Iterator[Compound | BadRecord]:
    """Compounds of SMILES and molecules in memory, named by title or by number.

    Args:
        items: SMILES, each perhaps with a name after a blank, or sanitized molecules whose conformers are not used.
    """
    for index, item in enumerate(items):
        if isinstance(item, str):
            smiles, title = smiles_of_line(item)
        else:
            smiles, title = "", item.GetProp("_Name") if item.HasProp("_Name") else ""
        name = one_line(title) or f"compound_{index + 1}"
        try:
            yield _compound(_parse_smiles(smiles, name) if isinstance(item, str) else item, name, (), {})
        except BindingError as error:
            yield BadRecord(name, index, error)


def _text(path: Path) -> str:
    return decode_text(path, read_bytes(path))


def smiles_of_line(line: str) -> tuple[str, str]:
    """The SMILES of a line of a list, with its CXSMILES extension (``|...|``) where it has one, and the name.

    Args:
        line: SMILES, blank, name; between them perhaps the extension.
    """
    smiles, _, rest = line.strip().replace("\t", " ").partition(" ")
    extension = _EXTENSION.match(rest.lstrip())
    if extension is None:
        return smiles, rest.strip()
    return f"{smiles} {extension.group().strip()}", rest.lstrip()[extension.end() :].strip()


def _smiles_lines(path: Path) -> list[_Listed]:
    """The compound of each line; blank lines, comments and a header are passed over."""
    found: list[_Listed] = []
    for line in _text(path).splitlines():
        smiles, name = smiles_of_line(line)
        if smiles and not smiles.startswith("#") and not (not found and smiles.lower() == "smiles"):
            found.append(_Listed(smiles, name))
    if not found:
        raise FileError(f"{path} holds no SMILES.", "One line a compound: SMILES, blank, name.", "empty_file")
    return found


def _table_rows(path: Path) -> list[_Listed]:
    """The compound of each row."""
    rows = read_rows(path, ("smiles",), aliases=_SMILES_COLUMNS)
    column = next((name for name in _NAME_COLUMNS if name in rows[0].cells), "")
    return [
        _Listed(
            row.cells["smiles"],
            row.cells.get(column, ""),
            {name: text for name, text in row.cells.items() if name not in ("smiles", column)},
            row.error,
        )
        for row in rows
    ]


def _from_smiles(rows: list[_Listed], stem: str) -> Iterator[Compound | BadRecord]:
    for index, row in enumerate(rows):
        name = one_line(row.name) or f"{stem}_{index + 1}"
        try:
            if row.error is not None:
                raise row.error
            yield compound_from_smiles(row.smiles, name, row.properties)
        except BindingError as error:
            yield BadRecord(name, index, error)


def compound_from_smiles(smiles: str, name: str, properties: dict[str, str] | None = None) -> Compound:
    """The compound of one SMILES, salts dropped.

    Args:
        smiles: One structure.
        name: The compound's.
        properties: To carry along.

    Raises:
        LigandError: ``bad_smiles``, ``sanitization_failed``, ``unknown_element`` or ``no_atoms``.
    """
    return _compound(_parse_smiles(smiles, name), name, (), properties or {})


def _parse_smiles(smiles: str, name: str) -> Chem.Mol:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None and " |" in smiles:  # an extension that cannot be read says nothing about atoms and bonds
            smiles = smiles.partition(" ")[0]
            mol = Chem.MolFromSmiles(smiles)
        if mol is not None:
            _refuse_radicals(mol, smiles, name)
            return mol
        raw = Chem.MolFromSmiles(smiles, sanitize=False)
    if raw is None:
        raise LigandError(f"{smiles!r} of {name} is no SMILES.", _HINT, "bad_smiles")
    problems = [problem.Message() for problem in Chem.DetectChemistryProblems(raw)]
    raise LigandError(
        f"The SMILES of {name} has no valid structure: {'; '.join(problems)}.",
        "Check charges and aromatic nitrogens ([nH]).",
        "sanitization_failed",
    )


def _refuse_radicals(mol: Chem.Mol, smiles: str, name: str) -> None:
    """Refuse what RDKit reads as carbons without hydrogens: SELFIES, SMARTS, brackets that were put about all atoms."""
    bare = [a for a in mol.GetAtoms() if a.GetAtomicNum() == 6 and a.GetNumRadicalElectrons()]
    if len(bare) > 1 or any(atom.GetNumRadicalElectrons() > 1 for atom in bare):
        raise LigandError(
            f"{smiles!r} of {name} leaves {len(bare)} carbon{'s' if len(bare) > 1 else ''} without hydrogens.",
            "In brackets hydrogens are written: [CH3][OH]. A SELFIES or SMARTS is no SMILES.",
            "bad_smiles",
        )


def _from_records(path: Path) -> Iterator[Compound | BadRecord]:
    for index, text in enumerate(split_records(path)):
        record = parse_record(text, path, index)
        try:
            if not isinstance(record, BadRecord):
                yield _compound(record.mol, record.name, record.notes, record.properties)
            elif record.error.code == "no_coordinates" and isinstance(format_of_record(text, path), SdfFormat):
                yield _compound(_parse_drawing(text, record.name), record.name, (), {})
            else:
                yield record
        except BindingError as error:
            yield BadRecord(record.name, index, error)


def _parse_drawing(text: str, name: str) -> Chem.Mol:
    """A mol block in 2D, stereo from its wedges."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromMolBlock(text)
    if mol is None:
        raise LigandError(f"Ligand {name} has no valid structure.", "Check its charges.", "sanitization_failed")
    return mol


def _compound(mol: Chem.Mol, name: str, notes: tuple[str, ...], properties: dict[str, str]) -> Compound:
    """Checked, without salts, hydrogens and conformers."""
    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    if 0 in numbers:
        raise LigandError(
            f"Ligand {name} has atoms of no known element.", "Replace attachment points (*).", "unknown_element"
        )
    if not any(number > 1 for number in numbers):
        raise LigandError(f"Ligand {name} has no heavy atoms.", "Check the record.", "no_atoms")
    check_bonds(mol, name)
    repairs: list[str] = []
    with rdBase.BlockLogs():
        work = Chem.RWMol(mol)
        charge_coordination_bonds(work, repairs)
        if repairs:
            mol, notes = work.GetMol(), (*notes, *repairs)
            Chem.SanitizeMol(mol)
        mol = Chem.RemoveHs(mol)
        fragments = Chem.GetMolFrags(mol, asMols=True)
    if len(fragments) > 1:
        largest = max(fragments, key=_organic_size)
        rest = [Chem.MolToSmiles(fragment) for fragment in fragments if fragment is not largest]
        notes = (*notes, f"dropped {len(rest)} further fragment{'s' if len(rest) > 1 else ''} ({'.'.join(rest)[:40]})")
        mol = largest
    mol = Chem.Mol(mol)
    mol.RemoveAllConformers()
    return Compound(name, mol, notes, dict(properties))


def _organic_size(mol: Chem.Mol) -> tuple[bool, int]:
    return any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms()), mol.GetNumHeavyAtoms()

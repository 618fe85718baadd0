"""Ligand files to ``Ligand`` objects: one item a record, in order, a failure where one cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase

from binding.constants import FARTHEST
from binding.errors import BindingError, FileError, LigandError
from binding.graph.checks import MOST_ATOMS
from binding.graph.molecule import atomic_numbers, atoms_of, bonds_of
from binding.io.files import split_suffix
from binding.io.formats import LigandFormat, format_of_record
from binding.io.names import one_line
from binding.io.perceive import SAME_SPOT
from binding.io.records import split_records
from binding.io.repair import sanitize
from binding.io.tautomer import canonical_hydrogens
from binding.io.template import apply_template
from binding.structures import Ligand

__all__ = ["BadRecord", "parse_record", "prepare_ligand", "read_ligands", "split_records"]


_THREE_BONDED_NITROGEN = Chem.MolFromSmarts("[#7D3]")
_FLAT = 1e-3  # Å; a pose that lies in one plane of the axes has one in common with a drawing: it is one, or was moved
_FEWEST_FLAT = 8  # heavy atoms that all lie in such a plane in a drawing alone, whatever the file says
_REMOVE_ALL = Chem.RemoveHsParameters()
for _switch in ("showWarnings", *(name for name in dir(_REMOVE_ALL) if name.startswith("remove"))):
    setattr(_REMOVE_ALL, _switch, _switch != "showWarnings")


@dataclass(frozen=True)
class BadRecord:
    """A record that could not be read.

    Attributes:
        name: Its title, or file stem and record number.
        index: Place in the file, from 0.
        error: Why, with code and hint.
    """

    name: str
    index: int
    error: BindingError


def read_ligands(path: str | Path, *, template: Chem.Mol | str | None = None) -> Iterator[Ligand | BadRecord]:
    """Read every record of a ligand file, in order, streaming.

    Args:
        path: SDF, MOL2 (one or many records), PDB or PDBQT (one or many models); also gzipped.
        template: SMILES or molecule that gives the bond orders; needed for certainty where the file
            has none (PDB, PDBQT without SMILES remarks).

    Yields:
        A ``Ligand`` for each record that can be read, a ``BadRecord`` for each that cannot.

    Raises:
        FileError: Missing, empty, damaged before the first record, or of another format.
    """
    path = Path(path)
    index = 0
    try:
        for index, text in enumerate(split_records(path), start=1):
            yield parse_record(text, path, index - 1, template=template)
    except FileError as error:
        if not index:
            raise
        yield BadRecord(f"{split_suffix(path)[0]}_{index + 1}", index, error)


def parse_record(
    text: str, path: str | Path, index: int, *, template: Chem.Mol | str | None = None
) -> Ligand | BadRecord:
    """Read one record's text, as ``split_records`` gives it.

    Args:
        text: The record; its format is recognised from the text.
        path: The file it comes from; its stem names a record without title.
        index: Place in the file, from 0.
        template: As for ``read_ligands``.
    """
    found = format_of_record(text, path)
    name = _record_name(found, text, path, index)
    try:
        if not text.strip():
            raise LigandError(f"Record {index + 1} of {path} is empty.", "Remove it.", "bad_record")
        with rdBase.BlockLogs():
            mol, notes = found.read(text, name)
            if template is not None:
                mol = apply_template(mol, template, name)
                notes = [note for note in notes if "perceived" not in note]
        return prepare_ligand(mol, name, notes=notes, properties=found.tags(text))
    except BindingError as error:
        return BadRecord(name, index, error)


def record_name(text: str, path: str | Path, index: int) -> str:
    """The title of a record, or the file's stem and the record's number where it has none.

    Args:
        text: As ``split_records`` gives it.
        path: The file it comes from.
        index: Place in the file, from 0.
    """
    return _record_name(format_of_record(text, path), text, path, index)


def _record_name(found: LigandFormat, text: str, path: str | Path, index: int) -> str:
    title = one_line(found.title(text))
    return title if title not in ("", "*****") else f"{split_suffix(Path(path))[0]}_{index + 1}"


def prepare_ligand(
    mol: Chem.Mol, name: str, *, notes: Sequence[str] = (), properties: dict[str, str] | None = None
) -> Ligand:
    """Sanitize with certain repairs, check the coordinates, drop counter-ions and hydrogens, set stereo from 3D.

    Args:
        mol: With one 3D conformer, Å; need not be sanitized.
        name: Title; must not be empty.
        notes: What was decided before.
        properties: SD tags to carry along.

    Raises:
        LigandError: ``no_atoms``, ``unknown_element``, ``bad_record`` (a bond of no known order), ``no_coordinates``,
            ``nan_coordinates``, ``too_large`` or ``sanitization_failed``.
    """
    numbers = _check_atoms(mol, name)
    hydrogen_bonds = check_bonds(mol, name)
    with rdBase.BlockLogs():
        work = Chem.RWMol(mol)
        for ends in hydrogen_bonds:
            work.RemoveBond(*ends)
        work, kept_notes = _largest_fragment(work, name)
        if work.GetNumAtoms() < len(numbers):
            numbers = atomic_numbers(work)
        _check_coordinates(work, name, numbers)
        repairs = sanitize(work, name)
        heavy = _without_hydrogens(work, name) if 1 in numbers else work
        repairs += canonical_hydrogens(heavy)
        _stereo_from_positions(heavy)
        heavy = heavy.GetMol()
    heavy.SetProp("_Name", name)
    return Ligand(
        name=name,
        mol=heavy,
        positions=np.array(heavy.GetConformer().GetPositions(), dtype=np.float64),
        notes=(*notes, *kept_notes, *repairs),
        properties=dict(properties or {}),
    )


def _check_atoms(mol: Chem.Mol, name: str) -> list[int]:
    """The element of each atom, all of them known."""
    atoms = atoms_of(mol)
    numbers = [atom.GetAtomicNum() for atom in atoms]
    if not any(number > 1 for number in numbers):
        if 0 not in numbers:
            raise LigandError(f"Ligand {name} has no heavy atoms.", "Check the record.", "no_atoms")
    if 0 in numbers or mol.HasQuery():
        unknown = [atom for atom, number in zip(atoms, numbers, strict=True) if number == 0 or atom.HasQuery()]
    else:
        unknown = []
    if unknown:
        atom = unknown[0]
        label = atom.GetProp("dummyLabel") if atom.HasProp("dummyLabel") else atom.GetSymbol()
        raise LigandError(
            f"Ligand {name} has {len(unknown)} atom(s) of no known element, first {label!r} (no. {atom.GetIdx() + 1}).",
            "Replace dummy atoms and attachment points with real atoms.",
            "unknown_element",
        )
    return numbers


def check_bonds(mol: Chem.Mol, name: str) -> list[tuple[int, int]]:
    """Refuse bonds of which a file does not say what they are: types 0 and 5 to 8 of a mol block.

    Returns:
        The ends of hydrogen bonds (type 10), which join no atoms.

    Raises:
        LigandError: ``bad_record``.
    """
    # A query of a bond in a ring or in a chain may have a known order. Of no order are those that are unspecified, and
    # others; to ask for the type itself takes several times as long.
    bonds = [bond for bond in bonds_of(mol) if not bond.GetBondTypeAsDouble()]
    unknown = [bond for bond in bonds if bond.GetBondType() == Chem.BondType.UNSPECIFIED]
    if unknown:
        ends = f"{unknown[0].GetBeginAtomIdx() + 1} and {unknown[0].GetEndAtomIdx() + 1}"
        raise LigandError(
            f"Ligand {name} has {len(unknown)} bond(s) of no known order, first between atoms {ends}.",
            "Write single, double, triple or aromatic bonds.",
            "bad_record",
        )
    return [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in bonds if b.GetBondType() == Chem.BondType.HYDROGEN]


def _check_coordinates(mol: Chem.Mol, name: str, numbers: list[int]) -> None:
    if mol.GetNumConformers() == 0:
        raise LigandError(
            f"Ligand {name} has no coordinates.", "Give a 3D pose in the protein's frame.", "no_coordinates"
        )
    positions = mol.GetConformer().GetPositions()
    if not (np.abs(positions) < FARTHEST).all():  # nan is not less either
        raise LigandError(
            f"Ligand {name} has coordinates that are not numbers.", "Mend or remove the record.", "nan_coordinates"
        )
    heavy = positions[np.array(numbers) > 1]
    flat = len(positions) > 1 and np.ptp(positions, axis=0).min() < _FLAT
    flat = flat and (len(heavy) >= _FEWEST_FLAT or not mol.GetConformer().Is3D())
    piled = len(heavy) > 1 and (np.ptp(heavy, axis=0) < SAME_SPOT).all()
    if flat or piled or not positions.any():
        what = "a 2D drawing" if flat and not piled else "no pose: all atoms are in one place"
        raise LigandError(f"Ligand {name} is {what}.", "Give a 3D pose in the protein's frame.", "no_coordinates")


def _largest_fragment(mol: Chem.RWMol, name: str) -> tuple[Chem.RWMol, list[str]]:
    """The fragment with most heavy atoms (organic before inorganic, the first of equals) and a note on the rest.

    Raises:
        LigandError: ``too_large``: so many atoms are a protein in pieces, of which none is the ligand.
    """
    fragments = Chem.GetMolFrags(mol)
    if len(fragments) == 1:
        return mol, []
    if mol.GetNumHeavyAtoms() > MOST_ATOMS:
        raise LigandError(
            f"Ligand {name} has {mol.GetNumHeavyAtoms()} heavy atoms in {len(fragments)} pieces: this seems to be a "
            "protein.",
            "Give the ligand alone, in a record of its own.",
            "too_large",
        )

    def size(atoms: tuple[int, ...]) -> tuple[bool, int]:
        numbers = [mol.GetAtomWithIdx(index).GetAtomicNum() for index in atoms]
        return 6 in numbers, sum(number > 1 for number in numbers)

    best = max(fragments, key=size)
    dropped = [atoms for atoms in fragments if atoms is not best and size(atoms)[1]]
    keep = set(best)
    symbols = ["".join(mol.GetAtomWithIdx(i).GetSymbol() for i in atoms if mol.GetAtomWithIdx(i).GetAtomicNum() > 1)
               for atoms in dropped]  # fmt: skip
    mol.BeginBatchEdit()
    for index in range(mol.GetNumAtoms()):
        if index not in keep:
            mol.RemoveAtom(index)
    mol.CommitBatchEdit()
    if not dropped:
        return mol, []
    listed = ", ".join(symbols[:4]) + (", ..." if len(symbols) > 4 else "")
    return mol, [f"dropped {len(dropped)} further fragment{'s' if len(dropped) > 1 else ''} of the record ({listed})"]


def _without_hydrogens(mol: Chem.RWMol, name: str) -> Chem.RWMol:
    """The heavy atoms of a sanitized molecule, sanitized."""
    try:
        return Chem.RWMol(Chem.RemoveHs(mol, _REMOVE_ALL, sanitize=True))
    except Chem.MolSanitizeException as error:
        raise LigandError(
            f"Ligand {name} without its hydrogens is no molecule: {error}.",
            "Check the record's bonds.",
            "sanitization_failed",
        ) from None


def _stereo_from_positions(mol: Chem.RWMol) -> None:
    """Stereo tags from the pose alone; none on nitrogen that inverts."""
    none = Chem.BondDir.NONE
    for bond in bonds_of(mol):
        bond.SetBondDir(none)
    Chem.AssignStereochemistryFrom3D(mol)
    inverting = [
        atom
        for atom in (mol.GetAtomWithIdx(index) for (index,) in mol.GetSubstructMatches(_THREE_BONDED_NITROGEN))
        if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED
    ]
    for atom in inverting:
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    if inverting:
        Chem.AssignStereochemistry(mol, cleanIt=True, force=True)

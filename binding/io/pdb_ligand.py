"""Ligands in PDB and PDBQT records: bond orders from the file's SMILES remarks, or perceived from the pose."""

from __future__ import annotations

import math
import re

from rdkit import Chem
from rdkit.Geometry import Point3D

from binding.errors import LigandError
from binding.io.perceive import perceive_bonds
from binding.io.vocabulary import AUTODOCK_TYPES

_TABLE = Chem.GetPeriodicTable()
_MOST_ATOMS = 1000  # heavy atoms; well above the 300 that are scored, so that a large ligand still gets its row


def mol_from_pdb(text: str, name: str) -> tuple[Chem.Mol, list[str]]:
    """Unsanitized molecule of one model of a PDB or PDBQT file.

    Args:
        text: The model's lines with the remarks before it.
        name: For messages.

    Raises:
        LigandError: ``bad_record``, ``no_atoms``, ``too_large``, ``unknown_element`` or ``nan_coordinates``.
    """
    lines = text.split("\n")
    docked = any(line.startswith(("ROOT", "TORSDOF", "REMARK SMILES")) for line in lines)
    atoms = [_atom(line, name, docked=docked) for line in lines if line.startswith(("ATOM  ", "HETATM"))]
    atoms = [atom for atom in atoms if atom[1]]
    if not any(symbol != "H" for _, symbol, _ in atoms):
        raise LigandError(f"Ligand {name} has no heavy atoms.", "Check the record.", "no_atoms")
    count = sum(symbol != "H" for _, symbol, _ in atoms)
    if count > _MOST_ATOMS:  # before minutes go into the bond orders of a whole protein
        raise LigandError(
            f"Ligand {name} has {count} heavy atoms: this seems to be a protein.",
            "Give the ligand alone; for one inside the protein's file, -l auto or -l A:LIG:301.",
            "too_large",
        )
    if docked:
        mol = _from_remarks(lines, atoms)
        if mol is not None:
            return mol, []
    return perceive_bonds(
        [symbol for _, symbol, _ in atoms], [position for _, _, position in atoms], name, *_connect(lines, atoms)
    )


def _atom(line: str, name: str, *, docked: bool) -> tuple[int, str, tuple[float, float, float]]:
    """Serial number, element (empty for a pseudo-atom) and position in Å of an atom line."""
    try:
        serial = int(line[6:11])
        position = (float(line[30:38]), float(line[38:46]), float(line[46:54]))
    except ValueError:
        code = "nan_coordinates" if "*" in line[30:54] else "bad_record"
        raise LigandError(
            f"Ligand {name} has an atom line that cannot be read: {line[:60].strip()!r}.", "Mend the line.", code
        ) from None
    if not all(map(math.isfinite, position)):
        raise LigandError(
            f"Ligand {name} has coordinates that are no numbers.", "Mend or remove the record.", "nan_coordinates"
        )
    label = line[77:].strip() if docked else line[76:78].strip()
    if docked:
        symbol = AUTODOCK_TYPES.get(label.upper(), label.capitalize())
    else:
        symbol = label.capitalize() or _from_name(line[12:16])
    if symbol == "D":
        symbol = "H"
    if symbol:
        try:
            _TABLE.GetAtomicNumber(symbol)
        except RuntimeError:
            raise LigandError(
                f"Ligand {name} has an atom of no known element: {line[12:16].strip()} ({label or 'blank'}).",
                "Fill in the element column (77-78).",
                "unknown_element",
            ) from None
    return serial, symbol, position


def _from_name(field: str) -> str:
    """Element from a PDB atom name: two letters begin in column 13, one letter in column 14."""
    letters = re.sub(r"[^A-Za-z]", "", field)
    if field[:1].isalpha() and letters[:2].capitalize() in ("Cl", "Br", "Se", "Si", "Fe", "Zn", "Mg", "Na", "Li", "Al"):
        return letters[:2].capitalize()
    return letters[:1].upper()


def _from_remarks(lines: list[str], atoms: list[tuple[int, str, tuple[float, float, float]]]) -> Chem.Mol | None:
    """Molecule from ``REMARK SMILES`` and ``REMARK SMILES IDX`` (Meeko), or None where they do not fit."""
    smiles = ""
    pairs: list[int] = []
    for line in lines:
        if line.startswith("REMARK SMILES IDX"):
            pairs.extend(int(word) for word in line[17:].split() if word.isdigit())
        elif line.startswith("REMARK SMILES") and not smiles:
            smiles = line[13:].strip()
    mol = Chem.MolFromSmiles(smiles) if smiles else None
    if mol is None or len(pairs) != 2 * mol.GetNumAtoms():
        return None
    positions = {serial: (symbol, position) for serial, symbol, position in atoms}
    conformer = Chem.Conformer(mol.GetNumAtoms())
    for row, serial in zip(pairs[::2], pairs[1::2], strict=True):
        symbol, position = positions.get(serial, ("", (0.0, 0.0, 0.0)))
        if not 1 <= row <= mol.GetNumAtoms() or mol.GetAtomWithIdx(row - 1).GetSymbol() != symbol:
            return None
        conformer.SetAtomPosition(row - 1, Point3D(*position))
    mol.AddConformer(conformer)
    return mol


def _connect(lines: list[str], atoms: list[tuple[int, str, tuple[float, float, float]]]) -> tuple[set[tuple[int, int]]]:
    """Pairs of atom rows that CONECT lines join."""
    row_of = {serial: row for row, (serial, _, _) in enumerate(atoms)}
    pairs: set[tuple[int, int]] = set()
    for line in lines:
        if line.startswith("CONECT"):
            numbers = [
                int(line[k : k + 5]) for k in range(6, min(len(line), 31), 5) if line[k : k + 5].strip().isdigit()
            ]
            rows = [row_of[number] for number in numbers if number in row_of]
            pairs.update((min(rows[0], other), max(rows[0], other)) for other in rows[1:] if other != rows[0])
    return (pairs,)

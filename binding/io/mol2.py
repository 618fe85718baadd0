"""MOL2 records, as Sybyl, Open Babel, Corina, antechamber and PDBbind write them."""

from __future__ import annotations

import math

from rdkit import Chem
from rdkit.Geometry import Point3D

from binding.errors import LigandError

_BONDS = {
    "1": Chem.BondType.SINGLE,
    "2": Chem.BondType.DOUBLE,
    "3": Chem.BondType.TRIPLE,
    "ar": Chem.BondType.AROMATIC,
    "am": Chem.BondType.SINGLE,
    "un": Chem.BondType.SINGLE,
    "du": Chem.BondType.SINGLE,
}
_TABLE = Chem.GetPeriodicTable()


def mol_from_mol2(text: str, name: str) -> tuple[Chem.Mol, list[str]]:
    """Unsanitized molecule of one record; charges are left to the repairs, which read them off the bonds.

    Partial charges in the file are ignored. Sybyl types ``C.cat``, ``O.co2``, ``N.4`` carry no more
    than the bonds do.

    Args:
        text: From ``@<TRIPOS>MOLECULE`` on.
        name: For messages.

    Raises:
        LigandError: ``bad_record``, ``no_atoms``, ``unknown_element`` or ``nan_coordinates``.
    """
    sections = _sections(text)
    rows = [line.split() for line in sections.get("ATOM", [])]
    if not rows:
        raise LigandError(f"Ligand {name} has no atoms.", "Check the record.", "no_atoms")
    mol = Chem.RWMol()
    conformer = Chem.Conformer(len(rows))
    index_of: dict[str, int] = {}
    try:
        for index, row in enumerate(rows):
            position = [float(value) for value in row[2:5]]
            if not all(map(math.isfinite, position)):
                raise LigandError(
                    f"Ligand {name} has coordinates that are no numbers.",
                    "Mend or remove the record.",
                    "nan_coordinates",
                )
            mol.AddAtom(_atom(row[5], row[1], name))
            conformer.SetAtomPosition(index, Point3D(*position))
            index_of[row[0]] = index
        for line in sections.get("BOND", []):
            _, begin, end, kind, *_ = line.split()
            if kind == "nc":
                continue
            mol.AddBond(index_of[begin], index_of[end], _BONDS[kind.lower()])
    except (ValueError, IndexError, KeyError, RuntimeError) as error:
        raise LigandError(
            f"Ligand {name} has an atom or bond line that cannot be read ({error}).",
            "Check the record's ATOM and BOND sections.",
            "bad_record",
        ) from None
    for bond in mol.GetBonds():
        if bond.GetBondType() == Chem.BondType.AROMATIC:
            bond.SetIsAromatic(True)
            bond.GetBeginAtom().SetIsAromatic(True)
            bond.GetEndAtom().SetIsAromatic(True)
    conformer.Set3D(any(conformer.GetAtomPosition(i).z for i in range(len(rows))))
    mol.AddConformer(conformer)
    return mol.GetMol(), []


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.split("\n"):
        if line.startswith("@<TRIPOS>"):
            current = sections.setdefault(line[9:].strip().upper(), [])
        elif line.strip():
            current.append(line)
    return sections


def _atom(sybyl: str, label: str, name: str) -> Chem.Atom:
    symbol = sybyl.split(".")[0].capitalize()
    if symbol in ("Du", "Lp", "Any", "Hal", "Het", "Hev"):
        raise LigandError(
            f"Ligand {name} has an atom of no known element: {label} of type {sybyl}.",
            "Replace dummy atoms with real ones.",
            "unknown_element",
        )
    try:
        return Chem.Atom(_TABLE.GetAtomicNumber(symbol))
    except RuntimeError:
        raise LigandError(
            f"Ligand {name} has an atom of no known element: {label} of type {sybyl}.",
            "Check the atom types.",
            "unknown_element",
        ) from None

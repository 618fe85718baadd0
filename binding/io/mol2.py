"""MOL2 records, as Sybyl, Open Babel, Corina, antechamber and PDBbind write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rdkit import Chem
from rdkit.Geometry import Point3D

from binding.constants import FARTHEST
from binding.errors import LigandError
from binding.io.perceive import with_perceived_bonds

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
_MOLECULE = re.compile(r"^@<TRIPOS>", re.MULTILINE)


class Mol2Format:
    """MOL2; see ``binding.io.formats.LigandFormat``."""

    name = "MOL2"
    suffixes: tuple[str, ...] = (".mol2",)
    folder_suffixes: tuple[str, ...] = suffixes
    record_mark: bytes | None = b"@<TRIPOS>MOLECULE"
    titled = True

    def recognises(self, text: str) -> bool:
        return _MOLECULE.search(text) is not None

    def split(self, lines: Iterable[str]) -> Iterator[str]:
        """A record ends where the next ``@<TRIPOS>MOLECULE`` begins; comments are passed over."""
        block: list[str] | None = None
        for line in lines:
            if line.startswith("@<TRIPOS>MOLECULE"):
                if block is not None:
                    yield "\n".join((*block, ""))
                block = []
            if block is not None and not line.startswith("#"):
                block.append(line)
        if block is not None:
            yield "\n".join((*block, ""))

    def title(self, text: str) -> str:
        lines = text.split("\n", 2)
        return lines[1] if len(lines) > 1 else ""

    def read(self, text: str, name: str) -> tuple[Chem.Mol, list[str]]:
        """See ``LigandFormat``.

        Raises:
            LigandError: ``bad_record``, ``no_atoms``, ``unknown_element`` or ``nan_coordinates``.
        """
        return with_perceived_bonds(mol_from_mol2(text, name), name)

    def tags(self, text: str) -> dict[str, str]:
        return {}


def mol_from_mol2(text: str, name: str) -> Chem.Mol:
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
            if not all(abs(value) < FARTHEST for value in position):  # nan is not less either
                raise LigandError(
                    f"Ligand {name} has coordinates that are not numbers.",
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
    return mol.GetMol()


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

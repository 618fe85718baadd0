"""Chemical components: which atoms and bonds a named group has, from the chemical component dictionary.

Atoms are matched by name, which is exact where a bond-order template has to guess among like atoms,
and which shows at once what the model of the crystal lacks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from rdkit import Chem, rdBase
from rdkit.Geometry import Point3D
from scipy.spatial import cKDTree

from binding.errors import FileError, LigandError, reason_of
from binding.io.atoms import AtomTable
from binding.io.files import read_bytes
from binding.io.ligand import prepare_ligand
from binding.structures import Ligand

_SINGLE = Chem.BondType.SINGLE
_LINK = 1.95  # Å between atoms of groups that make one molecule, as in the choice of the ligand
_ORDERS = {
    "SING": Chem.BondType.SINGLE,
    "DOUB": Chem.BondType.DOUBLE,
    "TRIP": Chem.BondType.TRIPLE,
    "QUAD": Chem.BondType.QUADRUPLE,
    "AROM": Chem.BondType.AROMATIC,
    "DELO": Chem.BondType.AROMATIC,
}


@dataclass(frozen=True)
class Component:
    """The heavy atoms of a component and their bonds.

    Attributes:
        code: Such as ``ZYB``.
        elements: Atomic number by atom name.
        charges: Formal charge by atom name.
        leaving: Names of atoms that go when the component is bonded to another.
        bonds: Two atom names and an order each.
    """

    code: str
    elements: dict[str, int]
    charges: dict[str, int]
    leaving: frozenset[str]
    bonds: tuple[tuple[str, str, Chem.BondType], ...]


def read_component(path: str | Path) -> Component:
    """Read a component's file of the dictionary (mmCIF, also gzipped).

    Raises:
        FileError: Missing, empty or damaged; ``wrong_format`` where it holds no component.
        LigandError: ``no_bond_orders`` where the component has no heavy atoms, as ``UNL`` has none.
    """
    data = read_bytes(path)
    try:
        block = gemmi.cif.read_string(data.decode("utf-8", errors="replace"))[0]
    except (RuntimeError, ValueError, IndexError) as error:
        raise FileError(
            f"{path} cannot be read as mmCIF: {reason_of(error)}.", "Fetch it again.", "unreadable"
        ) from None
    atoms = block.find("_chem_comp_atom.", ["atom_id", "type_symbol", "?charge", "?pdbx_leaving_atom_flag"])
    elements: dict[str, int] = {}
    charges: dict[str, int] = {}
    leaving = set()
    for row in atoms:
        name, number = row.str(0), gemmi.Element(row.str(1)).atomic_number
        if number in (1, 119):  # hydrogen, deuterium
            continue
        elements[name] = number
        charge = row.str(2) if row.has(2) else "0"
        charges[name] = int(charge) if re.fullmatch(r"[-+]?[0-9]{1,2}", charge) else 0
        if row.has(3) and row.str(3) == "Y":
            leaving.add(name)
    code = block.find_value("_chem_comp.id")
    if code is None:
        raise FileError(f"{path} holds no chemical component.", "Fetch the component's mmCIF file.", "wrong_format")
    if not elements:
        raise LigandError(
            f"Component {gemmi.cif.as_string(code)} has no heavy atoms in the dictionary.",
            "Give the ligand's SMILES.",
            "no_bond_orders",
        )
    bonds: dict[frozenset[str], tuple[str, str, Chem.BondType]] = {}  # each once, of a damaged list too
    for row in block.find("_chem_comp_bond.", ["atom_id_1", "atom_id_2", "value_order"]):
        first, second = row.str(0), row.str(1)
        if first in elements and second in elements and first != second:
            bonds.setdefault(frozenset((first, second)), (first, second, _ORDERS.get(row.str(2).upper(), _SINGLE)))
    return Component(
        code=gemmi.cif.as_string(code),
        elements=elements,
        charges=charges,
        leaving=frozenset(leaving),
        bonds=tuple(bonds.values()),
    )


def ligand_of_components(
    table: AtomTable, rows: np.ndarray, components: Mapping[str, Component], notes: list[str]
) -> Ligand:
    """The ligand that some groups make, atoms and bonds as the dictionary has them.

    Args:
        table: All groups of the file.
        rows: (n,) rows of the ligand's groups; where they are several, atoms within 1.95 Å join them.
        components: By group name, all that the rows need.
        notes: To carry along.

    Raises:
        LigandError: ``incomplete_ligand`` where atoms are not in the model, ``template_mismatch`` where
            the model has others than the component, or what ``prepare_ligand`` finds.
    """
    name = "+".join(table.group_id(int(row)) for row in rows)
    mol = Chem.RWMol()
    used: list[int] = []  # the table's atom of each atom of the molecule
    for row in rows.tolist():
        atoms = np.flatnonzero(table.groups == row)
        component = components[str(table.group_names[row])]
        _check_atoms(table, atoms, component, name, alone=len(rows) == 1)
        first = mol.GetNumAtoms()
        place = {str(table.atom_names[atom]): first + k for k, atom in enumerate(atoms)}
        for atom in atoms:
            new = Chem.Atom(int(table.elements[atom]))
            new.SetFormalCharge(component.charges[str(table.atom_names[atom])])
            mol.AddAtom(new)
        for one, other, order in component.bonds:
            if one in place and other in place:
                mol.AddBond(place[one], place[other], order)
        used += atoms.tolist()
    _join_groups(mol, table.groups[used], table.positions[used])
    for bond in mol.GetBonds():
        if bond.GetBondType() == Chem.BondType.AROMATIC:
            for thing in (bond, bond.GetBeginAtom(), bond.GetEndAtom()):
                thing.SetIsAromatic(True)
    if len(Chem.GetMolFrags(mol)) > 1:
        raise LigandError(
            f"Ligand {name} is not one molecule by its component's bonds.",
            "Give its SMILES, or name another group.",
            "template_mismatch",
        )
    conformer = Chem.Conformer(len(used))
    conformer.Set3D(True)
    for index, position in enumerate(table.positions[used]):
        conformer.SetAtomPosition(index, Point3D(*position))
    mol.AddConformer(conformer)
    with rdBase.BlockLogs():
        return prepare_ligand(mol.GetMol(), name, notes=notes)


def _check_atoms(table: AtomTable, atoms: np.ndarray, component: Component, name: str, *, alone: bool) -> None:
    """The group's heavy atoms must be the component's, all of them but for what leaves in a bond to another group."""
    found = {str(table.atom_names[atom]): int(table.elements[atom]) for atom in atoms}
    other = [atom for atom, number in found.items() if component.elements.get(atom) != number]
    if other:
        raise LigandError(
            f"Ligand {name} has atoms that component {component.code} has not: {', '.join(other[:6])}.",
            "Give its SMILES.",
            "template_mismatch",
        )
    missing = [atom for atom in component.elements if atom not in found and (alone or atom not in component.leaving)]
    if missing:
        listed = ", ".join(missing[:6]) + (", ..." if len(missing) > 6 else "")
        raise LigandError(
            f"Ligand {name} is not whole in the model: {len(missing)} of {len(component.elements)} heavy atoms of "
            f"{component.code} are missing ({listed}).",
            "Name another copy, or leave it out.",
            "incomplete_ligand",
        )


def _join_groups(mol: Chem.RWMol, groups: np.ndarray, positions: np.ndarray) -> None:
    """Single bonds between atoms of different groups in bonding distance, as in glycosides and peptides."""
    for one, other in cKDTree(positions).query_pairs(_LINK):
        if groups[one] != groups[other]:
            mol.AddBond(int(one), int(other), Chem.BondType.SINGLE)

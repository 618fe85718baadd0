"""The bonds of a component (``_chem_comp_bond``) that an mmCIF file lists beside its atoms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import gemmi
import numpy as np
from rdkit import Chem
from rdkit.Geometry import Point3D

_ORDERS: Final = {
    "SING": Chem.BondType.SINGLE,
    "DOUB": Chem.BondType.DOUBLE,
    "TRIP": Chem.BondType.TRIPLE,
    "AROM": Chem.BondType.AROMATIC,
    "DELO": Chem.BondType.AROMATIC,
}


def component_molecule(
    block: gemmi.cif.Block, component: str, names: Sequence[str], numbers: Sequence[int], positions: np.ndarray
) -> Chem.Mol | None:
    """Molecule with the bonds and charges of a component, or None where the file has no bonds for all its atoms.

    Args:
        block: Of the file.
        component: Such as ``LIG``.
        names: (atoms,) of the heavy atoms.
        numbers: (atoms,) atomic numbers.
        positions: (atoms, 3) Å.
    """
    index_of = {str(name): index for index, name in enumerate(names)}
    mol = Chem.RWMol()
    conformer = Chem.Conformer(len(names))
    conformer.Set3D(True)
    for index, (number, position) in enumerate(zip(numbers, positions, strict=True)):
        mol.AddAtom(Chem.Atom(int(number)))
        conformer.SetAtomPosition(index, Point3D(*map(float, position)))
    columns = ["comp_id", "atom_id_1", "atom_id_2", "value_order"]
    for comp, first, second, order in block.find("_chem_comp_bond.", columns):
        first, second = gemmi.cif.as_string(first), gemmi.cif.as_string(second)  # "O5'" in quotes is O5'
        if comp != component or first == second or not {first, second} <= set(index_of):
            continue
        if mol.GetBondBetweenAtoms(index_of[first], index_of[second]) is None:  # a damaged list names some twice
            mol.AddBond(index_of[first], index_of[second], _ORDERS.get(order.upper(), Chem.BondType.SINGLE))
    if not mol.GetNumBonds() or len(Chem.GetMolFrags(mol)) > 1:
        return None
    for bond in mol.GetBonds():
        if bond.GetBondType() == Chem.BondType.AROMATIC:
            bond.SetIsAromatic(True)
            bond.GetBeginAtom().SetIsAromatic(True)
            bond.GetEndAtom().SetIsAromatic(True)
    mol.AddConformer(conformer)
    for comp, atom_name, charge in block.find("_chem_comp_atom.", ["comp_id", "atom_id", "charge"]):
        atom_name = gemmi.cif.as_string(atom_name)
        if comp == component and atom_name in index_of and re.fullmatch(r"[-+]?[0-9]{1,2}", charge):
            mol.GetAtomWithIdx(index_of[atom_name]).SetFormalCharge(int(charge))
    return mol.GetMol()

"""Several molecules as arrays: what RDKit says of their atoms and bonds, asked once and laid end to end.

What is asked of an array costs the same for one molecule as for a hundred, so that the features of many ligands
together take a fraction of the time that each by itself does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from rdkit import Chem

from binding.graph.molecule import atoms_of, bonds_of

SINGLE, DOUBLE, TRIPLE, AROMATIC = range(4)
_HYBRIDISATION: Final = {Chem.HybridizationType.SP: 0, Chem.HybridizationType.SP2: 1, Chem.HybridizationType.SP3: 2}
_OTHER_HYBRIDISATION: Final = 3
_CHIRALITY: Final = {"R": 1, "S": 2}
_ORDER: Final = {1.0: SINGLE, 2.0: DOUBLE, 3.0: TRIPLE, 1.5: AROMATIC}
_STEREO: Final = {
    Chem.BondStereo.STEREOE: 1,
    Chem.BondStereo.STEREOTRANS: 1,
    Chem.BondStereo.STEREOZ: 2,
    Chem.BondStereo.STEREOCIS: 2,
}
_DATIVE: Final = Chem.MolFromSmarts("*->*")


@dataclass(frozen=True, eq=False)
class MoleculeArrays:
    """The atoms and bonds of M molecules, in order.

    Attributes:
        mols: The molecules.
        sizes: (M,) atoms of each.
        bond_sizes: (M,) bonds of each.
        numbers: (atoms,) elements.
        degrees: (atoms,) neighbours.
        hydrogens: (atoms,) hydrogens, which are not atoms here.
        charges: (atoms,) formal charges.
        aromatic: (atoms,) bool.
        hybridisations: (atoms,) as a category.
        chirality: (atoms,) 0 none, 1 R, 2 S.
        ends: (bonds, 2) rows of the atoms of each bond.
        orders: (bonds,) as a category; what is none of the four counts as single.
        plain: (bonds,) bool, whether the order is one of the four in earnest: dative and the like are not.
        in_ring: (bonds,) bool.
        conjugated: (bonds,) bool.
        stereo: (bonds,) of double bonds, as a category.
        rings: Rows of the bonds of each ring of each molecule.
    """

    mols: Sequence[Chem.Mol]
    sizes: np.ndarray
    bond_sizes: np.ndarray
    numbers: np.ndarray
    degrees: np.ndarray
    hydrogens: np.ndarray
    charges: np.ndarray
    aromatic: np.ndarray
    hybridisations: np.ndarray
    chirality: np.ndarray
    ends: np.ndarray
    orders: np.ndarray
    plain: np.ndarray
    in_ring: np.ndarray
    conjugated: np.ndarray
    stereo: np.ndarray
    rings: list[list[tuple[int, ...]]]

    @classmethod
    def of(cls, mols: Sequence[Chem.Mol]) -> MoleculeArrays:
        """Of sanitized molecules without hydrogen atoms."""
        numbers, degrees, hydrogens, charges, aromatic, hybridisations, chirality = ([] for _ in range(7))
        first, second, orders, plain, in_ring, conjugated, stereo = ([] for _ in range(7))
        bond_sizes: list[int] = []
        sizes: list[int] = []
        for mol in mols:
            atoms, bonds = atoms_of(mol), bonds_of(mol)
            sizes.append(len(atoms))
            bond_sizes.append(len(bonds))
            numbers += [atom.GetAtomicNum() for atom in atoms]
            degrees += [atom.GetDegree() for atom in atoms]
            hydrogens += [atom.GetTotalNumHs() for atom in atoms]
            charges += [atom.GetFormalCharge() for atom in atoms]
            aromatic += [atom.GetIsAromatic() for atom in atoms]
            hybridisations += [_HYBRIDISATION.get(atom.GetHybridization(), _OTHER_HYBRIDISATION) for atom in atoms]
            chirality += [
                _CHIRALITY.get(atom.GetProp("_CIPCode"), 0) if atom.HasProp("_CIPCode") else 0 for atom in atoms
            ]
            first += [bond.GetBeginAtomIdx() for bond in bonds]
            second += [bond.GetEndAtomIdx() for bond in bonds]
            found = [_ORDER.get(bond.GetBondTypeAsDouble(), -1) for bond in bonds]
            if mol.HasSubstructMatch(_DATIVE):
                plain += [order >= 0 and not _is_dative(bond) for bond, order in zip(bonds, found, strict=True)]
            else:
                plain += [order >= 0 for order in found]
            orders += [SINGLE if order < 0 else order for order in found]
            in_ring += [bond.IsInRing() for bond in bonds]
            conjugated += [bond.GetIsConjugated() for bond in bonds]
            stereo += [
                _STEREO.get(bond.GetStereo(), 0) if order == DOUBLE else 0
                for bond, order in zip(bonds, found, strict=True)
            ]
        before = np.repeat(np.cumsum(sizes) - sizes, bond_sizes)
        return cls(
            mols,
            np.array(sizes),
            np.array(bond_sizes),
            np.array(numbers),
            np.array(degrees),
            np.array(hydrogens),
            np.array(charges),
            np.array(aromatic, dtype=bool),
            np.array(hybridisations),
            np.array(chirality),
            (np.array([first, second], dtype=np.int64) + before).T,
            np.array(orders, dtype=np.int64),
            np.array(plain, dtype=bool),
            np.array(in_ring, dtype=bool),
            np.array(conjugated, dtype=bool),
            np.array(stereo, dtype=np.int64),
            [[*map(tuple, mol.GetRingInfo().BondRings())] for mol in mols],
        )

    @property
    def num_atoms(self) -> int:
        """Of all molecules."""
        return len(self.numbers)

    @cached_property
    def owner(self) -> np.ndarray:
        """(atoms,) row of the molecule of each."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def bond_owner(self) -> np.ndarray:
        """(bonds,) row of the molecule of each."""
        return np.repeat(np.arange(len(self.sizes)), self.bond_sizes)

    @cached_property
    def connected(self) -> np.ndarray:
        """(atoms,) neighbours and hydrogens: X of SMARTS."""
        return self.degrees + self.hydrogens

    @cached_property
    def _ways(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Both directions of each bond: from, to, and the bond."""
        one, other = self.ends.T
        bonds = np.arange(len(self.ends))
        return np.concatenate([one, other]), np.concatenate([other, one]), np.concatenate([bonds, bonds])

    def elements(self, *numbers: int, aromatic: bool | None = False) -> np.ndarray:
        """(atoms,) bool, atoms of some elements: aliphatic ones, aromatic ones, or (None) both."""
        found = np.isin(self.numbers, numbers)
        return found if aromatic is None else found & (self.aromatic == aromatic)

    def bonds(self, *orders: int) -> np.ndarray:
        """(bonds,) bool, those of some orders, as SMARTS understands them."""
        return np.isin(self.orders, orders) & self.plain

    def beside(self, atoms: np.ndarray, bonds: np.ndarray | None = None) -> np.ndarray:
        """(atoms,) bool, neighbours of some atoms.

        Args:
            atoms: (atoms,) bool.
            bonds: (bonds,) bool, by which bonds; None for any.
        """
        source, target, bond = self._ways
        way = atoms[source] if bonds is None else atoms[source] & bonds[bond]
        found = np.zeros(self.num_atoms, dtype=bool)
        found[target[way]] = True
        return found

    def count_beside(self, atoms: np.ndarray, bonds: np.ndarray) -> np.ndarray:
        """(atoms,) how many of some atoms are neighbours of each; arguments as of ``beside``."""
        source, target, bond = self._ways
        return np.bincount(target[atoms[source] & bonds[bond]], minlength=self.num_atoms)

    def sum_beside(self, values: np.ndarray) -> np.ndarray:
        """(atoms,) uint64, the sum over each atom's bonds of a value for (atom at the other end, bond).

        Args:
            values: (2 * bonds,) uint64, in the order of ``ways``.
        """
        found = np.zeros(self.num_atoms, dtype=np.uint64)
        np.add.at(found, self._ways[1], values)
        return found

    @property
    def ways(self) -> tuple[np.ndarray, np.ndarray]:
        """(2 * bonds,) the atom that each bond comes from, in both directions, and the bond."""
        return self._ways[0], self._ways[2]

    def of_each(self, values: np.ndarray) -> np.ndarray:
        """(M,) float64, the sum of a value of each atom over the atoms of each molecule."""
        return np.bincount(self.owner, weights=values, minlength=len(self.sizes))


def _is_dative(bond: Chem.Bond) -> bool:
    return bond.GetBondType() not in (
        Chem.BondType.SINGLE,
        Chem.BondType.DOUBLE,
        Chem.BondType.TRIPLE,
        Chem.BondType.AROMATIC,
    )

"""The scoring function of AutoDock Vina with its gradient, in NumPy. Lengths in Å, energies in kcal/mol.

Trott & Olson 2010, doi:10.1002/jcc.21334. It ranks poses of one molecule where no network is wanted; as an affinity
it is poor.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from rdkit import Chem
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from binding.constants import (
    ACCEPTOR_CLASSES,
    ATOM_CLASS,
    DONOR_CLASSES,
    HYDROPHOBIC_CLASSES,
    METALS,
    PARENT_AMINO_ACID,
    VINA_DEFAULT_RADIUS,
    VINA_METAL_RADIUS,
    VINA_RADII,
)
from binding.structures import Protein

CUTOFF = 8.0  # Å, between atom centres
_GAUSS1, _GAUSS2, _REPULSION, _HYDROPHOBIC, _HYDROGEN_BOND = -0.035579, -0.005156, 0.840245, -0.035069, -0.587439
_HYDROPHOBIC_RANGE = (0.5, 1.5)  # Å of surface distance; 1 below, 0 above, linear between
_HYDROGEN_BOND_RANGE = (-0.7, 0.0)
_ROTOR_WEIGHT = 0.05846
_BONDED = 1.75  # Å, from a carbon to a hetero atom of the same group
_HALOGENS = (9, 17, 35, 53)

#: Oxygen and nitrogen with a free lone pair: no amide, aniline or pyrrole nitrogen, no furan oxygen.
_ACCEPTOR = "[$([OX1,OX2;!o;!$(O-C=[O,S])]),$([OX2H1]),$([nX2]),$([NX1,NX2]),$([NX3;!$(N-[#6]=,:[*]);!$(N-S=O)])]"


@lru_cache(maxsize=1)
def _acceptor() -> Chem.Mol:
    return Chem.MolFromSmarts(_ACCEPTOR)


@dataclass(frozen=True, eq=False)
class AtomTypes:
    """Vina's description of n atoms.

    Attributes:
        radii: (n,) Å.
        hydrophobic: (n,) bool.
        donor: (n,) bool; metals are donors.
        acceptor: (n,) bool.
    """

    radii: np.ndarray
    hydrophobic: np.ndarray
    donor: np.ndarray
    acceptor: np.ndarray

    def take(self, rows: np.ndarray) -> AtomTypes:
        """The types of some atoms, in the order of ``rows``."""
        return AtomTypes(self.radii[rows], self.hydrophobic[rows], self.donor[rows], self.acceptor[rows])


def _radii(numbers: np.ndarray) -> np.ndarray:
    return np.array(
        [VINA_METAL_RADIUS if n in METALS else VINA_RADII.get(n, VINA_DEFAULT_RADIUS) for n in numbers.tolist()]
    )


def ligand_types(mol: Chem.Mol) -> AtomTypes:
    """Types of a molecule's heavy atoms, in its order.

    Args:
        mol: Sanitized, heavy atoms only.
    """
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    lone_carbon = [
        atom.GetAtomicNum() == 6 and all(n.GetAtomicNum() in (1, 6) for n in atom.GetNeighbors())
        for atom in mol.GetAtoms()
    ]
    polar = np.isin(numbers, (7, 8))
    acceptor = np.zeros(len(numbers), dtype=bool)
    acceptor[[match[0] for match in mol.GetSubstructMatches(_acceptor(), maxMatches=1000)]] = True
    return AtomTypes(
        radii=_radii(numbers),
        hydrophobic=np.array(lone_carbon) | np.isin(numbers, _HALOGENS),
        donor=polar & np.array([atom.GetTotalNumHs() > 0 for atom in mol.GetAtoms()]),
        acceptor=acceptor & polar,
    )


def protein_types(protein: Protein) -> AtomTypes:
    """Types of a protein's heavy atoms: by residue and atom name for amino acids, by element for all else.

    A polar atom of another group (cofactor, nucleotide, modified residue) both gives and takes hydrogen
    bonds, since its hydrogens are not known.
    """
    parents = [PARENT_AMINO_ACID.get(str(name), str(name)) for name in protein.residue_names]
    classes = np.array(
        [
            ATOM_CLASS.get((parents[row], name), -1)
            for row, name in zip(protein.atom_residue.tolist(), protein.atom_names.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    elements = protein.elements
    unknown = classes < 0
    polar = np.isin(elements, (7, 8))
    greasy = elements == 6
    if (unknown & greasy).any() and polar.any():
        near, _ = cKDTree(protein.positions[polar]).query(protein.positions, distance_upper_bound=_BONDED)
        greasy = greasy & ~np.isfinite(near)
    metal = np.isin(elements, list(METALS))
    return AtomTypes(
        radii=_radii(elements),
        hydrophobic=np.where(unknown, greasy | np.isin(elements, _HALOGENS), np.isin(classes, HYDROPHOBIC_CLASSES)),
        donor=np.where(unknown, polar | metal, np.isin(classes, DONOR_CLASSES)),
        acceptor=np.where(unknown, polar, np.isin(classes, ACCEPTOR_CLASSES)),
    )


def _pair_energy(
    distance: np.ndarray, contact: np.ndarray, hydrophobic: np.ndarray, hydrogen_bond: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Energy of pairs and its derivative by distance, (pairs,) each.

    Args:
        distance: (pairs,) Å.
        contact: (pairs,) sum of the radii, Å.
        hydrophobic: (pairs,) bool, both atoms are.
        hydrogen_bond: (pairs,) bool, one gives and the other takes.
    """
    surface = distance - contact
    gauss1 = _GAUSS1 * np.exp(-((surface / 0.5) ** 2))
    gauss2 = _GAUSS2 * np.exp(-(((surface - 3.0) / 2.0) ** 2))
    overlap = np.minimum(surface, 0.0)
    energy = gauss1 + gauss2 + _REPULSION * overlap**2
    slope = -8.0 * surface * gauss1 - 0.5 * (surface - 3.0) * gauss2 + 2.0 * _REPULSION * overlap
    for weight, (full, none), applies in (
        (_HYDROPHOBIC, _HYDROPHOBIC_RANGE, hydrophobic),
        (_HYDROGEN_BOND, _HYDROGEN_BOND_RANGE, hydrogen_bond),
    ):
        share = np.clip((none - surface) / (none - full), 0.0, 1.0)
        energy += weight * share * applies
        slope -= weight / (none - full) * ((share > 0.0) & (share < 1.0) & applies)
    return energy, slope


class PairTable:
    """What is constant between two groups of atoms: radii and kinds of each pair.

    Args:
        first: Types of n atoms.
        second: Types of m atoms.
    """

    def __init__(self, first: AtomTypes, second: AtomTypes) -> None:
        self._contact = first.radii[:, None] + second.radii[None]
        self._hydrophobic = first.hydrophobic[:, None] & second.hydrophobic[None]
        self._hydrogen_bond = (first.donor[:, None] & second.acceptor[None]) | (
            first.acceptor[:, None] & second.donor[None]
        )

    def energy(
        self, first: np.ndarray, second: np.ndarray, allowed: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        """Energy between two groups and its gradient by the first group's positions.

        Args:
            first: (n, 3) Å.
            second: (m, 3) Å.
            allowed: (n, m) bool, pairs that count; all by default.

        Returns:
            kcal/mol, and (n, 3) kcal/mol/Å.
        """
        distances = cdist(first, second)
        near = distances < CUTOFF
        if allowed is not None:
            near &= allowed
        row, column = np.nonzero(near)
        distance = np.maximum(distances[row, column], 1e-3)
        energy, slope = _pair_energy(
            distance,
            self._contact[row, column],
            self._hydrophobic[row, column],
            self._hydrogen_bond[row, column],
        )
        pull = (slope / distance)[:, None] * (first[row] - second[column])
        gradient = np.stack([np.bincount(row, weights=pull[:, k], minlength=len(first)) for k in range(3)], axis=1)
        return float(energy.sum()), gradient


def affinity(intermolecular: float, rotors: int) -> float:
    """Vina's affinity: the energy between ligand and protein, damped by the ligand's rotatable bonds, kcal/mol."""
    return intermolecular / (1.0 + _ROTOR_WEIGHT * rotors)

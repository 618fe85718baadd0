"""Residues of a receptor that are the ligand itself: what lies where the ligand lies is never in its pocket."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.spatial.distance import cdist

from binding.constants import ATOM_CLASS, NUCLEOTIDE_BASE, PARENT_AMINO_ACID
from binding.graph.around import Around
from binding.structures import Protein, ResidueKind

SAME_PLACE = 1.5  # Å between heavy atoms that cannot both be there
_SAME_PEPTIDE = 1.0  # Å; a pose that clashes with a protein has a quarter of its atoms so near to protein atoms
_SAME_ATOM = 0.5  # Å between two records of one atom
_LARGEST_PEPTIDE = 300  # heavy atoms; larger ligands are not scored
_CHAIN_BOND = 2.0  # Å, longest bond that joins residues to a chain
#: Atoms of this residue and of its neighbour that join residues to a chain.
_CHAIN_BONDS = (("C", "N"), ("N", "C"), ("O3'", "P"), ("P", "O3'"))
_CHAIN_KINDS = (int(ResidueKind.AMINO_ACID), int(ResidueKind.NUCLEOTIDE))


def replaced_by(protein: Protein, positions: np.ndarray) -> np.ndarray:
    """(residues,) bool, residues that are the ligand itself, or another ligand in its place.

    A molecule of its own (a hetero group, or what merely bears the name of an amino acid or nucleotide) is
    replaced where a quarter of its atoms lie on ligand atoms, or where it covers half of the ligand. A peptide that
    is a chain of its own is replaced where half of it or of the ligand coincide. A residue of a chain stays, however
    badly a pose clashes with it, unless most of its atoms are at the very positions of ligand atoms. A metal ion is
    replaced by a ligand atom at its position.

    Args:
        protein: The receptor.
        positions: (atoms, 3) Å of the ligand.
    """
    return replaceable(protein).by(Around.of(protein, positions, SAME_PLACE))


@lru_cache(maxsize=8)  # a screen asks one receptor for every pose
def replaceable(protein: Protein) -> Replaceable:
    """What of a receptor may be a ligand."""
    return Replaceable(protein)


@dataclass(frozen=True, eq=False)
class _Overlap:
    """Atoms of a protein that lie on atoms of a ligand.

    Attributes:
        residue: (n,) row of the residue of each; at least one.
        squares: (n, ligand atoms) Å².
    """

    residue: np.ndarray
    squares: np.ndarray

    @property
    def touched(self) -> np.ndarray:
        """Rows of the residues."""
        return np.unique(self.residue)

    def covered(self, residues: np.ndarray | int, reach: float) -> tuple[int, int]:
        """How many atoms of some residues lie on the ligand, and on how many ligand atoms, within ``reach`` Å."""
        close = self.squares[np.isin(self.residue, residues)] <= reach * reach
        return int(close.any(axis=1).sum()), int(close.any(axis=0).sum())


class Replaceable:
    """What of a receptor may be a ligand: which residues are molecules of their own, and which chains are small.

    Args:
        protein: The receptor.
    """

    def __init__(self, protein: Protein) -> None:
        self._protein = protein
        self._firsts = np.searchsorted(protein.atom_residue, np.arange(protein.num_residues + 1))
        self._alone: dict[int, bool] = {}

    def by(self, around: Around) -> np.ndarray:
        """(residues,) bool, what a ligand replaces; see ``replaced_by``.

        Args:
            around: The receptor's atoms about the ligand.
        """
        replaced = np.zeros(self._protein.num_residues, dtype=bool)
        near = around.within(SAME_PLACE)
        if not near.any():
            return replaced
        overlap = _Overlap(around.residue[near], around.squares[near])
        size = around.squares.shape[1]
        coincide = bool((overlap.squares <= _SAME_ATOM * _SAME_ATOM).any())
        for row in overlap.touched.tolist():
            kind = self._protein.residue_kinds[row]
            atoms = int(self._firsts[row + 1] - self._firsts[row])
            if kind == ResidueKind.METAL:
                replaced[row] = coincide and overlap.covered(row, _SAME_ATOM)[0] > 0
            elif kind == ResidueKind.COFACTOR or self._stands_alone(row):
                lying, covering = overlap.covered(row, SAME_PLACE)
                replaced[row] = lying >= 2 and (lying >= 0.25 * atoms or covering >= 0.5 * size)
            else:
                replaced[row] = coincide and overlap.covered(row, _SAME_ATOM)[0] >= max(4.0, 0.75 * atoms)
        return replaced | self._peptides(overlap, size) if self._small_chains else replaced

    def _stands_alone(self, row: int) -> bool:
        if row not in self._alone:
            atoms = np.arange(self._firsts[row], self._firsts[row + 1])
            self._alone[row] = _stands_alone(self._protein, row, atoms)
        return self._alone[row]

    @cached_property
    def _small_chains(self) -> dict[str, np.ndarray]:
        """Residues (residues,) bool of the chains that are as small as a ligand, beside a larger one."""
        protein = self._protein
        amino = protein.residue_kinds == ResidueKind.AMINO_ACID
        sizes = np.diff(self._firsts)
        found = {}
        for chain in np.unique(protein.chain_ids[amino]).tolist():
            members = amino & (protein.chain_ids == chain)
            if sizes[members].sum() <= _LARGEST_PEPTIDE and (amino & ~members).sum() > members.sum():
                found[chain] = members
        return found

    def _peptides(self, overlap: _Overlap, size: int) -> np.ndarray:
        """(residues,) bool, small chains of which half coincides with the ligand.

        Args:
            overlap: What lies on the ligand.
            size: Number of the ligand's atoms.
        """
        found = np.zeros(self._protein.num_residues, dtype=bool)
        sizes = np.diff(self._firsts)
        for members in self._small_chains.values():
            if not members[overlap.touched].any():
                continue
            lying, covering = overlap.covered(np.flatnonzero(members), _SAME_PEPTIDE)
            if lying >= 4 and (lying >= 0.5 * sizes[members].sum() or covering >= 0.5 * size):
                found |= members
        return found


def _stands_alone(protein: Protein, row: int, atoms: np.ndarray) -> bool:
    """Whether a residue with the kind of an amino acid or nucleotide is a molecule of its own.

    A standard residue that no peptide bond holds is a fragment of a chain (files cut down to the pocket are full of
    them), unless its carboxyl end shows that it is a free amino acid.

    Args:
        protein: The receptor.
        row: Of the residue.
        atoms: (n,) rows of its atoms.
    """
    names = protein.atom_names[atoms].tolist()
    for mine, theirs in _CHAIN_BONDS:
        ends = protein.positions[atoms[protein.atom_names[atoms] == mine]]
        others = (protein.atom_names == theirs) & (protein.atom_residue != row)
        others &= np.isin(protein.residue_kinds, _CHAIN_KINDS)[protein.atom_residue]
        if len(ends) and others.any() and cdist(ends, protein.positions[others]).min() < _CHAIN_BOND:
            return False
    if len(set(names)) < len(names):
        return True
    name = str(protein.residue_names[row])
    if protein.residue_kinds[row] == ResidueKind.NUCLEOTIDE:
        return name not in NUCLEOTIDE_BASE or "C1'" not in names
    parent = PARENT_AMINO_ACID.get(name, name)
    return "OXT" in names or any((parent, atom) not in ATOM_CLASS for atom in names)

"""The atoms of a receptor about a ligand: measured once a pose, for all that goes by distances. Lengths in Å."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial.distance import cdist

from binding.structures import Protein

_ROUNDING = 1 + 1e-12  # of a limit, so that an atom at the very limit is within it however distances are rounded


@dataclass(frozen=True, eq=False)
class Around:
    """Atoms of a protein about a ligand, and how far they are from its atoms.

    Attributes:
        residue: (n,) row of the residue of each.
        residues: Number of residues of the protein.
        atoms: (n,) rows of the atoms, ascending: all within ``reach`` of any ligand atom, and others.
        squares: (n, ligand atoms) Å², squared distances.
        least: (n,) Å², the least of each.
        reach: Å.
    """

    residue: np.ndarray
    residues: int
    atoms: np.ndarray
    squares: np.ndarray
    least: np.ndarray
    reach: float

    @classmethod
    def of(cls, protein: Protein, positions: np.ndarray, reach: float) -> Around:
        """Of a protein and (atoms, 3) Å of a ligand."""
        low, high = positions.min(axis=0) - reach, positions.max(axis=0) + reach
        (x, y, z), low, high = _columns(protein), low.tolist(), high.tolist()
        inside = (x >= low[0]) & (x <= high[0])
        inside &= y >= low[1]
        inside &= y <= high[1]
        inside &= z >= low[2]
        inside &= z <= high[2]
        atoms = np.flatnonzero(inside)
        squares = cdist(protein.positions.take(atoms, axis=0), positions, "sqeuclidean")  # faster than any tree
        least = squares.min(axis=1, initial=np.inf)
        return cls(protein.atom_residue.take(atoms), protein.num_residues, atoms, squares, least, reach)

    def within(self, distance: float) -> np.ndarray:
        """(n,) bool, which atoms are so near to the ligand.

        Args:
            distance: Å, at most ``reach``.
        """
        return self.least <= (distance * _ROUNDING) ** 2

    def residues_within(self, distance: float) -> np.ndarray:
        """(residues,) bool, which residues of the protein have an atom so near to the ligand."""
        found = np.zeros(self.residues, dtype=bool)
        found[self.residue[self.within(distance)]] = True
        return found


@lru_cache(maxsize=8)  # a screen asks it of one receptor for every pose
def _columns(protein: Protein) -> np.ndarray:
    """(3, atoms) Å, each coordinate in one piece."""
    return np.ascontiguousarray(protein.positions.T)

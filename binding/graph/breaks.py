"""Where a chain breaks off and goes on elsewhere: the residues between are missing from the file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from binding.structures import Protein, ResidueKind

NEAR = 8.0  # Å from the ligand to an open end of the chain: what is missing there may touch it
_LONGEST_BOND = 2.0  # Å from C to N; 1.33 in a chain, 2.4 within a residue
_SHOWN = 3


@dataclass(frozen=True, eq=False)
class ChainBreaks:
    """The breaks of a protein's chains.

    Attributes:
        protein: What the rows refer to.
        before: (breaks,) rows of the residues with which a chain breaks off.
        after: (breaks,) rows of those with which it goes on.
        ends: (breaks, 2, 3) Å, C of the one and N of the other.
    """

    protein: Protein
    before: np.ndarray
    after: np.ndarray
    ends: np.ndarray

    def near(self, positions: np.ndarray, keep: np.ndarray) -> list[str]:
        """A warning about the breaks near a ligand, if there are any.

        Args:
            positions: (atoms, 3) Å, of the ligand.
            keep: (residues,) bool, those of the pocket; a break counts with an end in it.
        """
        rows = np.flatnonzero(keep[self.before] | keep[self.after])
        if not len(rows):
            return []
        away = cdist(self.ends[rows].reshape(-1, 3), positions).min(axis=1).reshape(-1, 2).min(axis=1)
        rows = rows[away <= NEAR]
        if not len(rows):
            return []
        named = [
            f"{self.protein.residue_id(int(self.before[row]))} and {self.protein.residue_id(int(self.after[row]))}"
            for row in rows[:_SHOWN]
        ]
        more = ", ..." if len(rows) > _SHOWN else ""
        return [f"residues missing near the ligand: between {', between '.join(named)}{more}"]


@lru_cache(maxsize=8)  # a screen asks it of one receptor for every pose
def chain_breaks(protein: Protein) -> ChainBreaks:
    """The breaks of a protein's chains, which follow their numbers; what begins with a lower one is another chain."""
    chains, numbers = protein.chain_ids, protein.residue_numbers
    rows = np.flatnonzero(protein.residue_kinds == ResidueKind.AMINO_ACID)
    _, chain = np.unique(chains[rows], return_inverse=True)
    rows = rows[np.lexsort((protein.insertion_codes[rows], numbers[rows], chain))]
    c, n = _places(protein, "C")[rows], _places(protein, "N")[rows]
    last = _are_open(c, n) & np.isnan(_places(protein, "OXT")[rows, 0])  # a chain that ends was not broken off
    gap = last[:-1] & _are_open(n, c)[1:]
    before, after = rows[:-1], rows[1:]
    gap &= (chains[before] == chains[after]) & (numbers[after] > numbers[before])
    ends = np.stack([c[:-1], n[1:]], axis=1)
    return ChainBreaks(protein, before[gap], after[gap], ends[gap])


def _are_open(ends: np.ndarray, partners: np.ndarray) -> np.ndarray:
    """(residues,) bool, whether an end of each has no partner of any residue in bonding distance; not so without it."""
    known = ~np.isnan(ends[:, 0])
    bonded = partners[~np.isnan(partners[:, 0])]
    alone = np.zeros(len(ends), dtype=bool)
    if len(bonded):
        away, _ = cKDTree(bonded).query(ends[known], distance_upper_bound=_LONGEST_BOND)
        alone[known] = ~np.isfinite(away)
    return alone


def _places(protein: Protein, name: str) -> np.ndarray:
    """(residues, 3) Å, where the atom of a name is in each residue; NaN where it has none."""
    places = np.full((protein.num_residues, 3), np.nan)
    atoms = np.flatnonzero(protein.atom_names == name)
    places[protein.atom_residue[atoms]] = protein.positions[atoms]
    return places

"""Where a protein's atoms are by their names, and how its residues follow one another along the chains."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from binding.structures import Protein, ResidueKind

ANOTHER_CHAIN = 4  # offset of a residue that is of another stretch of chain
_FARTHEST = 3  # offset along a chain; what is farther counts as so far
_PEPTIDE_BOND = 2.0  # Å, longest C-N that still joins two residues


class AtomPlaces:
    """Atoms of a protein by their names.

    Args:
        protein: Any part of one.

    Attributes:
        names: The different names.
        codes: (atoms,) which of them each atom has.
    """

    def __init__(self, protein: Protein) -> None:
        self._residue, self._count = protein.atom_residue, protein.num_residues
        known: dict[str, int] = {}
        self.codes = np.array([known.setdefault(name, len(known)) for name in protein.atom_names.tolist()], np.int32)
        self.names = list(known)
        self._known = known
        self._rows: dict[tuple[str, ...], np.ndarray] = {}

    def rows(self, *names: str) -> np.ndarray:
        """(residues,) row of the atom with the first of some names that each residue has, -1 where it has none."""
        if names not in self._rows:
            rows = np.full(self._count, -1)
            for name in reversed(names):
                if name in self._known:
                    hits = np.flatnonzero(self.codes == self._known[name])
                    rows[self._residue[hits]] = hits
            self._rows[names] = rows
        return self._rows[names]

    def named(self, *names: str) -> np.ndarray:
        """(atoms,) bool, which atoms bear one of some names."""
        chosen = np.array([name in names for name in self.names], dtype=bool)
        return chosen[self.codes]


def previous_residues(protein: Protein, table: AtomPlaces) -> np.ndarray:
    """(residues,) row of the amino acid whose C is bonded to this one's N, -1 where there is none.

    Derived from the bonds and not from the order of the file, in which a modified residue may stand at the end.
    """
    previous = np.full(protein.num_residues, -1)
    amino = protein.residue_kinds == ResidueKind.AMINO_ACID
    n, c = table.rows("N"), table.rows("C")
    givers, takers = np.flatnonzero(amino & (c >= 0)), np.flatnonzero(amino & (n >= 0))
    if not len(givers) or not len(takers):
        return previous
    distance, nearest = cKDTree(protein.positions[c[givers]]).query(
        protein.positions[n[takers]], distance_upper_bound=_PEPTIDE_BOND
    )
    found = np.isfinite(distance)
    takers, givers, distance = takers[found], givers[nearest[found]], distance[found]
    order = np.argsort(distance, kind="stable")
    takers, givers = takers[order], givers[order]
    # A C has one N only: where two claim it (residues that overlap), the nearer.
    _, first = np.unique(givers, return_index=True)
    first = first[takers[first] != givers[first]]
    previous[takers[first]] = givers[first]
    return previous


def following_residues(previous: np.ndarray) -> np.ndarray:
    """(residues,) row of the residue after each one, -1 where there is none."""
    following = np.full(len(previous), -1)
    linked = np.flatnonzero(previous >= 0)
    following[previous[linked]] = linked
    return following


class Chains:
    """Stretches of residues that are joined without a gap.

    Args:
        previous: (residues,) row of the residue before each, -1 where there is none.
    """

    def __init__(self, previous: np.ndarray) -> None:
        self.previous = previous
        self.following = following_residues(previous)

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Stretch of each residue, named by the row of its first one, and its place along the stretch."""
        following = self.following.tolist()
        count = len(following)
        stretch, place = [-1] * count, [0] * count
        ends_first = np.argsort(self.previous >= 0, kind="stable")  # after the open chains, only rings are left
        for start in ends_first.tolist():
            row, step = start, 0
            while row >= 0 and stretch[row] < 0:
                stretch[row], place[row] = start, step
                row, step = following[row], step + 1
        return np.array(stretch), np.array(place)

    @cached_property
    def _order(self) -> np.ndarray | None:
        """(residues,) rows along the stretches, one stretch after the other; None where one is a ring."""
        stretch, place = self._places
        if (self.previous[np.unique(stretch)] >= 0).any():
            return None
        return np.lexsort((place, stretch))

    def among(self, keep: np.ndarray) -> Chains:
        """The stretches that are left of some residues, (residues,) bool; rows stay as they are."""
        held = np.append(keep, False)
        previous = np.where(held[self.previous] & keep, self.previous, -1)
        chains = Chains(previous)
        if self._order is not None:  # places along a whole chain serve as those along its pieces
            begins = np.empty(len(keep), dtype=np.int64)
            begins[self._order] = np.cumsum(previous[self._order] < 0)
            chains.__dict__["_places"] = (begins, self._places[1])
        return chains

    def offset(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """How far along the chain each source is from its target, (n,) int8, at most three; 4 on another stretch."""
        stretch, place = self._places
        apart = np.clip(place[source] - place[target], -_FARTHEST, _FARTHEST)
        return np.where(stretch[source] == stretch[target], apart, ANOTHER_CHAIN).astype(np.int8)

"""Groups of rows that must not be torn apart: proteins of like sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from binding.io.sequences import ChainSequence
from binding.splits.identity import SequenceIndex

IDENTITY: Final = 0.3  # from here on two chains mostly share a fold (Rost, Protein Eng. 12, 85, 1999)
LEAST_KNOWN: Final = 10  # residues; shorter chains are not compared


class Clusters:
    """Sets that grow together, of the numbers 0 to n - 1 (union-find)."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, item: int) -> int:
        """The number that stands for an item's set: its smallest member."""
        while self._parent[item] != item:
            self._parent[item] = self._parent[self._parent[item]]
            item = self._parent[item]
        return item

    def join(self, first: int, second: int) -> None:
        """Makes one set of two."""
        first, second = self.root(first), self.root(second)
        self._parent[max(first, second)] = min(first, second)


@dataclass(frozen=True, eq=False)
class ProteinSet:
    """Proteins, their different chains, and which are alike.

    Attributes:
        names: (proteins,) in sorted order.
        chains: For each protein the rows of its chains in ``index``; empty where none is long enough.
        index: The different sequences.
        clusters: For each protein the name of the first protein of its cluster.
        threshold: Identity from which on two chains are alike.
    """

    names: list[str]
    chains: list[np.ndarray]
    index: SequenceIndex
    clusters: dict[str, str]
    threshold: float

    def nearest(self, asked: Iterable[str], others: Iterable[str]) -> dict[str, tuple[str, float]]:
        """For each protein that is asked for, the one with the chain most alike to any of its own, and the identity.

        Args:
            asked: Names.
            others: Names of those to find.

        Returns:
            Name and identity; empty and 0 where nothing is alike beyond chance, empty and NaN where one side has no
            chain to compare.
        """
        place = {name: row for row, name in enumerate(self.names)}
        owners: dict[int, str] = {}
        for other in others:
            for chain in self.chains[place[other]]:
                owners.setdefault(int(chain), other)
        rows = np.array(sorted(owners), dtype=np.int64)
        result = {}
        for name in asked:
            own = self.chains[place[name]]
            if not len(own) or not owners:
                result[name] = ("", float("nan"))
                continue
            found = [self.index.nearest(int(chain), rows, self.threshold) for chain in own]
            chain, identity = max(found, key=lambda pair: (pair[1], -pair[0]))
            result[name] = (owners.get(chain, ""), identity)
        return result


def cluster_proteins(
    proteins: dict[str, list[ChainSequence]],
    threshold: float = IDENTITY,
    progress: Callable[[int, int], None] | None = None,
) -> ProteinSet:
    """Clusters proteins by single linkage: two with a pair of chains at or above the threshold are always together.

    Args:
        proteins: Chains of each protein by its name.
        threshold: Sequence identity, 0 to 1; see ``SequenceIndex`` for what it is a share of.
        progress: Called with the numbers of chains done and to do.
    """
    names = sorted(proteins)
    kept = {name: sorted({chain.letters for chain in proteins[name] if chain.known >= LEAST_KNOWN}) for name in names}
    sequences = sorted({letters for chains in kept.values() for letters in chains})
    row_of = {letters: row for row, letters in enumerate(sequences)}
    chains = [np.array([row_of[letters] for letters in kept[name]], dtype=np.int64) for name in names]
    index = SequenceIndex(sequences)
    linked = Clusters(len(sequences))
    for rows in chains:  # chains of one protein stay together even if their sequences differ
        for row in rows[1:]:
            linked.join(int(rows[0]), int(row))
    for row in range(len(sequences)):
        for other in index.candidates(row, np.arange(row), threshold).tolist():
            if linked.root(row) != linked.root(other) and index.is_related(row, other, threshold):
                linked.join(row, other)
        if progress is not None:
            progress(row + 1, len(sequences))
    first: dict[int, str] = {}
    clusters = {}
    for name, rows in zip(names, chains, strict=True):
        clusters[name] = first.setdefault(linked.root(int(rows[0])), name) if len(rows) else name
    return ProteinSet(names, chains, index, clusters, threshold)

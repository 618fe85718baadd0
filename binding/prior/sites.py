"""The similarity of two binding sites, by which the ligand kernel is multiplied for the fit with sites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.sparse import csr_array

_ROWS_AT_ONCE: Final = 1024


class Sites:
    """The words of n binding sites, stored for fast comparison of one site with all of them.

    Args:
        words: Words of all sites, concatenated, uint32; see ``binding.domain.words``.
        counts: (n,) number of words of each site.
    """

    def __init__(self, words: np.ndarray, counts: np.ndarray) -> None:
        self.words, self.counts = words.astype(np.uint32), counts.astype(np.int64)
        order = np.argsort(self.words, kind="stable")
        self._owners = np.repeat(np.arange(len(self)), self.counts)[order]
        self._different, self._starts = np.unique(self.words[order], return_index=True)
        self._ends = np.append(self._starts[1:], len(order))

    def __len__(self) -> int:
        return len(self.counts)

    @classmethod
    def of(cls, sites: Sequence[np.ndarray]) -> Sites:
        """Built from the words of each site."""
        joined = np.concatenate([np.zeros(0, dtype=np.uint32), *sites])
        return cls(joined, np.array([len(words) for words in sites], dtype=np.int64))

    def split(self) -> list[np.ndarray]:
        """(n,) the words of each."""
        ends = np.cumsum(self.counts)
        return [self.words[end - count : end] for end, count in zip(ends, self.counts, strict=True)]

    def similarity(self, words: np.ndarray) -> np.ndarray:
        """(n,) float64, Tanimoto similarity of the sets of words; zero to all where there is no word.

        Args:
            words: (words,) distinct words of a site.
        """
        found = np.zeros(len(self))
        sites, similarity = self.alike(words)
        found[sites] = similarity
        return found

    def alike(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The sites that share a word with one: their rows, ascending, and their similarities, above zero.

        Args:
            words: (words,) distinct words of a site.
        """
        if not len(self._different):
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        place = np.minimum(np.searchsorted(self._different, words), len(self._different) - 1)
        place = place[self._different[place] == words]
        owners = [self._owners[self._starts[row] : self._ends[row]] for row in place.tolist()]
        shared = np.bincount(np.concatenate([np.zeros(0, dtype=np.int64), *owners]), minlength=len(self))
        sites = np.flatnonzero(shared)
        common = shared[sites]
        return sites, common / (self.counts[sites] + len(words) - common)

    def scale(self, matrix: np.ndarray, site_of: np.ndarray) -> None:
        """Multiplies a kernel of m ligands, in place, by 1 + similarity of the sites where each was measured.

        Args:
            matrix: (m, m) float32.
            site_of: (m,) row of the site; -1 where it is not known, which is like no site.
        """
        table = (np.ones(len(self.words), dtype=np.float32), np.searchsorted(self._different, self.words))
        starts = np.cumsum([0, *self.counts, 0])  # the last one, which -1 means, has no words
        held = csr_array((*table, starts), shape=(len(self) + 1, max(len(self._different), 1)))
        sizes = np.append(self.counts, 0).astype(np.float32)
        place = np.where(site_of < 0, len(self), site_of)
        for start in range(0, len(matrix), _ROWS_AT_ONCE):  # in parts, so that hardly more than the matrix is held
            rows = place[start : start + _ROWS_AT_ONCE]
            shared = (held[rows] @ held.T).toarray()
            shared /= np.maximum(sizes[rows, None] + sizes - shared, 1.0)
            shared += 1.0
            matrix[start : start + _ROWS_AT_ONCE] *= shared[:, place]


def tanimoto(words: np.ndarray, others: np.ndarray) -> float:
    """Similarity of two sets of words, each without duplicates."""
    shared = len(np.intersect1d(words, others, assume_unique=True))
    return shared / max(len(words) + len(others) - shared, 1)

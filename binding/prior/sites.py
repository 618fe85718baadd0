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
        owners = np.repeat(np.arange(len(self)), self.counts)[order]
        self._different, starts = np.unique(self.words[order], return_index=True)
        ends = np.append(starts, len(order))
        ones = np.ones(len(owners), dtype=np.int32)
        #: (different words, n) 1 where a site holds a word.
        self._owners = csr_array((ones, owners, ends), shape=(len(self._different), len(self)))

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
        _, sites, similarity = self.alike([words])
        found[sites] = similarity
        return found

    def alike(self, asked: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The sites that share a word with each of m others, those of the first one first.

        Args:
            asked: (m,) the distinct words of each site.

        Returns:
            (m,) how many there are, then their rows and their similarities, above zero.
        """
        if not len(self._different):
            return np.zeros(len(asked), dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
        sizes = np.array([len(words) for words in asked], dtype=np.int64)
        words = np.concatenate([np.zeros(0, dtype=np.uint32), *asked])
        place = np.minimum(np.searchsorted(self._different, words), len(self._different) - 1)
        known = self._different[place] == words
        ends = np.append(0, np.cumsum(known))[np.append(0, np.cumsum(sizes))]
        place = place[known]
        shape = (len(asked), len(self._different))
        shared = csr_array((np.ones(len(place), dtype=np.int32), place, ends), shape=shape) @ self._owners
        counts = np.diff(shared.indptr).astype(np.int64)
        common, sites = shared.data, shared.indices.astype(np.int64)
        return counts, sites, common / (self.counts[sites] + np.repeat(sizes, counts) - common)

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

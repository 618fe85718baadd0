"""The kernel of the prior: the similarity of two ligands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from binding.domain.bits import BitIndex
from binding.domain.fingerprint import NUM_BITS, fingerprint
from binding.graph.fields import DESCRIPTORS, LigandGraph

#: Of the part that compares descriptors, beside 1 for the Tanimoto similarity.
DESCRIPTOR_SHARE: Final = 0.5
#: Ligands that are compared with all known ones at once.
AT_ONCE: Final = 8
_ROWS_AT_ONCE: Final = 1024


@dataclass(frozen=True, eq=False)
class Features:
    """What the kernel sees of n ligands: their 2D structure, without stereo and protonation.

    Attributes:
        bits: Bits of all fingerprints (ECFP4, 2048 bits), concatenated, uint16.
        bit_counts: (n,) int64, number of bits of each ligand.
        descriptors: (n, len(DESCRIPTORS)) float32, scaled to about unit variance.
    """

    bits: np.ndarray
    bit_counts: np.ndarray
    descriptors: np.ndarray

    def __len__(self) -> int:
        return len(self.bit_counts)

    @classmethod
    def of(cls, ligands: Sequence[LigandGraph]) -> Features:
        """Features of some ligands, in order; positions do not matter."""
        bits = [fingerprint(ligand) for ligand in ligands]
        return cls(
            np.concatenate([np.zeros(0, dtype=np.uint16), *bits]),
            np.array([len(row) for row in bits], dtype=np.int64),
            np.array([ligand.descriptors for ligand in ligands], dtype=np.float32).reshape(-1, len(DESCRIPTORS)),
        )

    def split(self) -> list[np.ndarray]:
        """(n,) the bits of each."""
        ends = np.cumsum(self.bit_counts)
        return [self.bits[end - count : end] for end, count in zip(ends, self.bit_counts, strict=True)]

    def keys(self) -> list[bytes]:
        """(n,) fingerprints as bytes: ligands that share one are the same to the prior."""
        return [bits.tobytes() for bits in self.split()]

    def take(self, rows: np.ndarray) -> Features:
        """Some of the ligands."""
        bits = self.split()
        joined = np.concatenate([np.zeros(0, dtype=np.uint16), *(bits[row] for row in rows)])
        return Features(joined, self.bit_counts[rows], self.descriptors[rows])


class Known:
    """Known ligands, with which new ones are compared a few at a time.

    Args:
        features: Features of n ligands.
    """

    def __init__(self, features: Features) -> None:
        self.index = BitIndex(features.bits, features.bit_counts)
        self._scale = np.float32(1.0 / len(DESCRIPTORS))
        squares = np.square(features.descriptors).sum(axis=1, keepdims=True) * (self._scale / -2)
        columns = np.concatenate([features.descriptors * self._scale, squares], axis=1)
        self._columns = np.ascontiguousarray(columns.T)  # (descriptors and 1, n)

    def likeness(self, bits: np.ndarray, descriptors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The kernel between a ligand and each of the known ones, and its part from fingerprints alone.

        Args:
            bits: (on,) bits of the ligand's fingerprint.
            descriptors: (descriptors,) float32.

        Returns:
            (n,) float32, likeness; and (n,) float32, Tanimoto similarity.
        """
        likeness, similarity = self.likeness_of([bits], descriptors[None])
        return likeness[0], similarity[0]

    def likeness_of(self, bits: Sequence[np.ndarray], descriptors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same of a few ligands at once; ``AT_ONCE`` of them leave what is computed in the processor's cache.

        Args:
            bits: (m,) of each ligand.
            descriptors: (m, descriptors) float32.

        Returns:
            (m, n) float32, likeness; and (m, n) float32, Tanimoto similarity.
        """
        similarity = np.stack([self.index.similarity(row) for row in bits])
        # Always as many rows: a product of another shape is rounded in another way, and a ligand's number would depend
        # on how many are asked for beside it.
        asked = np.zeros((max(AT_ONCE, len(bits)), len(self._columns)), dtype=np.float32)
        asked[: len(bits), :-1], asked[: len(bits), -1] = descriptors, 1.0
        # In place, and the squares by the same product: most of the time is memory.
        exponent = (asked @ self._columns)[: len(bits)]
        exponent -= np.square(descriptors).sum(axis=1, keepdims=True) * (self._scale / 2)
        likeness = np.exp(np.minimum(exponent, 0.0, out=exponent), out=exponent)
        likeness *= np.float32(DESCRIPTOR_SHARE)
        likeness += similarity
        return likeness, similarity


def kernel_matrix(features: Features) -> np.ndarray:
    """(n, n) float32, likeness of all pairs; its greatest values, on the diagonal, are 1 + DESCRIPTOR_SHARE."""
    count = len(features)
    dense = np.zeros((count, NUM_BITS), dtype=np.float32)
    dense[np.repeat(np.arange(count), features.bit_counts), features.bits] = 1.0
    sizes = features.bit_counts.astype(np.float32)
    known = features.descriptors
    squares = np.square(known).sum(axis=1)
    matrix = np.empty((count, count), dtype=np.float32)
    for start in range(0, count, _ROWS_AT_ONCE):  # in parts, so that hardly more than the result is held
        rows = slice(start, start + _ROWS_AT_ONCE)
        shared = dense[rows] @ dense.T
        shared /= np.maximum(sizes[rows, None] + sizes - shared, 1.0)
        distance = squares[rows, None] + squares - 2.0 * (known[rows] @ known.T)
        matrix[rows] = shared + np.float32(DESCRIPTOR_SHARE) * _gaussian(np.maximum(distance, 0.0))
    return matrix


def _gaussian(squared_distance: np.ndarray) -> np.ndarray:
    """1 at distance zero, exp(-1/2) where descriptors differ by one each."""
    return np.exp(squared_distance / (-2.0 * len(DESCRIPTORS)))

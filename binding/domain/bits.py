"""Fingerprints of many ligands, stored for fast comparison of one ligand with all of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from binding.domain.fingerprint import NUM_BITS
from binding.recent import Recent

_DENSE: Final = 128  # most frequent bits, compared as a block; the others, few in any ligand, by lists of their owners
_KEPT: Final = 4096  # greatest similarities that are remembered: a screen's domain asks for what its prior has asked


class BitIndex:
    """The fingerprints of n ligands.

    Args:
        bits: Bits of all ligands, concatenated; see ``binding.domain.fingerprint``.
        counts: (n,) number of bits of each ligand.

    Attributes:
        counts: The same, float32.
    """

    def __init__(self, bits: np.ndarray, counts: np.ndarray) -> None:
        self.counts = counts.astype(np.float32)
        self._watched: np.ndarray | None = None  # (n,) 1 for those that are, 0 for the others
        self._greatest = Recent[float](_KEPT)  # by fingerprint
        frequency = np.bincount(bits, minlength=NUM_BITS)
        self._place = np.empty(NUM_BITS, dtype=np.int64)
        self._place[np.argsort(-frequency, kind="stable")] = np.arange(NUM_BITS)
        owners = np.repeat(np.arange(len(self), dtype=np.int64), counts.astype(np.int64))
        places = self._place[bits]
        frequent = places < _DENSE
        dense = np.zeros((len(self), _DENSE), dtype=bool)
        dense.reshape(-1)[owners[frequent] * _DENSE + places[frequent]] = True
        self._dense = np.ascontiguousarray(np.packbits(dense, axis=1).view(np.uint64).T)
        rare = (places[~frequent] - _DENSE).astype(np.uint16)
        order = np.argsort(rare, kind="stable")
        self._rare_owners = owners[~frequent][order]
        self._rare_starts = np.searchsorted(rare[order], np.arange(NUM_BITS - _DENSE + 1))

    def __len__(self) -> int:
        return len(self.counts)

    def similarity(self, bits: np.ndarray) -> np.ndarray:
        """(n,) float32, Tanimoto similarity to each of the ligands.

        Args:
            bits: (on,) bits of a fingerprint.
        """
        places = self._place[bits]
        query = np.zeros(_DENSE, dtype=bool)
        query[places[places < _DENSE]] = True
        packed = np.packbits(query).view(np.uint64)
        shared = np.zeros(len(self), dtype=np.uint8)  # of _DENSE bits at most
        for asked, held in zip(packed, self._dense, strict=True):
            shared += np.bitwise_count(held & asked)
        similarity = shared.astype(np.float32)
        rare = places[places >= _DENSE] - _DENSE
        owners = [self._rare_owners[self._rare_starts[bit] : self._rare_starts[bit + 1]] for bit in rare.tolist()]
        if owners:
            similarity += np.bincount(np.concatenate(owners), minlength=len(self)).astype(np.float32)
        union = self.counts + np.float32(len(bits))
        union -= similarity
        similarity /= np.maximum(union, 1.0, out=union)
        watched = similarity if self._watched is None else similarity * self._watched
        self.remember(bits, self._exact(watched, len(bits)) if len(self) else 0.0)
        return similarity

    def matrix(self) -> np.ndarray:
        """(n, NUM_BITS) bool, the fingerprints."""
        places = np.zeros((len(self), NUM_BITS), dtype=bool)
        packed = np.ascontiguousarray(self._dense.T).view(np.uint8)
        places[:, :_DENSE] = np.unpackbits(packed, axis=1, count=_DENSE)
        rare = np.repeat(np.arange(_DENSE, NUM_BITS), np.diff(self._rare_starts))
        places[self._rare_owners, rare] = True
        return places[:, self._place]

    @property
    def watched(self) -> np.ndarray:
        """(n,) float32, 1 for ligands of which ``greatest`` is asked, else 0."""
        return np.ones(len(self), dtype=np.float32) if self._watched is None else self._watched

    def remember(self, bits: np.ndarray, greatest: float) -> None:
        """Takes what ``greatest`` of a fingerprint is, where it was found elsewhere.

        Args:
            bits: (on,) bits of a fingerprint.
            greatest: In 64 bits.
        """
        self._greatest.keep(bits.tobytes(), greatest)

    def _exact(self, similarity: np.ndarray, size: int) -> float:
        """The greatest of the similarities to a fingerprint of so many bits, in 64 bits."""
        row = similarity.argmax()
        both, found = float(self.counts[row]) + size, float(similarity[row])
        shared = round(both * found / (1.0 + found))
        return shared / max(both - shared, 1.0)

    def watch(self, rows: np.ndarray) -> None:
        """Let ``greatest`` be that of some of the ligands.

        Args:
            rows: (m,) of the ligands.
        """
        self._watched = np.zeros(len(self), dtype=np.float32)
        self._watched[rows] = 1.0
        self._greatest.clear()

    def greatest(self, bits: np.ndarray) -> float:
        """The greatest similarity to any of the ligands, or to those watched; nothing is computed twice.

        Args:
            bits: (on,) bits of a fingerprint.
        """
        key = bits.tobytes()
        if key not in self._greatest:
            self.similarity(bits)
        return self._greatest[key]

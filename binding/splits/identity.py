"""Sequence identity between many proteins: short words find the pairs worth aligning, alignment decides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from Bio.Align import PairwiseAligner, substitution_matrices

from binding.io.sequences import UNKNOWN

_LETTERS: Final = "ACDEFGHIKLMNPQRSTVWY"
_BAND: Final = 16  # diagonals that count together: room for insertions and deletions
# Karlin and Altschul's law for BLOSUM62 with gaps 11 + 1 (PNAS 87, 2264, 1990): m * n * K * exp(-lambda * score) chance
# alignments of that score are expected of sequences of m and n residues.
_LAMBDA, _K = 0.267, 0.041
CHANCE: Final = 1e-6  # alignments by chance in a pair; 13,200 pairs of shuffled pockets came to 4e-5 at the least
# Found by aligning 24,090 pairs of 220 pockets: all 633 with an identity of 0.3 or more share at least 2.7 times the
# identity times the root of the length in words, and score at least 2.7 times the identity for each residue. In another
# draw, 408 of 409 (scripts.measure.splits).
_WORDS: Final = 2.5
_SCORE: Final = 2.0
_SHORT: Final = 30  # residues; the words needed by a shorter sequence
_CELLS: Final = 8_000_000  # counted at once, 64 MB
_FEW: Final = 5  # candidates aligned where none shares enough words


def _aligner() -> PairwiseAligner:
    """Local alignment, BLOSUM62, gaps 11 + 1; an unknown residue fits anything and earns nothing."""
    blosum = substitution_matrices.load("BLOSUM62")
    scores = substitution_matrices.Array(_LETTERS + UNKNOWN, dims=2)
    for first in _LETTERS:
        for second in _LETTERS:
            scores[first, second] = blosum[first, second]
    aligner = PairwiseAligner(mode="local", substitution_matrix=scores)
    aligner.open_gap_score, aligner.extend_gap_score = -11.0, -1.0
    return aligner


class SequenceIndex:
    """Sequences to compare with one another; equal ones should be given once.

    The identity of two sequences is the number of identical pairs in their best local alignment over the number of
    known residues of the shorter one. It is 0 where the alignment is no better than chance gives: between unrelated
    sequences of unequal length a third of the shorter one can be matched.

    Args:
        sequences: One-letter codes, ``X`` unknown.
    """

    def __init__(self, sequences: Sequence[str]) -> None:
        self.sequences = list(sequences)
        table = np.full(128, -1, dtype=np.int16)
        table[[ord(letter) for letter in _LETTERS]] = np.arange(len(_LETTERS))
        self._codes = [table[np.frombuffer(s.encode("ascii"), dtype=np.uint8)] for s in self.sequences]
        self._lengths = np.array([len(codes) for codes in self._codes], dtype=np.int64)
        self.known = np.array([np.count_nonzero(codes >= 0) for codes in self._codes], dtype=np.int64)
        self._aligner = _aligner()
        self._index_words()

    def _index_words(self) -> None:
        """All words of two known letters, sorted: where each occurs."""
        owners, places, words = [], [], []
        for row, codes in enumerate(self._codes):
            place = np.flatnonzero((codes[:-1] >= 0) & (codes[1:] >= 0))
            owners.append(np.full(len(place), row, dtype=np.int32))
            places.append(place.astype(np.int32))
            words.append(codes[place] * len(_LETTERS) + codes[place + 1])
        word = np.concatenate(words) if words else np.zeros(0, dtype=np.int16)
        order = np.argsort(word, kind="stable")
        self._owners = np.concatenate(owners)[order] if owners else np.zeros(0, dtype=np.int32)
        self._places = np.concatenate(places)[order] if places else np.zeros(0, dtype=np.int32)
        self._starts = np.searchsorted(word[order], np.arange(len(_LETTERS) ** 2 + 1))
        self._own_words = list(zip(places, words, strict=True))

    def shared_words(self, row: int, others: np.ndarray) -> np.ndarray:
        """How many words each of ``others`` shares with a sequence at about the same distance (a band of diagonals).

        Args:
            row: Row of the sequence.
            others: (n,) rows.

        Returns:
            (n,) the largest number of matches in any band of 16 diagonals.
        """
        place, word = self._own_words[row]
        counts = self._starts[word + 1] - self._starts[word]
        if not counts.sum() or not len(others):
            return np.zeros(len(others), dtype=np.int64)
        half = _BAND // 2
        shift = -(-int(self._lengths[others].max()) // half) * half  # whole bands, so that their places are the same
        width = (len(self._codes[row]) + shift) // half + 2
        if len(others) > 1 and len(others) * width > _CELLS:
            middle = len(others) // 2
            return np.concatenate([self.shared_words(row, part) for part in (others[:middle], others[middle:])])
        wanted = np.full(len(self.sequences), -1, dtype=np.int64)
        wanted[others] = np.arange(len(others))
        hits = np.repeat(self._starts[word] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        target = wanted[self._owners[hits]]
        here = target >= 0
        diagonal = np.repeat(place, counts)[here] - self._places[hits[here]] + shift
        cells = np.bincount(target[here] * width + diagonal // half, minlength=len(others) * width)
        cells = cells.reshape(len(others), width)
        return (cells[:, 1:] + cells[:, :-1]).max(axis=1)  # bands overlap by half

    def score(self, first: int, second: int) -> float:
        """Score of the best local alignment for each residue of the shorter sequence; 0 where chance explains it."""
        if not self.known[first] or not self.known[second]:
            return 0.0
        score = self._aligner.score(self.sequences[first], self.sequences[second])
        expected = _K * float(self.known[first]) * float(self.known[second]) * math.exp(-_LAMBDA * score)
        return score / self._length(first, second) if expected <= CHANCE else 0.0

    def identity(self, first: int, second: int) -> float:
        """Identity of two sequences by alignment, 0 to 1."""
        if self.score(first, second) == 0.0:
            return 0.0
        first, second = min(first, second), max(first, second)  # the same alignment from either side
        alignment = self._aligner.align(self.sequences[first], self.sequences[second])[0]
        one, two = self._codes[first], self._codes[second]
        same = 0
        for (a0, a1), (b0, b1) in zip(*alignment.aligned, strict=True):
            same += int(np.count_nonzero((one[a0:a1] == two[b0:b1]) & (one[a0:a1] >= 0)))
        return same / self._length(first, second)

    def _length(self, first: int, second: int) -> int:
        return int(min(self.known[first], self.known[second]))

    def _words_needed(self, row: int, others: np.ndarray, threshold: float) -> np.ndarray:
        return _WORDS * threshold * np.sqrt(np.maximum(np.minimum(self.known[row], self.known[others]), _SHORT))

    def is_related(self, first: int, second: int, threshold: float) -> bool:
        """Whether the identity reaches a threshold; most pairs are refused by their score alone, five times faster."""
        return self.score(first, second) >= _SCORE * threshold and self.identity(first, second) >= threshold

    def candidates(self, row: int, others: np.ndarray, threshold: float, least: int = 0) -> np.ndarray:
        """Those of ``others`` that share enough words to be worth aligning, the most promising first.

        Args:
            row: Row of the sequence.
            others: (n,) rows.
            threshold: Identity that must not be missed.
            least: How many to give even where fewer share enough.
        """
        words = self.shared_words(row, others)
        order = np.lexsort((others, -words))
        enough = words[order] >= self._words_needed(row, others[order], threshold)
        enough[:least] = True
        return others[order[enough]]

    def nearest(self, row: int, others: np.ndarray, threshold: float) -> tuple[int, float]:
        """The most alike of ``others`` and its identity; -1 and 0 where none is alike beyond chance.

        Args:
            row: Row of the sequence.
            others: (n,) rows.
            threshold: Identity that must not be missed; below it only the few that share most words are aligned.
        """
        if row in others:
            return row, 1.0
        found = self.candidates(row, others, threshold, least=_FEW)
        scores = np.array([self.score(row, int(other)) for other in found])
        best, identity = -1, 0.0
        for place in np.argsort(-scores, kind="stable"):
            if scores[place] <= _SCORE * identity:
                break  # a pair as identical scores more than this, so that none of the rest can be nearer
            value = self.identity(row, int(found[place]))
            if value > identity:
                best, identity = int(found[place]), value
        return best, identity

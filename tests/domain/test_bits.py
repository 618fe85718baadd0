"""Many fingerprints compared with one: the same numbers as set by set."""

from __future__ import annotations

import numpy as np
import pytest

from binding.domain.bits import BitIndex
from binding.domain.fingerprint import NUM_BITS


def index_of(rows: list[np.ndarray]) -> BitIndex:
    joined = np.concatenate([np.zeros(0, dtype=np.uint16), *rows]).astype(np.uint16)
    return BitIndex(joined, np.array([len(row) for row in rows], dtype=np.int64))


def tanimoto(one: np.ndarray, other: np.ndarray) -> float:
    shared = len(np.intersect1d(one, other))
    return shared / max(len(one) + len(other) - shared, 1)


def some_bits(generator: np.random.Generator, size: int) -> np.ndarray:
    """Frequent and rare ones: 2048 bits, of which the low ones are drawn much oftener."""
    drawn = (NUM_BITS * generator.random(size) ** 3).astype(np.uint16)
    return np.unique(drawn)


@pytest.mark.parametrize("count", [1, 3, 200])
def test_it_is_tanimoto(count):
    """Random sets with one row that is empty, one full, one of a single bit."""
    generator = np.random.default_rng(count)
    rows = [some_bits(generator, size) for size in generator.integers(5, 90, count)]
    odd = [np.zeros(0, dtype=np.uint16), np.arange(NUM_BITS, dtype=np.uint16), np.array([2047], dtype=np.uint16)]
    rows += odd
    index = index_of(rows)
    assert len(index) == count + 3
    for asked in [*rows[:5], *odd, some_bits(generator, 60)]:
        assert index.similarity(asked) == pytest.approx([tanimoto(asked, row) for row in rows], abs=1e-7)


def test_no_ligand_no_number():
    assert index_of([]).similarity(np.array([3, 70], dtype=np.uint16)).shape == (0,)


def test_only_rare_bits_and_only_frequent_ones():
    """With 400 different bits, those past the 256 most frequent are held as lists of owners."""
    rows = [np.array([bit, 5], dtype=np.uint16) for bit in range(100, 500)]
    index = index_of(rows)
    for bit in (100, 499):
        found = index.similarity(np.array([bit], dtype=np.uint16))
        assert np.flatnonzero(found).tolist() == [bit - 100]
        assert found.max() == 0.5
    assert index.similarity(np.array([5], dtype=np.uint16)) == pytest.approx(np.full(400, 0.5))
    assert not index.similarity(np.array([2000], dtype=np.uint16)).any(), "a bit that no known ligand has"


def test_the_fingerprints_as_a_matrix():
    """For products on a device; and what was found there is not computed again."""
    generator = np.random.default_rng(7)
    rows = [some_bits(generator, size) for size in (0, 3, 60, 90)] + [np.arange(NUM_BITS, dtype=np.uint16)]
    index = index_of(rows)
    assert [np.flatnonzero(row).tolist() for row in index.matrix()] == [row.tolist() for row in rows]
    assert index.watched.tolist() == [1.0] * 5
    index.watch(np.array([2]))
    assert index.watched.tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]
    index.remember(rows[1], 0.25)
    assert index.greatest(rows[1]) == 0.25

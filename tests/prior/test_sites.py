"""How alike two binding sites are: the Tanimoto similarity of sets, the same one by one and in a matrix."""

from __future__ import annotations

import numpy as np
import pytest
from binding_sites import NOWHERE, site

from binding.prior import sites as module
from binding.prior.sites import Sites, tanimoto

NAMES = ("1s2g", "1ia1", "4cup", "6wqa", "5ht1b")


@pytest.fixture(scope="module")
def words() -> list[np.ndarray]:
    """Seven sites: of five proteins, of one of them in part, and one without words."""
    return [*map(site, NAMES), site("5ht1b", 8.5), NOWHERE]


def by_sets(one: np.ndarray, other: np.ndarray) -> float:
    first, second = set(one.tolist()), set(other.tolist())
    return len(first & second) / max(len(first | second), 1)


def test_it_is_tanimoto(words):
    known = Sites.of(words)
    for asked in [*words, site("1ia1", 8.0)]:
        expected = [by_sets(asked, other) for other in words]
        assert known.similarity(asked) == pytest.approx(expected, abs=1e-12)
        assert [tanimoto(asked, other) for other in words] == expected


def test_a_site_is_itself_and_like_a_part_of_itself_and_no_other(words):
    matrix = np.array([Sites.of(words).similarity(asked) for asked in words])
    assert np.diag(matrix).tolist() == [1.0] * 6 + [0.0], "what is not known is not even like itself"
    assert 0.3 < matrix[4, 5] < 1.0
    assert matrix[:4, :4].sum() == pytest.approx(4.0, abs=0.2), "proteins of four families share hardly a word"


def test_words_that_no_site_has():
    known = Sites.of([np.array([3, 7], dtype=np.uint32)])
    assert known.similarity(np.array([0, 5, 9], dtype=np.uint32)).tolist() == [0.0]
    assert Sites.of([]).similarity(np.array([5], dtype=np.uint32)).shape == (0,)
    assert Sites.of([NOWHERE]).similarity(np.array([5], dtype=np.uint32)).tolist() == [0.0]


def test_what_is_split_is_what_was_joined(words):
    assert [part.tolist() for part in Sites.of(words).split()] == [part.tolist() for part in words]


@pytest.mark.parametrize("at_once", [4, 1024])
def test_a_kernel_is_multiplied_by_one_and_the_similarity(words, monkeypatch, at_once):
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", at_once)
    site_of = np.array([0, 4, 5, -1, 4, 2, -1, 1, 3])
    before = np.random.default_rng(0).random((9, 9)).astype(np.float32)
    places = [NOWHERE if row < 0 else words[row] for row in site_of]
    alike = np.array([[by_sets(one, other) for other in places] for one in places])
    matrix = before.copy()
    Sites.of(words).scale(matrix, site_of)
    assert matrix == pytest.approx(before * (1.0 + alike), abs=1e-6)
    matrix = before.copy()
    Sites.of([]).scale(matrix, np.full(9, -1))
    assert np.array_equal(matrix, before), "no site is known"

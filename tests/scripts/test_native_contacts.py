"""Log odds of native contacts, from made-up counts."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.release.native_contacts import MOST, angle_odds, distance_odds


def test_what_is_as_often_as_usual_says_nothing():
    shape = np.array([1.0, 5.0, 9.0, 5.0, 1.0])
    counts = np.ones((2, 3, 1)) * shape * 1000.0
    assert distance_odds(counts) == pytest.approx(0.0, abs=1e-3)
    flat = np.full((2, 3, 4, 6), 1000.0)
    assert angle_odds(flat) == pytest.approx(0.0, abs=1e-3)


def test_two_kinds_that_prefer_a_distance_say_so_and_few_contacts_say_less():
    counts = np.full((2, 2, 12), 1000.0)
    counts[0, 0, 3:6] = 4000.0
    strong = distance_odds(counts)
    assert strong[0, 0, 4] > 0.3 > strong[0, 0, 10]
    assert strong[1, 1, 4] < 0.0, "the others meet there less often than all contacts do"
    many, few = counts.copy(), counts.copy()
    many[0, 0] /= 50.0
    few[0, 0] /= 50_000.0  # as uneven, of half a contact
    assert 0.0 <= distance_odds(few)[0, 0, 4] < 0.3 * distance_odds(many)[0, 0, 4]


def test_an_angle_that_is_preferred_at_a_distance_is_told():
    counts = np.full((2, 2, 5, 6), 500.0)
    counts[0, 0, 2, 5] = 5000.0
    odds = angle_odds(counts)
    assert odds[0, 0, 2, 5] > 0.5
    assert odds[0, 0, 2, 0] < 0.0
    assert abs(odds[1, 1, 2]).max() < odds[0, 0, 2, 5]


def test_no_table_says_more_than_its_bound():
    counts = np.zeros((2, 2, 8))
    counts[0, 0, 4] = 1e6
    assert np.abs(distance_odds(counts)).max() <= MOST

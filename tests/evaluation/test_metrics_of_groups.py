"""Ranking inside targets and series, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from binding.evaluation import TruthColumns, evaluate
from binding.io.index import IndexEntry
from binding.metrics import mean_over_groups
from binding.units import Affinity

# target, measured, predicted: A is ranked with one pair swapped, B backwards, C is too small, D has nothing to rank.
ROWS = [
    ("a1", "A", 1.0, 1.0),
    ("a2", "A", 2.0, 3.0),
    ("a3", "A", 3.0, 2.0),
    ("a4", "A", 4.0, 4.0),
    ("b1", "B", 5.0, 9.0),
    ("b2", "B", 6.0, 8.0),
    ("b3", "B", 7.0, 7.0),
    ("c1", "C", 5.0, 5.0),
    ("c2", "C", 6.0, 6.0),
    ("d1", "D", 5.0, 5.0),
    ("d2", "D", 5.0, 6.0),
    ("d3", "D", 5.0, 7.0),
    ("e1", "", 5.0, 7.0),
]
TRUTH = [IndexEntry(id, Affinity(pk), {"target": target}) for id, target, pk, _ in ROWS]
PREDICTED = pd.DataFrame({"id": [row[0] for row in ROWS], "pk": [row[3] for row in ROWS]})


def test_ranking_is_the_plain_mean_over_targets():
    section = evaluate(PREDICTED, TRUTH, columns=TruthColumns(group="target"), resamples=50).section("ranking")
    model = section.columns[0]
    # A: rho = 1 - 6 * 2 / (4 * 15) = 0.8, tau = (5 - 1) / 6; B: -1 and -1
    assert model.metrics["spearman"].value == pytest.approx((0.8 - 1.0) / 2)
    assert model.metrics["kendall"].value == pytest.approx((4 / 6 - 1.0) / 2)
    assert model.n == 7
    assert section.groups["group"].tolist() == ["A", "B"]
    assert section.groups["spearman"].tolist() == pytest.approx([0.8, -1.0])


def test_targets_without_a_rank_are_named_and_counted():
    section = evaluate(PREDICTED, TRUTH, columns=TruthColumns(group="target"), resamples=0).section("ranking")
    assert set(section.left_out) == {"C", "D"}
    assert "fewer than 3" in section.left_out["C"]
    assert "same measured pK" in section.left_out["D"]
    assert section.counts == {
        "groups": 2, "rows": 7, "left_out_groups": 2, "left_out_rows": 5, "without_group": 1,
    }  # fmt: skip


def test_series_count_with_their_compounds():
    model = evaluate(PREDICTED, TRUTH, columns=TruthColumns(series="target"), resamples=0).section("series").columns[0]
    assert model.metrics["r"].value == pytest.approx((4 * 0.8 + 3 * -1.0) / 7)
    assert model.metrics["kendall"].value == pytest.approx((4 * (4 / 6) + 3 * -1.0) / 7)


def test_a_constant_column_ranks_nothing_and_keeps_its_target():
    table = PREDICTED.assign(heavy_atoms=[10, 12, 11, 13, 20, 20, 20, 5, 6, 7, 8, 9, 9])
    section = evaluate(table, TRUTH, columns=TruthColumns(group="target"), resamples=0).section("ranking")
    size = section.columns[1]
    assert (size.name, size.n) == ("heavy_atoms", 7)
    assert size.metrics["spearman"].value == pytest.approx((0.8 + 0.0) / 2)
    assert section.comparisons[0].differences["spearman"].value == pytest.approx(-0.1 - 0.4)


def test_size_ranks_by_size_and_not_by_a_line_that_may_fall():
    """Larger is weaker here: a fitted line would turn the order round and hide that."""
    truth = [IndexEntry(f"x{i}", Affinity(9.0 - i), {"target": "T"}) for i in range(5)]
    table = pd.DataFrame({"id": [e.id for e in truth], "pk": [1.0, 2, 3, 4, 5], "heavy_atoms": [10, 11, 12, 13, 14]})
    section = evaluate(table, truth, columns=TruthColumns(group="target"), resamples=0).section("ranking")
    assert section.columns[1].metrics["spearman"].value == pytest.approx(-1.0)


def test_peers_with_gaps_are_compared_on_what_they_have():
    peers = pd.DataFrame({"id": ["a1", "a2", "a3", "b1", "b2"], "other": [1.0, 2.0, 3.0, 1.0, 2.0]})
    report = evaluate(PREDICTED, TRUTH, columns=TruthColumns(group="target"), peers=peers, resamples=0)
    section = report.section("ranking")
    other = next(column for column in section.columns if column.name == "other")
    assert other.n == 3  # of B too few are left
    assert other.metrics["spearman"].value == pytest.approx(1.0)
    # The model on a1, a2, a3: order 1, 3, 2, rho = 1 - 6 * 2 / (3 * 8) = 0.5
    assert section.comparisons[-1].differences["spearman"].value == pytest.approx(0.5 - 1.0)


def test_intervals_come_from_resampled_groups():
    values, weights = np.array([0.1, 0.9, 0.4, 0.6]), np.array([1.0, 3.0, 2.0, 4.0])
    value, samples = mean_over_groups(values, weights, resamples=500, seed=4)
    assert value == pytest.approx((0.1 + 2.7 + 0.8 + 2.4) / 10)
    drawn = np.random.default_rng(4).integers(0, 4, size=(500, 4))
    assert samples[7] == pytest.approx(np.average(values[drawn[7]], weights=weights[drawn[7]]))
    alike = mean_over_groups(np.full(4, 0.3), weights, resamples=20)[1]
    assert alike == pytest.approx(np.full(20, 0.3))


def test_two_groups_have_a_mean_and_no_interval():
    value, samples = mean_over_groups(np.array([0.2, 0.4]), np.ones(2), resamples=100)
    assert value == pytest.approx(0.3)
    assert np.isnan(samples).all()


def test_no_group_at_all_is_told_and_no_crash():
    truth = [IndexEntry(id, Affinity(5.0), {"target": "T"}) for id in ("x", "y", "z")]
    table = pd.DataFrame({"id": ["x", "y", "z"], "pk": [1.0, 2.0, 3.0]})
    section = evaluate(table, truth, columns=TruthColumns(group="target")).section("ranking")
    assert section.counts["groups"] == 0
    assert math.isnan(section.columns[0].metrics["spearman"].value)
    assert section.as_dict()["columns"][0]["metrics"]["spearman"]["value"] is None


def test_ranking_of_published_scorers_on_casf2016(shared_data):
    """Vina's published Spearman per target is 0.53 (Su et al. 2019, 57 targets of five)."""
    from binding.io.truth import read_truth

    folder = shared_data / "casf2016"
    peers = pd.read_csv(folder / "peer_predictions.csv")
    truth = read_truth(folder / "index.csv", ["uniprot"])
    section = evaluate(peers, truth, column="vina", columns=TruthColumns(group="uniprot")).section("ranking")
    assert section.columns[0].metrics["spearman"].value == pytest.approx(0.53, abs=0.03)
    assert section.counts["rows"] + section.counts["left_out_rows"] + section.counts["without_group"] == 285

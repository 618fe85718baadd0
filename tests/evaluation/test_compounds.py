"""Poses and protomers of one compound: scored once, by the best."""

from __future__ import annotations

import pandas as pd
import pytest

from binding.errors import TableError
from binding.evaluation import TruthColumns, evaluate
from binding.io.index import IndexEntry
from binding.units import Affinity


def entry(id: str, pk: float, compound: str, series: str = "s") -> IndexEntry:
    return IndexEntry(id, Affinity(pk), {"compound": compound, "series": series})


TRUTH = [
    entry("p1", 6.0, "x"),
    entry("p2", 6.0, "x"),
    entry("p3", 7.0, "y"),
    entry("p4", 8.0, ""),
    entry("p5", 5.0, ""),
    entry("q1", 4.0, "x", "other"),
]
TABLE = pd.DataFrame(
    {
        "id": ["p1", "p2", "p3", "p4", "p5", "q1"],
        "pk": [5.0, 6.5, 7.0, 8.5, 5.5, 4.0],
        "pk_std": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        "pk_ligand_only": [6.2, 6.1, 7.0, 8.0, 5.0, 4.0],
    }
)
COLUMNS = TruthColumns(series="series", compound="compound")


def test_the_best_pose_speaks_for_the_compound():
    report = evaluate(TABLE, TRUTH, columns=COLUMNS, resamples=0)
    assert report.joined["id"].tolist() == ["p2", "p3", "p4", "p5", "q1"]
    assert report.joined["pk_std"].tolist() == [0.2, 0.3, 0.4, 0.5, 0.6]  # that of the pose that was chosen
    assert report.model.metrics["mae"].value == pytest.approx((0.5 + 0.0 + 0.5 + 0.5 + 0.0) / 5)


def test_other_columns_give_their_own_best():
    twin = evaluate(TABLE, TRUTH, columns=COLUMNS, resamples=0).columns[1]
    assert twin.name == "pk_ligand_only"
    assert twin.metrics["mae"].value == pytest.approx(0.2 / 5)  # 6.2 of p1, not 6.1 of p2


def test_rows_without_a_compound_stand_for_themselves_and_names_belong_to_their_series():
    counts = evaluate(TABLE, TRUTH, columns=COLUMNS, resamples=0).counts
    assert (counts.asked, counts.scored, counts.merged) == (6, 5, 1)
    assert counts.asked == counts.scored + counts.merged + counts.failed + counts.missing + counts.censored


def test_a_failed_pose_does_not_take_its_compound_with_it():
    report = evaluate(TABLE.assign(pk=[5.0, float("nan"), 7.0, 8.5, 5.5, 4.0]), TRUTH, columns=COLUMNS, resamples=0)
    assert report.joined["id"].tolist()[0] == "p1"
    assert (report.counts.scored, report.counts.failed, report.counts.merged) == (5, 1, 0)


def test_poses_of_one_compound_with_two_measurements_are_refused():
    truth = [*TRUTH[:1], entry("p2", 6.4, "x"), *TRUTH[2:]]
    with pytest.raises(TableError, match=r"truth\.csv: the compound 'x' .*different pK: p1, p2") as caught:
        evaluate(TABLE, truth, columns=COLUMNS, truth_name="truth.csv")
    assert "correct the wrong rows" in caught.value.hint


def test_an_id_twice_in_the_truth_is_refused():
    with pytest.raises(TableError, match="'p1' more than once"):
        evaluate(TABLE, [*TRUTH, TRUTH[0]])

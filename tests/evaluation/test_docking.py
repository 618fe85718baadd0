"""Docking power, worked by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from binding.errors import TableError, UsageError
from binding.evaluation import TruthColumns, evaluate
from binding.evaluation.docking import success
from binding.io.index import IndexEntry
from binding.units import Affinity

NAN = float("nan")
# target, RMSD / Å, pk, pose: A right at once, B at the second, C at the third by pk; D has no near-native pose.
POSES = [
    ("A", "0.5", 9.0, 0.1),
    ("A", "4.0", 8.0, 0.9),
    ("B", "3.0", 9.0, 0.2),
    ("B", "2.0", 8.0, 0.8),
    ("C", "5.0", 9.0, 0.1),
    ("C", "6.0", 8.0, 0.2),
    ("C", "1.0", 7.0, 0.9),
    ("C", "7.0", 6.0, 0.3),
    ("D", "2.1", 9.0, 0.9),
    ("D", "8.0", 8.0, 0.8),
]
COLUMNS = TruthColumns(group="target", rmsd="rmsd")


def truth(rows=POSES) -> list[IndexEntry]:
    return [IndexEntry(f"p{i}", Affinity(NAN), {"target": row[0], "rmsd": row[1]}) for i, row in enumerate(rows)]


def table(rows=POSES) -> pd.DataFrame:
    return pd.DataFrame(
        {"id": [f"p{i}" for i in range(len(rows))], "pk": [r[2] for r in rows], "pose": [r[3] for r in rows]}
    )


def tops(section, name: str) -> list[float]:
    column = next(column for column in section.columns if column.name == name)
    return [column.metrics[f"top{k}"].value for k in (1, 2, 3)]


def test_share_of_targets_with_a_near_native_pose_among_the_best():
    section = evaluate(table(), truth(), columns=COLUMNS, resamples=200).section("docking")
    assert tops(section, "pk") == pytest.approx([1 / 4, 2 / 4, 3 / 4])
    assert tops(section, "pose") == pytest.approx([2 / 4, 3 / 4, 3 / 4])  # B and C at once, A at the second
    assert section.counts["targets_without_near_native"] == 1
    gap = section.comparisons[0].differences["top1"]
    assert gap.value == pytest.approx(-1 / 4)
    assert gap.low <= gap.value <= gap.high


def test_what_cannot_tell_poses_apart_is_chance():
    size = table().assign(heavy_atoms=20)
    section = evaluate(size, truth(), columns=COLUMNS, resamples=0).section("docking")
    # One of two, one of two, one of four, none of two.
    assert tops(section, "heavy_atoms")[0] == pytest.approx((1 / 2 + 1 / 2 + 1 / 4 + 0) / 4)


@pytest.mark.parametrize("top", [1, 2, 3])
def test_equal_scores_are_the_mean_over_their_orders(top):
    score, near = np.array([5.0, 5.0, 5.0, 7.0, 1.0, 5.0]), np.array([True, False, False, False, True, True])
    orders = [
        order
        for order in itertools.permutations(range(6))
        if (np.diff(score[list(order)]) <= 0).all()  # best first
    ]
    expected = np.mean([near[list(order[:top])].any() for order in orders])
    assert success(score, near, top) == pytest.approx(expected)


def test_a_pose_without_a_score_is_never_chosen():
    assert success(np.array([NAN, 1.0]), np.array([True, False]), 2) == 0.0
    assert success(np.array([NAN, NAN]), np.array([True, True]), 1) == 0.0
    failed = table()
    failed.loc[0, "pk"] = NAN
    report = evaluate(failed, truth(), columns=COLUMNS, resamples=0)
    assert tops(report.section("docking"), "pk")[0] == 0.0
    assert report.counts.failed == 1
    assert report.section("docking").counts["unscored_poses"] == 1


def test_docking_needs_no_affinities_and_says_that_there_are_none():
    report = evaluate(table(), truth(), columns=COLUMNS, resamples=0)
    assert (report.counts.scored, report.counts.unmeasured) == (0, 10)
    assert [section.name for section in report.sections] == ["docking"]


def test_rows_without_an_rmsd_are_left_out_and_counted():
    rows = [*POSES, ("A", "", 99.0, 1.0)]
    section = evaluate(table(rows), truth(rows), columns=COLUMNS, resamples=0).section("docking")
    assert section.counts["rows_without_rmsd_or_target"] == 1
    assert tops(section, "pk")[0] == pytest.approx(1 / 4)


@pytest.mark.parametrize("cell", ["far", "-1", "nan"])
def test_an_rmsd_that_is_none_is_named(cell):
    rows = [*POSES, ("A", cell, 5.0, 0.5)]
    with pytest.raises(TableError, match="'p10'"):
        evaluate(table(rows), truth(rows), columns=COLUMNS)


def test_poses_need_targets():
    with pytest.raises(UsageError) as caught:
        TruthColumns(rmsd="rmsd")
    assert "--group" in caught.value.hint

"""Pictures of an evaluation: which are drawn, that they hold their points, that odd input draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from binding.evaluation import Report, TruthColumns, evaluate
from binding.io.index import IndexEntry
from binding.units import Affinity

pytest.importorskip("matplotlib")

from binding.reports import evaluation


def report(n: int = 60, **changes: object) -> Report:
    generator = np.random.default_rng(6)
    pk = generator.normal(6.5, 1.5, n)
    truth = [IndexEntry(f"c{i}", Affinity(float(v)), {"target": f"t{i % 5}"}) for i, v in enumerate(pk)]
    table = pd.DataFrame({"id": [e.id for e in truth], "pk": pk + generator.normal(size=n), "pk_std": 1.0})
    table["heavy_atoms"] = generator.integers(12, 40, n)
    return evaluate(table.assign(**changes), truth, columns=TruthColumns(group="target"), resamples=50)


def test_what_is_drawn(tmp_path):
    paths = evaluation.draw(report(), tmp_path)
    names = {path.name for path in paths}
    assert names == {f"{n}.{s}" for n in ("predicted", "residuals", "calibration", "ranking") for s in ("svg", "png")}
    assert all(path.stat().st_size > 5000 for path in paths)


def test_same_report_gives_the_same_svg(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        evaluation.draw(report(), folder)
    assert (first / "predicted.svg").read_bytes() == (second / "predicted.svg").read_bytes()


def test_points_are_the_rows_and_bars_their_spread():
    found = report()
    ax = evaluation.predicted_against_measured(found).axes[0]
    points = ax.collections[-1].get_offsets()
    assert np.asarray(points) == pytest.approx(found.joined[["pk_true", "pk"]].to_numpy())
    bars = next(c for c in ax.collections if len(c.get_paths()) == 60 and c.get_paths()[0].vertices.shape == (2, 2))
    assert np.ptp(bars.get_paths()[0].vertices[:, 1]) == pytest.approx(2.0)  # pk_std either way


def test_groups_are_all_drawn_and_sorted():
    section = report().section("ranking")
    ax = evaluation.figures_by_group(section).axes[0]
    assert len(ax.get_yticklabels()) == 5
    own = section.groups[section.groups["name"] == "pk"].set_index("group")["spearman"]
    best_first = [label.get_text().split(" ")[0] for label in ax.get_yticklabels()]
    assert best_first == own.sort_values(ascending=False).index.tolist()


@pytest.mark.parametrize(
    "changes",
    [{"pk_std": np.nan}, {"heavy_atoms": 20}, {"heavy_atoms": np.nan}, {"pk": 6.0}],
    ids=["no spread", "one size", "no size", "constant"],
)
def test_odd_columns_draw(tmp_path, changes):
    names = {path.name for path in evaluation.draw(report(**changes), tmp_path)}
    assert "predicted.png" in names
    assert ("calibration.png" in names) == (changes.get("pk_std", 1.0) == 1.0)


def test_one_row_draws(tmp_path):
    table = pd.DataFrame({"id": ["x"], "pk": [6.0], "pk_std": [1.0], "heavy_atoms": [20]})
    assert evaluation.draw(evaluate(table, [IndexEntry("x", Affinity(5.0))], resamples=10), tmp_path)


def test_nothing_scored_draws_nothing(tmp_path):
    assert evaluation.draw(report(pk=np.nan), tmp_path) == []

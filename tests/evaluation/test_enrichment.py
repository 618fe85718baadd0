"""Enrichment: by hand, against RDKit, with equal scores, resampled."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from rdkit.ML.Scoring import Scoring

from binding.errors import TableError
from binding.evaluation import TruthColumns, evaluate
from binding.evaluation.enrichment import METRICS, enrichment_figures
from binding.io.index import IndexEntry
from binding.units import Affinity

NAN = float("nan")


def rdkit_figures(labels_best_first) -> dict[str, float]:
    rows = [[int(label)] for label in labels_best_first]
    # One at a time: where two fractions are the same number of compounds, RDKit takes one more for the second.
    ef1, ef5 = (Scoring.CalcEnrichment(rows, 0, [fraction])[0] for fraction in (0.01, 0.05))
    return {
        "ef1": ef1, "ef5": ef5, "bedroc": Scoring.CalcBEDROC(rows, 0, 20.0), "auc": Scoring.CalcAUC(rows, 0),
    }  # fmt: skip


def test_ten_compounds_by_hand():
    """Actives at places 1 and 4 of 10: AUC = 1 - (0 + 2) / (2 * 8); the best 1 % and 5 % are one compound."""
    active = np.array([1, 0, 0, 1, 0, 0, 0, 0, 0, 0], dtype=bool)
    found = {name: values[0] for name, values in enrichment_figures(np.arange(10.0)[::-1], active).items()}
    assert found["auc"] == pytest.approx(1 - 2 / 16)
    assert found["ef1"] == found["ef5"] == pytest.approx(1.0 / (2 / 10))
    ranks, alpha = np.array([1, 4]), 20.0
    rie = np.exp(-alpha * ranks / 10).mean() / np.mean(np.exp(-alpha * np.arange(1, 11) / 10))
    worst = np.exp(-alpha * np.array([9, 10]) / 10).mean() / np.mean(np.exp(-alpha * np.arange(1, 11) / 10))
    best = np.exp(-alpha * np.array([1, 2]) / 10).mean() / np.mean(np.exp(-alpha * np.arange(1, 11) / 10))
    assert found["bedroc"] == pytest.approx((rie - worst) / (best - worst), abs=1e-9)


@pytest.mark.parametrize(("n", "actives"), [(40, 3), (230, 20), (1000, 37)])
def test_without_ties_the_figures_are_rdkits(n, actives):
    generator = np.random.default_rng(n)
    score, active = generator.normal(size=n), np.zeros(n, dtype=bool)
    active[generator.choice(n, actives, replace=False)] = True
    score[active] += 0.8
    expected = rdkit_figures(active[np.argsort(-score)])
    found = enrichment_figures(score, active)
    for name in METRICS:
        assert found[name][0] == pytest.approx(expected[name], abs=1e-9), name


def test_equal_scores_are_the_mean_over_their_orders():
    score = np.array([3.0, 2.0, 2.0, 2.0, 1.0, 1.0, 0.0])
    active = np.array([0, 1, 0, 0, 0, 1, 0], dtype=bool)
    orders = [o for o in itertools.permutations(range(7)) if (np.diff(score[list(o)]) <= 0).all()]
    each = [rdkit_figures(active[list(order)]) for order in orders]
    found = enrichment_figures(score, active)
    for name in METRICS:
        assert found[name][0] == pytest.approx(np.mean([figures[name] for figures in each]), abs=1e-9), name


def test_a_column_that_knows_nothing_is_chance():
    active = np.arange(200) < 10
    found = enrichment_figures(np.zeros(200), active)
    assert (found["ef1"][0], found["auc"][0]) == (pytest.approx(1.0), 0.5)


def test_one_percent_of_seven_hundred_is_seven():
    """0.01 * 700 is 7.000000000000001 in floating point."""
    active = np.zeros(700, dtype=bool)
    active[:7] = True
    assert enrichment_figures(np.arange(700.0)[::-1], active)["ef1"][0] == pytest.approx(100.0)


def test_a_resample_is_a_list_with_repeats():
    generator = np.random.default_rng(8)
    score, active = generator.normal(size=30).round(1), np.arange(30) % 5 == 0
    rows = np.concatenate([generator.choice(np.flatnonzero(kind), kind.sum()) for kind in (active, ~active)])
    weights = np.bincount(rows, minlength=30)[None]
    drawn, repeated = enrichment_figures(score, active, weights), enrichment_figures(score[rows], active[rows])
    for name in METRICS:
        assert drawn[name][0] == pytest.approx(repeated[name][0], abs=1e-12), name


def entries(labels, target="T") -> list[IndexEntry]:
    return [
        IndexEntry(f"{target}{i}", Affinity(NAN), {"label": label, "target": target}) for i, label in enumerate(labels)
    ]


def test_failed_and_missing_compounds_rank_last():
    truth = entries(["1", "0", "0", "1", "0"])
    table = pd.DataFrame({"id": ["T0", "T1", "T2", "T3"], "pk": [9.0, 8.0, 7.0, NAN]})
    report = evaluate(table, truth, columns=TruthColumns(label="label"), resamples=0)
    section = report.section("enrichment")
    # T0 beats three inactives; T3 (failed) ties with T4 (missing) at the end.
    assert section.columns[0].metrics["auc"].value == pytest.approx((3 + 0.5) / 6)
    assert (section.counts["unscored"], section.columns[0].n) == (2, 3)
    assert (report.counts.failed, report.counts.missing) == (1, 1)


def test_targets_count_alike_and_those_without_both_kinds_are_named():
    truth = [*entries("100", "A"), *entries("010", "B"), *entries("000", "C")]
    table = pd.DataFrame({"id": [e.id for e in truth], "pk": [3.0, 2, 1] * 3})
    section = evaluate(table, truth, columns=TruthColumns(label="label", group="target"), resamples=20).section(
        "enrichment"
    )
    assert section.columns[0].metrics["auc"].value == pytest.approx((1.0 + 0.5) / 2)
    assert section.left_out == {"C": "no active"}


def test_interval_of_auc_agrees_with_the_formula_of_hanley_and_mcneil():
    generator = np.random.default_rng(11)
    labels = ["1"] * 60 + ["0"] * 300
    truth = entries(labels)
    score = generator.normal(size=360) + 0.9 * (np.arange(360) < 60)
    table = pd.DataFrame({"id": [e.id for e in truth], "pk": score})
    auc = evaluate(table, truth, columns=TruthColumns(label="label")).section("enrichment").columns[0].metrics["auc"]
    a = auc.value
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = math.sqrt((a * (1 - a) + 59 * (q1 - a * a) + 299 * (q2 - a * a)) / (60 * 300))
    assert auc.low == pytest.approx(a - 1.96 * error, abs=0.02)
    assert auc.high == pytest.approx(a + 1.96 * error, abs=0.02)


def test_better_column_differs_from_worse_on_the_same_resamples():
    generator = np.random.default_rng(12)
    truth = entries(["1"] * 40 + ["0"] * 200)
    signal = (np.arange(240) < 40) * 2.0
    ids = [e.id for e in truth]
    table = pd.DataFrame({"id": ids, "pk": signal + generator.normal(size=240)})
    peers = pd.DataFrame({"id": ids, "noise": generator.normal(size=240)})
    section = evaluate(table, truth, columns=TruthColumns(label="label"), peers=peers).section("enrichment")
    gap = section.comparisons[0].differences["bedroc"]
    assert gap.low > 0
    assert gap.value == pytest.approx(
        section.columns[0].metrics["bedroc"].value - section.columns[1].metrics["bedroc"].value
    )


def test_labels_as_people_write_them():
    truth = entries(["active", "Inactive", "decoy", "TRUE", ""])
    table = pd.DataFrame({"id": [e.id for e in truth], "pk": [5.0, 4, 3, 2, 1]})
    counts = evaluate(table, truth, columns=TruthColumns(label="label"), resamples=0).section("enrichment").counts
    assert (counts["compounds"], counts["actives"], counts["rows_without_label_or_target"]) == (4, 2, 1)


def test_a_label_that_is_none_is_named():
    with pytest.raises(TableError, match="'T1' has the label 'maybe'"):
        evaluate(
            pd.DataFrame({"id": ["T0"], "pk": [1.0]}), entries(["1", "maybe"]), columns=TruthColumns(label="label")
        )


def test_actives_alone_say_nothing():
    with pytest.raises(TableError, match="both active and inactive"):
        evaluate(pd.DataFrame({"id": ["T0"], "pk": [1.0]}), entries(["1", "1"]), columns=TruthColumns(label="label"))

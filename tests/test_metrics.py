from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from binding import metrics


@pytest.fixture
def columns() -> tuple[np.ndarray, np.ndarray]:
    """(60,) predictions and truth, with ties in both."""
    generator = np.random.default_rng(7)
    truth = generator.normal(6.0, 2.0, 60).round(1)
    return (truth * 0.5 + generator.normal(3.0, 1.0, 60)).round(1), truth


def test_figures_are_those_of_scipy(columns):
    x, y = columns
    found = {name: estimate.value for name, estimate in metrics.measure(x, y, resamples=0).items()}
    assert found["r"] == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert found["spearman"] == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert found["kendall"] == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
    assert found["rmse"] == pytest.approx(math.sqrt(np.mean((x - y) ** 2)), abs=1e-12)
    assert found["mae"] == pytest.approx(np.mean(np.abs(x - y)), abs=1e-12)


def test_every_resample_is_measured_as_if_alone(columns):
    x, y = columns
    rows = next(metrics.resampled_rows(len(x), 25, seed=3))
    samples = metrics._bootstrap(x, y, 25, seed=3)
    for i, drawn in enumerate(rows):
        alone = metrics._values(x[drawn], y[drawn])
        for name in metrics.METRICS:
            assert samples[name][i] == pytest.approx(alone[name], abs=1e-12), name


def test_blocks_change_nothing(columns, monkeypatch):
    whole = metrics.measure(*columns, resamples=50, seed=1)
    monkeypatch.setattr(metrics, "_BLOCK_CELLS", 130)  # two resamples and two rows at a time
    assert metrics.measure(*columns, resamples=50, seed=1) == whole


def test_interval_agrees_with_fisher_for_normal_data():
    generator = np.random.default_rng(0)
    x = generator.normal(size=285)
    y = 0.8 * x + 0.6 * generator.normal(size=285)
    found = metrics.measure(x, y)["r"]
    half = 1.96 / math.sqrt(285 - 3)
    assert found.low == pytest.approx(math.tanh(math.atanh(found.value) - half), abs=0.02)
    assert found.high == pytest.approx(math.tanh(math.atanh(found.value) + half), abs=0.02)


def test_seed_decides_the_resamples(columns):
    assert metrics.measure(*columns, seed=1) == metrics.measure(*columns, seed=1)
    assert metrics.measure(*columns, seed=1)["r"].low != metrics.measure(*columns, seed=2)["r"].low


def test_constant_predictions_have_no_correlation_and_still_an_error():
    found = metrics.measure(np.full(10, 6.3), np.linspace(2, 9, 10))
    for name in ("r", "spearman", "kendall"):
        assert math.isnan(found[name].value)
        assert math.isnan(found[name].low)
    assert found["rmse"].value == pytest.approx(math.sqrt(np.mean((np.linspace(2, 9, 10) - 6.3) ** 2)))
    assert found["rmse"].low < found["rmse"].value < found["rmse"].high


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_rows_have_no_figures(n):
    found = metrics.measure(np.arange(n), np.arange(n))
    assert all(math.isnan(estimate.value) and math.isnan(estimate.low) for estimate in found.values())


def test_figures_for_a_card_are_plain_json(columns):
    x, y = columns
    card = json.loads(json.dumps(metrics.regression_metrics(y, x), allow_nan=False))
    whole = metrics.measure(x, y)
    assert card["n"] == 60
    assert card["rmse"] == pytest.approx(whole["rmse"].value, abs=1e-4)
    assert card["rmse_interval"] == pytest.approx([whole["rmse"].low, whole["rmse"].high], abs=1e-4)
    constant = json.loads(json.dumps(metrics.regression_metrics(y, np.full(60, 6.0)), allow_nan=False))
    assert (constant["r"], constant["r_interval"]) == (None, None)
    assert constant["rmse"] > 0


def test_a_failed_row_is_not_measured_by_mistake():
    with pytest.raises(ValueError, match="finite"):
        metrics.measure(np.array([1.0, np.nan, 3.0]), np.array([1.0, 2.0, 3.0]))


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="same length"):
        metrics.measure(np.zeros(3), np.zeros(4))


def test_a_column_does_not_differ_from_itself(columns):
    x, y = columns
    gap = metrics.paired_difference(x, x, y)["r"]
    assert (gap.value, gap.low, gap.high, gap.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_pairing_sees_what_two_separate_intervals_hide():
    generator = np.random.default_rng(5)
    truth = generator.normal(size=200)
    shared = generator.normal(size=200)
    better, worse = truth + shared, truth + 1.15 * shared + 0.2 * generator.normal(size=200)
    alone = [metrics.measure(x, truth)["r"] for x in (better, worse)]
    assert alone[1].high > alone[0].low  # the intervals overlap
    gap = metrics.paired_difference(better, worse, truth)["r"]
    assert gap.low > 0
    assert gap.p_value < 0.05
    assert gap.value == pytest.approx(alone[0].value - alone[1].value)


def test_p_value_is_never_zero(columns):
    _, truth = columns
    gap = metrics.paired_difference(truth, -truth, truth, resamples=100)["r"]
    assert gap.p_value == pytest.approx(2 / 101)


def test_published_figures_on_casf2016(shared_data):
    import pandas as pd

    peers = pd.read_csv(shared_data / "casf2016" / "peer_predictions.csv")
    found = {name: metrics.measure(peers[name].to_numpy(), peers["pk"].to_numpy()) for name in ("gign", "vina")}
    assert (round(found["gign"]["r"].value, 3), round(found["gign"]["rmse"].value, 2)) == (0.843, 1.19)
    assert (round(found["vina"]["r"].value, 3), round(found["vina"]["rmse"].value, 2)) == (0.573, 1.98)

"""A training run from settings to weights on thirteen rows: resumable to the last digit, complete, refusing."""

from __future__ import annotations

import importlib.util
import json
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from dataset import ROWS
from train_runs import assert_same_logs, assert_same_weights, killed_at, log_of, run, weights_of

from binding.config import TrainConfig
from binding.data.cache import ComplexCache
from binding.errors import CacheError, ConfigError
from binding.model.weights import load_model
from binding.training.module import TrainingModule

# ---------------------------------------------------------------- what a run leaves


def test_a_run_leaves_weights_that_predict(whole, cache):
    config, result = whole
    assert result.weights == Path(config.output) / "model.safetensors"
    assert not result.interrupted
    scorer = load_model(config.output, device="cpu")
    assert scorer.members[0].interaction.config == config.model
    scores = scorer.score([cache.graph(row) for row in range(len(cache))])
    assert np.isfinite(scores.pk).all()
    card = json.loads((Path(config.output) / "model.json").read_text())
    assert card["name"] == "run"
    assert card["validation"]["rows"] == len(pd.read_csv(result.predictions))
    assert sum(card["rows"].values()) + card["validation"]["rows"] == ROWS
    assert card["calibration"]["std_scale"] > 0
    assert TrainConfig.model_validate(yaml.safe_load((Path(config.output) / "config.yaml").read_text())) == config


def test_held_out_predictions_are_those_of_the_weights(whole, cache):
    """One row each, in order, with the number that the saved weights give."""
    config, result = whole
    table = pd.read_csv(result.predictions)
    rows = [cache.table["id"].tolist().index(name) for name in table["id"]]
    assert rows == sorted(rows)
    scores = load_model(config.output, device="cpu").score([cache.graph(row) for row in rows])
    assert table["pk"].to_numpy() == pytest.approx(scores.pk, abs=1e-4)
    assert table["pk_ligand_only"].to_numpy() == pytest.approx(scores.pk_ligand_only, abs=1e-4)
    assert table["pk_true"].tolist() == cache.table["pk"].iloc[rows].tolist()
    error = table["pk"] - table["pk_true"]
    assert result.metrics["pk"]["rmse"] == pytest.approx(np.sqrt((error**2).mean()), abs=1e-3)


def test_the_log_has_every_epoch(whole):
    config, _ = whole
    log = log_of(config)
    assert {"train_affinity", "train_ligand_only", "val_rmse", "val_rmse_ligand_only"} <= set(log.columns)
    assert log["epoch"].tolist() == [0, 1]
    assert np.isfinite(log.to_numpy()).all()
    assert (log["learning_rate"] > 0).all()


def test_the_same_seed_gives_the_same_weights(whole, settings):
    (first, _), second, other = whole, settings("b"), settings("c", seed=6)
    for config in (second, other):
        run(config)
    assert_same_weights(first, second, 0.0)
    with pytest.raises(AssertionError):
        assert_same_weights(first, other, 1e-3)


def test_without_validation_all_rows_train(settings):
    config = settings(validation=None, epochs=1)
    result = run(config)
    assert result.predictions is None
    card = json.loads((Path(config.output) / "model.json").read_text())
    assert list(card["rows"].values()) == [ROWS]
    assert "calibration" not in card


def test_what_is_kept_is_the_average(settings, monkeypatch):
    kept = {}

    def remember(self):
        kept["average"] = {k: v.clone() for k, v in self.average.state_dict().items()}
        kept["member"] = {k: v.clone() for k, v in self.member.state_dict().items()}

    monkeypatch.setattr(TrainingModule, "on_train_end", remember, raising=False)
    config = settings()
    run(config)
    written = weights_of(config)
    name = "interaction.pair.weight"
    assert torch.equal(written[f"0.{name}"], kept["average"][name])
    assert not torch.equal(written[f"0.{name}"], kept["member"][name])


def test_learning_lowers_the_loss(settings):
    config = settings(validation=None, epochs=12, learning_rate=0.01, ema_decay=0.5, warmup_steps=5)
    run(config)
    log = log_of(config)["train_affinity"].to_numpy()
    assert log[-3:].mean() < 0.5 * log[0]


# ---------------------------------------------------------------- stopped and resumed


@pytest.mark.parametrize("deterministic", [False, True])
def test_an_interrupt_comes_back_and_the_same_call_goes_on(whole, settings, monkeypatch, deterministic):
    """Ctrl-C: the process lives, later interrupts are heard again, and nothing half-trained is called weights.

    ``deterministic: true``, which a GPU needs for it, gives the same weights on a CPU, and takes no operation away.
    """
    broken = settings("broken", deterministic=deterministic)
    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        killed_at(patch, 1, 1, KeyboardInterrupt())
        result = run(broken)
    assert result.interrupted
    assert result.metrics == {}
    assert not result.weights.exists()
    assert signal.getsignal(signal.SIGINT) is handler
    assert not run(broken).interrupted
    assert_same_weights(whole[0], broken, 1e-6)
    assert_same_logs(whole[0], broken, 1e-6)


def test_other_settings_do_not_go_on_with_a_run(settings):
    run(settings(epochs=1))
    with pytest.raises(ConfigError) as caught:
        run(settings(learning_rate=1e-4, epochs=1))
    assert "learning_rate" in caught.value.message
    assert "--restart" in caught.value.hint
    run(settings(learning_rate=1e-4, epochs=1), restart=True)


def test_a_finished_run_asked_for_again_stays_as_it_is(settings):
    config = settings(epochs=1)
    first = run(config)
    before, log = weights_of(config), (Path(config.output) / "metrics.csv").read_text()
    again = run(config)
    assert again.metrics == first.metrics
    assert all(torch.equal(before[name], tensor) for name, tensor in weights_of(config).items())
    assert (Path(config.output) / "metrics.csv").read_text() == log


def test_restart_forgets_the_run_before(whole, settings, monkeypatch):
    config = settings()
    run(settings(learning_rate=1e-4, epochs=1))
    with monkeypatch.context() as patch:
        killed_at(patch, 0, 1, KeyboardInterrupt())
        assert run(config, restart=True).interrupted
    assert [path.name for path in config.output.iterdir()] == ["config.yaml"], "no weights of other settings are left"
    run(config)
    assert_same_weights(whole[0], config, 0.0)


# ---------------------------------------------------------------- refused


def test_a_missing_cache_is_told(settings, tmp_path):
    with pytest.raises(CacheError, match="no cache"):
        run(settings(sources=[{"cache": str(tmp_path / "none.npz")}]))


def test_patience_needs_held_out_rows(settings):
    with pytest.raises(ConfigError, match="patience"):
        run(settings(validation=None, patience=2))


def test_patience_keeps_the_best_epoch(settings):
    config = settings(patience=1, epochs=6, learning_rate=0.03, ema_decay=0.0)
    result = run(config)
    log = log_of(config)["val_rmse"]
    assert result.metrics["pk"]["rmse"] == pytest.approx(log.min(), abs=1e-4)
    assert len(log) < 6 or log.idxmin() == log.index[-1]


def test_the_cache_is_not_changed_by_training(settings, prepared, cache):
    before = cache.graph(0).ligand.positions.copy()
    run(settings(epochs=1))
    assert np.array_equal(ComplexCache(prepared.path).graph(0).ligand.positions, before)


# ---------------------------------------------------------------- bounds among the held-out rows


@pytest.fixture
def with_bounds(settings, cache, tmp_path):
    """Five held-out rows, of which two are bounds."""
    held = [f"5ht1b-{number}" for number in range(5)]
    sides = ["validation" if name in held else "train" for name in cache.table["id"]]
    pd.DataFrame({"id": cache.table["id"], "split": sides}).to_csv(tmp_path / "splits.csv", index=False)

    def make(**changes):
        return settings(validation={"file": str(tmp_path / "splits.csv")}, **changes)

    return make


def test_bounds_are_left_out_of_validation_figures(with_bounds):
    config = with_bounds()
    result = run(config)
    table = pd.read_csv(result.predictions)
    assert table["relation"].tolist() == [">", "<", "=", "=", "="], "they are predicted and written all the same"
    exact = table[table["relation"] == "="]
    expected = float(np.sqrt(((exact["pk"] - exact["pk_true"]) ** 2).mean()))
    assert log_of(config)["val_rmse"].iloc[-1] == pytest.approx(expected, abs=1e-4)
    assert result.metrics["pk"]["rmse"] == pytest.approx(expected, abs=1e-3)
    card = json.loads((Path(config.output) / "model.json").read_text())
    assert (card["validation"]["rows"], card["validation"]["exact_rows"]) == (5, 3)
    assert card["validation"]["pk"]["n"] == 3
    scale = float(np.sqrt((((exact["pk"] - exact["pk_true"]) / exact["pk_std"]) ** 2).mean()))
    largest = float((exact["pk"] - exact["pk_true"]).abs().div(exact["pk_std"]).max())  # the 90 % quantile of three
    assert card["calibration"] == {
        "std_scale": pytest.approx(scale, rel=1e-3),
        "interval_90": pytest.approx(largest / scale, rel=1e-3),
        "rows": 3,
    }


def test_patience_needs_exact_rows(with_bounds, cache):
    with pytest.raises(ConfigError, match="3 validation rows with an exact measurement, and there are 2"):
        run(with_bounds(patience=1, sources=[{"cache": str(cache.path), "where": "id != '5ht1b-4'"}]))


# ---------------------------------------------------------------- TensorBoard


def test_tensorboard_that_is_not_installed_is_told(settings, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="TensorBoard is not installed") as caught:
        run(settings(tensorboard=True))
    assert "binding[tensorboard]" in caught.value.hint


def test_tensorboard_has_what_the_log_has(settings):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="the extra binding[tensorboard] is not there"
    )
    config = settings(tensorboard=True, epochs=1)
    run(config)
    events = accumulator.EventAccumulator(str(Path(config.output) / "tensorboard"))
    events.Reload()
    row = log_of(config).iloc[0]
    for name in ("train_affinity", "gradient_readouts", "val_rmse"):
        (event,) = events.Scalars(name)
        assert event.value == pytest.approx(row[name], rel=1e-5)

"""The geometry expert of a run: fitted to the training rows, joined on held-out ones, taught by fine-tuning."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from networks import example_graph, made_readout
from train_runs import assert_same_weights, run, small_run, weights_of

from binding.config import JoiningConfig, StructureLine, TrainConfig
from binding.data.datamodule import ComplexDataModule
from binding.errors import ConfigError
from binding.graph.fields import ComplexGraph
from binding.model.geometric_sums import Sums, sums_of
from binding.model.weights import load_model
from binding.training import geometry
from binding.training.geometry import FEWEST, fit_geometry, joined_on

EXPECTED = JoiningConfig(prior=0.5, network=0.0, geometry=0.5, structure=StructureLine(network=0.0, geometry=1.0))


@pytest.fixture
def few(monkeypatch):
    """The thirteen rows of the tests are enough for an expert."""
    monkeypatch.setattr(geometry, "FEWEST", 5)


@pytest.fixture(scope="module")
def fitted(prepared, tmp_path_factory):
    """A finished run with a geometry expert, and its result."""
    config = small_run(prepared.path, tmp_path_factory.mktemp("runs") / "geometry", epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geometry, "FEWEST", 5)
        return config, run(config)


def shaken(graph: ComplexGraph, generator: np.random.Generator, size: float = 0.4) -> ComplexGraph:
    noise = generator.normal(scale=size, size=graph.ligand.positions.shape)
    return replace(graph, ligand=replace(graph.ligand, positions=graph.ligand.positions + noise))


# ---------------------------------------------------------------- a run


def test_a_run_leaves_an_expert_fitted_to_its_training_rows(fitted, cache):
    config, _ = fitted
    scorer, data = load_model(config.output, device="cpu"), ComplexDataModule(config)
    rows = data.train_set.exact_rows().tolist()
    pk = data.train_set.pk[rows]
    same = fit_geometry(data.caches, [data.train_set.items[row] for row in rows], pk, np.ones(len(rows)))
    graphs = [cache.graph(row) for row in range(len(cache))]
    sums = sums_of(graphs)
    assert len(scorer.geometry) == len(rows)
    assert scorer.geometry(sums).numpy() == pytest.approx(same(sums).numpy(), abs=1e-9)
    assert (
        np.corrcoef(scorer.geometry(sums_of([cache.graph(data.train_set.items[row][1]) for row in rows])), pk)[0, 1]
        > 0.8
    )


def test_held_out_predictions_are_those_of_the_weights(fitted, cache):
    config, result = fitted
    table = pd.read_csv(result.predictions)
    rows = [cache.table["id"].tolist().index(name) for name in table["id"]]
    scores = load_model(config.output, device="cpu").score([cache.graph(row) for row in rows])
    for name in ("pk", "pk_network"):
        assert table[name].to_numpy() == pytest.approx(getattr(scores, name), abs=1e-4)
    assert table["pk_prior"].isna().all()


def test_the_card_says_how_pk_is_joined(fitted):
    config, _ = fitted
    card = json.loads((Path(config.output) / "model.json").read_text())
    line = card["config"]["joining"]
    assert line["geometry"] > 0.5, "two held-out rows say little against what is expected"
    assert set(card["geometry"]) == {"blocks", "family_variance", "sums"}
    names = {name for name in weights_of(config) if name.startswith("geometry.")}
    assert names == {f"geometry.{name}" for name in made_readout().arrays()}


def test_the_same_settings_give_the_same_expert(few, fitted, settings):
    again = settings("again", epochs=1)
    run(again)
    assert_same_weights(fitted[0], again, 0.0)


def test_a_run_may_do_without(few, settings):
    config = settings("without", epochs=1, geometry=False)
    run(config)
    scorer = load_model(config.output, device="cpu")
    assert scorer.geometry is None
    assert scorer.config.joining is None


def test_few_rows_make_no_expert(whole):
    assert FEWEST > 13
    assert load_model(whole[0].output, device="cpu").geometry is None


def test_joining_is_no_setting_of_a_run(settings):
    with pytest.raises(ValueError, match=r"model\.joining is found by training"):
        settings(model={"joining": EXPECTED.model_dump()})
    path = Path(settings().output).parent / "x.yaml"
    path.write_text("sources: [{cache: x.npz}]\noutput: x\nmodel: {joining: {geometry: 0.5}}\n")
    with pytest.raises(ConfigError, match="leave it out"):
        TrainConfig.from_yaml(path)


# ---------------------------------------------------------------- fine-tuning


def test_fine_tuning_teaches_the_expert_the_runs_rows(few, fitted, settings, cache):
    config, _ = fitted
    tuned = settings("tuned", init=str(config.output), model={}, epochs=1, validation=None)
    run(tuned)
    before, after = load_model(config.output, device="cpu"), load_model(tuned.output, device="cpu")
    exact = [row for row, sign in enumerate(cache.table["relation"]) if sign == "="]
    assert len(after.geometry) == len(before.geometry) + len(exact)
    sums, truth = sums_of([cache.graph(row) for row in exact]), cache.table["pk"].to_numpy()[exact]
    errors = [np.abs(scorer.geometry(sums).numpy() - truth).mean() for scorer in (before, after)]
    assert errors[1] < errors[0]
    assert after.line == before.line, "nothing was held out that speaks against it"


def test_fine_tuning_may_leave_the_expert_as_it_is(few, fitted, settings):
    config, _ = fitted
    tuned = settings("kept", init=str(config.output), model={}, epochs=1, geometry=False, validation=None)
    run(tuned)
    before, after = weights_of(config), weights_of(tuned)
    for name in before:
        if name.startswith("geometry."):
            assert np.array_equal(before[name].numpy(), after[name].numpy())


def test_the_expert_may_learn_while_the_network_stays(few, fitted, settings):
    config, _ = fitted
    taught = settings("taught", init=str(config.output), model={}, trainable="none")
    result = run(taught)
    before, after = weights_of(config), weights_of(taught)
    assert all(np.array_equal(before[name].numpy(), after[name].numpy()) for name in before if name.startswith("0."))
    scorers = [load_model(one.output, device="cpu") for one in (config, taught)]
    assert len(scorers[1].geometry) > len(scorers[0].geometry)
    assert result.predictions is not None
    assert not (taught.output / "metrics.csv").exists()
    with pytest.raises(ConfigError, match="leaves nothing to learn"):
        run(settings("nothing", init=str(config.output), model={}, trainable="none", geometry=False))


def test_some_compounds_of_a_series_help_with_the_others():
    """Where the expert is wrong, by an amount and by the pose: what it learns of half is true of the rest."""
    readout, generator = made_readout(), np.random.default_rng(2)
    series = [shaken(example_graph("5ht1b", pose), generator) for pose in range(9) for _ in range(4)]
    sums = Sums.joined([sums_of([graph]) for graph in series])
    shells = sums.double().groups()["shells"].sum(1).numpy()
    truth = (
        readout(sums).numpy() + 1.5 + (shells - shells.mean()) / shells.std() + generator.normal(0, 0.3, len(series))
    )
    learn, rest = np.arange(0, len(series), 2), np.arange(1, len(series), 2)
    after = readout.learned_from(sums.take(learn), truth[learn], np.ones(len(learn)))
    errors = [said(sums.take(rest)).numpy() - truth[rest] for said in (readout, after)]
    rmse = [float(np.sqrt(np.square(error).mean())) for error in errors]
    assert rmse[1] < 0.6 * rmse[0]
    assert np.std(errors[1]) < np.std(errors[0]), "more than the offset was learned"
    far = sums_of([example_graph("4cup")])
    assert abs(float(after(far)[0] - readout(far)[0])) < 0.75, "another target is touched less"


# ---------------------------------------------------------------- joining


def rows(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {name: generator.normal(6.5, 1.5, count) for name in ("network", "geometry", "prior")}


def test_weights_of_many_rows_are_those_of_least_squares():
    said = rows(20_000)
    truth = 0.4 * said["prior"] + 0.5 * said["geometry"] + 0.2 * said["network"] - 0.7
    found = joined_on(EXPECTED, truth, **said)
    assert (found.prior, found.geometry, found.network) == pytest.approx((0.4, 0.5, 0.2), abs=0.01)
    assert found.offset == pytest.approx(-0.7, abs=0.02)
    line = found.structure
    assert (line.geometry, line.network) == pytest.approx((0.5, 0.2), abs=0.05)
    assert line.offset + 0.7 * 6.5 == pytest.approx(truth.mean(), abs=0.4), "a pK by itself, without the prior"


def test_no_weight_is_below_zero():
    said = rows(500)
    found = joined_on(EXPECTED, said["geometry"] - 0.5 * said["network"], **said)
    assert found.network == 0.0


def test_few_rows_change_little_and_two_nothing():
    said = rows(10)
    found = joined_on(EXPECTED, said["network"], **said)
    assert 0.0 < found.network < 0.3
    two = {name: values[:2] for name, values in said.items()}
    assert joined_on(EXPECTED, np.array([1.0, 9.0]), **two) == EXPECTED


def test_without_a_prior_there_are_two_experts():
    said = rows(300) | {"prior": None}
    found = joined_on(EXPECTED.model_copy(update={"prior": 0.0}), said["geometry"], **said)
    assert found.prior == 0.0
    assert found.geometry > 0.8

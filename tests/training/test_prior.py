"""Runs whose pk starts from a prior: held out while they train, whole in the weights, kept by fine-tuning."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "prior"))
from binding_sites import drug_sites
from dataset import ROWS, SINGLES
from networks import EXAMPLES, SMALL, example_graph, write_random_weights
from prior_ligands import drugs, invented_pk
from pydantic import ValidationError
from test_run import killed_at
from train_runs import FOLD, MODEL, assert_same_logs, assert_same_weights, log_of, run, small_run, weights_of

from binding import api
from binding.config import PRIOR_SHARE, ModelConfig, TrainConfig
from binding.data.cache import ComplexCache
from binding.data.datamodule import ComplexDataModule
from binding.domain.index import Domain
from binding.errors import ConfigError, WeightsError
from binding.model.ensemble import Scorer
from binding.model.ligand_only import LigandOnlyModel
from binding.model.weights import load_model
from binding.prior.fit import fit_prior
from binding.prior.held_out import FittedPrior
from binding.prior.kernel import Features
from binding.prior.model import PriorPk
from binding.prior.own import learn_own
from binding.training.encoders import load_encoders, save_encoder

FOLDS = 3


@pytest.fixture(scope="session")
def prior(prepared, tmp_path_factory):
    """The file of a prior of drugs and of the examples' complexes, which all runs of this module may start from."""
    cache = ComplexCache(prepared.path)
    known = [row for row, name in enumerate(cache.table["id"]) if name in (*SINGLES, "5ht1b-0")]
    ligands = [*drugs(), *(cache.ligand(row) for row in known)]
    pk = np.concatenate([invented_pk(ligands[: -len(known)]), cache.table["pk"].to_numpy()[known]])
    groups = [f"drug {row}" for row in range(len(ligands) - len(known))] + cache.table["uniprot"].iloc[known].tolist()
    path = tmp_path_factory.mktemp("prior") / "prior.npz"
    sites = [*drug_sites(), *(cache.site_words(row) for row in known)]
    fit_prior(ligands, pk, groups, "uniprot", FOLDS, sites=sites).save(path)
    return path


@pytest.fixture(scope="session")
def finished(prepared, prior, tmp_path_factory):
    """A finished run that starts from it, and its result."""
    config = small_run(prepared.path, tmp_path_factory.mktemp("runs") / "prior", prior=str(prior))
    return config, run(config)


def held_out(path: Path, cache: ComplexCache, rows, fold: int) -> PriorPk:
    """What the file says of its own ligands; each has one row, at the site that it has in the cache."""
    fitted = FittedPrior.load(path)
    ligands = [cache.ligand(row) for row in rows]
    place = {key: row for row, key in enumerate(fitted.prior.features.keys())}
    known = [place[key] for key in Features.of(ligands).keys()]
    at_site = [fitted.prior.at_site.row_ligand.tolist().index(row) for row in known]
    return PriorPk(fitted.held_out_at_site[at_site, fold], fitted.held_out[known, fold])


def assert_starts(found: PriorPk, expected: PriorPk) -> None:
    assert found.alone == pytest.approx(expected.alone, abs=1e-6)
    assert found.at_site == pytest.approx(expected.at_site, abs=1e-6)


def card_of(config: TrainConfig) -> dict:
    return json.loads((Path(config.output) / "model.json").read_text())


# ---------------------------------------------------------------- what a run starts from and leaves


def test_each_row_starts_from_what_is_said_without_it(settings, cache, prior):
    data = ComplexDataModule(settings(prior=str(prior)))
    for rows in (data.train_set, data.validation_set):
        assert len(rows)
        assert_starts(rows.starts, held_out(prior, cache, [row for _, row in rows.items], FOLD))
        assert [rows[at].start for at in range(len(rows))] == rows.starts.at_site.tolist()
        assert [rows[at].alone for at in range(len(rows))] == rows.starts.alone.tolist()
        assert np.abs(rows.starts.at_site - rows.starts.alone).max() > 0.01
    every = ComplexDataModule(settings(prior=str(prior), validation=None)).train_set
    assert_starts(every.starts, held_out(prior, cache, range(ROWS), FOLDS))
    assert ComplexDataModule(settings()).train_set.starts is None, "without a prior there is nothing to start from"


def test_batches_carry_the_starts_and_decoys_have_their_poses(settings, prior):
    data = ComplexDataModule(
        settings(prior=str(prior), sources=[{"cache": str(settings().sources[0].cache), "decoys": 1}])
    )
    seen = 0
    for _, labels in data.train_dataloader():
        for start, alone, pk in zip(labels.start.tolist(), labels.alone.tolist(), labels.pk.tolist(), strict=True):
            rows = [row for row in range(len(data.train_set)) if data.train_set[row].pk == pytest.approx(pk)]
            assert start in [pytest.approx(data.train_set.starts.at_site[row]) for row in rows]
            assert alone in [pytest.approx(data.train_set.starts.alone[row]) for row in rows]
        seen += int(labels.decoy.sum())
    assert seen > 0


def test_no_twin_is_trained_and_the_card_tells_the_prior(finished, prior):
    config, _ = finished
    assert config.model.prior_weight == PRIOR_SHARE
    names = weights_of(config)
    assert not [name for name in names if "ligand_only" in name]
    assert {name for name in names if name.startswith("prior.")} == {
        f"prior.{name}" for name in FittedPrior.load(prior).prior.arrays()
    }
    card = card_of(config)
    assert card["prior"] == FittedPrior.load(prior).prior.summary()
    assert card["config"]["prior_weight"] == PRIOR_SHARE
    assert card["training"]["prior"] == str(prior)
    assert load_model(config.output, device="cpu").members[0].ligand_only is None
    assert "gradient_ligand_only" not in log_of(config).columns
    again = TrainConfig.model_validate(yaml.safe_load((config.output / "config.yaml").read_text()))
    assert again == config


def test_held_out_predictions_are_a_share_of_the_held_out_prior_and_the_network(finished, cache, prior):
    config, result = finished
    table = pd.read_csv(result.predictions)
    rows = [cache.table["id"].tolist().index(name) for name in table["id"]]
    graphs = [cache.graph(row) for row in rows]
    starts = held_out(prior, cache, rows, FOLD)
    assert table["pk_ligand_only"].to_numpy() == pytest.approx(starts.alone, abs=1e-4)
    scorer = load_model(config.output, device="cpu")
    nothing = PriorPk(np.zeros(len(graphs)), np.zeros(len(graphs)))
    added = Scorer("x", {}, scorer.members).score(graphs, nothing).pk  # its share of the network
    assert table["pk"].to_numpy() == pytest.approx(PRIOR_SHARE * starts.at_site + added, abs=1e-4)
    assert np.abs(added).max() > 0.1, "the network says something"
    # What is shipped has seen these ligands, and says so: they are predicted with the prior of all.
    scores = scorer.score(graphs)
    said = scorer.prior.predict_at([graph.ligand for graph in graphs], [cache.site_words(row) for row in rows])
    assert scores.pk_ligand_only == pytest.approx(said.alone, abs=1e-12)
    assert np.abs(scores.pk_ligand_only - starts.alone).max() > 0.1
    assert scores.pk == pytest.approx(PRIOR_SHARE * said.at_site + added, abs=1e-4)


def test_figures_compare_the_model_with_the_held_out_prior(finished):
    config, result = finished
    table = pd.read_csv(result.predictions)
    exact = table[table["relation"] == "="]
    for name in ("pk", "pk_ligand_only"):
        rmse = float(np.sqrt(((exact[name] - exact["pk_true"]) ** 2).mean()))
        assert result.metrics[name]["rmse"] == pytest.approx(rmse, abs=1e-3)
        suffix = name.removeprefix("pk")
        assert log_of(config)[f"val_rmse{suffix}"].iloc[-1] == pytest.approx(rmse, abs=1e-3)
    log = log_of(config)
    assert np.isfinite(log.to_numpy()).all()
    assert log["val_rmse_ligand_only"].nunique() == 1, "the prior is not trained"


def test_the_priors_ligands_are_in_the_training_domain(finished, prior):
    config, _ = finished
    domain = Domain.load(config.output / "model.safetensors")
    assert domain.num_ligands == len(FittedPrior.load(prior).prior), "the run's own ligands are among them"
    assert domain.num_proteins > 0
    (bits,) = Features.of([drugs()[3]]).split()
    assert domain.nearest_ligand(bits) == 1.0


def test_the_network_learns_what_the_prior_leaves(settings, prior):
    config = settings(
        prior=str(prior), validation=None, epochs=12, learning_rate=0.01, ema_decay=0.5, warmup_steps=5, noise=0.0
    )
    run(config)
    log = log_of(config)
    assert log["train_affinity"].iloc[-3:].mean() < 0.5 * log["train_affinity"].iloc[0]


def test_predict_takes_such_weights(finished):
    config, _ = finished
    protein, ligand = EXAMPLES / "1s2g_protein.pdb.gz", EXAMPLES / "1s2g_ligand.sdf"
    (row,) = api.predict(protein, ligand, model=str(config.output), device="cpu").to_dict("records")
    assert row["status"] == "ok"
    scorer = load_model(config.output, device="cpu")
    assert row["pk_ligand_only"] == pytest.approx(scorer.prior.predict([example_graph("1s2g").ligand])[0], abs=1e-4)
    assert row["pk"] != pytest.approx(row["pk_ligand_only"], abs=1e-4)


# ---------------------------------------------------------------- stopped, and gone on with


def test_a_resumed_run_is_the_unbroken_one(finished, settings, prior, monkeypatch):
    broken = settings("broken", prior=str(prior))
    with monkeypatch.context() as patch:
        killed_at(patch, 1, 1, KeyboardInterrupt())
        assert run(broken).interrupted
    assert not run(broken).interrupted
    assert_same_weights(finished[0], broken, 1e-6)
    assert_same_logs(finished[0], broken, 1e-6)
    assert (broken.output / "validation.csv").read_text() == (finished[0].output / "validation.csv").read_text()


def test_the_prior_learns_from_the_rows_of_a_fine_tuning(finished, settings, cache):
    before, _ = finished
    config = settings(
        "tuned", init=str(before.output), model={}, validation=None, epochs=1, learning_rates={"rest": 2.0}
    )
    run(config)
    old, new = weights_of(before), weights_of(config)
    assert old.keys() == new.keys()
    assert not torch.equal(old["0.interaction.pair.weight"], new["0.interaction.pair.weight"])
    assert torch.equal(old["prior.weights"], new["prior.weights"][: len(old["prior.weights"])]), (
        "what it knew, it knows"
    )
    card = card_of(config)
    assert card["prior"]["ligands"] > card_of(before)["prior"]["ligands"]
    assert card["init"]["name"] == before.output.name
    ligands, sites, pk = ComplexDataModule(config, load_model(before.output, device="cpu").prior).train_set.measured()
    wrong = [
        np.abs(load_model(folder, device="cpu").prior.predict_at(ligands, sites).at_site - pk).mean()
        for folder in (before.output, config.output)
    ]
    assert wrong[1] < wrong[0]
    again = settings("again", init=str(config.output), model={}, validation=None, epochs=1, trainable="readouts")
    run(again)
    assert card_of(again)["prior"]["ligands"] > card["prior"]["ligands"], (
        "weights that were trained on can be trained on"
    )


def test_the_network_may_stay_while_the_prior_learns(finished, settings):
    before, _ = finished
    config = settings("taught", init=str(before.output), model={}, validation=None, trainable="none")
    result = run(config)
    old, new = weights_of(before), weights_of(config)
    for name, tensor in old.items():
        if name.startswith("0."):
            assert torch.equal(tensor, new[name]), name
    assert card_of(config)["prior"]["ligands"] > card_of(before)["prior"]["ligands"]
    assert not result.interrupted
    assert not (config.output / "last.ckpt").exists()
    content = result.weights.read_bytes()
    assert run(config).weights.read_bytes() == content, "the same command does the same again"
    other = config.model_copy(update={"trainable": "all", "epochs": 1})
    with pytest.raises(ConfigError, match=r"other settings \(trainable, epochs\)"):
        run(other)
    run(other, restart=True)
    assert (config.output / "last.ckpt").exists()


def test_fine_tuning_starts_each_row_from_what_the_others_say(finished, settings, cache):
    prior = load_model(finished[0].output, device="cpu").prior
    data = ComplexDataModule(settings(init=str(finished[0].output), model={}), prior)
    learned, unseen = learn_own(prior, *data.train_set.measured())
    rows = [row for _, row in data.train_set.items]
    places = [cache.ligand(row) for row in rows], [cache.site_words(row) for row in rows]
    assert_starts(data.train_set.starts, unseen(*places))
    assert np.abs(data.train_set.starts.at_site - learned.predict_at(*places).at_site).max() > 0.1
    rows = [row for _, row in data.validation_set.items]
    places = [cache.ligand(row) for row in rows], [cache.site_words(row) for row in rows]
    assert_starts(data.validation_set.starts, learned.predict_at(*places))


def test_bounds_and_docked_poses_teach_the_prior_nothing(finished, settings):
    prior = load_model(finished[0].output, device="cpu").prior
    config = settings(init=str(finished[0].output), model={}, validation=None)
    data = ComplexDataModule(config, prior)
    exact = int((data.train_set.relations == 0).sum())
    assert len(data.train_set.measured()[0]) == exact
    assert data.train_set.relations.any() == (exact < len(data.train_set))
    data.train_set.sources[0] = data.train_set.sources[0].model_copy(update={"rmsd": "rmsd"})
    assert data.train_set.measured()[0] == []


# ---------------------------------------------------------------- encoders


def test_a_pretrained_encoder_goes_to_the_model_alone(settings, prior, tmp_path):
    """The twin, to which it would go as well, is not there."""
    model = ModelConfig.model_validate(MODEL)
    torch.manual_seed(3)
    state = LigandOnlyModel(model).molecule.state_dict()
    path = save_encoder(tmp_path, "ligand", state, {"name": "x", "config": model.model_dump(mode="json")})
    starting = model.model_copy(update={"prior_weight": 0.5})
    assert all(name.startswith("interaction.") for name in load_encoders([path], starting))
    assert any(name.startswith("ligand_only.") for name in load_encoders([path], model))
    config = settings(prior=str(prior), encoders=[str(path)], epochs=1, learning_rate=1e-12, validation=None)
    run(config)
    name = next(iter(state))
    assert torch.allclose(weights_of(config)[f"0.interaction.molecule.{name}"], state[name], atol=1e-6)


# ---------------------------------------------------------------- refused


def test_settings_that_do_not_fit_together(settings, prior):
    for changes, told in (
        ({"prior": str(prior), "init": "binding-base"}, "init and prior exclude each other"),
        ({"model": MODEL | {"prior_weight": 0.5}}, "model.prior_weight above 0 needs prior"),
        ({"prior": str(prior), "model": MODEL | {"prior_weight": 0.0}}, "prior needs it to be above 0"),
    ):
        with pytest.raises(ValidationError, match=told):
            settings(**changes)
    assert settings(prior=str(prior), model=MODEL | {"prior_weight": 0.2}).model.prior_weight == 0.2
    given = settings(prior=str(prior), model=ModelConfig.model_validate(MODEL))
    assert given.model.prior_weight == PRIOR_SHARE, "who names a prior uses it"


def test_a_prior_for_another_rule_is_refused(settings, prior):
    with pytest.raises(ConfigError, match="its prior by column 'uniprot' in 3 folds"):
        run(settings(prior=str(prior), validation={"column": "uniprot", "folds": 4}))


def test_a_prior_that_is_missing_or_damaged(settings, tmp_path):
    with pytest.raises(WeightsError, match="There is no prior"):
        run(settings(prior=str(tmp_path / "none.npz")))
    (tmp_path / "half.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(WeightsError, match="is no prior"):
        run(settings(prior=str(tmp_path / "half.npz")))


def test_weights_without_a_prior_get_none_by_fine_tuning(settings, tmp_path):
    path = write_random_weights(tmp_path / "old.safetensors", SMALL, members=1)
    with pytest.raises(ConfigError, match=r"prior_weight 0\.5 \(theirs: 0\.0\)"):
        run(settings(init=str(path), model={"prior_weight": 0.5}))


def test_the_share_leaves_the_network_one(settings, prior):
    for share in (-0.1, 1.0, "half"):
        with pytest.raises(ValidationError, match=r"model\.prior"):
            settings(prior=str(prior), model=MODEL | {"prior_weight": share})


def test_a_weight_of_the_network_is_one_beside_a_prior(settings, prior):
    assert settings(prior=str(prior)).model.network_weight == 1 - PRIOR_SHARE
    assert settings(prior=str(prior), model=MODEL | {"prior_weight": 0.7, "network": 0.4}).model.network_weight == 0.4
    assert settings().model.network_weight == 1.0
    for model in ({"network": 0.4}, {"prior_weight": 0.7, "network": 0.0}):
        with pytest.raises(ValidationError, match=r"network"):
            settings(prior=str(prior) if "prior_weight" in model else None, model=MODEL | model)

"""The columns of the training domain in every kind of result, from weights with and without the file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from binding import api
from binding.config import ModelConfig
from binding.domain.fingerprint import fingerprint
from binding.domain.index import Domain, count_elements, domain_path
from binding.domain.words import protein_words
from binding.errors import UsageError
from binding.graph.ligand import build_ligand_graph
from binding.io.ligand import read_ligands
from binding.io.structure import read_protein
from binding.model.weights import Member, load_model, save_weights
from binding.screening.parts import part_paths

COLUMNS = ["in_domain", "nearest_ligand", "nearest_protein"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory, examples):
    """Small random ones that know the receptor and a ligand of one example."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    config = ModelConfig(hidden_channels=16, num_heads=2, num_layers=1, ligand_layers=1, pocket_layers=1)
    torch.manual_seed(0)
    card = {"name": "small", "config": config.model_dump(mode="json"), "calibration": {"interval_90": 2.0}}
    save_weights(path, [Member(config).state_dict()], card)
    known = [build_ligand_graph(ligand) for ligand in read_ligands(examples / "5ht1b_poses.sdf.gz")][:1]
    words = [protein_words(read_protein(examples / "5ht1b_protein.pdb.gz"))]
    Domain.of([fingerprint(known[0])], words, (10, 60), count_elements(known) * 9).save(path)
    return path


def predict(weights, examples, name, ligand) -> pd.DataFrame:
    return api.predict(examples / name, examples / ligand, model=load_model(weights, device="cpu"), workers=0)


def test_a_known_complex_is_in_the_domain(weights, examples):
    rows = predict(weights, examples, "5ht1b_protein.pdb.gz", "5ht1b_poses.sdf.gz")
    assert rows["in_domain"].all()
    assert rows[["nearest_ligand", "nearest_protein"]].eq(1.0).all(axis=None)
    assert not rows["warnings"].str.contains("training domain").any()


def test_an_unknown_one_is_warned_of(weights, examples):
    (row,) = predict(weights, examples, "1s2g_protein.pdb.gz", "1s2g_ligand.sdf").to_dict("records")
    assert row["in_domain"] is False
    assert row["nearest_protein"] < 0.1
    assert "outside the training domain: the protein is unlike all in training" in row["warnings"]


def test_the_interval_is_as_wide_as_the_card_says(weights, examples):
    row = predict(weights, examples, "1s2g_protein.pdb.gz", "1s2g_ligand.sdf").iloc[0]
    assert row["pk_high"] - row["pk"] == pytest.approx(2.0 * row["pk_std"])
    assert row["pk"] - row["pk_low"] == pytest.approx(2.0 * row["pk_std"])


def test_a_screen_says_the_same_as_predict(weights, examples, tmp_path):
    protein, library = examples / "5ht1b_protein.pdb.gz", examples / "5ht1b_poses.sdf.gz"
    settings = {"protein": protein, "model": weights, "device": "cpu", "workers": 0}
    api.screen(library, tmp_path / "run", **settings)
    parts = pd.concat([pq.read_table(path).to_pandas() for path in part_paths(tmp_path / "run")])
    rows = predict(weights, examples, protein.name, library.name)
    assert parts["in_domain"].tolist() == rows["in_domain"].tolist()
    for column in ("nearest_ligand", "nearest_protein", "pk_low", "pk_high"):
        np.testing.assert_allclose(parts[column], rows[column], atol=1e-4)
    best = pd.read_csv(tmp_path / "run" / "results.csv").iloc[0]
    assert bool(best["in_domain"])
    assert "binding_nearest_protein" in (tmp_path / "run" / "top.sdf").read_text()


def test_weights_that_do_not_say_leave_the_columns_empty(weights, examples, tmp_path):
    for suffix in (".safetensors", ".json"):
        (tmp_path / f"small{suffix}").write_bytes(weights.with_suffix(suffix).read_bytes())
    rows = predict(tmp_path / "small.safetensors", examples, "1s2g_protein.pdb.gz", "1s2g_ligand.sdf")
    assert rows["status"].tolist() == ["ok"]
    assert rows[COLUMNS].isna().all(axis=None)
    api.screen(
        examples / "1s2g_ligand.sdf",
        tmp_path / "run",
        protein=examples / "1s2g_protein.pdb.gz",
        model=tmp_path / "small.safetensors",
        device="cpu",
        workers=0,
    )
    assert pd.read_csv(tmp_path / "run" / "results.csv")[COLUMNS].isna().all(axis=None)


def test_a_screen_does_not_go_on_with_another_training_set(weights, examples, tmp_path):
    for suffix in (".safetensors", ".json", ".domain.npz"):
        (tmp_path / f"small{suffix}").write_bytes(domain_path(weights).with_name(f"small{suffix}").read_bytes())
    settings = {
        "protein": examples / "1s2g_protein.pdb.gz",
        "model": tmp_path / "small.safetensors",
        "device": "cpu",
        "workers": 0,
    }
    api.screen(examples / "1s2g_ligand.sdf", tmp_path / "run", **settings)
    (tmp_path / "small.domain.npz").unlink()
    with pytest.raises(UsageError, match="training set"):
        api.screen(examples / "1s2g_ligand.sdf", tmp_path / "run", **settings)

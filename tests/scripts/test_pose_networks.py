"""Networks of `pose`: which rows each of them learns from, and how they come into released weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from dataset import write_tree

from binding.data.cache import ComplexCache
from binding.data.prepare import prepare_dataset
from binding.model.weights import load_card, load_model
from scripts.figures import ROOT
from scripts.release import pose_networks

SMALL = {"hidden_channels": 16, "num_heads": 2, "num_layers": 1, "ligand_layers": 1, "vector_channels": 2}


@pytest.fixture
def docked(tmp_path, monkeypatch) -> Path:
    """Runs of one epoch on the example complexes, with RMSDs and folds that were made up."""
    index = write_tree(tmp_path / "tree") / "index.csv"
    table = pd.read_csv(index)
    rows = np.arange(len(table))
    table = table.assign(rmsd=np.where(rows % 3 == 1, 0.5, 3.0), native=table["receptor"], fold=rows % 4)
    table.assign(cleansplit_train=rows % 2).to_csv(index, index=False)
    cache = prepare_dataset(tmp_path / "tree", None, tmp_path / "docked.npz", source="docked", workers=0).path
    content = yaml.safe_load(pose_networks.SETTINGS.read_text())
    content["model"] |= SMALL
    content["sources"][0]["cache"] = str(cache)
    settings = tmp_path / "pose.yaml"
    settings.write_text(yaml.safe_dump(content | {"epochs": 1, "device": "cpu"}))
    monkeypatch.setattr(pose_networks, "SETTINGS", settings)
    monkeypatch.setattr(pose_networks, "RUNS", tmp_path / "runs")
    return cache


def test_rows_of_a_network_are_those_of_other_folds_and_of_the_strict_rule():
    def where(name: str, fold: int | str) -> str | None:
        return pose_networks.settings(name, fold).sources[0].where

    assert where("binding-base", pose_networks.ALL) is None
    assert where("binding-base", 2) == "fold != 2"
    assert where("binding-strict", pose_networks.ALL) == "cleansplit_train == 1"
    assert where("binding-strict", 0) == "cleansplit_train == 1 and fold != 0"


def test_variants_are_other_settings_of_other_runs():
    plain, other = (pose_networks.settings("binding-base", 0, name) for name in ("", "without_attention"))
    assert plain.model.num_layers > 0
    assert other.model.num_layers == 0
    assert plain.output != other.output


def test_a_network_comes_into_weights_and_leaves_pk(docked, tmp_path):
    path = tmp_path / "binding-base.safetensors"
    for file in (ROOT / "binding" / "weights").glob("binding-base*"):
        shutil.copy(file, tmp_path / file.name)
    before = load_model(path, device="cpu")
    run = pose_networks.trained("binding-base", 1)
    pose_networks.put(path, [run])
    after, card = load_model(path, device="cpu"), load_card(path)
    graphs = [ComplexCache(docked).graph(0)]
    said = [scorer.score(graphs) for scorer in (before, after)]
    assert said[1].pk == pytest.approx(said[0].pk, abs=1e-6)
    assert abs(float(said[1].pose[0] - said[0].pose[0])) > 1e-4
    assert card["num_members"] == 1
    assert card["members"] == [{"run": run.name, "seed": 0, "rows": load_card(run)["rows"]}]
    assert card["config"]["hidden_channels"] == SMALL["hidden_channels"]
    assert card["config"]["joining"] == json.loads(json.dumps(before.card["config"]["joining"]))
    by_fold = pose_networks.without_folds(after, "binding-base")
    poses = {round(float(scorer.score(graphs).pose[0]), 7) for scorer in by_fold}
    assert len(poses) == len(by_fold)


def test_a_run_that_is_complete_is_not_repeated(docked):
    run = pose_networks.trained("binding-base", 0)
    made = (run / "model.safetensors").stat().st_mtime_ns
    assert pose_networks.trained("binding-base", 0) == run
    assert (run / "model.safetensors").stat().st_mtime_ns == made

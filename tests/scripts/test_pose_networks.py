"""Networks of `pose`: which rows each of them learns from, and how they come into released weights."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from dataset import write_tree

from binding.data.cache import ComplexCache
from binding.data.prepare import prepare_dataset
from binding.model.weights import load_card, load_model
from scripts.figures import ROOT
from scripts.release import pose_networks
from scripts.release.pose_networks import ALL, Poses, loss_of

SMALL = {"hidden_channels": 16, "num_heads": 2, "num_layers": 1, "ligand_layers": 1, "vector_channels": 2}


@pytest.fixture
def docked(tmp_path, monkeypatch) -> ComplexCache:
    """The example complexes twice over, with RMSDs, folds and origins that were made up, and small networks."""
    index = write_tree(tmp_path / "tree") / "index.csv"
    table = pd.read_csv(index)
    rows = np.arange(len(table))
    table = table.assign(rmsd=np.where(rows % 2 == 1, 0.5, 3.0), native=rows // 4, fold=rows // 4 % 4)
    table = table.assign(origin=np.where(rows % 4 == 3, "native", "docked"), cleansplit_train=(rows // 4 + 1) % 2)
    table.to_csv(index, index=False)
    monkeypatch.setattr(pose_networks, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(pose_networks, "MODEL", pose_networks.MODEL | SMALL)
    monkeypatch.setattr(pose_networks, "EPOCHS", 1)
    monkeypatch.setattr(pose_networks, "DOCKED", tmp_path / "docked.npz")
    cache = prepare_dataset(tmp_path / "tree", None, tmp_path / "docked.npz", source="docked", workers=0).path
    prepared = ComplexCache(cache)
    monkeypatch.setattr(pose_networks, "redocked", lambda: prepared)
    return prepared


def seen(poses: Poses) -> pd.DataFrame:
    return poses.docked.table.iloc[np.concatenate(poses.rows)]


def test_rows_of_a_network_are_docked_poses_of_other_folds_and_of_the_strict_rule(docked):
    everything = seen(Poses.of(docked, "binding-base", ALL))
    assert set(everything["origin"]) == {"docked"}
    assert set(everything["fold"]) == {0, 1, 2}, "a complex with one pose has nothing to compare"
    assert set(seen(Poses.of(docked, "binding-base", 1))["fold"]) == set(everything["fold"]) - {1}
    assert set(seen(Poses.of(docked, "binding-strict", ALL))["cleansplit_train"]) == {1}


def test_a_step_holds_right_and_wrong_poses_of_its_complexes(docked):
    poses = Poses.of(docked, "binding-base", ALL)
    steps = [one for step in poses.steps(np.random.default_rng(0)) for one in step]
    assert sorted(map(tuple, steps)) == sorted(map(tuple, poses.rows))
    assert all(0 < poses.right[one].sum() < len(one) for one in steps)


def test_the_loss_compares_the_poses_of_one_complex_alone():
    """Of the second complex nothing changes where the first one's logits rise together, but each pose by itself."""
    right, complexes = torch.tensor([True, False, True, False]), torch.tensor([0, 0, 1, 1])
    logit = torch.tensor([2.0, 0.0, 1.0, 0.5])
    apart = torch.nn.functional.softplus
    ranked = (apart(torch.tensor(-2.0)) + apart(torch.tensor(-0.5))) / 2
    alone = (apart(-logit[right]).sum() + apart(logit[~right]).sum()) / 4
    assert float(loss_of(logit, right, complexes, 0.5)) == pytest.approx(float(alone + ranked), rel=1e-6)


def test_a_network_comes_into_weights_and_leaves_pk(docked, tmp_path):
    path = tmp_path / "binding-base.safetensors"
    for file in (ROOT / "binding" / "weights").glob("binding-base*"):
        shutil.copy(file, tmp_path / file.name)
    before = load_model(path, device="cpu")
    file = pose_networks.trained("binding-base", 1)
    pose_networks.put(path, file)
    after, card = load_model(path, device="cpu"), load_card(path)
    graphs = [docked.graph(0)]
    said = [scorer.score(graphs) for scorer in (before, after)]
    assert said[1].pk == pytest.approx(said[0].pk, abs=1e-6)
    assert abs(float(said[1].pose[0] - said[0].pose[0])) > 1e-4
    assert card["num_members"] == 1
    assert card["members"][0]["run"] == "base-1"
    assert card["config"]["hidden_channels"] == SMALL["hidden_channels"]
    assert card["config"]["joining"] == before.card["config"]["joining"]
    by_fold = pose_networks.without_folds(after, "binding-base")
    assert len({round(float(scorer.score(graphs).pose[0]), 7) for scorer in by_fold}) == len(by_fold)


def test_a_network_that_is_there_is_not_trained_again(docked):
    file = pose_networks.trained("binding-base", 0)
    made = file.stat().st_mtime_ns
    assert pose_networks.trained("binding-base", 0) == file
    assert file.stat().st_mtime_ns == made
    assert pose_networks.about(file)["complexes"] == len(Poses.of(docked, "binding-base", 0).rows)

"""Runs on poses whose RMSD to the crystal pose is known."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from dataset import write_tree
from train_runs import assert_same_weights, log_of, run, small_run

from binding.data.prepare import prepare_dataset


def docked(folder: Path, pk_of_decoys: float) -> Path:
    """The example complexes with RMSDs that were made up: of the nine poses of 5ht1b every third is near-native."""
    index = write_tree(folder / "tree") / "index.csv"
    table = pd.read_csv(index)
    table["rmsd"] = [0.5 if row < 4 or row % 3 == 1 else 3.0 + row for row in range(len(table))]
    table.loc[table["rmsd"] >= 2.0, "pk"] = pk_of_decoys
    table.assign(native=table["receptor"]).to_csv(index, index=False)
    return prepare_dataset(folder / "tree", None, folder / "docked.npz", source="docked", workers=0).path


def test_wrong_poses_are_ranked_and_have_no_affinity(prepared, tmp_path):
    """Whatever pK stands beside a decoy, the weights come out the same, unless ``decoy_weight`` compares with it."""

    def trained(name: str, pk: float, **changes) -> tuple:
        sources = [
            {"cache": str(prepared.path), "where": "protein != '5ht1b'"},
            {"cache": str(docked(tmp_path / name, pk)), "rmsd": "rmsd", "group": ["native"]},
        ]
        settings = {"sources": sources, "together": 4, "pose_rank_weight": 0.5, "epochs": 1, "decoy_weight": 0.0}
        config = small_run(prepared.path, tmp_path / name / "run", **settings | changes)
        run(config)
        return config

    low, high, judged = trained("low", 2.0), trained("high", 9.0), trained("judged", 2.0, decoy_weight=1.0)
    assert_same_weights(low, high, 0.0)
    with pytest.raises(AssertionError):
        assert_same_weights(low, judged, 1e-6)
    assert log_of(low)["train_pose_rank"].gt(0.1).all()
    held = pd.read_csv(low.output / "validation.csv")
    assert set(held["source"]) == {"examples"}, "the poses of the second source are not among the rows held out"

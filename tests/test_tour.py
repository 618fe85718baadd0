"""The whole way once, by the commands that a user types: ten complexes and a table -> weights -> predictions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from documents import write_complexes

SETTINGS = """
sources: [{cache: cache/ten.npz, decoys: 0.5}]
validation: {file: splits.csv}
output: runs/tour
epochs: 2
batch_size: 4
threads: 1
device: cpu
model: {hidden_channels: 16, num_heads: 2, num_layers: 1, ligand_layers: 1, pocket_layers: 1, vector_channels: 2}
"""


@pytest.fixture
def folder(tmp_path):
    write_complexes(tmp_path)
    (tmp_path / "complexes").rename(tmp_path / "ten")
    (tmp_path / "tour.yaml").write_text(SETTINGS)
    return tmp_path


def binding(folder: Path, *arguments: str) -> str:
    """Runs a command; its stderr."""
    command = [sys.executable, "-m", "binding", *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stderr


@pytest.mark.slow
def test_from_ten_complexes_to_predictions_with_their_weights(folder):
    said = binding(folder, "prepare", "ten", "-o", "cache/ten.npz", "--workers", "0")
    assert "10 of 10 complexes" in said
    binding(folder, "split", "ten", "-o", "splits.csv", "--test", "0.2", "--validation", "0.2", "--seed", "3")
    sides = pd.read_csv(folder / "splits.csv").set_index("id")["split"]
    assert sides.value_counts().to_dict() == {"train": 6, "test": 2, "validation": 2}

    binding(folder, "train", "tour.yaml")
    run = folder / "runs" / "tour"
    assert len(pd.read_csv(run / "metrics.csv")) == 2
    card = json.loads((run / "model.json").read_text())
    assert list(card["rows"].values()) == [6]
    held = pd.read_csv(run / "validation.csv").set_index("id")
    assert set(held.index) == set(sides.index[sides == "validation"])

    binding(folder, "predict", "ten", "--model", "runs/tour", "-o", "predictions.csv")
    rows = pd.read_csv(folder / "predictions.csv").set_index("id")
    assert len(rows) == 10
    assert (rows["status"] == "ok").all()
    assert set(rows["model"]) == {"tour"}
    # The same weights on the same pose, once from the cache of training and once from the files.
    assert rows.loc[held.index, "pk"].to_numpy() == pytest.approx(held["pk"].to_numpy(), abs=0.02)

    binding(folder, "evaluate", "predictions.csv", "--truth", "ten/index.csv", "-o", "report")
    assert list((folder / "report").rglob("*.json"))

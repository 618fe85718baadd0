"""Small runs, and what they left, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from binding.config import TrainConfig
from binding.training.finish import TrainResult
from binding.training.module import TrainingModule
from binding.training.run import train

MODEL = {
    "hidden_channels": 16, "num_heads": 2, "num_layers": 1, "ligand_layers": 1, "pocket_layers": 1,
    "vector_channels": 2, "dropout": 0.2,
}  # fmt: skip
FOLD = 2  # holds out two of the single complexes, so that the nine poses train


def small_run(cache: Path, output: Path, **changes) -> TrainConfig:
    """Settings of a small run with everything on: decoys, noise, dropout, fractions, averages, held-out rows."""
    base = {
        "model": MODEL,
        "sources": [{"cache": str(cache), "repeat": 1.5, "decoys": 0.5}],
        "validation": {"column": "uniprot", "folds": 3, "fold": FOLD},
        "output": str(output),
        "epochs": 2,
        "batch_size": 4,
        "warmup_steps": 3,
        "pair_weight": 0.1,
        "threads": 1,
        "device": "cpu",
        "seed": 5,
    }
    return TrainConfig.model_validate(base | changes)


def run(config: TrainConfig, **how) -> TrainResult:
    return train(config, progress=False, **how)


def killed_at(monkeypatch, epoch: int, batch: int, error: BaseException):
    """Training stops with an error before a batch of an epoch."""

    def stop(self, _, batch_idx):
        if (self.current_epoch, batch_idx) == (epoch, batch):
            raise error

    monkeypatch.setattr(TrainingModule, "on_train_batch_start", stop)


def weights_of(config: TrainConfig) -> dict[str, torch.Tensor]:
    return load_file(Path(config.output) / "model.safetensors")


def log_of(config: TrainConfig) -> pd.DataFrame:
    return pd.read_csv(Path(config.output) / "metrics.csv")


def assert_same_weights(first: TrainConfig, second: TrainConfig, tolerance: float) -> None:
    one, two = weights_of(first), weights_of(second)
    assert one.keys() == two.keys()
    worst = max(float((one[name] - two[name]).abs().max()) for name in one if one[name].numel())
    assert worst <= tolerance, worst


def assert_same_logs(first: TrainConfig, second: TrainConfig, tolerance: float) -> None:
    one, two = log_of(first), log_of(second)
    assert list(one.columns) == list(two.columns)
    assert len(one) == len(two)
    assert np.abs(one.to_numpy() - two.to_numpy()).max() <= tolerance

"""Compares batches of a number of complexes with batches filled by atoms -> docs/figures/batches.json.

    python -m scripts.measure.batches cache/crystal.npz

Each arm is trained with each seed on the same part of the cache, of whose proteins a fifth is held out. What differs is
how batches are cut, and with it the learning rate (``ComplexDataModule.peak_rate``). Runs lie in runs/batches and are
not trained again. Figures are those of the last epoch's validation; of the seeds, the mean and the spread.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from binding.config import TrainConfig
from binding.training.run import train
from scripts.bench.train import commit_of
from scripts.figures import FIGURES, ROOT, machine, write_figures

RUNS: Final = ROOT / "runs" / "batches"
OUTPUT: Final = FIGURES / "batches.json"
#: Arm -> what it is, and its settings.
ARMS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "number": ("32 complexes", {}),
    "atoms": ("850 ligand atoms, about 32 complexes", {"batch_atoms": 850}),
    "more atoms": ("1,700 ligand atoms, about 64 complexes", {"batch_atoms": 1700}),
}
FIGURES_TOLD: Final = ("val_rmse", "val_r", "val_rmse_ligand_only")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, help="made by binding prepare")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--where", default="index % 10 == 0", help="rows of the cache")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--only", action="store_true", help="measure what is there and train nothing")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    rows = []
    for seed in options.seeds:
        for arm in options.arms:
            folder = RUNS / f"{arm.replace(' ', '-')}-{seed}"
            if not (folder / "model.safetensors").is_file() and not options.only:
                train(TrainConfig.model_validate(settings(options, arm, seed, folder)), progress=False)
            if (folder / "model.safetensors").is_file():
                log = pd.read_csv(folder / "metrics.csv").iloc[-1]
                rows.append({"arm": arm, "seed": seed, "steps": int(log["step"])} | log[list(FIGURES_TOLD)].to_dict())
    table = pd.DataFrame(rows)
    figures: dict[str, Any] = {"machine": machine(), "commit": commit_of(ROOT), "epochs": options.epochs, "arms": []}
    for arm, part in table.groupby("arm", sort=False):
        told: dict[str, Any] = {"arm": arm, "title": ARMS[str(arm)][0], "seeds": len(part)}
        told["steps"] = int(part["steps"].iloc[0])
        for name in FIGURES_TOLD:
            mean, spread = float(part[name].mean()), float(np.std(part[name], ddof=1))
            told[name] = {"mean": round(mean, 4), "spread": round(spread, 4)}
        figures["arms"].append(told)
    write_figures(options.output, figures | {"runs": rows})


def settings(options: argparse.Namespace, arm: str, seed: int, output: Path) -> dict[str, Any]:
    """Those of a run."""
    source = {"cache": str(options.cache.resolve()), "where": options.where, "repeat": 2, "decoys": 0.4}
    shared = {
        "model": {"hidden_channels": 64, "dropout": 0.3, "pose_readout": "pairs"},
        "sources": [source],
        "validation": {"column": "uniprot", "folds": 5, "fold": 0},
        "geometry": False,
        "output": str(output),
        "seed": seed,
        "epochs": options.epochs,
        "batch_size": 32,
        "pair_weight": 1.0,
        "threads": 1,
        "device": "cpu",
    }
    return shared | ARMS[arm][1]


if __name__ == "__main__":
    main()

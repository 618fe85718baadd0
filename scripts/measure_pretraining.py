"""Measures whether pre-trained encoders help: the same training with and without them, on proteins held out.

    python scripts/measure_pretraining.py cache/crystal.npz --pockets cache/crystal.npz cache/modelled.npz \\
        --molecules ../shared/data/ligands/ligands.sdf.gz --index ../shared/data/ligands/index.csv

Proteins of one fold (by the column uniprot) are held out from pre-training and from training. Every run is kept under
--work and goes on where it was stopped. Written is docs/figures/pretraining.json, after each run, from which
scripts/write_tables.py fills docs/pretraining.md. Some two minutes a run on one core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from measure import machine, write_json

from binding.config import TrainConfig
from binding.pretraining.config import PretrainConfig
from binding.pretraining.run import PretrainResult, pretrain
from binding.training.encoders import encoder_file
from binding.training.run import train

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "docs" / "figures" / "pretraining.json"
ARMS = {"cold": (), "both": ("ligand", "pocket"), "ligand": ("ligand",), "pocket": ("pocket",)}
VALIDATION = {"column": "uniprot", "folds": 5, "fold": 0}
KEPT = ("r", "rmse", "n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, help="complexes to train on")
    parser.add_argument("--pockets", type=Path, nargs="+", required=True, metavar="CACHE", help="to pre-train on")
    parser.add_argument("--molecules", type=Path, required=True, metavar="FILE", help="to pre-train on")
    parser.add_argument("--index", type=Path, required=True, metavar="TABLE", help="of the molecules")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--channels", type=int, default=64, help="hidden channels")
    parser.add_argument("--epochs", type=int, nargs=3, default=(5, 8, 6), metavar="N", help="ligand, pocket, training")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "pretraining")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    encoders = pretrained(options)
    figures: dict[str, Any] = {
        "machine": machine(),
        "pretrained": {"rows": encoders.rows, "figures": encoders.figures},
        "settings": {"channels": options.channels, "epochs": options.epochs[2], "validation": VALIDATION},
        "arms": {},
    }
    for seed in range(options.seeds):
        for arm in options.arms:
            result = trained(options, arm, seed)
            figures["arms"].setdefault(arm, []).append({"seed": seed, **result})
            write_json(options.output, figures)
            sys.stderr.write(f"{arm}, seed {seed}: {result}\n")


def pretrained(options: argparse.Namespace) -> PretrainResult:
    ligand, pocket, _ = options.epochs
    source = {"file": options.molecules, "index": options.index, "cache": options.work / "molecules.npz"}
    settings = {
        "model": {"hidden_channels": options.channels},
        "ligand": {"molecules": [source], "epochs": ligand},
        "pocket": {"pockets": [{"cache": cache} for cache in options.pockets], "epochs": pocket},
        "validation": VALIDATION,
        "output": options.work / "encoders",
        "threads": 1,
    }
    return pretrain(PretrainConfig.model_validate(settings))


def trained(options: argparse.Namespace, arm: str, seed: int) -> dict[str, dict[str, float]]:
    """Figures of the held-out complexes, of the model and of its ligand-only twin."""
    settings = {
        "model": {"hidden_channels": options.channels},
        "sources": [{"cache": options.cache}],
        "validation": VALIDATION,
        "encoders": [encoder_file(options.work / "encoders", kind) for kind in ARMS[arm]],
        "output": options.work / f"{arm}-{seed}",
        "seed": seed,
        "epochs": options.epochs[2],
        "threads": 1,
    }
    metrics = train(TrainConfig.model_validate(settings), progress=False).metrics or {}
    return {name: {key: found[key] for key in KEPT} for name, found in metrics.items()}


if __name__ == "__main__":
    main()

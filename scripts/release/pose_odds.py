"""How the network's judgement of a pose and Vina's become a probability -> docs/figures/pose.json.

    python -m scripts.release.pose_odds cache/docked.npz --runs runs/base-0 runs/base-1 runs/strict-2

Logistic regression (Platt 1999) on docked poses of complexes that have right and wrong ones, each scored by a
network that held out its family. The log odds of a pose within 2 Å are linear in the network's logit and in Vina's
function divided by the square root of the ligand's size (``binding.model.pose_probability``). Right and wrong poses
weigh the same in total: how many poses of a search are right depends on the search, and about half of those it
ranks first are. The figures come from ten random parts of the complexes, each judged by a line fitted to the
others. No test set is read.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize
from scipy.special import expit

from binding.config import TrainConfig
from binding.data.cache import ComplexCache
from binding.folds import fold_of
from binding.metrics import estimate, mean_over_groups
from binding.model.ensemble import vina_of
from binding.model.weights import load_model
from scripts.figures import FIGURES, write_figures

NEAR = 2.0  # Å from the crystal pose: a right pose
RESAMPLES = 2000
PARTS = 10
BINS = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
COLUMNS = ["logit", "vina"]


def held_out_rows(run: Path, cache: ComplexCache) -> np.ndarray:
    """(n,) rows of a cache that are of families which a run held out."""
    rule = TrainConfig.from_yaml(run / "config.yaml").validation
    assert rule is not None, "only what a run held out tells anything"
    return np.flatnonzero([fold_of(str(group), rule.folds) == rule.fold for group in cache.table[rule.column]])


def mean_with_interval(values: np.ndarray) -> dict[str, float]:
    """The mean over complexes, and its interval by resamples of them."""
    return vars(estimate(*mean_over_groups(values, np.ones(len(values)), resamples=RESAMPLES)))


def judged(run: Path, cache: ComplexCache) -> pd.DataFrame:
    """Docked poses of the families that a run held out, with its logit and Vina's function by size."""
    table, rows = cache.table, held_out_rows(run, cache)
    rows = rows[(table["origin"].iloc[rows] != "native").to_numpy()]
    right = table["rmsd"].iloc[rows].astype(float).to_numpy() < NEAR
    native = table["native"].iloc[rows].to_numpy()
    scorer, found = load_model(run), []
    for row in rows.tolist():
        batch, geometry, (output,) = scorer.outputs(cache.graph(row))
        found.append((float(output.pose_logit), float(vina_of(batch, geometry))))
    energy = -table["energy"].iloc[rows].astype(float).to_numpy()
    poses = pd.DataFrame(found, columns=COLUMNS).assign(native=native, right=right, run=run.name, energy=energy)
    return poses[poses.groupby("native")["right"].transform("nunique") == 2]


def evenly(poses: pd.DataFrame) -> np.ndarray:
    """(poses,) weights of mean 1 by which right and wrong ones are as many."""
    right = poses["right"].to_numpy()
    return np.where(right, 0.5 / right.mean(), 0.5 / (1.0 - right.mean()))


def fitted(poses: pd.DataFrame) -> np.ndarray:
    """Weights of both columns and the offset, of greatest likelihood."""
    weight = evenly(poses)
    features = np.column_stack([poses[COLUMNS].to_numpy(), np.ones(len(poses))])
    right = poses["right"].to_numpy(dtype=float)

    def loss(line: np.ndarray) -> float:
        odds = features @ line
        return float((weight * (np.logaddexp(0.0, odds) - right * odds)).mean())

    return minimize(loss, np.zeros(features.shape[1]), method="BFGS").x


def by_others(poses: pd.DataFrame) -> np.ndarray:
    """Probability of each pose by a line from the other parts."""
    part = np.array([zlib.crc32(name.encode()) % PARTS for name in poses["native"]])
    result = np.empty(len(poses))
    for number in range(PARTS):
        line = fitted(poses[part != number])
        result[part == number] = expit(poses[COLUMNS][part == number].to_numpy() @ line[:-1] + line[-1])
    return result


def best_is_right(poses: pd.DataFrame, score: str) -> dict[str, float]:
    """Share of complexes whose best-scored pose is right."""
    best = poses.loc[poses.groupby(["run", "native"])[score].idxmax(), "right"]
    return mean_with_interval(best.to_numpy(dtype=float))


def reliability(poses: pd.DataFrame, column: str) -> list[dict[str, float]]:
    """How many are right of those that are given a probability, right and wrong ones weighed evenly."""
    weight = evenly(poses)
    place = np.clip(np.digitize(poses[column], BINS) - 1, 0, len(BINS) - 2)
    return [
        {
            "low": float(BINS[number]),
            "high": float(BINS[number + 1]),
            "n": int((place == number).sum()),
            "said": float(np.average(poses[column][place == number], weights=weight[place == number])),
            "right": float(np.average(poses["right"][place == number], weights=weight[place == number])),
        }
        for number in range(len(BINS) - 1)
        if (place == number).any()
    ]


def log_loss(poses: pd.DataFrame, column: str) -> float:
    """Natural logarithm; right and wrong ones weighed evenly."""
    said = np.clip(np.where(poses["right"], poses[column], 1.0 - poses[column]), 1e-9, 1.0)
    return float(-np.average(np.log(said), weights=evenly(poses)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "pose.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cache = ComplexCache(options.cache)
    poses = pd.concat([judged(run, cache) for run in options.runs], ignore_index=True)
    poses["network"] = expit(poses["logit"])
    poses["pose"] = by_others(poses)
    line = fitted(poses)
    scores = {"pose": "pose", "network": "logit", "vina": "energy", "vina_function": "vina"}
    report: dict[str, Any] = {
        "pose": dict(zip((*COLUMNS, "offset"), (round(float(value), 3) for value in line), strict=True)),
        "runs": [run.name for run in options.runs],
        "complexes": len(poses.groupby(["run", "native"])),
        "poses": len(poses),
        "share_right": float(poses["right"].mean()),
        "best_is_right": {name: best_is_right(poses, column) for name, column in scores.items()},
        "log_loss": {name: log_loss(poses, name) for name in ("pose", "network")},
        "reliability": {name: reliability(poses, name) for name in ("pose", "network")},
    }
    write_figures(options.output, report)
    print(report["pose"], {name: f"{found['value']:.3f}" for name, found in report["best_is_right"].items()})
    print(report["log_loss"], report["reliability"]["pose"])


if __name__ == "__main__":
    main()

"""Compares settings on protein families that were held out -> runs/settings/settings.json.

    python -m scripts.measure.settings                 trains what is missing, measures every arm that is there
    python -m scripts.measure.settings wide --jobs 2   ... of the named arms, two runs at a time

Each arm is configs/train/base.yaml without its prior, with the settings named below. It is trained three times,
each time without another sixth of the protein families of all sources (column ``protein_cluster``) and with another
seed, and then predicts what it has not seen. All are single networks. The arm ``rows`` holds out random rows
instead, so that nearly all families are known to it. No test set is read.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from binding.config import load_yaml
from binding.metrics import measure, paired_difference
from scripts.figures import ROOT, write_figures
from scripts.measure.held_out import held_out, within_groups

RUNS = ROOT / "runs" / "settings"
OUTPUT = RUNS / "settings.json"
FOLDS, OF = (2, 3, 4), 6  # without the kinases, a third of all rows: training would lose too much
CONTROL = "plain"
SETTINGS = ROOT / "configs" / "train" / "base.yaml"
#: What the other arms start from: base.yaml without prior, docked poses and what reads them, and with less dropout.
PLAIN = (
    "prior=null",
    f"sources={json.dumps(load_yaml(SETTINGS)['sources'][:5])}",
    "model.pose_readout=pooled",
    "model.dropout=0.1",
)
#: Arm -> what it is, and how it differs from base.yaml.
ARMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "plain": ("64 channels, dropout 0.1, 3 epochs, no docked poses", PLAIN),
    "short": ("1 epoch", (*PLAIN, "epochs=1")),
    "dropout": ("dropout 0.3", (*PLAIN, "model.dropout=0.3")),
    "wide": ("96 channels", (*PLAIN, "model.hidden_channels=96")),
    "pairs": ("pair loss 2.0, eight together", (*PLAIN, "pair_weight=2.0", "together=8")),
    "no_pairs": ("without the pair loss", (*PLAIN, "pair_weight=0.0", "together=1")),
    "no_angles": ("without angles", (*PLAIN, "model.angles=false")),
    "no_protein": ("without the protein", (*PLAIN, "model.protein=false")),
    "no_physics": ("without Vina's terms", (*PLAIN, "model.physics=false")),
}
#: The settings of base.yaml, without its prior, where no family is new: one run, and only how it fares by epoch.
ROWS = ("rows", ("prior=null", "validation.column=id", "validation.folds=5"), 0)


NAMES = (*ARMS, ROWS[0])


def train(arm: str, fold: int, settings: tuple[str, ...]) -> int:
    """One run; its output goes to ``runs/settings/<arm>-<fold>.log``."""
    output = RUNS / f"{arm}-{fold}"
    if (output / "model.safetensors").is_file():
        return 0
    command = [sys.executable, "-m", "binding", "train", str(SETTINGS), "-o", str(output), "--quiet"]
    rule = (f"validation.fold={fold}", f"validation.folds={OF}", "validation.column=protein_cluster")
    for setting in (*rule, f"seed={fold}", "threads=1", *settings):
        command += ["--set", setting]
    RUNS.mkdir(parents=True, exist_ok=True)
    with output.with_suffix(".log").open("a") as log:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, env=environment, check=False).returncode


def figures(tables: dict[int, pd.DataFrame]) -> dict[str, Any]:
    """Of an arm: by source, the rows of all folds together."""
    rows = pd.concat([table.assign(fold=fold) for fold, table in tables.items()])
    rows = rows[rows["relation"] == "="]  # a bound has no error
    result: dict[str, Any] = {}
    for source, part in rows.groupby("source", sort=False):
        truth = part["pk_true"].to_numpy()
        result[str(source)] = {
            name: {metric: vars(value) for metric, value in measure(part[name].to_numpy(), truth).items()}
            | {"tau": within_groups(part, name)}
            for name in ("pk", "pk_ligand_only")
        } | {"n": len(part)}
    return result


def by_epoch(runs: list[Path]) -> list[dict[str, float]]:
    """r and RMSE of the averaged weights on the held-out crystal rows after each epoch, mean over the runs."""
    logs = [pd.read_csv(run / "metrics.csv")[["val_r", "val_rmse"]] for run in runs]
    return (sum(logs[1:], logs[0]) / len(logs)).to_dict("records")


def against_control(arm: dict[int, pd.DataFrame], control: dict[int, pd.DataFrame]) -> dict[str, Any]:
    """Differences on the same rows."""
    both = pd.concat(
        [arm[k].merge(control[k][["source", "id", "pk"]], on=["source", "id"], suffixes=("", "_control")) for k in arm]
    )
    both = both[both["relation"] == "="]
    return {
        str(source): {
            metric: vars(value)
            for metric, value in paired_difference(
                part["pk"].to_numpy(), part["pk_control"].to_numpy(), part["pk_true"].to_numpy()
            ).items()
        }
        for source, part in both.groupby("source", sort=False)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "arms", nargs="*", default=list(NAMES), metavar="ARM", help=f"of {', '.join(NAMES)}; default all"
    )
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, of one thread each")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    if unknown := set(options.arms) - set(NAMES):
        parser.error(f"there is no arm {', '.join(sorted(unknown))}")
    asked = [(arm, fold, ARMS[arm][1]) for fold in FOLDS for arm in options.arms if arm in ARMS]
    if ROWS[0] in options.arms:
        asked.append((ROWS[0], ROWS[2], ROWS[1]))
    with ThreadPoolExecutor(options.jobs) as pool:
        if any(pool.map(lambda job: train(*job), asked)):
            raise SystemExit(f"a run has failed: see the logs in {RUNS}")
    torch.set_num_threads(1)
    done: dict[str, dict[int, pd.DataFrame]] = {}
    for arm in ARMS:
        if all((RUNS / f"{arm}-{fold}" / "model.safetensors").is_file() for fold in FOLDS):
            done[arm] = {fold: held_out(RUNS / f"{arm}-{fold}") for fold in FOLDS}
    report = {
        arm: {
            "title": ARMS[arm][0],
            "settings": ARMS[arm][1],
            "figures": figures(tables),
            "by_epoch": by_epoch([RUNS / f"{arm}-{fold}" for fold in FOLDS]),
        }
        | ({"difference": against_control(tables, done[CONTROL])} if arm != CONTROL and CONTROL in done else {})
        for arm, tables in done.items()
    }
    rows = RUNS / f"{ROWS[0]}-{ROWS[2]}"
    known = by_epoch([rows]) if (rows / "model.safetensors").is_file() else None
    content = {"folds": FOLDS, "of": OF, "control": CONTROL, "arms": report, "rows_by_epoch": known}
    write_figures(options.output, content)


if __name__ == "__main__":
    main()

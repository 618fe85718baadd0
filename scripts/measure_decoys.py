"""What networks make of wrong poses and wrong ligands, in families that they held out -> docs/figures/decoys.json.

    python scripts/measure_decoys.py --runs "released" runs/base-0 runs/base-1 --runs "before" runs/old-0 runs/old-1

Runs are networks without a prior. Poses are those of decoy_poses.py and cross_poses.py, of which a run is shown the
families of its own fold alone, which none of its training rows is of. Two questions:

- *pose*: among the docked poses of a complex, right and wrong ones, is the best-scored within 2 Å of the crystal's?
- *ligand*: does a pocket's own ligand, docked, score above a ligand of another family docked by the same search? Both
  have the same size, each counts by the best-scored of its three poses of lowest energy. Only pockets whose ligand
  binds with pK 6 or more are asked: the others could rightly be called bad.

Vina's function answers both beside them. No test set is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from measure import ROOT, write_json
from measure_screening import vina_affinity

from binding.config import TrainConfig
from binding.data.cache import ComplexCache
from binding.folds import fold_of
from binding.io.ligand import read_ligands
from binding.io.structure import read_protein
from binding.metrics import estimate, mean_over_groups
from binding.model.weights import load_model
from binding.structures import Ligand

NEAR, BINDS, POSES = 2.0, 6.0, 3  # Å; pK; poses a ligand
BATCH, RESAMPLES = 64, 2000
SCORES = ("pk", "pose", "vina")


def vina(work: Path, pockets: list[str]) -> dict[str, float]:
    """Minus Vina's affinity of every pose in some pockets of a laid-out tree, kcal/mol, by the pose's name."""
    found = {}
    for name in pockets:
        protein = read_protein(work / name / f"{name}_pocket.pdb.gz")
        for ligand in read_ligands(work / name / f"{name}_ligands.sdf.gz"):
            if isinstance(ligand, Ligand):
                found[ligand.name] = -vina_affinity(protein, ligand)
    return found


def held_out_rows(run: Path, cache: ComplexCache) -> np.ndarray:
    """(n,) rows of a cache that are of families which a run held out."""
    rule = TrainConfig.from_yaml(run / "config.yaml").validation
    assert rule is not None, "only what a run held out tells anything"
    return np.flatnonzero([fold_of(str(group), rule.folds) == rule.fold for group in cache.table[rule.column]])


def scored(run: Path, cache: ComplexCache) -> pd.DataFrame:
    """The rows of a cache whose family the run held out, with its pk and pose."""
    rows, scorer = held_out_rows(run, cache), load_model(run)
    parts = []
    for start in range(0, len(rows), BATCH):
        scores = scorer.score([cache.graph(int(row)) for row in rows[start : start + BATCH]])
        parts.append(pd.DataFrame({"pk": scores.pk, "pose": scores.pose}))
    columns = [name for name in ("id", "native", "guest", "origin", "rmsd", "energy") if name in cache.table.columns]
    own = cache.table.iloc[rows][columns].reset_index(drop=True).assign(measured=cache.table["pk"].to_numpy()[rows])
    return pd.concat([own, pd.concat(parts, ignore_index=True)], axis=1)


def right_poses(docked: pd.DataFrame) -> pd.DataFrame:
    """For each complex with right and wrong poses, whether the best by each score is right."""
    poses = docked[docked["origin"] != "native"].assign(right=lambda rows: rows["rmsd"].astype(float) < NEAR)
    asked = [group for _, group in poses.groupby("native") if group["right"].nunique() == 2]
    return pd.DataFrame([{name: float(group.loc[group[name].idxmax(), "right"]) for name in SCORES} for group in asked])


def own_above_others(docked: pd.DataFrame, crossed: pd.DataFrame) -> pd.DataFrame:
    """For each pocket, the share of other families' ligands that its own ligand scores above."""
    own = docked[(docked["origin"] == "docked") & (docked["measured"] >= BINDS)]
    own = own.assign(energy=own["energy"].astype(float)).sort_values("energy", kind="stable")
    own = own.groupby("native").head(POSES).groupby("native")[list(SCORES)].max()
    guests = crossed.groupby(["native", "guest"])[list(SCORES)].max().reset_index()
    guests = guests[guests["native"].isin(own.index)]
    mine = own.loc[guests["native"]].to_numpy()
    above = pd.DataFrame((mine > guests[list(SCORES)].to_numpy()).astype(float), columns=list(SCORES))
    return above.groupby(guests["native"].to_numpy()).mean()


def mean_with_interval(values: np.ndarray) -> dict[str, float]:
    """The mean over complexes, and its interval by resamples of them."""
    return vars(estimate(*mean_over_groups(values, np.ones(len(values)), resamples=RESAMPLES)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", nargs="+", action="append", required=True, metavar=("NAME", "RUN"))
    parser.add_argument("--docked", type=Path, default=ROOT / "cache" / "docked.npz")
    parser.add_argument("--crossed", type=Path, default=ROOT / "cache" / "crossed.npz")
    parser.add_argument("--trees", type=Path, nargs=2, metavar=("DOCKED", "CROSSED"),
                        default=[ROOT / "cache" / "posed_decoys", ROOT / "cache" / "posed_crossed"])  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "figures" / "decoys.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    caches = [ComplexCache(options.docked), ComplexCache(options.crossed)]
    energies: list[dict[str, float]] = [{}, {}]
    report: dict[str, Any] = {"binds": BINDS, "poses": POSES, "sets": {}}
    for name, *runs in options.runs:
        tables = []
        for place, cache in enumerate(caches):
            rows = pd.concat([scored(Path(run), cache) for run in runs])
            asked = [pocket for pocket in rows["native"].unique() if pocket not in set(map(_pocket, energies[place]))]
            energies[place] |= vina(options.trees[place], asked)
            tables.append(rows.assign(vina=rows["id"].map(energies[place])))
        poses, ligands = right_poses(tables[0]), own_above_others(*tables)
        report["sets"][name] = {
            "networks": len(runs),
            "pose": {"n": len(poses)} | {score: mean_with_interval(poses[score].to_numpy()) for score in SCORES},
            "ligand": {"n": len(ligands)} | {score: mean_with_interval(ligands[score].to_numpy()) for score in SCORES},
        }
        for question in ("pose", "ligand"):
            found = report["sets"][name][question]
            print(name, question, found["n"], {score: f"{found[score]['value']:.3f}" for score in SCORES}, flush=True)
    write_json(options.output, report)


def _pocket(pose: str) -> str:
    return pose.split("_", 1)[0]


if __name__ == "__main__":
    main()

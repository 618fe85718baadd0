"""Forward screening on CASF-2016 with poses of our own -> docs/figures/forward.json.

    python -m scripts.measure.forward dock ../shared/data/casf2016 runs/forward [--foreign 25] [--minutes 40]
    python -m scripts.measure.forward judge ../shared/data/casf2016 runs/forward

Does a target's own ligand stand above ligands of other targets? Of each target the structure with its tightest ligand
is taken. Its own ligands and some ligands of other targets, drawn by the target's name, are
docked alike from SMILES with a short search; ligands of other targets count as non-binders. Targets come in an order by
chance, so that a run that is stopped has a random subset of them, and goes on where it was stopped. It is a test set:
nothing is chosen by it.

A compound counts by its best pose, by each number. EF1% and success (whether a binder is among the best 1, 5 or 10 %,
at least one compound) depend on how many compounds stand beside the binders: compare them with other figures only where
these are as many.
"""

from __future__ import annotations

import argparse
import math
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rdkit import rdBase

from binding.evaluation.enrichment import enrichment_figures
from binding.io.results import OK, to_frame
from binding.io.table import Request
from binding.metrics import estimate, mean_over_groups
from binding.model.weights import STRICT_MODEL
from binding.score.options import ScoringOptions
from binding.score.pipeline import score_requests
from scripts.figures import FIGURES, machine, write_figures
from scripts.release.small_screens import Compound, by_chance, dock_pocket

SET = "forward"
FOREIGN = 25  # ligands of other targets beside those of a target
BINDERS = ("own", "other")
TOPS = {"top1": 0.01, "top5": 0.05, "top10": 0.10}
COLUMNS = ("rank_score", "pk", "pose", "pk_network", "pk_prior", "pk_ligand_only", "vina", "vina_by_size", "size")
RESAMPLES = 1000


def targets(folder: Path) -> pd.DataFrame:
    """Complexes with their target: id, smiles, pk, target (accession)."""
    index = pd.read_csv(folder / "index.csv")
    return index.rename(columns={"ligand_smiles": "smiles", "uniprot": "target"})[["id", "smiles", "pk", "target"]]


def asked_of(target: str, table: pd.DataFrame, foreign: int) -> tuple[str, list[tuple[str, Compound]]]:
    """The structure of a target, and the compounds that are docked into it with their kind.

    Args:
        target: Accession.
        table: ``targets``.
        foreign: How many ligands of other targets.
    """
    own = table[table["target"] == target].sort_values("pk", ascending=False, kind="stable")
    others = table[(table["target"] != target) & ~table["smiles"].isin(set(own["smiles"]))]
    drawn = others.sample(n=min(foreign, len(others)), random_state=zlib.crc32(target.encode()))
    kinds = ["own", *["other"] * (len(own) - 1), *["guest"] * len(drawn)]
    rows = pd.concat([own, drawn])[["smiles", "target", "pk"]].itertuples(index=False)
    return str(own["id"].iloc[0]), [
        (kind, Compound(smiles, accession, "crystal", float(pk)))
        for kind, (smiles, accession, pk) in zip(kinds, rows, strict=True)
    ]


def dock(options: argparse.Namespace) -> None:
    """Target by target, until all are done or the time is up."""
    table, deadline = targets(options.folder), time.time() + 60.0 * options.minutes
    for target in by_chance(sorted(set(table["target"])), "forward"):
        name, asked = asked_of(target, table, options.foreign)
        stem = options.work / "done" / SET / name
        if time.time() > deadline:
            return
        if not stem.with_suffix(".csv").is_file():
            protein, ligand = (options.folder / name / f"{name}_{what}" for what in ("protein.pdb", "ligand.sdf"))
            dock_pocket(name, protein, ligand, asked, stem)
            print(name, len(asked), flush=True)


def scored(options: argparse.Namespace) -> pd.DataFrame:
    """A row for each pose of the targets that are done: receptor, compound, binds and ``COLUMNS``."""
    settings = ScoringOptions(model=options.model, workers=0, one_network=True)  # as in a screen
    scorer = settings.load()
    frames = []
    for path in sorted((options.work / "done" / SET).glob("*.csv")):
        table, folder = pd.read_csv(path), options.folder / path.stem
        protein, ligand = (folder / f"{path.stem}_{what}" for what in ("protein.pdb", "ligand.sdf"))
        request = Request(None, protein, path.with_suffix(".sdf"), ligand)
        said = to_frame(row for _, row in score_requests([request], scorer, settings))
        said = said[said["status"] == OK].drop(columns=["id", "status"]).rename(columns={"ligand": "id"})
        # A compound that could not be docked ranks last.
        frames.append(table.drop(columns="error_code").merge(said, on="id", how="left", validate="one_to_one"))
    rows = pd.concat(frames, ignore_index=True)
    return rows.assign(
        vina=-rows["energy"],
        vina_by_size=-rows["energy"] / np.sqrt(rows["heavy_atoms"].astype(float)),
        size=rows["heavy_atoms"].astype(float),
        binds=rows["kind"].isin(BINDERS),
    )


def of_target(score: np.ndarray, binds: np.ndarray) -> dict[str, float]:
    """EF1%, BEDROC and AUC of one target's compounds, and whether a binder is among the best.

    Args:
        score: (n,) higher is better; a NaN is worse than any number.
        binds: (n,) bool.
    """
    figures = {name: float(values[0]) for name, values in enrichment_figures(score, binds).items()}
    ranked = binds[np.argsort(-np.where(np.isfinite(score), score, -np.inf), kind="stable")]
    tops = {name: float(ranked[: math.ceil(share * len(binds) - 1e-9)].any()) for name, share in TOPS.items()}
    return {name: figures[name] for name in ("ef1", "bedroc", "auc")} | tops


def judged(rows: pd.DataFrame, column: str) -> dict[str, Any]:
    """Means over targets with intervals, by the best pose of each compound."""
    best = rows.groupby(["receptor", "compound"], sort=False).agg(score=(column, "max"), binds=("binds", "first"))
    found = [
        of_target(one["score"].to_numpy(dtype=float), one["binds"].to_numpy())
        for _, one in best.groupby("receptor")
        if one["binds"].nunique() == 2
    ]
    return {
        name: vars(
            estimate(
                *mean_over_groups(np.array([one[name] for one in found]), np.ones(len(found)), resamples=RESAMPLES)
            )
        )
        for name in found[0]
    }


def judge(options: argparse.Namespace) -> None:
    """Figures of what is done so far."""
    rows = scored(options)
    compounds = rows.groupby(["receptor", "compound"])["binds"].first()
    content = {
        "model": options.model,
        "machine": machine(),
        "targets": int(rows["receptor"].nunique()),
        "of_targets": int(targets(options.folder)["target"].nunique()),
        "binders": int(compounds.sum()),
        "others": int((~compounds).sum()),
        "best_ef1": round(float(len(compounds) / compounds.sum()), 1),
        "columns": {name: judged(rows, name) for name in COLUMNS},
    }
    write_figures(options.output / "forward.json", content, options.model)
    for name, one in content["columns"].items():
        print(f"{name:15s}", *(f"{what} {value['value']:.2f}" for what, value in one.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["dock", "judge"])
    parser.add_argument("folder", type=Path, help="CASF-2016 in PDBbind layout")
    parser.add_argument("work", type=Path)
    parser.add_argument("--foreign", type=int, default=FOREIGN)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further target after so long")
    parser.add_argument("--model", default=STRICT_MODEL)
    parser.add_argument("--output", type=Path, default=FIGURES)
    options = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    torch.set_num_threads(1)
    {"dock": dock, "judge": judge}[options.what](options)


if __name__ == "__main__":
    main()

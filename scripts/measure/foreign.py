"""How often a pocket's own ligand stands above those of other proteins, all docked -> docs/figures/foreign.json.

    python -m scripts.measure.foreign ../shared/data WORK

WORK is that of scripts.release.small_screens: pockets of proteins that no network has seen, their own ligands, and
ligands of other proteins that match a binder of the pocket in size, charge and logP. Each ligand counts by the best of
its docked poses. Tables of native contacts know nothing of the pocket's family, and the line of ``pose`` is fitted to
docked poses of other parts of the families (scripts.release.pose_odds). No test set is read.

A docked ligand can be told from others by its pose where a right one was found: the figures are split by whether the
own ligand has a pose within 2 Å of the crystal's, and whether that is the one that counts.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rdkit import rdBase

from binding.data.cache import ComplexCache
from binding.errors import LigandError
from binding.graph.fields import ComplexGraph
from binding.graph.ligand import build_ligand_graph
from binding.graph.pocket import build_pocket_graph
from binding.io.ligand import read_ligands
from binding.io.structure import read_protein
from binding.metrics import estimate, mean_over_groups
from binding.model.contact_potential import ContactPotential
from binding.model.weights import DEFAULT_MODEL, Scorer, load_model
from binding.structures import Ligand
from scripts.figures import FIGURES, write_figures
from scripts.release.decoys import on_native, rmsd
from scripts.release.families import crystal_families
from scripts.release.pose_odds import (
    ARMS,
    CACHE,
    LOGIT,
    NEAR,
    counts_by_fold,
    fitted,
    odds_by,
    part_of,
    poses_of,
    without_each,
)
from scripts.release.pose_odds import judged as terms_of
from scripts.release.small_screens import collect, unseen_pockets

SCORES = ("pose", LOGIT, "vina", "vina_by_size", "size")
RESAMPLES = 2000
OWN, FOREIGN = "own", "guest"


def docked(
    data: Path, work: Path, scorer: Scorer, families: pd.DataFrame, tables: list[ContactPotential]
) -> pd.DataFrame:
    """A row for each docked pose of own and foreign ligands: receptor, group, kind, compound, scores, terms, rmsd.

    ``rmsd`` is to the crystal pose in Å, of own ligands.
    """
    table = pd.read_csv(work / "poses.csv")
    table = table[(table["status"] == "ok") & table["kind"].isin([OWN, FOREIGN])]
    table = table.merge(families[["id", "group", "fold"]].rename(columns={"id": "receptor"}), on="receptor")
    found = []
    for name, part in table.groupby("receptor"):
        folder = data / "crystal" / str(name)
        pocket = build_pocket_graph(read_protein(folder / f"{name}_pocket.pdb.gz"))
        native = next(read_ligands(folder / f"{name}_ligand.sdf.gz"))
        read = read_ligands(work / "done" / "small_screens" / f"{name}.sdf")
        posed = {one.name: one for one in read if isinstance(one, Ligand)}
        asked = [posed[row] for row in part["id"]]
        potential = tables[int(part["fold"].iloc[0])]
        terms = terms_of(scorer, (ComplexGraph(build_ligand_graph(one), pocket) for one in asked), potential)
        apart = [
            distance(one, native) if kind == OWN else np.nan for one, kind in zip(asked, part["kind"], strict=True)
        ]
        size = np.array([one.num_atoms for one in asked])
        scores = {"vina": -part["energy"], "vina_by_size": -part["energy"] / np.sqrt(size), "size": size}
        found.append(pd.concat([part.assign(rmsd=apart, **scores).reset_index(drop=True), terms], axis=1))
    return pd.concat(found, ignore_index=True)


def distance(pose: Ligand, native: object) -> float:
    """RMSD in Å; NaN where the crystal's ligand cannot be read or is drawn as another molecule."""
    if not isinstance(native, Ligand):
        return np.nan
    try:
        return rmsd(on_native(pose.mol, native.mol), native.mol)
    except LigandError:
        return np.nan


def above(poses: pd.DataFrame, score: str) -> pd.DataFrame:
    """By receptor the share of foreign ligands below the own one, and the RMSD of its best-scored pose."""
    best = poses.loc[poses.groupby("compound")[score].idxmax()]
    rows = []
    for name, part in best.groupby("receptor"):
        own, foreign = part[part["kind"] == OWN], part.loc[part["kind"] == FOREIGN, score]
        if len(own) and len(foreign):
            value = own[score].iloc[0]
            rows.append((name, (value > foreign).mean() + 0.5 * (value == foreign).mean(), own["rmsd"].iloc[0]))
    return pd.DataFrame(rows, columns=["receptor", "above", "rmsd"]).set_index("receptor")


def mean(values: pd.Series) -> dict[str, float]:
    """With its interval over pockets."""
    numbers = values.to_numpy(dtype=float)
    return vars(estimate(*mean_over_groups(numbers, np.ones(len(numbers)), resamples=RESAMPLES)))


def figures(poses: pd.DataFrame) -> dict[str, Any]:
    """What the scores say, and ``pose`` by what docking found.

    Args:
        poses: ``docked`` with ``pose``.
    """
    own = poses[poses["kind"] == OWN]
    said = above(poses, "pose")
    least = own.groupby("receptor")["rmsd"].min().reindex(said.index)
    near, chosen = least < NEAR, said["rmsd"] < NEAR
    parts = {"right pose chosen": chosen, "right pose not chosen": near & ~chosen, "no right pose": least >= NEAR}
    return {
        "pockets": len(said),
        "with_a_right_pose": mean(near[least.notna()].astype(float)),
        "above": {score: mean(above(poses, score)["above"]) for score in SCORES},
        "by_docking": {
            name: {"pockets": int(inside.sum()), "above": mean(said.loc[inside, "above"])}
            for name, inside in parts.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "foreign.json")
    arguments = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    torch.set_num_threads(1)
    collect(arguments.work)
    crystal, families = ComplexCache(CACHE / "crystal.npz"), crystal_families(arguments.data, CACHE)
    scorer = load_model(DEFAULT_MODEL, device="cpu")
    assert scorer.domain is not None, "released weights record what they were trained on"
    tables = without_each(counts_by_fold(crystal, families, np.ones(len(families), dtype=bool)))
    new = families[families["id"].isin(set(unseen_pockets(scorer.domain, crystal)))]
    known, names = poses_of(scorer, ComplexCache(CACHE / "docked.npz"), new, tables), ARMS["pose"]
    poses = docked(arguments.data, arguments.work, scorer, families, tables)
    own, other, said = part_of(poses["group"]), part_of(known["group"]), np.empty(len(poses))
    for part in np.unique(own):
        said[own == part] = odds_by(fitted(known[other != part], names), poses[own == part], names)
    report = figures(poses.assign(pose=said))
    print(report)
    write_figures(arguments.output, report, None)


if __name__ == "__main__":
    main()

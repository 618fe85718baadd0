"""Fits `binder`, the probability that a compound binds at all -> binding/weights/<name>.binder.json.

    python -m scripts.release.binder DATA WORK --models binding-base binding-strict

WORK is that of scripts.release.small_screens: binders and decoys docked alike into pockets of proteins that the
networks have not seen. All poses are scored with the weights asked for. Each compound counts by its best pose, as in a
screen. The log odds are linear in a few numbers, whose weights are at least zero.

How much the ligand says cannot be read off decoys that are alike to binders by their making. Its weights are fitted to
assays of `activity/` on proteins without a structure: compounds found active (pK 6.5 and more) and inactive (below 5,
or a bound) in the same assay. The number of atoms counts where it brings 0.01 of AUC on assays that were held out.

The probability is that of a compound of a screen in which ``base_rate`` of the compounds bind: the share among binders
and decoys of the small screens. Held-out figures are by ten random parts of the proteins. No test set is read.
"""

from __future__ import annotations

import argparse
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rdkit import Chem, rdBase
from scipy.optimize import minimize
from scipy.special import expit, logit

from binding.evaluation.enrichment import enrichment_figures
from binding.files import write_text
from binding.graph.fields import LigandGraph
from binding.graph.ligand import build_ligand_graph
from binding.io.results import OK, to_frame
from binding.io.table import Request
from binding.metrics import estimate, mean_over_groups
from binding.model.binder import FORMAT_VERSION, binder_path
from binding.model.weights import load_model, resolve_weights
from binding.score.options import ScoringOptions
from binding.score.pipeline import score_requests
from binding.structures import Ligand
from scripts.figures import FIGURES, digest, write_figures
from scripts.release.small_screens import collect

#: Of a pose. What the structure says of pK is no term: the geometry expert has seen these very complexes.
OF_POSE = ("pose",)
#: Terms of a ligand that are tried together.
LIGAND_ARMS = {"ligand alone": ("pk_ligand_only",), "ligand alone and size": ("pk_ligand_only", "size")}
ALONE = "pk_ligand_only"
GAIN = 0.01  # of AUC on held-out assays that a further term has to bring
OTHERS = ("pose", "pk", "pk_network", "pk_prior", ALONE, "vina", "vina_by_size", "size")  # for comparison
BINDERS, DECOYS = ("own", "other"), ("guest", "library", "weak")
PARTS, RESAMPLES = 10, 1000
SHRINK = 0.02  # penalty on the squares of standardised weights: a few dozen proteins are few
ACTIVE, INACTIVE = 6.5, 5.0  # pK
ASSAYS, EACH = 150, 6  # assays drawn, and compounds of each kind in one


def part_of(name: str) -> int:
    """The part of a protein or an assay."""
    return zlib.crc32(f"part {name}".encode()) % PARTS


# ---------------------------------------------------------------- rows


def poses(data: Path, work: Path, model: str) -> pd.DataFrame:
    """A row for each docked pose: receptor, compound, kind, Vina's score and what the weights say."""
    table = pd.read_csv(work / "poses.csv")
    table = table[table["status"] == "ok"]
    frames = []
    options = ScoringOptions(model=model, workers=0)
    scorer = options.load()
    for name in table["receptor"].unique():
        pocket, reference = (data / "crystal" / name / f"{name}_{what}" for what in ("pocket.pdb.gz", "ligand.sdf.gz"))
        request = Request(None, pocket, work / "done" / "small_screens" / f"{name}.sdf", reference)
        frames.append(to_frame(row for _, row in score_requests([request], scorer, options)))
    scored = pd.concat(frames, ignore_index=True)
    scored = scored[scored["status"] == OK].rename(columns={"id": "row_id", "ligand": "id"})
    joined = table.merge(scored, on="id", suffixes=("", "_scored"), validate="one_to_one")
    clipped = np.clip(joined["pose"].to_numpy(), 1e-6, 1 - 1e-6)
    return joined.assign(
        vina=-joined["energy"],
        vina_by_size=-joined["energy"] / np.sqrt(joined["heavy_atoms"].astype(float)),
        pose=logit(clipped),
        size=np.log(joined["heavy_atoms"].astype(float)),
        binds=joined["kind"].isin(BINDERS),
    )


def assays(data: Path, model: str) -> pd.DataFrame:
    """assay, binds, pk_ligand_only and size of compounds found active and inactive in one assay."""
    table = pd.read_csv(data / "activity" / "fsmol.csv.gz", low_memory=False)
    known = pd.concat([pd.read_csv(data / name / "index.csv", usecols=["uniprot"]) for name in ("crystal", "ligands")])
    table = table[(table["assay_type"] == "B") & ~table["uniprot"].isin(set(known["uniprot"].dropna()))]
    bound = table["relation"].isin([">", ">=", ">>"])
    table = table.assign(binds=table["pk"] >= ACTIVE)[(table["pk"] >= ACTIVE) & ~bound | (table["pk"] < INACTIVE)]
    drawn = table.sample(frac=1.0, random_state=0).groupby(["assay", "binds"]).head(EACH)
    counts = drawn.groupby("assay")["binds"].agg(["sum", "size"])
    full = counts.index[(counts["sum"] == EACH) & (counts["size"] == 2 * EACH)]
    chosen = sorted(full, key=lambda name: zlib.crc32(name.encode()))[:ASSAYS]
    drawn = drawn[drawn["assay"].isin(chosen)]
    graphs = [_flat_graph(smiles) for smiles in drawn["smiles"]]
    drawn = drawn[[graph is not None for graph in graphs]]
    prior = load_model(model).prior
    assert prior is not None
    known_graphs = [graph for graph in graphs if graph is not None]
    sizes = np.log([graph.num_atoms for graph in known_graphs])
    return drawn[["assay", "binds"]].assign(**{ALONE: prior.predict(known_graphs), "size": sizes})


def _flat_graph(smiles: str) -> LigandGraph | None:
    """A ligand without a pose, as the prior reads it."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or "." in smiles or mol.GetNumAtoms() > 70:
        return None
    mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
    return build_ligand_graph(Ligand("compound", mol, np.zeros((mol.GetNumAtoms(), 3))))


# ---------------------------------------------------------------- fits


def within(rows: pd.DataFrame, names: list[str], group: str, kept: tuple[str, ...] = ()) -> np.ndarray:
    """Weights, at least zero, by which binders stand above the others of their group: conditional logistic regression.

    Each pair of a binder and another of its group says which has the greater sum; groups weigh the same. A constant
    of the group, such as how well its pocket can be docked to, takes no part.

    Args:
        rows: Compounds.
        names: Columns.
        group: Column of the groups.
        kept: Columns whose weight may be below zero.
    """
    differences, weights = [], []
    for _, found in rows.groupby(group):
        values, binds = found[names].to_numpy(dtype=float), found["binds"].to_numpy()
        pairs = (values[binds][:, None] - values[~binds][None]).reshape(-1, len(names))
        differences.append(pairs)
        weights += [1.0 / max(len(pairs), 1)] * len(pairs)
    pairs, weight = np.concatenate(differences), np.array(weights) / max(sum(weights), 1e-9)
    scale = np.sqrt((weight[:, None] * pairs**2).sum(axis=0)) + 1e-9

    def loss(line: np.ndarray) -> float:
        return float(weight @ np.logaddexp(0.0, -(pairs / scale) @ line) + SHRINK * line @ line)

    bounds = [(None, None) if name in kept else (0.0, None) for name in names]
    return minimize(loss, np.full(len(names), 0.1), method="L-BFGS-B", bounds=bounds).x / scale


def offset_of(screens: pd.DataFrame, weights: dict[str, float]) -> float:
    """So that the mean probability of the best poses is the share of binders."""
    odds, share = total(best_poses(screens, weights), weights), screens.groupby("compound")["binds"].first().mean()
    low, high = -60.0, 60.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if expit(odds + middle).mean() < share else (low, middle)
    return low


def total(rows: pd.DataFrame, weights: dict[str, float]) -> np.ndarray:
    return rows[list(weights)].to_numpy(dtype=float) @ np.array(list(weights.values()))


def best_poses(rows: pd.DataFrame, weights: dict[str, float]) -> pd.DataFrame:
    """The pose of each compound that counts in a screen."""
    ranked = rows.assign(sum=total(rows, weights))
    return ranked.loc[ranked.groupby("compound")["sum"].idxmax()]


def refit(screens: pd.DataFrame, of_ligand: dict[str, float]) -> dict[str, float]:
    """Weights of a pose's terms, fitted to the poses that they themselves choose, beside those of the ligand."""
    chosen = screens.loc[screens.groupby("compound")["pose"].idxmax()]
    weights = dict(of_ligand)
    for _ in range(3):
        line = within(chosen, list(OF_POSE), "receptor")
        weights = dict(zip(OF_POSE, line.tolist(), strict=True)) | of_ligand
        chosen = best_poses(screens, weights)
    return weights


def ligand_weights(tested: pd.DataFrame, names: tuple[str, ...]) -> dict[str, float]:
    """The weights of a ligand's terms, by assays."""
    line = within(tested, list(names), "assay", kept=("size",))
    return dict(zip(names, line.tolist(), strict=True))


# ---------------------------------------------------------------- figures on what was held out


def figures(rows: pd.DataFrame, column: str, group: str) -> dict[str, Any]:
    """Mean over groups of BEDROC and AUC by a column, by each compound's best row; intervals by resamples."""
    best = rows.groupby([group, "compound"], sort=False).agg(score=(column, "max"), binds=("binds", "first"))
    best = best.reset_index()
    found: dict[str, list[float]] = {"bedroc": [], "auc": []}
    for _, one in best.groupby(group):
        if one["binds"].nunique() == 2:
            judged = enrichment_figures(one["score"].to_numpy(dtype=float), one["binds"].to_numpy())
            for name, values in found.items():
                values.append(float(judged[name][0]))
    return {
        name: vars(estimate(*mean_over_groups(np.array(values), np.ones(len(values)), resamples=RESAMPLES)))
        for name, values in found.items()
    } | {"groups": len(found["auc"])}


def held_out_ligands(tested: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """(compounds,) sums of a ligand's terms, by weights from the other parts of the assays."""
    part, sums = np.array([part_of(name) for name in tested["assay"]]), np.empty(len(tested))
    for number in np.unique(part):
        weights = ligand_weights(tested[part != number], names)
        sums[part == number] = total(tested[part == number], weights)
    return sums


def held_out_poses(screens: pd.DataFrame, of_ligand: dict[str, float]) -> np.ndarray:
    """(poses,) sums of all terms, the pose's weight from the other parts of the proteins."""
    part, sums = np.array([part_of(name) for name in screens["receptor"]]), np.empty(len(screens))
    for number in np.unique(part):
        weights = refit(screens[part != number], of_ligand)
        sums[part == number] = total(screens[part == number], weights)
    return sums


def reliability(screens: pd.DataFrame, column: str) -> list[dict[str, float]]:
    """How many bind of the compounds that are given a probability, in four groups as large as each other."""
    best = screens.loc[screens.groupby("compound")[column].idxmax()].sort_values(column)
    quarter = (np.arange(len(best)) * 4) // max(len(best), 1)
    return [
        {"said": float(some[column].mean()), "bind": float(some["binds"].mean()), "n": len(some)}
        for _, some in best.groupby(quarter)
    ]


def fit(data: Path, work: Path, model: str) -> dict[str, Any]:
    """The file's content for one set of weights."""
    screens, tested = poses(data, work, model), assays(data, model)
    tested = tested.assign(compound=[str(row) for row in range(len(tested))])
    arms = {}
    for arm, names in LIGAND_ARMS.items():
        tested[arm] = held_out_ligands(tested, names)
        arms[arm] = figures(tested, arm, "assay")
    plain, larger = LIGAND_ARMS
    chosen = larger if arms[larger]["auc"]["value"] >= arms[plain]["auc"]["value"] + GAIN else plain
    of_ligand = ligand_weights(tested, LIGAND_ARMS[chosen])
    weights = refit(screens, of_ligand)
    offset = offset_of(screens, weights)
    screens["binder"] = expit(held_out_poses(screens, of_ligand) + offset)
    compounds = screens.groupby("compound").first()
    return {
        "format_version": FORMAT_VERSION,
        "weights": {name: round(value, 4) for name, value in weights.items()},
        "offset": round(offset, 4),
        "base_rate": round(float(compounds["binds"].mean()), 4),
        "fitted_to": {
            "proteins": int(screens["receptor"].nunique()),
            "compounds": {str(kind): int(count) for kind, count in compounds["kind"].value_counts().items()},
            "poses": len(screens),
            "assays": int(tested["assay"].nunique()),
            "assay_compounds": len(tested),
        },
        "held_out": {
            "proteins": {name: figures(screens, name, "receptor") for name in ("binder", *OTHERS)},
            "assays": {"chosen": chosen} | arms | {name: figures(tested, name, "assay") for name in (ALONE, "size")},
            "reliability": reliability(screens, "binder"),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--models", nargs="+", required=True)
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "binder.json")
    arguments = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    torch.set_num_threads(1)
    collect(arguments.work)
    found = {}
    for model in arguments.models:
        found[model] = fit(arguments.data, arguments.work, model)
        path, _ = resolve_weights(model)
        write_text(binder_path(path), json.dumps({"of": digest(model)} | found[model], indent=2) + "\n")
        print(model, json.dumps({name: found[model][name] for name in ("weights", "offset", "base_rate", "fitted_to")}))
        for name, one in found[model]["held_out"]["proteins"].items():
            print(f"  {name:28s} BEDROC {one['bedroc']['value']:.3f} AUC {one['auc']['value']:.3f}")
    write_figures(arguments.output, {"models": found}, *arguments.models)


if __name__ == "__main__":
    main()

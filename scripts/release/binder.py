"""Fits `binder`, the probability that a compound binds at all -> binding/weights/<name>.binder.json.

    python -m scripts.release.binder DATA WORK --models binding-base binding-strict

WORK is that of scripts.release.small_screens: binders and decoys docked alike into pockets of proteins that the
networks have not seen. All poses are scored with the weights asked for. Each compound counts by its best pose, as in a
screen. The log odds are linear in a few numbers, whose weights are at least zero.

How much the ligand says cannot be read off decoys that are alike to binders by their making. Its weights are fitted to
assays of `activity/`: compounds found active (pK 6.5 and more) stand above those found inactive (below 5, or a bound)
in the same assay, and above random compounds of all assays. Both count the same: a library may be of either kind. None
is nearly a ligand that the prior knows (Tanimoto below 0.7). The weight of ``pk_ligand_only`` comes from proteins
without a structure; the number of atoms counts beside it where it brings 0.01 of AUC on assays that were held out. That
of ``known`` comes from assays on proteins with a crystal complex. The small screens cannot tell it: the prior knows
their binders. They are judged as if nothing of their proteins had been measured.

The probability is that of a compound of a screen in which ``base_rate`` of the compounds bind: the share among binders
and decoys of the small screens. Held-out figures are by ten random parts of the proteins. No test set is read. What the
weights say of the poses is kept in WORK.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rdkit import Chem, rdBase
from scipy.optimize import minimize
from scipy.special import expit, logit

from binding.data.cache import ComplexCache
from binding.domain.words import pocket_words
from binding.evaluation.enrichment import enrichment_figures
from binding.files import write_text
from binding.graph.fields import LigandGraph
from binding.graph.ligand import build_ligand_graph
from binding.io.results import OK, to_frame
from binding.io.table import Request
from binding.metrics import estimate, mean_over_groups
from binding.model.binder import FORMAT_VERSION, MOST_KNOWN, binder_path
from binding.model.weights import load_model, resolve_weights
from binding.prior.kernel import Features
from binding.score.options import ScoringOptions
from binding.score.pipeline import score_requests
from binding.structures import Ligand
from scripts.figures import FIGURES, digest, write_figures
from scripts.release.small_screens import collect

#: Of a pose. What the structure says of pK is no term: the geometry expert has seen these very complexes.
OF_POSE = ("pose",)
#: Terms of a ligand that are tried together.
LIGAND_ARMS = {"ligand alone": ("pk_ligand_only",), "ligand alone and size": ("pk_ligand_only", "size")}
ALONE, KNOWN = "pk_ligand_only", "known"
GAIN = 0.01  # of AUC on held-out assays that a further term has to bring
OTHERS = ("pose", "pk", "pk_network", "pk_prior", ALONE, "vina", "vina_by_size", "size")  # for comparison
BINDERS, DECOYS = ("own", "other"), ("guest", "library", "weak")
JUDGED = ("with known", "known", ALONE, "size")  # on proteins with a structure
KINDS = ("inactive", "random")  # what actives of an assay stand beside
PARTS, RESAMPLES = 10, 1000
SHRINK = 0.02  # penalty on the squares of standardised weights: a few dozen proteins are few
ACTIVE, INACTIVE = 6.5, 5.0  # pK
ASSAYS, EACH = 300, 6  # assays drawn, and compounds of each kind in one
OF_A_PROTEIN = 2  # assays on a protein with a structure
LIBRARY, BESIDE = 600, 30  # random compounds, and how many of them stand beside the actives of an assay
MOST_ATOMS = 70


def part_of(name: str) -> int:
    """The part of a protein or an assay."""
    return zlib.crc32(f"part {name}".encode()) % PARTS


# ---------------------------------------------------------------- rows


def poses(data: Path, work: Path, model: str) -> pd.DataFrame:
    """A row for each docked pose: receptor, compound, kind, Vina's score and what the weights say."""
    table = pd.read_csv(work / "poses.csv")
    table = table[table["status"] == "ok"]
    frames = []
    options = ScoringOptions(model=model, workers=0, one_network=True)  # as in a screen
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


def kept_poses(data: Path, work: Path, model: str) -> pd.DataFrame:
    """``poses``, from a file in the work folder where the same poses were scored with the same weights before."""
    file = work / f"scored_{digest(model)[:12]}.csv"
    if file.is_file():
        scored = pd.read_csv(file)
        if len(scored) == (pd.read_csv(work / "poses.csv")["status"] == "ok").sum():
            return scored
    scored = poses(data, work, model)
    scored.to_csv(file, index=False)
    return scored


@dataclass(frozen=True, eq=False)
class Assays:
    """Compounds of assays.

    Attributes:
        table: assay, uniprot, smiles and binds of compounds found active and inactive in one assay.
        library: smiles of random compounds of all assays.
        graphs: By SMILES.
        sites: Words of a pocket of each protein that has one, by accession.
    """

    table: pd.DataFrame
    library: list[str]
    graphs: dict[str, LigandGraph]
    sites: dict[str, np.ndarray]

    @classmethod
    def of(cls, data: Path, cache: Path) -> Assays:
        """Assays on proteins without a structure, and on those with a crystal complex."""
        table = pd.read_csv(data / "activity" / "fsmol.csv.gz", low_memory=False)
        random = table.drop_duplicates("smiles").sample(n=LIBRARY, random_state=1)["smiles"]
        bound = table["relation"].isin([">", ">=", ">>"])
        table = table.assign(binds=table["pk"] >= ACTIVE)
        table = table[(table["assay_type"] == "B") & (table["binds"] & ~bound | (table["pk"] < INACTIVE))]
        complexes, ligands = ComplexCache(cache), pd.read_csv(data / "ligands" / "index.csv", usecols=["uniprot"])
        of_protein = complexes.table["uniprot"].reset_index(drop=True).dropna()
        known = table["uniprot"].isin(set(of_protein))
        unknown = ~known & ~table["uniprot"].isin(set(ligands["uniprot"].dropna()))
        drawn = pd.concat([cls._drawn(table[unknown], ASSAYS), cls._drawn(table[known], ASSAYS, OF_A_PROTEIN)])
        graphs = {smiles: graph for smiles in {*drawn["smiles"], *random} if (graph := flat_graph(smiles))}
        sites = {}
        for name in drawn["uniprot"].dropna().unique():
            rows = of_protein.index[of_protein == name]
            if len(rows):
                held = complexes.graph(int(rows[zlib.crc32(name.encode()) % len(rows)]))
                sites[name] = pocket_words(held.pocket, held.ligand.positions)
        library = [smiles for smiles in random if smiles in graphs]
        return cls(drawn[drawn["smiles"].isin(graphs)].reset_index(drop=True), library, graphs, sites)

    @staticmethod
    def _drawn(table: pd.DataFrame, most: int, of_a_protein: int | None = None) -> pd.DataFrame:
        """Assays with enough compounds of both kinds, in an order by chance, and ``EACH`` compounds of either kind."""
        rows = table.sample(frac=1.0, random_state=0).groupby(["assay", "binds"]).head(EACH)
        counts = rows.groupby("assay")["binds"].agg(["sum", "size"])
        full = counts.index[(counts["sum"] == EACH) & (counts["size"] == 2 * EACH)]
        order = pd.Series(sorted(full, key=lambda name: zlib.crc32(name.encode())), dtype=object)
        if of_a_protein is not None:
            proteins = order.map(rows.groupby("assay")["uniprot"].first())
            order = order[proteins.groupby(proteins).cumcount() < of_a_protein]
        return rows[rows["assay"].isin(order[:most])][["assay", "uniprot", "smiles", "binds"]]

    def judged(self, model: str) -> pd.DataFrame:
        """A row for each compound that stands in a comparison: actives beside inactives, actives beside random ones.

        Returns:
            pair (assay and kind of the others), assay, kind (``inactive``, ``random``), binds, structure (whether
            the protein has one), pk_ligand_only, known and size. Without compounds that the prior nearly knows.
        """
        prior = load_model(model).prior
        assert prior is not None
        names = list(self.graphs)
        place, features = {name: row for row, name in enumerate(names)}, Features.of(list(self.graphs.values()))
        nearest = dict(zip(names, prior.nearest(features)[1].tolist(), strict=True))
        rows = []
        for assay, found in self.table.groupby("assay"):
            protein = found["uniprot"].iloc[0]
            site = self.sites.get(protein, np.zeros(0, dtype=np.uint32))
            random = np.random.default_rng(zlib.crc32(str(assay).encode()))
            beside = random.choice(len(self.library), min(BESIDE, len(self.library)), replace=False)
            asked = [(text, bool(binds), "inactive") for text, binds in found[["smiles", "binds"]].to_numpy().tolist()]
            asked += [(self.library[row], False, "random") for row in beside]
            rows += [(assay, kind, binds, text, site) for text, binds, kind in asked if nearest[text] < MOST_KNOWN]
        said = prior.predict_features(features, [row[4] for row in rows], np.array([place[row[3]] for row in rows]))
        assert said.known is not None
        table = pd.DataFrame([row[:3] for row in rows], columns=["assay", "kind", "binds"])
        table["structure"] = [len(row[4]) > 0 for row in rows]
        table[ALONE], table[KNOWN] = said.alone, np.minimum(said.known, MOST_KNOWN)
        table["size"] = np.log([self.graphs[row[3]].num_atoms for row in rows])
        pairs = [table[table["binds"] | (table["kind"] == kind)].assign(kind=kind) for kind in KINDS]
        table = pd.concat(pairs, ignore_index=True)
        return table.assign(pair=table["assay"] + " " + table["kind"], compound=np.arange(len(table)).astype(str))


def flat_graph(smiles: str) -> LigandGraph | None:
    """A ligand without a pose, as the prior reads it."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or "." in smiles or mol.GetNumAtoms() > MOST_ATOMS:
        return None
    mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
    return build_ligand_graph(Ligand("compound", mol, np.zeros((mol.GetNumAtoms(), 3))))


# ---------------------------------------------------------------- fits


def within(
    rows: pd.DataFrame,
    names: list[str],
    group: str,
    kept: tuple[str, ...] = (),
    beside: dict[str, float] | None = None,
) -> np.ndarray:
    """Weights, at least zero, by which binders stand above the others of their group: conditional logistic regression.

    Each pair of a binder and another of its group says which has the greater sum; groups weigh the same. A constant
    of the group, such as how well its pocket can be docked to, takes no part.

    Args:
        rows: Compounds.
        names: Columns.
        group: Column of the groups.
        kept: Columns whose weight may be below zero.
        beside: Weights of other columns, which are known already.
    """
    beside = beside or {}
    columns, differences, weights = [*names, *beside], [], []
    for _, found in rows.groupby(group):
        values, binds = found[columns].to_numpy(dtype=float), found["binds"].to_numpy()
        apart = (values[binds][:, None] - values[~binds][None]).reshape(-1, len(columns))
        differences.append(apart)
        weights += [1.0 / max(len(apart), 1)] * len(apart)
    everything, weight = np.concatenate(differences), np.array(weights) / max(sum(weights), 1e-9)
    pairs, ahead = everything[:, : len(names)], everything[:, len(names) :] @ np.array(list(beside.values()))
    scale = np.sqrt((weight[:, None] * pairs**2).sum(axis=0)) + 1e-9

    def loss(line: np.ndarray) -> float:
        return float(weight @ np.logaddexp(0.0, -(pairs / scale) @ line - ahead) + SHRINK * line @ line)

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
        line = within(chosen, list(OF_POSE), "receptor", beside=of_ligand)
        weights = dict(zip(OF_POSE, line.tolist(), strict=True)) | of_ligand
        chosen = best_poses(screens, weights)
    return weights


def ligand_weights(tested: pd.DataFrame, names: tuple[str, ...]) -> dict[str, float]:
    """The weights of a ligand's terms, by assays on proteins without a structure."""
    line = within(tested, list(names), "pair", kept=("size",))
    return dict(zip(names, line.tolist(), strict=True))


def known_weight(tested: pd.DataFrame, of_ligand: dict[str, float]) -> float:
    """The weight of ``known`` beside those of a ligand, by assays on proteins with a structure."""
    return float(within(tested, [KNOWN], "pair", beside=of_ligand)[0])


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


def held_out_ligands(tested: pd.DataFrame, fit: Callable[[pd.DataFrame], dict[str, float]]) -> np.ndarray:
    """(compounds,) sums of a ligand's terms, by weights that ``fit`` finds on the other parts of the assays."""
    part, sums = np.array([part_of(name) for name in tested["assay"]]), np.empty(len(tested))
    for number in np.unique(part):
        weights = fit(tested[part != number])
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


def assay_figures(tested: pd.DataFrame, column: str) -> dict[str, Any]:
    """``figures`` over assays for each kind of compound that the actives stand beside, and over both."""
    found = {kind: figures(tested[tested["kind"] == kind], column, "pair") for kind in KINDS}
    return found | {"both": figures(tested, column, "pair")}


def fit(screens: pd.DataFrame, tested: pd.DataFrame) -> dict[str, Any]:
    """The file's content for one set of weights.

    Args:
        screens: ``poses``.
        tested: ``Assays.judged``.
    """
    without, known = (tested[tested["structure"] == there].copy() for there in (False, True))
    arms = {}
    for arm, names in LIGAND_ARMS.items():
        without[arm] = held_out_ligands(without, partial(ligand_weights, names=names))
        arms[arm] = assay_figures(without, arm)
    plain, larger = LIGAND_ARMS
    gain = arms[larger]["both"]["auc"]["value"] - arms[plain]["both"]["auc"]["value"]
    chosen = larger if gain >= GAIN else plain
    alone = ligand_weights(without, LIGAND_ARMS[chosen])
    known["with known"] = held_out_ligands(known, lambda rows: alone | {KNOWN: known_weight(rows, alone)})
    weights = refit(screens, alone)
    offset = offset_of(screens, weights)
    screens["binder"] = expit(held_out_poses(screens, alone) + offset)
    weights |= {KNOWN: known_weight(known, alone)}
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
            "assays": int(without["assay"].nunique()),
            "assays_with_structure": int(known["assay"].nunique()),
        },
        "held_out": {
            "proteins": {name: figures(screens, name, "receptor") for name in ("binder", *OTHERS)},
            "assays": {"chosen": chosen} | arms | {name: assay_figures(without, name) for name in (ALONE, "size")},
            "assays_with_structure": {name: assay_figures(known, name) for name in JUDGED},
            "reliability": reliability(screens, "binder"),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--models", nargs="+", required=True)
    parser.add_argument("--cache", type=Path, default=Path("cache/crystal.npz"))
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "binder.json")
    arguments = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    torch.set_num_threads(1)
    collect(arguments.work)
    tested, found = Assays.of(arguments.data, arguments.cache), {}
    for model in arguments.models:
        found[model] = fit(kept_poses(arguments.data, arguments.work, model), tested.judged(model))
        path, _ = resolve_weights(model)
        write_text(binder_path(path), json.dumps({"of": digest(model)} | found[model], indent=2) + "\n")
        print(model, json.dumps({name: found[model][name] for name in ("weights", "offset", "base_rate", "fitted_to")}))
        for name, one in found[model]["held_out"]["proteins"].items():
            print(f"  {name:28s} BEDROC {one['bedroc']['value']:.3f} AUC {one['auc']['value']:.3f}")
    write_figures(arguments.output, {"models": found}, *arguments.models)


if __name__ == "__main__":
    main()

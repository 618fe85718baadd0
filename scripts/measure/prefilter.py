"""How many binders a ranking without poses keeps -> docs/figures/prefilter.json.

    python -m scripts.measure.prefilter ../shared/data [--cache cache/crystal.npz]

What ``binding screen --prefilter`` ranks by, the nearest measurement, beside what else is known without a pose: what
the ligand alone says, both as `binder` adds them, and size. On two kinds of libraries.

**Actives among random compounds**: compounds of `activity/` with pK 6.5 and more on one protein, beside 1,000 random
compounds of other proteins. None of the actives is nearly a ligand that the prior knows (Tanimoto below 0.7). On
proteins with a crystal complex the site is that of one of their ligands, by chance; once as shipped, and once as if
nothing had been measured at any site like it (similarity below 0.1), as for a new family. On proteins without a
structure nothing is known of the site. Actives unlike every known ligand (below 0.4) are judged by themselves.

**The screening sets**, which are test sets and a last look: the whole library, and the site of the crystal ligand, or
of the poses where there is none.

Recall is the share of the actives among the best 1, 5 and 10 % of the library; equals stand in random order. Intervals:
of proteins, or in a screening set of its actives and of the others, drawn again.
"""

from __future__ import annotations

import argparse
import copy
import time
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import rdBase

from binding.data.cache import ComplexCache
from binding.domain.words import pocket_words
from binding.errors import BindingError
from binding.evaluation.enrichment import enrichment_figures
from binding.graph.fields import LigandGraph
from binding.graph.ligand import build_structure_graphs
from binding.graph.site import PocketSpec
from binding.io.ligand import read_ligands
from binding.io.series import compound_from_smiles
from binding.io.structure import read_protein
from binding.metrics import estimate, mean_over_groups
from binding.model.binder import MOST_KNOWN, Binder
from binding.model.weights import load_model, resolve_weights
from binding.poses.poser import Posing
from binding.prior.kernel import Features
from binding.prior.model import Prior
from binding.prior.one_site import OneSite
from binding.screening.ranking import PartRanker, site_of
from binding.screening.records import PartJob, Record, RecordKind
from binding.structures import Ligand
from scripts.figures import FIGURES, machine, name_of, write_figures

ACTIVE = 6.5  # pK
NEARLY_KNOWN, UNLIKE, SAME_SITE = 0.7, 0.4, 0.1
LIBRARY, FEWEST, MOST, PROTEINS = 1000, 8, 20, 40
FEW = 3  # actives unlike all known ligands that a protein needs to be judged by them
TIMED = 500  # compounds of a set
TOPS = {"recall1": 0.01, "recall5": 0.05, "recall10": 0.10}
RESAMPLES = 1000
SETS = ("dekois2__ACHE", "mlsf_true__ACHE", "litpcba__TP53", "dude__fabp4", "dude__inha")


class Compounds:
    """Compounds as ``binding screen --prefilter`` reads them.

    Args:
        smiles: Of each; those that cannot be read rank last.
        prior: The prior.
    """

    def __init__(self, smiles: list[str], prior: Prior) -> None:
        graphs = [_graph(text) for text in smiles]
        self.readable = np.array([graph is not None for graph in graphs], dtype=bool)
        read = [graph for graph in graphs if graph is not None]
        self.features = Features.of(read)
        self.alone, self.size = prior.predict(read), np.array([float(graph.num_atoms) for graph in read])
        #: (n,) Tanimoto similarity to the nearest known ligand; 1 for what cannot be read.
        self.nearest = self._all(prior.nearest(self.features)[1], 1.0)

    def ranked(self, site: OneSite, binder: Binder) -> pd.DataFrame:
        """A row for each compound: what it may be ranked by at a site."""
        known, weights = site.known_of(self.features), binder.weights
        both = weights["known"] * np.minimum(known, MOST_KNOWN) + weights["pk_ligand_only"] * self.alone
        columns = {"nearest_measurement": known, "both": both, "pk_ligand_only": self.alone, "size": self.size}
        return pd.DataFrame({name: self._all(values, np.nan) for name, values in columns.items()})

    def _all(self, values: np.ndarray, missing: float) -> np.ndarray:
        found = np.full(len(self.readable), missing)
        found[self.readable] = values
        return found


def _graph(smiles: str) -> LigandGraph | None:
    try:
        return build_structure_graphs([compound_from_smiles(smiles, "compound").mol])[0]
    except BindingError:
        return None


def found(scores: np.ndarray, active: np.ndarray, counted: np.ndarray | None = None) -> dict[str, float]:
    """Recall at the top of a library, and AUC.

    Args:
        scores: (n,) higher is better; a NaN is last.
        active: (n,) bool.
        counted: (n,) bool, those of the actives that count; the others are no part of the library. All if None.
    """
    if counted is not None:
        kept = counted | ~active
        scores, active = scores[kept], active[kept]
    chance = np.random.default_rng(zlib.crc32(scores.tobytes())).permutation(len(scores))
    scores, active = np.where(np.isfinite(scores), scores, -1e9)[chance], active[chance]
    order = np.argsort(-scores, kind="stable")
    figures = {
        name: float(active[order[: max(round(share * len(order)), 1)]].sum() / active.sum())
        for name, share in TOPS.items()
    }
    return figures | {"auc": float(enrichment_figures(scores, active)["auc"][0])}


def intervals(rows: list[dict[str, float]]) -> dict[str, Any]:
    """Means over proteins with intervals."""
    ones = np.ones(len(rows))
    return {
        name: vars(estimate(*mean_over_groups(np.array([row[name] for row in rows]), ones, resamples=RESAMPLES)))
        for name in rows[0]
    }


def of_set(scores: np.ndarray, active: np.ndarray) -> dict[str, Any]:
    """Figures of one library, with intervals of its actives drawn again, and its others likewise."""
    random, whole = np.random.default_rng(0), found(scores, active)
    ins, outs = np.flatnonzero(active), np.flatnonzero(~active)
    drawn = []
    for _ in range(RESAMPLES // 5):
        rows = np.concatenate([random.choice(ins, len(ins)), random.choice(outs, len(outs))])
        drawn.append(found(scores[rows], active[rows]))
    return {
        name: {
            "value": value,
            "low": float(np.percentile([one[name] for one in drawn], 2.5)),
            "high": float(np.percentile([one[name] for one in drawn], 97.5)),
        }
        for name, value in whole.items()
    }


# ---------------------------------------------------------------- actives among random compounds


def without_site(prior: Prior, words: np.ndarray) -> Prior:
    """A prior that knows no measurement at a site like one."""
    fit = prior.at_site
    alike = np.append(fit.sites.similarity(words) >= SAME_SITE, False)[fit.row_site]
    held_out = copy.copy(prior)
    held_out.at_site = replace(fit, row_site=np.where(alike, -1, fit.row_site))
    return held_out


def proteins(data: Path, cache: Path) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Words of a site of each protein with a complex, by accession; and the plain measurements of binding assays."""
    columns = ["assay", "uniprot", "assay_type", "smiles", "pk", "relation"]
    table = pd.read_csv(data / "activity" / "fsmol.csv.gz", usecols=columns, low_memory=False)
    table = table[(table["assay_type"] == "B") & ~table["relation"].isin([">", ">=", ">>"])]
    table = table.drop_duplicates(["smiles", "assay"])
    complexes = ComplexCache(cache)
    of_protein = complexes.table["uniprot"].reset_index(drop=True).dropna()
    sites = {}
    for name in sorted(set(table["uniprot"].dropna()) & set(of_protein)):
        rows = of_protein.index[of_protein == name]
        held = complexes.graph(int(rows[zlib.crc32(name.encode()) % len(rows)]))
        sites[name] = pocket_words(held.pocket, held.ligand.positions)
    return sites, table


def drawn(table: pd.DataFrame, group: str, most: int) -> dict[str, list[str]]:
    """Actives of groups that have enough of them, groups in an order by chance."""
    actives = table[table["pk"] >= ACTIVE].drop_duplicates([group, "smiles"])
    counts = actives[group].value_counts()
    names = sorted(counts.index[counts >= FEWEST].astype(str), key=lambda name: zlib.crc32(name.encode()))
    shuffled = actives.sample(frac=1.0, random_state=0).astype({group: str})
    return {
        name: rows["smiles"].head(2 * MOST).tolist() for name, rows in shuffled.groupby(group) if name in names[:most]
    }


def among_random(data: Path, cache: Path, prior: Prior, binder: Binder) -> dict[str, Any]:
    """Figures by kind of protein and by what ranks."""
    sites, table = proteins(data, cache)
    known_ligands = pd.read_csv(data / "ligands" / "index.csv", usecols=["uniprot"])["uniprot"]
    structured = table[table["uniprot"].isin(sites)]
    others = table[~table["uniprot"].isin({*sites, *known_ligands.dropna()})]
    library = table.drop_duplicates("smiles").sample(n=LIBRARY, random_state=1)["smiles"].tolist()
    nowhere = np.zeros(0, dtype=np.uint32)
    asked = [("known", name, sites[name], actives) for name, actives in drawn(structured, "uniprot", PROTEINS).items()]
    asked += [("no_structure", name, nowhere, actives) for name, actives in drawn(others, "assay", PROTEINS).items()]
    beside = Compounds(library, prior)
    rows: dict[str, list[dict[str, dict[str, float]]]] = {}
    likeness = []
    for kind, name, words, listed in asked:
        own = Compounds(listed, prior)
        kept = np.flatnonzero(own.nearest < NEARLY_KNOWN)[:MOST]
        if len(kept) < FEWEST:
            continue
        of_protein = set(table.loc[table["uniprot"] == name, "smiles"]) | set(listed)
        others_ = np.array([text not in of_protein for text in library])
        active = np.arange(len(kept) + others_.sum()) < len(kept)
        unlike = np.append(own.nearest[kept] < UNLIKE, np.zeros(others_.sum(), dtype=bool))
        views = {kind: prior} | ({"held_out": without_site(prior, words)} if kind == "known" else {})
        for view, seen in views.items():
            site = OneSite(seen, words)
            scores = pd.concat([own.ranked(site, binder).iloc[kept], beside.ranked(site, binder)[others_]])
            of_all = {column: found(scores[column].to_numpy(), active) for column in scores}
            rows.setdefault(view, []).append(of_all)
            if view == "known":
                likeness.append(site.nearest)
                if unlike.sum() >= FEW:
                    counted = {column: found(scores[column].to_numpy(), active, unlike) for column in scores}
                    rows.setdefault("known_new_chemotypes", []).append(counted)
        told = {column: round(figures["recall10"], 2) for column, figures in rows[kind][-1].items()}
        print(kind, name, len(kept), int(unlike.sum()), told, flush=True)
    return {
        view: {"proteins": len(all_), "by": {column: intervals([one[column] for one in all_]) for column in all_[0]}}
        for view, all_ in rows.items()
    } | {"site_similarity": {"median": float(np.median(likeness)), "least": float(np.min(likeness))}}


# ---------------------------------------------------------------- the screening sets


def screening_set(folder: Path, prior: Prior, binder: Binder) -> dict[str, Any]:
    """Figures of a whole library."""
    compounds = pd.read_csv(folder / "compounds.csv", dtype={"id": str}).fillna({"smiles": ""})
    marked = folder / "crystal_ligand.sdf"
    at = marked if marked.is_file() else folder / "poses.sdf.gz"
    first = next(ligand for ligand in read_ligands(at) if isinstance(ligand, Ligand))
    words = site_of(read_protein(folder / "receptor.pdb"), PocketSpec(reference=first.positions), Posing("dock"))
    site = OneSite(prior, words)
    scores = Compounds(compounds["smiles"].tolist(), prior).ranked(site, binder)
    active = compounds["label"].to_numpy() == 1
    return {
        "set": folder.name,
        "compounds": len(compounds),
        "actives": int(active.sum()),
        "cpu_ms": round(cost(compounds["smiles"].tolist()[:TIMED], site), 2),
        "not_ranked": int(scores["size"].isna().sum()),
        "site_similarity": round(site.nearest, 3),
        "greatest": round(float(scores["nearest_measurement"].max()), 3),
        "by": {column: of_set(scores[column].to_numpy(), active) for column in scores},
    }


def cost(smiles: list[str], site: OneSite) -> float:
    """CPU ms that a process takes to rank a compound, reading of its SMILES included."""
    records = tuple(Record(str(n), "", "", n, RecordKind.SMILES, text, str(n)) for n, text in enumerate(smiles))
    rank, begun = PartRanker(site), time.process_time()
    rank(PartJob(0, 0, records))
    return 1000.0 * (time.process_time() - begun) / len(records)


def shown(name: str, by: Mapping[str, Any]) -> None:
    for column, figures in by.items():
        print(f"{name:22s} {column:15s}", *(f"{what} {one['value']:.2f}" for what, one in figures.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("cache/crystal.npz"))
    parser.add_argument("--model", default=None)
    parser.add_argument("--no-sets", dest="sets", action="store_false", help="leave out the test sets; write nothing")
    parser.add_argument("--output", type=Path, default=FIGURES)
    options = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    begun, scorer = time.process_time(), load_model(options.model, device="cpu")
    binder = Binder.load(resolve_weights(options.model)[0])
    assert scorer.prior is not None
    assert binder is not None
    development = among_random(options.data, options.cache, scorer.prior, binder)
    for view, one in development.items():
        if "by" in one:
            shown(f"{view} ({one['proteins']})", one["by"])
    print(development["site_similarity"])
    if not options.sets:
        return
    sets = [screening_set(options.data / "screening" / name, scorer.prior, binder) for name in SETS]
    for one in sets:
        shown(one["set"], one["by"])
    content = {
        "model": name_of(options.model),
        "machine": machine(),
        "library": LIBRARY,
        "development": development,
        "sets": sets,
        "cpu_s": round(time.process_time() - begun),
    }
    write_figures(options.output / "prefilter.json", content, options.model)


if __name__ == "__main__":
    main()

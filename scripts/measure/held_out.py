"""What is told by rows that single networks held out -> docs/figures/domain.json, docs/figures/prior.json.

    python -m scripts.measure.held_out domain runs/base-0 runs/base-1 runs/base-2 runs/rows-0
    python -m scripts.measure.held_out prior --runs runs/mixed/base-0 runs/mixed/base-1 runs/mixed/base-2 \\
        --without runs/base-0 runs/base-1 runs/base-2 --known runs/mixed/rows-0 --known-without runs/rows-0

``domain``: errors by how near a row is to the training set of the run, as the run's own ``model.domain.npz`` says. Runs
that held out families have no near protein among these rows; those that held out random rows, or single proteins, do.

``prior``: what the prior adds. The first run of --runs is the first of --without joined with a prior
(`scripts.release.stack join`), and so on. Runs of --runs held out protein families; that of --known held out random
rows, so that nearly all of their families are known to it. The prior's predictions are made without the held-out rows.

All are single networks, and no test set is read.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from binding.config import TrainConfig, ValidationConfig
from binding.data.cache import ComplexCache
from binding.data.datamodule import start_of
from binding.data.dataset import ComplexDataset
from binding.data.holdout import filter_rows, split_rows
from binding.domain.index import KNOWN_LIGAND, KNOWN_PROTEIN, Domain
from binding.domain.words import protein_words
from binding.metrics import kendall, measure, paired_difference
from binding.model.weights import DEFAULT_MODEL, load_model
from binding.training.finish import predict_dataset
from scripts.figures import FIGURES, ROOT, write_figures

SMALLEST_GROUP = 8  # compounds of a series that are ranked
PROTEIN = (0.0, KNOWN_PROTEIN, 0.2, 0.5, 1.0)
LIGAND = (0.0, KNOWN_LIGAND, 0.35, 0.5, 1.0)
RESAMPLES = 500
FEWEST = 20  # rows of a bin that is told
#: Column -> what it is, for the page.
METHODS = {
    "pk": "prior and network",
    "pk_prior": "the prior at the site",
    "pk_ligand_only": "the prior of the ligand alone",
    "pk_without": "the network alone",
    "pk_ligand_only_without": "the twin that was trained with it",
}
RANKED = ("modelled", "posed_congeneric")  # sources whose rows are series of one protein


# ---------------------------------------------------------------- held-out rows


def held_out(run: Path) -> pd.DataFrame:
    """Predictions of all rows of all sources whose family was held out; kept beside the run."""
    kept = run / "held_out.csv"
    if kept.is_file():
        return pd.read_csv(kept)
    config = TrainConfig.from_yaml(run / "config.yaml")
    scorer = load_model(run)
    _, start = start_of(config)
    sources = [source for source in config.sources if source.rmsd is None]
    caches = [ComplexCache(ROOT / source.cache) for source in sources]
    tables = [filter_rows(cache.table, source) for cache, source in zip(caches, sources, strict=True)]
    parts = []
    for number, source in enumerate(sources):
        rule = (config.validation or ValidationConfig()).model_copy(update={"source": number})
        rows = ComplexDataset(caches, sources, split_rows(tables, rule)[1], start)
        part = predict_dataset(scorer, rows)
        if rows.starts is not None:
            part["pk_prior"] = rows.starts.at_site
        parts.append(part.assign(source=source.cache.stem, group=rows.groups))
    table = pd.concat(parts)
    table.to_csv(kept, index=False, float_format="%.5f")
    return table


def within_groups(rows: pd.DataFrame, name: str) -> dict[str, float]:
    """Kendall's tau inside the groups of the pair loss, weighted by their rows."""
    taus, sizes = [], []
    for _, group in rows.groupby(["fold", "group"]):
        if len(group) >= SMALLEST_GROUP and group["pk_true"].nunique() > 1:
            taus.append(kendall(group[name].to_numpy(), group["pk_true"].to_numpy()))
            sizes.append(len(group))
    return {"value": float(np.average(taus, weights=sizes)) if sizes else float("nan"), "groups": len(sizes)}


# ---------------------------------------------------------------- by nearness to the training set


def nearness(run: Path) -> pd.DataFrame:
    """Held-out rows of a run with an exact measurement: errors, and how near each is to what it was trained on."""
    domain = Domain.load(run / "model.safetensors")
    if domain is None:
        raise SystemExit(f"{run} has no model.domain.npz: it was trained by an older version")
    config = TrainConfig.from_yaml(run / "config.yaml")
    held = held_out(run)
    parts = []
    for source in config.sources:
        rows = held[(held["source"] == source.cache.stem) & (held["relation"] == "=")]
        if rows.empty:
            continue
        cache = ComplexCache(ROOT / source.cache)
        place = {str(name): row for row, name in enumerate(cache.table["id"])}
        numbers = [place[str(name)] for name in rows["id"]]
        groups = cache.groups()[numbers]
        words = {group: protein_words(cache.protein(int(group))) for group in np.unique(groups)}
        found = [domain.judge(cache.ligand(row), words[group]) for row, group in zip(numbers, groups, strict=True)]
        parts.append(rows.assign(**pd.DataFrame([near.columns() for near in found], index=rows.index)))
    return pd.concat(parts).assign(run=run.name)


def figures(rows: pd.DataFrame) -> dict[str, Any]:
    """n, and r and RMSE with intervals where there are enough rows; the spread of pK tells what r means."""
    if len(rows) < FEWEST:
        return {"n": len(rows)}
    truth = rows["pk_true"].to_numpy()
    metrics = measure(rows["pk"].to_numpy(), truth, resamples=RESAMPLES)
    twin = measure(rows["pk_ligand_only"].to_numpy(), truth, resamples=RESAMPLES)
    return {
        "n": len(rows),
        "pk_spread": round(float(truth.std()), 3),
        "pk": {name: vars(metrics[name]) for name in ("r", "rmse")},
        "pk_ligand_only": {name: vars(twin[name]) for name in ("r", "rmse")},
    }


def bins(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """By both similarities."""
    found = []
    for low, high in pairwise(PROTEIN):
        for least, most in pairwise(LIGAND):
            inside = _between(rows["nearest_protein"], low, high) & _between(rows["nearest_ligand"], least, most)
            found.append({"nearest_protein": [low, high], "nearest_ligand": [least, most], **figures(rows[inside])})
    return found


def _between(values: pd.Series, low: float, high: float) -> pd.Series:
    """Half-open, but that the last bin holds 1."""
    return (values >= low) & ((values < high) | (high == 1.0))


def domain(options: argparse.Namespace) -> None:
    """Errors inside the domain, outside it, and by both similarities."""
    rows = pd.concat([nearness(run) for run in options.runs])
    known = rows["nearest_protein"] >= KNOWN_PROTEIN
    familiar = rows["nearest_ligand"] >= KNOWN_LIGAND
    parts = {
        "all": rows,
        "in_domain": rows[rows["in_domain"]],
        "outside": rows[~rows["in_domain"]],
        "protein_known": rows[known],
        "protein_unknown": rows[~known],
        "ligand_known": rows[familiar],
        "ligand_unknown": rows[~familiar],
    }
    validation = TrainConfig.from_yaml(options.runs[0] / "config.yaml").validation
    content = {
        "runs": [path.name for path in options.runs],
        "held_out": None if validation is None else validation.column,
        "known_protein": KNOWN_PROTEIN,
        "known_ligand": KNOWN_LIGAND,
        "parts": {name: figures(part) for name, part in parts.items()},
        "crystal": {name: figures(part[part["source"] == "crystal"]) for name, part in parts.items()},
        "bins": bins(rows),
    }
    write_figures(options.output or FIGURES / "domain.json", content, DEFAULT_MODEL)


# ---------------------------------------------------------------- with and without the prior


def joined(run: Path, without: Path) -> pd.DataFrame:
    """The rows that both runs held out, with what each says."""
    other = held_out(without)[["source", "id", "pk", "pk_ligand_only"]]
    return held_out(run).merge(other, on=["source", "id"], suffixes=("", "_without"))


def compared(rows: pd.DataFrame) -> dict[str, Any]:
    """Figures of every method on the rows of one source, and the lead of the first over each."""
    truth = rows["pk_true"].to_numpy()
    found: dict[str, Any] = {
        name: {metric: vars(value) for metric, value in measure(rows[name].to_numpy(), truth).items()}
        for name in METHODS
    }
    for name in METHODS:
        if name != "pk":
            gaps = paired_difference(rows["pk"].to_numpy(), rows[name].to_numpy(), truth)
            found[name]["lead"] = {metric: vars(value) for metric, value in gaps.items()}
    return {"n": len(rows), "methods": found}


def prior(options: argparse.Namespace) -> None:
    """Network, prior and both, on the rows of each source."""
    if len(options.runs) != len(options.without) or (options.known is None) != (options.known_without is None):
        raise SystemExit("--runs and --without name as many runs, and so do --known and --known-without")
    pairs = zip(options.runs, options.without, strict=True)
    rows = pd.concat([joined(run, other).assign(fold=place) for place, (run, other) in enumerate(pairs)])
    rows = rows[rows["relation"] == "="]  # a bound has no error
    content: dict[str, Any] = {}
    for source, part in rows.groupby("source", sort=False):
        if source in RANKED:
            content[str(source)] = {"n": len(part), "tau": {name: within_groups(part, name) for name in METHODS}}
        else:
            content[str(source)] = compared(part)
    report: dict[str, Any] = {"titles": METHODS, "sources": content}
    if options.known is not None:
        rows = joined(options.known, options.known_without)
        report["known"] = compared(rows[(rows["relation"] == "=") & (rows["source"] == "crystal")])
    write_figures(options.output or FIGURES / "prior.json", report, DEFAULT_MODEL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    part = parts.add_parser("domain", help="errors by nearness to the training set")
    part.add_argument("runs", type=Path, nargs="+")
    part.add_argument("-o", "--output", type=Path, help="docs/figures/domain.json by default")
    part.set_defaults(call=domain)
    part = parts.add_parser("prior", help="what the prior adds")
    part.add_argument("--runs", type=Path, nargs="+", required=True, help="with a prior, families held out")
    part.add_argument("--without", type=Path, nargs="+", required=True, help="the same without")
    part.add_argument("--known", type=Path, help="with a prior, random rows held out")
    part.add_argument("--known-without", type=Path, help="the same without")
    part.add_argument("-o", "--output", type=Path, help="docs/figures/prior.json by default")
    part.set_defaults(call=prior)
    options = parser.parse_args()
    options.call(options)


if __name__ == "__main__":
    main()

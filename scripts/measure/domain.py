"""Errors on held-out rows by how near they are to the training set -> docs/figures/domain.json.

    python -m scripts.measure.domain runs/a-0 runs/a-1 runs/a-2

Each run predicts the rows of all its sources that it held out; how near they are is told by the run's own
``model.domain.npz``. Runs that held out families have no near protein among these rows: to see what nearness is worth,
take runs that held out single proteins (``validation.column=uniprot``).
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from binding.config import TrainConfig
from binding.data.cache import ComplexCache
from binding.domain.index import KNOWN_LIGAND, KNOWN_PROTEIN, Domain
from binding.domain.words import protein_words
from binding.metrics import measure
from binding.model.weights import DEFAULT_MODEL
from scripts.figures import FIGURES, ROOT, write_figures
from scripts.measure.settings import held_out

PROTEIN = (0.0, KNOWN_PROTEIN, 0.2, 0.5, 1.0)
LIGAND = (0.0, KNOWN_LIGAND, 0.35, 0.5, 1.0)
RESAMPLES = 500
FEWEST = 20  # rows of a bin that is told


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "domain.json")
    options = parser.parse_args()
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
    write_figures(options.output, content, DEFAULT_MODEL)


if __name__ == "__main__":
    main()

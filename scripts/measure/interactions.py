"""Which attribution finds the residues of each kind of interaction -> docs/figures/interactions.json.

    python -m scripts.measure interactions ../shared/data --complexes 60

For each complex of CASF-2016 (a sample, by its ids in order) and each kind of interaction that ProLIF names: the area
under the ROC curve of an attribution of the residues in reach, against whether the residue has such an interaction
(0.5 is chance). Means over the complexes that have residues of both sorts, with 95 % intervals over complexes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from binding.api import requests_from
from binding.explanation.interactions import KINDS
from binding.explanation.run import Asked, explain_rows
from binding.model.weights import load_model
from binding.score.options import ScoringOptions
from scripts.figures import write_figures

RESAMPLES = 2000


def judged(data: Path, ids: list[str], model: str) -> pd.DataFrame:
    """One row a complex, kind and attribution: the area."""
    scorer = load_model(model, device="cpu")
    folder = data / "casf2016"
    rows: list[dict[str, object]] = []
    for name in ids:
        requests = requests_from(folder / name / f"{name}_protein.pdb", [folder / name / f"{name}_ligand.sdf"])
        asked = Asked(attention=True, evidence=0, interactions=True)
        for explanation in explain_rows(requests, ScoringOptions(model=scorer, workers=0), asked):
            reasons = explanation.reasons
            if reasons is None or reasons.interactions is None:
                continue
            values = dict(reasons.agreement.by_measure) | {"nearness": -reasons.contributions.distances}
            place = {row: column for column, row in enumerate(reasons.contributions.pocket_rows.tolist())}
            has: dict[str, np.ndarray] = {}
            for one in reasons.interactions:
                if one.pocket_row in place:
                    marks = has.setdefault(one.kind.split(",")[0], np.zeros(len(place), dtype=bool))
                    marks[place[one.pocket_row]] = True
            for kind, marks in has.items():
                if 0 < marks.sum() < len(marks):
                    areas = {measure: area(marks, found) for measure, found in values.items()}
                    rows += [{"id": name, "kind": kind, "measure": m, "auc": float(a)} for m, a in areas.items()]
    return pd.DataFrame(rows)


def area(marks: np.ndarray, values: np.ndarray) -> float:
    """Area under the ROC curve; equal values count half."""
    ranks, many = rankdata(values), int(marks.sum())
    return (float(ranks[marks].sum()) - many * (many + 1) / 2) / (many * (len(marks) - many))


def summary(table: pd.DataFrame) -> dict[str, dict[str, dict[str, object]]]:
    """By kind and attribution: mean, 95 % interval over complexes, and their number."""
    rng = np.random.default_rng(0)
    found: dict[str, dict[str, dict[str, object]]] = {}
    for (kind, measure), group in table.groupby(["kind", "measure"], sort=False):
        areas = group["auc"].to_numpy()
        means = rng.choice(areas, size=(RESAMPLES, len(areas))).mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975]).tolist()
        found.setdefault(str(kind), {})[str(measure)] = {
            "value": float(areas.mean()),
            "low": low,
            "high": high,
            "complexes": len(areas),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="binding-strict")
    parser.add_argument("--complexes", type=int, default=60, help="how many, evenly spread over the sorted ids")
    options = parser.parse_args()
    ids = sorted(pd.read_csv(options.data / "casf2016" / "index.csv", dtype={"id": str})["id"])
    chosen = [
        ids[place] for place in np.linspace(0, len(ids) - 1, min(options.complexes, len(ids))).round().astype(int)
    ]
    table = judged(options.data, chosen, options.model)
    print(table.groupby(["kind", "measure"])["auc"].agg(["mean", "count"]).round(2).to_string())
    kinds = sorted({kind.split(",")[0] for kind in KINDS.values()})
    content = {"complexes": len(chosen), "of": len(ids), "kinds": kinds, "auc": summary(table)}
    write_figures(Path("docs/figures/interactions.json"), content, options.model)


if __name__ == "__main__":
    main()

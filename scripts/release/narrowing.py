"""How much smaller errors are where something like a complex was measured -> docs/figures/narrowing.json.

    python -m scripts.release.narrowing cache/prior_base.csv --runs runs/mixed/base-0 runs/mixed/rows-0 \\
        --sites cache/crystal.npz --sites cache/posed_ligands.npz --sites cache/modelled.npz \\
        --sites cache/posed_congeneric.npz

The runs are networks with a prior (`scripts.release.stack join`). Some held out families, of which nothing was known,
and others random rows, of which much was. How near the nearest measurement is (``PriorPk.known``) is looked up among
the rows of the prior's table that the run's prior did not hold out, without the ligand itself. The standard deviation
of an error is taken as ``scale * pk_std * (1 - narrowing * known)``, and both numbers are fitted by likelihood. The
figures come from ten random parts of the rows, each judged by numbers fitted to the others. No test set is read.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from binding.config import TrainConfig
from binding.data.ligand_table import LigandsBySmiles, SitesByComplex
from binding.domain.bits import BitIndex
from binding.folds import fold_of
from binding.prior.kernel import Features
from binding.prior.sites import Sites
from scripts.figures import FIGURES, write_figures

PARTS = 10
BINS = (0.0, 0.05, 0.4, 0.6, 0.8, 1.0)
OF_NORMAL = 1.6449  # standard deviations to either side that hold 90 %


class Measured:
    """All that was measured: ligands at sites.

    Args:
        table: Written by scripts.release.prior_tables.
        sites: Caches in which its sites are looked up.
    """

    def __init__(self, table: pd.DataFrame, sites: list[Path]) -> None:
        by_smiles, by_complex = LigandsBySmiles(), SitesByComplex(sites)
        smiles = list(dict.fromkeys(table["smiles"]))
        self._features = Features.of([by_smiles.graph(text, text) for text in smiles])
        self._ligand_of = table["smiles"].map({text: row for row, text in enumerate(smiles)}).to_numpy()
        names = list(dict.fromkeys(table["site"]))
        words = [by_complex.words(name, name) for name in names]
        self._site_of = table["site"].map({name: row for row, name in enumerate(names)}).to_numpy()
        self._words, self._sites = words, Sites.of(words)
        self._index = BitIndex(self._features.bits, self._features.bit_counts)
        self._bits = self._features.split()
        self._row_of = {
            name: row for row, (source, name) in enumerate(zip(table["source"], table["id"], strict=True))
            if source == "crystal"
        }  # fmt: skip
        self._table = table

    def known(self, ids: list[str], column: str, folds: int, fold: int) -> np.ndarray:
        """``PriorPk.known`` of crystal complexes for a prior without a fold and without their ligands."""
        outside = np.array([fold_of(str(name), folds) != fold for name in self._table[column]])
        found = np.empty(len(ids))
        for place, name in enumerate(ids):
            row = self._row_of[name]
            alike = self._index.similarity(self._bits[self._ligand_of[row]])
            alike = np.where(alike >= 1.0, 0.0, alike)  # the ligand itself
            at_site = self._sites.similarity(self._words[self._site_of[row]])
            found[place] = (alike[self._ligand_of] * at_site[self._site_of] * outside).max()
        return found


def fitted(rows: pd.DataFrame) -> tuple[float, float]:
    """Scale and narrowing of greatest likelihood."""

    def loss(guess: np.ndarray) -> float:
        std = np.exp(guess[0]) * rows["pk_std"] * (1.0 - np.clip(guess[1], 0.0, 0.99) * rows["known"])
        return float((np.log(std) + 0.5 * (rows["error"] / std) ** 2).mean())

    found = minimize(loss, np.array([0.0, 0.3]), method="Nelder-Mead")
    return float(np.exp(found.x[0])), float(np.clip(found.x[1], 0.0, 0.99))


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    """Standard deviations of each row by what the other parts say: ``flat`` without and ``narrowed`` with narrowing."""
    part = np.array(
        [zlib.crc32(f"{run} {name}".encode()) % PARTS for run, name in zip(rows["run"], rows["id"], strict=True)]
    )
    result = rows.assign(flat=np.nan, narrowed=np.nan)
    for number in range(PARTS):
        others, mine = rows[part != number], part == number
        scale, narrowing = fitted(others)
        flat = np.sqrt(np.mean((others["error"] / others["pk_std"]) ** 2))
        result.loc[mine, "flat"] = flat * rows["pk_std"][mine]
        result.loc[mine, "narrowed"] = scale * rows["pk_std"][mine] * (1.0 - narrowing * rows["known"][mine])
    return result


def figures(rows: pd.DataFrame) -> dict[str, Any]:
    """Errors, and how the two kinds of standard deviation fit them."""
    error = rows["error"].abs()
    return {"n": len(rows), "rmse": float(np.sqrt((error**2).mean()))} | {
        kind: {"mean_std": float(rows[kind].mean()), "inside_90": float((error < OF_NORMAL * rows[kind]).mean())}
        for kind in ("flat", "narrowed")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("--sites", type=Path, action="append", required=True, help="as for `binding prior`")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "narrowing.json")
    options = parser.parse_args()
    table = pd.read_csv(options.table, dtype=str, keep_default_na=False)
    measured = Measured(table, options.sites)
    parts = []
    for run in options.runs:
        rule = TrainConfig.from_yaml(run / "config.yaml").validation
        assert rule is not None, "only what a run held out tells anything"
        rows = pd.read_csv(run / "validation.csv", dtype={"id": str})
        rows = rows[rows["relation"] == "="]
        known = measured.known(rows["id"].tolist(), str(rule.column), rule.folds, rule.fold)
        parts.append(rows.assign(run=run.name, known=known, error=rows["pk"] - rows["pk_true"]))
    rows = judged(pd.concat(parts, ignore_index=True))
    scale, narrowing = fitted(rows)
    bins = pd.cut(rows["known"], BINS, include_lowest=True)
    report: dict[str, Any] = {
        "known_narrowing": round(narrowing, 3),
        "scale": round(scale, 3),
        "runs": [run.name for run in options.runs],
        "all": figures(rows),
        "bins": [{"low": b.left, "high": b.right} | figures(part) for b, part in rows.groupby(bins, observed=True)],
    }
    report["bins"][0]["low"] = BINS[0]
    write_figures(options.output, report)
    print(f"narrowing {narrowing:.3f}, scale {scale:.3f}")
    for part in report["bins"]:
        print(part)


if __name__ == "__main__":
    main()

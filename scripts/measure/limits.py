"""What limits the accuracy: more data, and how well measurements agree -> docs/figures/limits.json.

    python -m scripts.measure.limits ../shared/data cache/prior_base.csv --whole cache/prior_base.npz --sites cache/...

The learning curve is that of the prior, which can be fitted exactly and in minutes: to an eighth, a quarter, a half
and all of the ligands, in disjoint parts, so that every crystal complex is predicted once at each size, either
without its protein family or without a random tenth of the ligands. How well measurements agree is estimated from
pairs of entries with one ligand, stereo included, and one UniProt accession, whose affinities differ. Mutants share
an accession, so the standard deviation is taken from the median of the differences. No test set is read.
"""

from __future__ import annotations

import argparse
import zlib
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem

from binding.data.ligand_table import LigandsBySmiles, SitesByComplex
from binding.folds import fold_of
from binding.graph.fields import LigandGraph
from binding.metrics import measure
from binding.prior.fit import fit_prior
from binding.prior.held_out import FittedPrior
from scripts.figures import FIGURES, write_figures

OUTPUT = FIGURES / "limits.json"
COLUMN, FOLDS = "protein_cluster", 10
PARTS = (8, 4, 2, 1)
SAME = 0.005  # pK: affinities nearer than this are one measurement that two tables quote
RESAMPLES = 2000
OF_MEDIAN = 1.0 / (0.6745 * np.sqrt(2.0))  # of a normal law: one measurement's deviation from a median difference


def predicted(
    fitted: FittedPrior, rows: pd.DataFrame, ligands: list[LigandGraph], words: list[np.ndarray]
) -> pd.DataFrame:
    """What the prior at the site says of the crystal rows, without their family and without a random tenth."""
    crystal = np.flatnonzero(rows["source"] == "crystal")
    fold = np.array([fold_of(str(name), FOLDS) for name in rows[COLUMN].iloc[crystal]])
    graphs, sites = [ligands[row] for row in crystal], [words[row] for row in crystal]
    new = np.empty(len(crystal))
    for number in range(FOLDS):
        new[fold == number] = fitted.starts(graphs, sites, number).at_site[fold == number]
    table = {
        "pk": rows["pk"].iloc[crystal],
        "new family": new,
        "known family": fitted.starts(graphs, sites, None).at_site,
    }
    return pd.DataFrame(table)


def learning_curve(
    rows: pd.DataFrame, ligands: list[LigandGraph], words: list[np.ndarray], whole: Path
) -> list[dict[str, Any]]:
    """r and RMSE of all crystal rows by the number of ligands that were fitted."""
    curve = []
    for parts in PARTS:
        part = np.array([zlib.crc32(b"curve" + text.encode()) % parts for text in rows["smiles"]])
        found, sizes = [], []
        for number in range(parts):
            here = np.flatnonzero(part == number)
            some, inside = rows.iloc[here], ([ligands[row] for row in here], [words[row] for row in here])
            fitted = (
                FittedPrior.load(whole)
                if parts == 1
                else fit_prior(inside[0], some["pk"], some[COLUMN].astype(str), COLUMN, FOLDS, sites=inside[1])
            )
            sizes.append(len(fitted.prior))
            found.append(predicted(fitted, some, *inside))
        table = pd.concat(found)
        truth = table["pk"].to_numpy()
        step = {
            rule: {metric: vars(value) for metric, value in measure(table[rule].to_numpy(), truth).items()}
            for rule in ("new family", "known family")
        }
        curve.append({"ligands": round(float(np.mean(sizes))), "rows": len(table)} | step)
        print(curve[-1]["ligands"], {rule: round(step[rule]["rmse"]["value"], 3) for rule in step}, flush=True)
    return curve


def repeated(data: Path, rows: pd.DataFrame) -> dict[str, Any]:
    """Standard deviation of one measurement, from entries of one ligand and one protein in PDBbind's tables."""
    index = pd.concat([pd.read_csv(data / name / "index.csv") for name in ("crystal", "ligands")])
    protein = dict(zip(index["id"].astype(str), index["uniprot"], strict=True))
    entries = rows[rows["source"].isin(["crystal", "ligands"])].drop_duplicates("id")
    entries = entries.assign(protein=entries["id"].map(protein)).dropna(subset="protein")
    entries = entries.assign(smiles=[Chem.CanonSmiles(text) for text in entries["smiles"]])
    gaps = []
    for _, group in entries.groupby(["protein", "smiles"]):
        gaps += [a - b for a, b in combinations(group["pk"].tolist(), 2)]
    gap = np.array(gaps)
    apart = gap[np.abs(gap) > SAME]
    draws = np.random.default_rng(0).integers(0, len(apart), (RESAMPLES, len(apart)))
    sigma, resampled = (OF_MEDIAN * np.median(np.abs(values), axis=-1) for values in (apart, apart[draws]))
    spread = rows.loc[rows["source"] == "crystal", "pk"].std()
    low, high = np.percentile(resampled, [2.5, 97.5])
    return {
        "pairs": len(gap),
        "apart": len(apart),
        "sigma": {"value": float(sigma), "low": float(low), "high": float(high)},
        "spread": float(spread),
        "highest_r": float(np.sqrt(max(0.0, 1.0 - sigma**2 / spread**2))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the evaluation data")
    parser.add_argument("table", type=Path, help="written by scripts.release.prior_tables")
    parser.add_argument("--whole", type=Path, required=True, help="the prior of the whole table")
    parser.add_argument("--sites", type=Path, action="append", required=True, help="as for `binding prior`")
    options = parser.parse_args()
    rows = pd.read_csv(options.table, dtype={"id": str, "site": str}, keep_default_na=False)
    rows["pk"] = rows["pk"].astype(float)
    report: dict[str, Any] = {"repeated": repeated(options.data, rows)}
    print(report["repeated"], flush=True)
    by_smiles, by_complex = LigandsBySmiles(), SitesByComplex(options.sites)
    ligands = [by_smiles.graph(text, name) for text, name in zip(rows["smiles"], rows["id"], strict=True)]
    words = [by_complex.words(site, name) for site, name in zip(rows["site"], rows["id"], strict=True)]
    report["curve"] = learning_curve(rows, ligands, words, options.whole)
    write_figures(OUTPUT, report)


if __name__ == "__main__":
    main()

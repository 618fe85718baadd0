"""What bounds the accuracy: how well laboratories agree, and what more structures bring -> docs/figures/ceiling.json.

    python -m scripts.measure.ceiling ../shared/data

**Laboratories.** Affinities of one ligand (2D structure, stereo and protonation aside) and one UniProt accession in
tables that were gathered apart: PDBbind, BindingDB and ChEMBL. Values that agree to the last digit are one measurement
that two tables quote, and are left out. Within a series what a laboratory adds to all of its values does not matter:
pairs of ChEMBL assays of one target say how well they agree on differences between ligands.

**Structures.** The geometry expert is fitted to a tenth, a quarter and half of its rows, three times each, drawn at
random or as whole families, and predicts the crystal complexes of the families, or of the ligands, that it was fitted
without, with the folds and intervals of scripts.release.geometry. No test set is read.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase

from binding.config import GeometryConfig
from binding.graph.ligand import neutralise
from binding.metrics import pearson, rmse
from scripts.figures import FIGURES, write_figures
from scripts.release.families import Rows
from scripts.release.geometry import CACHE, WAYS, estimated, held_out, resampled, rounded

SHARES = (0.1, 0.25, 0.5)
DRAWS = 3
SAME = 0.006  # pK: affinities nearer than this are one measurement, rounded
SHARED = 5  # ligands that two assays must share
RESAMPLES = 1000
OF_MEDIAN = 1.0 / 0.6745  # of a normal law: standard deviation from the median of absolute values


def skeletons(texts: Sequence[str]) -> dict[str, str]:
    """By SMILES the neutral 2D structure without stereo; what cannot be read is left out."""
    found = {}
    for text in texts:
        mol = Chem.MolFromSmiles(text)
        if mol is not None:
            found[text] = Chem.MolToSmiles(neutralise(mol), isomericSmiles=False)
    return found


def measured(data: Path) -> pd.DataFrame:
    """Exact affinities with a UniProt accession: table, assay, uniprot, smiles, pk."""
    tables = []
    for name, table in (("crystal", "PDBbind"), ("ligands", "PDBbind"), ("modelled", "BindingDB")):
        index = pd.read_csv(data / name / "index.csv", dtype={"id": str}, low_memory=False)
        index = index.rename(columns={"ligand_smiles": "smiles"}).assign(table=table, assay="")
        if "relation" in index:
            index = index[index["relation"] == "="]
        elif "affinity" in index:
            index = index[~index["affinity"].str.contains("[<>~]")]
        tables.append(index)
    assays = pd.read_csv(data / "activity" / "fsmol.csv.gz", low_memory=False)
    tables.append(assays[assays["relation"] == "="].assign(table="ChEMBL"))
    found = pd.concat(tables)[["table", "assay", "uniprot", "smiles", "pk"]].dropna()
    return found.astype({"pk": float}).reset_index(drop=True)


def with_skeletons(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose target is in two tables, with ``skeleton``."""
    tables = rows.groupby("uniprot")["table"].nunique()
    rows = rows[rows["uniprot"].map(tables) > 1]
    of = skeletons(rows["smiles"].unique().tolist())
    return rows.assign(skeleton=rows["smiles"].map(of)).dropna()


def apart(gaps: np.ndarray) -> dict[str, Any]:
    """How far pairs of measurements differ: their RMSE, and the standard deviation of one of them by the median.

    Args:
        gaps: (n,) pK.
    """
    draws = np.random.default_rng(0).integers(0, len(gaps), (RESAMPLES, len(gaps)))
    metrics = {
        "rmse": lambda values: np.sqrt(np.square(values).mean(axis=-1)),
        "sigma": lambda values: OF_MEDIAN * np.median(np.abs(values), axis=-1) / np.sqrt(2.0),
    }
    return {"pairs": len(gaps)} | {
        name: estimated(float(of(gaps)), of(gaps[draws]).tolist()) for name, of in metrics.items()
    }


def laboratories(rows: pd.DataFrame) -> dict[str, Any]:
    """How well each two tables agree on one ligand and protein.

    Args:
        rows: table, uniprot, skeleton, pk.
    """
    middle = rows.groupby(["table", "uniprot", "skeleton"])["pk"].median()
    found = {}
    for one, other in combinations(sorted(rows["table"].unique()), 2):
        both = pd.concat([middle[one], middle[other]], axis=1, join="inner").to_numpy()
        both = both[np.abs(both[:, 0] - both[:, 1]) > SAME]
        if len(both) > SHARED:
            found[f"{one} and {other}"] = apart(both[:, 0] - both[:, 1]) | {
                "r": float(pearson(both[:, 0], both[:, 1])),
                "spread": float(both.std(axis=0).mean()),
            }
    return found


def assays(rows: pd.DataFrame) -> dict[str, Any]:
    """How well two assays of one target agree on what they share, each pair's mean difference taken away.

    Args:
        rows: assay, uniprot, skeleton, pk.
    """
    of_assay = rows[rows["assay"] != ""].groupby(["uniprot", "skeleton", "assay"], as_index=False)["pk"].median()
    pairs = of_assay.merge(of_assay, on=["uniprot", "skeleton"])
    pairs = pairs[pairs["assay_x"] < pairs["assay_y"]]
    pairs = pairs.assign(gap=pairs["pk_x"] - pairs["pk_y"])
    pairs = pairs[pairs["gap"].abs() > SAME]
    gap = pairs.groupby(["uniprot", "assay_x", "assay_y"])["gap"]
    shared = gap.transform("size")
    # What taking the mean away costs in variance is given back.
    rest = (pairs["gap"] - gap.transform("mean")) * np.sqrt(shared / (shared - 1.0).clip(lower=1.0))
    enough = shared >= SHARED
    return {"assays": int((gap.size() >= SHARED).sum())} | apart(rest[enough].to_numpy())


def series_spread(data: Path) -> list[float]:
    """Standard deviation of pK in each series of congeneric/ with ten ligands or more."""
    series = (pd.read_csv(path)["pk"] for path in sorted(data.glob("congeneric/*/affinity.csv")))
    return [float(pk.std()) for pk in series if len(pk) >= 10]


def highest(error: float, spread: Sequence[float]) -> float:
    """Mean r of a model that knows the truth, where labels of some spreads have an error, both in pK."""
    return float(np.mean([np.sqrt(max(0.0, 1.0 - error**2 / width**2)) for width in spread]))


def drawn(rows: Rows, share: float, draw: int, column: str) -> np.ndarray:
    """(n,) bool, a share of the rows, or of the families where ``column`` is ``group``; the smaller in the larger."""
    names = rows.table[column].astype(str)
    return np.array([zlib.crc32(f"{draw} {name}".encode()) / 2**32 < share for name in names])


def part_of(rows: Rows, kept: np.ndarray, way: str) -> np.ndarray:
    """(n,) pK of the crystal rows by experts that are fitted to the rows that are kept, less the fold of each."""
    fitted_to = Rows(rows.table.assign(exact=rows.table["exact"] & kept), rows.sums)
    return held_out(fitted_to, GeometryConfig(), way)[0]


def curve(rows: Rows) -> dict[str, Any]:
    """Figures of the geometry by the share of rows, and of families, that it is fitted to."""
    crystal = rows.table[rows.table["source"] == "crystal"].reset_index(drop=True)
    inside = crystal["exact"].to_numpy()
    truth, draws = crystal["pk"].to_numpy()[inside], resampled(crystal["group"][inside])
    metrics = {"r": pearson, "rmse": rmse}
    found: dict[str, Any] = {}
    for column, name in (("id", "rows"), ("group", "families")):
        found[name] = []
        for share in (*SHARES, 1.0):
            if share == 1.0 and column == "group":
                found[name].append(found["rows"][-1])
                continue
            masks = [drawn(rows, share, draw, column) for draw in range(DRAWS if share < 1.0 else 1)]
            count = np.mean([(mask & rows.table["exact"].to_numpy()).sum() for mask in masks])
            step: dict[str, Any] = {"share": share, "complexes": int(count)}
            for way in WAYS:
                said = [part_of(rows, mask, way)[inside] for mask in masks]
                step[way] = {}
                for metric, of in metrics.items():
                    spread = [float(np.mean([of(pk[draw], truth[draw]) for pk in said])) for draw in draws]
                    step[way][metric] = estimated(float(np.mean([of(pk, truth) for pk in said])), spread)
            found[name].append(step)
            print(name, share, {way: round(step[way]["rmse"]["value"], 3) for way in WAYS}, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with crystal/, ligands/, modelled/, congeneric/ and activity/")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "ceiling.json")
    options = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    known = with_skeletons(measured(options.data))
    report: dict[str, Any] = {"laboratories": laboratories(known), "assays": assays(known)}
    widths = series_spread(options.data)
    within = highest(report["assays"]["rmse"]["value"] / np.sqrt(2.0), widths)
    report["series"] = {"n": len(widths), "spread": float(np.median(widths)), "highest_r": within}
    print(report, flush=True)
    report["curve"] = curve(Rows.of(options.data, CACHE))
    write_figures(options.output, rounded(report))


if __name__ == "__main__":
    main()

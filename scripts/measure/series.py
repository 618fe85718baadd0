"""Ranking within congeneric series by released weights -> docs/figures/series_<weights>.json and .csv.

    python -m scripts.measure.series ../shared/data/series --models binding-strict binding-base

Each folder holds ``ligands.sdf`` (record title = ``ligand_id``), ``affinity.csv`` (``ligand_id``, ``compound_id``,
``pk``, ``relation``) and ``protein.pdb`` or, where poses have receptors of their own, ``proteins/<ligand_id>.pdb``.
Series with fewer compounds than --fewest are left out. Figures and predictions are written, no structures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import pandas as pd
from rdkit import Chem

from binding import api
from binding.evaluation.baselines import mol_weight
from binding.io.ligand import read_ligands
from binding.io.structure import read_protein
from binding.io.table import Request
from binding.score.options import ScoringOptions
from scripts.figures import FIGURES, write_figures

COLUMNS = ["id", "series", "compound_id", "pk_true", "pk", "pk_std", "pk_ligand_only", "heavy_atoms", "mol_weight"]


def truth(folder: Path, fewest: int) -> pd.DataFrame:
    """Measured rows of all series that have at least so many compounds; ``id`` is ``<series>/<ligand_id>``."""
    tables = []
    for path in sorted(folder.glob("*/affinity.csv")):
        table = pd.read_csv(path, dtype={"ligand_id": str, "compound_id": str}, keep_default_na=False)
        if table["compound_id"].nunique() >= fewest:
            name = path.parent.name
            tables.append(table.assign(id=[f"{name}/{ligand}" for ligand in table["ligand_id"]], series=name))
    if not tables:
        raise SystemExit(f"{folder} holds no series of {fewest} compounds; each is a folder with an affinity.csv")
    rows = pd.concat(tables, ignore_index=True)
    rows["mol_weight"] = [mol_weight(Chem.MolFromSmiles(smiles)) for smiles in rows["smiles"]]
    return rows


def requests(folder: Path, series: str) -> list[Request]:
    """One request a pose, in the order of the file."""
    shared = read_protein(folder / series / "protein.pdb")
    found = []
    for record in read_ligands(folder / series / "ligands.sdf"):
        own = folder / series / "proteins" / f"{record.name}.pdb"
        found.append(Request(protein=own if own.is_file() else shared, ligand=record, id=f"{series}/{record.name}"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", required=True, help="names of released weights, or files")
    parser.add_argument("--fewest", type=int, default=8, help="compounds of a series")
    parser.add_argument("--output", type=Path, default=FIGURES)
    options = parser.parse_args()
    rows = truth(options.folder, options.fewest)
    asked = [request for name in rows["series"].unique() for request in requests(options.folder, name)]
    for model in options.models:
        scorer = api.load_model(model, device="cpu")
        found = pd.DataFrame([row.as_dict() for row in api.predict_rows(asked, ScoringOptions(model=scorer))])
        table = rows.rename(columns={"pk": "pk_true"}).merge(found, on="id", how="left", validate="one_to_one")
        stem = options.output / f"series_{scorer.name}"
        table[COLUMNS].to_csv(stem.with_suffix(".csv"), index=False, float_format="%.4f")
        with tempfile.TemporaryDirectory() as scratch:
            measured = Path(scratch) / "truth.csv"
            rows[["id", "series", "compound_id", "pk", "relation"]].to_csv(measured, index=False)
            # From the file just written, so that anyone can compute the same figures from it.
            report = api.evaluate(stem.with_suffix(".csv"), measured, series="series", compound="compound_id")
        write_figures(stem.with_suffix(".json"), {"model": scorer.name} | report.as_dict(), model)
        print(json.dumps({c["name"]: c["metrics"] for c in report.as_dict()["series"]["columns"]}, indent=1))


if __name__ == "__main__":
    main()

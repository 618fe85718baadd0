"""Enrichment on posed screening sets by `binding screen`, beside trivial rankings -> docs/figures/screening_sets.json.

    python scripts/measure_screening.py ../shared/data/screening

Each folder holds ``receptor.pdb``, ``poses.sdf.gz`` (record title = compound) and ``compounds.csv`` (``id``,
``label``, 1 for actives). Folders without poses are left out. ``vina`` is Vina's function of the poses as they are
given, by ``binding.prepare.vina``, the best pose of each compound. A compound without a pose ranks last, for every
scorer alike.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import machine, provenance, write_json
from rdkit.Chem import rdMolDescriptors

from binding import api
from binding.io.ligand import BadRecord, read_ligands
from binding.io.structure import read_protein
from binding.prepare.pocket import PocketSpec, select_pocket
from binding.prepare.vina import CUTOFF, PairTable, affinity, ligand_types, protein_types

ROOT = Path(__file__).resolve().parents[1]


def vina(folder: Path) -> pd.DataFrame:
    """Minus the best affinity of each compound, kcal/mol: higher is better, as for a pK."""
    protein = read_protein(folder / "receptor.pdb")
    best: dict[str, float] = {}
    for ligand in read_ligands(folder / "poses.sdf.gz"):
        if isinstance(ligand, BadRecord):
            continue
        pocket = select_pocket(protein, ligand, PocketSpec(cutoff=CUTOFF))
        energy, _ = PairTable(ligand_types(ligand.mol), protein_types(pocket)).energy(
            ligand.positions, pocket.positions
        )
        score = -affinity(energy, rdMolDescriptors.CalcNumRotatableBonds(ligand.mol))
        best[ligand.name] = max(score, best.get(ligand.name, -np.inf))
    return pd.DataFrame({"id": list(best), "vina": list(best.values())})


def one_set(folder: Path, model: str | None, scratch: Path) -> dict[str, Any]:
    """Figures of one set, and how long its screen took."""
    start = time.perf_counter()
    result = api.screen(folder / "poses.sdf.gz", scratch / "run", protein=folder / "receptor.pdb", model=model)
    seconds = time.perf_counter() - start
    rows = pd.read_parquet(scratch / "run" / "results.parquet").rename(columns={"id": "pose_id", "compound": "id"})
    vina(folder).to_csv(scratch / "vina.csv", index=False)
    # One protein, so that pK of two scorers rank alike whatever the group is called.
    truth = pd.read_csv(folder / "compounds.csv", dtype={"id": str}).assign(target=folder.name)
    truth[["id", "label", "target"]].to_csv(scratch / "truth.csv", index=False)
    report = api.evaluate(
        rows, scratch / "truth.csv", label="label", group="target", peers=scratch / "vina.csv"
    ).as_dict()
    return {
        "set": folder.name,
        "asked": result.asked,
        "scored": result.scored,
        "seconds": round(seconds, 1),
        "actives": int(truth["label"].sum()),
        "inactives": int((truth["label"] == 0).sum()),
        "enrichment": report["enrichment"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default=None)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "figures")
    options = parser.parse_args()
    sets = []
    for folder in sorted(path.parent for path in options.folder.glob("*/poses.sdf.gz")):
        with tempfile.TemporaryDirectory() as scratch:
            sets.append(one_set(folder, options.model, Path(scratch)))
        print(json.dumps({k: v for k, v in sets[-1].items() if k != "enrichment"}), flush=True)
    content = provenance(options.model) | {"machine": machine(), "sets": sets}
    write_json(options.output / "screening_sets.json", content)


if __name__ == "__main__":
    main()

"""What a longer search of the docking engine buys -> docs/figures/dock_speed.json.

    python -m scripts.measure.dock_speed ../shared/data/crystal --count 30

Docks crystal ligands of training complexes back from SMILES, as `binding screen --dock` does, with several values of
Vina's exhaustiveness, and with searches that are cut short. Compared are the share of ligands with a pose within 2 Å,
first and any of nine, Vina's score, and the CPU seconds of one ligand, its maps apart. Boxes are those about the
ligand: a larger box needs a longer search. No test set is read. Rows are kept in runs/dock_speed/rows.csv: a run that
was stopped goes on there, and figures are of the complexes that have all searches.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem

from binding.errors import BindingError
from binding.metrics import estimate, mean_over_groups
from binding.poses.dock import Box, Docker
from binding.poses.states import protonate
from binding.poses.torsions import rotatable_bonds
from binding.structures import Ligand, Protein
from scripts.figures import FIGURES, ROOT, machine, write_figures
from scripts.measure.place import SEED, of_folder, rmsd_of_docked

ROWS = ROOT / "runs" / "dock_speed" / "rows.csv"
#: By name, Vina's exhaustiveness and the evaluations of a search; 0 for Vina's own rule, by the size of the ligand.
SEARCHES: dict[str, tuple[int, int]] = {"short 2": (2, 15_000), "short 8": (8, 15_000), "2": (2, 0), "8": (8, 0)}
LONGEST = "8"
POSES = 9
NEAR = 2.0  # Å


def docked(name: str, protein: Protein, ligand: Ligand) -> list[dict[str, Any]]:
    """A row for each kind of search."""
    box = Box.about(ligand.positions)
    docker = Docker(protein, box, reference=ligand.positions, seed=SEED, num_poses=POSES)
    mol = protonate(Chem.MolFromSmiles(Chem.MolToSmiles(ligand.mol)))
    docker.prepare()
    rows = []
    for search, (exhaustiveness, evaluations) in SEARCHES.items():
        docker.exhaustiveness, docker.max_evals = exhaustiveness, evaluations
        began = time.process_time()
        poses = docker.dock(mol, name)
        seconds = time.process_time() - began
        away = [rmsd_of_docked(pose.mol, ligand.mol) for pose in poses]
        rows.append(
            {
                "id": name,
                "heavy_atoms": ligand.num_atoms,
                "rotatable_bonds": len(rotatable_bonds(ligand.mol)),
                "box": round(math.prod(box.size)),
                "search": search,
                "rmsd_first": round(away[0], 3),
                "rmsd_best": round(min(away), 3),
                "score": round(poses[0].score, 3),
                "seconds": round(seconds, 3),
            }
        )
    return rows


def figures(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """By search: how many ligands are back in place, how much worse Vina's score is, and what it costs."""
    longest = rows[rows["search"] == LONGEST].set_index("id")["score"]
    found = []
    for search, (exhaustiveness, evaluations) in SEARCHES.items():
        part = rows[rows["search"] == search].set_index("id")
        shares = {
            name: vars(estimate(*mean_over_groups((part[f"rmsd_{name}"] <= NEAR).to_numpy(float), np.ones(len(part)))))
            for name in ("first", "best")
        }
        found.append(
            {
                "exhaustiveness": exhaustiveness,
                "evaluations": evaluations,
                **shares,
                "above_longest": round(float((part["score"] - longest).mean()), 3),
                "seconds": round(float(part["seconds"].mean()), 2),
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=30, help="complexes, drawn by a fixed seed")
    arguments = parser.parse_args()
    ROWS.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(ROWS, dtype={"id": str, "search": str}) if ROWS.is_file() else pd.DataFrame(columns=["id"])
    for case in of_folder(arguments.folder, arguments.count):
        if case[0] in set(rows["id"]):
            continue
        try:
            rows = pd.concat([rows, pd.DataFrame(docked(*case))], ignore_index=True)
        except BindingError as error:
            print(f"{case[0]}: {error.code}", flush=True)
            continue
        rows.to_csv(ROWS, index=False)
        print(rows.tail(len(SEARCHES)).to_string(), flush=True)
    found = {
        "complexes": int(rows["id"].nunique()),
        "searches": figures(rows),
        "machine": machine() | {"load": round(os.getloadavg()[0], 1)},
    }
    write_figures(FIGURES / "dock_speed.json", found)


if __name__ == "__main__":
    main()

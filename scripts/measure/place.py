"""How well poses are placed and docked -> docs/figures/place.json and redock.json.

    python -m scripts.measure.place series ../shared/data/congeneric --count 10
    python -m scripts.measure.place crystal ../shared/data/crystal --count 60
    python -m scripts.measure.place overlay ../shared/data/crystal --count 300
    python -m scripts.measure.place sets cache/posed
    python -m scripts.measure.place dock ../shared/data/crystal --count 8

``series``   cost, clashes and coverage of `binding place` on congeneric series
``crystal``  superposes pairs of complexes of one protein by the CA atoms of their pockets, places the second ligand on
             the first in the first receptor, and compares with where the second ligand is
``overlay``  lays crystal ligands, in their bound conformation, on the other ligands of the same protein, at most five
             ligands a protein, and compares as ``crystal`` does
``sets``     counts what scripts.release.posed made
``dock``     docks crystal ligands as `binding screen --dock` does, from SMILES: the example complexes, and some of the
             folder with 12 to 35 heavy atoms and at most 8 rotatable bonds

RMSD is of heavy atoms, in Å, symmetry considered, nothing superposed; for docked ligands, that of Vina's first pose and
of the best one that is scored.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdMolAlign
from rdkit.Chem.MolStandardize import rdMolStandardize

from binding.errors import BindingError
from binding.io.ligand import read_ligands
from binding.io.series import Compound, read_series
from binding.io.structure import read_complex, read_protein
from binding.poses.conformers import superpose
from binding.poses.dock import EXHAUSTIVENESS, NUM_POSES, Box, Docker
from binding.poses.overlay import GOOD_CLASHES, GOOD_SCORE_PER_ATOM, Overlayer, Template, is_good
from binding.poses.place import Placer
from binding.poses.states import protonate
from binding.poses.torsions import rotatable_bonds
from binding.structures import Ligand, Protein
from scripts.figures import FIGURES, ROOT, machine, write_figures

EXAMPLES = ROOT / "data" / "examples"
SEED = 0  # of docking, and of what is drawn for it
SAME_SITE = 6.0  # Å between the ligands' centres
FEWEST_SHARED = 12  # CA atoms to superpose on
STILL = 1.5  # Å; CA atoms that moved more do not count
OVERLAPS = (0.75, 1.0, 1.25, 1.5)

Case = tuple[Protein, Ligand, Chem.Mol, str, np.ndarray | None]


def series(folder: Path, count: int, each: int = 9) -> Iterator[Case]:
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    for name in random.sample(names, min(count, len(names))):
        protein = read_protein(folder / name / "pocket.pdb.gz")
        reference = first(folder / name / "reference_ligand.sdf.gz")
        compounds = [item for item in read_series(folder / name / "affinity.csv") if isinstance(item, Compound)]
        for compound in random.sample(compounds, min(each, len(compounds))):
            yield protein, reference, compound.mol, name, None


def crystal(folder: Path, count: int) -> Iterator[Case]:
    with open(folder / "index.csv", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["uniprot"]]
    random.shuffle(rows)
    rows.sort(key=lambda row: row["uniprot"])  # stable: the order inside a protein stays shuffled
    pairs = [(a["id"], b["id"]) for a, b in pairwise(rows) if a["uniprot"] == b["uniprot"]]
    found = 0
    for one, other in random.sample(pairs, len(pairs)):
        (receptor, reference), (mobile, ligand) = (
            (read_protein(folder / x / f"{x}_pocket.pdb.gz"), first(folder / x / f"{x}_ligand.sdf.gz"))
            for x in (one, other)
        )
        positions = in_frame(receptor, mobile, ligand.positions)
        if positions is None or Chem.MolToSmiles(reference.mol) == Chem.MolToSmiles(ligand.mol):
            continue
        if np.linalg.norm(positions.mean(axis=0) - reference.positions.mean(axis=0)) <= SAME_SITE:
            yield receptor, reference, ligand.mol, f"{other} on {one}", positions
            found += 1
            if found == count:
                return


def overlays(folder: Path, count: int, each: int = 5) -> Iterator[dict[str, object]]:
    """One row a ligand that is laid on the others of its protein."""
    index = pd.read_csv(folder / "index.csv", usecols=["id", "uniprot"]).dropna()
    groups = [group["id"].tolist() for _, group in index.groupby("uniprot") if len(group) > 1]
    asked = [(name, group) for group in groups for name in random.sample(group, min(each, len(group)))]
    for name, group in random.sample(asked, min(count, len(asked))):
        proteins = {x: read_protein(folder / x / f"{x}_pocket.pdb.gz") for x in group}
        ligands = {x: first(folder / x / f"{x}_ligand.sdf.gz") for x in group}
        start = time.process_time()
        overlayer = Overlayer([Template(x, ligands[x], proteins[x]) for x in group if x != name])
        row: dict[str, object] = {"name": name, "error": ""}
        try:
            posed = overlayer.overlay(ligands[name])
        except BindingError as error:
            yield row | {"error": error.code, "cpu_s": time.process_time() - start}
            continue
        row["cpu_s"] = time.process_time() - start
        row |= {f.name: getattr(posed, f.name) for f in fields(posed) if f.name != "mol"} | {"good": posed.good}
        known = in_frame(proteins[posed.template], proteins[name], ligands[name].positions)
        if known is not None:  # else the numbering or the pocket differs, and there is no truth
            row["rmsd"] = rmsd(posed.mol, known)
        yield row


def in_frame(fixed: Protein, mobile: Protein, positions: np.ndarray) -> np.ndarray | None:
    """Positions of the mobile protein's ligand after its pocket is laid on the fixed one's; None where they differ."""
    one, other = alpha_carbons(fixed), alpha_carbons(mobile)
    shared = sorted(set(one) & set(other))
    targets, points = np.array([one[key] for key in shared]), np.array([other[key] for key in shared])
    keep = np.ones(len(shared), dtype=bool)
    for _ in range(3):
        if keep.sum() < FEWEST_SHARED:
            return None
        moved = superpose(points, points[keep], targets[keep])
        keep = np.linalg.norm(moved - targets, axis=1) < STILL
    return superpose(positions, points[keep], targets[keep]) if keep.sum() >= FEWEST_SHARED else None


def alpha_carbons(protein: Protein) -> dict[tuple[int, str], np.ndarray]:
    """By residue number and name; chains are named differently from entry to entry."""
    rows = np.flatnonzero(protein.atom_names == "CA")
    residues = protein.atom_residue[rows]
    return {
        (int(protein.residue_numbers[r]), str(protein.residue_names[r])): protein.positions[row]
        for row, r in zip(rows, residues, strict=True)
    }


def first(path: Path) -> Ligand:
    record = next(iter(read_ligands(path)))
    if not isinstance(record, Ligand):
        raise record.error
    return record


def measure(case: Case) -> dict[str, object]:
    protein, reference, mol, name, known = case
    start = time.process_time()
    try:
        placed = Placer(protein, [reference]).place(mol, name)
    except BindingError as error:
        return {"name": name, "error": error.code, "cpu_s": time.process_time() - start}
    row: dict[str, object] = {
        key: getattr(placed, key) for key in ("core_coverage", "core_rmsd", "clashes", "score", "conformers", "good")
    }
    row |= {"name": name, "error": "", "cpu_s": time.process_time() - start}
    if known is not None:
        row["rmsd"] = rmsd(placed.mol, known)
    return row


def rmsd(posed: Chem.Mol, known: np.ndarray) -> float:
    """Å, heavy atoms, symmetry considered, nothing superposed."""
    truth = Chem.Mol(posed)
    truth.GetConformer().SetPositions(known)
    return float(rdMolAlign.CalcRMS(Chem.Mol(posed), truth, maxMatches=1000))


# ---------------------------------------------------------------- docked from SMILES


def examples() -> Iterator[tuple[str, Protein, Ligand]]:
    for name in ("1s2g", "1ia1"):
        ligand = next(read_ligands(EXAMPLES / f"{name}_ligand.sdf"))
        assert isinstance(ligand, Ligand)
        yield name, read_protein(EXAMPLES / f"{name}_protein.pdb.gz"), ligand
    for name, chosen in (("4cup", "A:ZYB:2971"), ("6wqa", "A:ZMA:1202")):
        protein, ligands = read_complex(EXAMPLES / f"{name}_complex.cif.gz", chosen)
        yield name, protein, ligands[0]


def of_folder(folder: Path, count: int) -> Iterator[tuple[str, Protein, Ligand]]:
    """Complexes drawn by a fixed seed: 12 to 35 heavy atoms, at most 8 rotatable bonds, as a drug has."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    random.Random(SEED).shuffle(names)
    for name in names:
        structures = sorted((folder / name).glob(f"{name}_p*"))
        ligands = sorted((folder / name).glob(f"{name}_ligand.sdf*"))
        if count and structures and ligands:
            ligand = next(read_ligands(ligands[0]))
            if isinstance(ligand, Ligand) and 12 <= ligand.num_atoms <= 35 and len(rotatable_bonds(ligand.mol)) <= 8:
                count -= 1
                yield name, read_protein(structures[0]), ligand


def rmsd_of_docked(pose: Chem.Mol, crystal: Chem.Mol) -> float:
    """Å, over all ways to lay equal atoms on each other; charges, which differ by protonation, do not count."""
    return rdMolAlign.CalcRMS(_plain(pose), _plain(crystal))


def _plain(mol: Chem.Mol) -> Chem.Mol:
    return rdMolStandardize.Uncharger(force=True).uncharge(mol)


def redock(name: str, protein: Protein, ligand: Ligand) -> dict[str, Any]:
    """One ligand: from its SMILES, so that nothing of the crystal's conformation is left."""
    docker = Docker(protein, Box.about(ligand.positions), reference=ligand.positions, seed=SEED)
    mol = protonate(Chem.MolFromSmiles(Chem.MolToSmiles(ligand.mol)))
    began = time.process_time()
    docker.prepare()
    ready = time.process_time()
    poses = docker.dock(mol, name)
    seconds = time.process_time() - ready
    away = [rmsd_of_docked(pose.mol, ligand.mol) for pose in poses]
    return {
        "id": name,
        "heavy_atoms": ligand.num_atoms,
        "rotatable_bonds": len(rotatable_bonds(ligand.mol)),
        "rmsd_first": round(away[0], 2),
        "rmsd_best": round(min(away), 2),
        "dock_score": round(poses[0].score, 2),
        "seconds": round(seconds, 1),
        "seconds_maps": round(ready - began, 1),
    }


def redocked(folder: Path, count: int) -> None:
    """The example complexes, and some of a folder, docked from SMILES -> docs/figures/redock.json."""
    rows = []
    for case in [*examples(), *of_folder(folder, count)]:
        rows.append(redock(*case))
        print(rows[-1], flush=True)
    found = {
        "settings": {"exhaustiveness": EXHAUSTIVENESS, "poses": NUM_POSES, "seed": SEED},
        "machine": machine() | {"load": os.getloadavg()[0]},
        "complexes": rows,
    }
    write_figures(FIGURES / "redock.json", found)


# ---------------------------------------------------------------- figures


def quantiles(values: pd.Series, *shares: float) -> list[float]:
    return [round(float(value), 3) for value in values.astype(float).quantile(list(shares))]


def within(rows: pd.DataFrame) -> dict[str, float]:
    """How many poses there are, and the shares that lie within 1 and 2 Å of the truth."""
    near = {f"within_{limit}": round(float((rows["rmsd"] <= limit).mean()), 3) for limit in (1, 2)}
    return {"poses": len(rows), **near}


def figures_of_placed(rows: pd.DataFrame) -> dict[str, object]:
    done = rows[rows["error"] == ""]
    found: dict[str, object] = {
        "asked": len(rows),
        "failed": rows.loc[rows["error"] != "", "error"].value_counts().to_dict(),
        "cpu_seconds": [round(float(rows["cpu_s"].mean()), 2), *quantiles(rows["cpu_s"], 0.95)],
        "core_coverage": quantiles(done["core_coverage"], 0.5, 0.1),
        "core_rmsd": quantiles(done["core_rmsd"], 0.5, 0.9),
        "score": quantiles(done["score"], 0.5),
        "no_clash": round(float((done["clashes"] == 0).mean()), 3),
        "good": round(float(done["good"].astype(bool).mean()), 3),
    }
    if "rmsd" in done:
        good = done["good"].astype(bool)
        found["truth"] = {"good": within(done[good]), "not good": within(done[~good])}
    return found


def figures_of_overlays(rows: pd.DataFrame) -> dict[str, object]:
    done = rows[rows["rmsd"].notna()]
    laid = done[done["way"] != "frame"]
    fits = (laid["score_per_atom"] <= GOOD_SCORE_PER_ATOM) & (laid["clashes"] <= GOOD_CLASHES)
    return {
        "asked": len(rows),
        "refused": int((rows["error"] != "").sum()),
        "truth": len(done),
        "cpu_seconds": round(float(rows["cpu_s"].mean()), 2),
        "good": within(done[done["good"].astype(bool)]),
        "ways": {way: within(group) for way, group in done.groupby("way")},
        "laid": {
            "all": within(laid),
            "too little fit": within(laid[~fits]),
            **{f"overlap >= {least}": within(laid[fits & (laid["overlap"] >= least)]) for least in OVERLAPS},
        },
    }


def figures_of_sets(work: Path) -> dict[str, object]:
    """What scripts.release.posed laid out, and what it left out."""
    found: dict[str, object] = {}
    for name in ("ligands", "congeneric"):
        good, left = (pd.read_csv(work / name / f"{file}.csv") for file in ("index", "left_out"))
        reasons = left["error_code"].fillna("not good").value_counts().to_dict()
        found[name] = {"good": len(good), "left_out": reasons, "receptors": int(good["receptor"].nunique())}
    ways = pd.read_csv(work / "ligands" / "index.csv")["way"].value_counts().to_dict()
    return {**found, "ways": ways}


def keep(path: Path, what: str, found: dict[str, object]) -> None:
    """Put the figures of one measurement into the file that holds them all."""
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    write_figures(path, content | {what: found})


def measured(arguments: argparse.Namespace) -> list[dict[str, object]]:
    """A row a ligand."""
    if arguments.what == "overlay":
        return list(overlays(arguments.folder, arguments.count))
    if arguments.what == "series":
        return [measure(case) for case in series(arguments.folder, arguments.count, arguments.each)]
    return [measure(case) for case in crystal(arguments.folder, arguments.count)]


def read_measured(path: Path) -> pd.DataFrame:
    """The rows of an earlier run, overlays judged by the rule of today."""
    rows = pd.read_csv(path).fillna({"error": ""})
    if "way" in rows:
        quality = rows[["way", "overlap", "score_per_atom", "clashes"]]
        rows["good"] = [is_good(*values) for values in quality.itertuples(index=False)]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["series", "crystal", "overlay", "sets", "dock"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=30, help="series, pairs or ligands")
    parser.add_argument("--each", type=int, default=9, help="compounds of a series")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=Path, help="summarise this table, which an earlier run wrote with -o")
    parser.add_argument("-o", "--output", type=Path, help="a row a ligand, .csv")
    parser.add_argument("--figures", type=Path, default=FIGURES / "place.json", help="file for the summary")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    if arguments.what == "dock":
        redocked(arguments.folder, arguments.count)
        return
    if arguments.what == "sets":
        found = figures_of_sets(arguments.folder)
    else:
        rows = pd.DataFrame(measured(arguments)) if arguments.rows is None else read_measured(arguments.rows)
        found = figures_of_overlays(rows) if arguments.what == "overlay" else figures_of_placed(rows)
    if arguments.output is not None and arguments.what != "sets":
        rows.to_csv(arguments.output, index=False)
    keep(arguments.figures, arguments.what, found)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

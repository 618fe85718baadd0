"""Docks crystal ligands back into their pockets, quickly: wrong poses of low energy to train `pose` on.

    python -m scripts.release.decoys dock DATA WORK       dock each ligand of DATA/crystal, one file a complex
    python -m scripts.release.decoys collect DATA WORK    lay out WORK with index.csv, as `binding prepare` reads it

A complex gives its crystal pose, that pose minimized, and up to ten poses of a short search, all with their RMSD to
the crystal pose. Half of the complexes start from the crystal's conformer, the others from a fresh one, so that
bond lengths do not give a decoy away. A pose that leaves the crystal ligand's place by more than 5 Å is left out:
the 10 Å around it that `binding prepare` keeps are then inside the 15 Å that DATA/crystal has of a protein. The
columns of the complexes, from DATA/crystal/index.csv or --index, are repeated for each pose. A run that was stopped
is resumed; what is done is in WORK/done.
"""

from __future__ import annotations

import argparse
import time
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase
from rdkit.Chem import rdMolAlign
from scipy.spatial.distance import cdist

from binding.errors import BindingError, LigandError
from binding.io.structure import read_protein
from binding.poses.dock import Box, Docker
from binding.poses.embedding import embed
from binding.structures import Ligand, Protein
from scripts.release.posed import done_poses, done_tables, first, lay_out, write_done

MOST_ATOMS = 36  # heavy atoms; a search of a larger ligand takes seconds
MOST_POSES = 10  # of a search
MARGIN, LEAST_SIDE = 3.0, 14.0  # Å, of the box about the crystal pose
REACH = 5.0  # Å from the crystal ligand
# Several short searches end in more different poses than a long one.
docker_of = partial(Docker, exhaustiveness=3, num_poses=20, max_evals=15_000, energy_range=12.0, spacing=0.5)
COLUMNS = ("id", "receptor", "status", "error_code", "origin", "start", "rmsd", "reach", "energy", "cpu_s")


def rmsd(pose: Chem.Mol, native: Chem.Mol) -> float:
    """Å, over all ways to lay equal atoms on each other, without superposition."""
    return float(rdMolAlign.CalcRMS(Chem.Mol(pose), Chem.Mol(native), maxMatches=20_000))


def on_native(pose: Chem.Mol, native: Chem.Mol) -> Chem.Mol:
    """The crystal's molecule, its order of atoms, charges and tags, at the places of a docked pose.

    Raises:
        LigandError: ``docking_failed``, where the docked molecule is another.
    """
    match = pose.GetSubstructMatch(native, useChirality=True) or pose.GetSubstructMatch(native)
    if len(match) != native.GetNumAtoms() or pose.GetNumAtoms() != native.GetNumAtoms():
        raise LigandError("The docked molecule is not the crystal's.", "Leave it out.", "docking_failed")
    placed = Chem.Mol(native)
    placed.GetConformer().SetPositions(pose.GetConformer().GetPositions()[list(match)])
    return placed


def fresh_conformer(ligand: Ligand, seed: int) -> Chem.Mol:
    """A conformer with all hydrogens that knows nothing of the crystal's, laid on the crystal pose."""
    full = embed(ligand.mol, ligand.name, seed=seed)
    rdMolAlign.AlignMol(full, ligand.mol, atomMap=[(atom, atom) for atom in range(ligand.num_atoms)])
    return full


def box_about(positions: np.ndarray, margin: float, least_side: float = 0.0) -> Box:
    """The box about a ligand with so much room on each side, all in Å."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    x, y, z = ((low + high) / 2).tolist()
    a, b, c = np.maximum(high - low + 2 * margin, least_side).tolist()
    return Box((x, y, z), (a, b, c))


def sample(name: str, protein: Protein, ligand: Ligand) -> tuple[list[dict[str, object]], list[Chem.Mol]]:
    """Poses of one complex and their rows, the crystal pose first.

    Raises:
        LigandError, StructureError: It is too large or cannot be docked.
    """
    if ligand.num_atoms > MOST_ATOMS:
        raise LigandError(f"{name} has {ligand.num_atoms} heavy atoms.", f"At most {MOST_ATOMS}.", "too_large")
    fresh = bool(zlib.crc32(name.encode()) % 2)
    start = fresh_conformer(ligand, seed=0) if fresh else Chem.AddHs(ligand.mol, addCoords=True)
    docker = docker_of(protein, box_about(ligand.positions, MARGIN, LEAST_SIDE), reference=ligand.positions)
    minimized = docker.minimize(start, name)
    found = docker.dock_conformer(start, name)
    poses = [("native", ligand.mol, None), ("minimized", minimized.mol, minimized.energy)]
    poses += [("docked", pose.mol, pose.energy) for pose in found]
    rows: list[dict[str, Any]] = []
    mols: list[Chem.Mol] = []
    for origin, mol, energy in poses:
        placed = on_native(mol, ligand.mol)
        reach = float(cdist(placed.GetConformer().GetPositions(), ligand.positions).min(axis=1).max())
        if reach > REACH or len(mols) == MOST_POSES + 2:
            continue
        title = f"{name}_{len(mols):02d}"
        placed.SetProp("_Name", title)
        mols.append(placed)
        row: dict[str, Any] = {
            "id": title,
            "receptor": name,
            "status": "ok",
            "error_code": "",
            "origin": origin,
            "energy": energy,
        } | {"start": "fresh" if fresh else "crystal", "rmsd": rmsd(placed, ligand.mol), "reach": reach}
        rows.append(row)
    return rows, mols


def dock(data: Path, work: Path, deadline: float) -> None:
    """Complexes in an order by chance, so that any beginning is fair to all."""
    names = pd.read_csv(data / "crystal" / "index.csv", usecols=["id"], dtype=str)["id"]
    for name in sorted(names, key=lambda text: zlib.crc32(f"order {text}".encode())):
        stem, folder = work / "done" / "docked" / name, data / "crystal" / name
        if stem.with_suffix(".csv").exists():
            continue
        if time.time() > deadline:
            return
        began = time.process_time()
        try:
            protein, ligand = read_protein(folder / f"{name}_pocket.pdb.gz"), first(folder / f"{name}_ligand.sdf.gz")
            rows, mols = sample(name, protein, ligand)
        except BindingError as error:
            rows, mols = [{"id": f"{name}_00", "receptor": name, "status": "failed", "error_code": error.code}], []
        rows[0]["cpu_s"] = round(time.process_time() - began, 2)
        write_done(stem, rows, mols, COLUMNS)


def collect(data: Path, work: Path, index: Path) -> None:
    """The tree and its index; complexes that could not be docked are in left_out.csv."""
    rows = done_tables(work, "docked").drop(columns="cpu_s")
    known = pd.read_csv(index, dtype=str, keep_default_na=False).rename(columns={"id": "native"})
    rows["native"], rows["good"] = rows["receptor"], rows["status"] == "ok"
    rows = rows.merge(known, on="native", validate="many_to_one")
    pockets = {name: data / "crystal" / name / f"{name}_pocket.pdb.gz" for name in rows["native"].unique()}
    lay_out(work, rows, done_poses(work, "docked"), pockets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["dock", "collect"])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further complex after so long")
    parser.add_argument("--index", type=Path, help="table of the complexes; that of DATA/crystal by default")
    arguments = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    if arguments.what == "dock":
        dock(arguments.data, arguments.work, deadline=time.time() + 60.0 * arguments.minutes)
    else:
        index = arguments.index or arguments.data / "crystal" / "index.csv"
        collect(arguments.data, arguments.work, index)


if __name__ == "__main__":
    main()

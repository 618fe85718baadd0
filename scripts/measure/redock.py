"""Redocks crystal ligands as `binding screen --dock` does, from SMILES: how near it comes to the crystal, at what cost.

    python -m scripts.measure.redock                                      the four example complexes with a crystal pose
    python -m scripts.measure.redock --folder crystal --count 8           and so many of a folder in PDBbind layout

Writes docs/figures/redock.json: RMSD (Å, symmetry-aware, no superposition) of Vina's first pose and of the best of the
poses that are scored, and processor seconds a ligand.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rdkit import Chem
from rdkit.Chem import rdMolAlign
from rdkit.Chem.MolStandardize import rdMolStandardize

from binding.io.ligand import read_ligands
from binding.io.structure import read_complex, read_protein
from binding.poses.dock import EXHAUSTIVENESS, NUM_POSES, Box, Docker
from binding.poses.states import protonate
from binding.poses.torsions import rotatable_bonds
from binding.structures import Ligand, Protein
from scripts.figures import FIGURES, ROOT, machine, write_figures

EXAMPLES = ROOT / "data" / "examples"
SEED = 0


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


def rmsd(pose: Chem.Mol, crystal: Chem.Mol) -> float:
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
    away = [rmsd(pose.mol, ligand.mol) for pose in poses]
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="complexes in PDBbind layout")
    parser.add_argument("--count", type=int, default=8, help="how many of the folder")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "redock.json")
    arguments = parser.parse_args()
    cases = list(examples()) + (list(of_folder(arguments.folder, arguments.count)) if arguments.folder else [])
    rows = []
    for case in cases:
        rows.append(redock(*case))
        print(rows[-1], flush=True)
    found = {
        "settings": {"exhaustiveness": EXHAUSTIVENESS, "poses": NUM_POSES, "seed": SEED},
        "machine": machine() | {"load": os.getloadavg()[0]},
        "complexes": rows,
    }
    write_figures(arguments.output, found)


if __name__ == "__main__":
    main()

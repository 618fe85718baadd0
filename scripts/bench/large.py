"""Memory of one very large complex, by `binding predict` in one process; part of scripts.bench.screen.

A pocket of 1,510 residues is five copies of 5HT1B side by side, all taken; a macrocycle of 300 atoms, the most that is
scored, is a ring of carbon that winds about a ring, laid over the pocket. Neither is chemistry: only the sizes count.
"""

from __future__ import annotations

import csv
import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

from binding.io.ligand import read_ligands
from binding.structures import Ligand
from scripts.figures import ROOT

COPIES, APART = 5, 100.0  # Å
ATOMS, WINDINGS = 300, 18
RING, TUBE = 8.0, 4.0  # Å, so that neighbours along the ring are 1.5 Å apart


def large_complexes(receptor: Path, ligand: Path) -> list[dict[str, Any]]:
    """What was scored, and the largest memory of its process, MB.

    Args:
        receptor: Gzipped PDB of the usual protein.
        ligand: A file whose first record is a pose in it.
    """
    pose = next(read_ligands(ligand))
    assert isinstance(pose, Ligand)
    centre = pose.positions.mean(axis=0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        wide, one, ring = folder / "wide.pdb", folder / "one.sdf", folder / "ring.sdf"
        residues = write_copies(receptor, wide)
        for path, mol in ((one, pose.mol), (ring, macrocycle(centre))):
            path.write_text(Chem.MolToMolBlock(mol) + "$$$$\n", encoding="ascii")
        everything = ["--center", *(f"{x:.3f}" for x in centre), "--radius", str(COPIES * APART)]
        return [
            {"what": f"a pocket of {residues:,} residues"} | predicted(wide, one, everything),
            {"what": f"a macrocycle of {ATOMS} atoms"} | predicted(receptor, ring, []),
            {"what": "both"} | predicted(wide, ring, everything),
        ]


def write_copies(receptor: Path, path: Path) -> int:
    """Copies of a protein side by side as a PDB file; how many residues they have together."""
    with gzip.open(receptor, "rt") as source:
        atoms = [line for line in source if line.startswith("ATOM")]
    with path.open("w", encoding="ascii") as stream:
        for copy in range(COPIES):
            for line in atoms:
                x = float(line[30:38]) + copy * APART
                stream.write(f"{line[:21]}{'ABCDEFGH'[copy]}{line[22:30]}{x:8.3f}{line[38:]}")
        stream.write("END\n")
    return COPIES * len({line[21:27] for line in atoms})


def macrocycle(centre: np.ndarray) -> Chem.Mol:
    """A ring of ``ATOMS`` carbons about a place, Å."""
    turn = np.linspace(0.0, 2.0 * np.pi, ATOMS, endpoint=False)
    out = RING + TUBE * np.cos(WINDINGS * turn)
    positions = np.stack([out * np.cos(turn), out * np.sin(turn), TUBE * np.sin(WINDINGS * turn)], axis=1)
    mol = Chem.MolFromSmiles("C1" + "C" * (ATOMS - 2) + "C1")
    conformer = Chem.Conformer(ATOMS)
    conformer.SetPositions(positions + centre)
    mol.AddConformer(conformer)
    mol.SetProp("_Name", "ring")
    return mol


def predicted(protein: Path, ligand: Path, pocket: list[str]) -> dict[str, Any]:
    """Memory and seconds of a prediction that must succeed."""
    table = ligand.with_suffix(".csv")
    command = [
        sys.executable, "-m", "binding", "predict", "-p", str(protein), "-l", str(ligand), *pocket,
        "-o", str(table), "--workers", "0", "--print", "none", "--quiet",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} exited {process.returncode}\n{said}")
    with table.open(encoding="utf-8") as stream:
        row = next(csv.DictReader(stream))
    if row["status"] != "ok":
        raise SystemExit(f"{ligand} was not scored: {row['message']}")
    return {"peak_mb": round(usage.ru_maxrss / 1024), "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1)}

"""Measures on one core, with the default weights, what a plan for many machines needs to know.

    python -m scripts.bench.cluster [--poses 1024]

Writes docs/figures/cluster.json: CPU seconds a pose (all of `binding screen`) and a record that belongs to another
shard, bytes a pose in the parts and in `results.parquet`, and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from rdkit import Chem

from binding.score.options import ScoringOptions, resolve_pocket
from binding.screening.library import Library
from binding.screening.parts import part_paths
from binding.screening.plan import ScreenPlan
from binding.screening.run import screen
from scripts.figures import FIGURES, ROOT, name_of, write_figures

EXAMPLES = ROOT / "data" / "examples"


def write_library(path: Path, poses: int) -> None:
    """Poses of the example ligands moved by tenths of an Å into one pocket, three for each title."""
    rng = np.random.default_rng(0)
    mols = [next(iter(Chem.SDMolSupplier(str(EXAMPLES / f"{name}_ligand.sdf")))) for name in ("1ia1", "1s2g")]
    centre = mols[0].GetConformer().GetPositions().mean(axis=0)
    with path.open("w", encoding="utf-8") as out:
        for number in range(poses):
            mol = Chem.Mol(mols[number % len(mols)])
            conformer = mol.GetConformer()
            positions = conformer.GetPositions()
            conformer.SetPositions(positions - positions.mean(axis=0) + centre + rng.normal(0, 0.3, 3))
            if number % 3 == 0:
                title = f"ZINC{rng.integers(10**12):012d}"  # as unlike as a catalogue's
            mol.SetProp("_Name", title)
            out.write(Chem.MolToMolBlock(mol) + "$$$$\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--poses", type=int, default=1024)
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "cluster.json")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        library, run = Path(folder, "library.sdf"), Path(folder, "run")
        write_library(library, arguments.poses)
        start = time.process_time()
        read = sum(1 for _ in Library([library]).records())
        reading = (time.process_time() - start) / read
        plan = ScreenPlan(
            library=[library],
            output=run,
            protein=EXAMPLES / "1ia1_protein.pdb.gz",
            scoring=ScoringOptions(pocket=resolve_pocket(EXAMPLES / "1ia1_ligand.sdf"), device="cpu", workers=0),
            top=0,
        )
        start = time.process_time()
        result = screen(plan)
        seconds = time.process_time() - start
        assert result.scored == arguments.poses
        parts = sum(path.stat().st_size for path in part_paths(run))
        results = (run / "results.parquet").stat().st_size
    found = {
        "poses": arguments.poses,
        "model": name_of(),
        "seconds_per_pose": seconds / arguments.poses,
        "seconds_per_record_read": reading,
        "bytes_per_pose_parts": parts / arguments.poses,
        "bytes_per_compound_results": results / (arguments.poses / 3),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "load": load,
    }
    write_figures(arguments.output, found, None)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

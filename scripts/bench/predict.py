"""Times what a user waits for, on the example complexes: start-up, reading, featurization, scoring.

    python -m scripts.bench.predict [--repeats 5] [--json out.json]

Each figure is the median of the repeats, on one thread unless OMP_NUM_THREADS is set.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.figures import ROOT

EXAMPLES = ROOT / "data" / "examples"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = {**start_up(options.repeats), **stages(options.repeats)}
    table = Table(
        "what", "ms", title=f"{platform.processor() or platform.machine()}, Python {platform.python_version()}"
    )
    for what, seconds in figures.items():
        table.add_row(what, f"{1000 * seconds:.1f}")
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def median(work: Callable[[], object], repeats: int) -> float:
    """Median wall seconds, after one call that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def start_up(repeats: int) -> dict[str, float]:
    """Fresh processes."""
    commands = {
        "python -c 'import binding'": ["-c", "import binding"],
        "binding --help": ["-m", "binding", "--help"],
    }
    return {
        name: median(partial(subprocess.run, [sys.executable, *arguments], check=True, capture_output=True), repeats)
        for name, arguments in commands.items()
    }


def stages(repeats: int) -> dict[str, float]:
    """From the file to the number, within one process."""
    from binding.graph.build import build_graph
    from binding.graph.site import select_pocket
    from binding.io.ligand import read_ligands
    from binding.io.structure import read_protein
    from binding.model.weights import load_model
    from binding.structures import Complex, Ligand

    protein_file, poses_file = EXAMPLES / "5ht1b_protein.pdb.gz", EXAMPLES / "5ht1b_poses.sdf.gz"
    protein = read_protein(protein_file)
    poses = [pose for pose in read_ligands(poses_file) if isinstance(pose, Ligand)]
    pose = poses[0]
    pocket = select_pocket(protein, pose)
    graphs = [build_graph(Complex(p.name, select_pocket(protein, p), p)) for p in poses]
    batch = (graphs * 4)[:32]
    scorer = load_model(device="cpu")
    return {
        f"read a protein ({protein.num_residues} residues)": median(lambda: read_protein(protein_file), repeats),
        f"read a ligand ({pose.num_atoms} heavy atoms)": median(lambda: list(read_ligands(poses_file)), repeats)
        / len(poses),
        f"cut a pocket ({pocket.num_residues} residues)": median(lambda: select_pocket(protein, pose), repeats),
        "build a graph": median(lambda: build_graph(Complex("x", pocket, pose)), repeats),
        "load the model": median(lambda: load_model(device="cpu"), repeats),
        "score one complex": median(lambda: scorer.score(batch[:1]), repeats),
        f"score one of a batch of {len(batch)}": median(lambda: scorer.score(batch), repeats) / len(batch),
    }


if __name__ == "__main__":
    main()

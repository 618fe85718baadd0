"""How far the fast checks of a pose agree with the package posebusters, and what they cost -> docs/figures/checks.json.

    python -m scripts.measure.checks ../shared/data/crystal --complexes 40

Each crystal complex is tested as it is, with its ligand moved by 2 Å, and with its ligand's atoms shaken by 0.3 Å, so
that the tests find something. For each test that both make: how many poses they judge alike, and how many either fails.
Seconds are CPU seconds of one process, the first pose of each (which loads what is kept) left out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase

from binding.errors import BindingError
from binding.graph.plausibility import CHECKS, plausibility, read_thresholds
from binding.graph.site import select_pocket
from binding.io.ligand import read_ligands
from binding.io.structure import read_protein
from binding.score.plausibility import by_posebusters
from binding.structures import Complex, Ligand
from scripts.figures import FIGURES, machine, write_figures

MOVED, SHAKEN = 2.0, 0.3  # Å


def poses(folder: Path, name: str) -> Iterator[tuple[str, Complex]]:
    """How it was made, and the pose, for each pose of a complex."""
    protein = read_protein(folder / name / f"{name}_pocket.pdb.gz")
    ligand = next(iter(read_ligands(folder / name / f"{name}_ligand.sdf.gz")))
    if not isinstance(ligand, Ligand):
        raise ligand.error
    rng = np.random.default_rng(abs(hash_of(name)))
    direction = rng.normal(size=3)
    for how, positions in (
        ("crystal", ligand.positions),
        ("moved", ligand.positions + MOVED * direction / np.linalg.norm(direction)),
        ("shaken", ligand.positions + rng.normal(0, SHAKEN, ligand.positions.shape)),
    ):
        posed = moved(ligand, positions)
        yield how, Complex(name, select_pocket(protein, posed), posed)


def hash_of(name: str) -> int:
    """A seed that is the same in every process."""
    return int.from_bytes(name.encode(), "little")


def moved(ligand: Ligand, positions: np.ndarray) -> Ligand:
    """The ligand at these positions, Å."""
    mol = Chem.Mol(ligand.mol)
    mol.GetConformer().SetPositions(np.asarray(positions, dtype=float))
    return Ligand(ligand.name, mol, np.asarray(positions, dtype=ligand.positions.dtype))


def timed(check: Callable[[Complex], dict[str, bool | None]], cx: Complex) -> tuple[dict[str, bool | None], float]:
    """What a check finds, and its CPU seconds."""
    begun = time.process_time()
    return check(cx), time.process_time() - begun


def measure(folder: Path, ids: list[str]) -> dict[str, Any]:
    """The figures."""
    limits = read_thresholds()
    alike, ours, theirs = (dict.fromkeys(CHECKS, 0) for _ in range(3))
    count, failed = dict.fromkeys(CHECKS, 0), dict.fromkeys(("crystal", "moved", "shaken"), 0)
    seconds: dict[str, list[float]] = {"fast": [], "posebusters": []}
    used = 0
    for name in ids:
        try:
            made = list(poses(folder, name))
        except BindingError as error:
            print(f"{name}: {error.code}")
            continue
        used += 1
        for how, cx in made:
            fast, took = timed(lambda cx: dict(plausibility(cx, limits)), cx)
            package, took_too = timed(lambda cx: by_posebusters(cx, limits), cx)
            seconds["fast"].append(took)
            seconds["posebusters"].append(took_too)
            failed[how] += not all(fast.values())
            for test in CHECKS:
                if package.get(test) is None:
                    continue
                count[test] += 1
                alike[test] += fast[test] == package[test]
                ours[test] += not fast[test]
                theirs[test] += not package[test]
    tests = {
        test: {"poses": count[test], "alike": alike[test], "fails_fast": ours[test], "fails_package": theirs[test]}
        for test in CHECKS
    }
    return {
        "complexes": used,
        "poses": len(seconds["fast"]),
        "tests": tests,
        "implausible": failed,
        "milliseconds": {kind: 1000 * float(np.mean(found[1:])) for kind, found in seconds.items()},
        "machine": machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crystal", type=Path, help="complexes in PDBbind layout with an index.csv")
    parser.add_argument("--complexes", type=int, default=40, help="how many, evenly spread over the sorted ids")
    parser.add_argument("--output", type=Path, default=FIGURES / "checks.json")
    options = parser.parse_args()
    ids = sorted(pd.read_csv(options.crystal / "index.csv", dtype={"id": str})["id"])
    spread = np.linspace(0, len(ids) - 1, min(options.complexes, len(ids))).round().astype(int)
    with rdBase.BlockLogs():
        found = measure(options.crystal, [ids[place] for place in spread])
    for test, row in found["tests"].items():
        print(f"{test}: {row['alike']} of {row['poses']} alike; fails {row['fails_fast']}, {row['fails_package']}")
    print(found["milliseconds"], found["implausible"])
    write_figures(options.output, found)


if __name__ == "__main__":
    main()

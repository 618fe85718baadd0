"""Docks a sample of an unposed screening set by `binding screen --dock`, for scripts/measure_screening.py --docked.

    python scripts/dock_screening_set.py ../shared/data/screening/dude__inha docked/dude__inha

The folder holds ``receptor.pdb``, ``crystal_ligand.sdf`` and ``compounds.csv`` (``id``, ``smiles``, ``label``, 1 for
actives). All actives are docked and, for each of them, so many inactives drawn by a fixed seed, in random order. The
output is a run folder, with the sample beside it: the same command goes on with it after a stop.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pandas as pd

SEED = 0


def sample(compounds: pd.DataFrame, per_active: int) -> pd.DataFrame:
    """All actives and ``per_active`` times as many inactives, in random order; the same rows each time."""
    active = compounds["label"] == 1
    wanted = min(per_active * int(active.sum()), int((~active).sum()))
    drawn = compounds[~active].sample(wanted, random_state=SEED)
    return pd.concat([compounds[active], drawn]).sample(frac=1, random_state=SEED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path, help="folder of the run; the sample goes to OUTPUT.csv")
    parser.add_argument("--per-active", type=int, default=8, help="inactives docked for each active")
    parser.add_argument("--exhaustiveness", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    compounds = pd.read_csv(options.folder / "compounds.csv", dtype={"id": str})
    library = options.output.with_name(f"{options.output.name}.csv")
    library.parent.mkdir(parents=True, exist_ok=True)
    sample(compounds, options.per_active)[["id", "smiles"]].to_csv(library, index=False)
    command = [
        "screen", "-p", str(options.folder / "receptor.pdb"), "--dock",
        "--pocket-ligand", str(options.folder / "crystal_ligand.sdf"), "--exhaustiveness", str(options.exhaustiveness),
        "-l", str(library), "-o", str(options.output), "--workers", str(options.workers),
    ]  # fmt: skip
    sys.exit(subprocess.run([sys.executable, "-m", "binding", *command], check=False).returncode)


if __name__ == "__main__":
    main()

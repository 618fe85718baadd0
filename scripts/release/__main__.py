"""The caches that the released weights are trained from, in one command -> cache/.

    python -m scripts.release ../shared/data
    python -m scripts.release strict base --jobs 2

Poses the ligands and series that have no pose in their protein, says how near each row is to the test sets and which
proteins are related, docks crystal ligands back for poses that are wrong and into pockets of other families where they
should not bind, and prepares `crystal`, `modelled`, both posed sets, `docked` and `crossed`; last the two priors, which
take a quarter of an hour and 4 GB of memory each. A step that was stopped goes on; posing takes about an hour and a
half of one core, docking an hour.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pandas as pd

from scripts.figures import ROOT
from scripts.release.prior_tables import CACHES

LEAKS = Path("cache") / "leak_columns.csv"
WORK = Path("cache") / "posed"
DECOYS = Path("cache") / "posed_decoys"
CROSSED = Path("cache") / "posed_crossed"


def run(*command: str) -> None:
    """A Python command at the root of the repository that must succeed."""
    print("python", *command, flush=True)
    done = subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode
    if done not in (0, 3):  # 3: some rows were rejected, and are listed
        raise SystemExit(done)


def join_leaks(data: Path, what: str) -> Path:
    """The index of a folder of the data with the columns of scripts.release.leaks."""
    leaks = pd.read_csv(ROOT / LEAKS, dtype=str)
    index = pd.read_csv(data / what / "index.csv", dtype=str, keep_default_na=False)
    joined = index.merge(
        leaks[leaks["source"] == what].drop(columns="source"), on="id", how="left", validate="one_to_one"
    )
    if joined["casf_pair"].isna().any():
        raise SystemExit(f"{LEAKS} lacks rows of {what}; remove it, and it is made anew")
    path = Path("cache") / f"{what}_index.csv"
    joined.to_csv(ROOT / path, index=False)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="evaluation data folder")
    data = parser.parse_args().data.resolve()
    for what in ("ligands", "congeneric"):
        run("scripts.release.posed", what, str(data), str(WORK))
    run("scripts.release.leaks", str(data), str(WORK), "-o", str(LEAKS))
    run("scripts.release.posed", "collect", str(data), str(WORK), "--leaks", str(LEAKS))
    for what in ("crystal", "modelled"):
        index = str(join_leaks(data, what))
        run("-m", "binding", "prepare", str(data / what), "--index", index, "-o", f"cache/{what}.npz")
    for what in ("ligands", "congeneric"):
        run("-m", "binding", "prepare", str(WORK / what), "-o", f"cache/posed_{what}.npz")
    run("scripts.release.decoys", "dock", str(data), str(DECOYS))
    run("scripts.release.decoys", "collect", str(data), str(DECOYS), "--index", "cache/crystal_index.csv")
    run("-m", "binding", "prepare", str(DECOYS), "-o", "cache/docked.npz")
    run("scripts.release.prior_tables", str(data), str(WORK))
    crystal = ("--index", "cache/crystal_index.csv")
    run("scripts.release.crossed", "dock", str(data), str(CROSSED), *crystal, "--priors", "cache/prior_base.csv")
    run("scripts.release.crossed", "collect", str(data), str(CROSSED), *crystal)
    run("-m", "binding", "prepare", str(CROSSED), "-o", "cache/crossed.npz")
    for name in ("base", "strict"):  # what validation.column and validation.folds of configs/train say
        rule = ("--column", "protein_cluster", "--folds", "10")
        sites = [option for cache in CACHES for option in ("--sites", f"cache/{cache}.npz")]
        run("-m", "binding", "prior", f"cache/prior_{name}.csv", "-o", f"cache/prior_{name}.npz", *rule, *sites)


if __name__ == "__main__":
    main()

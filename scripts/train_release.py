"""Trains the networks of the released weights.

    python scripts/train_release.py strict base --jobs 2
    python scripts/release_weights.py ...                  the commands that this prints at its end

Seed ``k`` holds out fold ``k mod 10`` of the protein families. No row is held out by all networks of a set, and so
``--ensembles`` trains more that hold out what the first ones do (seeds 10, 20, 11 ...): how much less their means err
than they do is what narrows the released intervals. A run that was stopped goes on, a finished one is left alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Set of weights, whose settings are in configs/train/ -> its networks.
SEEDS = {"strict": 5, "base": 3}
FOLDS = 10  # validation.folds of the settings
#: Of the first set: seeds that hold out the same families, for ensembles whose networks have all not seen them.
ENSEMBLES = ("strict", ((0, 10, 20), (1, 11, 21), (2, 12, 22)))


def train(arm: str, seed: int, threads: int) -> int:
    """One run; its output goes to ``runs/<arm>-<seed>.log``."""
    output = ROOT / "runs" / f"{arm}-{seed}"
    if (output / "model.safetensors").is_file():
        return 0
    command = [sys.executable, "-m", "binding", "train", f"configs/train/{arm}.yaml", "-o", str(output), "--quiet"]
    for setting in (f"seed={seed}", f"validation.fold={seed % FOLDS}", f"threads={threads}"):
        command += ["--set", setting]
    output.parent.mkdir(exist_ok=True)
    with output.with_suffix(".log").open("a") as log:
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, env=environment, check=False).returncode
    print(f"{output.name}: {'done' if code == 0 else f'exit {code}, see {log.name}'}", flush=True)
    return code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "sets", nargs="*", default=list(SEEDS), metavar="SET", help=f"of {', '.join(SEEDS)}; default all"
    )
    parser.add_argument("--ensembles", action="store_true", help="also networks that hold out the same families")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each")
    args = parser.parse_args()
    if unknown := set(args.sets) - set(SEEDS):
        parser.error(f"there is no set {', '.join(sorted(unknown))}")
    asked = [(arm, seed) for arm in args.sets for seed in range(SEEDS[arm])]
    together = ""
    if args.ensembles:
        arm, ensembles = ENSEMBLES
        asked += [(arm, seed) for seeds in ensembles for seed in seeds if (arm, seed) not in asked]
        together = "".join(
            f" \\\n    --together {' '.join(f'runs/{arm}-{seed}' for seed in seeds)}" for seeds in ensembles
        )
    with ThreadPoolExecutor(args.jobs) as pool:
        codes = list(pool.map(lambda job: train(job[0], job[1], args.threads), asked))
    if any(codes):
        raise SystemExit(1)
    for name in args.sets:
        runs = " ".join(f"runs/{name}-{seed}" for seed in range(SEEDS[name]))
        command = f"python scripts/release_weights.py --name binding-{name} --runs {runs}"
        print(f"{command}{together} \\\n    --test ../shared/data/casf2016")


if __name__ == "__main__":
    main()

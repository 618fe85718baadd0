"""Trains the networks of the released weights.

    python scripts/train_release.py strict base --jobs 2
    python scripts/mix_prior.py ...                        the commands that this prints at its end
    python scripts/release_weights.py ...

Seed ``k`` holds out fold ``k`` of the protein families. A run that was stopped goes on, a finished one is left alone.
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


def train(arm: str, seed: int, threads: int) -> int:
    """One run; its output goes to ``runs/<arm>-<seed>.log``."""
    output = ROOT / "runs" / f"{arm}-{seed}"
    if (output / "model.safetensors").is_file():
        return 0
    command = [sys.executable, "-m", "binding", "train", f"configs/train/{arm}.yaml", "-o", str(output), "--quiet"]
    for setting in (f"seed={seed}", f"validation.fold={seed}", f"threads={threads}"):
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
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each")
    args = parser.parse_args()
    if unknown := set(args.sets) - set(SEEDS):
        parser.error(f"there is no set {', '.join(sorted(unknown))}")
    asked = [(arm, seed) for arm in args.sets for seed in range(SEEDS[arm])]
    with ThreadPoolExecutor(args.jobs) as pool:
        codes = list(pool.map(lambda job: train(job[0], job[1], args.threads), asked))
    if any(codes):
        raise SystemExit(1)
    for name in args.sets:
        runs = [f"{name}-{seed}" for seed in range(SEEDS[name])]
        print(
            f"python scripts/mix_prior.py --prior cache/prior_{name}.npz --stack docs/figures/stack.json \\\n"
            f"    -o runs/mixed --runs {' '.join(f'runs/{run}' for run in runs)}\n"
            f"python scripts/release_weights.py --name binding-{name} --test ../shared/data/casf2016 \\\n"
            f"    --narrowing docs/figures/narrowing.json --pose docs/figures/pose.json \\\n"
            f"    --runs {' '.join(f'runs/mixed/{run}' for run in runs)}"
        )


if __name__ == "__main__":
    main()

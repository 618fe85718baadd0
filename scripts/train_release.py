"""Trains the runs that the released weights and their ablation need.

    python scripts/train_release.py strict base --jobs 2      the networks of both sets of weights
    python scripts/train_release.py --jobs 2                  and three seeds of each other arm
    python scripts/release_weights.py ...                     the commands that this prints at its end

Seed ``k`` holds out fold ``k`` of the proteins, the same for every arm. A run that was stopped goes on, a
finished one is left alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Arm -> its settings file in configs/train/, and settings that differ from it.
ARMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "strict": ("strict", ()),
    "base": ("base", ()),
    "no_angles": ("strict", ("model.angles=false",)),
    "no_protein": ("strict", ("model.protein=false",)),
    "strict_posed": ("strict_posed", ()),
}
RELEASED = ("strict", "base")
SEEDS = {"strict": range(5), "base": range(4), "no_angles": range(3), "no_protein": range(3), "strict_posed": range(3)}
TITLES = {
    "no_angles": "without angles",
    "no_protein": "without the protein",
    "strict_posed": "smaller, half the epochs, with posed sets and pair loss",
}


def train(arm: str, seed: int, threads: int) -> int:
    """One run; its output goes to ``runs/<arm>-<seed>.log``."""
    output = ROOT / "runs" / f"{arm}-{seed}"
    if (output / "model.safetensors").is_file():
        return 0
    file, settings = ARMS[arm]
    command = [sys.executable, "-m", "binding", "train", f"configs/train/{file}.yaml", "-o", str(output), "--quiet"]
    for setting in (*settings, f"seed={seed}", f"validation.fold={seed}", f"threads={threads}"):
        command += ["--set", setting]
    output.parent.mkdir(exist_ok=True)
    with output.with_suffix(".log").open("a") as log:
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, env=environment, check=False).returncode
    print(f"{output.name}: {'done' if code == 0 else f'exit {code}, see {log.name}'}", flush=True)
    return code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arms", nargs="*", default=list(ARMS), metavar="ARM", help=f"of {', '.join(ARMS)}; default all")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each")
    args = parser.parse_args()
    if unknown := set(args.arms) - set(ARMS):
        parser.error(f"there is no arm {', '.join(sorted(unknown))}")
    asked = [(arm, seed) for arm in args.arms for seed in SEEDS[arm]]
    with ThreadPoolExecutor(args.jobs) as pool:
        codes = list(pool.map(lambda job: train(*job, args.threads), asked))
    if any(codes):
        raise SystemExit(1)
    runs = {arm: " ".join(f"runs/{arm}-{seed}" for seed in SEEDS[arm]) for arm in args.arms}
    for name in (arm for arm in args.arms if arm in RELEASED):
        ablation = [a for a in args.arms if name == "strict" and a in TITLES]
        lines = [f"python scripts/release_weights.py --name binding-{name} --runs {runs[name]}"]
        lines += [f'    --ablation "{TITLES[arm]}" {runs[arm]}' for arm in ablation]
        print(" \\\n".join([*lines, "    --test ../shared/data/casf2016"]))


if __name__ == "__main__":
    main()

"""Trains the runs that the released weights and their ablation need.

    python scripts/train_release.py strict_first strict base  the networks of both sets of weights
    python scripts/train_release.py --jobs 2                  and three seeds of each other arm
    python scripts/release_weights.py ...                     the commands that this prints at its end

Seed ``k`` holds out fold ``k`` of the proteins, the same for every arm. A run that was stopped goes on, a
finished one is left alone. ``strict`` starts from the finished runs of ``strict_first``.
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
    "strict_first": ("strict_first", ()),
    "strict": ("strict", ("init=runs/strict_first-{seed}",)),
    "base": ("base", ()),
    "no_angles": ("strict_first", ("model.angles=false",)),
    "no_protein": ("strict_first", ("model.protein=false",)),
    "strict_posed": ("strict_posed", ()),
}
SEEDS = {"strict_first": 5, "strict": 5, "base": 3, "no_angles": 3, "no_protein": 3, "strict_posed": 3}
RELEASED = ("strict", "base")
#: The arms of the card's ablation, beside the released networks.
TITLES = {
    "strict_first": "first stage alone",
    "no_angles": "first stage, without angles",
    "no_protein": "first stage, without the protein",
    "strict_posed": "smaller, in one stage of three epochs",
}


def train(arm: str, seed: int, threads: int) -> int:
    """One run; its output goes to ``runs/<arm>-<seed>.log``."""
    output = ROOT / "runs" / f"{arm}-{seed}"
    if (output / "model.safetensors").is_file():
        return 0
    file, settings = ARMS[arm]
    command = [sys.executable, "-m", "binding", "train", f"configs/train/{file}.yaml", "-o", str(output), "--quiet"]
    for setting in (
        *(s.format(seed=seed) for s in settings),
        f"seed={seed}",
        f"validation.fold={seed}",
        f"threads={threads}",
    ):
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
    asked = [(arm, seed) for arm in args.arms for seed in range(SEEDS[arm])]
    with ThreadPoolExecutor(args.jobs) as pool:
        codes = list(pool.map(lambda job: train(*job, args.threads), asked))
    if any(codes):
        raise SystemExit(1)
    runs = {arm: " ".join(f"runs/{arm}-{seed}" for seed in range(SEEDS[arm])) for arm in args.arms}
    for name in (arm for arm in args.arms if arm in RELEASED):
        ablation = [a for a in args.arms if name == "strict" and a in TITLES]
        lines = [f"python scripts/release_weights.py --name binding-{name} --runs {runs[name]}"]
        lines += [f'    --ablation "{TITLES[arm]}" {" ".join(runs[arm].split()[:3])}' for arm in ablation]
        print(" \\\n".join([*lines, "    --test ../shared/data/casf2016"]))


if __name__ == "__main__":
    main()

"""Trains every run that the released weights and their ablation need: five members, three seeds of each other arm.

    python scripts/train_release.py --jobs 2
    python scripts/release_weights.py ...        # the command that this prints at its end

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
#: Arm -> settings that differ from configs/train/strict.yaml.
ARMS: dict[str, tuple[str, ...]] = {
    "strict": (),
    "no_angles": ("model.angles=false",),
    "no_protein": ("model.protein=false",),
}
SEEDS = {"strict": range(5), "no_angles": range(3), "no_protein": range(3)}
TITLES = {"no_angles": "without angles", "no_protein": "without the protein"}


def train(arm: str, seed: int, threads: int) -> int:
    """One run; its output goes to ``runs/<arm>-<seed>.log``."""
    output = ROOT / "runs" / f"{arm}-{seed}"
    if (output / "model.safetensors").is_file():
        return 0
    settings = (*ARMS[arm], f"seed={seed}", f"validation.fold={seed}", f"threads={threads}")
    command = [sys.executable, "-m", "binding", "train", "configs/train/strict.yaml", "-o", str(output), "--quiet"]
    for setting in settings:
        command += ["--set", setting]
    output.parent.mkdir(exist_ok=True)
    with output.with_suffix(".log").open("a") as log:
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, env=environment, check=False).returncode
    print(f"{output.name}: {'done' if code == 0 else f'exit {code}, see {log.name}'}", flush=True)
    return code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each")
    args = parser.parse_args()
    with ThreadPoolExecutor(args.jobs) as pool:
        codes = list(
            pool.map(lambda job: train(*job, args.threads), [(arm, seed) for arm in ARMS for seed in SEEDS[arm]])
        )
    if any(codes):
        raise SystemExit(1)
    runs = {arm: " ".join(f"runs/{arm}-{seed}" for seed in SEEDS[arm]) for arm in ARMS}
    print(f"python scripts/release_weights.py --name binding-strict --runs {runs['strict']} \\")
    for arm, title in TITLES.items():
        print(f'    --ablation "{title}" {runs[arm]} \\')
    print("    --test ../shared/data/casf2016")


if __name__ == "__main__":
    main()

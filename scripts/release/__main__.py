"""A release in one command: from the data folder to caches, weights, their cards and the figures.

    python -m scripts.release ../shared/data --dry-run       what would be done, and what is done already
    python -m scripts.release ../shared/data
    python -m scripts.release ../shared/data --only caches docked

Caches are written to cache/, runs to runs/, weights to binding/weights/, figures to docs/figures/. A step is done when
its commands have ended well since the step before it; a release that was stopped is resumed there. All runs on one
core, and no GPU is needed: laying ligands into pockets and docking take hours, all else some minutes each.

What makes `pk` is fitted in closed form: the prior (`priors`, `activity`) and the geometry expert (`geometry`), joined
by complexes that both held out. The network judges poses alone. For each set of weights there are networks without each
fold of the protein families (`networks`); what makes `pose` (`pose`) and `binder` (`binder`) probabilities is fitted to
what these say of poses in the families that they have not seen. The test set is read by the card's figures (`geometry`)
and the last step alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.figures import ROOT
from scripts.release.geometry import STRICT
from scripts.release.pose_networks import VARIANTS
from scripts.release.prior_tables import CACHES

CACHE = Path("cache")
MARKS = CACHE / "release"
WORK, DECOYS, SCREENS = CACHE / "posed", CACHE / "posed_decoys", CACHE / "small_screens"
NAMES = (STRICT, "binding-base")
SOME_REJECTED = 3  # exit code of `binding prepare` and `binding prior`: rows were rejected, and are listed
FAMILIES = ("--column", "protein_cluster", "--folds", "10")  # of the prior's held-out predictions, for scripts.measure


@dataclass(frozen=True)
class Command:
    """A Python command of a step.

    Attributes:
        arguments: What follows ``python``.
    """

    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(("python", *self.arguments))


@dataclass(frozen=True)
class Step:
    """A part of the release.

    Attributes:
        name: As --only takes it.
        what: What it makes.
        commands: In order.
    """

    name: str
    what: str
    commands: tuple[Command, ...]

    @property
    def mark(self) -> Path:
        """Written when all commands have ended well; holds them."""
        return ROOT / MARKS / f"{self.name}.json"

    def text(self) -> str:
        """The commands as they are kept in the mark."""
        return json.dumps([str(command) for command in self.commands], indent=0)

    def is_done(self, since: float) -> bool:
        """Whether these very commands ended well after a time, in seconds of the clock."""
        return (
            self.mark.is_file()
            and self.mark.read_text(encoding="utf-8") == self.text()
            and self.mark.stat().st_mtime >= since
        )


def program(name: str, *arguments: object) -> Command:
    """One of scripts/."""
    return Command(("-m", f"scripts.{name}", *map(str, arguments)))


def binding(*arguments: object) -> Command:
    """The command line of the package."""
    return Command(("-m", "binding", *map(str, arguments)))


def data_steps(data: Path) -> Iterator[Step]:
    """From the data folder to caches and priors."""
    yield Step(
        "poses",
        "ligands and series laid into the pockets of their proteins",
        (program("release.posed", "ligands", data, WORK), program("release.posed", "congeneric", data, WORK)),
    )
    leaks = CACHE / "leak_columns.csv"
    yield Step(
        "leaks",
        "how near each row is to the test sets, and families of related proteins",
        (
            program("release.leaks", data, WORK, "-o", leaks, "--indices", CACHE),
            program("release.posed", "collect", data, WORK, "--leaks", leaks),
        ),
    )
    prepared = [
        binding("prepare", data / name, "--index", CACHE / f"{name}_index.csv", "-o", CACHE / f"{name}.npz")
        for name in ("crystal", "borrowed", "modelled")
    ]
    prepared += [
        binding("prepare", WORK / name, "-o", CACHE / f"posed_{name}.npz") for name in ("ligands", "congeneric")
    ]
    yield Step("caches", "complexes as they are fitted to", tuple(prepared))
    yield Step("tables", "all measured ligands, for the priors", (program("release.prior_tables", data, WORK),))
    sites = [option for cache in CACHES for option in ("--sites", CACHE / f"{cache}.npz")]
    yield Step(
        "priors",
        "regressions on all measured ligands; a quarter of an hour and 4 GB of memory each",
        tuple(
            binding("prior", CACHE / f"prior_{name}.csv", "-o", CACHE / f"prior_{name}.npz", *FAMILIES, *sites)
            for name in ("base", "strict")
        ),
    )


def network_steps(data: Path) -> Iterator[Step]:
    """From crystal complexes to networks that judge poses."""
    yield Step("families", "families of the crystal complexes, and their folds", (program("release.families", data),))
    columns = ("--index", CACHE / "crystal_index.csv", "--folds", CACHE / "crystal_folds.csv")
    yield Step(
        "docked",
        "crystal ligands docked back: right and wrong poses",
        (
            program("release.decoys", "dock", data, DECOYS),
            program("release.decoys", "collect", data, DECOYS, *columns),
            binding("prepare", DECOYS, "-o", CACHE / "docked.npz"),
        ),
    )
    yield Step(
        "networks",
        "networks without each fold of families, some of other settings to compare with, and those that are shipped",
        (program("release.pose_networks", "--train-only", "--names", *NAMES, "--variants", *sorted(VARIANTS)),),
    )


def release_steps(data: Path, test: Path, weights: Path) -> Iterator[Step]:
    """From priors and networks to weights and figures."""
    to = ("--names", *NAMES, "--weights", weights)
    yield Step("weights", "prior and network in one file", (program("release.weights", *to),))
    yield Step(
        "pose",
        "tables of native contacts, and `pose` as a probability",
        (program("release.pose_odds", data, *to),),
    )
    yield Step(
        "activity",
        "measurements without a structure, taught to the priors of the weights",
        (program("release.prior_activity", data, *to),),
    )
    yield Step(
        "geometry",
        "the geometry expert, how pk is joined and what its error is, and the cards",
        (program("release.geometry", data, *to, "--test", test),),
    )
    made = [weights / f"{name}.safetensors" for name in NAMES]
    yield Step(
        "binder",
        "`binder`, from small screens that are docked for it",
        (
            program("release.small_screens", "dock", data, SCREENS),
            program("release.binder", data, SCREENS, "--models", *made),
        ),
    )
    yield Step(
        "figures",
        "the final figures, pictures and tables",
        (program("measure", test, "--data", data), program("tables.pictures"), program("tables")),
    )


def carry_out(command: Command, threads: int) -> bool:
    """Whether a command ended well."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    print(command, flush=True)
    line = [sys.executable, *command.arguments]
    code = subprocess.run(line, cwd=ROOT, env=environment, check=False).returncode
    if code not in (0, SOME_REJECTED):
        print(f"exit code {code}: {command}", file=sys.stderr)
    return code in (0, SOME_REJECTED)


def take(step: Step, threads: int) -> None:
    """Carries out a step and leaves its mark.

    Raises:
        SystemExit: One of its commands failed.
    """
    for command in step.commands:
        if not carry_out(command, threads):
            raise SystemExit(1)
    step.mark.parent.mkdir(parents=True, exist_ok=True)
    step.mark.write_text(step.text(), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.release", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with crystal/, borrowed/, modelled/, congeneric/ and ligands/")
    parser.add_argument("--test", type=Path, help="test set of the cards; DATA/casf2016 by default")
    parser.add_argument("--weights", type=Path, default=ROOT / "binding" / "weights", help="where the weights go")
    parser.add_argument("--only", nargs="+", metavar="STEP", help="carry out these steps, done or not")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each command")
    parser.add_argument("--dry-run", action="store_true", help="print the steps and their commands, and do nothing")
    options = parser.parse_args()
    data = options.data.resolve()
    test = (options.test or data / "casf2016").resolve()
    steps = [*data_steps(data), *network_steps(data), *release_steps(data, test, options.weights.resolve())]
    if unknown := set(options.only or ()) - {step.name for step in steps}:
        parser.error(f"there is no step {', '.join(sorted(unknown))}; there are {', '.join(s.name for s in steps)}")
    since = 0.0
    for number, step in enumerate(steps, 1):
        asked = step.name in options.only if options.only else not step.is_done(since)
        if asked or not options.only:
            print(f"{number:2d}/{len(steps)} {step.name}: {step.what}{'' if asked else ' (done)'}", flush=True)
        if asked and options.dry_run:
            print("\n".join(f"      {command}" for command in step.commands))
            since = float("inf") if not options.only else since  # what follows is made from it
        elif asked:
            take(step, options.threads)
        if step.mark.is_file() and since != float("inf"):
            since = step.mark.stat().st_mtime


if __name__ == "__main__":
    main()

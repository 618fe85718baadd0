"""A release in one command: from the data folder to caches, networks, weights, their cards and the figures.

    python -m scripts.release ../shared/data --dry-run       what would be done, and what is done already
    python -m scripts.release ../shared/data --jobs 2
    python -m scripts.release ../shared/data --only caches docked

Caches are written to cache/, runs to runs/, weights to binding/weights/, figures to docs/figures/. A step is done when
its commands have ended well since the step before it; a release that was stopped is resumed there. On one core, posing
and docking take hours and training takes days: a GPU is used for training where there is one.

Networks: seed ``k`` of a set holds out fold ``k`` of the protein families. `rows-0` has the settings of `base` but
holds out random rows, so that nearly all of their families are known: it shows what a known family is worth, and is not
shipped. What joins networks and prior (`stack`) is fitted to rows that the networks held out, and what makes `pose` a
probability (`pose`) to docked poses in proteins that they have not seen; what joins the prior and the geometry in pk
(`geometry`), to rows that these held out. Measurements
without a structure (`activity`) are taught to the priors after the networks are joined with them, which have no weight
in pk. The test set is read by the last two steps alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from scripts.figures import ROOT
from scripts.release.prior_tables import CACHES

CACHE, RUNS, FIGURES = Path("cache"), Path("runs"), Path("docs/figures")
MARKS = CACHE / "release"
WORK, DECOYS, CROSSED = CACHE / "posed", CACHE / "posed_decoys", CACHE / "posed_crossed"
SCREENS = CACHE / "small_screens"
CRYSTAL_INDEX = CACHE / "crystal_index.csv"
#: Set of weights, whose settings are in configs/train/ -> its networks.
SEEDS = {"strict": 5, "base": 3}
SOME_REJECTED = 3  # exit code of `binding prepare` and `binding prior`: rows were rejected, and are listed
FAMILIES = ("--column", "protein_cluster", "--folds", "10")  # as configs/train/ hold out
ROWS = ("--column", "id", "--folds", "5")
ROWS_SETTINGS = ("validation.column=id", "validation.folds=5")


@dataclass(frozen=True)
class Command:
    """A Python command of a step.

    Attributes:
        arguments: What follows ``python``.
        makes: A file; where it is newer than the step before, the command has nothing left to do.
        log: Where its output goes; None is the terminal.
    """

    arguments: tuple[str, ...]
    makes: Path | None = None
    log: Path | None = None

    def __str__(self) -> str:
        return shlex.join(("python", *self.arguments))


@dataclass(frozen=True)
class Step:
    """A part of the release.

    Attributes:
        name: As --only takes it.
        what: What it makes.
        commands: In order.
        side_by_side: Whether several may run at a time.
    """

    name: str
    what: str
    commands: tuple[Command, ...]
    side_by_side: bool = False

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
    yield Step(
        "caches",
        "complexes as the networks read them",
        tuple(prepared),
    )
    crystal = ("--index", CRYSTAL_INDEX)
    yield Step(
        "docked",
        "crystal ligands docked back: wrong poses of low energy",
        (
            program("release.decoys", "dock", data, DECOYS),
            program("release.decoys", "collect", data, DECOYS, *crystal),
            binding("prepare", DECOYS, "-o", CACHE / "docked.npz"),
        ),
    )
    yield Step("tables", "all measured ligands, for the priors", (program("release.prior_tables", data, WORK),))
    yield Step(
        "crossed",
        "crystal ligands docked into pockets of other families",
        (
            program("release.crossed", "dock", data, CROSSED, *crystal, "--priors", CACHE / "prior_base.csv"),
            program("release.crossed", "collect", data, CROSSED, *crystal),
            binding("prepare", CROSSED, "-o", CACHE / "crossed.npz"),
        ),
    )
    sites = [option for cache in CACHES for option in ("--sites", CACHE / f"{cache}.npz")]
    priors = (("base", "base", FAMILIES), ("strict", "strict", FAMILIES), ("base", "rows", ROWS))
    yield Step(
        "priors",
        "regressions on all measured ligands; a quarter of an hour and 4 GB of memory each",
        tuple(
            binding("prior", CACHE / f"prior_{table}.csv", "-o", CACHE / f"prior_{name}.npz", *rule, *sites)
            for table, name, rule in priors
        ),
    )


def networks() -> Iterator[tuple[str, str, int, tuple[str, ...]]]:
    """Name of each run, its settings file, its seed and fold, and other settings."""
    for arm, seeds in SEEDS.items():
        for seed in range(seeds):
            yield f"{arm}-{seed}", arm, seed, ()
    yield "rows-0", "base", 0, ROWS_SETTINGS


def training_steps(threads: int, settings: Sequence[str]) -> Iterator[Step]:
    """From caches to runs, each of one network joined with its prior."""
    trainings = []
    for name, arm, seed, others in networks():
        output = RUNS / name
        asked = (f"seed={seed}", f"validation.fold={seed}", f"threads={threads}", *others, *settings)
        options = [option for setting in asked for option in ("--set", setting)]
        train = binding("train", f"configs/train/{arm}.yaml", "-o", output, "--quiet", *options)
        log = output.with_suffix(".log")
        trainings.append(Command(train.arguments, ROOT / output / "model.safetensors", ROOT / log))
    yield Step("train", "the networks; their output goes to runs/NAME.log", tuple(trainings), side_by_side=True)

    def joined(folder: Path, *options: object) -> list[Command]:
        of = {prior: ("--prior", CACHE / f"prior_{prior}.npz", "--runs", *runs) for prior, runs in by_prior().items()}
        return [program("release.stack", "join", *options, *of[prior], "-o", folder) for prior in of]

    groups: list[object] = []
    for names in held_out_alike():
        groups += ["--runs", *(RUNS / "half" / name for name in names), "--without", *(RUNS / name for name in names)]
    yield Step(
        "stack",
        "weights of prior and network in pk, from rows that both held out",
        (
            *joined(RUNS / "half"),
            program("release.stack", "fit", *groups),
            *joined(RUNS / "mixed", "--stack", FIGURES / "stack.json"),
        ),
    )


def by_prior() -> dict[str, list[Path]]:
    """The runs that are joined with each prior."""
    return {prior: [RUNS / name for name, *_ in networks() if name.startswith(prior)] for prior in (*SEEDS, "rows")}


def held_out_alike() -> list[list[str]]:
    """Names of runs that held out the same rows of crystal complexes; the random rows last."""
    most = max(SEEDS.values())
    return [[f"{arm}-{seed}" for arm in sorted(SEEDS) if seed < SEEDS[arm]] for seed in range(most)] + [["rows-0"]]


def release_steps(data: Path, test: Path, weights: Path) -> Iterator[Step]:
    """From runs to weights and figures."""
    mixed = RUNS / "mixed"
    commands = []
    for arm, seeds in SEEDS.items():
        runs = [mixed / f"{arm}-{seed}" for seed in range(seeds)]
        commands.append(program("release.weights", "--name", f"binding-{arm}", "--runs", *runs, "--output", weights))
    yield Step("weights", "networks and prior of each set of weights in one file", tuple(commands))
    names = [f"binding-{arm}" for arm in SEEDS]
    yield Step(
        "pose",
        "tables of native contacts, and `pose` as a probability",
        (program("release.pose_odds", data, "--names", *names, "--weights", weights),),
    )
    yield Step(
        "activity",
        "measurements without a structure, taught to the priors of the weights",
        (program("release.prior_activity", data, "--names", *names, "--weights", weights),),
    )
    yield Step(
        "geometry",
        "the geometry expert, how pk is joined and what its error is, and the cards",
        (program("release.geometry", data, "--names", *names, "--weights", weights, "--test", test),),
    )
    made = [weights / f"{name}.safetensors" for name in names]
    yield Step(
        "binder",
        "`binder`, from small screens that are docked for it",
        (
            program("release.small_screens", "dock", data, SCREENS, "--cache", CACHE / "crystal.npz"),
            program("release.binder", data, SCREENS, "--models", *made),
        ),
    )
    yield Step(
        "figures",
        "the final figures, pictures and tables",
        (program("measure", test, "--data", data, "--runs", RUNS), program("tables.pictures"), program("tables")),
    )


def carry_out(command: Command, since: float, threads: int) -> bool:
    """Whether a command ended well; what it makes is left alone where it is newer than the step before.

    Raises:
        SystemExit: What it makes is there, and older than the step before.
    """
    if command.makes is not None and command.makes.is_file():
        if command.makes.stat().st_mtime >= since:
            return True
        raise SystemExit(f"{command.makes.parent} is older than what it is made from: move it away.")
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    print(command, flush=True)
    with ExitStack() as stack:
        log = None
        if command.log is not None:
            command.log.parent.mkdir(parents=True, exist_ok=True)
            log = stack.enter_context(command.log.open("a", encoding="utf-8"))
        line = [sys.executable, *command.arguments]
        code = subprocess.run(line, cwd=ROOT, env=environment, stdout=log, stderr=log, check=False).returncode
    if code not in (0, SOME_REJECTED):
        print(f"exit code {code}: {command}" + (f"\nSee {command.log}." if command.log else ""), file=sys.stderr)
    return code in (0, SOME_REJECTED)


def take(step: Step, since: float, jobs: int, threads: int) -> None:
    """Carries out a step and leaves its mark.

    Raises:
        SystemExit: One of its commands failed.
    """
    with ThreadPoolExecutor(jobs if step.side_by_side else 1) as pool:
        for ended_well in pool.map(lambda command: carry_out(command, since, threads), step.commands):
            if not ended_well:
                pool.shutdown(cancel_futures=True)
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
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each command")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="other settings of all trainings"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the steps and their commands, and do nothing")
    options = parser.parse_args()
    data = options.data.resolve()
    test = (options.test or data / "casf2016").resolve()
    steps = [
        *data_steps(data),
        *training_steps(options.threads, options.set),
        *release_steps(data, test, options.weights.resolve()),
    ]
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
            take(step, since, options.jobs, options.threads)
        if step.mark.is_file() and since != float("inf"):
            since = step.mark.stat().st_mtime


if __name__ == "__main__":
    main()

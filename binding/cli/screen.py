"""``binding screen``: score a library against a pocket."""

from __future__ import annotations

import csv
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.cli import options, posing
from binding.cli.errors import guarded
from binding.cli.progress import LINE_SECONDS, duration, make_bar, rate_and_left
from binding.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from binding.screening.ledger import Progress
    from binding.screening.plan import ScreenPlan
    from binding.screening.run import ScreenResult


@guarded
@options.with_scoring(workers=options.AllCores, time_limit=options.PosingTimeLimit)
def command(
    ligand: Annotated[
        list[str],
        typer.Option(
            "-l",
            "--ligand",
            "--library",
            metavar="LIBRARY",
            help="The library: ligand files (SDF, MOL2, PDBQT), a folder, a glob, a list of files (.txt), SMILES "
            "(.smi), a table (.csv, .xlsx, .parquet) with a column molblock or smiles, or a table of pairs (protein, "
            "ligand[, pocket]); may be repeated.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FOLDER", help="Folder of the run; the same command resumes it."),
    ],
    protein: options.MaybeProtein = None,
    place_on: posing.PlaceOn = None,
    dock: posing.Dock = False,
    poses: posing.Poses = 3,
    isomers: posing.Isomers = 4,
    dock_speed: posing.Speed = posing.DockSpeed.normal,
    exhaustiveness: posing.Exhaustiveness = None,
    seed: posing.Seed = 0,
    prefilter: Annotated[
        int | None,
        typer.Option(
            "--prefilter",
            metavar="K",
            min=1,
            show_default="all are posed",
            help="For SMILES: pose only the K compounds that are nearest to a measurement at this site.",
        ),
    ] = None,
    poser: posing.PoserName = None,
    poser_options: posing.PoserOptions = None,
    compound_tag: Annotated[
        str | None,
        typer.Option(
            "--compound-tag",
            metavar="TAG",
            show_default="the title",
            help="SD tag that groups the poses of a compound; its best pose counts.",
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=0, help="Compounds to write to top.sdf.")] = 100,
    checks: options.Checks = None,
    check_thresholds: options.CheckThresholds = None,
    report: Annotated[
        bool, typer.Option("--report", help="Also write report.html at the end; see `binding report`.")
    ] = False,
    *,
    scoring: options.Scoring,
    all_networks: Annotated[
        bool,
        typer.Option(
            "--all-networks",
            help="Compute `pose` with all networks of the weights, as `binding predict` does; the default is the first "
            "network alone, which is faster.",
        ),
    ] = False,
    engine: Annotated[str, typer.Option("--engine", metavar="NAME", help="Where to run: local or ray.")] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option(
            "--ray-address",
            metavar="HOST:PORT",
            help="Address of a running Ray cluster, or auto; by default one is started here.",
        ),
    ] = None,
    gpus_per_worker: Annotated[
        float | None,
        typer.Option(
            "--gpus-per-worker", metavar="SHARE", min=0, max=1, help="GPU share of each Ray worker, such as 0.5."
        ),
    ] = None,
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="I/N", help="Do the I-th of N shares of the work, for job arrays.")
    ] = None,
    part_size: Annotated[
        int | None,
        typer.Option(
            "--part-size",
            metavar="N",
            min=1,
            show_default="1024; 32 placed; 4 docked",
            help="Most records per part, the unit of work that is written at once.",
        ),
    ] = None,
    restart: options.Restart = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only say how many records there are and, by a timed sample, how long they will take.",
        ),
    ] = False,
    quiet: options.Quiet = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Tell each failure at the end, and where the time went.")
    ] = False,
    debug: options.Debug = False,
) -> int:
    """Score a library against a pocket and rank its compounds.

    The best pose of each compound counts, and every record is accounted for. A screen that was stopped or killed
    resumes with the same command.
    """
    if "-" in ligand:
        raise UsageError("A screen reads its library again when it is resumed.", "Save it to a file first.")
    from binding.screening.plan import EngineOptions, ScreenPlan, Shard
    from binding.screening.run import screen

    plan = ScreenPlan(
        library=ligand,
        output=output,
        protein=protein,
        scoring=replace(
            scoring.options(), checks=options.pose_checks(checks, check_thresholds), one_network=not all_networks
        ),
        compound_tag=compound_tag,
        part_size=part_size,
        posing=posing.choice(place_on, dock, poses, isomers, exhaustiveness, seed, dock_speed, poser, poser_options),
        prefilter=prefilter,
        engine=EngineOptions(engine, ray_address, gpus_per_worker),
        shard=Shard() if shard is None else Shard.parse(shard),
        top=top,
        restart=restart,
    )
    if dry_run:
        _tell_estimate(plan)
        return EXIT_OK
    start = time.monotonic()
    again = ["binding", *(word for word in sys.argv[1:] if word != "--restart")]
    with _Interrupts() as interrupts, _shown(quiet) as progress:

        def stopping() -> bool:  # asked twice a second while parts are under way
            progress.remind()
            return interrupts.asked()

        result = screen(plan, stopping=stopping, progress=progress, command=["binding", *sys.argv[1:]])
    _tell(result, time.monotonic() - start, shlex.join(again), quiet)
    if verbose and result.complete:
        _tell_more(result.folder)
    if report and result.complete:
        from binding.reports.screening import write_report

        path = write_report(result.folder)
        if not quiet:
            typer.echo(f"report: {path}", err=True)
    return result.exit_code


def _tell_estimate(plan: ScreenPlan) -> None:
    """What the screen would cost, on stdout."""
    from binding.screening.estimate import estimate_screen

    found = estimate_screen(plan)
    records = "not known without reading all files" if found.records is None else f"about {found.records}"
    done = f", {found.done} of them done" if found.done else ""
    failed = f", {found.failed} of them failed" if found.failed else ""
    each = duration(found.seconds_each)
    typer.echo(f"records: {records}{done}")
    if found.prefilter is not None:
        ranking = (
            "" if found.ranking_each is None else f"; ranking takes {duration(found.ranking_each)} each on one core"
        )
        typer.echo(f"prefilter: the best {found.prefilter} get poses{ranking}")
    typer.echo(f"sample: {found.sampled} records, {each} each on one core{failed}")
    workers = f"{found.workers} process{'es' if found.workers > 1 else ''}"
    left = found.seconds_left
    typer.echo(f"time: {'not known' if left is None else 'about ' + duration(left)} with {workers}")
    typer.echo(f"folder: {plan.output}; nothing was written")


def _tell(result: ScreenResult, seconds: float, again: str, quiet: bool) -> None:
    """How it ended, on stderr."""
    counts = f"{result.scored} of {result.asked} scored"
    if result.failed:
        counts += f", {result.failed} failed"
    if result.left_out:
        counts += f", {result.left_out} left out"
    if result.ranking:
        counts = f"{result.asked} records ranked"
    if result.ranking and not result.interrupted:
        typer.echo(f"{counts}; when all shards have ranked theirs, the same commands go on", err=True)
        return
    if result.interrupted:
        typer.echo(f"interrupted; {counts} so far, in {result.folder}. To go on:\n  {again}", err=True)
    elif not quiet:
        where = f"results in {result.folder / 'results.csv'}" if result.complete else "other shards are not done yet"
        typer.echo(f"{counts} in {seconds:.1f} s; {where}", err=True)
        if result.failed and result.complete:
            typer.echo(f"why they failed: {result.folder / 'failures.csv'}", err=True)
    for warning in result.warnings:
        typer.echo(f"warning: {warning}", err=True)


def _tell_more(run: Path) -> None:
    """Each failure, and the seconds of each stage, over all processes."""
    from binding.screening.folder import RunFolder
    from binding.screening.store import FAILURES_CSV

    with (run / FAILURES_CSV).open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            typer.echo(f"error: {row['id']}: [{row['error_code']}] {row['message']}", err=True)
    stages = (RunFolder(run).read() or {}).get("stages", {})
    typer.echo(f"seconds: {', '.join(f'{name} {seconds:g}' for name, seconds in stages.items())}", err=True)


class _Interrupts:
    """Ctrl-C and SIGTERM end the run after the parts under way; a second one at once."""

    def __init__(self) -> None:
        self._asked = False

    def asked(self) -> bool:
        """Whether the run is to end."""
        return self._asked

    def _ask(self, number: int, _: object) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        typer.echo("finishing the parts under way; once more to stop at once", err=True)

    def __enter__(self) -> _Interrupts:
        self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


class Meter:
    """Says how far a run is: a bar on a terminal, else a line each 30 s.

    Args:
        bar: To draw on; None for lines.
        quiet: Print nothing.
    """

    def __init__(self, bar: Bar | None, quiet: bool) -> None:
        self._bar = bar
        self._quiet = quiet
        self._task: TaskID | None = None
        self._last: Progress | None = None
        self._start = self._told = time.monotonic()
        self._first = (self._start, 0)  # when the first records were done, and how many: loading the model is over

    def __call__(self, progress: Progress) -> None:
        """Take news."""
        if self._last is not None and self._last.ranking != progress.ranking:  # another stage, at a pace of its own
            self._begin_stage()
        if progress.now and not self._first[1]:
            self._first = time.monotonic(), progress.now
        self._last = progress
        if self._bar is not None:
            if self._task is None:
                what = "ranking" if progress.ranking else "screening"
                self._task = self._bar.add_task(what, total=None, completed=progress.done, rate=0.0)
            total = None if progress.expected is None else max(progress.expected, progress.done)
            self._bar.update(self._task, total=total, completed=progress.done, rate=self._rate(progress))

    def _begin_stage(self) -> None:
        self._start = time.monotonic()
        self._first = (self._start, 0)
        if self._bar is not None and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None

    def remind(self) -> None:
        """Write a line, if it is time for one."""
        if self._quiet or self._bar is not None or self._last is None:
            return
        if time.monotonic() - self._told >= LINE_SECONDS:
            self._told = time.monotonic()
            typer.echo(progress_line(self._last, self._rate(self._last)), err=True)

    def _rate(self, progress: Progress) -> float:
        """Records a second since the first ones; as long as there are no others, since the beginning."""
        since, before = self._first if progress.now > self._first[1] else (self._start, 0)
        return (progress.now - before) / max(time.monotonic() - since, 1e-3)


def progress_line(progress: Progress, rate: float) -> str:
    """How far a run is, in one line.

    Args:
        progress: Progress of the run.
        rate: Records a second.
    """
    left = None if progress.expected is None else max(progress.expected - progress.done, 0)
    return f"{time.strftime('%H:%M:%S')} {progress.counts}, {rate_and_left(rate, left)}"


@contextmanager
def _shown(quiet: bool) -> Iterator[Meter]:
    if quiet or not sys.stderr.isatty():
        yield Meter(None, quiet)
        return
    with make_bar() as bar:
        yield Meter(bar, quiet)

"""``binding place``: 3D poses of a series on a posed reference ligand."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.cli import options, progress, terminal
from binding.cli.errors import guarded
from binding.cli.stdin import with_stdin
from binding.errors import EXIT_NONE_SCORED, EXIT_OK, EXIT_SOME_FAILED, UsageError

if TYPE_CHECKING:
    from binding.poses.series import PlacementRow

_FEW = 8  # compounds that one worker has placed sooner than a second one has started


@guarded
def command(
    protein: options.Protein,
    reference: Annotated[
        str,
        typer.Option(
            "--reference",
            metavar="FILE|NAME",
            help="Posed ligand in the protein's frame, or its name in the protein's file: auto, LIG or A:LIG:301. "
            "Of several, each compound uses the most similar.",
        ),
    ],
    series: Annotated[
        str | None,
        typer.Option(
            "-l",
            "--ligand",
            metavar="FILE",
            help="Compounds: .smi, a table (.csv, .xlsx) with a column smiles, or .sdf, plain or .gz; - reads standard "
            "input.",
        ),
    ] = None,
    smiles: Annotated[
        list[str] | None,
        typer.Option(
            "--smiles",
            metavar="SMILES",
            help="A compound itself, in quotes, with a name after a blank; may be repeated.",
        ),
    ] = None,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Poses, .sdf; the table of all compounds is the .csv beside it (.placed.csv where -l is that file).",
        ),
    ],
    seed: options.Seed = 0,
    workers: options.AllCores = None,
    time_limit: options.PlacingTimeLimit = None,
    checks: options.Checks = None,
    check_thresholds: options.CheckThresholds = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> int:
    """Place a congeneric series on a posed reference ligand.

    The shared core keeps the pose of the reference, and the rest is fitted to the rigid pocket. The .csv has one row
    per compound with the quality of its pose, or the reason why it could not be placed; exits 3 if there are any such.
    """
    from binding.files import check_not_input
    from binding.poses import series as placing

    if (series is None) == (not smiles):
        raise UsageError("The compounds are missing, or named twice.", "Give either -l FILE or --smiles SMILES.")
    files = [protein, Path(reference), *([] if series is None else [Path(series)])]
    check_not_input(output, files)
    table = placing.table_beside(output, files)
    tests = options.pose_checks(checks, check_thresholds)
    with with_stdin([] if series is None else [series]) as named:
        source = smiles or [] if series is None else named[0]
        placer, compounds = placing.plan_placement(protein, reference, source, seed=seed, checks=tests)
    count = len(compounds)
    processes = workers if workers is not None else 1 if count < _FEW else os.cpu_count() or 1
    placed: list[PlacementRow] = []
    failed: list[PlacementRow] = []
    with (
        placing.PoseWriter(output, table, () if tests is None else tests.columns) as writer,
        progress.counter("placing", shown=sys.stderr.isatty() and not quiet) as advance,
    ):
        for row in placing.place_series(placer, compounds, workers=processes, time_limit=time_limit):
            writer.write(row)
            (placed if row.status == placing.OK else failed).append(row)
            if advance is not None:
                advance(len(placed) + len(failed), count)
    told = len(failed) if verbose else terminal.SHOWN_NOTES
    for row in failed[:told]:
        typer.echo(f"error: {row.id}: [{row.error_code}] {row.message}", err=True)
    if len(failed) > told:
        typer.echo(f"... {len(failed) - told} more failed rows", err=True)
    if not quiet:
        good = sum(row.good for row in placed)
        typer.echo(
            f"{len(placed)} of {count} placed, {good} of them good (by core, clashes and score); "
            f"poses in {output}, all rows in {writer.table_path}",
            err=True,
        )
    if not placed:
        return EXIT_NONE_SCORED
    return EXIT_SOME_FAILED if failed else EXIT_OK

"""``binding place``: 3D poses of a series on a posed reference ligand."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.cli import options, progress, terminal
from binding.cli.errors import guarded
from binding.errors import EXIT_NONE_SCORED, EXIT_OK, EXIT_SOME_FAILED

if TYPE_CHECKING:
    from binding.poses.series import PlacementRow

_FEW = 8  # compounds that are placed sooner than a worker has started


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
        Path,
        typer.Option(
            "-l", "--ligand", metavar="FILE", help="Compounds: .smi, .csv with a column smiles, or .sdf, plain or .gz."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Poses, .sdf; the table of all compounds is the .csv beside it."
        ),
    ],
    seed: options.Seed = 0,
    workers: options.AllCores = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Place a congeneric series on a posed reference ligand.

    The shared core keeps the pose of the reference, and the rest is fitted to the rigid pocket. The .csv has one row
    per compound with the quality of its pose, or the reason why it could not be placed; exits 3 if there are any such.
    """
    from binding.files import check_not_input
    from binding.poses import series as placing

    for written in (output, output.with_suffix(".csv")):
        check_not_input(written, (protein, Path(reference), series))
    placer, compounds = placing.plan_placement(protein, reference, series, seed=seed)
    count = len(compounds)
    processes = workers if workers is not None else 0 if count < _FEW else os.cpu_count() or 1
    placed: list[PlacementRow] = []
    failed: list[PlacementRow] = []
    with (
        placing.PoseWriter(output) as writer,
        progress.counter("placing", shown=sys.stderr.isatty() and not quiet) as advance,
    ):
        for row in placing.place_series(placer, compounds, workers=processes):
            writer.write(row)
            (placed if row.status == placing.OK else failed).append(row)
            if advance is not None:
                advance(len(placed) + len(failed), count)
    for row in failed[: terminal.SHOWN_NOTES]:
        typer.echo(f"error: {row.id}: [{row.error_code}] {row.message}", err=True)
    if len(failed) > terminal.SHOWN_NOTES:
        typer.echo(f"... {len(failed) - terminal.SHOWN_NOTES} more failed rows", err=True)
    if not quiet:
        good = sum(row.good for row in placed)
        typer.echo(
            f"{len(placed)} of {count} placed, {good} of them good enough to train on; "
            f"poses in {output}, all rows in {writer.table_path}",
            err=True,
        )
    if not placed:
        return EXIT_NONE_SCORED
    return EXIT_SOME_FAILED if failed else EXIT_OK

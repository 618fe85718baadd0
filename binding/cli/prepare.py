"""``binding prepare``: folders of complexes and an index into a training cache."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from binding.cli import options, terminal
from binding.cli.errors import guarded
from binding.errors import EXIT_NONE_SCORED, EXIT_OK, EXIT_SOME_FAILED

_SHOWN_REASONS = 5


@guarded
def command(
    folder: Annotated[
        Path, typer.Argument(help="Folder in PDBbind layout: <id>/<id>_protein.pdb, <id>/<id>_ligand.sdf.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The cache to write, .npz.")],
    index: Annotated[
        Path | None,
        typer.Option("--index", metavar="FILE", show_default="FOLDER/index.csv", help="Measured affinities by id."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", show_default="the folder's name", help="Name of this data in the cache.")
    ] = None,
    pocket_cutoff: Annotated[
        float, typer.Option("--pocket-cutoff", metavar="Å", help="Keep residues this close to the ligand.")
    ] = 10.0,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, show_default="all cores", help="Processes.")
    ] = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Read complexes and their affinities into a compact cache to train on.

    What cannot be used is listed with its reason in OUTPUT's .rejected.csv. Exits 3 if there is any.
    """
    from collections import Counter

    from binding import api

    with terminal.counter("preparing", shown=sys.stderr.isatty() and not quiet) as advance:
        report = api.prepare(
            folder, output, index=index, source=source, pocket_cutoff=pocket_cutoff, workers=workers, progress=advance
        )
    typer.echo(f"{report.cached} of {report.asked} complexes in {report.path}", err=True)
    for code, count in Counter(item.error_code for item in report.rejected).most_common(_SHOWN_REASONS):
        typer.echo(f"rejected: {count} x {code}", err=True)
    if not report.cached:
        return EXIT_NONE_SCORED
    return EXIT_SOME_FAILED if report.rejected else EXIT_OK

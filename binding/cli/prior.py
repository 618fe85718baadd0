"""``binding prior``: what ligands like a new one bind with, which has a share in pk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from binding.cli import options
from binding.cli.errors import guarded
from binding.cli.progress import shown
from binding.errors import EXIT_OK, EXIT_SOME_FAILED


@guarded
def command(
    table: Annotated[
        Path,
        typer.Argument(metavar="TABLE", help="Ligands: the columns id, smiles, an affinity, and the one of --column."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The prior to write, .npz.")],
    column: Annotated[
        str, typer.Option("--column", help="Column of what training holds out together, as its validation.column.")
    ] = "uniprot",
    folds: Annotated[int, typer.Option("--folds", min=2, help="As training's validation.folds.")] = 5,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Fit a ligand prior to ligands with measured affinities, posed or not.

    Training with `prior: FILE` then learns what it leaves of pk.
    Rows that cannot be used are listed with their reason in OUTPUT's
    .rejected.csv; exits 3 if there are any.
    """
    from binding import api

    with shown("fitting", quiet) as advance:
        report = api.prior(table, output, column=column, folds=folds, progress=advance)
    if not quiet:
        bounds = f"; {report.bounds} bounds left out" if report.bounds else ""
        typer.echo(f"{report.used} of {report.asked} rows, {report.ligands} ligands in {report.path}{bounds}", err=True)
        if report.held_out:
            r, rmse = report.held_out["r"], report.held_out["rmse"]
            typer.echo(f"each predicted without its fold: r {r:.3f}, RMSE {rmse:.2f} pK", err=True)
        if report.rejected:
            typer.echo(f"{len(report.rejected)} rejected, the first {report.rejected[0].message}", err=True)
    return EXIT_SOME_FAILED if report.rejected else EXIT_OK

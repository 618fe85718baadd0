"""``binding prior``: fit what similar ligands bind with at similar sites, which contributes to pk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from binding.cli import options
from binding.cli.errors import guarded
from binding.cli.progress import shown
from binding.errors import EXIT_OK, EXIT_SOME_FAILED

_WHAT: Final = {"ligand": " ligand", "site": " ligand at its site"}


@guarded
def command(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", help="Table of ligands with the columns id, smiles, an affinity and that of --column."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Prior to write, .npz.")],
    column: Annotated[
        str,
        typer.Option(
            "--column", metavar="NAME", help="Column whose values training holds out together (validation.column)."
        ),
    ] = "uniprot",
    folds: Annotated[
        int, typer.Option("--folds", metavar="N", min=2, help="Folds; as validation.folds of training.")
    ] = 5,
    sites: Annotated[
        list[Path] | None,
        typer.Option(
            "--sites",
            metavar="CACHE",
            help="Cache of `binding prepare` with the complexes that the column site names; may be repeated.",
        ),
    ] = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Fit a prior to ligands with measured affinities.

    The ligands need no pose. Training with `prior: FILE` then learns the rest of pk. With --sites the prior also learns
    where they were measured: the column site names, for each ligand, a complex in whose pocket it binds. Rows that
    cannot be used are listed with their reason in OUTPUT's .rejected.csv; exits 3 if there are any.
    """
    from binding import api

    with shown("fitting", quiet) as advance:
        report = api.fit_prior(table, output, column=column, folds=folds, sites=sites or (), progress=advance)
    if not quiet:
        bounds = f"; {report.bounds} bounds left out" if report.bounds else ""
        typer.echo(f"{report.used} of {report.asked} rows, {report.ligands} ligands in {report.path}{bounds}", err=True)
        if sites:
            typer.echo(f"{report.sited} rows at {report.sites} different sites", err=True)
        for what, figures in report.held_out.items():
            if what == "ligand" or sites:
                said = f"each{_WHAT[what] if sites else ''} predicted without its fold"
                typer.echo(f"{said}: r {figures['r']:.3f}, RMSE {figures['rmse']:.2f} pK", err=True)
        if report.rejected:
            typer.echo(f"{len(report.rejected)} rejected, the first {report.rejected[0].message}", err=True)
    return EXIT_SOME_FAILED if report.rejected else EXIT_OK

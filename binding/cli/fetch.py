"""``binding fetch``: from PDB ids to a folder of complexes to train on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.cli import options
from binding.cli.errors import guarded
from binding.cli.progress import counter
from binding.errors import EXIT_NONE_SCORED, EXIT_OK, EXIT_SOME_FAILED

if TYPE_CHECKING:
    from binding.archive.collect import FetchReport

_SHOWN_ROWS = 5


@guarded
def command(
    ids: Annotated[
        Path,
        typer.Argument(
            metavar="IDS",
            help="Table with id (or pdb_id) and, as needed, ligand_code, chain, number, smiles, pk or affinity; or a "
            "PDBbind INDEX file.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Folder to fill.")],
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", help="Downloads at a time, 1 to 16.")] = 4,
    attempts: Annotated[int, typer.Option("--attempts", metavar="N", help="Attempts per file.")] = 5,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="Give up an attempt after this time without a byte.")
    ] = 30.0,
    entry_url: Annotated[
        str | None,
        typer.Option(
            "--entry-url",
            metavar="URL",
            show_default="files.wwpdb.org",
            help="Mirror of entries, with {id}, {ID} or {middle}.",
        ),
    ] = None,
    component_url: Annotated[
        str | None,
        typer.Option(
            "--component-url",
            metavar="URL",
            show_default="files.rcsb.org",
            help="Mirror of chemical components, with {code} or {last}.",
        ),
    ] = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Download PDB entries as a folder for `binding prepare`.

    The ligands that the table names are taken out of their entries and written beside the proteins.

    The same command resumes after an interruption and retries what failed. OUTPUT's report.csv has each row of IDS;
    exits 3 if some were left out, 4 if nothing is there. No other command uses a network.
    """
    from binding import api

    try:
        with counter("fetching", shown=sys.stderr.isatty() and not quiet) as advance:
            report = api.fetch(
                ids,
                output,
                jobs=jobs,
                attempts=attempts,
                timeout=timeout,
                entry_url=entry_url,
                component_url=component_url,
                progress=advance,
            )
    except KeyboardInterrupt:
        typer.echo(f"what is done is in {output}: the same command resumes it", err=True)
        raise
    if not quiet:
        _summarise(report)
    if not report.usable:
        return EXIT_NONE_SCORED
    return EXIT_SOME_FAILED if report.usable < report.asked else EXIT_OK


def _summarise(report: FetchReport) -> None:
    """What is there and what is not."""
    from collections import Counter

    kept = report.count("kept")
    earlier = f" ({kept} from earlier runs)" if kept else ""
    typer.echo(f"{report.usable} of {report.asked} complexes in {report.folder}{earlier}", err=True)
    left_out = [row for row in report.outcomes if row.status == "left_out"]
    for code, count in Counter(row.error_code for row in left_out).items():
        typer.echo(f"left out: {count} x {code}", err=True)
    for row in left_out[:_SHOWN_ROWS]:
        typer.echo(f"  {row.id}: {row.message}", err=True)
    if left_out:
        typer.echo(f"every row with its reason: {report.folder / 'report.csv'}", err=True)
    if report.usable and not report.has_affinities:
        typer.echo("the table has no affinities: the folder can be predicted, not trained on", err=True)

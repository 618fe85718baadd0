"""``binding prepare``: complexes and their measured affinities into a training cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.cli import options
from binding.cli.errors import guarded
from binding.cli.progress import shown
from binding.errors import EXIT_OK, EXIT_SOME_FAILED

if TYPE_CHECKING:
    from binding.data.prepare import PrepareReport

_SHOWN_REASONS = 5


@guarded
def command(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Cache to write, .npz.")],
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            help="Folder in PDBbind layout: <id>/<id>_protein.pdb, <id>/<id>_ligand.sdf; or a table with the columns "
            "id, protein, ligand and an affinity.",
        ),
    ] = None,
    protein: options.MaybeProtein = None,
    ligand: Annotated[
        list[Path] | None,
        typer.Option(
            "-l", "--ligand", metavar="FILE", help="With --protein: its posed ligands, titled by id; may be repeated."
        ),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option("--index", metavar="FILE", show_default="DATA/index.csv", help="Measured affinities by id."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="NAME", show_default="name of DATA", help="Name of this data set in the cache."
        ),
    ] = None,
    pocket_cutoff: Annotated[
        float, typer.Option("--pocket-cutoff", metavar="Å", help="Keep residues within this distance of the ligand.")
    ] = 10.0,
    workers: options.AllCores = None,
    time_limit: options.TimeLimit = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Read complexes and affinities into a cache for training.

    Rows that cannot be used are listed with their reason in OUTPUT's .rejected.csv; exits 3 if there are any, 4 if
    nothing is left. Warnings about the others are listed in .warnings.csv. A run that was stopped resumes with the same
    command.
    """
    from binding import api

    try:
        with shown("preparing", quiet) as advance:
            report = api.prepare(
                data,
                output,
                protein=protein,
                ligands=ligand,
                index=index,
                source=source,
                pocket_cutoff=pocket_cutoff,
                workers=workers,
                time_limit=time_limit,
                progress=advance,
            )
    except KeyboardInterrupt:
        typer.echo("interrupted; finished work is kept, and the same command resumes it", err=True)
        raise
    if not quiet:
        _summarise(report)
    return EXIT_SOME_FAILED if report.rejected else EXIT_OK


def _summarise(report: PrepareReport) -> None:
    again = f", {report.kept} of them unchanged since an earlier run" if report.kept else ""
    typer.echo(f"{report.cached} of {report.asked} complexes in {report.path}{again}", err=True)
    _summarise_warnings(report)
    if not report.rejected:
        return
    typer.echo(f"{len(report.rejected)} rejected; each with its reason in {report.rejected_path}", err=True)
    _echo_kinds("rejected", [(item.error_code, item.id, item.message) for item in report.rejected], "reasons")


def _summarise_warnings(report: PrepareReport) -> None:
    if not report.doubts:
        return
    complexes = len({doubt.id for doubt in report.doubts})
    typer.echo(f"{complexes} with warnings; each in {report.warnings_path}", err=True)
    _echo_kinds("warning", [(doubt.kind, doubt.id, doubt.warning) for doubt in report.doubts], "kinds")


def _echo_kinds(label: str, items: Sequence[tuple[str, str, str]], plural: str) -> None:
    """The most frequent kinds of (kind, id, text), each with its first item, and how many further ones there are."""
    from collections import Counter

    kinds = Counter(kind for kind, _, _ in items).most_common()
    for kind, count in kinds[:_SHOWN_REASONS]:
        first, text = next((name, text) for found, name, text in items if found == kind)
        typer.echo(f"{label}: {count} x {kind}, first {first}: {text}", err=True)
    if len(kinds) > _SHOWN_REASONS:
        rest = sum(count for _, count in kinds[_SHOWN_REASONS:])
        typer.echo(f"{label}: {rest} x {len(kinds) - _SHOWN_REASONS} further {plural}", err=True)

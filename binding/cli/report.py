"""``binding report``: a screen as one HTML file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from binding.cli import options
from binding.cli.errors import guarded


@guarded
def command(
    run: options.Run,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", show_default="RUN/report.html", help="HTML file to write."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", metavar="FILE", help="Known actives, a table with id (the compound) and label: adds enrichment."
        ),
    ] = None,
    label: Annotated[
        str, typer.Option("--label", metavar="COLUMN", help="Column of --labels: 1 or active; 0, inactive or decoy.")
    ] = "label",
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="Compounds to list and draw.")] = 100,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Write the report of a screen as one HTML file.

    It shows scores, size bias, enrichment, failures and drawings of the best compounds. It needs no network.
    """
    from binding.files import check_not_input
    from binding.reports.screening import write_report

    if output is not None and labels is not None:
        check_not_input(output, (labels,))
    path = write_report(run, output, labels=labels, label=label, top=top)
    if not quiet:
        if find_spec("matplotlib") is None:
            typer.echo("note: no diagrams without Matplotlib; install it: pip install matplotlib", err=True)
        typer.echo(f"written to {path}", err=True)

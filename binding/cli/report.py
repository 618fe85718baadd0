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
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a `binding screen`, finished or under way.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", show_default="RUN/report.html", help="The HTML file."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", metavar="FILE", help="Known actives: a table with id (the compound) and label; adds enrichment."
        ),
    ] = None,
    label: Annotated[
        str, typer.Option("--label", metavar="COLUMN", help="Of --labels: 1 or active; 0, inactive or decoy.")
    ] = "label",
    top: Annotated[int, typer.Option("--top", min=1, help="Compounds that are listed and drawn.")] = 100,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Write the report of a screen: scores, size bias, enrichment, failures and the best compounds as drawings.

    One HTML file that needs no network and prints well.
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

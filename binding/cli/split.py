"""``binding split``: which rows train, validate and test."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.cli import options, progress, terminal
from binding.cli.errors import guarded
from binding.errors import EXIT_OK, EXIT_SOME_FAILED, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from binding.splits.leakage import LeakReport
    from binding.splits.split import SplitResult

_SIDES = {
    "same_protein": "same protein (identity ≥ 0.9)",
    "close_protein": "related protein",
    "close_ligand": "similar ligand",
    "close_analogue": "similar ligand on a related protein",
}


@guarded
def command(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DATA...", help="Folders or tables as for `binding prepare`; several are split as one."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Table to write, .csv: id, split.")],
    by: Annotated[
        str, typer.Option("--by", metavar="RULE", help="random, time, protein, scaffold, both or column.")
    ] = "random",
    index: Annotated[
        list[Path] | None,
        typer.Option(
            "--index",
            metavar="FILE",
            show_default="FOLDER/index.csv",
            help="Measured affinities, one file for each folder, in order.",
        ),
    ] = None,
    test: Annotated[float, typer.Option("--test", metavar="SHARE", help="Share of the rows to test on.")] = 0.1,
    validation: Annotated[
        float, typer.Option("--validation", metavar="SHARE", help="Share of the rows to validate on.")
    ] = 0.1,
    seed: options.Seed = 0,
    identity: Annotated[
        float,
        typer.Option("--identity", metavar="SHARE", help="Sequence identity at which two proteins count as related."),
    ] = 0.3,
    similarity: Annotated[
        float,
        typer.Option(
            "--similarity", metavar="SHARE", help="Tanimoto similarity (ECFP4) at which two ligands count as similar."
        ),
    ] = 0.5,
    column: Annotated[
        str | None,
        typer.Option(
            "--column",
            metavar="NAME",
            show_default="year, by time",
            help="Column of the index with the dates or the sides.",
        ),
    ] = None,
    test_value: Annotated[
        list[str] | None,
        typer.Option(
            "--test-value", metavar="VALUE", help="With --by column: rows with this value test; may be repeated."
        ),
    ] = None,
    validation_value: Annotated[
        list[str] | None,
        typer.Option(
            "--validation-value",
            metavar="VALUE",
            help="With --by column: rows with this value validate; may be repeated.",
        ),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Find the nearest training protein and ligand of each held-out row.")
    ] = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Split complexes into training, validation and test rows.

    The sides share no protein, no ligand or neither, by --by. Writes FILE and beside it a .json with the rule and the
    counts; with --report also .report.csv, and .lookup.csv with what memory alone predicts. Rows whose files cannot be
    read are left out with the reason; exits 3 if there are any.
    """
    from binding import api
    from binding.files import check_not_input

    if output.suffix.lower() != ".csv":
        raise UsageError(f"{output} is no .csv file.", "Name the table like splits/protein.csv.")
    inputs = (*folders, *(folder / "index.csv" for folder in folders), *(index or ()))
    for suffix in (".csv", ".report.csv", ".lookup.csv"):
        check_not_input(output.with_suffix(suffix), inputs)
    if index and len(index) != len(folders):
        raise UsageError(f"{len(folders)} folder(s) but {len(index)} --index.", "Give one index for each folder.")
    with ExitStack() as bars:
        shown = sys.stderr.isatty() and not quiet

        def bar(what: str) -> Callable[[int, int], None] | None:
            bars.close()  # the bar before has reached its end
            return bars.enter_context(progress.counter(what, shown))

        result = api.split(
            folders,
            by=by,
            indexes=index,
            test=test,
            validation=validation,
            seed=seed,
            identity=identity,
            similarity=similarity,
            column=column,
            test_values=tuple(test_value or ()),
            validation_values=tuple(validation_value or ()),
            report=report,
            progress=bar,
        )
    written = result.write(output)
    if not quiet:
        _summarise(result)
        if result.report is not None:
            _print_report(result.report, output.with_suffix(".report.csv"))
        typer.echo(f"written to {', '.join(map(str, written))}", err=True)
    return EXIT_SOME_FAILED if result.failed else EXIT_OK


def _summarise(result: SplitResult) -> None:
    summary = result.summary
    counts = ", ".join(f"{count} {side}" for side, count in result.counts.items())
    reasons = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in summary["left_out"].items())
    typer.echo(f"{summary['rows']} rows: {counts}" + (f" ({reasons})" if reasons else ""), err=True)
    for name in ("protein_clusters", "scaffolds"):
        if name in summary:
            found = summary[name]
            what = name.replace("_", " ")
            typer.echo(f"{found['count']} {what}, the largest with {found['largest']} rows", err=True)
    origins = summary.get("sequences")
    if origins:
        typer.echo(
            f"sequences of {origins['proteins']} protein files: {origins['declared']} declared in the file, "
            f"{origins['from_residues']} read off the residues, of which {origins['pocket_only']} are of a pocket only"
            + (f"; {origins['no_chain']} have no chain to compare" if origins["no_chain"] else ""),
            err=True,
        )
    if result.failed:
        typer.echo(f"{result.failed} rows cannot be read; the column reason of the table says why", err=True)


def _print_report(report: LeakReport, saved_to: Path) -> None:
    from rich.table import Table

    console = terminal.console()
    limits = report.thresholds
    table = Table(
        title=f"Share of held-out rows that training knows (related: identity ≥ {limits.identity:g}; similar: "
        f"Tanimoto ≥ {limits.similarity:g})",
        title_justify="left",
    )
    table.add_column("side")
    table.add_column("rows", justify="right")
    for header in _SIDES.values():
        table.add_column(header, justify="right")
    for side, shares in report.shares.items():
        table.add_row(side, str(shares["rows"]), *(f"{100 * shares[name]:.0f} %" for name in _SIDES))
    console.print(table)
    shown = report.rows[report.rows["split"] == "test"] if len(report.rows) else report.rows
    _print_rows(shown.head(terminal.SHOWN_ROWS))
    if len(report.rows) > terminal.SHOWN_ROWS or len(shown) < len(report.rows):
        console.print(f"all {len(report.rows)} held-out rows are in {saved_to}", markup=False)


def _print_rows(rows: pd.DataFrame) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="Test rows and their nearest training rows", title_justify="left")
    for header in ("id", "protein", "ligand", "ligand on a related protein"):
        table.add_column(header, overflow="fold")
    for row in rows.itertuples():
        table.add_row(
            escape(row.id),
            _near(row.nearest_protein, row.protein_identity),
            _near(row.nearest_ligand, row.ligand_similarity),
            _near(row.nearest_analogue, row.analogue_similarity),
        )
    terminal.console().print(table)


def _near(name: str, value: float) -> str:
    from rich.markup import escape

    return f"{escape(name)} {value:.2f}" if name else "none"

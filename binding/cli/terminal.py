"""What people see: the table of results, the summary, the progress bar."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from binding.io.results import ResultRow

SHOWN_ROWS = 40  # of a table whose rows also go to a file
SHOWN_NOTES = 8  # warnings, and failures, that are told on stderr; all are in the rows
_PLAIN_WIDTH = 160  # of a table that goes to a file or a log


def console() -> Console:
    """Stdout; wide enough where it is no terminal, since Rich would take 80 columns there and cut the names."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)


def print_table(rows: Sequence[ResultRow], total: int, saved_to: str | None) -> None:
    """The rows on stdout, in columns with their units.

    Args:
        rows: What to show.
        total: How many rows there are.
        saved_to: Where all rows are, if they were written to a file.
    """
    from rich.markup import escape
    from rich.table import Table

    out = console()
    table = Table(caption="pK = -log10(K / M), higher = tighter; K is Kd, Ki or IC50", caption_justify="left")
    table.add_column("id", overflow="fold", min_width=6)
    if any(row.ligand and row.ligand != row.id for row in rows):
        table.add_column("ligand", overflow="fold", min_width=6)
    for header in (
        "pK\n-log10(K/M)",
        "± pK\n1 s.d.",
        "ΔG\nkcal/mol",
        "pK, ligand\nalone",
        "LE\nkcal/mol/atom",
        "heavy\natoms",
        "pose\nprob.",
    ):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    with_ligand = len(table.columns) == 10
    for row in rows:
        names = [escape(row.id), *([escape(row.ligand)] if with_ligand else [])]
        numbers = [
            _number(row.pk, 2),
            _number(row.pk_std, 2),
            _number(row.dg_kcal_mol, 1),
            _number(row.pk_ligand_only, 2),
            _number(row.ligand_efficiency, 2),
            "" if row.heavy_atoms is None else str(row.heavy_atoms),
            _number(row.pose, 2),
        ]
        status = row.error_code if row.status != "ok" else "ok, warned" if row.warnings else "ok"
        table.add_row(*names, *numbers, status, style="red" if row.status != "ok" else None)
    out.print(table)
    if total > len(rows):
        out.print(f"... {total - len(rows)} more rows in {saved_to}", markup=False)


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else ""


def print_warnings(rows: Sequence[ResultRow], total: int) -> None:
    """The first warnings on stderr, each with its row."""
    for row in rows:
        typer.echo(f"warning: {row.id}: {row.warnings}", err=True)
    if total > len(rows):
        typer.echo(f"... {total - len(rows)} more rows with warnings", err=True)


def print_failures(rows: Sequence[ResultRow], total: int) -> None:
    """The first failures on stderr, each with its row, its code and what to do about it."""
    for row in rows:
        typer.echo(f"error: {row.id}: [{row.error_code}] {row.message}", err=True)
    if total > len(rows):
        typer.echo(f"... {total - len(rows)} more failed rows", err=True)


def summary(counts: Counter[str], warned: int, seconds: float, saved_to: str | None) -> str:
    """One line: how many rows, how many scored, where they are."""
    total = counts["ok"] + counts["failed"]
    text = f"{counts['ok']} of {total} scored"
    if counts["failed"]:
        text += f", {counts['failed']} failed"
    if warned:
        text += f", {warned} with warnings"
    text += f" in {seconds:.1f} s"
    return f"{text}; written to {saved_to}" if saved_to else text


def progress(rows: Iterable[ResultRow], total: int | None, shown: bool) -> Iterator[ResultRow]:
    """The rows, with a bar on stderr while they are drawn.

    Args:
        rows: Any iterator.
        total: How many there will be, if that is known.
        shown: False for none, as where stderr is no terminal.
    """
    if not shown:
        yield from rows
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scoring", total=total)
        for row in rows:
            bar.advance(task)
            yield row

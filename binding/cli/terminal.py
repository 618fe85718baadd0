"""What people see: the table of results, the summary, the progress bar."""

from __future__ import annotations

import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import typer

from binding.cli.progress import make_bar
from binding.errors import BindingError
from binding.io.columns import PREDICTION, SCORES, TRUST, ColumnKind, OutputColumn

if TYPE_CHECKING:
    from rich.console import Console

    from binding.io.results import ResultRow
    from binding.io.table import Request

SHOWN_ROWS = 40  # of a table whose rows also go to a file
SHOWN_NOTES = 8  # warnings, and failures, that are told on stderr; all are in the rows
_FULL_WIDTH = 110  # columns of a terminal that holds the whole table
_PLAIN_WIDTH = 160  # of a table that goes to a file or a log
_ANY_WIDTH = 10_000
_NAME_WIDTH = 20  # of a name that is not folded
_GAP, _BORDERS = 2, 2  # blanks after a column, and about the table
#: Columns that follow from others or matter less than a name, those that go first last.
_SPARE = ("pk_std", "pk_ligand_only", "gain_over_ligand_only")
Row = TypeVar("Row")


def console(wide: bool = False) -> Console:
    """Stdout, as wide as the terminal or as COLUMNS says.

    In a pipe without COLUMNS it is wide: Rich would assume 80 columns there and cut the names.

    Args:
        wide: Lines of any length.
    """
    from rich.console import Console

    if wide:
        return Console(highlight=False, width=_ANY_WIDTH, soft_wrap=True)
    known = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(highlight=False, width=None if known else _PLAIN_WIDTH)


def print_table(rows: Sequence[ResultRow], total: int, saved_to: str | None, wide: bool = False) -> None:
    """The rows on stdout, in columns with their units.

    Args:
        rows: What to show.
        total: How many rows there are.
        saved_to: Where all rows are, if they were written to a file.
        wide: Show all columns, in lines of any length.
    """
    columns = all_columns(PREDICTION, lambda row, column: row.value(column)) if wide else _columns(rows, is_narrow())
    caption = "pK = -log10(K / M), higher = tighter; K is Kd, Ki or IC50"
    print_columns(columns, rows, caption, style=lambda row: "red" if row.status != "ok" else None, wide=wide)
    if total > len(rows):
        console().print(f"... {total - len(rows)} more rows in {saved_to}", markup=False)


def print_evidence(row: ResultRow, most: int) -> None:
    """The measurements that a row lists, on stdout; nothing where it lists none."""
    listed = [f"evidence_{rank}" for rank in range(1, most + 1) if f"evidence_{rank}" in row.more]
    if not listed:
        return
    heads = {"_pk": "measured\npK", "_ligand": "ligand\nalike", "_site": "site\nalike", "_share": "share\npK"}
    columns = [Column(f"evidence of {row.id}", False, lambda name: row.more[name] or "not named")]
    for suffix, head in heads.items():
        columns.append(Column(head, True, lambda name, suffix=suffix: number(row.more[name + suffix], 2)))  # type: ignore[misc]
    print_columns(columns, listed, f"all others and their mean: {row.more['evidence_rest']:+.2f} pK")


def is_narrow() -> bool:
    """Whether stdout cannot hold a table of all columns."""
    return console().width < _FULL_WIDTH


def print_columns(
    columns: Sequence[Column],
    rows: Iterable[Any],
    caption: str,
    style: Callable[[Any], str | None] = lambda row: None,
    wide: bool = False,
) -> None:
    """Any rows on stdout.

    Args:
        columns: The columns to show.
        rows: Rows of any kind that the columns can show.
        caption: Below the table.
        style: Rich style of a row.
        wide: Lines of any length.
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    rows = list(rows)
    if not wide:
        columns = fitting(columns, rows, console().width)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=escape(caption), caption_justify="left")
    for column in columns:
        if column.numeric:
            table.add_column(column.header, justify="right", no_wrap=True)
        else:
            table.add_column(column.header, overflow="fold", min_width=6)
    for row in rows:
        table.add_row(*(escape(column.text(row)) for column in columns), style=style(row))
    console(wide).print(table)


class Column(NamedTuple):
    """A column of a table on stdout.

    Attributes:
        header: With its unit.
        numeric: Right-aligned, and never broken.
        text: The cell of a row.
        spare: 0 where it is always shown; of the others the greatest goes first where names would be broken to pieces.
    """

    header: str
    numeric: bool
    text: Callable[[Any], str]
    spare: int = 0


def fitting(columns: Sequence[Column], rows: Sequence[Any], width: int) -> list[Column]:
    """The columns without so many of the spare ones that names stay readable.

    Args:
        columns: All.
        rows: What they show.
        width: Of the terminal.
    """
    kept = list(columns)
    needs = {id(column): _needed(column, rows) for column in kept}
    while sum(needs[id(column)] for column in kept) + _BORDERS > width and any(column.spare for column in kept):
        kept.remove(max(kept, key=lambda column: column.spare))
    return kept


def _needed(column: Column, rows: Sequence[Any]) -> int:
    """Characters that a column takes, the gap after it included; a name may be folded once it is long."""
    widest = max(map(len, column.header.split("\n")))
    cells = max((len(column.text(row)) for row in rows), default=0)
    return max(widest, cells if column.numeric else min(cells, _NAME_WIDTH)) + _GAP


def _columns(rows: Sequence[ResultRow], narrow: bool) -> list[Column]:
    """What fits: a narrow terminal gets short headers, and no column that follows from the others or the input."""
    columns = [Column("id", False, lambda row: row.id)]
    titled = any(row.ligand and row.ligand != row.id for row in rows)
    if titled:
        columns.append(Column("ligand", False, lambda row: row.ligand))
    dropped = {"dg_kcal_mol"} if narrow and titled else set()
    shown = [column for column in (*SCORES, *TRUST) if column.name not in dropped]
    return [
        *columns,
        *score_columns(narrow, shown, lambda row, column: row.value(column)),
        Column("status", False, lambda row: _status(row).removeprefix("ok, ") if narrow else _status(row)),
    ]


def score_columns(
    narrow: bool,
    columns: Iterable[OutputColumn],
    value: Callable[[Any, OutputColumn], Any] = lambda row, column: row[column.name],
) -> list[Column]:
    """Those of some output columns that have a heading.

    Args:
        narrow: Whether to take the short headings.
        columns: In the order in which they are shown.
        value: Takes the value of a column from a row.
    """

    def cell(column: OutputColumn) -> Callable[[Any], str]:
        return lambda row: _shown(value(row, column), column)

    heads = [(column.short if narrow else column.heading, column) for column in columns]
    spare = {name: number for number, name in enumerate(_SPARE, start=1)}
    return [Column(head, True, cell(column), spare.get(column.name, 0)) for head, column in heads if head]


def all_columns(
    columns: Iterable[OutputColumn], value: Callable[[Any, OutputColumn], Any] = lambda row, column: row[column.name]
) -> list[Column]:
    """Every column under its own name, as ``--print wide`` shows them.

    Args:
        columns: In order.
        value: Takes the value of a column from a row.
    """

    def cell(column: OutputColumn) -> Callable[[Any], str]:
        return lambda row: " ".join(_shown(value(row, column), column).split())

    return [Column(column.name, column.kind is not ColumnKind.TEXT, cell(column)) for column in columns]


def _shown(value: Any, column: OutputColumn) -> str:
    if column.kind is ColumnKind.NUMBER:
        return number(value, column.decimals)
    return "" if value is None else str(value)


def _status(row: ResultRow) -> str:
    if row.status != "ok":
        return row.error_code
    return "ok, warned" if row.warnings else "ok"


def number(value: float | None, decimals: int) -> str:
    """A number with so many decimals; empty where there is none."""
    if value is None:
        return ""
    return f"{value:.{decimals}f}" if math.isfinite(value) else ""


def print_reading_notes(requests: Sequence[Request]) -> None:
    """What reading the protein decided (waters, altlocs, models), on stderr, where all requests share one file."""
    from binding.score.featurize import load_protein

    files = {request.protein for request in requests}
    only = files.pop() if len(files) == 1 else None
    if isinstance(only, Path):
        with suppress(BindingError):  # the rows will say what is wrong with it
            for note in load_protein(only).notes:
                typer.echo(f"note: {only.name}: {note}", err=True)


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


def progress(rows: Iterable[Row], total: int | None, shown: bool) -> Iterator[Row]:
    """The rows, with a bar on stderr while they are drawn.

    Args:
        rows: Any iterator.
        total: How many there will be at least, if that is known.
        shown: False for none, as where stderr is no terminal.
    """
    if not shown:
        yield from rows
        return
    start = time.monotonic()
    with make_bar() as bar:
        task = bar.add_task("scoring", total=total, rate=0.0)
        for done, row in enumerate(rows, start=1):
            if total is not None and done > total:  # a file of many records was among the requests
                total = None
                bar.remove_task(task)  # a task cannot lose its total
                task = bar.add_task("scoring", total=None, rate=0.0)
            # Rows come in batches: the rate between two of them says nothing.
            bar.update(task, completed=done, rate=done / max(time.monotonic() - start, 1e-3))
            yield row

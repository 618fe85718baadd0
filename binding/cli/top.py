"""``binding top``: the best compounds of a screen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.cli import options, terminal
from binding.cli.errors import guarded
from binding.cli.options import PrintChoice
from binding.cli.terminal import Column
from binding.io.columns import HIT_PROPERTIES, ON_REQUEST, PLAUSIBLE, POSING, SCREEN_RESULT, ColumnKind, OutputColumn

if TYPE_CHECKING:
    from binding.screening.top import Top


_CAPTION = "pK = -log10(K / M), higher = tighter; gain = pK - pK of the ligand alone"
_FIRST_TO_GO = 9  # of the columns, where the terminal is too narrow for all
_POOL = 20  # best compounds for each one that is to differ


@guarded
def command(
    run: options.Run,
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--number",
            metavar="N",
            min=1,
            show_default="100; 20 K with --diverse K",
            help="Most compounds to list.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMN",
            show_default="as in the results, rank_score",
            help="Rank by this column: pk, binder, pose, dock_score, ligand_efficiency ... The best pose by it "
            "represents each compound.",
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            metavar="SQL",
            help='Only compounds that meet this condition on the columns, such as "pk_ligand_only < 7 AND pose > 0.5".',
        ),
    ] = None,
    sort_by: Annotated[
        str | None,
        typer.Option(
            "--sort-by",
            metavar="SQL",
            show_default="rank",
            help="Expression to sort the ranked compounds by, greatest first, such as pk - 0.1 * heavy_atoms.",
        ),
    ] = None,
    smarts: Annotated[
        list[str] | None,
        typer.Option(
            "--smarts",
            metavar="SMARTS",
            help="Only compounds with this substructure, or without it after '!', such as '!C(=O)Cl'; may be repeated.",
        ),
    ] = None,
    diverse: Annotated[
        int | None,
        typer.Option(
            "--diverse", metavar="K", min=1, help="Of the -n best, K that differ: the best of each group (ECFP4)."
        ),
    ] = None,
    properties: Annotated[
        bool,
        typer.Option("--properties", help="Add weight, logP, TPSA, HBD, HBA, rotors, QED, PAINS and Brenk, scaffold."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write to .csv, .tsv, .xlsx, .parquet or .sdf (with the poses)."
        ),
    ] = None,
    print_: options.Print = PrintChoice.auto,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Print the best compounds of a screen.

    Each compound is represented by its best pose. pK = -log10(K / M), higher binds tighter.
    """
    from binding.screening.store import RANKED_BY
    from binding.screening.top import check_format, find_top, write_top

    if output is not None:
        check_format(output)
    most = n or (100 if diverse is None else _POOL * diverse)
    top = find_top(
        run,
        most,
        by=by or RANKED_BY,
        where=where,
        sort_by=sort_by,
        smarts=smarts or (),
        diverse=diverse,
        properties=properties,
    )
    if output is not None:
        write_top(top, output)
    shown = print_
    if print_ is PrintChoice.auto:
        shown = PrintChoice.table if sys.stdout.isatty() else PrintChoice.none if output else PrintChoice.csv
    if shown is PrintChoice.csv:
        _print_csv(top)
    elif shown is PrintChoice.wide:
        terminal.print_columns(terminal.all_columns(_columns_of(top)), top.rows.to_pylist(), _CAPTION, wide=True)
    elif shown is PrintChoice.table:
        _print_table(top, by or RANKED_BY, output)
    if not quiet:
        _print_notes(top, output)


def _columns_of(top: Top) -> list[OutputColumn]:
    known = {column.name: column for column in (*SCREEN_RESULT, *ON_REQUEST, *HIT_PROPERTIES)}
    return [known[name] for name in top.rows.column_names]


def _print_csv(top: Top) -> None:
    import csv

    from binding.screening.top import csv_rows

    csv.writer(sys.stdout, lineterminator="\n").writerows(csv_rows(top))


def _print_table(top: Top, by: str, saved_to: Path | None) -> None:
    rows = top.rows.to_pylist()
    narrow = terminal.is_narrow()
    dropped = {"dg_kcal_mol"} if narrow else set()
    dropped |= {c.name for c in POSING if all(row.get(c.name) is None for row in rows)}
    shared = [c for c in SCREEN_RESULT if c.kind is not ColumnKind.PLACE and c.name not in dropped]
    columns = [
        Column("rank", True, lambda row: str(row["rank"])),
        Column("compound", False, lambda row: row["compound"]),
        *_ranking(top, by, {c.name for c in shared if (c.short if narrow else c.heading)}),
        *terminal.score_columns(narrow, shared),
        Column("poses", True, lambda row: str(row["num_poses"]), spare=_FIRST_TO_GO),
        *(terminal.score_columns(narrow, HIT_PROPERTIES) if rows and "qed" in rows[0] else ()),
        *([Column(PLAUSIBLE, False, lambda row: _word(row[PLAUSIBLE]))] if rows and PLAUSIBLE in rows[0] else ()),
        Column("warned", False, lambda row: "yes" if row["warnings"] else ""),
    ]
    shown = rows if saved_to is None else rows[: terminal.SHOWN_ROWS]
    terminal.print_columns(columns, shown, _CAPTION)
    if len(rows) > len(shown):
        terminal.console().print(f"... {len(rows) - len(shown)} more rows in {saved_to}", markup=False)


def _ranking(top: Top, by: str, shown: set[str]) -> list[Column]:
    """What the compounds are ranked by, where the table does not show it anyway: `binder` for the rank score."""
    from binding.screening.store import RANKED_BY

    name = "binder" if by == RANKED_BY else by
    rows = top.rows.to_pylist()
    if name in shown or all(row.get(name) is None for row in rows):
        return []
    return terminal.all_columns(column for column in _columns_of(top) if column.name == name)


def _word(flag: bool | None) -> str:
    return "" if flag is None else "yes" if flag else "no"


def _print_notes(top: Top, saved_to: Path | None) -> None:
    if top.left_out:
        typer.echo(f"note: {top.left_out} compounds were left out by --prefilter, see left_out.csv", err=True)
    if not top.finished:
        typer.echo("note: the screen is not finished, or goes on: these are the best so far", err=True)
    what = f"{len(top.rows)} compounds" if len(top.rows) else "no compound meets the condition"
    typer.echo(what if saved_to is None else f"{what}; written to {saved_to}", err=True)

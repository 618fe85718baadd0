"""``binding probe``: what changes when a part of the model or of its input is changed."""

from __future__ import annotations

import csv
import math
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from binding.cli import options, terminal
from binding.cli.errors import guarded
from binding.cli.predict import Tally, requests_of
from binding.cli.terminal import Column, number
from binding.errors import UsageError

if TYPE_CHECKING:
    from binding.probes.rows import Probed


@guarded
@options.with_scoring()
def command(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="INPUT",
            help="A protein, a complex with its ligand (.pdb, .cif), a table or a folder, as for `binding predict`.",
        ),
    ] = None,
    positional: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LIGAND", help="Ligand files, or which ligand of a complex to probe: auto, LIG or A:LIG:301."
        ),
    ] = None,
    protein: options.MaybeProtein = None,
    ligand: Annotated[
        list[str] | None,
        typer.Option("-l", "--ligand", metavar="FILE|NAME", help="The same as LIGAND; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write all rows to a .csv file.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PROBE", help="off, scale, plant or noise; may be repeated. All by default."),
    ] = None,
    plant: Annotated[
        list[str] | None,
        typer.Option(
            "--plant",
            metavar="RESIDUE=TYPE",
            help="Give a residue the type of another, such as A:VAL:84=ASP; may be repeated. By default several "
            "types on the residue that contributes most.",
        ),
    ] = None,
    noise: Annotated[
        str, typer.Option("--noise", metavar="LIST", help="Standard deviations of the ligand's coordinates, Å.")
    ] = "0.1,0.25,0.5,1,1.5,2",
    draws: Annotated[int, typer.Option("--draws", metavar="N", min=1, help="Draws of each level of noise.")] = 4,
    limit: Annotated[
        float, typer.Option("--limit", metavar="PK", help="A change of pK above this is said to break the answer.")
    ] = 0.5,
    seed: options.Seed = 0,
    *,
    scoring: options.Scoring,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Change one part of the model or of its input; see what follows.

    Parts are switched off, one modality's features scaled, a residue's type replaced and the ligand's coordinates
    shaken, each by itself and without training. For each: how pK changes, and how much of the attention, of the
    residues' contributions and of their gradients goes elsewhere (0 nothing, 1 all).
    """
    ligands = [*(positional or []), *(ligand or [])]
    if source is None and protein is None:
        raise UsageError("There is nothing to probe.", "Try: binding probe protein.pdb ligand.sdf")
    start = time.perf_counter()

    from binding import api
    from binding.files import check_not_input
    from binding.io.results import cell_text
    from binding.probes.rows import PROBE_COLUMNS
    from binding.probes.run import PROBES, ProbePlan

    plan = ProbePlan(
        probes=tuple(only or PROBES),
        plant=tuple(plant or ()),
        levels=_numbers(noise, "--noise"),
        draws=draws,
        limit=limit,
        seed=seed,
    )
    chosen = scoring.options()
    requests = requests_of(source, protein, ligands)
    if not quiet:
        terminal.print_reading_notes(requests)
    tally, shown = Tally(keep=False, limit=None), 0
    with ExitStack() as stack:
        table = None
        if output is not None:
            named = [request.protein for request in requests] + [request.ligand for request in requests]
            check_not_input(output, [item for item in (source, *scoring.files, *named) if isinstance(item, Path)])
            table = csv.DictWriter(_opened(stack, output), PROBE_COLUMNS, lineterminator="\n")
            table.writeheader()
        found = api.probe_rows(requests, chosen, plan)
        total = len(requests) if len(requests) > 1 else None
        for probed in terminal.progress(found, total, shown=sys.stderr.isatty() and not quiet):
            if table is not None:
                table.writerows({name: cell_text(value) for name, value in row.items()} for row in probed.rows())
            tally.add(probed.row)
            if probed.probes and shown < terminal.SHOWN_NOTES:
                shown += 1
                _show(probed)
    if tally.counts["ok"] > shown:
        where = f" in {output}" if output is not None else "; -o FILE keeps all"
        terminal.console().print(f"... {tally.counts['ok'] - shown} more complexes{where}", markup=False)
    tally.show(None)
    if not quiet:
        saved = None if output is None else str(output)
        typer.echo(terminal.summary(tally.counts, tally.warned, time.perf_counter() - start, saved), err=True)
    return tally.exit_code(named_outright=bool(ligands))


def _opened(stack: ExitStack, output: Path) -> IO[str]:
    from binding.files import atomic

    if output.suffix.lower() != ".csv":
        raise UsageError(f"{output.name} is no .csv file.", "Name the output such as probes.csv.")
    return stack.enter_context(open(stack.enter_context(atomic(output)), "w", encoding="utf-8", newline=""))


def _numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        return tuple(float(item) for item in text.replace(" ", "").split(",") if item)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no list of numbers.", "Write numbers with commas: 0.5,1,2.") from None


def _show(probed: Probed) -> None:
    """The rows of one complex."""
    first, *rest = probed.rows()
    terminal.console().print(f"{probed.row.id}: pK {number(first['pk'], 2)} as it is", markup=False)
    columns = [
        Column("probe", False, lambda row: row["probe"]),
        Column("part", False, lambda row: _part(row)),
        Column("pK", True, lambda row: number(row["pk"], 2)),
        Column("change\npK", True, lambda row: f"{row['pk_change']:+.2f}" if row["probe"] != "noise" else _spread(row)),
        *(
            Column(f"{name}\nmoved", True, lambda row, name=full: number(row[f"{name}_moved"], 2))  # type: ignore[misc]
            for name, full in (("atten.", "attention"), ("contrib.", "contributions"), ("grad.", "gradients"))
        ),
    ]
    caption = "moved: 0 nothing, 1 all of it went elsewhere; change of noise: root mean square over the draws"
    terminal.print_columns(columns, rest, caption)
    if any(row["probe"] == "noise" for row in rest):
        level = probed.breaks_at
        says = "at no level of noise" if level is None else f"at {level:g} Å of noise"
        terminal.console().print(f"pK changes by more than {probed.limit:g} {says}.", markup=False)


def _part(row: dict[str, Any]) -> str:
    if math.isnan(row["level"]):
        return str(row["part"])
    return f"{row['part']}, {row['level']:g} Å" if row["probe"] == "noise" else f"{row['part']} x {row['level']:g}"


def _spread(row: dict[str, Any]) -> str:
    return f"± {abs(row['pk_change']):.2f}"

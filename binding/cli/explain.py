"""``binding explain``: what each residue and each ligand atom adds to pk."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from binding.cli import options, terminal
from binding.cli.errors import guarded
from binding.cli.predict import Tally, requests_of
from binding.cli.terminal import Column, number
from binding.errors import UsageError

if TYPE_CHECKING:
    from binding.explanation.rows import Explanation


@guarded
def command(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="INPUT",
            help="Protein, or a complex with its ligand (.pdb, .cif); a table of pairs or a folder, as for predict.",
        ),
    ] = None,
    positional: Annotated[
        list[str] | None,
        typer.Argument(metavar="LIGAND", help="Ligand files, or which ligand of a complex: auto, LIG or A:LIG:301."),
    ] = None,
    protein: Annotated[
        Path | None,
        typer.Option("-p", "--protein", "-r", "--receptor", metavar="FILE", help="Protein, instead of INPUT."),
    ] = None,
    ligand: Annotated[
        list[str] | None,
        typer.Option("-l", "--ligand", metavar="FILE|NAME", help="As LIGAND; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FOLDER",
            help="Write parts.csv, residues.csv, atoms.csv, ligands.sdf and report.html.",
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=0, help="Residues and atoms on the terminal, strongest first.")] = 8,
    pocket_cutoff: options.PocketCutoff = None,
    pocket_ligand: options.PocketLigand = None,
    center: options.Center = None,
    radius: options.Radius = None,
    pocket_residues: options.PocketResidues = None,
    template: options.Template = None,
    model: options.Model = None,
    device: options.Device = "auto",
    workers: options.Workers = None,
    batch_size: options.BatchSize = 32,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Say what pk is the sum of: the ligand's part, and what each residue and each ligand atom adds in contacts.

    pK = -log10(K / M); a part above zero binds tighter. One row a ligand record, as for predict.
    """
    ligands = [*(positional or []), *(ligand or [])]
    if source is None and protein is None:
        raise UsageError("There is nothing to explain.", "Try: binding explain protein.pdb ligand.sdf")
    start = time.perf_counter()

    from binding import api
    from binding.files import check_not_input
    from binding.reports import explanation_folder as explaining
    from binding.score.options import ScoringOptions

    pocket = options.pocket_choice(pocket_cutoff, pocket_ligand, center, radius, pocket_residues)
    scoring = ScoringOptions(
        pocket=pocket, template=template, model=model, device=device, workers=workers, batch_size=batch_size
    )
    requests = requests_of(source, protein, ligands)
    if not quiet:
        terminal.print_reading_notes(requests)
    if output is not None:
        named = [request.protein for request in requests] + [request.ligand for request in requests]
        files = [item for item in (source, pocket_ligand, *named) if isinstance(item, Path)]
        for name in explaining.FILES:
            check_not_input(output / name, files)
    found = api.explain_rows(requests, scoring)
    tally = Tally(keep=False, limit=None)
    shown: list[Explanation] = []
    with nullcontext() if output is None else explaining.ExplanationFolder(output) as folder:
        total = len(requests) if len(requests) > 1 else None  # one request may be a library
        for explanation in terminal.progress(found, total, shown=sys.stderr.isatty() and not quiet):
            if folder is not None:
                folder.write(explanation)
            tally.add(explanation.row)
            if explanation.reasons is not None and len(shown) < terminal.SHOWN_ROWS:
                shown.append(explanation)
    _show(shown, top, tally.counts["ok"])
    tally.show(None)
    if not quiet:
        saved = None if output is None else str(output)
        typer.echo(terminal.summary(tally.counts, tally.warned, time.perf_counter() - start, saved), err=True)
    return tally.exit_code(named_outright=bool(ligands))


def _show(shown: Sequence[Explanation], top: int, scored: int) -> None:
    """All of a single complex; of several their parts."""
    if len(shown) == 1:
        _show_one(shown[0], top)
    elif shown:
        _show_parts(shown)
        if scored > len(shown):
            terminal.console().print(f"... {scored - len(shown)} more complexes", markup=False)


def _show_one(explanation: Explanation, top: int) -> None:
    from binding.explanation.contributions import PARTS
    from binding.explanation.rows import residue_label, strongest

    row = explanation.row
    values = explanation.parts()
    parts = [
        {"part": text, "pk": values[f"pk_{name}"], "pk_std": values[f"pk_{name}_std"]}
        for name, text in PARTS.items()
        if math.isfinite(values[f"pk_{name}"])  # else the weights have no such part
    ]
    error = f"pK {number(row.pk, 2)} ± {number(row.pk_std, 2)}"
    said = f"{row.id}: {error} = -log10(K/M), the sum of its parts; above zero binds tighter"
    terminal.console().print(said, markup=False)
    terminal.print_columns([Column("part", False, lambda part: part["part"]), *_share_columns()], parts, "")
    for title, rows, extra, label in (
        (
            "residue",
            explanation.residues(),
            [
                Column("distance\nÅ", True, lambda item: number(item["distance"], 2)),
                Column("contacts, by distance", False, lambda item: item["contacts"]),
            ],
            residue_label,
        ),
        ("ligand atom", explanation.atoms(), [], lambda item: f"{item['element']}{item['atom']}"),
    ):
        chosen = strongest(rows, top)
        if chosen:
            caption = f"{len(chosen)} of {len(rows)} {title}s"
            terminal.print_columns([Column(title, False, label), *_share_columns(), *extra], chosen, caption)


def _share_columns() -> list[Column]:
    return [
        Column("pK", True, lambda item: f"{item['pk']:+.2f}"),
        Column("±, over\nnetworks", True, lambda item: number(item["pk_std"], 2)),
    ]


def _show_parts(shown: Sequence[Explanation]) -> None:
    """A line for each complex."""
    from binding.explanation.contributions import PARTS

    rows: list[dict[str, Any]] = [explanation.parts() for explanation in shown]
    columns = [Column("id", False, lambda row: row["id"]), Column("pK", True, lambda row: number(row["pk"], 2))]
    columns += [
        _part_column(f"pk_{name}", text)
        for name, text in PARTS.items()
        if any(math.isfinite(row[f"pk_{name}"]) for row in rows)
    ]
    terminal.print_columns(columns, rows, "parts add up to pK = -log10(K/M); above zero binds tighter")


def _part_column(name: str, text: str) -> Column:
    return Column(text.replace(": ", ":\n"), True, lambda row: f"{row[name]:+.2f}")

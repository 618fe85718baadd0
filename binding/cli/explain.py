"""``binding explain``: what each residue and each ligand atom adds to pk."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from binding.cli import options, terminal
from binding.cli.errors import guarded
from binding.cli.predict import Tally, requests_of
from binding.cli.terminal import Column, number
from binding.errors import UsageError

if TYPE_CHECKING:
    from binding.explanation.rows import Explanation

#: The parts of pk on a narrow terminal, some of them together: their header, and which they are.
_SHORT: Final = {
    "prior:\nligand": ("prior_ligand",),
    "prior:\nsite": ("prior_site",),
    "const.": ("constant",),
    "net-\nworks": ("ligand_term", "contacts_learned"),
    "Vina's\nterms": ("contacts_vina",),
    "geo-\nmetry": ("geometry_ligand", "geometry_contacts", "geometry_burial"),
    "bound": ("bound",),
}
_KNOWN: Final = 0.8  # nearness to a measurement from which on pk hardly follows contacts
_MEASURED: Final = (
    "The model knows a measurement of this complex or of one much like it, and pK follows that rather than the "
    "contacts. --experts network explains what the structure says by itself."
)


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
            metavar="LIGAND", help="Ligand files, or which ligand of a complex to explain: auto, LIG or A:LIG:301."
        ),
    ] = None,
    protein: options.MaybeProtein = None,
    ligand: Annotated[
        list[str] | None,
        typer.Option("-l", "--ligand", metavar="FILE|NAME", help="The same as LIGAND; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FOLDER",
            help="Write a page (report.html), tables, explanation.json, and files for PyMOL and ChimeraX.",
        ),
    ] = None,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=0, help="Residues and atoms to print, strongest first.")
    ] = 8,
    attention: Annotated[
        bool, typer.Option("--attention", help="Also give attention weights by layer, direction and head.")
    ] = False,
    gradients: Annotated[
        bool, typer.Option("--gradients", help="Also give integrated gradients (extra `explain`, captum).")
    ] = False,
    occlusion: Annotated[
        bool, typer.Option("--occlusion", help="Also delete each residue and each piece of the ligand in turn.")
    ] = False,
    evidence: Annotated[
        int,
        typer.Option(
            "--evidence", metavar="N", min=0, help="Measurements behind the prior's part to list; 0 for none."
        ),
    ] = 10,
    interactions: Annotated[
        bool,
        typer.Option(
            "--interactions", help="Also name hydrogen bonds, salt bridges and others (extra `interactions`, ProLIF)."
        ),
    ] = False,
    *,
    scoring: options.Scoring,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Show what each residue and ligand atom contributes to pK.

    pK is taken apart into what the ligand contributes alone and what each contact with the protein adds; a part above
    zero binds tighter. One result per ligand record, as for `binding predict`.
    """
    ligands = [*(positional or []), *(ligand or [])]
    if source is None and protein is None:
        raise UsageError("There is nothing to explain.", "Try: binding explain protein.pdb ligand.sdf")
    start = time.perf_counter()

    from binding import api
    from binding.explanation.run import Asked
    from binding.files import check_not_input
    from binding.reports import explanation_folder as explaining

    chosen = scoring.options()
    requests = requests_of(source, protein, ligands)
    if not quiet:
        terminal.print_reading_notes(requests)
    if output is not None:
        named = [request.protein for request in requests] + [request.ligand for request in requests]
        files = [item for item in (source, *scoring.files, *named) if isinstance(item, Path)]
        for name in explaining.FILES:
            check_not_input(output / name, files)
    found = api.explain_rows(requests, chosen, Asked(attention, gradients, occlusion, evidence, interactions))
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
    terminal.print_columns([Column("part", False, lambda part: part["part"]), *_share_columns(parts)], parts, "")
    if explanation.reasons is not None and explanation.reasons.contributions.known > _KNOWN:
        terminal.console().print(_MEASURED, markup=False)
    others = _other_columns(explanation)
    distance = Column("distance\nÅ", True, lambda item: number(item["distance"], 2))
    contacts = Column("contacts, by distance", False, lambda item: item["contacts"])
    for title, rows, extra, label in (
        (
            "residue",
            explanation.residues(),
            [distance, *others] if others and terminal.is_narrow() else [distance, *others, contacts],
            residue_label,
        ),
        ("ligand atom", explanation.atoms(), others, lambda item: f"{item['element']}{item['atom']}"),
    ):
        chosen = strongest(rows, top)
        if chosen:
            caption = f"{len(chosen)} of {len(rows)} {title}s"
            terminal.print_columns([Column(title, False, label), *_share_columns(chosen), *extra], chosen, caption)
    _show_fragments(explanation)
    _show_interactions(explanation.interactions())
    _show_evidence(explanation.evidence(), top)
    if others and explanation.agreement is not None:
        terminal.console().print(explanation.agreement.sentence, markup=False)


def _other_columns(explanation: Explanation) -> list[Column]:
    """Of residues and atoms, what was asked for beside the contributions."""
    columns = []
    if explanation.attention is not None:
        columns.append(Column("attention", True, lambda item: number(item["attention"], 2)))
    if explanation.gradients is not None:
        columns.append(Column("gradient\npK", True, lambda item: f"{item['pk_gradient']:+.2f}"))
    if explanation.occlusion is not None:
        columns.append(Column("deleted\npK", True, lambda item: f"{item['pk_occlusion']:+.2f}"))
    return columns


def _show_fragments(explanation: Explanation) -> None:
    """What pk loses without each piece of the ligand, where that was asked for."""
    if explanation.occlusion is None:
        return
    atoms = explanation.atoms()
    rows = [
        {
            "piece": f"{one.piece.kind} of {len(one.piece.atoms)} with "
            f"{atoms[one.piece.atoms[0]]['element']}{one.piece.atoms[0] + 1}",
            "smiles": one.piece.smiles,
            "pk": one.pk,
        }
        for one in sorted(explanation.occlusion.fragments, key=lambda one: -one.pk)
    ]
    columns = [
        Column("piece of the ligand", False, lambda item: item["piece"]),
        Column("deleted\npK", True, lambda item: f"{item['pk']:+.2f}" if math.isfinite(item["pk"]) else ""),
        Column("SMILES", False, lambda item: item["smiles"]),
    ]
    terminal.print_columns(columns, rows, "deleted: what pK loses without it; above zero it holds the ligand")


def _show_interactions(rows: Sequence[dict[str, Any]]) -> None:
    """Interactions by name, nearest first."""
    if not rows:
        return
    columns = [
        Column("interaction", False, lambda row: row["kind"]),
        Column("residue", False, lambda row: row["residue_label"]),
        Column("ligand atoms", False, lambda row: row["atoms"]),
        Column("distance\nÅ", True, lambda row: number(row["distance"], 2)),
        Column("angle\n°", True, lambda row: number(row["angle"], 0)),
        Column("residue's\npK", True, lambda row: f"{row['pk']:+.2f}" if math.isfinite(row["pk"]) else ""),
    ]
    terminal.print_columns(columns, rows, "found by ProLIF from heavy atoms; they do not enter pK")


def _show_evidence(rows: Sequence[dict[str, Any]], top: int) -> None:
    """The measurements that weigh most in the prior's part."""
    listed = [row for row in rows if row["rank"] is not None][:top]
    if not listed:
        return
    columns = [
        Column("measured", False, lambda row: row["measured"]),
        Column("measured\npK", True, lambda row: number(row["measured_pk"], 2)),
        Column("ligand\nalike", True, lambda row: number(row["ligand_similarity"], 2)),
        Column("site\nalike", True, lambda row: number(row["site_similarity"], 2)),
        Column("weight", True, lambda row: number(row["weight"], 2)),
        Column("pK", True, lambda row: f"{row['pk']:+.2f}"),
    ]
    rest = sum(row["pk"] for row in rows) - sum(row["pk"] for row in listed)
    terminal.print_columns(
        columns, listed, f"evidence of the prior; mean of all measurements and the rest: {rest:+.2f}"
    )


def _share_columns(rows: Sequence[dict[str, Any]]) -> list[Column]:
    """pK, and what networks differ by where they have a part in it."""
    columns = [Column("pK", True, lambda item: f"{item['pk']:+.2f}")]
    if any(math.isfinite(row["pk_std"]) for row in rows):
        columns.append(Column("±, over\nnetworks", True, lambda item: number(item["pk_std"], 2)))
    return columns


def _show_parts(shown: Sequence[Explanation]) -> None:
    """A line for each complex."""
    from binding.explanation.contributions import PARTS

    rows: list[dict[str, Any]] = [explanation.parts() for explanation in shown]
    columns = [Column("id", False, lambda row: row["id"]), Column("pK", True, lambda row: number(row["pk"], 2))]
    shared = _SHORT if terminal.is_narrow() else {text.replace(": ", ":\n"): (name,) for name, text in PARTS.items()}
    for header, names in shared.items():
        there = [f"pk_{name}" for name in names if any(math.isfinite(row[f"pk_{name}"]) for row in rows)]
        if there:
            columns.append(_part_column(there, header))
    terminal.print_columns(columns, rows, "parts add up to pK = -log10(K/M); above zero binds tighter")


def _part_column(names: Sequence[str], text: str) -> Column:
    """The sum of some parts; empty where a row has none of them."""

    def cell(row: Any) -> str:
        found = [row[name] for name in names if math.isfinite(row[name])]
        return f"{sum(found):+.2f}" if found else ""

    return Column(text, True, cell)

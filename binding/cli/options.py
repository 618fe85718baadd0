"""Options that several verbs share, defined once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.errors import UsageError

if TYPE_CHECKING:
    from binding.graph.site import PocketSpec

Model = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME|PATH", help="Weights to use: a shipped name or a .safetensors file."),
]
Device = Annotated[
    str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps; auto takes a GPU if any.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        show_default="2, or 0 for up to 30 ligands",
        help="Processes that read files; 0 reads in the main process.",
    ),
]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="Complexes in one pass of the network.")]
Template = Annotated[
    str | None,
    typer.Option("--template", metavar="SMILES", help="Bond orders for a ligand that has none (PDB, PDBQT)."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no summary; errors are still shown.")]


class PrintChoice(StrEnum):
    """What goes to stdout."""

    auto = "auto"
    table = "table"
    csv = "csv"
    none = "none"


Print = Annotated[
    PrintChoice,
    typer.Option("--print", help="On stdout: a table, CSV or nothing; auto is a table on a terminal, CSV in a pipe."),
]

PocketCutoff = Annotated[
    float | None,
    typer.Option(
        "--pocket-cutoff",
        metavar="Å",
        show_default="10",
        help="Keep residues with a heavy atom this close to the ligand (or to --pocket-ligand).",
        rich_help_panel="Pocket",
    ),
]
PocketLigand = Annotated[
    Path | None,
    typer.Option(
        "--pocket-ligand",
        "--autobox_ligand",
        metavar="FILE",
        help="Take the pocket around this ligand instead of around each scored one.",
        rich_help_panel="Pocket",
    ),
]
Center = Annotated[
    tuple[float, float, float] | None,
    typer.Option("--center", metavar="X Y Z", help="Centre of the pocket, Å.", rich_help_panel="Pocket"),
]
Radius = Annotated[
    float | None,
    typer.Option("--radius", metavar="Å", help="Radius about --center.", rich_help_panel="Pocket"),
]
PocketResidues = Annotated[
    str | None,
    typer.Option(
        "--pocket-residues",
        metavar="A:ASP:25,A:25,...",
        help="The residues of the pocket, by commas.",
        rich_help_panel="Pocket",
    ),
]


def pocket_choice(
    cutoff: float | None,
    ligand: Path | None,
    center: tuple[float, float, float] | None,
    radius: float | None,
    residues: str | None,
) -> PocketSpec:
    """The pocket options as one choice.

    Raises:
        UsageError: They exclude each other.
        BindingError: The reference ligand cannot be read.
    """
    from dataclasses import replace

    from binding.graph.site import PocketSpec
    from binding.score.options import resolve_pocket

    if ligand is not None:
        if center is not None or residues is not None:
            raise UsageError(
                "--pocket-ligand, --center and --pocket-residues exclude each other.", "Leave all but one."
            )
        spec = resolve_pocket(ligand)
        return spec if cutoff is None else replace(spec, cutoff=cutoff)
    if cutoff is not None and (center is not None or residues is not None):
        raise UsageError("--pocket-cutoff goes with a ligand only.", "With --center, give --radius instead.")
    names = tuple(item.strip() for item in residues.split(",") if item.strip()) if residues is not None else None
    if names == ():
        raise UsageError("--pocket-residues is empty.", "Write it like A:ASP:25,A:27.")
    if cutoff is None and center is None and radius is None and names is None:
        return PocketSpec()
    return PocketSpec(cutoff=10.0 if cutoff is None else cutoff, center=center, radius=radius, residues=names)

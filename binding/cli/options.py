"""Options that several verbs share, defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no summary; errors are still shown.")]

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

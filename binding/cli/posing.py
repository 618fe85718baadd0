"""Options that say how compounds without a pose get one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.errors import UsageError

if TYPE_CHECKING:
    from binding.screening.plan import Posing

_PANEL = "Poses of SMILES"

PlaceOn = Annotated[
    Path | None,
    typer.Option(
        "--place-on",
        metavar="FILE",
        help="Place each compound on this posed ligand of the same series; see binding place.",
        rich_help_panel=_PANEL,
    ),
]
Dock = Annotated[
    bool,
    typer.Option(
        "--dock",
        help="Dock with AutoDock Vina (binding[dock]) about --pocket-ligand, or in --center and --radius.",
        rich_help_panel=_PANEL,
    ),
]
Poses = Annotated[
    int,
    typer.Option("--poses", min=1, help="Docked poses of each stereoisomer that are scored.", rich_help_panel=_PANEL),
]
Isomers = Annotated[
    int,
    typer.Option(
        "--isomers",
        min=1,
        help="Stereoisomers that are tried where the SMILES leaves them open.",
        rich_help_panel=_PANEL,
    ),
]
Exhaustiveness = Annotated[
    int, typer.Option("--exhaustiveness", min=1, help="Of Vina: time grows with it.", rich_help_panel=_PANEL)
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", min=0, help="Of conformers and docking: the same seed, the same poses.", rich_help_panel=_PANEL
    ),
]


def choice(
    place_on: Path | None, dock: bool, poses: int, isomers: int, exhaustiveness: int, seed: int
) -> Posing | None:
    """The options as one choice; None where neither way was named.

    Raises:
        UsageError: Both were.
    """
    from binding.screening.plan import Posing

    if place_on is not None and dock:
        raise UsageError("--place-on and --dock exclude each other.", "Leave out one.")
    if place_on is None and not dock:
        return None
    how = "dock" if dock else "place"
    return Posing(how, place_on, poses=poses, isomers=isomers, exhaustiveness=exhaustiveness, seed=seed)

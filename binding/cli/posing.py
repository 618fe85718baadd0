"""Options that say how compounds without a pose get one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.errors import UsageError

if TYPE_CHECKING:
    from binding.poses.poser import Posing

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
        help="Stereoisomers that are tried where the SMILES leaves the stereochemistry open.",
        rich_help_panel=_PANEL,
    ),
]
Exhaustiveness = Annotated[
    int,
    typer.Option(
        "--exhaustiveness", min=1, help="Vina exhaustiveness; run time scales with it.", rich_help_panel=_PANEL
    ),
]
PoserName = Annotated[
    str | None,
    typer.Option(
        "--poser",
        metavar="NAME",
        help="Another way to pose: command (any docking program), one of an installed package, or module:Class.",
        rich_help_panel=_PANEL,
    ),
]
PoserOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--poser-option",
        metavar="NAME=VALUE",
        help="Setting of that poser, such as 'command=smina -r {receptor} -l {ligand} -o {output} ...'. "
        "May be repeated.",
        rich_help_panel=_PANEL,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed",
        min=0,
        help="Seed of conformers and docking: the same seed gives the same poses.",
        rich_help_panel=_PANEL,
    ),
]


def choice(
    place_on: Path | None,
    dock: bool,
    poses: int,
    isomers: int,
    exhaustiveness: int,
    seed: int,
    poser: str | None = None,
    poser_options: list[str] | None = None,
) -> Posing | None:
    """The options as one choice; None where no way was named.

    Raises:
        UsageError: More than one was, or an option of a poser is not of the form NAME=VALUE.
    """
    from binding.poses.poser import Posing

    ways = {"--place-on": place_on is not None, "--dock": dock, "--poser": poser is not None}
    given = [name for name, asked in ways.items() if asked]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other.", "Give one of them.")
    if poser_options and poser is None:
        raise UsageError("--poser-option is a setting of --poser.", "Add --poser NAME.")
    if not given:
        return None
    how = poser or ("dock" if dock else "place")
    options = dict(_option(text) for text in poser_options or ())
    return Posing(
        how, place_on, poses=poses, isomers=isomers, exhaustiveness=exhaustiveness, seed=seed, options=options
    )


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--poser-option {text!r} is not understood.", "Write NAME=VALUE.")
    return name.strip(), value

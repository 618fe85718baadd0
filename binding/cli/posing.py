"""Options that say how compounds without a pose get one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.errors import UsageError

if TYPE_CHECKING:
    from binding.poses.poser import Posing

PlaceOn = Annotated[
    Path | None,
    typer.Option(
        "--place-on",
        metavar="FILE",
        help="For SMILES: place each compound on this posed ligand of the same series; see `binding place`.",
    ),
]
Dock = Annotated[
    bool,
    typer.Option(
        "--dock",
        help="For SMILES: dock with AutoDock Vina (extra binding[dock]) around --pocket-ligand, or in --center and "
        "--radius.",
    ),
]
Poses = Annotated[int, typer.Option("--poses", metavar="N", min=1, help="Docked poses to score per stereoisomer.")]
Isomers = Annotated[
    int,
    typer.Option(
        "--isomers", metavar="N", min=1, help="Stereoisomers to try where the SMILES leaves the stereochemistry open."
    ),
]


class DockSpeed(StrEnum):
    """How long a docking engine searches."""

    fast = "fast"
    normal = "normal"
    thorough = "thorough"


Speed = Annotated[
    DockSpeed,
    typer.Option("--dock-speed", help="How long to search: fast is a quarter of normal, for large libraries."),
]
Exhaustiveness = Annotated[
    int | None,
    typer.Option(
        "--exhaustiveness",
        metavar="N",
        min=1,
        show_default="by --dock-speed: 2, 8 or 32",
        help="Vina exhaustiveness; run time scales with it.",
    ),
]
PoserName = Annotated[
    str | None,
    typer.Option(
        "--poser",
        metavar="NAME",
        help="For SMILES: another way to pose them: command (any docking program), one of an installed package, or "
        "module:Class.",
    ),
]
PoserOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--poser-option",
        metavar="NAME=VALUE",
        help="Setting of --poser, such as 'command=smina -r {receptor} -l {ligand} -o {output} ...'; may be repeated.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", metavar="N", min=0, help="Random seed of conformers and docking; the same seed gives the same poses."
    ),
]


def choice(
    place_on: Path | None,
    dock: bool,
    poses: int,
    isomers: int,
    exhaustiveness: int | None,
    seed: int,
    speed: DockSpeed = DockSpeed.normal,
    poser: str | None = None,
    poser_options: list[str] | None = None,
) -> Posing | None:
    """The options as one choice; None where no way was named.

    Raises:
        UsageError: More than one was, or an option of a poser is not of the form NAME=VALUE.
    """
    from binding.poses.poser import DOCK_SPEEDS, Posing

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
        how,
        place_on,
        poses=poses,
        isomers=isomers,
        exhaustiveness=exhaustiveness or DOCK_SPEEDS[speed],
        seed=seed,
        options=options,
    )


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--poser-option {text!r} is not understood.", "Write NAME=VALUE.")
    return name.strip(), value

"""Options that several verbs share, each defined once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from binding.constants import Experts
from binding.errors import UsageError

if TYPE_CHECKING:
    from binding.graph.site import PocketSpec
    from binding.score.options import ScoringOptions
    from binding.score.plausibility import PoseChecks

_PROTEIN: Final = typer.Option(
    "-p", "--protein", "-r", "--receptor", metavar="FILE", help="Protein structure: PDB or mmCIF, plain or .gz."
)
Protein = Annotated[Path, _PROTEIN]
MaybeProtein = Annotated[Path | None, _PROTEIN]
Model = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME|PATH", help="Weights: a shipped name or a .safetensors file."),
]
Device = Annotated[
    str,
    typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:1; auto uses a GPU if there is one."),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=0,
        show_default="2, or 1 for up to 30 ligands",
        help="Processes that read files; 0 reads them in the main process, without a time limit.",
    ),
]
AllCores = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=0,
        show_default="all cores",
        help="Worker processes; 0 uses only the main process, without a time limit.",
    ),
]


def _time_limit(default: str) -> Any:
    return typer.Option(
        "--time-limit",
        metavar="SECONDS",
        show_default=default,
        help="Give up a record that takes longer; the others go on.",
    )


TimeLimit = Annotated[float | None, _time_limit("30")]
PlacingTimeLimit = Annotated[float | None, _time_limit("120")]
PosingTimeLimit = Annotated[float | None, _time_limit("30; 120 placed; 1800 docked")]
ExpertsChoice = Annotated[
    Experts,
    typer.Option(
        "--experts",
        help="What pk is made of: all, the structure alone (network: networks and geometry), or the prior alone.",
    ),
]
BatchSize = Annotated[
    int,
    typer.Option(
        "--batch-size", metavar="N", min=1, help="Complexes per pass of the network; about 8 times as many on a GPU."
    ),
]
Template = Annotated[
    str | None,
    typer.Option(
        "--template", metavar="SMILES", help="SMILES that supplies bond orders for a ligand without any (PDB, PDBQT)."
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, help="Random seed; the same seed gives the same result.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, such as epochs=20; may be repeated."),
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Discard what the output folder holds and start from the beginning.")
]
Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="Output folder of `binding screen`; the screen may still be running.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress and no summary; errors are still shown.")]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Tell every warning and failure, not only the first few.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


class PrintChoice(StrEnum):
    """What goes to stdout."""

    auto = "auto"
    table = "table"
    csv = "csv"
    wide = "wide"
    none = "none"


Print = Annotated[
    PrintChoice,
    typer.Option(
        "--print",
        help="What to print: a table as wide as the terminal, CSV, a wide table of all columns, or nothing; auto is a "
        "table on a terminal and CSV into a pipe.",
    ),
]


class CheckChoice(StrEnum):
    """Who tests the poses."""

    fast = "fast"
    posebusters = "posebusters"


Checks = Annotated[
    CheckChoice | None,
    typer.Option(
        "--checks",
        help="Add columns that say whether each pose is physically plausible: fast, or posebusters, which needs that "
        "package.",
    ),
]
CheckThresholds = Annotated[
    Path | None, typer.Option("--check-thresholds", metavar="FILE", help="YAML with the limits of --checks.")
]

PocketCutoff = Annotated[
    float | None,
    typer.Option(
        "--pocket-cutoff",
        metavar="Å",
        show_default="10",
        help="Keep residues with a heavy atom within this distance of the ligand (or of --pocket-ligand).",
    ),
]
PocketLigand = Annotated[
    Path | None,
    typer.Option(
        "--pocket-ligand",
        "--autobox_ligand",
        metavar="FILE",
        help="Define the pocket by this ligand instead of by each scored one.",
    ),
]
Center = Annotated[
    tuple[float, float, float] | None, typer.Option("--center", metavar="X Y Z", help="Centre of the pocket, Å.")
]
Radius = Annotated[float | None, typer.Option("--radius", metavar="Å", help="Radius of the pocket about --center.")]
PocketResidues = Annotated[
    str | None,
    typer.Option(
        "--pocket-residues", metavar="RESIDUES", help="Residues of the pocket, separated by commas: A:ASP:25,A:27."
    ),
]

_POCKET: Final[Mapping[str, Any]] = {
    "pocket_cutoff": PocketCutoff,
    "pocket_ligand": PocketLigand,
    "center": Center,
    "radius": Radius,
    "pocket_residues": PocketResidues,
    "template": Template,
}


@dataclass(frozen=True)
class Scoring:
    """The options of a command line that say how to score, not looked at yet.

    Attributes:
        values: By the names of their parameters.
    """

    values: Mapping[str, Any]

    def options(self) -> ScoringOptions:
        """The same, checked.

        Raises:
            BindingError: They contradict each other, or the reference ligand or the template cannot be read.
        """
        from binding.score.options import ScoringOptions

        names = ("model", "device", "workers", "batch_size", "experts", "time_limit")
        chosen = {name: self.values[name] for name in names} | {"guarded": True}
        if "template" in self.values:
            chosen["template"] = self.values["template"]
            chosen["pocket"] = pocket_choice(*(self.values[name] for name in _POCKET if name != "template"))
        return ScoringOptions(**chosen)

    @property
    def files(self) -> list[Path]:
        """Input files that they name."""
        reference = self.values.get("pocket_ligand")
        return [] if reference is None else [reference]


def pose_checks(kind: CheckChoice | None, thresholds: Path | None) -> PoseChecks | None:
    """The tests of plausibility that were asked for.

    Raises:
        UsageError: Limits without tests, or the package for them is not installed.
        FileError, ConfigError: The file of limits cannot be used.
    """
    from binding.score.plausibility import PoseChecks

    if kind is None:
        if thresholds is not None:
            raise UsageError("--check-thresholds goes with --checks.", "Add --checks fast.")
        return None
    return PoseChecks(kind.value, thresholds)


def with_scoring(
    *, structures: bool = True, workers: Any = Workers, time_limit: Any = TimeLimit
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Adds the options of scoring to a command, which gets them as its argument ``scoring``.

    Args:
        structures: Whether the pocket and a template can be chosen.
        workers: The option ``--workers``.
        time_limit: The option ``--time-limit``.
    """
    shared = {
        **(_POCKET if structures else {}),
        "model": Model,
        "device": Device,
        "workers": workers,
        "time_limit": time_limit,
        "batch_size": BatchSize,
        "experts": ExpertsChoice,
    }
    defaults = {"device": "auto", "batch_size": 128, "experts": Experts.all}

    def add(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def run(**given: Any) -> int:
            scoring = Scoring({name: given.pop(name) for name in shared})
            return command(scoring=scoring, **given)

        hints = get_type_hints(command, include_extras=True)
        parameters = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name != "scoring":
                parameters.append(parameter.replace(annotation=hints[parameter.name]))
                continue
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters += [
                inspect.Parameter(name, kind, annotation=annotation, default=defaults.get(name))
                for name, annotation in shared.items()
            ]
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return add


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

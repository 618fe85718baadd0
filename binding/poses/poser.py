"""Ways to pose a compound, by name: one protocol, one registry.

A placer or docking engine is a class with the methods of ``Poser`` and one registration; ``docs/developing/poser.md``
builds one step by step. What a compound becomes depends on the compound, the receptor and the settings alone: the same
in any process and any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import ClassVar, Final, Protocol, cast, runtime_checkable

from rdkit import Chem

from binding.errors import BindingError, LigandError, UsageError
from binding.graph.site import PocketSpec
from binding.io.ligand import BadRecord, parse_record
from binding.io.results import RECORD_END, sdf_record
from binding.io.series import Compound
from binding.poses.states import State, states
from binding.structures import Ligand, Protein

#: Exhaustiveness of a docking engine by name: searches of each stereoisomer, to which its time is proportional.
DOCK_SPEEDS: Final = {"fast": 2, "normal": 8, "thorough": 32}
#: Packages name their posers under this group in their ``pyproject.toml``, as ``name = "module:Class"``.
ENTRY_POINTS: Final = "binding.posers"


@dataclass(frozen=True)
class Posing:
    """How compounds without a pose get one.

    Attributes:
        how: Name of a poser: ``place``, ``dock``, ``command``, one that is registered, or ``module:Class``.
        reference: File of posed reference ligands, for ``place``.
        poses: Maximum number of poses of a stereoisomer; placing gives one.
        seed: Random seed of conformers, of the docking search and of sampled stereoisomers.
        isomers: Maximum number of stereoisomers of a compound, where its structure leaves them open.
        exhaustiveness: Number of searches of the docking engine for each stereoisomer.
        options: Settings of this poser alone, by name.
    """

    how: str
    reference: Path | None = None
    poses: int = 3
    seed: int = 0
    isomers: int = 4
    exhaustiveness: int = DOCK_SPEEDS["normal"]
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def part_size(self) -> int:
        """Records of a part of a screen, unless asked otherwise."""
        return poser_class(self.how).part_size


@dataclass(frozen=True, eq=False)
class Pose:
    """One pose of one state of a compound, in the receptor's frame.

    Attributes:
        mol: Heavy atoms only, one conformer, Å.
        tags: Information of the method about the pose, as SD tags.
        notes: Sentences for the row's warnings.
    """

    mol: Chem.Mol
    tags: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@runtime_checkable
class Poser(Protocol):
    """Poses compounds in one receptor, in one process.

    Args:
        protein: The receptor.
        pocket: Where to pose.
        posing: The settings.

    Attributes:
        part_size: Records of a part of a screen, unless asked otherwise. It should be a minute's work or a few: a part
            is what is lost when a screen is killed.
        options: Names of the ``Posing.options`` that it understands.
    """

    part_size: ClassVar[int] = 128
    options: ClassVar[tuple[str, ...]] = ()

    def __init__(self, protein: Protein, pocket: PocketSpec, posing: Posing) -> None: ...

    @classmethod
    def check(cls, posing: Posing, pocket: PocketSpec) -> None:
        """Refuse, before anything is computed, settings that could give no pose.

        Raises:
            BindingError: Something is missing or does not fit.
        """

    def pose(self, state: State, name: str) -> list[Pose]:
        """The poses of one stereoisomer in one protonation, best first.

        Args:
            state: What to pose: sanitized, one fragment, heavy atoms only, no conformer.
            name: Name of the compound, for messages.

        Returns:
            One pose or more.

        Raises:
            LigandError: It cannot be posed; the compound's row says so.
        """
        ...


_known: dict[str, type[Poser] | str] = {
    "place": "binding.poses.place:PlacePoser",
    "dock": "binding.poses.dock:DockPoser",
    "command": "binding.poses.command:CommandPoser",
}


def register_poser(name: str, poser: type[Poser] | str) -> None:
    """Make a poser known by a name, in this process.

    Worker processes do not run your script: for these, and for the command line, name the poser as ``module:Class``, or
    let its package declare an entry point of the group ``binding.posers``.

    Args:
        name: Such as ``my_engine``.
        poser: The class, or its location ``module:Class``.
    """
    _known[name] = poser


def poser_names() -> list[str]:
    """The names that are known, those of installed packages included."""
    return sorted({*_known, *(entry.name for entry in entry_points(group=ENTRY_POINTS))})


def poser_class(name: str) -> type[Poser]:
    """The class of a poser.

    Args:
        name: One of ``poser_names``, or ``module:Class``.

    Raises:
        UsageError: There is none of this name, or it cannot be imported.
    """
    found = _known.get(name)
    if found is None:
        found = next((entry.value for entry in entry_points(group=ENTRY_POINTS) if entry.name == name), name)
    if not isinstance(found, str):
        return found
    module, colon, attribute = found.partition(":")
    if not colon:
        raise UsageError(
            f"There is no poser {name!r}.", f"Use one of {', '.join(poser_names())}, or module:Class for one of yours."
        )
    try:
        return cast("type[Poser]", getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise UsageError(f"The poser {name!r} cannot be loaded: {error}.", "Check its module and its name.") from error


def check_posing(posing: Posing | None, pocket: PocketSpec) -> None:
    """Refuse, before anything is computed, what could not give a pose.

    Args:
        posing: How compounds get poses; None where not given.
        pocket: Of the run; docking takes its box from it.

    Raises:
        UsageError: ``no_posing``, ``missing_extra``, or settings that do not fit.
        FileError: The reference cannot be read.
    """
    if posing is None:
        raise UsageError(
            "The library holds SMILES, which have no pose.",
            "Add --place-on FILE (a posed ligand of the same series) or --dock (AutoDock Vina).",
            "no_posing",
        )
    poser = poser_class(posing.how)
    if unknown := sorted(set(posing.options) - set(poser.options)):
        told = f"It knows {', '.join(poser.options)}." if poser.options else "It has none."
        raise UsageError(f"The poser {posing.how} has no option {', '.join(unknown)}.", told)
    poser.check(posing, pocket)
    for label in ("poses", "isomers", "exhaustiveness"):
        if getattr(posing, label) < 1:
            raise UsageError(f"--{label} is {getattr(posing, label)}.", "It is 1 or more.")


def pose_compound(
    compound: Compound, poser: Poser, posing: Posing, *, source: str = "", number: int = 0
) -> list[Ligand | BadRecord]:
    """The poses of a compound, stereoisomer after stereoisomer, best first within each.

    Each pose is written and read once as an SDF record, so that the pose which is scored is, to the last digit, the one
    that a file of poses holds.

    Args:
        compound: What to pose.
        poser: The poser.
        posing: How many stereoisomers are tried, and the seed.
        source: File of the compound.
        number: Its place in the file, from 0.

    Returns:
        At least one pose.

    Raises:
        BindingError: No stereoisomer could be posed.
    """
    found: list[Ligand | BadRecord] = []
    failed: list[BindingError] = []
    for state in states(compound.mol, isomers=posing.isomers, seed=posing.seed):
        try:
            poses = poser.pose(state, compound.name)
        except BindingError as error:
            failed.append(error)
            continue
        found += [_ligand(compound, state, pose, source, number) for pose in poses]
    if not found:
        nothing = LigandError(f"No pose of {compound.name} was found.", "Try another way to pose it.", "docking_failed")
        raise failed[0] if failed else nothing
    if failed:
        note = f"{len(failed)} stereoisomer{'s' if len(failed) > 1 else ''} could not be posed ({failed[0].code})"
        found = [replace(pose, notes=(*pose.notes, note)) if isinstance(pose, Ligand) else pose for pose in found]
    return found


def _ligand(compound: Compound, state: State, pose: Pose, source: str, number: int) -> Ligand | BadRecord:
    mol = Chem.Mol(pose.mol)
    mol.SetProp("_Name", compound.name)
    text = sdf_record(Chem.MolToMolBlock(mol), dict(pose.tags)).removesuffix(RECORD_END)
    read = parse_record(text, source, number)
    if isinstance(read, BadRecord):
        return read
    return replace(read, notes=(*compound.notes, *state.notes, *pose.notes, *read.notes))

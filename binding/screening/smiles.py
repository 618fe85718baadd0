"""Compounds without a pose: SMILES to posed ligands, on a reference ligand or by docking.

What a compound becomes depends on its SMILES, the receptor and the settings alone: the same in any process and any
order. Each pose is written and read once as an SDF record, so that the pose which is scored is, to the last
digit, the one that ``top.sdf`` holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from rdkit import Chem

from binding.errors import BindingError, UsageError
from binding.graph.site import PocketSpec
from binding.io.ligand import BadRecord, parse_record
from binding.io.results import RECORD_END, sdf_record
from binding.io.series import Compound, compound_from_smiles
from binding.poses.dock import Box, Docker, require_engine
from binding.poses.place import Placer
from binding.poses.series import read_references
from binding.poses.states import State, states
from binding.score.featurize import as_binding_error, load_protein
from binding.score.options import resolve_pocket
from binding.screening.plan import Posing, ScreenTask
from binding.screening.records import Record
from binding.structures import Ligand, Protein

DOCK: Final = "dock"
PLACE: Final = "place"
_RECEPTORS_KEPT: Final = 4  # records of one receptor follow each other; maps of a docking box take 100 MB


@dataclass(frozen=True, eq=False)
class _MadePose:
    """One pose of one state.

    Attributes:
        mol: Heavy atoms, one conformer.
        tags: What is known of it, SD tags.
        notes: Sentences for the row's warnings.
    """

    mol: Chem.Mol
    tags: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


_PoseMaker = Callable[[State, str], list[_MadePose]]


def check_posing(posing: Posing | None, pocket: PocketSpec) -> None:
    """Refuses, before anything is computed, what could not give a pose.

    Args:
        posing: How SMILES get poses; None where nothing was said.
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
    if posing.how == DOCK:
        require_engine()
        docking_box(pocket)
    elif posing.reference is None:
        raise UsageError("Placing needs a reference ligand.", "Give its file with --place-on.")
    elif not read_references(posing.reference):
        raise UsageError(f"{posing.reference} holds no ligand.", "Give a file with a posed ligand.")
    for label in ("poses", "isomers", "exhaustiveness"):
        if getattr(posing, label) < 1:
            raise UsageError(f"--{label} is {getattr(posing, label)}.", "It is 1 or more.")


def docking_box(pocket: PocketSpec) -> Box:
    """Where a docking engine searches: about the pocket's reference ligand, or the cube about centre and radius.

    Raises:
        UsageError: The pocket names neither.
    """
    if pocket.reference is not None:
        return Box.about(pocket.reference)
    if pocket.center is not None and pocket.radius is not None:
        return Box.of_radius(pocket.center, pocket.radius)
    raise UsageError("Docking needs a box.", "Give --pocket-ligand FILE, or --center X Y Z --radius R.")


def make_poser(task: ScreenTask) -> Callable[[Record], list[Ligand | BadRecord]]:
    """What a process does with each record of SMILES.

    Args:
        task: With ``posing``.
    """
    assert task.posing is not None
    return Poser(task, task.posing)


class Poser:
    """SMILES to posed ligands in one process; the receptor is prepared once.

    Args:
        task: Of the run.
        posing: How.
    """

    def __init__(self, task: ScreenTask, posing: Posing) -> None:
        self._task = task
        self._posing = posing
        self._makers: dict[tuple[Path | None, Path | str | PocketSpec | None], _PoseMaker] = {}

    def __call__(self, record: Record) -> list[Ligand | BadRecord]:
        """The poses of a record, stereoisomer after stereoisomer, best first by the method that made them.

        Returns:
            At least one; a single ``BadRecord`` where none could be made.
        """
        name = record.name or record.id
        try:
            compound = compound_from_smiles(record.text, name)
            maker = self._maker(record)
            return self._pose(compound, maker, record)
        except Exception as error:  # noqa: BLE001 - becomes the row of the record
            return [BadRecord(name, record.number, as_binding_error(error))]

    def _pose(self, compound: Compound, maker: _PoseMaker, record: Record) -> list[Ligand | BadRecord]:
        found: list[Ligand | BadRecord] = []
        failed: list[BindingError] = []
        for state in states(compound.mol, isomers=self._posing.isomers, seed=self._posing.seed):
            try:
                poses = maker(state, compound.name)
            except BindingError as error:
                failed.append(error)
                continue
            found += [self._ligand(compound, state, pose, record) for pose in poses]
        if not found:
            raise failed[0]
        if failed:
            note = f"{len(failed)} stereoisomer{'s' if len(failed) > 1 else ''} could not be posed ({failed[0].code})"
            found = [replace(pose, notes=(*pose.notes, note)) if isinstance(pose, Ligand) else pose for pose in found]
        return found

    def _ligand(self, compound: Compound, state: State, pose: _MadePose, record: Record) -> Ligand | BadRecord:
        mol = Chem.Mol(pose.mol)
        mol.SetProp("_Name", compound.name)
        text = sdf_record(Chem.MolToMolBlock(mol), pose.tags).removesuffix(RECORD_END)
        read = parse_record(text, record.file, record.number)
        if isinstance(read, BadRecord):
            return read
        return replace(read, notes=(*compound.notes, *state.notes, *pose.notes, *read.notes))

    def _maker(self, record: Record) -> _PoseMaker:
        """What poses ligands in the record's receptor."""
        key = (record.receptor, record.pocket)
        if key not in self._makers:
            while len(self._makers) >= _RECEPTORS_KEPT:
                del self._makers[next(iter(self._makers))]
            self._makers[key] = self._make(record)
        return self._makers[key]

    def _make(self, record: Record) -> _PoseMaker:
        protein = self._task.receptor if record.receptor is None else load_protein(record.receptor)
        if protein is None:
            raise UsageError("The library names no receptor and the run has none.", "Add -p receptor.pdb.")
        posing = self._posing
        if posing.how == PLACE:
            assert posing.reference is not None
            return _placing(Placer(protein, read_references(posing.reference), seed=posing.seed))
        pocket = self._task.scoring.pocket if record.pocket is None else resolve_pocket(record.pocket)
        return _docking(protein, pocket, posing)


def _placing(placer: Placer) -> _PoseMaker:
    def make(state: State, name: str) -> list[_MadePose]:
        placed = placer.place(state.mol, name)
        tags = {
            "place_reference": placed.reference,
            "place_core_coverage": f"{placed.core_coverage:.3f}",
            "place_core_rmsd": f"{placed.core_rmsd:.3f}",
            "place_clashes": str(placed.clashes),
            "place_score": f"{placed.score:.3f}",
        }
        return [_MadePose(placed.mol, tags, placed.notes)]

    return make


def _docking(protein: Protein, pocket: PocketSpec, posing: Posing) -> _PoseMaker:
    docker = Docker(
        protein,
        docking_box(pocket),
        reference=pocket.reference,
        seed=posing.seed,
        exhaustiveness=posing.exhaustiveness,
        num_poses=posing.poses,
    )

    def make(state: State, name: str) -> list[_MadePose]:
        poses = docker.dock(state.mol, name)
        return [_MadePose(pose.mol, {"dock_score": f"{pose.score:.3f}"}, docker.notes) for pose in poses]

    return make

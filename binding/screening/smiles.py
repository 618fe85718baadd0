"""Records of SMILES to posed ligands: the receptor of each record, and the poser that is kept for it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from binding.errors import UsageError
from binding.graph.site import PocketSpec
from binding.io.ligand import BadRecord
from binding.io.series import compound_from_smiles
from binding.poses.poser import Poser, Posing, pose_compound, poser_class
from binding.score.featurize import as_binding_error, load_protein
from binding.score.options import resolve_pocket
from binding.screening.plan import ScreenTask
from binding.screening.records import Record
from binding.structures import Ligand

_RECEPTORS_KEPT: Final = 4  # records of one receptor follow each other; maps of a docking box take 100 MB


class SmilesPoser:
    """Poses records of SMILES in one process; each receptor is prepared once.

    Args:
        task: Task of the run.
        posing: How compounds get poses.
    """

    def __init__(self, task: ScreenTask, posing: Posing) -> None:
        self._task = task
        self._posing = posing
        self._posers: dict[tuple[Path | None, Path | str | PocketSpec | None], Poser] = {}

    def __call__(self, record: Record) -> list[Ligand | BadRecord]:
        """The poses of a record; see ``pose_compound``.

        Returns:
            At least one; a single ``BadRecord`` where none could be made.
        """
        name = record.name or record.id
        try:
            compound = compound_from_smiles(record.text, name)
            poser = self._poser(record)
            return pose_compound(compound, poser, self._posing, source=record.file, number=record.number)
        except Exception as error:  # noqa: BLE001 - becomes the row of the record
            return [BadRecord(name, record.number, as_binding_error(error))]

    def _poser(self, record: Record) -> Poser:
        """What poses compounds in the record's receptor."""
        key = (record.receptor, record.pocket)
        if key not in self._posers:
            while len(self._posers) >= _RECEPTORS_KEPT:
                del self._posers[next(iter(self._posers))]
            self._posers[key] = self._make(record)
        return self._posers[key]

    def _make(self, record: Record) -> Poser:
        protein = self._task.receptor if record.receptor is None else load_protein(record.receptor)
        if protein is None:
            raise UsageError("The library names no receptor and the run has none.", "Add -p receptor.pdb.")
        pocket = self._task.scoring.pocket if record.pocket is None else resolve_pocket(record.pocket)
        return poser_class(self._posing.how)(protein, pocket, self._posing)

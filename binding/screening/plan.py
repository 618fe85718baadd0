"""What decides the numbers of a screen, and the key that its parts carry.

The key is a hash of the weights, the settings, the receptor and the library, each by content: a
part with another key is of another run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from binding import __version__
from binding.files import file_sha256
from binding.graph.site import PocketSpec
from binding.score.options import DEFAULT_BATCH_SIZE
from binding.screening.records import PART_SIZE
from binding.structures import Protein


@dataclass(frozen=True)
class Posing:
    """How SMILES get poses.

    Attributes:
        how: ``place`` on a reference ligand, or ``dock``.
        reference: File of the posed reference ligand, for ``place``.
        poses: Most docked poses of a stereoisomer that are scored; placing gives one.
        seed: Of conformers, of the docking search and of stereoisomers that are drawn.
        isomers: Most stereoisomers of a compound that are tried, where its structure leaves them open.
        exhaustiveness: Searches of the docking engine for each stereoisomer.
    """

    how: str
    reference: Path | None = None
    poses: int = 3
    seed: int = 0
    isomers: int = 4
    exhaustiveness: int = 8

    @property
    def part_size(self) -> int:
        """Records of a part, unless asked otherwise: a minute's work or a few, since a part is what is lost at once."""
        return 16 if self.how == "dock" else 128


@dataclass(frozen=True, eq=False)
class ScreenTask:
    """What every process needs to score parts; it can be pickled.

    Attributes:
        model: Weights, as ``load_model`` takes them (a name or an absolute path).
        device: Resolved: ``cpu``, ``cuda``, ``cuda:1``.
        receptor: The run's receptor; None where each record names its own.
        receptor_name: As shown in the rows.
        pocket: For records that name no pocket of their own.
        template: SMILES with the bond orders of ligands that have none.
        compound_tag: SD tag that groups the poses of a compound; None for the record's title.
        batch_size: Complexes in one pass of the network.
        posing: How SMILES get poses; None where the library has none.
    """

    model: str
    device: str
    receptor: Protein | None
    receptor_name: str
    pocket: PocketSpec = field(default_factory=PocketSpec)
    template: str | None = None
    compound_tag: str | None = None
    batch_size: int = DEFAULT_BATCH_SIZE
    posing: Posing | None = None


def ingredients(
    task: ScreenTask,
    *,
    model_sha256: str,
    receptor_sha256: str | None,
    library_sha256: str,
    part_size: int = PART_SIZE,
    domain_sha256: str | None = None,
) -> dict[str, Any]:
    """All that decides the numbers, by content; ``run_key`` hashes it, and a run that differs names what does."""
    return {
        "version": __version__,
        "model": model_sha256,
        "domain": domain_sha256,
        "receptor": receptor_sha256,
        "library": library_sha256,
        "device": task.device.partition(":")[0],  # which of several GPUs is all the same
        "pocket": describe_pocket(task.pocket),
        "template": task.template,
        "compound_tag": task.compound_tag,
        "batch_size": task.batch_size,
        "part_size": part_size,
        "posing": describe_posing(task.posing),
    }


def run_key(content: dict[str, Any]) -> str:
    """The key of a run, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def describe_pocket(spec: PocketSpec) -> dict[str, Any]:
    """A pocket as JSON; a reference ligand by the hash of its positions."""
    reference = None
    if spec.reference is not None:
        positions = np.ascontiguousarray(spec.reference, dtype=np.float64)
        reference = hashlib.sha256(positions.tobytes()).hexdigest()
    return {
        "cutoff": spec.cutoff,
        "reference": reference,
        "center": None if spec.center is None else list(spec.center),
        "radius": spec.radius,
        "residues": None if spec.residues is None else list(spec.residues),
    }


def describe_posing(posing: Posing | None) -> dict[str, Any] | None:
    """How poses are made, as JSON; a reference ligand by the hash of its file."""
    if posing is None:
        return None
    reference = None if posing.reference is None else file_sha256(posing.reference)
    return {**asdict(posing), "reference": reference}

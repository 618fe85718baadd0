"""What decides the numbers of a screen, and the key that its parts carry.

The key is a hash of the weights, the settings, the receptor and the library, each by content: a part with another key
belongs to another run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from binding import __version__
from binding.files import file_sha256
from binding.graph.plausibility import read_thresholds
from binding.graph.site import PocketSpec
from binding.poses.poser import Posing
from binding.score.plausibility import PoseChecks
from binding.screening.plan import ScreenTask


def ingredients(
    task: ScreenTask,
    *,
    model_sha256: str,
    receptor_sha256: str | None,
    library_sha256: str,
    part_size: int,
    domain_sha256: str | None = None,
    prefilter: int | None = None,
) -> dict[str, Any]:
    """Everything that decides the numbers, by content; ``run_key`` hashes it, and errors name the differences."""
    decides: dict[str, Any] = {
        "version": __version__,
        "model": model_sha256,
        "domain": domain_sha256,
        "receptor": receptor_sha256,
        "library": library_sha256,
        "device": task.scoring.device.partition(":")[0],  # which of several GPUs is all the same
        "pocket": describe_pocket(task.scoring.pocket),
        "template": task.scoring.template,
        "compound_tag": task.compound_tag,
        "batch_size": task.scoring.batch_size,
        "experts": str(task.scoring.experts),
        "one_network": task.scoring.one_network,
        "part_size": part_size,
        "posing": describe_posing(task.posing),
    }
    if task.scoring.checks is not None:  # few runs have any
        decides["checks"] = describe_checks(task.scoring.checks)
    if prefilter is not None:
        decides["prefilter"] = prefilter
    return decides


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


def describe_checks(checks: PoseChecks) -> dict[str, Any]:
    """The tests of poses as JSON, thresholds by their values."""
    return {"kind": checks.kind, "thresholds": dict(read_thresholds(checks.thresholds))}


def describe_posing(posing: Posing | None) -> dict[str, Any] | None:
    """How poses are made, as JSON; a reference ligand by the hash of its file."""
    if posing is None:
        return None
    reference = None if posing.reference is None else file_sha256(posing.reference)
    described = {**asdict(posing), "reference": reference}
    if not posing.options:  # only some posers have any
        del described["options"]
    return described

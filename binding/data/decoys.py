"""Displaced poses: what a ligand looks like when it is not where it binds."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def rmsd(positions: np.ndarray, others: np.ndarray) -> float:
    """Root mean square distance of two poses (atoms, 3) of the same atoms, Å, without superposition."""
    return float(np.sqrt(((positions - others) ** 2).sum(axis=1).mean()))


def displaced_pose(positions: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A rigid motion of a pose: small and large displacements and turns in equal parts.

    Args:
        positions: (atoms, 3), Å.
        generator: Source of randomness.

    Returns:
        (atoms, 3), Å.
    """
    centre = positions.mean(axis=0)
    near = generator.random() < 0.5
    angle = generator.uniform(5.0, 60.0) if near else generator.uniform(60.0, 180.0)
    axis = generator.normal(size=3)
    turn = Rotation.from_rotvec(np.deg2rad(angle) * axis / np.linalg.norm(axis))
    shift = generator.normal(size=3)
    shift *= generator.uniform(0.0, 1.5 if near else 4.0) / np.linalg.norm(shift)
    return turn.apply(positions - centre) + centre + shift

"""Directions that an atom has by its bonds: the axis that points away from them, and their plane."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from binding.constants import COVALENT_RADII

_BOND_TOLERANCE = 0.40  # Å over the sum of covalent radii, as CCDC and Open Babel use
_DEFAULT_RADIUS = 0.76
_LONGEST_BOND = 2.5


def unit(vectors: np.ndarray, smallest: float = 1e-3) -> np.ndarray:
    """Vectors (..., 3) scaled to length one; zero where shorter than ``smallest``."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > smallest, vectors / np.maximum(length, smallest), 0.0)


def bonds_by_distance(positions: np.ndarray, elements: np.ndarray) -> np.ndarray:
    """Bonds between heavy atoms closer than the sum of their covalent radii plus 0.4 Å.

    Metals and other elements without a listed radius form no bonds here.

    Args:
        positions: (atoms, 3), Å.
        elements: (atoms,), atomic numbers.

    Returns:
        (bonds, 2) int64, each bond once, the lower row first, in order.
    """
    if len(positions) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    radii = np.array([COVALENT_RADII.get(int(e), -10.0) for e in np.unique(elements)])
    radii = radii[np.searchsorted(np.unique(elements), elements)]
    pairs = cKDTree(positions).query_pairs(_LONGEST_BOND, output_type="ndarray")
    first, second = pairs[:, 0], pairs[:, 1]
    distance = np.linalg.norm(positions[first] - positions[second], axis=1)
    bonds = pairs[distance < radii[first] + radii[second] + _BOND_TOLERANCE]
    # In order, so that sums over an atom's bonds do not depend on what else is there.
    return bonds[np.lexsort((bonds[:, 1], bonds[:, 0]))]


def atom_directions(positions: np.ndarray, bonds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axis and plane of each atom's bonds.

    Args:
        positions: (atoms, 3), Å.
        bonds: (bonds, 2), each bond once.

    Returns:
        Directions (atoms, 3): minus the mean of the unit vectors to the bonded neighbours, normalised;
        zero for a lone atom or one whose neighbours cancel out. Normals (atoms, 3): unit normal of the
        plane through the atom and its neighbours, zero where the neighbours lie on a line. An atom with
        one neighbour takes the normal of that neighbour (a carbonyl O lies in the plane of its C).
    """
    count = len(positions)
    source = np.concatenate([bonds[:, 1], bonds[:, 0]])
    target = np.concatenate([bonds[:, 0], bonds[:, 1]])
    vectors = unit(positions[source] - positions[target])
    total = np.stack([np.bincount(target, vectors[:, axis], count) for axis in range(3)], axis=1)
    degree = np.bincount(target, minlength=count)
    directions = unit(-total, 0.1)

    # The sum of v v^T over the neighbours; its least eigenvector is the normal of a planar centre. It is sought for
    # atoms with two neighbours or more, which are half of a protein's.
    inner = np.flatnonzero(degree >= 2)
    place = np.full(count, -1)
    place[inner] = np.arange(len(inner))
    taken = place[target] >= 0
    among, arms = place[target[taken]], vectors[taken]
    outer = np.stack(
        [np.bincount(among, arms[:, row] * arms[:, column], len(inner)) for row in range(3) for column in range(3)],
        axis=1,
    ).reshape(-1, 3, 3)
    values, axes = np.linalg.eigh(outer)
    planar = (values[:, 1] > 0.05) & (values[:, 0] < 0.25)
    normals = np.zeros((count, 3))
    normals[inner[planar]] = axes[planar, :, 0]
    terminal = degree[target] == 1
    normals[target[terminal]] = normals[source[terminal]]
    return directions, normals

"""Conformers of a ligand whose core has the shape that a reference's core has. Lengths in Å, angles in radians."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from binding.prepare.core import Mapping
from binding.prepare.torsions import Joints

_ATTEMPTS, _LAST_ATTEMPTS = 10, 30  # for each conformer, from distances and from random coordinates


def embed(mol: Chem.Mol, count: int, seed: int) -> np.ndarray:
    """Conformers by ETKDG.

    Args:
        mol: Heavy atoms only.
        count: How many to try for.
        seed: The same seed gives the same conformers.

    Returns:
        (conformers, atoms, 3) Å; none where its stereo or a ring cannot be built.
    """
    full = Chem.AddHs(mol)
    parameters: Any = rdDistGeom.ETKDGv3()  # RDKit's stubs give its fields the wrong types
    parameters.randomSeed = seed
    with rdBase.BlockLogs():
        for random_start, attempts in ((False, _ATTEMPTS), (True, _LAST_ATTEMPTS)):
            parameters.useRandomCoords, parameters.maxIterations = random_start, attempts
            # The first tells whether any can be built: a ring that cannot costs no more than this.
            if rdDistGeom.EmbedMultipleConfs(full, 1, parameters):
                rdDistGeom.EmbedMultipleConfs(full, count, parameters)
                break
    return np.array([conformer.GetPositions()[: mol.GetNumAtoms()] for conformer in full.GetConformers()])


class CoreShape:
    """Gives conformers the torsions that the core has in the reference, and lays them on it.

    Args:
        mol: Heavy atoms only.
        mapping: Of the ligand on the reference.
        reference: (r, 3) Å, the reference's atoms.
    """

    def __init__(self, mol: Chem.Mol, mapping: Mapping, reference: np.ndarray) -> None:
        self._core = list(mapping.ligand)
        self._targets = reference[list(mapping.reference)]
        place = {atom: k for k, atom in enumerate(self._core)}
        middle = np.linalg.norm(self._targets - self._targets.mean(axis=0), axis=1).argmin()
        self._joints = Joints(mol, self._core[int(middle)])
        self._turns: list[tuple[int, tuple[int, int, int, int], float]] = []  # place of the move, atoms, wanted
        for k, (near, away) in enumerate(self._joints.bonds):
            ends = [
                next(
                    (
                        n.GetIdx()
                        for n in mol.GetAtomWithIdx(a).GetNeighbors()
                        if n.GetIdx() in place and n.GetIdx() != b
                    ),
                    -1,
                )
                for a, b in ((near, away), (away, near))
            ]
            if near in place and away in place and min(ends) >= 0:
                atoms = (ends[0], near, away, ends[1])
                wanted = dihedral(*(self._targets[place[atom]] for atom in atoms))
                self._turns.append((6 + k, atoms, wanted))

    def fit(self, conformer: np.ndarray) -> np.ndarray:
        """(atoms, 3) Å -> (atoms, 3) Å, on the reference's core."""
        moves = np.zeros(self._joints.count)
        for place, atoms, wanted in self._turns:
            moves[place] = wanted - dihedral(*conformer[list(atoms)])
        turned = self._joints.apply(conformer, moves)
        return superpose(turned, turned[self._core], self._targets)


def dihedral(first: np.ndarray, second: np.ndarray, third: np.ndarray, fourth: np.ndarray) -> float:
    """Angle about the bond from ``second`` to ``third``, radians, by the right hand; (3,) Å each."""
    axis = third - second
    one, two = np.cross(second - first, axis), np.cross(axis, fourth - third)
    return math.atan2(float(np.cross(one, two) @ axis) / float(np.linalg.norm(axis)), float(one @ two))


def superpose(positions: np.ndarray, some: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Turn and shift a molecule so that some of its points lie on their targets as well as they can (Kabsch).

    Args:
        positions: (atoms, 3) Å.
        some: (n, 3) Å, n >= 3, points that move with it.
        targets: (n, 3) Å.

    Returns:
        (atoms, 3) Å.
    """
    centre, target = some.mean(axis=0), targets.mean(axis=0)
    left, _, right = np.linalg.svd((some - centre).T @ (targets - target))
    left[:, -1] *= np.sign(np.linalg.det(left @ right))  # a rotation, no mirror
    return (positions - centre) @ (left @ right) + target

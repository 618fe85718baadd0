"""Conformers of a ligand with its core in the shape of the reference's core. Lengths in Å, angles in radians."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom

from binding.poses.core import CoreMapping
from binding.poses.torsions import Joints
from binding.structures import Ligand

_FEWEST_FRAME = 3  # points that fix a group's place
# Å, of the distance of atoms one and two bonds apart. More where both are as in the reference: what differs there is
# the reference's own geometry, and crystal ligands of low resolution are off by as much.
_BOND_CHANGE, _ANGLE_CHANGE = (0.15, 0.35), (0.3, 0.5)
_FORCE = 0.0135  # kcal/mol/Å at which a conformer counts as settled: RDKit's value for speed; poses are relaxed here
_ATTEMPTS, _LAST_ATTEMPTS = 10, 30  # for each conformer, from distances and from random coordinates


def embed(mol: Chem.Mol, count: int, seed: int) -> np.ndarray:
    """Conformers by ETKDG.

    Args:
        mol: Heavy atoms only.
        count: Conformers to try for.
        seed: The same seed gives the same conformers.

    Returns:
        (conformers, atoms, 3) Å; none where its stereo or a ring cannot be built.
    """
    full = Chem.AddHs(mol)
    parameters: Any = rdDistGeom.ETKDGv3()  # RDKit's stubs give its fields the wrong types
    parameters.randomSeed = seed + 1  # with seed 0, RDKit repeats the same conformer
    parameters.optimizerForceTol = _FORCE
    with rdBase.BlockLogs():
        for random_start, attempts in ((False, _ATTEMPTS), (True, _LAST_ATTEMPTS)):
            parameters.useRandomCoords, parameters.maxIterations = random_start, attempts
            # The first tells whether any can be built: a ring that cannot costs no more than this.
            if rdDistGeom.EmbedMultipleConfs(full, 1, parameters):
                rdDistGeom.EmbedMultipleConfs(full, count, parameters)
                break
    return np.array([conformer.GetPositions()[: mol.GetNumAtoms()] for conformer in full.GetConformers()])


class CoreShape:
    """Superposes conformers on a reference and gives their core its shape.

    Args:
        mol: Heavy atoms only.
        mapping: Corresponding core atoms of ligand and reference.
        reference: The posed molecule.
    """

    def __init__(self, mol: Chem.Mol, mapping: CoreMapping, reference: Ligand) -> None:
        self._core = list(mapping.ligand)
        self._targets = reference.positions[list(mapping.reference)]
        self._place = {atom: k for k, atom in enumerate(self._core)}
        middle = np.linalg.norm(self._targets - self._targets.mean(axis=0), axis=1).argmin()
        self._joints = Joints(mol, self._core[int(middle)])
        self._turns = self._core_torsions(mol)
        self._groups = self._attached_groups(mol)
        self._stereo = [atom.GetIdx() for atom in mol.GetAtoms() if _is_centre(atom)]
        self._neighbours = [[n.GetIdx() for n in atom.GetNeighbors()] for atom in mol.GetAtoms()]
        self._lengths = self._checked_lengths(mol, mapping, reference.mol)

    def _checked_lengths(
        self, mol: Chem.Mol, mapping: CoreMapping, reference: Chem.Mol
    ) -> list[tuple[np.ndarray, ...]]:
        """Atoms one and two bonds apart, and how much their distance may change: rows, columns, Å."""
        same = np.zeros(mol.GetNumAtoms(), dtype=bool)
        for a, b, alike in zip(mapping.ligand, mapping.reference, mapping.alike, strict=True):
            same[a] = alike and mol.GetAtomWithIdx(a).GetAtomicNum() == reference.GetAtomWithIdx(b).GetAtomicNum()
        steps = Chem.GetDistanceMatrix(mol)
        checked: list[tuple[np.ndarray, ...]] = []
        for apart, strict, lax in ((1, *_BOND_CHANGE), (2, *_ANGLE_CHANGE)):
            rows, columns = np.nonzero(np.triu(steps == apart))
            checked.append((rows, columns, np.where(same[rows] & same[columns], lax, strict)))
        return checked

    def _core_torsions(self, mol: Chem.Mol) -> list[tuple[int, list[int], float]]:
        """(place among the moves, four atoms, radians) of the bonds that turn within the core."""
        turns = []
        for k, (near, away) in enumerate(self._joints.bonds):
            before = self._core_neighbours(mol, near, {away})
            after = self._core_neighbours(mol, away, {near})
            if near in self._place and away in self._place and before and after:
                atoms = [before[0], near, away, after[0]]
                turns.append((6 + k, atoms, dihedral(*(self._targets[self._place[atom]] for atom in atoms))))
        return turns

    def _core_neighbours(self, mol: Chem.Mol, atom: int, but: set[int]) -> list[int]:
        found = (n.GetIdx() for n in mol.GetAtomWithIdx(atom).GetNeighbors())
        return [index for index in found if index in self._place and index not in but]

    def _attached_groups(self, mol: Chem.Mol) -> list[tuple[list[int], list[int]]]:
        """Atoms of each group outside the core, and the core's atoms that say where it goes: two bonds deep."""
        left = set(range(mol.GetNumAtoms())) - set(self._core)
        groups = []
        while left:
            group, todo = set(), [min(left)]
            anchors: set[int] = set()
            while todo:
                atom = todo.pop()
                group.add(atom)
                for neighbour in (n.GetIdx() for n in mol.GetAtomWithIdx(atom).GetNeighbors()):
                    if neighbour in self._place:
                        anchors.add(neighbour)
                    elif neighbour not in group:
                        todo.append(neighbour)
            left -= group
            frame = anchors | {n for a in anchors for n in self._core_neighbours(mol, a, set())}
            if len(frame) < _FEWEST_FRAME:
                frame |= {n for a in frame for n in self._core_neighbours(mol, a, set())}
            groups.append((sorted(group), sorted(frame)))
        return groups

    def fit(self, conformer: np.ndarray) -> np.ndarray:
        """(atoms, 3) Å -> (atoms, 3) Å: the core's torsions set to the reference's, and the core laid on it."""
        moves = np.zeros(self._joints.count)
        for place, atoms, wanted in self._turns:
            moves[place] = wanted - dihedral(*conformer[atoms])
        turned = self._joints.apply(conformer, moves)
        return superpose(turned, turned[self._core], self._targets)

    def graft(self, fitted: np.ndarray) -> np.ndarray | None:
        """(atoms, 3) Å of what ``fit`` gave, the core's atoms at the very places of the reference's.

        It takes rings as they are folded there, which few conformers have. None where a bond, an angle or a
        stereocentre would not be the ligand's own.
        """
        grafted = fitted.copy()
        grafted[self._core] = self._targets
        for group, frame in self._groups:
            if len(frame) < _FEWEST_FRAME:
                return None
            targets = self._targets[[self._place[atom] for atom in frame]]
            grafted[group] = superpose(fitted[group], fitted[frame], targets)
        for rows, columns, most in self._lengths:
            before, after = (np.linalg.norm(x[rows] - x[columns], axis=1) for x in (fitted, grafted))
            if (np.abs(after - before) > most).any():
                return None
        same = all(
            _volume(grafted, a, self._neighbours[a]) * _volume(fitted, a, self._neighbours[a]) > 0 for a in self._stereo
        )
        return grafted if same else None


def _is_centre(atom: Chem.Atom) -> bool:
    return atom.GetHybridization() == Chem.HybridizationType.SP3 and atom.GetDegree() >= 3


def _volume(positions: np.ndarray, atom: int, neighbours: list[int]) -> float:
    """Signed volume that an atom spans with three of its neighbours: its sign tells the handedness."""
    one, two, three = positions[neighbours[:3]] - positions[atom]
    return float(np.cross(one, two) @ three)


def dihedral(first: np.ndarray, second: np.ndarray, third: np.ndarray, fourth: np.ndarray) -> float:
    """Angle about the bond from ``second`` to ``third``, radians, by the right hand; (3,) Å each."""
    axis = third - second
    one, two = np.cross(second - first, axis), np.cross(axis, fourth - third)
    return math.atan2(float(np.cross(one, two) @ axis) / float(np.linalg.norm(axis)), float(one @ two))


def superpose(positions: np.ndarray, some: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Rotate and translate a molecule so that some of its points fit their targets best (Kabsch).

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

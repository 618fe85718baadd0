"""Rigid-body motion of a molecule and rotation about its bonds; bond lengths and angles are kept. Lengths in Å."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from rdkit import Chem

#: Single bonds between chain atoms that both carry something; amides, esters and their like do not turn.
_ROTATABLE = "[!D1;!$(*#*)]-;!@[!D1;!$(*#*)]"
_STIFF = "[CX3](=[O,S,N])-;!@[NX3,OX2]"


@lru_cache(maxsize=1)
def _patterns() -> tuple[Chem.Mol, Chem.Mol]:
    return Chem.MolFromSmarts(_ROTATABLE), Chem.MolFromSmarts(_STIFF)


def rotatable_bonds(mol: Chem.Mol) -> list[tuple[int, int]]:
    """Rotatable bonds as pairs of atoms, the lower index first, in the order of the atoms."""
    rotatable, stiff = _patterns()
    fixed = {frozenset((match[0], match[2])) for match in mol.GetSubstructMatches(stiff, maxMatches=1000)}
    found = mol.GetSubstructMatches(rotatable, maxMatches=1000)
    return sorted({(min(pair), max(pair)) for pair in found if frozenset(pair) not in fixed})


class Joints:
    """The degrees of freedom of a molecule: translation, rotation about its root, one angle for each rotatable bond.

    Args:
        mol: Heavy atoms only, one fragment.
        root: Atom on the side of each bond that stays in place.
        turning: Whether the rotatable bonds turn; if not, the molecule is rigid.
    """

    def __init__(self, mol: Chem.Mol, root: int, *, turning: bool = True) -> None:
        self.root = root
        self.bonds: list[tuple[int, int]] = []  # (near the root, away from it)
        self.moved: list[np.ndarray] = []  # atoms beyond each bond
        for bond in rotatable_bonds(mol) if turning else ():
            beyond = _beyond(mol, bond, root)
            near, away = bond if bond[1] in beyond else bond[::-1]
            self.bonds.append((near, away))
            self.moved.append(np.array(sorted(beyond - {away}), dtype=np.int64))

    @property
    def count(self) -> int:
        """Number of degrees of freedom: 3 for translation, 3 for rotation, one for each bond."""
        return 6 + len(self.bonds)

    def apply(self, positions: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """The molecule after its moves.

        Args:
            positions: (atoms, 3) Å.
            moves: (count,), Å for the translation, radians for the rest.
        """
        moved = positions.copy()
        for (near, away), atoms, angle in zip(self.bonds, self.moved, moves[6:].tolist(), strict=True):
            if angle:
                axis = moved[away] - moved[near]
                turn = _rotation(axis * (angle / math.hypot(*axis.tolist())))
                moved[atoms] = (moved[atoms] - moved[away]) @ turn.T + moved[away]
        centre = positions[self.root]
        return (moved - centre) @ _rotation(moves[3:6]).T + centre + moves[:3]

    def gradient(self, placed: np.ndarray, moves: np.ndarray, forces: np.ndarray) -> np.ndarray:
        """The gradient with respect to the moves, from the gradient with respect to the positions.

        Args:
            placed: (atoms, 3) result of ``apply`` for these moves.
            moves: (count,).
            forces: (atoms, 3) gradient with respect to ``placed``.

        Returns:
            (count,).
        """
        out = np.empty(self.count)
        out[:3] = forces.sum(axis=0)
        out[3:6] = _left_jacobian(moves[3:6]).T @ _moment(placed - placed[self.root], forces)
        for k, ((near, away), atoms) in enumerate(zip(self.bonds, self.moved, strict=True)):
            axis = placed[away] - placed[near]
            out[6 + k] = _moment(placed[atoms] - placed[away], forces[atoms]) @ axis / math.hypot(*axis.tolist())
        return out


def _beyond(mol: Chem.Mol, bond: tuple[int, int], root: int) -> set[int]:
    """Atoms that the bond cuts off from the root."""
    seen, todo = {root}, [root]
    cut = set(bond)
    while todo:
        atom = todo.pop()
        for neighbour in mol.GetAtomWithIdx(atom).GetNeighbors():
            index = neighbour.GetIdx()
            if index not in seen and {atom, index} != cut:
                seen.add(index)
                todo.append(index)
    return set(range(mol.GetNumAtoms())) - seen


def _moment(arms: np.ndarray, forces: np.ndarray) -> np.ndarray:
    """(3,) sum of arm x force over (n, 3) each; ``np.cross`` is ten times slower for so few."""
    m = arms.T @ forces
    return np.array([m[1, 2] - m[2, 1], m[2, 0] - m[0, 2], m[0, 1] - m[1, 0]])


def _rotation(vector: np.ndarray) -> np.ndarray:
    """(3, 3) rotation about ``vector`` by its length in radians (Rodrigues)."""
    angle = math.hypot(*vector.tolist())
    first = math.sin(angle) / angle if angle > 1e-8 else 1.0
    second = (1.0 - math.cos(angle)) / angle**2 if angle > 1e-8 else 0.5
    cross = _cross_matrix(vector)
    return np.eye(3) + first * cross + second * (cross @ cross)


def _left_jacobian(vector: np.ndarray) -> np.ndarray:
    """(3, 3): how a change of the rotation vector turns the rotated molecule."""
    angle = math.hypot(*vector.tolist())
    first = (1.0 - math.cos(angle)) / angle**2 if angle > 1e-4 else 0.5
    second = (angle - math.sin(angle)) / angle**3 if angle > 1e-4 else 1.0 / 6.0
    cross = _cross_matrix(vector)
    return np.eye(3) + first * cross + second * (cross @ cross)


def _cross_matrix(vector: np.ndarray) -> np.ndarray:
    x, y, z = vector.tolist()
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])

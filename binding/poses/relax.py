"""Relaxing a pose in a rigid pocket with its core held. Lengths in Å, energies in kcal/mol."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rdkit import Chem
from scipy.optimize import minimize

from binding.poses.torsions import Joints
from binding.poses.vina import AtomTypes, PairTable, ligand_types

_TORSION_STIFFNESS = 1.0  # kcal/mol for a right angle away from a torsion that the conformer search chose
_BONDS_APART = 4  # ligand atoms this far apart along bonds see each other
_FIRST_STEPS, _LAST_STEPS = 10, 30  # of the minimiser: for every start, and for the best
_ALTERNATIVES = {2: (120.0, 240.0), 1: (60.0, 120.0, 180.0, 240.0, 300.0), 0: (180.0,)}  # by sp3 ends of the bond


@dataclass(frozen=True)
class Hold:
    """How an atom is held at its place.

    Attributes:
        slack: Distance that the atom may move at no cost, Å.
        stiffness: Force constant beyond the slack, kcal/mol/Å².
    """

    slack: float
    stiffness: float


CORE_HOLD = Hold(0.25, 4.0)


@dataclass(frozen=True, eq=False)
class RelaxedPose:
    """Positions of a ligand and their energy.

    Attributes:
        positions: (atoms, 3) Å.
        energy: Total of ligand and protein, the ligand itself, the held core and its torsions, kcal/mol.
        intermolecular: Energy between ligand and protein alone, kcal/mol.
    """

    positions: np.ndarray
    energy: float
    intermolecular: float


class Relaxer:
    """Finds the best place of one ligand for one core.

    Args:
        mol: Heavy atoms only.
        core: (c,) atoms of the core.
        targets: (c, 3) Å, where the core is held.
        protein_positions: (m, 3) Å, the atoms around.
        protein_types: Types of these atoms.
        hold: How the core is held.
        turning: Whether rotatable bonds turn. If not, the molecule moves as a whole, and its internal energy, which
            is then constant, is left out of all energies.
    """

    def __init__(
        self,
        mol: Chem.Mol,
        core: np.ndarray,
        targets: np.ndarray,
        protein_positions: np.ndarray,
        protein_types: AtomTypes,
        *,
        hold: Hold = CORE_HOLD,
        turning: bool = True,
    ) -> None:
        types = ligand_types(mol)
        self._core, self._targets, self._hold = core, targets, hold
        self._turning = turning
        self._protein = protein_positions
        self._outer, self._inner = PairTable(types, protein_types), PairTable(types, types)
        self._apart = Chem.GetDistanceMatrix(mol) >= _BONDS_APART
        middle = np.linalg.norm(targets - targets.mean(axis=0), axis=1).argmin()
        self._joints = Joints(mol, int(core[middle]), turning=turning)
        self._turns = self._free_turns(mol)

    def _free_turns(self, mol: Chem.Mol) -> list[tuple[int, float]]:
        """(index among the moves, radians) of alternative torsions to try for bonds that move no core atom."""
        turns = []
        held = set(self._core.tolist())
        for place, (bond, atoms) in enumerate(zip(self._joints.bonds, self._joints.moved, strict=True)):
            if held.isdisjoint(atoms.tolist()):
                ends = [mol.GetAtomWithIdx(index).GetHybridization() for index in bond]
                tetrahedral = ends.count(Chem.HybridizationType.SP3)
                turns += [(6 + place, np.radians(angle)) for angle in _ALTERNATIVES[tetrahedral]]
        return turns

    def settle(self, starts: np.ndarray, most: int) -> list[RelaxedPose]:
        """The best few of some conformers, after a few steps downhill.

        Args:
            starts: (conformers, atoms, 3) Å, cores laid on their targets.
            most: Number of conformers to relax: those of lowest initial energy.
        """
        energies = [self.weigh(start).energy for start in starts]
        return [self.descend(starts[row], _FIRST_STEPS) for row in np.argsort(energies, kind="stable")[:most]]

    def refine(self, pose: RelaxedPose) -> RelaxedPose:
        """The pose after turns of single bonds and many steps downhill; never a worse one."""
        refined = self.descend(self._turned(pose).positions, _LAST_STEPS)
        return refined if refined.energy < pose.energy else pose

    def _turned(self, pose: RelaxedPose) -> RelaxedPose:
        """The pose after the turns of single bonds that lower its energy, one after the other."""
        for place, angle in self._turns:
            moves = np.zeros(self._joints.count)
            moves[place] = angle
            positions = self._joints.apply(pose.positions, moves)
            candidate = self.weigh(positions)
            if candidate.energy < pose.energy:
                pose = candidate
        return pose

    def descend(self, start: np.ndarray, steps: int) -> RelaxedPose:
        """The pose after some steps downhill (L-BFGS) from (atoms, 3) Å."""
        found = minimize(
            self._energy,
            np.zeros(self._joints.count),
            args=(start,),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": steps},
        )
        return self.weigh(self._joints.apply(start, found.x), strain=self._strain(found.x)[0])

    def weigh(self, positions: np.ndarray, strain: float = 0.0) -> RelaxedPose:
        """The given positions (atoms, 3) Å, unchanged, with their energy."""
        outer, _ = self._outer.energy(positions, self._protein)
        inner, _ = self._within(positions)
        return RelaxedPose(positions, outer + inner + self._held(positions)[0] + strain, outer)

    def _within(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """Energy of the ligand's own atoms and its gradient."""
        if not self._turning:
            return 0.0, np.zeros_like(positions)
        inner, push = self._inner.energy(positions, positions, self._apart)  # each pair from both ends
        return inner / 2.0, push

    def _energy(self, moves: np.ndarray, start: np.ndarray) -> tuple[float, np.ndarray]:
        """The objective, and its gradient with respect to the moves."""
        positions = self._joints.apply(start, moves)
        outer, forces = self._outer.energy(positions, self._protein)
        inner, push = self._within(positions)
        hold, pull = self._held(positions)
        strain, bend = self._strain(moves)
        gradient = self._joints.gradient(positions, moves, forces + push + pull)
        gradient[6:] += bend
        return outer + inner + hold + strain, gradient

    def _held(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """Energy of the core's displacement, and the gradient with respect to all positions."""
        away = positions[self._core] - self._targets
        distance = np.linalg.norm(away, axis=1)
        beyond = np.maximum(distance - self._hold.slack, 0.0)
        pull = np.zeros_like(positions)
        pull[self._core] = (2.0 * self._hold.stiffness * beyond / np.maximum(distance, 1e-9))[:, None] * away
        return float(self._hold.stiffness * (beyond**2).sum()), pull

    def _strain(self, moves: np.ndarray) -> tuple[float, np.ndarray]:
        """Energy of torsions away from the conformer's values, and the gradient with respect to them."""
        angles = moves[6:]
        return float(_TORSION_STIFFNESS * (1.0 - np.cos(angles)).sum()), _TORSION_STIFFNESS * np.sin(angles)

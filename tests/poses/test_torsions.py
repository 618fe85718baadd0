"""Moves of a molecule: what turns, what stays, and the gradient by the moves."""

from __future__ import annotations

import numpy as np
import pytest
from molecules import posed
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from binding.poses.torsions import Joints, rotatable_bonds


@pytest.mark.parametrize(
    ("smiles", "count"),
    [
        ("CCCC", 1),
        ("c1ccccc1-c1ccccc1", 1),
        ("CC(=O)NC", 0),  # an amide
        ("CC(=O)OC", 0),  # an ester
        ("CC#CC", 0),
        ("C1CCCCC1", 0),
        ("CS(=O)(=O)Nc1ccccc1", 2),
        ("CCC(=O)Nc1ccccc1", 2),
    ],
)
def test_what_turns(smiles, count):
    assert len(rotatable_bonds(Chem.MolFromSmiles(smiles))) == count


@pytest.fixture
def made() -> tuple[Chem.Mol, np.ndarray, Joints]:
    mol = posed("OCC(N)Cc1ccc(OCC(=O)N)cc1", hydrogens=False)
    positions = mol.GetConformer().GetPositions()
    return mol, positions, Joints(mol, root=5)


def test_no_moves_change_nothing(made):
    _, positions, joints = made
    assert np.allclose(joints.apply(positions, np.zeros(joints.count)), positions)


def test_an_angle_turns_its_torsion_and_no_bond(made):
    mol, positions, joints = made
    moves = np.zeros(joints.count)
    place = joints.bonds.index(next(bond for bond in joints.bonds if set(bond) == {1, 2}))
    moves[6 + place] = np.radians(70.0)
    before, after = Chem.Mol(mol), Chem.Mol(mol)
    after.GetConformer().SetPositions(joints.apply(positions, moves))
    turned = [rdMolTransforms.GetDihedralDeg(m.GetConformer(), 0, 1, 2, 4) for m in (before, after)]
    assert (turned[1] - turned[0] - 70.0) % 360.0 == pytest.approx(0.0, abs=1e-6) or (
        turned[1] - turned[0] + 70.0
    ) % 360.0 == pytest.approx(0.0, abs=1e-6)
    for bond in mol.GetBonds():
        ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        lengths = [rdMolTransforms.GetBondLength(m.GetConformer(), *ends) for m in (before, after)]
        assert lengths[0] == pytest.approx(lengths[1])


def test_moves_are_no_mirror(made):
    """All distances along bonds and all chirality stay; a proper rotation keeps signed volumes."""
    _, positions, joints = made
    moved = joints.apply(positions, np.random.default_rng(1).normal(size=joints.count))

    def volume(points):
        a, b, c, d = points[[2, 1, 3, 4]]
        return np.linalg.det([b - a, c - a, d - a])

    assert volume(moved) == pytest.approx(volume(positions))


@pytest.mark.parametrize("scale", [0.0, 1e-6, 0.3, 2.0])
def test_gradient_by_the_moves(made, scale):
    _, positions, joints = made
    generator = np.random.default_rng(3)
    moves = scale * generator.normal(size=joints.count)
    targets = positions + generator.normal(size=positions.shape)

    def energy(values):
        return float(((joints.apply(positions, values) - targets) ** 2).sum())

    placed = joints.apply(positions, moves)
    gradient = joints.gradient(placed, moves, 2.0 * (placed - targets))
    for k in range(joints.count):
        step = np.zeros(joints.count)
        step[k] = 1e-5
        slope = (energy(moves + step) - energy(moves - step)) / 2e-5
        assert gradient[k] == pytest.approx(slope, rel=1e-4, abs=1e-3)

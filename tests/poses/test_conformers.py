"""Conformers differ, and their core takes the reference's shape where that is the ligand's own."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms
from scipy.spatial.transform import Rotation

from binding.io.ligand import prepare_ligand
from binding.poses.conformers import CoreShape, dihedral, embed, superpose
from binding.poses.core import find_mappings
from binding.structures import Ligand

PIPERIDINE = "CCCC[C@H]1CC[NH2+]C[C@@H]1c1ccccc1"
OTHER_HAND = "CCCC[C@@H]1CC[NH2+]C[C@H]1c1ccccc1"
LONGER = "CCCC[C@H]1CC[NH2+]C[C@@H]1c1ccc(CCO)cc1"


def posed(smiles: str, seed: int = 3) -> Ligand:
    mol = Chem.MolFromSmiles(smiles)
    mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
    mol.GetConformer().SetPositions(embed(mol, 1, seed)[0])
    return prepare_ligand(mol, "posed")


@pytest.fixture(scope="module")
def reference() -> Ligand:
    return posed(PIPERIDINE)


@pytest.mark.parametrize("seed", [0, 7])
def test_conformers_of_one_seed_differ_and_repeat(seed):
    mol = Chem.MolFromSmiles("CCCCc1ccc(OCC2CCNCC2)cc1")
    first, again = embed(mol, 3, seed), embed(mol, 3, seed)
    assert np.array_equal(first, again)
    distances = [np.linalg.norm(x[:, None] - x[None], axis=2) for x in first]
    assert min(np.abs(a - b).max() for k, a in enumerate(distances) for b in distances[:k]) > 0.5


def test_what_cannot_be_built_gives_no_conformer():
    assert embed(Chem.MolFromSmiles("C1C[C@]2(C)CC[C@@]1(C)C2=C=C=C"), 2, 0).size % 3 == 0
    assert len(embed(Chem.MolFromSmiles("C1#CC1"), 2, 0)) == 0


def test_the_dihedral_is_that_of_rdkit(reference):
    conformer = reference.mol.GetConformer()
    atoms = (0, 1, 2, 3)
    assert dihedral(*reference.positions[list(atoms)]) == pytest.approx(
        rdMolTransforms.GetDihedralRad(conformer, *atoms)
    )


def test_superposing_turns_and_never_mirrors():
    points = np.random.default_rng(2).normal(size=(6, 3))
    moved = points @ Rotation.random(rng=4).as_matrix().T + [3.0, -2.0, 5.0]
    assert superpose(points, points, moved) == pytest.approx(moved)
    mirrored = points * [1.0, 1.0, -1.0]
    assert np.abs(superpose(points, points, mirrored) - mirrored).max() > 0.1


def test_the_core_takes_the_torsions_and_then_the_places_of_the_reference(reference):
    mol = Chem.MolFromSmiles(LONGER)
    mapping = find_mappings(reference.mol, mol)[0]
    assert mapping.size == reference.mol.GetNumAtoms()
    shape = CoreShape(mol, mapping, reference)
    core, targets = list(mapping.ligand), reference.positions[list(mapping.reference)]
    chain = mol.GetSubstructMatch(Chem.MolFromSmarts("CCCC[CH1;R]"))
    wanted = [mapping.reference[mapping.ligand.index(a)] for a in chain]
    grafts = 0
    for conformer in embed(mol, 6, 0):
        fitted = shape.fit(conformer)
        for k in range(2):
            there = dihedral(*reference.positions[wanted[k : k + 4]])
            here = dihedral(*fitted[list(chain[k : k + 4])])
            assert np.cos(here - there) == pytest.approx(1.0, abs=1e-6)
        grafted = shape.graft(fitted)
        if grafted is not None:
            grafts += 1
            assert np.array_equal(grafted[core], targets)
            for bond in mol.GetBonds():
                ends = [bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()]
                before, after = (np.linalg.norm(x[ends[0]] - x[ends[1]]) for x in (fitted, grafted))
                assert abs(before - after) < 0.36
    assert grafts


def test_a_stereocentre_of_the_other_hand_is_not_put_on_the_reference(reference):
    mol = Chem.MolFromSmiles(OTHER_HAND)
    mapping = find_mappings(reference.mol, mol)[0]
    shape = CoreShape(mol, mapping, reference)
    assert all(shape.graft(shape.fit(conformer)) is None for conformer in embed(mol, 6, 0))

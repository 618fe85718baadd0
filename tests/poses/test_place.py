"""Poses on a reference: the core stays, the rest fits, and what cannot be done is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolAlign

from binding.errors import ContactError, LigandError, UsageError
from binding.io.ligand import read_ligands
from binding.io.structure import read_protein
from binding.poses import place
from binding.poses.conformers import superpose
from binding.poses.place import Placer

TOLYL = "Nc1nc(N)c2c(Sc3ccc(C)cc3)cccc2n1"
ADENOSINE = "Nc1ncnc2c1ncn2[C@H]1C[C@H](O)[C@@H](CO)O1"


@pytest.fixture(scope="module")
def reductase(examples):
    """Dihydrofolate reductase with a 5-arylthioquinazoline."""
    return read_protein(examples / "1ia1_protein.pdb.gz"), next(iter(read_ligands(examples / "1ia1_ligand.sdf")))


@pytest.fixture(scope="module")
def kinase(examples):
    """A nucleoside kinase with deoxyadenosine, which has three stereocentres."""
    return read_protein(examples / "1s2g_protein.pdb.gz"), next(iter(read_ligands(examples / "1s2g_ligand.sdf")))


@pytest.fixture(scope="module")
def placer(reductase):
    protein, reference = reductase
    return Placer(protein, [reference])


@pytest.mark.parametrize("case", ["reductase", "kinase"])
def test_the_reference_lands_on_itself(case, request):
    protein, reference = request.getfixturevalue(case)
    placed = Placer(protein, [reference]).place(reference.mol, reference.name)
    assert placed.core_coverage == 1.0
    assert rdMolAlign.CalcRMS(Chem.Mol(placed.mol), Chem.Mol(reference.mol)) < 0.6
    assert placed.clashes == 0
    assert placed.score < -5.0
    assert placed.good


def test_an_analogue_keeps_the_core_and_fits(placer, reductase):
    protein, reference = reductase
    placed = placer.place(Chem.MolFromSmiles(TOLYL), "tolyl")
    assert placed.reference == reference.name
    assert (placed.core_atoms, placed.mol.GetNumAtoms()) == (19, 20)
    assert placed.core_rmsd < 0.7
    positions = placed.mol.GetConformer().GetPositions()
    match = placed.mol.GetSubstructMatch(Chem.MolFromSmiles("Nc1nc(N)c2ccccc2n1"))
    there = reference.mol.GetSubstructMatch(Chem.MolFromSmiles("Nc1nc(N)c2ccccc2n1"))
    assert np.linalg.norm(positions[list(match)] - reference.positions[list(there)], axis=1).max() < 1.5
    nearest = np.linalg.norm(positions[:, None] - protein.positions[None], axis=2).min()
    assert nearest > 2.4 if placed.clashes == 0 else nearest < 2.7


def test_the_same_seed_gives_the_same_pose(reductase):
    protein, reference = reductase
    mol = Chem.MolFromSmiles("Nc1nc(N)c2c(Sc3ccc(OCCN)cc3)cccc2n1")
    first, again, other = (Placer(protein, [reference], seed=s).place(mol, "x").mol for s in (7, 7, 8))
    positions = [m.GetConformer().GetPositions() for m in (first, again, other)]
    assert np.array_equal(positions[0], positions[1])
    assert not np.array_equal(positions[0], positions[2])


@pytest.mark.parametrize(
    "smiles",
    [ADENOSINE, "Nc1ncnc2c1ncn2[C@@H]1O[C@H](CO)[C@@H](O)[C@H]1O", "Nc1ncnc2c1ncn2[C@@H]1C[C@@H](O)[C@H](CO)O1"],
    ids=["itself", "ribose", "mirrored sugar"],
)
def test_stereo_is_that_of_the_compound_not_of_the_reference(kinase, smiles):
    protein, reference = kinase
    placed = Placer(protein, [reference]).place(Chem.MolFromSmiles(smiles), "x")
    pose = Chem.Mol(placed.mol)
    for atom in pose.GetAtoms():
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    Chem.AssignStereochemistryFrom3D(pose)
    assert Chem.MolToSmiles(pose) == Chem.CanonSmiles(smiles)


def test_bonds_have_the_lengths_of_bonds(placer):
    placed = placer.place(Chem.MolFromSmiles("Nc1nc(N)c2c(Sc3ccc(C4CCN(C)CC4)nc3)cccc2n1"), "x")
    positions = placed.mol.GetConformer().GetPositions()
    lengths = [
        np.linalg.norm(positions[b.GetBeginAtomIdx()] - positions[b.GetEndAtomIdx()]) for b in placed.mol.GetBonds()
    ]
    assert min(lengths) > 1.2
    assert max(lengths) < 1.95  # a carbon-sulfur bond


def test_a_ligand_without_room_is_told_by_its_clashes(placer):
    placed = placer.place(Chem.MolFromSmiles("Nc1nc(N)c2c(Sc3ccccc3)cc(C(C)(C)CC(C)(C)C(C)(C)C)c(C(C)(C)C)c2n1"), "x")
    assert placed.clashes > 0
    assert placed.score > placer.place(Chem.MolFromSmiles(TOLYL), "x").score
    assert not placed.good


def test_a_compound_of_another_series_is_refused(placer):
    with pytest.raises(LigandError) as caught:
        placer.place(Chem.MolFromSmiles("CCOCC"), "ether")
    assert caught.value.code == "no_common_core"


def test_a_peptide_of_thirty_is_too_large(placer):
    with pytest.raises(LigandError) as caught:
        placer.place(Chem.MolFromSequence("A" * 30), "polyalanine")
    assert caught.value.code == "too_large"


def test_a_bridgehead_that_cannot_be_built_is_refused(placer):
    """Norbornane with one bridgehead turned inside out."""
    mol = Chem.MolFromSmiles("Nc1nc(N)c2c(Sc3ccc([C@]45CC[C@@H](CC4)C5)cc3)cccc2n1")
    with pytest.raises(LigandError) as caught:
        placer.place(mol, "inside out")
    assert caught.value.code == "embedding_failed"


def test_of_several_references_the_most_alike_is_taken(reductase):
    protein, reference = reductase
    rows = sorted(reference.mol.GetSubstructMatch(Chem.MolFromSmiles("Nc1nc(N)c2ccccc2n1")))
    other = replace(reference, name="fragment", mol=_part(reference.mol, rows), positions=reference.positions[rows])
    placer = Placer(protein, [other, reference])
    assert placer.place(Chem.MolFromSmiles(TOLYL), "x").reference == reference.name


def _part(mol: Chem.Mol, keep: list[int]) -> Chem.Mol:
    part = Chem.RWMol(mol)
    for index in sorted(set(range(mol.GetNumAtoms())) - set(keep), reverse=True):
        part.RemoveAtom(index)
    Chem.SanitizeMol(part)
    return part.GetMol()


def test_no_reference_and_a_reference_far_away(reductase):
    protein, reference = reductase
    with pytest.raises(UsageError):
        Placer(protein, [])
    with pytest.raises(ContactError):
        Placer(protein, [replace(reference, positions=reference.positions + 300.0)])


def test_the_rule_for_training_needs_all_four(placer):
    good = replace(
        placer.place(Chem.MolFromSmiles(TOLYL), "x"),
        core_coverage=place.GOOD_COVERAGE,
        core_rmsd=place.GOOD_CORE_RMSD,
        clashes=place.GOOD_CLASHES,
        score=place.GOOD_SCORE,
    )
    assert good.good
    for change in (
        {"core_coverage": place.GOOD_COVERAGE - 0.01},
        {"core_rmsd": place.GOOD_CORE_RMSD + 0.01},
        {"clashes": place.GOOD_CLASHES + 1},
        {"score": place.GOOD_SCORE + 0.01},
    ):
        assert not replace(good, **change).good


def test_superposing_undoes_a_rotation():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(9, 3))
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    moved = points @ turn.T + [5.0, -3.0, 100.0]
    assert np.allclose(superpose(moved, moved[:5], points[:5]), points)
    mirrored = points * [-1.0, 1.0, 1.0]
    assert not np.allclose(superpose(mirrored, mirrored, points), points, atol=0.1)


def test_poses_of_real_series(shared_data):
    """Most compounds of a series fit on its reference without a clash."""
    import csv

    root = shared_data / "congeneric"
    names = sorted(path.name for path in root.iterdir() if path.is_dir())[::150]
    outcomes = []
    for name in names:
        placer = Placer(
            read_protein(root / name / "pocket.pdb.gz"), list(read_ligands(root / name / "reference_ligand.sdf.gz"))
        )
        with open(root / name / "affinity.csv", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))[:3]
        outcomes += [placer.place(Chem.MolFromSmiles(row["smiles"]), row["ligand_id"]) for row in rows]
    assert np.median([placed.core_rmsd for placed in outcomes]) < 0.5
    assert np.mean([placed.clashes == 0 for placed in outcomes]) >= 0.6


def test_a_small_core_can_be_refused_before_poses_are_built(reductase):
    protein, reference = reductase
    placer = Placer(protein, [reference], least_coverage=0.9)
    assert placer.place(Chem.MolFromSmiles(TOLYL), "tolyl").core_coverage == 0.95
    with pytest.raises(LigandError) as caught:
        placer.place(Chem.MolFromSmiles("Nc1nc(N)c2c(OCCCCCCC)cccc2n1"), "heptyl ether")
    assert caught.value.code == "small_core"

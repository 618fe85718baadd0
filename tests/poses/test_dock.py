"""Docking: the box, the receptor as Vina reads it, poses near the crystal's and always the same."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolAlign

from binding.errors import LigandError, StructureError, UsageError
from binding.io.ligand import read_ligands
from binding.io.structure import read_complex, read_protein
from binding.poses import dock
from binding.poses.dock import Box, Docker, receptor_pdbqt
from binding.poses.embedding import embed
from binding.structures import ResidueKind

docking = pytest.mark.skipif(
    any(dock.find_spec(name) is None for name in ("vina", "meeko")),
    reason="the docking engine is not installed: pip install 'binding[dock]'",
)


@pytest.fixture(scope="module")
def ligand(examples):
    """5-phenylsulfanyl-2,4-quinazolinediamine as it lies in the crystal."""
    return next(read_ligands(examples / "1ia1_ligand.sdf"))


@pytest.fixture(scope="module")
def protein(examples):
    """Dihydrofolate reductase with NADPH; its file holds a second copy of the ligand."""
    return read_protein(examples / "1ia1_protein.pdb.gz")


@pytest.fixture(scope="module")
def docker(protein, ligand):
    return Docker(
        protein, Box.about(ligand.positions), reference=ligand.positions, exhaustiveness=1, num_poses=2, seed=0
    )


def test_box_holds_reference_and_margin(ligand):
    box = Box.about(ligand.positions)
    half = np.array(box.size) / 2
    assert (ligand.positions >= np.array(box.center) - half + dock.MARGIN).all()
    assert (ligand.positions <= np.array(box.center) + half - dock.MARGIN).all()
    assert min(box.size) == dock.LEAST_SIDE
    assert Box.of_radius((1.0, 2.0, 3.0), 12.0) == Box((1.0, 2.0, 3.0), (24.0, 24.0, 24.0))


@pytest.mark.parametrize("size", [(0.0, 20.0, 20.0), (20.0, 61.0, 20.0), (20.0, 20.0, float("nan"))])
def test_boxes_that_cannot_be_searched_are_refused(size):
    with pytest.raises(UsageError, match="docking box"):
        Box((0.0, 0.0, 0.0), size)


def test_receptor_has_a_hydrogen_on_each_donor_and_keeps_its_atoms(protein):
    near = protein.select(np.arange(protein.num_residues) < 40)
    lines = receptor_pdbqt(near, near.positions.mean(axis=0)).splitlines()
    kinds = [line[77:79].strip() for line in lines]
    assert len(lines) - kinds.count("HD") == near.num_atoms
    backbone = sum(name == "N" for name in near.atom_names)
    proline = sum(name == "PRO" for name in near.residue_names)
    assert kinds.count("HD") >= backbone - proline
    places = np.array([[float(line[30:38]), float(line[38:46]), float(line[46:54])] for line in lines])
    hydrogen = np.array([kind == "HD" for kind in kinds])
    apart = np.linalg.norm(places[hydrogen][:, None] - places[~hydrogen][None], axis=2)
    assert apart.min(axis=1) == pytest.approx(1.0, abs=0.01)
    assert (np.sort(apart, axis=1)[:, 1] > 1.3).all()  # bonded to one atom only, as Vina perceives it


def test_metals_are_one_type(examples):
    protein, _ = read_complex(examples / "6wqa_complex.cif.gz", "A:ZMA:1202")
    elements = protein.elements.copy()
    elements[:3] = (12, 30, 26)
    kinds = np.full(protein.num_residues, ResidueKind.METAL)
    changed = type(protein)(**{**vars(protein), "elements": elements, "residue_kinds": kinds})
    lines = receptor_pdbqt(changed, np.zeros(3)).splitlines()
    assert [line[77:79].strip() for line in lines[:3]] == ["Zn", "Zn", "Zn"]


def test_box_away_from_the_protein_is_refused(protein):
    pytest.importorskip("vina", reason="binding[dock] is not installed")
    with pytest.raises(StructureError, match="in reach"):
        Docker(protein, Box((900.0, 0.0, 0.0), (20.0, 20.0, 20.0)))


@docking
def test_crystal_pose_is_found_from_a_fresh_conformer(docker, ligand):
    poses = docker.dock(Chem.MolFromSmiles(Chem.MolToSmiles(ligand.mol)), "TQ3")
    assert 1 <= len(poses) <= 2
    assert [pose.score for pose in poses] == sorted(pose.score for pose in poses)
    assert rdMolAlign.CalcRMS(Chem.Mol(poses[0].mol), ligand.mol) < 1.0
    assert poses[0].score < -8.0


@docking
def test_poses_do_not_depend_on_what_was_docked_before(docker):
    small = Chem.MolFromSmiles("Nc1ncccn1")

    def positions(engine):
        return [pose.mol.GetConformer().GetPositions() for pose in engine.dock(small, "small")]

    first = positions(docker)
    docker.dock(Chem.MolFromSmiles("CCO"), "other")
    copy = pickle.loads(pickle.dumps(docker))
    for again in (positions(docker), positions(copy)):
        assert all((a == b).all() for a, b in zip(first, again, strict=True))


@docking
def test_minimizing_stays_at_the_crystal_pose_where_a_search_leaves_it(docker, ligand):
    minimized = docker.minimize(Chem.AddHs(ligand.mol, addCoords=True), "TQ3")
    assert rdMolAlign.CalcRMS(Chem.Mol(minimized.mol), ligand.mol) < 0.8
    found = docker.dock(ligand.mol, "TQ3")
    assert minimized.energy == pytest.approx(found[0].energy, abs=1.0)  # one scale, from whatever search
    assert all(pose.energy < pose.score for pose in [minimized, *found])  # rotatable bonds damp the score alone


@docking
def test_a_score_is_that_of_the_pose_as_it_lies(docker, ligand):
    minimized = docker.minimize(Chem.AddHs(ligand.mol, addCoords=True), "TQ3")
    there = docker.score(Chem.AddHs(minimized.mol, addCoords=True), "TQ3")
    assert there == pytest.approx(minimized.score, abs=0.02)  # the file between holds three decimals
    assert there < docker.score(Chem.AddHs(ligand.mol, addCoords=True), "TQ3") < -7.0
    odd = Chem.AddHs(ligand.mol, addCoords=True)
    odd.GetAtomWithIdx(0).SetAtomicNum(92)
    with pytest.raises(LigandError, match="could not be scored"):
        docker.score(odd, "odd")


@docking
def test_quick_wide_search_gives_wrong_poses_too(protein, ligand):
    quick = Docker(
        protein,
        Box.about(ligand.positions),
        reference=ligand.positions,
        exhaustiveness=2,
        num_poses=20,
        max_evals=20_000,
        energy_range=10.0,
        spacing=0.5,
    )
    poses = quick.dock(ligand.mol, "TQ3")
    assert poses[-1].score - poses[0].score > dock.ENERGY_RANGE
    away = [rdMolAlign.CalcRMS(Chem.Mol(pose.mol), ligand.mol) for pose in poses]
    assert len(away) >= 6
    assert max(away) > 4.0


@docking
def test_stereo_and_charge_are_kept(docker):
    asked = "C[C@H]([NH3+])C(=O)[O-]"
    for pose in docker.dock(Chem.MolFromSmiles(asked), "alanine"):
        Chem.AssignStereochemistryFrom3D(pose.mol)
        assert Chem.MolToSmiles(pose.mol) == Chem.CanonSmiles(asked)


@docking
@pytest.mark.parametrize("smiles", ["[U]", "C[Pt](C)(C)C"])
def test_elements_that_vina_does_not_know_fail_with_a_word(docker, smiles):
    with pytest.raises(LigandError) as caught:
        docker.dock(Chem.MolFromSmiles(smiles), "odd")
    assert caught.value.code in ("docking_failed", "embedding_failed")


def test_missing_engine_is_said_before_anything_is_computed(protein, monkeypatch):
    monkeypatch.setattr(dock, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"vina and meeko") as caught:
        Docker(protein, Box((0.0, 0.0, 0.0), (20.0, 20.0, 20.0)))
    assert caught.value.code == "missing_extra"
    assert "binding[dock]" in caught.value.hint


def test_conformers_follow_the_seed():
    mol = Chem.MolFromSmiles("CCOC(=O)CC")
    same, again, other = (embed(mol, "ester", seed=seed).GetConformer().GetPositions() for seed in (0, 0, 1))
    assert (same == again).all()
    assert np.abs(same - other).max() > 0.1


@pytest.mark.parametrize(("smiles", "code"), [("C" * 121, "too_large"), ("C1=CC2(C1)C#C2", "embedding_failed")])
def test_what_cannot_be_built_says_so(smiles, code):
    with pytest.raises(LigandError) as caught:
        embed(Chem.MolFromSmiles(smiles), "odd")
    assert caught.value.code == code

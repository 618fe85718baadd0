"""The ligand that is still in the receptor is left out of the pocket; what a pose merely clashes with is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from left_in import with_group, with_ligand
from networks import example

from binding.graph.replaced import replaced_by
from binding.graph.site import left_out, select_pocket
from binding.structures import Ligand, Protein, ResidueKind

AMINO, NUCLEOTIDE, COFACTOR = ResidueKind.AMINO_ACID, ResidueKind.NUCLEOTIDE, ResidueKind.COFACTOR


@pytest.fixture(scope="module")
def protein() -> Protein:
    return example("1s2g")[0]


@pytest.fixture(scope="module")
def ligand() -> Ligand:
    return example("1s2g")[1][0]


def backbone_first(count: int) -> list[str]:
    return ["N", "CA", "C", *(f"C{place}" for place in range(count - 3))]


def symbols(ligand: Ligand) -> list[str]:
    return [atom.GetSymbol() for atom in ligand.mol.GetAtoms()]


def names_of(protein: Protein, replaced: np.ndarray) -> list[str]:
    return np.array(protein.residue_ids)[replaced].tolist()


@pytest.mark.parametrize(
    ("name", "kind", "names"),
    [
        ("LIG", COFACTOR, None),
        ("UNK", AMINO, None),
        ("ADE", NUCLEOTIDE, None),
        ("ALA", AMINO, None),
        ("GLU", AMINO, None),
        ("DA", NUCLEOTIDE, None),
        ("LIG", AMINO, backbone_first),
        ("ALA", AMINO, "repeated"),
        ("UNK", AMINO, "repeated"),
    ],
)
@pytest.mark.parametrize("shift", [0.0, 0.6])
def test_a_ligand_under_any_name(protein, ligand, name, kind, names, shift):
    given = symbols(ligand) if names == "repeated" else names(ligand.num_atoms) if callable(names) else None
    whole = with_ligand(protein, ligand, name=name, kind=kind, names=given)
    pose = Ligand(ligand.name, ligand.mol, ligand.positions + [shift, 0.0, 0.0])
    assert names_of(whole, replaced_by(whole, pose.positions)) == [f"A:{name}:900"]
    pocket = select_pocket(whole, pose)
    assert pocket.residue_ids == select_pocket(protein, pose).residue_ids
    assert pocket.notes[-1] == f"left out A:{name}:900, which lies where the ligand lies"


def test_a_large_ligand_under_a_small_fragment(protein, ligand):
    whole = with_ligand(protein, ligand, name="LIG", kind=COFACTOR)
    fragment = ligand.positions[:4]  # less than a quarter of the group's atoms
    assert names_of(whole, replaced_by(whole, fragment)) == ["A:LIG:900"]
    half_beside = np.concatenate([ligand.positions[:2], ligand.positions[:6] + 40.0])
    assert not replaced_by(whole, half_beside).any()


def test_a_group_that_covers_half_of_the_ligand(protein, ligand):
    half = ligand.num_atoms // 2 + 1
    elements = [atom.GetAtomicNum() for atom in ligand.mol.GetAtoms()]
    both = with_group(protein, ligand.positions[:half], elements[:half], name="UNK", kind=AMINO)
    both = with_group(both, ligand.positions[half:], elements[half:], name="UNL", kind=COFACTOR, number=901)
    replaced = replaced_by(both, ligand.positions)
    assert names_of(both, replaced) == ["A:UNK:900", "A:UNL:901"]
    assert left_out(both, replaced) == ("left out A:UNK:900, A:UNL:901, which lie where the ligand lies",)


def peptide(protein: Protein, chain: str) -> tuple[Protein, np.ndarray]:
    """The protein with five of its residues once more, 60 Å away."""
    piece = protein.select(np.isin(np.arange(protein.num_residues), np.arange(20, 25)))
    added = protein
    for row in range(piece.num_residues):
        atoms = piece.atom_residue == row
        added = with_group(
            added,
            piece.positions[atoms] + 60.0,
            piece.elements[atoms].tolist(),
            name=str(piece.residue_names[row]),
            kind=AMINO,
            names=piece.atom_names[atoms].tolist(),
            chain=chain,
            number=900 + row,
        )
    return added, piece.positions + 60.0


@pytest.mark.parametrize("chain", ["P", "A"])
def test_a_peptide_at_the_ligands_own_positions(protein, chain):
    whole, positions = peptide(protein, chain)
    replaced = replaced_by(whole, positions)
    assert replaced.sum() == 5
    assert replaced[-5:].all()


def test_a_peptide_under_another_pose_or_a_fragment(protein):
    whole, positions = peptide(protein, "P")
    for pose in (positions + [0.7, 0.0, 0.0], positions[3:9]):
        replaced = replaced_by(whole, pose)
        assert replaced.sum() == 5
        assert replaced[-5:].all()


def test_a_free_amino_acid(protein):
    row = int(np.flatnonzero(protein.residue_names == "GLU")[0])
    atoms = protein.atom_residue == row
    names = [*protein.atom_names[atoms].tolist(), "OXT"]
    positions = np.concatenate([protein.positions[atoms], protein.positions[atoms][:1] + [1.0, 0.5, 0.0]]) + 60.0
    elements = [*protein.elements[atoms].tolist(), 8]
    whole = with_group(protein, positions, elements, name="GLU", kind=AMINO, names=names)
    assert names_of(whole, replaced_by(whole, positions + [0.8, 0.0, 0.0])) == ["A:GLU:900"]


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut to the pocket"])
def test_a_clash_removes_nothing(protein, ligand, cut):
    """Three hundred poses pushed into the protein, one atom on the other in some."""
    generator = np.random.default_rng(5)
    if cut:
        protein = select_pocket(protein, ligand)
    centred = ligand.positions - ligand.positions.mean(axis=0)
    for _ in range(300):
        axes = np.linalg.qr(generator.normal(size=(3, 3)))[0]
        target = protein.positions[generator.integers(protein.num_atoms)]
        pose = centred @ axes
        pose += target - pose[generator.integers(len(pose))]
        assert not replaced_by(protein, pose).any()


def test_the_residue_of_a_covalent_ligand_stays(protein):
    residue = int(np.flatnonzero(protein.residue_names == "CYS")[0]) if "CYS" in protein.residue_names else 30
    atoms = np.flatnonzero(protein.atom_residue == residue)
    side = protein.positions[atoms[-2:]]  # CB and SG are in many such files
    beyond = side[-1] + np.array([[1.8, 0.0, 0.0], [2.5, 1.2, 0.0], [3.9, 1.2, 0.3], [4.6, 2.4, 0.3]]) + 0.01
    assert not replaced_by(protein, np.concatenate([side, beyond])).any()
    assert not replaced_by(protein, beyond).any()
    bound = with_group(protein, beyond, [6, 6, 6, 6], name="UNK", kind=AMINO)
    assert names_of(bound, replaced_by(bound, beyond)) == ["A:UNK:900"]


def test_metals(protein, ligand):
    zinc = with_group(protein, ligand.positions[:1] + [1.9, 0.0, 0.0], [30], name="ZN", kind=ResidueKind.METAL)
    assert not replaced_by(zinc, ligand.positions).any()
    own = with_group(protein, ligand.positions[:1], [30], name="ZN", kind=ResidueKind.METAL)
    assert names_of(own, replaced_by(own, ligand.positions)) == ["A:ZN:900"]


def test_what_lies_elsewhere_changes_nothing(protein, ligand):
    away = replace(ligand, positions=ligand.positions + 100.0)
    assert not replaced_by(protein, away.positions).any()
    assert not replaced_by(protein, ligand.positions).any()

"""A known conformation finds its place on a bound ligand, and one that is unlike all is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem
from scipy.spatial.transform import Rotation

from binding.errors import LigandError, UsageError
from binding.io.ligand import prepare_ligand, read_ligands
from binding.io.structure import read_protein
from binding.poses.overlay import Overlayer, Template, is_good
from binding.structures import Ligand


@pytest.fixture(scope="module")
def reductase(examples):
    protein = read_protein(examples / "1ia1_protein.pdb.gz")
    return protein, next(iter(read_ligands(examples / "1ia1_ligand.sdf")))


@pytest.fixture(scope="module")
def overlayer(reductase):
    protein, ligand = reductase
    return Overlayer([Template("1ia1", ligand, protein)])


def elsewhere(ligand: Ligand, name: str = "elsewhere") -> Ligand:
    """The same conformation in another frame."""
    mol = Chem.Mol(ligand.mol)
    turn = Rotation.random(rng=11).as_matrix()
    mol.GetConformer().SetPositions((ligand.positions - ligand.positions.mean(axis=0)) @ turn.T + 100.0)
    return prepare_ligand(mol, name)


def pyridine_of(ligand: Ligand) -> Ligand:
    """A ring carbon beside the sulfur made a nitrogen, and the sulfur an oxygen."""
    mol = Chem.RWMol(ligand.mol)
    sulfur, _, ring = mol.GetSubstructMatch(Chem.MolFromSmarts("Sc:[cH]"))
    mol.GetAtomWithIdx(ring).SetAtomicNum(7)
    mol.GetAtomWithIdx(sulfur).SetAtomicNum(8)
    changed = mol.GetMol()
    Chem.SanitizeMol(changed)
    return prepare_ligand(changed, "pyridine")


def rms(posed: Chem.Mol, ligand: Ligand) -> float:
    return float(np.sqrt(((posed.GetConformer().GetPositions() - ligand.positions) ** 2).sum(axis=1).mean()))


def test_a_ligand_of_the_same_frame_stays_where_it_is(overlayer, reductase):
    _, ligand = reductase
    found = overlayer.overlay(ligand)
    assert (found.way, found.template, found.clashes) == ("frame", "1ia1", 0)
    assert rms(found.mol, ligand) == pytest.approx(found.moved)
    assert found.moved < 0.7
    assert found.good
    assert found.similarity == 1.0


@pytest.mark.parametrize("change", [lambda ligand: ligand, pyridine_of], ids=["itself", "an analogue"])
def test_a_ligand_of_another_frame_is_brought_back(overlayer, reductase, change):
    _, ligand = reductase
    known = change(ligand)
    found = overlayer.overlay(elsewhere(known))
    assert found.way in ("core", "shape")
    assert rms(found.mol, known) < 0.7
    assert found.overlap > 1.5
    assert found.score < -5.0
    assert found.good


def test_the_conformation_is_kept(overlayer, reductase):
    _, ligand = reductase
    found = overlayer.overlay(elsewhere(ligand))
    assert not found.turned
    before, after = (
        np.linalg.norm(x[:, None] - x[None], axis=2)
        for x in (ligand.positions, found.mol.GetConformer().GetPositions())
    )
    assert after == pytest.approx(before, abs=1e-6)


def test_the_more_alike_template_is_taken(reductase):
    protein, ligand = reductase
    away = replace(protein, positions=protein.positions + 50.0)
    other = prepare_ligand(Chem.MolFromMolBlock(ETHER), "ether")
    moved = Chem.Mol(ligand.mol)
    moved.GetConformer().SetPositions(ligand.positions + 50.0)
    templates = [Template("ether", other, protein), Template("moved", prepare_ligand(moved, "moved"), away)]
    assert Overlayer(templates).overlay(elsewhere(ligand)).template == "moved"


def test_what_is_like_no_template_is_refused(overlayer):
    with pytest.raises(LigandError) as caught:
        overlayer.overlay(prepare_ligand(Chem.MolFromMolBlock(ETHER), "ether"))
    assert caught.value.code == "no_overlay"


def test_there_must_be_a_template():
    with pytest.raises(UsageError):
        Overlayer([])


@pytest.mark.parametrize(
    ("way", "overlap", "score", "clashes", "good"),
    [
        ("frame", 0.1, -0.2, 1, True),
        ("frame", 2.0, -0.19, 0, False),
        ("core", 0.75, -0.25, 1, True),
        ("core", 0.74, -0.25, 0, False),
        ("shape", 2.0, -0.24, 0, False),
        ("shape", 2.0, -0.5, 2, False),
    ],
)
def test_the_rule_of_a_good_pose(way, overlap, score, clashes, good):
    assert is_good(way, overlap, score, clashes) is good


#: Diethyl ether, extended, far from any protein.
ETHER = """ether
     RDKit          3D

  5  4  0  0  0  0  0  0  0  0999 V2000
  500.0000    0.0000    0.0000 C   0  0
  501.2500    0.8800    0.0000 C   0  0
  502.4200    0.0800    0.0000 O   0  0
  503.5900    0.8800    0.0000 C   0  0
  504.8400    0.0000    0.0000 C   0  0
  1  2  1  0
  2  3  1  0
  3  4  1  0
  4  5  1  0
M  END
"""

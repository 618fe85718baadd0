"""Tests of a pose in PoseBusters' words: each fails on a pose spoilt in that way, and agrees with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdMolTransforms

import binding
from binding.errors import ConfigError, FileError, UsageError
from binding.graph.plausibility import CHECKS, plausibility, read_thresholds
from binding.graph.site import select_pocket
from binding.io.columns import CHECK_COLUMNS, check_column
from binding.io.ligand import read_ligands
from binding.io.structure import read_protein
from binding.score.plausibility import PoseChecks
from binding.structures import Complex, Ligand


@pytest.fixture(scope="module")
def crystal(examples) -> Complex:
    """Dihydrofolate reductase and a ligand with aromatic rings (1IA1), with its cofactor NADPH."""
    protein = read_protein(examples / "1ia1_protein.pdb.gz")
    ligand = next(iter(read_ligands(examples / "1ia1_ligand.sdf")))
    assert isinstance(ligand, Ligand)
    return Complex("1ia1", select_pocket(protein, ligand), ligand)


def posed(cx: Complex, positions: np.ndarray, mol: Chem.Mol | None = None) -> Complex:
    """The complex with its ligand (or another one) at these positions, Å."""
    mol = Chem.Mol(cx.ligand.mol if mol is None else mol)
    mol.RemoveAllConformers()
    conformer = Chem.Conformer(mol.GetNumAtoms())
    for atom, place in enumerate(positions.tolist()):
        conformer.SetAtomPosition(atom, place)
    mol.AddConformer(conformer)
    return Complex(cx.id, cx.pocket, Ligand(cx.ligand.name, mol, positions))


def embedded(cx: Complex, smiles: str, change=None) -> Complex:
    """Another ligand where the crystal one is, its conformation changed."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert rdDistGeom.EmbedMolecule(mol, randomSeed=7) == 0
    mol = Chem.RemoveHs(mol)
    positions = mol.GetConformer().GetPositions()
    positions = positions if change is None else change(mol, positions)
    centre = cx.ligand.positions.mean(axis=0) - positions.mean(axis=0)
    return posed(cx, positions + centre, mol)


def flattened(mol: Chem.Mol, positions: np.ndarray) -> np.ndarray:
    """All atoms in the plane of the molecule's two longest axes."""
    centred = positions - positions.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    return np.column_stack([centred @ axes[0], centred @ axes[1], np.zeros(len(centred))])


def stretched(mol: Chem.Mol, positions: np.ndarray) -> np.ndarray:
    """All distances 40 % longer."""
    return 1.4 * positions


def twisted(mol: Chem.Mol, positions: np.ndarray) -> np.ndarray:
    """A C=C bond (atoms 1 and 3) turned by 60 degrees."""
    copy = Chem.Mol(mol)
    conformer = copy.GetConformer()
    before = rdMolTransforms.GetDihedralDeg(conformer, 0, 1, 3, 4)
    rdMolTransforms.SetDihedralDeg(conformer, 0, 1, 3, 4, before + 60.0)
    return conformer.GetPositions()


def out_of_plane(mol: Chem.Mol, positions: np.ndarray) -> np.ndarray:
    """An atom of a benzene ring lifted 0.6 Å out of it."""
    ring = list(mol.GetRingInfo().AtomRings()[0])
    normal = np.linalg.svd(positions[ring] - positions[ring].mean(axis=0))[2][2]
    moved = positions.copy()
    moved[ring[0]] += 0.6 * normal
    return moved


def failed(cx: Complex) -> set[str]:
    return {name for name, ok in plausibility(cx).items() if not ok}


def test_a_crystal_pose_passes_all(crystal):
    assert plausibility(crystal) == dict.fromkeys(CHECKS, True)


@pytest.mark.parametrize(
    ("check", "smiles", "change"),
    [
        ("all_atoms_connected", "CCO.CC", None),
        ("no_radicals", "CC[CH2]", None),
        ("bond_lengths", "CCCCO", stretched),
        ("aromatic_ring_flatness", "Cc1ccccc1", out_of_plane),
        ("non_aromatic_ring_non_flatness", "C1CCNCC1", flattened),
        ("double_bond_flatness", "CC(C)=C(C)C", twisted),
    ],
)
def test_a_spoilt_ligand_fails_the_test_of_what_was_spoilt(crystal, check, smiles, change):
    if change is not None:
        assert check not in failed(embedded(crystal, smiles))
    assert check in failed(embedded(crystal, smiles, change))


def test_angles_and_clashes_inside_the_ligand(crystal):
    straight = embedded(crystal, "CCC", lambda mol, positions: np.array([[0.0, 0, 0], [1.5, 0, 0], [0.4, 1.45, 0]]))
    assert failed(straight) & {"bond_lengths", "bond_angles"} == {"bond_angles"}
    turned = embedded(
        crystal,
        "CCCCCC",
        lambda mol, positions: np.array(
            [[0.0, 0, 0], [1.5, 0, 0], [2, 1.4, 0], [1.5, 2.8, 0], [0, 2.8, 0], [0.0, 1.3, 0.3]]
        ),
    )
    assert "internal_steric_clash" in failed(turned)


def test_the_surroundings(crystal):
    ligand, pocket = crystal.ligand, crystal.pocket
    away = posed(crystal, ligand.positions + [200.0, 0.0, 0.0])
    assert failed(away) == {"protein_ligand_maximum_distance"}
    kinds = pocket.residue_kinds[pocket.atom_residue]
    buried = pocket.positions[kinds == 0].mean(axis=0)
    inside = posed(crystal, ligand.positions - ligand.positions.mean(axis=0) + buried)
    assert {"minimum_distance_to_protein"} <= failed(inside)
    cofactor = pocket.positions[kinds == 3].mean(axis=0)
    on_it = posed(crystal, ligand.positions - ligand.positions.mean(axis=0) + cofactor)
    assert "minimum_distance_to_organic_cofactors" in failed(on_it)
    side_chain = pocket.positions[pocket.atom_residue == 5].mean(axis=0)
    overlapping = posed(crystal, ligand.positions - ligand.positions.mean(axis=0) + side_chain)
    assert "volume_overlap_with_protein" in failed(overlapping)


def test_a_pose_moved_with_its_pocket_is_as_plausible(crystal):
    from dataclasses import replace

    from scipy.spatial.transform import Rotation

    turn = Rotation.random(random_state=3).as_matrix()
    moved = posed(crystal, crystal.ligand.positions @ turn.T + 5.0)
    pocket = replace(crystal.pocket, positions=crystal.pocket.positions @ turn.T + 5.0)
    assert plausibility(Complex("moved", pocket, moved.ligand)) == plausibility(crystal)


def test_thresholds_come_from_one_file(crystal, tmp_path: Path):
    own = dict(read_thresholds())
    path = tmp_path / "strict.yaml"
    path.write_text(yaml.safe_dump(own | {"farthest_from_protein": 1.0}))
    checks = PoseChecks(thresholds=path)
    found = checks.of(crystal)
    assert found["plausible"] is False
    assert found["failed_checks"] == "protein_ligand_maximum_distance"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bond_length: 0.2\n", "must name these thresholds"),
        ("bond_length: [\n", "not valid YAML"),
        ("[" * 5000, "YAML"),
    ],
)
def test_a_damaged_file_of_thresholds_is_named(tmp_path: Path, text, message):
    path = tmp_path / "limits.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        PoseChecks(thresholds=path)


def test_thresholds_that_are_no_numbers_are_named(tmp_path: Path):
    path = tmp_path / "limits.yaml"
    path.write_text(yaml.safe_dump(dict(read_thresholds()) | {"bond_length": "wide"}))
    with pytest.raises(ConfigError, match="bond_length must be a positive number"):
        PoseChecks(thresholds=path)
    with pytest.raises(FileError):
        PoseChecks(thresholds=tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="no checks"):
        PoseChecks("thorough")


def test_columns_are_there_on_request_only(examples):
    names = {column.name for column in CHECK_COLUMNS}
    plain = binding.predict(examples / "1ia1_protein.pdb.gz", examples / "1ia1_ligand.sdf")
    assert not names & set(plain.columns)
    checked = binding.predict(examples / "1ia1_protein.pdb.gz", examples / "1ia1_ligand.sdf", checks="fast")
    assert {check_column(name) for name in CHECKS} | {"plausible", "failed_checks"} == set(checked.columns) - set(
        plain.columns
    )
    assert bool(checked["plausible"][0])
    pd.testing.assert_frame_equal(plain, checked[list(plain.columns)])


def test_posebusters_says_the_same(crystal):
    pytest.importorskip("posebusters", reason="the extra `checks` is not installed")
    generator = np.random.default_rng(1)
    poses = [crystal, *(posed(crystal, crystal.ligand.positions + generator.normal(0, s, 3)) for s in (0.7, 1.5, 3.0))]
    poses += [posed(crystal, crystal.ligand.positions + generator.normal(0, 0.2, crystal.ligand.positions.shape))]
    for cx in poses:
        own, theirs = plausibility(cx), PoseChecks("posebusters").of(cx)
        assert own == {name: theirs[check_column(name)] for name in CHECKS}


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "posebusters", None)
    with pytest.raises(UsageError) as caught:
        PoseChecks("posebusters")
    assert "binding[checks]" in caught.value.hint

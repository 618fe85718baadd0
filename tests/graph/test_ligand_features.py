"""What a ligand's atoms and bonds are, on molecules named for what is odd about them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, DESCRIPTORS, LigandGraph
from binding.graph.ligand import build_ligand_graph, neutralise
from binding.io.ligand import prepare_ligand, read_ligands
from binding.structures import Ligand

#: The same compound as files hold it at one pH or another.
PROTONATION = {
    "zwitterion": ("[NH3+][C@@H](Cc1ccccc1)C(=O)[O-]", "N[C@@H](Cc1ccccc1)C(=O)O"),
    "amidinium": ("NC(=[NH2+])c1ccccc1", "NC(=N)c1ccccc1"),
    "guanidinium": ("CNC(N)=[NH2+]", "CNC(=N)N"),
    "tetrazolate": ("Cc1nnn[n-]1", "Cc1nnn[nH]1"),
    "acyl sulfonamide anion": ("CC(=O)[N-]S(C)(=O)=O", "CC(=O)NS(C)(=O)=O"),
    "phosphonate dianion": ("CP(=O)([O-])[O-]", "CP(=O)(O)O"),
    "sulfonate": ("CS(=O)(=O)[O-]", "CS(=O)(=O)O"),
    "piperazinium": ("C[NH+]1CCNCC1", "CN1CCNCC1"),
    "imidazolium": ("Cc1c[nH]c[nH+]1", "Cc1c[nH]cn1"),
    "betaine": ("C[N+](C)(C)CC(=O)[O-]", "C[N+](C)(C)CC(=O)O"),
    "thiolate": ("CC[S-]", "CCS"),
    "phenolate": ("[O-]c1ccccc1", "Oc1ccccc1"),
}


@lru_cache(maxsize=64)
def graph_of(smiles: str) -> LigandGraph:
    """Features of a molecule given as SMILES, atoms in the order of the SMILES."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=11, useRandomCoords=True) == 0
    return build_ligand_graph(prepare_ligand(mol, smiles))


def column(graph: LigandGraph, name: str) -> list[int]:
    return graph.atom_categories[:, list(ATOM_CATEGORIES).index(name)].tolist()


def marked(graph: LigandGraph, name: str) -> set[int]:
    return set(np.flatnonzero(column(graph, name)).tolist())


def descriptor(graph: LigandGraph, name: str) -> float:
    return float(graph.descriptors[DESCRIPTORS.index(name)])


@pytest.mark.parametrize("name", PROTONATION)
def test_protonation_state_of_the_file_does_not_matter(name):
    """One pose, written in both ways."""
    first, second = (Chem.MolFromSmiles(smiles) for smiles in PROTONATION[name])
    posed = Chem.AddHs(first)
    assert AllChem.EmbedMolecule(posed, randomSeed=11, useRandomCoords=True) == 0
    positions = posed.GetConformer().GetPositions()[: first.GetNumAtoms()]
    graphs = []
    for mol in (first, second):
        mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
        mol.GetConformer().SetPositions(positions)
        graphs.append(build_ligand_graph(prepare_ligand(mol, name)))
    charged, neutral = graphs
    assert np.array_equal(charged.atom_categories, neutral.atom_categories)
    assert np.array_equal(charged.bonds, neutral.bonds)
    assert np.array_equal(charged.bond_categories, neutral.bond_categories)
    assert np.array_equal(charged.descriptors, neutral.descriptors)
    assert np.array_equal(charged.radii, neutral.radii)


@pytest.mark.parametrize(
    ("smiles", "acidic", "basic"),
    [
        ("CC(=O)O", {2, 3}, set()),  # carboxylic acid: both oxygens
        ("CCN", set(), {2}),
        ("CN(C)C", set(), {1}),
        ("NC(=N)c1ccccc1", set(), {0, 2}),  # amidine: both nitrogens
        ("CNC(=N)N", set(), {1, 3, 4}),
        ("CC(N)=O", set(), set()),  # amide
        ("Nc1ccccc1", set(), set()),  # aniline
        ("NS(=O)(=O)c1ccccc1", set(), set()),  # primary sulfonamide
        ("CC(=O)NS(C)(=O)=O", {2, 3, 6, 7}, set()),  # acyl sulfonamide
        ("Cc1nnn[nH]1", {2, 3, 4, 5}, set()),  # tetrazole
        ("CP(=O)(O)O", {2, 3, 4}, set()),
        ("C[N+](C)(C)CCO", set(), set()),  # quaternary: a charge, but no base
        ("c1ccncc1", set(), set()),
        ("Oc1ccccc1", set(), set()),
    ],
)
def test_ionisable_groups(smiles, acidic, basic):
    assert marked(graph_of(smiles), "acidic") == acidic
    assert marked(graph_of(smiles), "basic") == basic


@pytest.mark.parametrize(
    ("smiles", "donor", "acceptor"),
    [
        ("CC(N)=O", {2}, {3}),
        ("CC(=O)OC", set(), {2}),  # ester: the carbonyl only
        ("COc1ccccc1", set(), set()),  # anisole
        ("c1ccoc1", set(), set()),  # furan
        ("COC", set(), {1}),
        ("CC#N", set(), {2}),
        ("Nc1ccccc1", {0}, set()),  # aniline
        ("CN(C)C", set(), {1}),
        ("NS(=O)(=O)c1ccccc1", {0}, {2, 3}),
        ("OCC", {0}, {0}),
        ("CCS", set(), set()),
    ],
)
def test_hydrogen_bonds(smiles, donor, acceptor):
    assert marked(graph_of(smiles), "donor") == donor
    assert marked(graph_of(smiles), "acceptor") == acceptor


def test_imidazole_gives_with_one_nitrogen_and_takes_with_the_other():
    graph = graph_of("c1c[nH]cn1")
    assert marked(graph, "donor") ^ marked(graph, "acceptor") == {2, 4}
    assert len(marked(graph, "donor")) == 1


def test_charges_that_no_proton_balances_stay():
    choline = graph_of("C[N+](C)(C)CCO")
    assert column(choline, "charge") == [0, 1, 0, 0, 0, 0, 0]
    assert marked(graph_of("C[n+]1ccccc1"), "charge") == {1}
    assert column(graph_of("[O-][N+](=O)c1ccccc1"), "charge")[1] == 1


def test_hydrophobic_atoms_are_carbons_among_carbons_and_halogens():
    assert marked(graph_of("FCCC(=O)Cl"), "hydrophobic") == {0, 2, 5}


def test_stereo_of_atoms_and_double_bonds():
    left, right = graph_of("C[C@H](N)C(=O)O"), graph_of("C[C@@H](N)C(=O)O")
    assert {column(left, "chirality")[1], column(right, "chirality")[1]} == {1, 2}
    stereo = list(BOND_CATEGORIES).index("stereo")
    assert graph_of("F/C=C/F").bond_categories[:, stereo].tolist() == [0, 1, 0]
    assert graph_of("F/C=C\\F").bond_categories[:, stereo].tolist() == [0, 2, 0]
    same = np.delete(left.atom_categories, list(ATOM_CATEGORIES).index("chirality"), axis=1)
    other = np.delete(right.atom_categories, list(ATOM_CATEGORIES).index("chirality"), axis=1)
    assert np.array_equal(same, other)


def test_rings_bonds_and_rotors():
    graph = graph_of("C1CC1CCc1ccccc1")
    assert column(graph, "ring_size") == [1, 1, 1, 0, 0, 4, 4, 4, 4, 4, 4]
    assert column(graph_of("C1CCCCCCCCCCC1"), "ring_size") == [6] * 12
    assert column(graph_of("c1ccc2[nH]ccc2c1"), "ring_size").count(3) == 5, "an atom of two rings takes the smaller"
    names = list(BOND_CATEGORIES)
    rotatable = graph.bond_categories[:, names.index("rotatable")]
    ends = {tuple(sorted(bond)) for bond, turns in zip(graph.bonds.tolist(), rotatable, strict=True) if turns}
    assert ends == {(2, 3), (3, 4), (4, 5)}
    assert descriptor(graph, "rotatable_bonds") * 7 == pytest.approx(3, abs=1e-5)
    orders = graph_of("C=CC#Cc1ccccc1").bond_categories[:, names.index("order")].tolist()
    assert [orders.count(order) for order in range(4)] == [2, 1, 1, 6]


def test_descriptors_against_their_names():
    graph = graph_of("Clc1ccc(CN)cc1C(=O)O")
    assert descriptor(graph, "heavy_atoms") * 30 == pytest.approx(graph.num_atoms, rel=1e-6)
    assert descriptor(graph, "halogens") == 1
    assert descriptor(graph, "acidic_groups") == 1
    assert descriptor(graph, "aromatic_rings") * 3 == pytest.approx(1, rel=1e-6)
    assert descriptor(graph, "donors") * 3 == pytest.approx(2, rel=1e-6)


def test_elements_without_a_type_of_their_own_share_the_last():
    graph = graph_of("C[Ge](C)(C)C")
    assert column(graph, "element")[1] == ATOM_CATEGORIES["element"] - 1
    assert (graph.atom_categories < np.array(list(ATOM_CATEGORIES.values()))).all()


def test_one_atom_has_no_bond():
    mol = Chem.MolFromSmiles("C")
    mol.AddConformer(Chem.Conformer(1))
    mol.GetConformer().SetAtomPosition(0, (1.0, 2.0, 3.0))
    graph = build_ligand_graph(prepare_ligand(mol, "methane"))
    assert graph.bonds.shape == (0, 2)
    assert graph.bond_categories.shape == (0, len(BOND_CATEGORIES))
    assert np.isfinite(graph.descriptors).all()


def test_neutralising_keeps_the_order_of_atoms():
    mol = Chem.MolFromSmiles("[O-]C(=O)C[NH3+]")
    neutral = neutralise(mol)
    assert [a.GetSymbol() for a in neutral.GetAtoms()] == ["O", "C", "O", "C", "N"]
    assert not any(a.GetFormalCharge() for a in neutral.GetAtoms())
    assert any(a.GetFormalCharge() for a in mol.GetAtoms()), "the molecule that was given stays as it is"


# ---------------------------------------------------------------- poses of one compound


def test_poses_of_a_compound_share_their_features_and_not_their_places(examples):
    """The 2D structure is looked at once; what is shared cannot be written to."""
    poses = [pose for pose in read_ligands(examples / "5ht1b_poses.sdf.gz") if isinstance(pose, Ligand)]
    first, second = build_ligand_graph(poses[0]), build_ligand_graph(poses[1])
    assert first.atom_categories is second.atom_categories
    assert first.descriptors is second.descriptors
    assert np.array_equal(second.positions, poses[1].positions)
    assert not np.array_equal(first.positions, second.positions)
    with pytest.raises(ValueError, match="read-only"):
        first.atom_categories[0] = 0


def test_a_mirror_image_is_another_structure():
    right, left = graph_of("C[C@H](N)C(=O)O"), graph_of("C[C@@H](N)C(=O)O")
    assert right.atom_categories is not left.atom_categories
    assert not np.array_equal(right.atom_categories, left.atom_categories)

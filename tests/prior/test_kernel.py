"""How alike two ligands are: RDKit's Tanimoto and a Gaussian of descriptors, the same alone and in a matrix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from prior_ligands import DRUGS, drugs, graph, graph_of
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from binding.graph.fields import ATOM_CATEGORIES
from binding.prior.kernel import AT_ONCE, DESCRIPTOR_SHARE, Features, Known, kernel_matrix


@pytest.fixture(scope="module")
def features() -> Features:
    return Features.of(drugs())


@pytest.fixture(scope="module")
def matrix(features) -> np.ndarray:
    return kernel_matrix(features)


def test_the_matrix_is_one_by_one_likeness(features, matrix):
    known = Known(features)
    rows = [known.likeness(bits, features.descriptors[row])[0] for row, bits in enumerate(features.split())]
    assert matrix == pytest.approx(np.array(rows), abs=2e-6)


@pytest.mark.parametrize("count", [1, 2, 5, AT_ONCE])
def test_likeness_does_not_depend_on_what_is_asked_for_beside_it(features, count):
    many = replace(features, descriptors=np.repeat(features.descriptors, 100, axis=0))  # a product worth a kernel
    many = replace(many, bits=np.tile(features.bits, 100), bit_counts=np.tile(features.bit_counts, 100))
    known, bits = Known(many), features.split()
    alone = np.array([known.likeness(bits[row], features.descriptors[row])[0] for row in range(count)])
    assert np.array_equal(known.likeness_of(bits[:count], features.descriptors[:count])[0], alone)


def test_it_is_symmetric_and_a_ligand_is_most_like_itself(matrix):
    assert np.abs(matrix - matrix.T).max() < 1e-6
    assert np.diag(matrix) == pytest.approx(np.full(len(matrix), 1.0 + DESCRIPTOR_SHARE), abs=1e-5)
    off = matrix[~np.eye(len(matrix), dtype=bool)]
    assert 0.0 < off.min() < off.max() < 1.4
    assert np.linalg.eigvalsh(matrix.astype(np.float64)).min() > 0.0, "a kernel has no negative eigenvalue"


def test_it_is_rdkits_tanimoto_and_a_gaussian(features, matrix):
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    mols = [Chem.MolFromSmiles(smiles) for smiles in DRUGS.values()]
    prints = [generator.GetFingerprint(mol) for mol in mols]
    tanimoto = np.array([DataStructs.BulkTanimotoSimilarity(one, prints) for one in prints])
    known = features.descriptors.astype(np.float64)
    distance = np.square(known[:, None] - known[None]).mean(axis=-1)
    expected = tanimoto + DESCRIPTOR_SHARE * np.exp(-distance / 2)
    off = np.abs(matrix - expected)
    assert off.mean() < 0.015
    assert off.max() < 0.06, "chance collisions of bits"


def test_parts_of_a_large_matrix_are_joined(features, monkeypatch):
    whole = kernel_matrix(features)
    monkeypatch.setattr("binding.prior.kernel._ROWS_AT_ONCE", 7)
    assert kernel_matrix(features) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CC(=O)Oc1ccccc1C(=O)O", "CC(=O)Oc1ccccc1C(=O)[O-]"),
        ("NC(=N)c1ccccc1", "NC(=[NH2+])c1ccccc1"),
        ("CC(C)NCC(O)COc1cccc2ccccc12", "CC(C)[NH2+]C[C@H](O)COc1cccc2ccccc12"),
    ],
    ids=["aspirin", "benzamidine", "S-propranolol"],
)
def test_protonation_and_stereo_do_not_matter(features, one, other):
    pair = Features.of([graph(one), graph(other)])
    assert len(set(pair.keys())) == 1
    first, second = (Known(features).likeness(bits, pair.descriptors[row])[0] for row, bits in enumerate(pair.split()))
    assert np.array_equal(first, second)


def test_the_order_of_atoms_does_not_matter():
    mol = Chem.MolFromSmiles(DRUGS["gefitinib"])
    order = np.random.default_rng(3).permutation(mol.GetNumAtoms()).tolist()
    pair = Features.of([graph_of(mol), graph_of(Chem.RenumberAtoms(mol, order))])
    assert len(set(pair.keys())) == 1
    assert pair.descriptors[0] == pytest.approx(pair.descriptors[1], abs=1e-6)


def test_positions_do_not_matter():
    ligand = graph(DRUGS["caffeine"])
    moved = replace(ligand, positions=ligand.positions + 12.5)
    assert Features.of([ligand]).keys() == Features.of([moved]).keys()


def test_some_of_the_ligands(features):
    rows = np.array([4, 0, 25])
    taken = features.take(rows)
    assert taken.keys() == [features.keys()[row] for row in rows]
    assert np.array_equal(taken.descriptors, features.descriptors[rows])
    none = features.take(np.zeros(0, dtype=np.int64))
    assert len(none) == 0
    assert none.split() == none.keys() == []


def test_a_ligand_of_one_atom_and_one_of_none(features):
    """Zinc has a single bit; a graph without atoms has none, and is like others by its descriptors alone."""
    zinc = graph_of(Chem.MolFromSmiles("[Zn+2]"))
    nothing = replace(
        zinc,
        positions=np.zeros((0, 3)),
        atom_categories=np.zeros((0, len(ATOM_CATEGORIES)), dtype=np.uint8),
        radii=np.zeros(0, dtype=np.float32),
    )
    both = Features.of([zinc, nothing])
    assert both.bit_counts.tolist() == [1, 0]
    likeness, _ = Known(features).likeness(both.split()[1], both.descriptors[1])
    assert np.isfinite(likeness).all()
    assert likeness.max() <= DESCRIPTOR_SHARE
    assert np.isfinite(kernel_matrix(both)).all()

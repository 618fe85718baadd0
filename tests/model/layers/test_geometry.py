"""Pair features on two atoms whose numbers can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from binding.constants import AROMATIC_C, ATOM_CLASSES, CARBONYL_O, RESIDUE_TYPES
from binding.graph.batch import Batch, collate
from binding.graph.fields import (  # fmt: skip
    ATOM_CATEGORIES,
    BOND_CATEGORIES,
    DESCRIPTORS,
    RESIDUE_SCALARS,
    ComplexGraph,
    LigandGraph,
    PocketGraph,
)
from binding.model.layers.contacts import find_contacts
from binding.model.layers.geometry import SHELL_WIDTHS, SHELLS, PairGeometry, read_vectors

CUTOFF = 6.5


def two_atoms(distance: float, radius: float, protein_class: int, **flags: int) -> Batch:
    """One ligand atom at the origin and one protein atom on x, a residue of its own."""
    categories = np.zeros((1, len(ATOM_CATEGORIES)), dtype=np.uint8)
    for name, value in flags.items():
        categories[0, list(ATOM_CATEGORIES).index(name)] = value
    ligand = LigandGraph(
        positions=np.zeros((1, 3)),
        atom_categories=categories,
        radii=np.array([radius], dtype=np.float32),
        bonds=np.zeros((0, 2), dtype=np.int16),
        bond_categories=np.zeros((0, len(BOND_CATEGORIES)), dtype=np.uint8),
        descriptors=np.zeros(len(DESCRIPTORS), dtype=np.float32),
    )
    place = np.array([[distance, 0.0, 0.0]])
    pocket = PocketGraph(
        residue_types=np.array([len(RESIDUE_TYPES) - 1], dtype=np.uint8),
        residue_scalars=np.zeros((1, len(RESIDUE_SCALARS))),
        anchors=place,
        centroids=place,
        frames=np.zeros((1, 3, 3)),
        edge_index=np.zeros((2, 0), dtype=np.int32),
        edge_offset=np.zeros(0, dtype=np.int8),
        atom_positions=place,
        atom_classes=np.array([protein_class], dtype=np.uint8),
        atom_residue=np.array([0], dtype=np.int32),
        atom_directions=np.array([[-1.0, 0.0, 0.0]]),
        atom_normals=np.array([[1.0, 0.0, 0.0]]),
    )
    return collate([ComplexGraph(ligand, pocket)], torch.float64)


def features(batch: Batch, angles: bool = True) -> tuple[torch.Tensor, list[float]]:
    layer = PairGeometry(CUTOFF, 2, angles).double()
    contacts = find_contacts(batch, CUTOFF)
    vectors = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], dtype=torch.float64)
    pairs = layer(batch, contacts)
    blocks = [pairs.scalars]
    if pairs.lines is not None:
        blocks.append(read_vectors(pairs.lines, vectors[contacts.pair_atom]))
    found = torch.cat(blocks, dim=-1)
    assert pairs.scalars.shape[1] == layer.num_scalars
    assert found.shape == (len(contacts.pair_atom), layer.num_features)
    return found[0], pairs.vina[0].tolist()


def test_vina_terms_of_a_hydrogen_bond_by_hand():
    """N-H of a ligand 2.9 Å from a carbonyl O: radii 1.8 and 1.7 Å, so the surfaces overlap by 0.6 Å."""
    _, vina = features(two_atoms(2.9, 1.8, CARBONYL_O, donor=1))
    overlap = -0.6
    expected = [math.exp(-((overlap / 0.5) ** 2)), math.exp(-(((overlap - 3.0) / 2.0) ** 2)), 0.36, 0.0, 0.6 / 0.7]
    assert vina == pytest.approx(expected, abs=1e-6)


def test_vina_terms_of_two_greasy_carbons_by_hand():
    _, vina = features(two_atoms(4.4, 1.9, AROMATIC_C, hydrophobic=1))
    assert vina[2:] == pytest.approx([0.0, 0.9, 0.0], abs=1e-6)
    _, without = features(two_atoms(4.4, 1.9, AROMATIC_C))
    assert without[3] == 0.0


def test_an_overlap_costs_no_more_than_its_bound():
    """A clash is a finite number, the same for all that lie deeper than 1 Å."""
    assert features(two_atoms(0.5, 1.9, AROMATIC_C))[1][2] == pytest.approx(1.0)
    assert features(two_atoms(1e-6, 1.9, AROMATIC_C))[1][2] == pytest.approx(1.0)


def test_contact_profile_counts_by_class_and_shell():
    found, _ = features(two_atoms(3.3, 1.8, CARBONYL_O))
    profile = found[40 : 40 + len(ATOM_CLASSES) * len(SHELLS)].view(len(ATOM_CLASSES), len(SHELLS))
    rows = [k for k in range(len(ATOM_CLASSES)) if k != CARBONYL_O]
    assert not profile[rows].any()
    expected = [math.exp(-0.5 * ((3.3 - c) / w) ** 2) for c, w in zip(SHELLS, SHELL_WIDTHS, strict=True)]
    assert profile[CARBONYL_O].tolist() == pytest.approx(expected, rel=1e-5)


def test_angles_add_features_and_leave_the_others_alone():
    with_angles, vina = features(two_atoms(3.5, 1.8, CARBONYL_O, acceptor=1, aromatic=1))
    without, same = features(two_atoms(3.5, 1.8, CARBONYL_O, acceptor=1, aromatic=1), angles=False)
    assert vina == same
    assert torch.equal(with_angles[: len(without)], without)
    assert len(with_angles) > len(without)


def test_hydrogen_bond_angle_at_the_protein_atom():
    """The carbonyl points at the ligand atom, whose own axis is undefined: cosine 1 there, 0 elsewhere."""
    batch = two_atoms(2.9, 1.8, CARBONYL_O, donor=1)
    found, _ = features(batch)
    start = 40 + len(ATOM_CLASSES) * len(SHELLS) + 5
    window, angles = found[start], found[start + 4 : start + 7]
    assert float(window) == pytest.approx(1.0)
    assert angles.tolist() == pytest.approx([0.0, 1.0, 0.0])


def test_least_distance_beyond_the_cutoff_is_no_contact():
    assert len(find_contacts(two_atoms(CUTOFF + 1e-6, 1.8, CARBONYL_O), CUTOFF).atom) == 0
    assert len(find_contacts(two_atoms(CUTOFF - 1e-6, 1.8, CARBONYL_O), CUTOFF).atom) == 1

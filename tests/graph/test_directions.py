"""Directions and normals of atoms on geometry that is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from networks import example_graph

from binding.graph.batch import collate
from binding.graph.directions import atom_directions, bonds_by_distance, unit
from binding.model.layers.geometry import ligand_axes


def ring(radius: float = 1.39) -> np.ndarray:
    angle = np.deg2rad(60.0 * np.arange(6))
    return radius * np.stack([np.cos(angle), np.sin(angle), np.zeros(6)], axis=1)


def formamide() -> tuple[np.ndarray, np.ndarray]:
    """C, O, N in the plane z = 0, Å."""
    turn = np.deg2rad(125.0)
    positions = np.array([[0, 0, 0], [1.23, 0, 0], [1.33 * np.cos(turn), 1.33 * np.sin(turn), 0]])
    return positions, np.array([6, 8, 7])


def test_carbonyl_points_away_from_its_carbon_and_lies_in_its_plane():
    positions, elements = formamide()
    bonds = bonds_by_distance(positions, elements)
    assert {tuple(sorted(bond)) for bond in bonds.tolist()} == {(0, 1), (0, 2)}
    directions, normals = atom_directions(positions, bonds)
    assert directions[1] == pytest.approx([1, 0, 0])
    assert np.abs(normals[:, 2]) == pytest.approx([1, 1, 1]), "the ends take the plane of the carbon"
    outward = -(unit(positions[1]) + unit(positions[2]))
    assert directions[0] == pytest.approx(unit(outward))


def test_benzene_normals_and_outward_directions():
    positions = ring()
    bonds = bonds_by_distance(positions, np.full(6, 6))
    assert len(bonds) == 6
    directions, normals = atom_directions(positions, bonds)
    assert np.abs(normals) == pytest.approx(np.tile([0.0, 0.0, 1.0], (6, 1)))
    assert directions == pytest.approx(unit(positions))


def test_line_and_tetrahedron_have_no_plane():
    nitrile = np.array([[0, 0, 0], [1.46, 0, 0], [2.62, 0, 0]])
    directions, normals = atom_directions(nitrile, np.array([[0, 1], [1, 2]]))
    assert not normals.any()
    assert directions[2] == pytest.approx([1, 0, 0])
    assert not directions[1].any(), "neighbours that cancel out say no direction"
    corners = 0.89 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    neopentane = np.concatenate([np.zeros((1, 3)), corners])
    directions, normals = atom_directions(neopentane, np.array([[0, k] for k in range(1, 5)]))
    assert not normals.any()
    assert not directions[0].any()


def test_lone_atoms_and_metals_form_no_bond():
    assert bonds_by_distance(np.zeros((1, 3)), np.array([30])).shape == (0, 2)
    zinc_at_sulfur = np.array([[0, 0, 0], [2.3, 0, 0]])
    assert bonds_by_distance(zinc_at_sulfur, np.array([30, 16])).shape == (0, 2)
    disulfide = np.array([[0, 0, 0], [2.05, 0, 0]])
    assert len(bonds_by_distance(disulfide, np.array([16, 16]))) == 1
    directions, normals = atom_directions(np.zeros((1, 3)), np.zeros((0, 2), dtype=int))
    assert not directions.any()
    assert not normals.any()


@pytest.mark.parametrize("name", ["6wqa", "5ht1b"])
def test_ligand_axes_of_the_network_agree_with_the_protein_side(name):
    """Two independent ways to the same geometry: eigenvectors in NumPy, the adjugate in torch."""
    graph = example_graph(name)
    directions, normals = atom_directions(graph.ligand.positions, graph.ligand.bonds.astype(int))
    axes, planes = ligand_axes(collate([graph], torch.float64))
    assert axes.numpy() == pytest.approx(directions, abs=1e-9)
    degree = np.bincount(graph.ligand.bonds.ravel(), minlength=graph.ligand.num_atoms)
    two = (degree == 2) & (np.abs(normals).sum(axis=1) > 0)
    assert two.sum() > 3
    assert planes.numpy()[two] == pytest.approx(normals[two][:, :, None] * normals[two][:, None, :], abs=1e-9)

"""Graphs to batches: what lies where."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from networks import example_graph

from binding.graph.batch import collate, collate_pockets, distinct_pockets, place_ligands
from binding.graph.fields import ComplexGraph

NAMES = ("4cup", "1s2g", "6wqa")


@pytest.fixture(scope="module")
def graphs():
    return [example_graph(name) for name in NAMES]


def test_nodes_are_joined_in_order(graphs):
    batch = collate(graphs, torch.float64)
    assert batch.num_ligands == batch.num_pockets == 3
    assert torch.bincount(batch.atom_ligand).tolist() == [g.ligand.num_atoms for g in graphs]
    assert batch.max_atoms == max(g.ligand.num_atoms for g in graphs)
    assert batch.max_residues == max(g.pocket.num_residues for g in graphs)
    assert len(batch.protein_classes) == sum(g.pocket.num_atoms for g in graphs)
    start = graphs[0].ligand.num_atoms
    bonds = graphs[1].ligand.bonds
    found = {tuple(pair) for pair in (batch.bond_index - start).T.tolist()}
    assert {(int(a), int(b)) for a, b in bonds} | {(int(b), int(a)) for a, b in bonds} <= found


def test_slots_are_places_in_the_padded_array(graphs):
    batch = collate(graphs, torch.float64)
    padded = torch.full((3 * batch.max_atoms, 3), float("nan"), dtype=torch.float64)
    padded[batch.atom_slot] = batch.atom_positions
    for row, graph in enumerate(graphs):
        mine = padded.view(3, batch.max_atoms, 3)[row]
        assert torch.isfinite(mine[: graph.ligand.num_atoms]).all()
        assert torch.isnan(mine[graph.ligand.num_atoms :]).all()
        centred = graph.ligand.positions - graph.pocket.anchors.mean(axis=0)
        assert np.abs(mine[: graph.ligand.num_atoms].numpy() - centred).max() < 1e-12


def test_residue_indices_point_into_the_batch(graphs):
    batch = collate(graphs, torch.float64)
    pocket_of_residue = batch.residue_slot // batch.max_residues
    assert (pocket_of_residue[batch.residue_edges[0]] == pocket_of_residue[batch.residue_edges[1]]).all()
    owner = np.repeat(np.arange(3), [graph.pocket.num_atoms for graph in graphs])
    assert pocket_of_residue[batch.protein_residue].tolist() == owner.tolist()
    assert (batch.protein_residue.diff() >= 0).all(), "contacts rely on it"
    assert int(batch.residue_edge_offset.min()) >= 0
    assert int(batch.residue_edge_offset.max()) <= 7


def test_a_shared_pocket_is_held_once(graphs):
    poses = [example_graph("5ht1b", pose).ligand for pose in range(3)]
    pocket = example_graph("5ht1b").pocket
    batch = collate([*(ComplexGraph(pose, pocket) for pose in poses), graphs[0]])
    assert batch.num_pockets == 2
    assert batch.pocket_of.tolist() == [0, 0, 0, 1]
    assert len(batch.residue_types) == pocket.num_residues + graphs[0].pocket.num_residues


def test_the_origin_is_the_pocket_not_the_file(graphs):
    """Differences are taken in double precision, so that single precision loses nothing far from the origin."""
    batch = collate(graphs)
    assert batch.dtype == batch.anchors.dtype == torch.float32
    assert batch.atom_positions.dtype == batch.protein_positions.dtype == torch.float64  # see find_contacts
    assert float(batch.anchors.abs().max()) < 30.0


def test_ligands_placed_in_pockets_that_are_collated_already(graphs):
    """What a screen does: the pocket once, its ligands a few at a time."""
    pockets, rows = distinct_pockets(graphs)
    collated = collate_pockets(pockets, torch.float64)
    whole = collate(graphs, torch.float64)
    part = place_ligands(graphs[1:], rows[1:], collated, torch.float64)
    assert part.num_ligands == 2
    assert part.pocket_of.tolist() == [1, 2]
    assert torch.equal(part.anchors, whole.anchors)
    assert torch.equal(part.atom_positions, whole.atom_positions[graphs[0].ligand.num_atoms :])

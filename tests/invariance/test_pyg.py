"""Graphs as PyTorch Geometric takes them: complete, batched by it, and turning with the complex as e3nn says."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from e3nn import o3
from networks import example_complex, example_graph
from torch_geometric.data import Batch
from transforms import moved_complex, random_motions

from binding.errors import UsageError
from binding.graph.build import build_graph
from binding.graph.pyg import IRREPS, to_hetero_data

NAMES = ("1s2g", "6wqa", "5ht1b")


@pytest.mark.parametrize("name", NAMES)
def test_everything_of_the_graph_is_there(name):
    graph = example_graph(name)
    data = to_hetero_data(graph)
    data.validate()
    assert data["atom"].num_nodes == graph.ligand.num_atoms
    assert data["residue"].num_nodes == graph.pocket.num_residues
    assert data["protein_atom"].num_nodes == graph.pocket.num_atoms
    assert data["atom", "bond", "atom"].num_edges == 2 * len(graph.ligand.bonds)
    assert not data["atom", "bond", "atom"].has_self_loops()
    owner = data["protein_atom", "of", "residue"].edge_index[1]
    assert np.array_equal(owner.numpy(), graph.pocket.atom_residue)
    between = data["atom"].pos[0] - data["residue"].pos[0]
    assert between.numpy() == pytest.approx(graph.ligand.positions[0] - graph.pocket.anchors[0], abs=1e-4)


def test_batches_are_made_by_the_library():
    graphs = [to_hetero_data(example_graph(name)) for name in NAMES]
    batch = Batch.from_data_list(graphs)
    assert batch["atom"].num_nodes == sum(graph["atom"].num_nodes for graph in graphs)
    assert batch.descriptors.shape == (len(NAMES), 12)
    source, target = batch["atom", "bond", "atom"].edge_index
    assert torch.equal(batch["atom"].batch[source], batch["atom"].batch[target])


@pytest.mark.parametrize("name", NAMES)
def test_fields_turn_as_their_irreps_say(name):
    cx = example_complex(name)
    still = to_hetero_data(build_graph(cx))
    for motion in random_motions(3, seed=5):
        turned = to_hetero_data(build_graph(moved_complex(cx, motion)))
        for (node, field), irreps in IRREPS.items():
            matrix = o3.Irreps(irreps).D_from_matrix(torch.as_tensor(motion.rotation)).float()
            expected, found = still[node][field] @ matrix.T, turned[node][field]
            if field == "normals":  # a plane has no sign
                found = found * torch.sign((found * expected).sum(-1, keepdim=True))
            assert torch.allclose(found, expected, atol=2e-4), (node, field)
        assert torch.equal(turned["atom"].x, still["atom"].x)
        assert torch.allclose(turned["residue"].x, still["residue"].x, atol=1e-4)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_geometric.data", None)
    with pytest.raises(UsageError) as caught:
        to_hetero_data(example_graph("1s2g"))
    assert caught.value.code == "missing_extra"
    assert "binding[pyg]" in caught.value.hint

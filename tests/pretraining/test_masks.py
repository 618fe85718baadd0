"""What is hidden is hidden: no guess may depend on the features of what it guesses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import example_graph

from binding.config import ModelConfig
from binding.constants import AMINO_ACIDS
from binding.graph.batch import collate, collate_molecules
from binding.graph.fields import ATOM_CATEGORIES, RESIDUE_SCALARS
from binding.pretraining.heads import MoleculePretraining, PocketPretraining
from binding.pretraining.tasks import hidden_places

SMALL = ModelConfig(hidden_channels=16, num_heads=2, vector_channels=2, dropout=0.0)


def graphs():
    return [example_graph(name) for name in ("1s2g", "4cup")]


@pytest.fixture
def pocket_network():
    torch.manual_seed(1)
    return PocketPretraining(SMALL).eval()


def one_hidden(batch):
    """An amino acid in the middle of the pocket, and one of its neighbours."""
    hidden = torch.zeros(len(batch.residue_types), dtype=torch.bool)
    place = int(torch.nonzero(batch.residue_types < len(AMINO_ACIDS))[20])
    hidden[place] = True
    neighbour = int(batch.residue_edges[0][batch.residue_edges[1] == place][0])
    return hidden, place, neighbour


def changed(batch, place, columns):
    scalars, types = batch.residue_scalars.clone(), batch.residue_types.clone()
    types[place] = (types[place] + 5) % len(AMINO_ACIDS)
    for name in columns:
        scalars[place, RESIDUE_SCALARS.index(name)] += 0.7
    return replace(batch, residue_types=types, residue_scalars=scalars)


TELLING = [name for name in RESIDUE_SCALARS if "chi" in name or name in ("burial", "missing_atoms", "modified")]


def test_the_type_of_a_hidden_residue_and_what_tells_it_are_not_seen(pocket_network):
    batch = collate(graphs())
    hidden, place, neighbour = one_hidden(batch)
    with torch.no_grad():
        logits = pocket_network(batch, hidden)
        assert logits.shape == (1, len(AMINO_ACIDS))
        assert len(TELLING) == 11
        assert torch.equal(pocket_network(changed(batch, place, TELLING), hidden), logits)
        assert not torch.allclose(pocket_network(changed(batch, place, ["sin_phi"]), hidden), logits)
        assert not torch.allclose(pocket_network(changed(batch, neighbour, []), hidden), logits)


def test_residues_that_are_shown_are_seen_as_in_the_model(pocket_network, monkeypatch):
    """With nothing hidden the network in pre-training computes what the model will compute."""
    batch = collate(graphs())
    nothing = torch.zeros(len(batch.residue_types), dtype=torch.bool)
    encoder, nodes = pocket_network.encoder, []
    propagate = encoder.propagate
    monkeypatch.setattr(encoder, "propagate", lambda *inputs: nodes.append(propagate(*inputs)) or nodes[-1])
    with torch.no_grad():
        pocket_network(batch, nothing)
        in_pretraining = nodes[0]
        expected = encoder(batch)
    assert torch.equal(in_pretraining, expected)


def test_a_hidden_atom_is_not_seen_and_its_neighbours_are():
    torch.manual_seed(2)
    network = MoleculePretraining(SMALL).eval()
    batch = collate_molecules([graph.ligand for graph in graphs()])
    hidden = torch.zeros(len(batch.atom_ligand), dtype=torch.bool)
    hidden[4] = True
    neighbour = int(batch.bond_index[1][batch.bond_index[0] == 4][0])

    def guess(place):
        categories = batch.atom_categories.clone()
        sizes = torch.tensor(list(ATOM_CATEGORIES.values()))
        categories[place] = (categories[place] + 1) % sizes
        found = network(replace(batch, atom_categories=categories), hidden)
        return torch.cat([*found.categories, found.descriptors[:1], found.pk[:1, None]], dim=1)

    with torch.no_grad():
        plain = network(batch, hidden)
        plain = torch.cat([*plain.categories, plain.descriptors[:1], plain.pk[:1, None]], dim=1)
        assert torch.equal(guess(4), plain)
        assert not torch.allclose(guess(neighbour), plain)


def test_atoms_that_are_shown_are_seen_as_in_the_model():
    """With nothing hidden the network in pre-training computes what the model will compute."""
    torch.manual_seed(3)
    network, seen = MoleculePretraining(SMALL).eval(), []
    network.encoder.layers[-1].register_forward_hook(lambda *args: seen.append(args[-1]))
    batch = collate_molecules([graph.ligand for graph in graphs()])
    with torch.no_grad():
        network(batch, torch.zeros(len(batch.atom_ligand), dtype=torch.bool))
        assert torch.equal(seen[0], network.encoder(collate(graphs())))


@pytest.mark.parametrize(("share", "count"), [(0.15, 6), (0.5, 20), (0.001, 1)])
def test_a_share_of_what_may_be_hidden_is(share, count):
    possible = torch.arange(60) % 3 != 0
    hidden = hidden_places(possible, share, np.random.default_rng(0))
    assert int(hidden.sum()) == count
    assert not (hidden & ~possible).any()
    again = hidden_places(possible, share, np.random.default_rng(0))
    assert torch.equal(hidden, again)

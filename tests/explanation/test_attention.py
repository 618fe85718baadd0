"""Attention as data: the weights of every network where they belong, their means, rollout and entropy."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from networks import SMALL, example_graph, joined_scorer, random_member

from binding.explanation.attention import AttentionMaps, attention_of, heads_of
from binding.explanation.contributions import contributions_of
from binding.graph.batch import collate
from binding.model.ensemble import Scorer


def scorer_of(config=SMALL, members=2) -> Scorer:
    return Scorer("random", {}, [random_member(config, seed) for seed in range(members)], dtype="float64")


def maps_of(graph, scorer) -> AttentionMaps:
    atoms = [f"atom{place}" for place in range(graph.ligand.num_atoms)]
    return attention_of(graph, scorer, atoms, [f"residue{row}" for row in range(graph.pocket.num_residues)])


@pytest.fixture(scope="module")
def scorer():
    return scorer_of()


@pytest.fixture(scope="module")
def maps(scorer):
    return maps_of(example_graph("1s2g"), scorer)


def test_each_weight_stands_at_its_network_layer_direction_head_atom_and_residue(scorer, maps):
    """Beside each network's own output, pair by pair."""
    graph = example_graph("1s2g")
    column = {label: place for place, label in enumerate(maps.residue_labels)}
    for number, member in enumerate(scorer.members):
        output = member.interaction(collate([graph], scorer.dtype), need_attention=True)
        contacts = output.contacts
        for layer, directions in enumerate(output.attention):
            for direction, weights in enumerate(directions):
                for pair in range(0, len(weights), 7):
                    atom, residue = int(contacts.pair_atom[pair]), int(contacts.pair_residue[pair])
                    found = maps.weights[number, layer, direction, :, atom, column[f"residue{residue}"]]
                    assert found == pytest.approx(weights[pair].numpy(), abs=1e-6)
    assert maps.weights.shape == (2, SMALL.num_layers, 2, SMALL.num_heads, 18, len(maps.residue_labels))
    assert not maps.weights[..., ~maps.in_reach].any()


def test_residues_are_those_of_the_contributions(scorer, maps):
    rows = contributions_of(example_graph("1s2g"), scorer).pocket_rows
    assert maps.residue_labels == tuple(f"residue{row}" for row in rows)
    assert len(set(maps.residue_labels)) == len(rows)


def test_weights_add_up_to_one_over_what_is_looked_at(maps):
    reached, reaching = maps.in_reach.any(axis=1), maps.in_reach.any(axis=0)
    assert maps.weights[:, :, 0].sum(axis=-1)[..., reached] == pytest.approx(1.0, abs=1e-5)
    assert maps.weights[:, :, 1].sum(axis=-2)[..., reaching] == pytest.approx(1.0, abs=1e-5)


def test_a_map_is_one_head_or_the_mean_of_what_is_not_chosen(maps):
    assert maps.map(1, layer=1, head=2, member=0) == pytest.approx(maps.weights[0, 1, 1, 2])
    assert maps.map(0, head=3) == pytest.approx(maps.weights[:, :, 0, 3].mean(axis=(0, 1)))
    assert maps.mean() == pytest.approx(maps.weights.mean(axis=(0, 1, 3)), abs=1e-6)
    assert maps.by_residue() == pytest.approx(maps.mean()[0].sum(axis=0))
    assert maps.by_atom() == pytest.approx(maps.mean()[1].sum(axis=1))
    assert np.ptp(maps.weights[:, :, 0].mean(axis=(1, 2)), axis=0).max() > 1e-3, "networks differ"


def test_rollout_goes_through_the_layers():
    """Two atoms and one residue by hand: after two layers an atom has seen the residue, and by it the other atom."""
    weights = np.zeros((1, 2, 2, 1, 2, 1), dtype=np.float32)
    weights[:, :, 0] = 1.0  # each atom looks at the residue
    weights[0, :, 1, 0, :, 0] = (0.25, 0.75)
    maps = AttentionMaps(("C1", "C2"), ("A:GLY:1",), np.ones((2, 1), dtype=bool), weights)
    layer = np.array([[0.5, 0.0, 0.5], [0.0, 0.5, 0.5], [0.125, 0.375, 0.5]])
    through = layer @ layer
    assert maps.rollout()[0] == pytest.approx(through[:2, 2:])
    assert maps.rollout()[1] == pytest.approx(through[2:, :2].T)


def test_nodes_out_of_reach_keep_to_themselves():
    weights = np.zeros((1, 1, 2, 1, 2, 1), dtype=np.float32)
    weights[..., 0, 0] = 1.0
    maps = AttentionMaps(("C1", "C2"), ("A:GLY:1",), np.array([[True], [False]]), weights)
    assert maps.rollout() == pytest.approx(np.array([[[0.5], [0.0]], [[0.5], [0.0]]]))
    assert np.isnan(maps.entropy()).all(), "there is no choice between partners"


def test_entropy_is_one_for_even_weights_and_zero_for_a_single_partner():
    weights = np.zeros((1, 1, 2, 2, 3, 4), dtype=np.float32)
    weights[0, 0, 0, 0], weights[0, 0, 1, 0] = 0.25, 1.0 / 3.0
    weights[0, 0, 0, 1, :, 2] = 1.0
    weights[0, 0, 1, 1, 0, :] = 1.0
    maps = AttentionMaps(("a", "b", "c"), ("w", "x", "y", "z"), np.ones((3, 4), dtype=bool), weights)
    assert maps.entropy()[0, 0] == pytest.approx(np.array([[1.0, 0.0], [1.0, 0.0]]), abs=1e-6)


def test_fixed_heads_count_protein_atoms_and_add_up_to_the_geometry_of_the_pairs():
    graph, scorer = example_graph("1s2g"), joined_scorer(members=1)
    found = contributions_of(graph, scorer)
    atoms, residues = [str(n) for n in range(18)], [str(row) for row in found.pocket_rows]
    maps = heads_of(found, atoms, residues)
    assert maps.pk.shape == (len(maps.heads), 18, len(residues))
    assert maps.pk.sum() == pytest.approx(found.geometry["geometry_contacts"], abs=1e-9)
    networks = contributions_of(graph, replace_line(scorer, geometry=0.0))
    by_networks = np.zeros(maps.pk.shape[1:])
    by_networks[networks.pair_atom, networks.pair_residue] = networks.pairs.pk
    whole = np.zeros(maps.pk.shape[1:])
    whole[found.pair_atom, found.pair_residue] = found.pairs.pk
    assert maps.pk.sum(axis=0) + by_networks == pytest.approx(whole, abs=1e-9)
    pocket, row = graph.pocket, int(residues[5])
    classes = set(pocket.atom_classes[pocket.atom_residue == row].tolist())
    assert {head for head in range(len(maps.weights)) if maps.weights[head, :, 5].any()} <= classes
    assert maps.weights.min() >= 0.0
    silent = ~maps.weights.any(axis=0)
    assert np.abs(maps.pk[: len(maps.weights)].sum(axis=0)[silent]).max() < 1e-6


def test_a_model_without_a_geometry_expert_has_no_fixed_heads(scorer):
    assert heads_of(contributions_of(example_graph("1s2g"), scorer), ["x"] * 18, []) is None


def replace_line(scorer: Scorer, **values: float) -> Scorer:
    """The scorer with other weights of its experts."""
    other = copy.copy(scorer)
    other.line = scorer.line.model_copy(update=values)
    return other


def test_attention_costs_nothing_where_it_is_not_asked_for(scorer):
    _, _, outputs = scorer.outputs(example_graph("1s2g"))
    assert all(output.attention is None for output in outputs)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_model_without_layers_has_no_attention():
    maps = maps_of(example_graph("4cup"), scorer_of(SMALL.model_copy(update={"num_layers": 0}), members=1))
    assert maps.weights.shape[1] == 0
    assert not maps.mean().any()
    assert not maps.rollout().any()

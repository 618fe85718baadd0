"""Integrated gradients: complete, of the whole of pk but its prior, and at their places."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from networks import SMALL, example_graph, joined_scorer, random_member

from binding import api
from binding.constants import Experts
from binding.errors import UsageError
from binding.explanation.gradients import COMPLETE, Gradients, gradients_of
from binding.explanation.occlusion import numbers_of
from binding.graph.fields import ComplexGraph
from binding.model.ensemble import Scorer


def gradients(graph: ComplexGraph, scorer: Scorer) -> Gradients:
    atoms = [f"atom{place}" for place in range(graph.ligand.num_atoms)]
    return gradients_of(graph, scorer, atoms, [f"residue{row}" for row in range(graph.pocket.num_residues)])


@pytest.fixture(scope="module")
def joined():
    return joined_scorer()


@pytest.mark.parametrize("name", ["1s2g", "1ia1", "4cup", "6wqa"])
def test_shares_add_up_to_the_gain_within_one_percent(shipped, name):
    graph = example_graph(name)
    found = gradients(graph, shipped)
    gain = found.pk - found.baseline_pk
    assert abs(found.error) <= COMPLETE * abs(gain)
    assert found.atoms.sum() + found.residue_features.sum() + found.elsewhere == pytest.approx(gain, rel=0.01)
    without_prior, _ = numbers_of(shipped, [graph])
    assert found.pk + shipped.at(graph).line.offset == pytest.approx(without_prior[0], abs=1e-4)


def test_networks_and_geometry_expert_are_both_in_the_gain(joined):
    graph = example_graph("1ia1")
    found = gradients(graph, joined)
    assert found.is_complete
    assert found.pk + joined.line.offset == pytest.approx(float(joined.score([graph]).pk[0]), abs=1e-6)
    networks = Scorer("networks", {}, joined.members, dtype="float64")
    alone = joined.line.network * gradients(graph, networks).pairs
    assert np.abs(found.pairs - alone).max() > 1e-3, "the expert has a share"


def test_the_baseline_is_the_mean_atom_without_a_protein():
    """By hand: the network's number of a ligand of mean atoms that no residue reaches."""
    scorer = Scorer("one", {}, [random_member()], dtype="float64")
    graph = example_graph("1s2g")
    network = scorer.members[0].interaction
    away = replace(graph, ligand=replace(graph.ligand, positions=graph.ligand.positions + 300.0))
    batch, geometry, _ = scorer.outputs(away)
    nodes = network.molecule.atoms(batch.atom_categories)
    states = network.molecule.propagate(
        nodes.mean(dim=0, keepdim=True).expand_as(nodes), batch.bond_index, batch.bond_categories
    )
    states, vectors = network.orient(states, geometry)
    output = network.interact(batch, geometry, states, vectors, network.encode_pocket(batch))
    assert gradients(graph, scorer).baseline_pk == pytest.approx(float(output.pk[0]), abs=1e-6)


def test_pairs_out_of_reach_and_a_ligand_far_away_have_nothing():
    scorer = Scorer("one", {}, [random_member(SMALL.model_copy(update={"cutoff": 4.0}))], dtype="float64")
    graph = example_graph("4cup")
    found = gradients(graph, scorer)
    _, geometry, _ = scorer.outputs(graph)
    reached = np.zeros((graph.ligand.num_atoms, graph.pocket.num_residues), dtype=bool)
    reached[geometry.contacts.pair_atom.numpy(), geometry.contacts.pair_residue.numpy()] = True
    columns = [int(label.removeprefix("residue")) for label in found.residue_labels]
    assert not found.pairs[~reached[:, columns]].any()
    away = replace(graph, ligand=replace(graph.ligand, positions=graph.ligand.positions + 300.0))
    far = gradients(away, scorer)
    assert far.pairs.size == 0
    assert far.is_complete
    assert far.atom_features.sum() == pytest.approx(far.pk - far.baseline_pk, rel=0.01)


def test_a_prior_alone_has_no_gradient(shipped):
    with pytest.raises(UsageError, match="prior alone"):
        gradients(example_graph("4cup"), shipped.of_experts(Experts.prior))


def test_without_captum_the_error_names_the_extra_and_all_else_works(monkeypatch, random_weights, examples):
    for name in [name for name in sys.modules if name.partition(".")[0] == "captum"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "captum", None)
    files = (examples / "4cup_complex.cif.gz", "A:ZYB:2971")
    with pytest.raises(UsageError, match="captum") as error:
        api.explain(files[0], ligand=files[1], model=random_weights, device="cpu", gradients=True)
    assert error.value.code == "missing_extra"
    assert "binding[explain]" in str(error.value.hint)
    found = api.explain(files[0], ligand=files[1], model=random_weights, device="cpu", attention=True, occlusion=True)
    assert found.pairs["attention_to_atom"].notna().all()
    assert found.pairs["pk_gradient"].isna().all()

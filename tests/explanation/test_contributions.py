"""pk taken apart: the sums are exact, and the parts are what the networks and the prior say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from networks import CHIRAL, SMALL, example_graph, random_member
from transforms import moved_graph, random_motions

from binding.explanation.contributions import CONTACTS, PARTS, contributions_of
from binding.graph.batch import collate
from binding.graph.fields import ComplexGraph
from binding.model.ensemble import Scorer

NAMES = ("1s2g", "1ia1", "4cup", "6wqa")


def scorer_of(config=SMALL, members=3) -> Scorer:
    return Scorer("random", {}, [random_member(config, seed) for seed in range(members)], dtype="float64")


def total_of_contacts(found) -> float:
    return float(np.nansum([found.part(name)[0] for name in CONTACTS]))


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_add_up_to_the_pk_of_predict(shipped, name):
    graph = example_graph(name)
    found = contributions_of(graph, shipped)
    assert found.known == shipped.known([graph])[0]
    assert found.pk == pytest.approx(float(shipped.score([graph]).pk[0]), abs=1e-4)
    parts = [found.part(part)[0] for part in PARTS if part != "bound"]
    assert np.nansum(parts) == pytest.approx(found.pk, abs=1e-9)
    assert np.isnan(found.part("bound")[0])
    assert found.residues.pk.sum() == pytest.approx(total_of_contacts(found), abs=1e-9)
    assert found.atoms.pk.sum() == pytest.approx(total_of_contacts(found), abs=1e-9)
    protein = total_of_contacts(found) + found.part("geometry_burial")[0]
    assert abs(protein) > 0.1, "a bound ligand owes something to its protein"
    assert len(found.atoms.pk) == graph.ligand.num_atoms


def test_the_parts_of_weights_without_a_prior_are_those_of_the_networks():
    scorer, graph = scorer_of(), example_graph("1ia1")
    found = contributions_of(graph, scorer)
    assert found.prior == {}
    assert np.isnan([found.part("prior_ligand"), found.part("prior_site")]).all()
    assert found.pk == pytest.approx(float(scorer.score([graph]).pk[0]), abs=1e-9)


def test_every_network_is_summed_by_itself():
    """Beside each network as it is trained, and a loop over its pairs."""
    scorer, graph = scorer_of(), example_graph("1s2g")
    found = contributions_of(graph, scorer)
    place = {row: column for column, row in enumerate(found.pocket_rows.tolist())}
    for number, member in enumerate(scorer.members):
        output = member.interaction(collate([graph], scorer.dtype))
        residues, atoms = np.zeros(len(place)), np.zeros(graph.ligand.num_atoms)
        nearest = np.full(len(place), np.inf)
        contacts = output.contacts
        pairs = zip(contacts.pair_atom, contacts.pair_residue, output.contributions, strict=True)
        for pair, (atom, residue, share) in enumerate(pairs):
            residues[place[int(residue)]] += float(share)
            atoms[int(atom)] += float(share)
            nearest[place[int(residue)]] = min(nearest[place[int(residue)]], float(contacts.pair_distance[pair]))
        assert np.abs(found.residues.networks[number] - residues).max() < 1e-9
        assert np.abs(found.atoms.networks[number] - atoms).max() < 1e-9
        assert np.abs(found.distances - nearest).max() < 1e-9
        parts = dict(zip(found.network_parts, found.network.networks[number], strict=True))
        assert parts["ligand_term"] == pytest.approx(float(output.ligand_term[0]), abs=1e-9)
        assert parts["constant"] == pytest.approx(float(member.interaction.bias), abs=1e-9)
    assert found.residues.pk_std == pytest.approx(found.residues.networks.std(axis=0))
    assert found.residues.pk_std.max() > 1e-3


def test_the_spread_of_one_network_is_not_known():
    found = contributions_of(example_graph("1s2g"), scorer_of(members=1))
    assert np.isnan(found.residues.pk_std).all()
    assert np.isnan(found.part("ligand_term")[1])
    assert np.isfinite(found.residues.pk).all()


def test_without_vinas_terms_all_contacts_were_learned():
    scorer, graph = scorer_of(SMALL.model_copy(update={"physics": False})), example_graph("1s2g")
    found = contributions_of(graph, scorer)
    assert np.isnan(found.part("contacts_vina")).all()
    assert found.part("contacts_learned")[0] == pytest.approx(found.residues.pk.sum(), abs=1e-9)
    assert found.pk == pytest.approx(float(scorer.score([graph]).pk[0]), abs=1e-9)


def test_vinas_terms_are_those_of_the_network():
    """With the last learned layer silent, nothing but Vina's terms is left in the contacts."""
    scorer, graph = scorer_of(), example_graph("1s2g")
    for member in scorer.members:
        last = member.interaction.readout.contribution[-1]
        last.weight.zero_()
        last.bias.zero_()
    found = contributions_of(graph, scorer)
    assert found.part("contacts_learned")[0] == pytest.approx(0.0, abs=1e-9)
    assert found.part("contacts_vina")[0] == pytest.approx(found.residues.pk.sum(), abs=1e-9)
    assert abs(found.part("contacts_vina")[0]) > 0.1


def test_contributions_turn_and_move_with_the_complex():
    scorer, graph = scorer_of(), example_graph(CHIRAL)
    still = contributions_of(graph, scorer)
    for motion in random_motions(3, seed=5):
        found = contributions_of(moved_graph(graph, motion), scorer)
        assert found.pocket_rows.tolist() == still.pocket_rows.tolist()
        for name in ("residues", "atoms", "network"):
            assert np.abs(getattr(found, name).networks - getattr(still, name).networks).max() < 1e-9
    alone = replace(graph, ligand=replace(graph.ligand, positions=graph.ligand.positions + 0.2))
    assert np.abs(contributions_of(alone, scorer).atoms.networks - still.atoms.networks).max() > 1e-3


def test_a_ligand_beyond_the_cutoff_has_no_residues_and_atoms_without_shares():
    scorer = scorer_of(SMALL.model_copy(update={"cutoff": 4.0}))
    graph = example_graph("4cup")
    away = graph.ligand.positions + np.array([0.0, 0.0, 200.0])
    found = contributions_of(replace(graph, ligand=replace(graph.ligand, positions=away)), scorer)
    assert len(found.pocket_rows) == len(found.residues.pk) == 0
    assert not found.atoms.pk.any()
    assert len(found.atoms.pk) == graph.ligand.num_atoms
    assert total_of_contacts(found) == 0.0
    assert found.pk == pytest.approx(sum(found.part(name)[0] for name in ("constant", "ligand_term")))


def test_the_site_is_in_one_part_of_the_prior(shipped):
    """The same ligand in another pocket: the first part stays; without known residues the second is nothing."""
    graph, other = example_graph("6wqa"), example_graph("1ia1")
    here = contributions_of(graph, shipped)
    there = contributions_of(ComplexGraph(graph.ligand, other.pocket), shipped)
    weights = [shipped.at(ComplexGraph(graph.ligand, each)).line.prior for each in (graph.pocket, other.pocket)]
    of_ligand = [found.part("prior_ligand")[0] / weight for found, weight in zip((here, there), weights, strict=True)]
    assert of_ligand[1] == pytest.approx(of_ligand[0], abs=1e-9)
    assert there.part("prior_site")[0] == 0.0, "the ligand is far from that pocket"
    assert abs(here.part("prior_site")[0]) > 0.01

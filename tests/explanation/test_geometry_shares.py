"""The geometry expert's number, taken apart: exact sums over pairs and residues, beside the networks' parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from networks import JOINED, SMALL, example_graph, joined_scorer, made_readout, random_member

from binding.constants import Experts
from binding.explanation.contributions import CONTACTS, PARTS, Contributions, contributions_of
from binding.explanation.geometry_shares import geometry_shares
from binding.graph.batch import collate
from binding.model.ensemble import Scorer
from binding.model.geometric_sums import REACH, ProteinGrid, sums_of
from binding.model.layers.contacts import find_contacts
from binding.model.layers.geometry import PairGeometry

NAMES = ("1s2g", "4cup", "6wqa")


def assert_adds_up(found: Contributions, pk: float) -> None:
    """All that is shared out adds up to what it is a share of."""
    parts = {name: found.part(name)[0] for name in PARTS if not np.isnan(found.part(name)[0])}
    contacts = sum(parts.get(name, 0.0) for name in CONTACTS)
    assert found.pk == pytest.approx(pk, abs=1e-9)
    assert sum(parts.values()) == pytest.approx(pk, abs=1e-9)
    assert found.residues.pk.sum() == pytest.approx(contacts, abs=1e-9)
    assert found.atoms.pk.sum() == pytest.approx(contacts, abs=1e-9)
    assert found.pairs.pk.sum() == pytest.approx(contacts, abs=1e-9)
    assert found.burial.sum() == pytest.approx(parts.get("geometry_burial", 0.0), abs=1e-9)
    by_residue = np.bincount(found.pair_residue, found.pairs.pk, minlength=len(found.pocket_rows))
    assert found.residues.pk == pytest.approx(by_residue, abs=1e-9)
    by_atom = np.bincount(found.pair_atom, found.pairs.pk, minlength=len(found.atoms.pk))
    assert found.atoms.pk == pytest.approx(by_atom, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_shares_add_up_to_pk(name):
    scorer, graph = joined_scorer(), example_graph(name)
    found = contributions_of(graph, scorer)
    assert_adds_up(found, float(scorer.score([graph]).pk[0]))
    assert abs(found.part("geometry_contacts")[0]) > 1e-3, "of a made-up readout, and not nothing"
    assert abs(found.part("geometry_burial")[0]) > 1e-3
    assert np.isnan(found.part("geometry_contacts")[1]), "one expert has no spread"
    assert len(found.burial) == graph.pocket.num_residues


def test_the_quadrature_misses_little():
    graph = example_graph("1s2g")
    batch = collate([graph])
    contacts = find_contacts(batch, REACH)
    found = geometry_shares(made_readout(), batch, contacts, PairGeometry(REACH, 1)(batch, contacts))
    whole = float(made_readout()(sums_of([graph]))[0])
    assert found.ligand + found.pairs.sum() + found.burial.sum() == pytest.approx(whole, abs=1e-6)
    assert abs(found.missed) < 0.01


def test_networks_that_see_less_far_than_the_geometry_add_to_the_same_pairs():
    """Their pairs are fewer; those of both are one pair each."""
    scorer, graph = joined_scorer(SMALL.model_copy(update={"cutoff": 4.5})), example_graph("1s2g")
    found = contributions_of(graph, scorer)
    assert_adds_up(found, float(scorer.score([graph]).pk[0]))
    keys = set(zip(found.pair_atom.tolist(), found.pair_residue.tolist(), strict=True))
    assert len(keys) == len(found.pair_atom)
    assert 4.5 < found.distances.max() <= REACH


def test_the_parts_of_some_experts_are_those_of_theirs():
    scorer, graph = joined_scorer(), example_graph("4cup")
    alone = scorer.of_experts(Experts.network)
    found = contributions_of(graph, alone)
    assert_adds_up(found, float(scorer.score([graph]).pk_network[0]))
    shares = contributions_of(graph, scorer).part("geometry_contacts")[0] / JOINED.geometry
    assert found.part("geometry_contacts")[0] == pytest.approx(JOINED.structure.geometry * shares)


def test_networks_without_weight_have_no_part_in_pk():
    scorer, graph = joined_scorer(), example_graph("4cup")
    scorer.line = JOINED.model_copy(update={"network": 0.0})
    found = contributions_of(graph, scorer)
    assert_adds_up(found, float(scorer.score([graph]).pk[0]))
    assert found.network_parts == ("constant",)
    assert found.part("constant")[0] == JOINED.offset
    assert np.isnan(found.residues.pk_std).all(), "the geometry expert has no spread"
    assert found.residues.pk.any()


def test_a_ligand_far_away_is_left_with_what_it_is_alone():
    scorer, graph = joined_scorer(), example_graph("4cup")
    away = replace(graph, ligand=replace(graph.ligand, positions=graph.ligand.positions + 200.0))
    found = contributions_of(away, scorer)
    assert len(found.pairs.pk) == 0
    assert not found.burial.any()
    assert found.part("geometry_contacts")[0] == found.part("geometry_burial")[0] == 0.0
    assert found.pk == pytest.approx(float(scorer.score([away]).pk[0]), abs=1e-9)


def test_a_residue_that_buries_the_ligand_has_a_share_of_that():
    """Shares of burial go to residues with atoms about the ligand, and to no other."""
    graph = example_graph("6wqa")
    found = contributions_of(graph, joined_scorer())
    batch = collate([graph])
    counts = ProteinGrid.of(batch).terms()[0].sum(dim=1)
    met = np.bincount(batch.protein_residue, counts, minlength=len(found.burial)) > 0
    assert (found.burial[~met] == 0).all()
    assert (found.burial[met] != 0).all()


def test_without_a_geometry_expert_its_parts_are_missing():
    scorer = Scorer("plain", {}, [random_member()], dtype="float64")
    found = contributions_of(example_graph("4cup"), scorer)
    assert np.isnan([found.part(name)[0] for name in ("geometry_ligand", "geometry_contacts", "geometry_burial")]).all()
    assert not found.burial.any()

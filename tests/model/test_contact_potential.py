"""Tables of native contacts: by hand, symmetry, smoothness, the pocket's cut, odd ligands, files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import BY_CLASS, SMALL, example_complex, example_graph, made_potential, random_member
from transforms import MIRROR, moved_graph, permuted_ligand_graph, permuted_pocket_graph, random_motions

from binding.errors import WeightsError
from binding.graph.batch import collate
from binding.graph.build import build_graph
from binding.graph.fields import ComplexGraph
from binding.model.contact_potential import (
    KINDS,
    REACH,
    TERMS,
    ContactPotential,
    ligand_kinds,
    near_pairs,
)
from binding.model.geometric_sums import ProteinGrid
from binding.model.weights import load_model, save_weights

NAMES = ("1s2g", "1ia1", "4cup", "6wqa")
EXACT = 1e-3  # of sums of some hundred terms of about one, in 32 bits


def terms(graphs: list[ComplexGraph], potential: ContactPotential | None = None) -> np.ndarray:
    return (potential or made_potential())(collate(graphs)).numpy()


def shifted(graph: ComplexGraph, by: np.ndarray | float) -> ComplexGraph:
    return replace(graph, ligand=replace(graph.ligand, positions=graph.ligand.positions + by))


@pytest.mark.parametrize("name", NAMES)
def test_no_motion_and_no_order_changes_a_term(name):
    graph, expected = example_graph(name), terms([example_graph(name)])
    for motion in random_motions(20, seed=1):
        assert terms([moved_graph(graph, motion)]) == pytest.approx(expected, abs=EXACT)
    generator = np.random.default_rng(0)
    ligand, pocket = permuted_ligand_graph(graph.ligand, generator), permuted_pocket_graph(graph.pocket, generator)
    assert terms([ComplexGraph(ligand, pocket)]) == pytest.approx(expected, abs=EXACT)


def test_distances_and_angles_do_not_tell_a_mirror_image():
    """What does is left to the geometric sums and the networks."""
    graph = example_graph("1ia1")
    mirrored = moved_graph(graph, MIRROR)
    assert terms([mirrored]) == pytest.approx(terms([graph]), abs=EXACT)


def test_a_batch_says_of_each_what_it_says_of_one():
    graphs = [example_graph(name) for name in NAMES] + [shifted(example_graph("1ia1"), 0.4)]
    single = np.concatenate([terms([graph]) for graph in graphs])
    assert terms(graphs) == pytest.approx(single, abs=EXACT)


def test_near_pairs_are_all_pairs_within_reach():
    graph = example_graph("1ia1")
    distance = np.linalg.norm(graph.ligand.positions[:, None] - graph.pocket.atom_positions[None], axis=2)
    pairs = near_pairs(collate([graph]), ProteinGrid.of(collate([graph])))
    inside = pairs.distance < REACH
    found = set(zip(pairs.atom[inside].tolist(), pairs.protein[inside].tolist(), strict=True))
    assert found == set(zip(*(places.tolist() for places in np.nonzero(distance < REACH)), strict=True))
    assert pairs.distance.numpy() == pytest.approx(distance[pairs.atom, pairs.protein], abs=1e-4)


def test_counts_are_the_adjoint_of_terms():
    """A contact is counted at the knots that it is read from: the sum of counts times table is the term."""
    batch, potential, counts = collate([example_graph("4cup")]), made_potential(), ContactPotential.empty(BY_CLASS)
    counts.count(batch)
    said = potential(batch)[0]
    for column, name in enumerate(TERMS[:3]):
        product = (getattr(counts, name) * getattr(potential, name).double()).sum()
        assert float(said[column]) == pytest.approx(float(product), abs=EXACT)


def test_a_small_step_changes_little():
    graph = example_graph("1ia1")
    places = np.linspace(0.0, 1.0, 101)[:, None] * np.array([[0.3, -0.2, 0.9]])
    path = np.concatenate([terms([shifted(graph, by)]) for by in places])
    step = np.abs(np.diff(path, axis=0)).max(axis=0)
    assert (step < 0.2 * np.ptp(path, axis=0)).all()


def test_the_pockets_cut_changes_nothing():
    near, far = (build_graph(example_complex("1ia1", cutoff=cutoff)) for cutoff in (10.0, 15.0))
    assert near.pocket.num_residues < far.pocket.num_residues
    assert terms([near]) == pytest.approx(terms([far]), abs=EXACT)


def test_far_from_the_protein_nothing_is_said():
    assert not terms([shifted(example_graph("1ia1"), 1000.0)]).any()


@pytest.mark.parametrize(
    ("categories", "kind"),
    [
        ({"element": 0, "aromatic": 1, "hydrophobic": 1, "hybridisation": 1}, "aromatic C, apolar"),
        ({"element": 0, "aromatic": 1, "hybridisation": 1}, "aromatic C, polar"),
        ({"element": 0, "hydrophobic": 1, "hybridisation": 1}, "aliphatic C, apolar"),
        ({"element": 0, "hybridisation": 1}, "sp2 C, polar"),
        ({"element": 0, "hybridisation": 2}, "aliphatic C, polar"),
        ({"element": 1, "donor": 1, "acceptor": 1, "basic": 1}, "basic N"),
        ({"element": 1, "donor": 1, "acceptor": 1}, "donor N"),
        ({"element": 1, "acceptor": 1, "aromatic": 1}, "acceptor N"),
        ({"element": 1}, "other N"),
        ({"element": 2, "acceptor": 1, "donor": 1, "acidic": 1}, "acidic O"),
        ({"element": 2, "acceptor": 1, "donor": 1}, "donor O"),
        ({"element": 2, "acceptor": 1}, "acceptor O"),
        ({"element": 6, "hydrophobic": 1}, "halogen"),
        ({"element": 3}, "other"),
    ],
)
def test_kinds_of_ligand_atoms(categories, kind):
    from binding.graph.fields import ATOM_CATEGORIES

    row = torch.tensor([[categories.get(name, 0) for name in ATOM_CATEGORIES]])
    assert KINDS[int(ligand_kinds(row)[0])] == kind


def test_tables_of_a_file_are_those_that_were_saved(tmp_path):
    line = {"logit": 0.5, "offset": -1.0, "terms": {"distance": 0.1, "within_6": 0.02}}
    card = {"name": "p", "config": SMALL.model_dump(mode="json"), "calibration": {"pose": line}}
    path = tmp_path / "p.safetensors"
    save_weights(path, [random_member(SMALL, 0).state_dict()], card, potential=made_potential())
    scorer = load_model(path, device="cpu")
    assert scorer.potential is not None
    assert torch.equal(scorer.potential.distance, made_potential().distance)
    graph = example_graph("1ia1")
    _, _, (output,) = scorer.outputs(graph)
    said = terms([graph])[0]
    odds = 0.5 * float(output.pose_logit) - 1.0
    odds += (0.1 * said[0] + 0.02 * said[TERMS.index("within_6")]) / np.sqrt(graph.ligand.num_atoms)
    assert scorer.score([graph]).pose == pytest.approx([1.0 / (1.0 + np.exp(-odds))], abs=1e-5)


def damaged(tmp_path, change):
    card = {"name": "p", "config": SMALL.model_dump(mode="json")}
    path = tmp_path / "p.safetensors"
    potential = made_potential()
    save_weights(path, [random_member(SMALL, 0).state_dict()], card, potential=potential)
    change(path, potential)
    return path


def other_tables(path, _):
    card = json.loads(path.with_suffix(".json").read_text())
    card["potential"]["reach"] = 9.0
    path.with_suffix(".json").write_text(json.dumps(card))


def unknown_term(path, _):
    card = json.loads(path.with_suffix(".json").read_text())
    card["calibration"] = {"pose": {"terms": {"charm": 1.0}}}
    path.with_suffix(".json").write_text(json.dumps(card))


def no_tables(path, _):
    card = json.loads(path.with_suffix(".json").read_text())
    del card["potential"]
    card["calibration"] = {"pose": {"terms": {"distance": 1.0}}}
    path.with_suffix(".json").write_text(json.dumps(card))


def kinds_beyond(path, potential):
    potential.protein_kinds = potential.protein_kinds + 1
    card = json.loads(path.with_suffix(".json").read_text())
    save_weights(path, [random_member(SMALL, 0).state_dict()], card, potential=potential)


@pytest.mark.parametrize("change", [other_tables, unknown_term, no_tables, kinds_beyond])
def test_damaged_tables_are_refused(tmp_path, change):
    with pytest.raises(WeightsError):
        load_model(damaged(tmp_path, change), device="cpu")

"""Every attribution turns and moves with the complex and follows its atoms: as data, for any weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from networks import CHIRAL, SMALL, example_complex, example_graph, joined_scorer
from rdkit import Chem
from transforms import (
    TOLERANCE,
    moved_graph,
    moved_ligand,
    moved_protein,
    other_hand,
    permuted_ligand_graph,
    permuted_pocket_graph,
    random_motions,
)

from binding.explanation.agreement import number_of_contacts
from binding.explanation.attention import attention_of
from binding.explanation.contributions import contributions_of
from binding.explanation.gradients import gradients_of
from binding.explanation.occlusion import occlude
from binding.graph.build import build_graph
from binding.graph.fields import ComplexGraph

EXACT = TOLERANCE["float64"]
FLOAT32 = 1e-6  # weights are kept in 32 bits


@pytest.fixture(scope="module")
def scorer():
    return joined_scorer(SMALL.model_copy(update={"num_layers": 1}), members=1)


def numbers(graph: ComplexGraph) -> tuple[list[str], list[str]]:
    """Labels that say which atom and residue of the graph it is."""
    return list(map(str, range(graph.ligand.num_atoms))), list(map(str, range(graph.pocket.num_residues)))


def test_contributions_and_attention_do_not_change_under_a_hundred_motions(scorer):
    graph = example_graph(CHIRAL)
    still, maps = contributions_of(graph, scorer), attention_of(graph, scorer, *numbers(graph))
    assert np.ptp(maps.weights[..., maps.in_reach]) > 0.1
    for motion in random_motions(100, seed=31):
        image = moved_graph(graph, motion)
        found, moved = contributions_of(image, scorer), attention_of(image, scorer, *numbers(image))
        assert moved.residue_labels == maps.residue_labels
        assert np.abs(moved.weights - maps.weights).max() < FLOAT32
        assert np.abs(found.pairs.pk - still.pairs.pk).max() < EXACT
        assert np.abs(found.burial - still.burial).max() < EXACT


def test_gradients_do_not_change_under_motion(scorer):
    graph = example_graph(CHIRAL)
    still = gradients_of(graph, scorer, *numbers(graph))
    for motion in random_motions(6, seed=32):
        found = gradients_of(moved_graph(graph, motion), scorer, *numbers(graph))
        for name in ("pairs", "atom_features", "residue_features"):
            assert np.abs(getattr(found, name) - getattr(still, name)).max() < EXACT, name


def test_deletion_and_contacts_do_not_change_under_motion(scorer):
    cx = example_complex(CHIRAL)
    rows = contributions_of(build_graph(cx), scorer).pocket_rows[:5]
    still = occlude(cx.pocket, cx.ligand, build_graph(cx), scorer, rows.tolist())
    for motion in random_motions(3, seed=33):
        image = replace(cx, pocket=moved_protein(cx.pocket, motion), ligand=moved_ligand(cx.ligand, motion))
        found = occlude(image.pocket, image.ligand, build_graph(image), scorer, rows.tolist())
        assert found.residues == pytest.approx(still.residues, abs=1e-6)
        assert [f.pk for f in found.fragments] == pytest.approx([f.pk for f in still.fragments], abs=1e-6)
        contacts = number_of_contacts(image.pocket, image.ligand, rows)
        assert contacts.tolist() == number_of_contacts(cx.pocket, cx.ligand, rows).tolist()


def test_attributions_follow_permuted_atoms_and_residues(scorer):
    graph, generator = example_graph(CHIRAL), np.random.default_rng(34)
    ligand, pocket = graph.ligand, graph.pocket
    other = ComplexGraph(permuted_ligand_graph(ligand, generator), permuted_pocket_graph(pocket, generator))
    atoms = _places(other.ligand.positions, ligand.positions)
    residues = _places(other.pocket.anchors, pocket.anchors)
    assert atoms.tolist() != sorted(atoms.tolist())
    labels = list(map(str, atoms)), list(map(str, residues))
    maps, moved = attention_of(graph, scorer, *numbers(graph)), attention_of(other, scorer, *labels)
    columns = [moved.residue_labels.index(label) for label in maps.residue_labels]
    rows = [moved.atom_labels.index(label) for label in maps.atom_labels]
    assert np.abs(moved.weights[..., rows, :][..., columns] - maps.weights).max() < FLOAT32
    assert np.abs(moved.rollout()[:, rows][..., columns] - maps.rollout()).max() < FLOAT32
    still, found = gradients_of(graph, scorer, *numbers(graph)), gradients_of(other, scorer, *labels)
    assert np.abs(found.pairs[rows][:, columns] - still.pairs).max() < EXACT
    assert np.abs(found.atoms[rows] - still.atoms).max() < EXACT
    assert np.abs(found.residues[columns] - still.residues).max() < EXACT


def _places(points: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Which of some points each point is."""
    return np.linalg.norm(points[:, None] - among, axis=2).argmin(axis=1)


def test_pieces_of_the_ligand_follow_permuted_atoms(scorer):
    cx = example_complex("6wqa")
    order = np.random.default_rng(35).permutation(cx.ligand.num_atoms)
    mol = Chem.RenumberAtoms(cx.ligand.mol, order.tolist())
    other = replace(cx, ligand=replace(cx.ligand, mol=mol, positions=cx.ligand.positions[order]))
    still, found = (occlude(one.pocket, one.ligand, build_graph(one), scorer, []) for one in (cx, other))
    expected = {frozenset(fragment.piece.atoms): fragment.pk for fragment in still.fragments}
    assert len(expected) > 4
    for fragment in found.fragments:
        assert fragment.pk == pytest.approx(expected[frozenset(order[list(fragment.piece.atoms)].tolist())], abs=1e-6)


def test_the_hand_of_the_frames_alone_changes_every_attribution(scorer):
    graph = example_graph(CHIRAL)
    image = other_hand(graph)
    for find in (
        lambda one: attention_of(one, scorer, *numbers(one)).weights,
        lambda one: gradients_of(one, scorer, *numbers(one)).pairs,
        lambda one: contributions_of(one, scorer).pairs.pk,
    ):
        assert np.abs(find(image) - find(graph)).max() > 1e-3

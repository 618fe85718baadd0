"""The scorer on real complexes in memory: graphs built anew from moved, permuted and mirrored structures."""

from __future__ import annotations

import numpy as np
import pytest
from networks import ACHIRAL, CHIRAL, SMALL, example_complex, example_graph, random_member
from rdkit import Chem
from transforms import (
    CLEARLY_DIFFERENT,
    MIRROR,
    assert_same,
    deviation,
    moved_complex,
    other_hand,
    permuted_protein,
    random_motions,
)

from binding.graph.build import build_graph
from binding.graph.fields import ComplexGraph
from binding.graph.pocket import build_pocket_graph
from binding.io.ligand import prepare_ligand
from binding.model.ensemble import Scorer
from binding.structures import Complex

NAMES = ("1s2g", "1ia1", "4cup", "6wqa", "5ht1b")


def numbers(scorer, graphs: list[ComplexGraph]) -> np.ndarray:
    """(graphs, 4)."""
    scores = scorer.score(graphs)
    return np.stack([scores.pk, scores.pk_std, scores.pk_ligand_only, scores.pose], axis=1)


@pytest.mark.parametrize("name", NAMES)
def test_graphs_built_after_the_motion(scorer, dtype, name):
    cx = example_complex(name)
    graphs = [build_graph(cx), *(build_graph(moved_complex(cx, motion)) for motion in random_motions(6, seed=2))]
    assert_same(numbers(scorer, graphs), dtype)


@pytest.mark.parametrize("name", ["1s2g", "1ia1"])
def test_residues_and_their_atoms_in_another_order(scorer, dtype, name):
    """Also what depends on the chain (phi, psi, the place along it) must not depend on the order of the file."""
    cx, graph = example_complex(name), example_graph(name)
    generator = np.random.default_rng(5)
    graphs = [graph]
    for _ in range(6):
        graphs.append(ComplexGraph(graph.ligand, build_pocket_graph(permuted_protein(cx.pocket, generator))))
    assert_same(numbers(scorer, graphs), dtype)


def test_atoms_of_the_ligand_in_another_order(scorer, dtype):
    for name in ("5ht1b", "6wqa"):
        cx = example_complex(name)
        generator = np.random.default_rng(6)
        graphs = [example_graph(name)]
        for _ in range(6):
            mol = Chem.RenumberAtoms(cx.ligand.mol, generator.permutation(cx.ligand.num_atoms).tolist())
            graphs.append(build_graph(Complex(cx.id, cx.pocket, prepare_ligand(mol, cx.ligand.name))))
        assert_same(numbers(scorer, graphs), dtype)


def test_company_and_order_in_the_batch(scorer, dtype):
    graphs = [example_graph(name) for name in NAMES] + [example_graph("5ht1b", pose) for pose in range(1, 5)]
    together = numbers(scorer, graphs)
    alone = np.concatenate([numbers(scorer, [graph]) for graph in graphs])
    assert_same(np.stack([together, alone]), dtype)
    order = np.random.default_rng(7).permutation(len(graphs))
    shuffled = numbers(scorer, [graphs[row] for row in order])
    assert_same(np.stack([together[order], shuffled]), dtype)
    assert_same(numbers(scorer, [graphs[0]] * 3), dtype)


def test_a_pocket_that_ligands_share_is_the_same_as_one_each(scorer, dtype):
    graphs = [example_graph("5ht1b", pose) for pose in range(4)]
    shared = [ComplexGraph(graph.ligand, graphs[0].pocket) for graph in graphs]
    copied = [ComplexGraph(graph.ligand, build_pocket_graph(example_complex("5ht1b").pocket)) for graph in graphs]
    assert_same(np.stack([numbers(scorer, shared), numbers(scorer, copied)]), dtype)


@pytest.mark.parametrize("name", [CHIRAL, ACHIRAL])
def test_mirror_image_scores_differently(scorer, name):
    """Also of an achiral ligand: the frames of the residues carry handedness."""
    cx = example_complex(name)
    mirrored = moved_complex(cx, MIRROR)
    ligand = prepare_ligand(Chem.Mol(mirrored.ligand.mol), cx.ligand.name)
    centres = Chem.FindMolChiralCenters(ligand.mol)
    if name == CHIRAL:
        swap = {"R": "S", "S": "R"}
        assert [(a, swap[c]) for a, c in Chem.FindMolChiralCenters(cx.ligand.mol)] == centres != []
    else:
        assert centres == []
    pk = scorer.score([example_graph(name), build_graph(Complex(cx.id, mirrored.pocket, ligand))]).pk
    assert deviation(pk) > CLEARLY_DIFFERENT


@pytest.mark.parametrize("name", [CHIRAL, ACHIRAL])
def test_the_hand_of_the_frames_alone_changes_the_score(scorer, name):
    graph = example_graph(name)
    assert deviation(scorer.score([graph, other_hand(graph)]).pk) > CLEARLY_DIFFERENT


def test_without_angles_the_frames_have_no_say_and_the_mirror_image_still_differs():
    """Dihedrals and chirality tags remain: an ablation without angles is not blind to handedness."""
    config = SMALL.model_copy(update={"angles": False})
    scorer = Scorer("random", {}, [random_member(config)], dtype="float64")
    for name in (CHIRAL, ACHIRAL):
        cx, graph = example_complex(name), example_graph(name)
        assert deviation(scorer.score([graph, other_hand(graph)]).pk) < 1e-9
        assert deviation(scorer.score([graph, build_graph(moved_complex(cx, MIRROR))]).pk) > 1e-3


def test_ligand_only_does_not_see_the_pose_and_the_protein(scorer, dtype):
    graphs = [example_graph("5ht1b", pose) for pose in range(5)]
    assert_same(scorer.score(graphs).pk_ligand_only, dtype)
    assert deviation(scorer.score(graphs).pk) > CLEARLY_DIFFERENT
    other = ComplexGraph(graphs[0].ligand, example_graph("1s2g").pocket)
    assert_same(scorer.score([graphs[0], other]).pk_ligand_only, dtype)

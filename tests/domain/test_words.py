"""Words of a pocket's graph are those of its residues, and of a ligand's site those within 10 Å of it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "invariance"))
from networks import example, example_complex, example_graph
from transforms import moved_graph, permuted_protein, random_motions

from binding.domain.words import SITE_CUTOFF, pocket_words, protein_words
from binding.graph.build import build_graph
from binding.graph.pocket import build_pocket_graph

NAMES = ("1s2g", "1ia1", "4cup", "6wqa", "5ht1b")


@pytest.mark.parametrize("name", NAMES)
def test_a_graph_has_the_words_of_its_residues(name):
    cx, graph = example_complex(name), example_graph(name)
    words = protein_words(cx.pocket)
    assert len(words) >= 20
    assert words.dtype == np.uint32
    assert pocket_words(graph.pocket).tolist() == words.tolist()
    assert set(words) < set(protein_words(example(name)[0])), "part of the whole protein"


@pytest.mark.parametrize("name", NAMES)
def test_a_site_does_not_hang_on_how_much_protein_there_is(name):
    """Of a pocket cut at 10 Å it is all, of a larger one the same."""
    graph, larger = example_graph(name), build_graph(example_complex(name, cutoff=14.0))
    assert SITE_CUTOFF == 10.0
    words = pocket_words(graph.pocket, graph.ligand.positions)
    assert words.tolist() == pocket_words(graph.pocket).tolist()
    assert words.tolist() == pocket_words(larger.pocket, larger.ligand.positions).tolist()
    assert len(pocket_words(larger.pocket)) > len(words)


def test_a_ligand_far_from_the_protein_has_no_site():
    graph = example_graph("1s2g")
    counts = []
    for away in (0.0, 8.0, 16.0, 30.0, 1000.0):
        moved = graph.ligand.positions + [away, 0.0, 0.0]
        counts.append(len(pocket_words(graph.pocket, moved)))
    assert counts[0] > counts[2] > 0
    assert counts[3:] == [0, 0]
    assert len(pocket_words(graph.pocket, np.zeros((0, 3)))) == 0


def test_motions_and_the_order_of_residues_do_not_matter():
    graph = example_graph("6wqa")
    words = pocket_words(graph.pocket, graph.ligand.positions).tolist()
    for motion in random_motions(4, seed=1):
        moved = moved_graph(graph, motion)
        assert pocket_words(moved.pocket, moved.ligand.positions).tolist() == words
    # The graph knows what is bonded to what; protein_words reads chains as they stand in the file.
    permuted = permuted_protein(example_complex("6wqa").pocket, np.random.default_rng(0))
    assert pocket_words(build_pocket_graph(permuted)).tolist() == words


def test_modified_residues_count_as_their_parents_and_unknown_ones_as_none():
    """A methionine of the adenosine receptor's pocket as selenomethionine, as norleucine (other amino acid)."""
    pocket = example_complex("6wqa").pocket
    (row, *_) = np.flatnonzero(pocket.residue_names == "MET")
    words = protein_words(pocket).tolist()
    for name in ("MSE", "FME", "XYZ"):
        names = pocket.residue_names.copy()
        names[row] = name
        changed = replace(pocket, residue_names=names)
        found = pocket_words(build_pocket_graph(changed)).tolist()
        assert found == protein_words(changed).tolist()
        assert (found == words) == (name != "XYZ")


def test_a_gap_is_not_crossed():
    pocket = example_complex("5ht1b").pocket
    kept = np.ones(pocket.num_residues, dtype=bool)
    kept[::4] = False
    cut = pocket.select(kept)
    assert set(pocket_words(build_pocket_graph(cut))) < set(protein_words(pocket))
    assert len(pocket_words(build_pocket_graph(pocket.select(np.arange(pocket.num_residues) < 3)))) == 0

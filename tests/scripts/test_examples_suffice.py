"""Programs that need nothing but the examples, run small."""

from __future__ import annotations

from scripts.bench import screen
from scripts.measure import casf, place


def test_pairs_within_the_cutoff():
    pairs = casf.pairs_within_cutoff()
    assert 0 < pairs["within"] < pairs["all"]


def test_a_library_of_analogues_is_read_and_scored(tmp_path):
    graphs, seconds = screen.graphs_of(tmp_path, 4)
    assert len(graphs) == 4
    assert seconds > 0


def test_the_ligands_to_dock_are_those_of_the_examples():
    assert [name for name, *_ in place.examples()] == ["1s2g", "1ia1", "4cup", "6wqa"]

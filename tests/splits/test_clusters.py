"""Identity, its short cuts and the clusters: nothing alike is ever torn apart."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from binding.io.sequences import ChainSequence, read_sequences
from binding.splits.clusters import Clusters, cluster_proteins
from binding.splits.identity import SequenceIndex

from .conftest import mutated, random_sequence


def chains(*letters: str) -> list[ChainSequence]:
    return [ChainSequence(text, declared=False, fragments=False) for text in letters]


@pytest.mark.parametrize("share", [1.0, 0.9, 0.6, 0.45])
def test_identity_is_the_share_of_equal_residues(share):
    parent = random_sequence(150, seed=1)
    index = SequenceIndex([parent, mutated(parent, share, seed=2)])
    assert index.identity(0, 1) == pytest.approx(share, abs=0.04)
    assert index.identity(1, 0) == index.identity(0, 1)


def test_identity_is_over_the_shorter_sequence():
    parent = random_sequence(200, seed=3)
    index = SequenceIndex([parent, parent[40:140], random_sequence(150, seed=8) + parent[40:140]])
    assert index.identity(0, 1) == 1.0
    assert index.identity(1, 2) == 1.0, "a domain of a larger protein"


def test_an_insertion_costs_little():
    parent = random_sequence(150, seed=4)
    index = SequenceIndex([parent, parent[:70] + "GSGSG" + parent[70:]])
    assert index.identity(0, 1) > 0.95


def test_two_pockets_of_one_protein_are_alike():
    """Each keeps its spacing by X, so that the residues which both have meet."""
    parent = random_sequence(300, seed=5)
    draw = random.Random(6)
    centre = [place for place in range(300) if place % 30 < 12]
    pockets = []
    for _ in range(2):
        kept = set(draw.sample(centre, int(0.85 * len(centre))))
        pockets.append("".join(letter if place in kept else "X" for place, letter in enumerate(parent)))
    index = SequenceIndex(pockets)
    assert index.identity(0, 1) > 0.7
    assert index.is_related(0, 1, 0.3)


def test_chance_is_no_identity():
    lengths = [12, 25, 40, 60, 100, 150, 250, 400]
    sequences = [random_sequence(length, seed) for seed, length in enumerate(lengths * 4)]
    index = SequenceIndex(sequences)
    assert not any(index.identity(a, b) for a, b in itertools.combinations(range(len(sequences)), 2))


def test_few_residues_that_are_all_equal_are_no_chance():
    parent = random_sequence(300, seed=5)
    index = SequenceIndex([parent, parent[100:120], parent[30:36]])
    assert index.identity(0, 1) == 1.0
    assert index.identity(0, 2) == 0.0, "six residues fit anywhere"


def test_short_cuts_find_what_alignment_of_all_pairs_finds():
    families = [random_sequence(length, seed) for seed, length in enumerate((45, 80, 130, 220, 350))]
    sequences = [
        mutated(parent, share, seed=7 * place)
        for place, (parent, share) in enumerate(itertools.product(families, (1.0, 0.7, 0.5, 0.4)))
    ]
    index = SequenceIndex(sequences)
    everything = np.arange(len(sequences))
    for row in range(len(sequences)):
        expected = {other for other in everything.tolist() if index.identity(row, other) >= 0.3}
        assert expected >= {row, row // 4 * 4}
        found = index.candidates(row, everything, 0.3).tolist()
        assert {other for other in found if index.is_related(row, other, 0.3)} == expected


def test_short_cuts_on_real_pockets(shared_data):
    """Every pair of a draw of 45 pockets aligned, and decided by the short cuts."""
    folders = sorted(path for path in (shared_data / "crystal").iterdir() if path.is_dir())
    found = [read_sequences(path / f"{path.name}_pocket.pdb.gz") for path in random.Random(1).sample(folders, 45)]
    sequences = sorted({chain.letters for protein in found for chain in protein if chain.known >= 10})
    index = SequenceIndex(sequences)
    rows = np.arange(len(sequences))
    related = 0
    for row in range(len(sequences)):
        expected = {other for other in rows[:row].tolist() if index.identity(row, other) >= 0.3}
        near = index.candidates(row, rows[:row], 0.3).tolist()
        assert {other for other in near if index.is_related(row, other, 0.3)} == expected
        related += len(expected)
    assert related > 10


def test_nearest_is_what_alignment_of_all_finds():
    parents = [random_sequence(120, seed) for seed in range(6)]
    others = [mutated(parent, share, seed=9) for parent in parents for share in (0.8, 0.5)]
    index = SequenceIndex([*others, *parents, random_sequence(100, seed=77)])
    rows = np.arange(len(others))
    for query in range(len(others), len(others) + len(parents)):
        expected = max((index.identity(query, other), -other) for other in rows.tolist())
        assert index.nearest(query, rows, 0.3) == (-expected[1], expected[0])
    assert index.nearest(len(index.sequences) - 1, rows, 0.3) == (-1, 0.0), "a stranger"


def test_a_sequence_of_unknown_residues_is_like_nothing():
    index = SequenceIndex(["XXXXXX", random_sequence(50, seed=1)])
    assert index.identity(0, 1) == 0.0
    assert index.candidates(0, np.array([1]), 0.3).tolist() == []
    assert index.nearest(0, np.array([1]), 0.3) == (-1, 0.0)


def test_words_are_counted_in_parts_where_there_are_many(monkeypatch):
    index = SequenceIndex([random_sequence(length, seed) for seed, length in enumerate((400, 90, 2000, 60, 150, 800))])
    rows = np.arange(6)
    whole = [index.shared_words(row, rows).tolist() for row in rows]
    monkeypatch.setattr("binding.splits.identity._CELLS", 300)
    assert [index.shared_words(row, rows).tolist() for row in rows] == whole
    assert all(whole[row][row] > 40 for row in rows)


def test_clusters_are_the_connected_parts():
    joined = Clusters(6)
    for pair in ((4, 5), (2, 4), (0, 1)):
        joined.join(*pair)
    assert [joined.root(item) for item in range(6)] == [0, 0, 2, 3, 2, 2]


def test_families_come_together_and_only_they():
    proteins = {
        f"{family}{member}": chains(mutated(random_sequence(100, family), share, seed=10 * family + member))
        for family in range(5)
        for member, share in enumerate((1.0, 0.8, 0.5))
    }
    found = cluster_proteins(proteins)
    assert all(found.clusters[name] == f"{name[0]}0" for name in proteins)


def test_a_shared_chain_joins_and_short_chains_do_not():
    one, two, linker = random_sequence(100, 1), random_sequence(100, 2), random_sequence(80, 3)
    peptide = "GSGSGSGS"
    proteins = {"a": chains(one, linker), "b": chains(two, linker), "c": chains(peptide), "d": chains(peptide, two)}
    found = cluster_proteins(proteins)
    assert found.clusters == {"a": "a", "b": "a", "c": "c", "d": "a"}
    assert found.nearest(["d"], ["a", "b"]) == {"d": ("b", 1.0)}
    name, identity = found.nearest(["c"], ["a", "b"])["c"]
    assert name == ""
    assert np.isnan(identity), "a peptide is not compared"


def test_clusters_do_not_depend_on_the_order_of_the_proteins():
    proteins = {f"p{k}": chains(mutated(random_sequence(90, k % 4), 0.6, seed=k)) for k in range(16)}
    backwards = dict(reversed(proteins.items()))
    assert cluster_proteins(proteins).clusters == cluster_proteins(backwards).clusters


def test_progress_comes_to_its_end():
    calls: list[tuple[int, int]] = []
    cluster_proteins({f"p{k}": chains(random_sequence(50, k)) for k in range(3)}, progress=lambda *c: calls.append(c))
    assert calls == [(1, 3), (2, 3), (3, 3)]

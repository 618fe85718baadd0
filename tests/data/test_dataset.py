"""Rows to labelled batches: each row as often as asked, poses and labels as they should be."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset import ROWS
from scipy.spatial.transform import Rotation

from binding.config import SourceConfig
from binding.data.dataset import BucketSampler, Collator, ComplexDataset, Draw, Shards
from binding.data.decoys import displaced_pose, rmsd
from binding.errors import ConfigError


def dataset(cache, *rows: list[int], **settings) -> ComplexDataset:
    sources = [SourceConfig(cache=Path("x.npz"), **settings) for _ in rows]
    return ComplexDataset([cache] * len(rows), sources, list(rows))


@pytest.fixture
def everything(cache):
    return dataset(cache, list(range(ROWS)))


# ---------------------------------------------------------------- rows


def test_labels_of_a_row(everything, cache):
    example = everything[1]
    assert np.array_equal(example.graph.ligand.positions, cache.graph(1).ligand.positions)
    assert (example.pk, example.relation, example.weight) == (6.25, 0, 1.0)
    groups = [everything[k].group for k in range(ROWS)]
    assert len(set(groups[:4])) == 4
    assert len(set(groups[4:])) == 1, "the poses of one protein share a group"
    assert groups[4] not in groups[:4]


def test_sign_of_a_constant_is_turned_to_that_of_its_pk(everything, cache):
    """Ki < x says that the pK is above; the label says 1."""
    assert cache.table["relation"].tolist()[4:7] == [">", "<", "="]
    assert [everything[k].relation for k in (4, 5, 6)] == [1, -1, 0]


# ---------------------------------------------------------------- order


@pytest.mark.parametrize("batch_size", [1, 4, 5, 100])
def test_each_row_once_an_epoch(everything, batch_size):
    for epoch in range(3):
        sampler = BucketSampler(everything, batch_size, seed=1, epoch=epoch)
        batches = list(sampler)
        assert sorted(row for batch in batches for row in batch) == list(range(ROWS))
        assert len(batches) == len(sampler)
        assert max(len(batch) for batch in batches) <= batch_size


def test_batches_are_filled_by_atoms(everything):
    most = 2 * int(everything.sizes.max())
    sampler = BucketSampler(everything, 4, seed=1, batch_atoms=most)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert sorted(row for batch in batches for row in batch) == list(range(ROWS))
    assert max(everything.sizes[batch].sum() for batch in batches) <= most
    assert len({len(batch) for batch in batches}) > 1, "more of the small ones"
    alone = list(BucketSampler(everything, 4, batch_atoms=1))
    assert sorted(map(len, alone)) == [1] * ROWS, "a ligand that is larger than a batch comes alone"


def test_repeats_are_honoured(cache):
    sources = [SourceConfig(cache=Path("x"), repeat=3.0), SourceConfig(cache=Path("y"), repeat=0.5)]
    rows = ComplexDataset([cache, cache], sources, [list(range(4)), list(range(4, 12))])
    seen = np.zeros(12, dtype=int)
    for epoch in range(40):
        sampler = BucketSampler(rows, 4, seed=2, epoch=epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        counts = np.bincount([row for batch in batches for row in batch], minlength=12)
        assert counts[:4].tolist() == [3, 3, 3, 3]
        assert counts[4:].sum() == 4
        assert counts[4:].max() == 1
        seen += counts
    assert seen[4:].min() > 8, "a fraction is drawn anew each epoch"


def test_order_is_the_seeds_and_the_epochs(everything):
    def order(seed: int, epoch: int) -> list:
        return list(BucketSampler(everything, 3, seed, epoch))

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)


def test_without_shuffle_rows_come_by_size(everything):
    sampler = BucketSampler(everything, 4, shuffle=False)
    flat = [row for batch in sampler for row in batch]
    assert sorted(flat) == list(range(ROWS))
    assert (np.diff(everything.sizes[flat]) >= 0).all()


def test_batches_hold_ligands_of_like_size(everything):
    spreads = [np.ptp(everything.sizes[batch]) for batch in BucketSampler(everything, 4)]
    assert np.mean(spreads) < np.ptp(everything.sizes) / 2


def test_repeats_that_come_to_less_than_one_row_give_one(cache):
    """A twentieth of four rows is no row, and an epoch without any would train nothing without a word."""
    rows = dataset(cache, list(range(4)), repeat=0.05)
    for epoch in range(3):
        sampler = BucketSampler(rows, 8, epoch=epoch)
        assert [len(batch) for batch in sampler] == [1]
        assert len(sampler) == 1


def test_a_source_is_seen_in_its_epochs(cache):
    """A curriculum: the first source, then both, then the second."""
    sources = [SourceConfig(cache=Path("x"), until_epoch=3), SourceConfig(cache=Path("y"), from_epoch=2, repeat=2.0)]
    rows = ComplexDataset([cache, cache], sources, [range(4), range(4, 9)])
    seen = []
    for epoch in range(5):
        sampler = BucketSampler(rows, 4, epoch=epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        counts = np.bincount([row for batch in batches for row in batch], minlength=9)
        seen.append((counts[:4].tolist(), counts[4:].tolist()))
    first, both, second = ([1] * 4, [0] * 5), ([1] * 4, [2] * 5), ([0] * 4, [2] * 5)
    assert seen == [first, first, both, second, second]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("batch_size", "world"), [(4, 2), (4, 3), (12, 4)])
def test_processes_share_each_batch(everything, batch_size, world, shuffle):
    """Together they draw what one would have drawn, and no process lacks a batch: ROWS leaves a last one of one row."""

    def drawn(rank: int, world: int) -> list[list[Draw]]:
        sampler = BucketSampler(everything, batch_size, seed=1, epoch=2, shuffle=shuffle)
        return list(Shards(sampler, rank, world))

    whole, shards = drawn(0, 1), [drawn(rank, world) for rank in range(world)]
    assert [len(shard) for shard in shards] == [len(whole)] * world
    assert not any(draw.filler for batch in whole for draw in batch)
    fillers = 0
    for place, batch in enumerate(whole):
        parts = [shard[place] for shard in shards]
        assert all(parts), "every process has a row of every batch"
        assert sorted(draw for part in parts for draw in part if not draw.filler) == sorted(batch)
        fillers += sum(draw.filler for part in parts for draw in part)
    assert fillers == world - 1
    places = [draw.place for batch in whole for draw in batch]
    assert places == list(range(ROWS)), "each draw has a place of its own"


def test_a_filler_counts_for_nothing(cache):
    rows = dataset(cache, list(range(ROWS)), decoys=1.0, weight=2.0)
    _, labels = Collator(decoys=True)([rows[Draw(3, 3, filler=True)]])
    assert labels.weight.tolist() == [0.0]
    assert labels.decoy.tolist() == [False]
    assert torch.isnan(labels.near_native).all()


def test_what_is_drawn_for_a_row_does_not_depend_on_its_company(cache):
    rows = dataset(cache, list(range(ROWS)), decoys=0.5)
    collate = Collator(noise=0.3, decoys=True, seed=4, epoch=1)
    draws = [Draw(row, 20 + row) for row in range(8)]
    whole, labels = collate([rows[draw] for draw in draws])
    parts = [collate([rows[draw] for draw in draws[rank::2]]) for rank in range(2)]
    assert labels.decoy.any()

    def poses(batch) -> list[list[float]]:
        return sorted(batch.atom_positions[batch.atom_ligand == k].flatten().tolist() for k in range(batch.num_ligands))

    assert poses(whole) == sorted(poses(parts[0][0]) + poses(parts[1][0]))


@pytest.mark.parametrize("together", [1, 2, 3, 8])
def test_rows_of_a_group_come_together(everything, together):
    """ROWS - 4 poses of one protein and four single complexes: each row once, clumps of the size asked for."""
    sampler = BucketSampler(everything, 4, seed=3, together=together)
    batches = list(sampler)
    assert sorted(row for batch in batches for row in batch) == list(range(ROWS))
    assert len(batches) == len(sampler)
    order, _ = sampler._in_clumps(np.arange(ROWS), np.random.default_rng(0))
    runs = np.diff(np.flatnonzero(np.diff(everything.groups[order] == everything.groups[4], prepend=2, append=2)))
    assert runs.max() >= together


def test_groups_are_the_columns_that_a_source_names(cache):
    def groups(*columns: str) -> np.ndarray:
        return ComplexDataset([cache], [SourceConfig(cache=Path("x"), group=columns)], [range(ROWS)]).groups

    assert len(set(groups("uniprot"))) < len(set(groups("uniprot", "id"))) == ROWS
    with pytest.raises(ConfigError, match="no_such_column"):
        groups("no_such_column")


def test_a_table_without_the_default_column_has_no_groups(cache):
    named = copy.copy(cache)
    named.table = cache.table.drop(columns="uniprot")
    rows = ComplexDataset([named], [SourceConfig(cache=Path("x"))], [range(ROWS)])
    assert len(set(rows.groups)) == ROWS


def test_a_group_has_one_number_in_sources_with_and_without_blanks(cache):
    whole, gaps = copy.copy(cache), copy.copy(cache)
    whole.table = cache.table.assign(series=7)
    gaps.table = cache.table.assign(series=[np.nan] + [7] * (ROWS - 1))
    sources = [SourceConfig(cache=Path("x"), group=("series",))] * 2
    rows = ComplexDataset([whole, gaps], sources, [range(ROWS)] * 2)
    assert len(set(rows.groups)) == 2, "the blank row is alone"


# ---------------------------------------------------------------- batches


def test_a_batch_for_validation_is_the_rows_as_they_are(everything):
    examples = [everything[k] for k in (0, 4, 5)]
    batch, labels = Collator()(examples)
    assert batch.num_ligands == 3
    assert labels.pk.tolist() == pytest.approx([5.25, 6.0, 6.25])
    assert labels.relation.tolist() == [0, 1, -1]
    assert labels.weight.tolist() == [1.0, 1.0, 1.0]
    assert not labels.decoy.any()
    assert torch.isnan(labels.near_native).all(), "no source says that its poses are native"
    first = examples[0].graph
    centred = first.ligand.positions - first.pocket.anchors.mean(axis=0)
    assert np.abs(batch.atom_positions[: first.ligand.num_atoms].numpy() - centred).max() < 1e-5


def test_decoys_stand_beside_their_native_pose(cache):
    rows = dataset(cache, list(range(ROWS)), decoys=1.0, weight=2.0)
    batch, labels = Collator(decoys=True)([rows[k] for k in range(4)])
    assert batch.num_ligands == 8
    assert batch.num_pockets == 4, "a decoy shares the pocket of its native pose"
    assert labels.decoy.tolist() == [False, True] * 4
    assert labels.weight.tolist() == [2.0, 0.0] * 4, "a decoy has no affinity to learn"
    assert labels.near_native[::2].tolist() == [1.0] * 4
    positions = batch.atom_positions.double().numpy()
    for row in range(4):
        native, moved = (positions[(batch.atom_ligand == 2 * row + k).numpy()] for k in range(2))
        assert float(labels.near_native[2 * row + 1]) == float(rmsd(native, moved) < 2.0)
        assert rmsd(native, moved) > 0.05


def with_rmsds(cache, **changed: float):
    """The nine poses of 5ht1b with RMSDs of 0.5 to 4.5 Å, the others at 0."""
    named = copy.copy(cache)
    values = {name: max(0.0, (row - 3) / 2) for row, name in enumerate(cache.table["id"])} | changed
    named.table = cache.table.assign(rmsd=list(values.values()), native=cache.table["protein"])
    return named


def test_poses_of_known_rmsd_are_near_native_or_decoys(cache):
    poses = dataset(with_rmsds(cache), list(range(4, ROWS)), rmsd="rmsd", group=("native",), weight=2.0)
    _, labels = Collator(decoys=True)([poses[k] for k in range(len(poses))])
    near = [True] * 3 + [False] * 6  # 0.5, 1.0 and 1.5 Å, then 2.0 and more
    assert labels.near_native.tolist() == [float(yes) for yes in near]
    assert labels.decoy.tolist() == [not yes for yes in near]
    assert labels.weight.tolist() == [2.0 if yes else 0.0 for yes in near]
    assert labels.relation.tolist() == [1, -1] + [0] * 7, "a decoy has no bound of its own"
    assert len(set(labels.poses_of.tolist())) == 1


def test_poses_of_one_complex_share_a_number_and_others_do_not(cache):
    """Two sources of one table: only where an RMSD is known do rows of one group count as poses of one complex."""
    named = with_rmsds(cache)
    sources = [SourceConfig(cache=Path("x"), decoys=1.0), SourceConfig(cache=Path("y"), rmsd="rmsd", group=("native",))]
    rows = ComplexDataset([named, named], sources, [range(ROWS), range(ROWS)])
    _, labels = Collator(decoys=True)([rows[k] for k in range(2 * ROWS)])
    crystal, known = labels.poses_of[: 2 * ROWS].tolist(), labels.poses_of[2 * ROWS :].tolist()
    assert crystal[::2] == crystal[1::2], "a displaced pose goes with the pose it was made of"
    assert len(set(crystal)) == ROWS
    assert len(set(known)) == len({*named.table["protein"]})
    assert not set(crystal) & set(known)


def test_a_filler_of_wrong_poses_counts_for_nothing(cache):
    rows = dataset(with_rmsds(cache), list(range(ROWS)), rmsd="rmsd", group=("native",))
    _, labels = Collator(decoys=True)([rows[Draw(ROWS - 1, 0, filler=True)]])
    assert (labels.weight.tolist(), labels.decoy.tolist()) == ([0.0], [False])
    assert torch.isnan(labels.near_native).all()


def test_rows_without_an_rmsd_are_refused_unless_left_out(cache):
    blank = with_rmsds(cache, **{"5ht1b-3": float("nan"), "5ht1b-4": -1.0})
    with pytest.raises(ConfigError, match=r"2 rows .*'5ht1b-3'") as caught:
        dataset(blank, list(range(ROWS)), rmsd="rmsd", group=("native",))
    assert "where" in caught.value.hint
    assert len(dataset(blank, list(range(7)), rmsd="rmsd", group=("native",))) == 7
    with pytest.raises(ConfigError, match="no column distance"):
        dataset(blank, list(range(7)), rmsd="distance", group=("native",))


def test_decoys_begin_in_their_epoch(cache):
    """Before it a crystal pose is no example of a good pose either: the head would learn to say yes to all."""
    rows = dataset(cache, list(range(ROWS)), decoys=1.0, decoys_from_epoch=2)
    for epoch in range(4):
        _, labels = Collator(decoys=True, epoch=epoch)([rows[k] for k in range(4)])
        assert labels.decoy.sum() == (4 if epoch >= 2 else 0)
        assert torch.isnan(labels.near_native).all() == (epoch < 2)


def test_decoys_come_as_often_as_asked(cache):
    rows = dataset(cache, list(range(ROWS)), decoys=0.4)
    examples = [rows[k] for k in range(ROWS)]
    counts = [int(Collator(decoys=True, epoch=e)(examples)[1].decoy.sum()) for e in range(40)]
    assert np.mean(counts) == pytest.approx(0.4 * ROWS, rel=0.2)


def test_noise_has_widths_from_zero_to_what_was_asked_and_is_drawn_anew(everything):
    examples = [everything[k] for k in range(ROWS)]
    still = Collator()(examples)[0].atom_positions
    noise = [(Collator(noise=0.3, epoch=e)(examples)[0].atom_positions - still) for e in range(80)]
    # widths uniform from 0 to 0.3 Å have a mean square of 0.3^2 / 3
    assert float(torch.stack(noise).square().mean().sqrt()) == pytest.approx(0.3 / 3**0.5, rel=0.08)
    assert not torch.equal(noise[0], noise[1])
    assert torch.equal(noise[0], Collator(noise=0.3, epoch=0)(examples)[0].atom_positions - still)
    assert np.isfinite(examples[0].graph.ligand.positions).all()


def test_a_row_twice_in_an_epoch_is_not_the_same_noise_twice(everything):
    batch, _ = Collator(noise=0.1)([everything[Draw(0, 0)], everything[Draw(0, 7)]])
    first, second = batch.atom_positions.view(2, -1, 3)
    assert not torch.equal(first, second)


# ---------------------------------------------------------------- decoys


def test_rmsd_by_hand():
    here = np.zeros((4, 3))
    there = np.array([[2.0, 0, 0], [0, 2.0, 0], [0, 0, 2.0], [0, 0, 0]])
    assert rmsd(here, there) == pytest.approx(np.sqrt(3.0))
    assert rmsd(here, here + [3.0, 4.0, 0.0]) == pytest.approx(5.0)


def test_displaced_poses_are_rigid_keep_their_hand_and_are_near_and_far():
    generator = np.random.default_rng(0)
    pose = generator.normal(scale=3.0, size=(20, 3)) + 100.0
    found = []
    for _ in range(300):
        moved = displaced_pose(pose, generator)
        here, there = pose - pose.mean(axis=0), moved - moved.mean(axis=0)
        _, residual = Rotation.align_vectors(there, here)
        assert residual < 1e-6, "a rotation brings one onto the other: no stretch, no reflection"
        assert np.linalg.norm(moved.mean(axis=0) - pose.mean(axis=0)) <= 4.0 + 1e-9
        found.append(rmsd(pose, moved))
    near = np.mean(np.array(found) < 2.0)
    assert 0.1 < near < 0.5, "both sides of the threshold are seen"
    assert max(found) > 4.0

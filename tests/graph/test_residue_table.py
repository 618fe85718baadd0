"""A pocket chosen from what the whole receptor is like, against the same pocket cut out first."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from networks import example

from binding.graph.around import Around
from binding.graph.chains import ANOTHER_CHAIN, Chains
from binding.graph.pocket import ResidueTable, build_pocket_graph
from binding.graph.site import PocketSpec, pocket_mask

REACH = 6.5  # Å, of the networks' contacts and the geometric sums


@pytest.mark.parametrize("name", ["1s2g", "1ia1", "4cup", "6wqa", "5ht1b"])
def test_the_same_bits_as_of_the_pocket_alone(name):
    protein, poses = example(name)
    table = ResidueTable(protein)
    for pose in poses[:5]:
        for shift in (0.0, 5.0):
            moved = replace(pose, positions=pose.positions + shift)
            keep = pocket_mask(protein, moved, PocketSpec(cutoff=10.0))
            cut, chosen = build_pocket_graph(protein.select(keep)), table.graph(keep)
            reached = np.linalg.norm(cut.atom_positions[:, None] - moved.positions, axis=2).min(axis=1) <= REACH
            for field in fields(cut):
                one, other = getattr(cut, field.name), getattr(chosen, field.name)
                assert one.dtype == other.dtype
                if field.name in ("atom_directions", "atom_normals"):  # a bond that was cut is seen farther out only
                    one, other = one[reached], other[reached]
                np.testing.assert_array_equal(one, other, err_msg=field.name)


def test_all_residues_are_the_protein_itself():
    protein, _ = example("1s2g")
    whole, chosen = build_pocket_graph(protein), ResidueTable(protein).graph(np.ones(protein.num_residues, dtype=bool))
    for field in fields(whole):
        np.testing.assert_array_equal(getattr(whole, field.name), getattr(chosen, field.name), err_msg=field.name)


def test_offsets_along_pieces_of_a_chain_and_of_a_ring():
    rows = np.arange(6)
    source, target = (part.ravel() for part in np.meshgrid(rows, rows))
    for previous in ([-1, 0, 1, 2, 3, 4], [5, 0, 1, 2, 3, 4]):
        chains = Chains(np.array(previous))
        for lost in (2, 5):
            keep = rows != lost
            found = dict(zip(zip(source, target, strict=True), chains.among(keep).offset(source, target), strict=True))
            kept = np.flatnonzero(keep)
            place = {row: step for step, row in enumerate(kept)}
            alone = Chains(np.array([place.get(previous[row], -1) for row in kept]))
            for one in kept:
                for other in kept:
                    expected = alone.offset(np.array([place[one]]), np.array([place[other]]))[0]
                    assert found[one, other] == expected
    assert Chains(np.array([-1, -1])).offset(np.array([0]), np.array([1])).tolist() == [ANOTHER_CHAIN]


def test_what_is_around_a_ligand():
    protein, (pose, *_) = example("1s2g")
    around = Around.of(protein, pose.positions, 8.0)
    away = np.linalg.norm(protein.positions[:, None] - pose.positions, axis=2)
    assert set(np.flatnonzero(away.min(axis=1) <= 8.0)) <= set(around.atoms)
    np.testing.assert_allclose(np.sqrt(around.squares), away[around.atoms])
    near = np.unique(protein.atom_residue[away.min(axis=1) <= 5.0])
    assert np.flatnonzero(around.residues_within(5.0)).tolist() == near.tolist()


def test_nothing_is_around_a_ligand_far_away():
    protein, (pose, *_) = example("1s2g")
    around = Around.of(protein, pose.positions + 500.0, 8.0)
    assert not len(around.atoms)
    assert not around.residues_within(8.0).any()

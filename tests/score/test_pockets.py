"""The pocket of each pose: shared where it is the same, and no pose's depends on another."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from networks import example

from binding.domain.words import pocket_words
from binding.graph.build import build_graph
from binding.graph.site import PocketSpec, select_pocket
from binding.score.pockets import PocketMaker
from binding.structures import Complex


def moved_poses(count: int) -> tuple:
    protein, (pose, *_) = example("5ht1b")
    shifts = np.linspace(0.0, 4.0, count)
    return protein, [replace(pose, positions=pose.positions + shift) for shift in shifts]


def test_each_pose_has_the_pocket_that_it_has_alone():
    protein, poses = moved_poses(6)
    maker = PocketMaker(protein, PocketSpec())
    for pose in poses:  # the first few are cut out, the rest chosen
        pocket, around = maker.of(pose)
        alone = select_pocket(protein, pose)
        assert pocket.protein.residue_ids == alone.residue_ids
        graph = build_graph(Complex("pose", alone, pose)).pocket
        for field in fields(graph):
            if field.name not in ("atom_directions", "atom_normals"):
                np.testing.assert_array_equal(getattr(pocket.graph, field.name), getattr(graph, field.name))
        assert pocket.site_words(around).tolist() == pocket_words(graph, pose.positions).tolist()


def test_poses_with_the_same_residues_share_a_pocket():
    protein, (pose, *_) = moved_poses(1)
    maker = PocketMaker(protein, PocketSpec())
    assert maker.of(pose)[0] is maker.of(replace(pose, positions=pose.positions + 1e-4))[0]
    assert maker.of(pose)[0] is PocketMaker(protein, PocketSpec()).of(pose)[0]


def test_a_reference_gives_all_poses_one_pocket_and_each_its_own_words():
    protein, poses = moved_poses(3)
    maker = PocketMaker(protein, PocketSpec(reference=poses[0].positions))
    pockets = [maker.of(pose) for pose in poses]
    assert all(pocket is pockets[0][0] for pocket, _ in pockets)
    for pose, (pocket, around) in zip(poses, pockets, strict=True):
        assert pocket.site_words(around).tolist() == pocket_words(pocket.graph, pose.positions).tolist()

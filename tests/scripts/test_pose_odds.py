"""How `pose` is weighed: lines of log odds from right and wrong poses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scripts.release import pose_odds


def test_a_line_of_log_odds_is_found_again_with_right_and_wrong_poses_as_many():
    """One pose in five is right: the offset is that of even odds, by ln 4 above the one of the poses as they come."""
    generator = np.random.default_rng(1)
    right = generator.random(100_000) < 0.2
    # Two normals whose log odds are a line: shift / variance times the value.
    logit, noise = generator.normal(np.where(right, 2.0, 0.0), 2.0), generator.normal(size=100_000)
    poses = pd.DataFrame({"logit": logit, "noise": noise})
    poses = poses.assign(right=right, native=np.arange(len(right)) // 100)
    line = pose_odds.fitted(poses, ["logit", "noise"])
    assert line == pytest.approx([0.5, 0.0, -0.5], abs=0.05)
    assert pose_odds.fitted(poses.sample(frac=1.0, random_state=0), ["logit", "noise"]) == pytest.approx(line, abs=1e-3)


def test_what_differs_between_ligands_alone_does_not_rank_their_poses():
    generator = np.random.default_rng(1)
    right = generator.random(20_000) < 0.3
    native = np.arange(len(right)) // 20
    ease = generator.normal(size=native.max() + 1)[native]  # of a complex: right poses of easy ones score lower
    poses = pd.DataFrame(
        {"score": generator.normal(np.where(right, 1.0, 0.0)) - ease, "right": right, "native": native}
    )
    poses["ease"] = ease + generator.normal(size=len(right))
    apart = {share: pose_odds.fitted(poses, ["score", "ease"], share) for share in (0.0, 1.0)}
    assert abs(apart[1.0][1]) < 0.1 * apart[1.0][0]
    assert apart[0.0][1] > 0.2 * apart[0.0][0]


def test_slopes_of_the_losses_of_poses():
    generator = np.random.default_rng(2)
    odds, complexes = generator.normal(size=12), np.repeat([0, 1, 2], 4)
    right = np.tile([True, False, True, False], 3)
    for loss in (pose_odds.by_themselves, lambda *given: pose_odds.within_complexes(*given, complexes)):
        _, slope = loss(odds, right)
        found = [(loss(odds + step, right)[0] - loss(odds - step, right)[0]) / 2e-5 for step in np.eye(12) * 1e-5]
        assert slope == pytest.approx(found, abs=1e-6)

"""Losses against numbers worked out by hand. All in pK."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from binding.data.dataset import Labels
from binding.training.losses import (
    Chosen,
    affinity_loss,
    decoy_loss,
    pair_loss,
    pose_loss,
    pose_rank_loss,
    variance_loss,
)


def t(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def relation(*values: int) -> Tensor:
    return torch.tensor(values)


def labels(pk: Tensor, **given: Tensor) -> Labels:
    """Labels of exact measurements with crystal poses, each in a group of its own."""
    rows, zero = torch.arange(len(pk)), torch.zeros_like(pk)
    columns = {
        "pk": pk,
        "weight": torch.ones_like(pk),
        "relation": torch.zeros_like(rows),
        "decoy": torch.zeros(len(pk), dtype=torch.bool),
        "near_native": torch.full_like(pk, float("nan")),
        "group": rows,
        "poses_of": rows,
        "start": zero,
        "alone": zero,
    }
    return Labels(**(columns | given))


def rank(logit: Tensor, near_native: Tensor, poses_of: Tensor) -> Tensor:
    chosen = Chosen.of(labels(torch.zeros_like(near_native), near_native=near_native, poses_of=poses_of))
    return pose_rank_loss(logit, chosen.right, chosen.known)


def test_huber_is_square_then_linear():
    """Errors of 0.5 and 3 with delta 1: 0.125 and 2.5."""
    loss = affinity_loss(t(6.5, 3.0), t(6.0, 6.0), t(1, 1), relation(0, 0), delta=1.0)
    assert float(loss) == pytest.approx((0.125 + 2.5) / 2)
    assert float(affinity_loss(t(3.0), t(6.0), t(1), relation(0), delta=2.0)) == pytest.approx(2.0 * (3.0 - 1.0))


def test_weights_weigh_and_do_not_scale():
    errors = (t(6.5, 3.0), t(6.0, 6.0))
    assert float(affinity_loss(*errors, t(3, 1), relation(0, 0), 1.0)) == pytest.approx((3 * 0.125 + 2.5) / 4)
    assert float(affinity_loss(*errors, t(6, 2), relation(0, 0), 1.0)) == pytest.approx((3 * 0.125 + 2.5) / 4)
    assert float(affinity_loss(*errors, t(1, 0), relation(0, 0), 1.0)) == pytest.approx(0.125)
    assert float(affinity_loss(*errors, t(0, 0), relation(0, 0), 1.0)) == 0.0


@pytest.mark.parametrize(
    ("predicted", "sign", "expected"),
    [
        (4.5, -1, 0.0),  # the true pk is below 5: a prediction below costs nothing
        (5.5, -1, 0.125),
        (5.5, 1, 0.0),  # the true pk is above 5
        (4.5, 1, 0.125),
        (4.5, 0, 0.125),
        (5.5, 0, 0.125),
        (5.0, -1, 0.0),
        (5.0, 1, 0.0),
    ],
)
def test_censored_rows_cost_on_one_side(predicted, sign, expected):
    assert float(affinity_loss(t(predicted), t(5.0), t(1), relation(sign), 1.0)) == pytest.approx(expected)


def test_censored_rows_pull_on_one_side():
    pk = t(4.5, 5.5).requires_grad_(True)
    affinity_loss(pk, t(5.0, 5.0), t(1, 1), relation(-1, -1), 1.0).backward()
    assert pk.grad.tolist() == pytest.approx([0.0, 0.25])


def test_variance_is_the_gaussian_likelihood():
    loss = variance_loss(t(7.0), t(math.log(4.0)), t(5.0), t(1))
    assert float(loss) == pytest.approx(0.5 * (4.0 / 4.0 + math.log(4.0)))
    best = t(math.log(4.0)).requires_grad_(True)
    variance_loss(t(7.0), best, t(5.0), t(1)).backward()
    assert float(best.grad) == pytest.approx(0.0), "least where the variance is the squared error"


def test_variance_leaves_the_prediction_alone():
    pk, log_variance = t(7.0).requires_grad_(True), t(0.0).requires_grad_(True)
    variance_loss(pk, log_variance, t(5.0), t(1)).backward()
    assert pk.grad is None
    assert float(log_variance.grad) == pytest.approx(0.5 * (1.0 - 4.0))


def test_pose_loss_by_hand_without_unknown_poses():
    nan = float("nan")
    loss = pose_loss(t(0.0, 2.0, 9.0), t(1.0, 0.0, nan), torch.tensor([0, 1]))
    assert float(loss) == pytest.approx((math.log(2.0) + math.log(1.0 + math.exp(2.0))) / 2)
    logit = t(3.0).requires_grad_(True)
    nothing = pose_loss(logit, t(nan), torch.zeros(0, dtype=torch.long))
    nothing.backward()
    assert float(nothing.detach()) == 0.0
    assert logit.grad.tolist() == [0.0]


def test_poses_are_ranked_inside_their_complex():
    """Two complexes with a choice: a wrong pose two above, log(1 + e^2), and one below, log(1 + e^-1)."""
    nan = float("nan")
    poses_of = torch.tensor([3, 3, -1, -1, 7, 7, 9, 9])
    near = t(1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, nan)  # 7 has no right answer, 9 no wrong one
    logit = t(0.0, 2.0, 4.0, 5.0, 8.0, -8.0, 1.0, 6.0).requires_grad_(True)
    loss = rank(logit, near, poses_of)
    expected = (math.log(1.0 + math.exp(2.0)) + math.log(1.0 + math.exp(-1.0))) / 2
    assert float(loss.detach()) == pytest.approx(expected)
    loss.backward()
    assert logit.grad[4:].tolist() == [0.0] * 4
    assert logit.grad[0] < 0 < logit.grad[1]


def test_any_near_native_pose_is_a_right_answer():
    poses_of = torch.zeros(4, dtype=torch.long)
    loss = rank(t(1.0, 3.0, 2.0, 0.0), t(1.0, 1.0, 0.0, 0.0), poses_of)
    parts = [math.exp(value) for value in (1.0, 3.0, 2.0, 0.0)]
    assert float(loss) == pytest.approx(-math.log((parts[0] + parts[1]) / sum(parts)))


def test_nothing_to_rank_costs_nothing():
    logit = t(3.0, 1.0).requires_grad_(True)
    nothing = rank(logit, t(1.0, float("nan")), torch.tensor([0, 0]))
    nothing.backward()
    assert (float(nothing.detach()), logit.grad.tolist()) == (0.0, [0.0, 0.0])


def test_decoys_cost_only_where_they_bind_too_well():
    wrong = torch.tensor([0, 1])
    assert float(decoy_loss(t(7.0, 4.0, 9.0), t(6.0, 6.0, 6.0), wrong)) == pytest.approx(0.5)
    assert float(decoy_loss(t(7.0), t(6.0), wrong[:0])) == 0.0


def test_pairs_take_out_the_offset_of_an_assay():
    group = torch.tensor([0, 0, 1, 1])
    target = t(5.0, 6.0, 7.0, 9.0)
    pairs = Chosen.of(labels(target, group=group)).pairs
    assert pairs.tolist() == [1, 11], "rows 0 and 1, rows 2 and 3"
    shifted = target + t(3.0, 3.0, -2.0, -2.0)
    assert float(pair_loss(shifted, target, pairs, 1.0)) == pytest.approx(0.0)
    off = target + t(0.5, 0.0, 0.0, 0.0)
    assert float(pair_loss(off, target, pairs, 1.0)) == pytest.approx(0.125 / 2)
    assert float(pair_loss(off, target, pairs[:0], 1.0)) == 0.0


# ---------------------------------------------------------------- what the terms are of


def test_decoys_and_bounds_are_in_no_pair():
    target, group = t(5.0, 6.0, 7.0, 9.0), torch.zeros(4, dtype=torch.long)
    decoy = labels(target, group=group, weight=t(0, 1, 1, 1))
    assert Chosen.of(decoy).pairs.tolist() == [6, 7, 11]
    bound = labels(target, group=group, relation=relation(1, 0, 0, -1))
    assert Chosen.of(bound).pairs.tolist() == [6]
    assert not len(Chosen.of(labels(target[:1], group=group[:1])).pairs)


def test_rows_without_a_pose_are_left_out():
    nan = float("nan")
    decoy = torch.tensor([False, True, True, False])
    chosen = Chosen.of(labels(t(5, 5, 5, 5), near_native=t(1.0, 0.0, 1.0, nan), decoy=decoy))
    assert chosen.posed.tolist() == [0, 1, 2]
    assert chosen.wrong.tolist() == [1], "a displaced pose that is still near is not wrong"

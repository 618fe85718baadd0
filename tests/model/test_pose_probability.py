"""The probability of a pose: sums over contacts, and the line that weighs them."""

from __future__ import annotations

import pytest
import torch

from binding.model.pose_probability import POSE_TERMS, PoseScale

SIZES = torch.tensor([4, 9])


def test_a_card_without_a_line_leaves_the_networks_logit_as_it_is():
    logits = torch.tensor([[0.3, -2.0]])
    assert torch.equal(PoseScale.of_card({}).log_odds(logits, None, SIZES), logits)


def test_the_line_of_a_card_weighs_sums_by_the_root_of_the_size():
    card = {"std_scale": 1.2, "pose": {"logit": 0.5, "offset": -1.0, "terms": {"gauss1": 2.0, "within_4": -1.0}}}
    sums = torch.zeros(2, len(POSE_TERMS))
    sums[:, POSE_TERMS.index("gauss1")] = torch.tensor([1.0, 3.0])
    sums[:, POSE_TERMS.index("within_4")] = torch.tensor([0.0, 3.0])
    sums[:, POSE_TERMS.index("gauss2")] = 100.0  # has no weight
    found = PoseScale.of_card(card).log_odds(torch.tensor([[2.0, 0.0], [4.0, 2.0]]), sums, SIZES)
    assert found.tolist() == [pytest.approx([1.0, 0.0]), pytest.approx([2.0, 1.0])]


def test_a_term_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="charm"):
        PoseScale.of_card({"pose": {"terms": {"charm": 1.0}}})

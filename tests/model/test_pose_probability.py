"""The probability of a pose: Vina's function by hand, and the line that weighs it."""

from __future__ import annotations

import pytest
import torch

from binding.model.layers.readout import MAX_CLASH_PK, VINA_PK_WEIGHTS
from binding.model.pose_probability import PoseScale, vina_by_size


def test_vinas_function_is_summed_over_pairs_and_divided_by_the_root_of_the_size():
    terms = torch.tensor([[1.0, 2.0, 0.0, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0, 1.0], [3.0, 0.0, 0.0, 0.0, 0.0]])
    found = vina_by_size(terms, torch.tensor([0, 0, 2]), torch.tensor([4, 9, 1]))
    gauss1, gauss2, _, greasy, bond = VINA_PK_WEIGHTS
    first = (gauss1 + 3 * gauss2 + 0.5 * greasy + bond) / 2
    assert found.tolist() == pytest.approx([first, 0.0, 3 * gauss1], abs=1e-6)


def test_a_clash_takes_no_more_than_in_pk():
    terms = torch.tensor([[0.0, 0.0, 1e4, 0.0, 0.0]])
    (found,) = vina_by_size(terms, torch.tensor([0]), torch.tensor([1])).tolist()
    assert -MAX_CLASH_PK < found < -0.99 * MAX_CLASH_PK


def test_a_card_without_a_line_leaves_the_networks_logit_as_it_is():
    logits, vina = torch.tensor([[0.3, -2.0]]), torch.tensor([5.0, -5.0])
    assert torch.equal(PoseScale.of_card({}).log_odds(logits, vina), logits)


def test_the_line_of_a_card():
    scale = PoseScale.of_card({"std_scale": 1.2, "pose": {"logit": 0.5, "vina": 2.0, "offset": -1.0}})
    found = scale.log_odds(torch.tensor([[2.0, 0.0], [4.0, 2.0]]), torch.tensor([0.25, 1.0]))
    assert found.tolist() == [[0.5, 1.0], [1.5, 2.0]]

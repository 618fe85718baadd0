"""Vina's terms: bounded clashes."""

from __future__ import annotations

import pytest
import torch

from binding.model.layers.geometry import VINA_TERMS
from binding.model.layers.readout import MAX_CLASH_PK, VINA_PK_WEIGHTS, VinaTerms


def test_clashes_cost_at_most_the_maximum_and_are_shared_out_exactly():
    vina = VinaTerms()
    clash = torch.zeros(6, 5)
    clash[:, VINA_TERMS.index("repulsion")] = torch.tensor([0.1, 0.3, 0.0, 200.0, 400.0, 0.0])
    owner = torch.tensor([0, 0, 0, 1, 1, 1])
    pk = vina(clash, torch.zeros(6), owner, 2)
    totals = torch.zeros(2).index_add_(0, owner, pk)
    weight = -VINA_PK_WEIGHTS[VINA_TERMS.index("repulsion")]
    raw = 0.4 * weight
    assert totals[0].item() == pytest.approx(-raw / (1 + raw / MAX_CLASH_PK), rel=1e-5)
    assert -MAX_CLASH_PK < totals[1].item() < -0.95 * MAX_CLASH_PK
    assert (pk[4] / pk[3]).item() == pytest.approx(2.0)
    assert pk[2] == pk[5] == 0.0

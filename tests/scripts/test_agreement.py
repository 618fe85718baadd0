"""The measurement of attributions against deletion: ranks, the highest ten, and a deletion curve by hand."""

from __future__ import annotations

import numpy as np
import pytest
from networks import example_complex, joined_scorer

from binding.graph.site import PocketSpec
from binding.score.featurize import featurize
from binding.score.jobs import Job
from scripts.measure.agreement import DELETED, curves, shared_top


def test_the_highest_ten_are_compared_with_those_that_cost_most():
    loss = np.arange(30.0)
    found = shared_top({"same": loss, "opposite": -loss, "half": np.where(loss < 25, loss, -1.0)}, loss)
    assert found == {"same": 1.0, "opposite": 0.0, "half": 0.5}
    assert shared_top({"few": np.arange(4.0)}, -np.arange(4.0)) == {"few": 1.0}


def test_a_deletion_curve_is_the_mean_loss_at_its_steps():
    cx, scorer = example_complex("1s2g"), joined_scorer(members=1, dtype="float32")
    (item,) = featurize(Job(cx.pocket, (cx.ligand,), PocketSpec()))
    rows, order = np.arange(10), np.array([3, 7, 1, 0, 2, 4, 5, 6, 8, 9])
    found = curves(scorer, item, rows, {"by hand": [order], "twice": [order, order]})
    losses = []
    for step in [round(share * 10) for share in DELETED]:
        keep = ~np.isin(np.arange(item.pocket.num_residues), order[:step])
        (less,) = featurize(Job(cx.pocket.select(keep), (cx.ligand,), PocketSpec()))
        losses.append(float(scorer.score([item.graph]).pk[0] - scorer.score([less.graph]).pk[0]))
    assert found["by hand"] == pytest.approx((np.mean(losses), np.mean(losses)), abs=1e-4)
    assert found["twice"] == pytest.approx(found["by hand"])

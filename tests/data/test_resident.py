"""Batches that are gathered on the device are those that are joined on the host."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from networks import example_graph

from binding.data.resident import ResidentGraphs, join_poses, without_pocket
from binding.graph.batch import collate

NAMES = ("1s2g", "1ia1", "4cup")


@pytest.fixture(scope="module")
def graphs():
    return [example_graph(name) for name in NAMES]


@pytest.mark.parametrize("rows", [[0], [2, 0, 1], [1, 1, 2, 1]])
def test_a_gathered_batch_is_the_joined_one(graphs, rows):
    """All fields, bit by bit; those of one pocket share it."""
    resident = ResidentGraphs(graphs, "cpu")
    light = [without_pocket(graph) for graph in graphs]
    found = resident.batch(join_poses(rows, [light[row] for row in rows]))
    expected = collate([graphs[row] for row in rows])
    for field in fields(expected):
        one, two = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(two, torch.Tensor):
            assert one.dtype == two.dtype, field.name
            assert torch.equal(one, two), field.name
        else:
            assert one == two, field.name


def test_narrow_types_hold_the_numbers(graphs):
    """At most half of what the joined batch takes."""
    batch = collate(graphs)
    whole = sum(value.nbytes for f in fields(batch) if isinstance(value := getattr(batch, f.name), torch.Tensor))
    assert ResidentGraphs(graphs, "cpu").nbytes < 0.75 * whole
    assert all(np.isfinite(without_pocket(graph).pocket.anchors).all() for graph in graphs)

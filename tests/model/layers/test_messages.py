"""Sums of messages that are never held: the plain formula, and its gradients."""

from __future__ import annotations

import pytest
import torch

from binding.model.layers import messages
from binding.model.layers.encoders import CategoryEmbedding
from binding.model.layers.messages import sum_messages

NODES, CHANNELS, SIZE, EDGES, ROWS = 5, 4, 3, 23, 6


@pytest.fixture(params=[2048, 7])
def at_once(request, monkeypatch):
    """All edges at once, and in pieces of which the last is smaller."""
    monkeypatch.setattr(messages, "_EDGES_AT_ONCE", request.param)


@pytest.fixture
def given():
    """Nodes, features, weight and bias; source and target of each edge. One row has no edge."""
    torch.manual_seed(0)
    shapes = (NODES, CHANNELS), (EDGES, SIZE), (CHANNELS, SIZE), (CHANNELS,)
    numbers = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    return (*numbers, torch.randint(0, NODES, (EDGES,)), torch.randint(0, ROWS - 1, (EDGES,)))


def plain(nodes, features, weight, bias, source, target):
    total = nodes.new_zeros(ROWS, CHANNELS)
    return total.index_add(0, target, torch.nn.functional.silu(nodes[source] + features @ weight.T + bias))


def summed(nodes, features, weight, bias, source, target):
    return sum_messages(nodes, features, weight, bias, source, target, ROWS)


def test_it_is_the_plain_sum(given, at_once):
    assert torch.allclose(summed(*given), plain(*given))


def test_its_gradients_are_those_of_the_plain_sum(given, at_once):
    learned, found = (0, 2, 3), []
    for function in (plain, summed):
        here = [part.clone().requires_grad_(place in learned) for place, part in enumerate(given[:4])]
        (function(*here, *given[4:]) * torch.arange(ROWS * CHANNELS).view(ROWS, CHANNELS)).sum().backward()
        found.append([here[place].grad for place in learned])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other)


def test_no_edges_are_no_messages(given):
    nodes, features, weight, bias, source, target = given
    total = sum_messages(nodes.requires_grad_(), features[:0], weight, bias, source[:0], target[:0], ROWS)
    assert not total.any()
    total.sum().backward()
    assert not nodes.grad.any()


def test_categories_are_looked_up_as_they_are_multiplied():
    """With gradients and without: the same sum of a column of each category, and the gradient of the look-up."""
    torch.manual_seed(0)
    layer = CategoryEmbedding((3, 2, 5), 4)
    categories = torch.tensor([[0, 1, 4], [2, 0, 0], [0, 1, 4]])
    with torch.no_grad():
        looked_up = layer(categories)
    multiplied = layer(categories)
    assert torch.allclose(multiplied, looked_up, rtol=1e-6)
    multiplied.sum().backward()
    assert layer.table.weight.grad is not None
    assert layer.table.weight.grad[:, 0].tolist() == [2.0, 0.0, 1.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0, 2.0]

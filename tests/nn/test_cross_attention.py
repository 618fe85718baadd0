"""Attention over a list of pairs, against the dense formula."""

from __future__ import annotations

import math

import pytest
import torch

from binding.nn.cross_attention import GeometricCrossAttention, pair_softmax

CHANNELS, HEADS = 16, 4


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return GeometricCrossAttention(CHANNELS, HEADS, dropout=0.0).double().eval()


def everything(queries: int, keys: int) -> tuple[torch.Tensor, torch.Tensor]:
    grid = torch.cartesian_prod(torch.arange(queries), torch.arange(keys))
    return grid[:, 0], grid[:, 1]


def test_softmax_by_hand():
    scores = torch.tensor([[0.0], [math.log(3.0)], [5.0]], dtype=torch.float64)
    weights = pair_softmax(scores, torch.tensor([0, 0, 2]), 4)
    assert weights[:, 0].tolist() == pytest.approx([0.25, 0.75, 1.0])


def test_softmax_of_large_scores_stays_finite():
    scores = torch.tensor([[1e4], [1e4 + 1.0], [-1e4]], dtype=torch.float32)
    weights = pair_softmax(scores, torch.tensor([0, 0, 0]), 1)
    assert weights[:, 0].tolist() == pytest.approx([1 / (1 + math.e), math.e / (1 + math.e), 0.0])


def test_all_pairs_equal_dense_attention(layer):
    queries, keys = torch.randn(5, CHANNELS).double(), torch.randn(7, CHANNELS).double()
    row, column = everything(5, 7)
    bias, gate = torch.randn(35, HEADS).double(), torch.rand(35, HEADS).double()
    found, weights = layer(queries, keys, row, column, bias, gate)

    size = CHANNELS // HEADS
    query = layer.query(layer.query_norm(queries)).view(5, HEADS, size)
    key, value = layer.key_value(layer.key_norm(keys)).view(7, HEADS, 2 * size).chunk(2, dim=-1)
    scores = torch.einsum("qhd,khd->qkh", query, key) / math.sqrt(size) + bias.view(5, 7, HEADS)
    dense = torch.softmax(scores, dim=1)
    mixed = torch.einsum("qkh,khd->qhd", dense * gate.view(5, 7, HEADS), value).flatten(1)
    middle = queries + layer.out(mixed)
    assert torch.allclose(weights, dense.reshape(35, HEADS))
    assert torch.allclose(found, middle + layer.feed_forward(middle))


def test_a_query_without_pairs_takes_nothing(layer):
    queries, keys = torch.randn(3, CHANNELS).double(), torch.randn(4, CHANNELS).double()
    row, column = torch.tensor([0, 0]), torch.tensor([1, 3])
    ones = torch.ones(2, HEADS).double()
    first = layer(queries, keys, row, column, ones, ones)[0]
    second = layer(queries, keys + 1.7 * torch.randn(4, CHANNELS).double(), row, column, ones, ones)[0]
    assert torch.equal(first[1:], second[1:])
    assert not torch.allclose(first[0], second[0])


def test_a_closed_gate_is_no_pair_for_the_value(layer):
    queries, keys = torch.randn(1, CHANNELS).double(), torch.randn(2, CHANNELS).double()
    row, column, bias = torch.zeros(1, dtype=torch.long), torch.tensor([0]), torch.zeros(1, HEADS).double()
    closed = layer(queries, keys, row, column, bias, torch.zeros(1, HEADS).double())[0]
    none = layer(queries, keys, row[:0], column[:0], bias[:0], bias[:0])[0]
    assert torch.allclose(closed, none)


def test_shapes_that_do_not_fit_are_refused(layer):
    queries = torch.randn(2, CHANNELS).double()
    row = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="2 pairs, 4 heads"):
        layer(queries, queries, row, row, torch.zeros(2, 3).double(), torch.zeros(2, HEADS).double())
    with pytest.raises(ValueError, match="multiple of num_heads"):
        GeometricCrossAttention(10, 4, 0.0)

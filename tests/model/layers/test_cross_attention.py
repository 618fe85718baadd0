"""Attention over pairs in padded blocks, against the plain formula."""

from __future__ import annotations

import math

import pytest
import torch

from binding.model.layers.cross_attention import GeometricCrossAttention, PairGrid, _attend, _PairAttention

CHANNELS, HEADS = 16, 4


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return GeometricCrossAttention(CHANNELS, HEADS, dropout=0.0).double().eval()


def grid(queries: int, keys: int, row: list[int], column: list[int]) -> PairGrid:
    """Pairs of one item."""
    pairs = torch.tensor(row, dtype=torch.long), torch.tensor(column, dtype=torch.long)
    return PairGrid.of(torch.arange(queries), torch.arange(keys), *pairs, 1, queries, keys)


def everything(queries: int, keys: int) -> PairGrid:
    pairs = torch.cartesian_prod(torch.arange(queries), torch.arange(keys))
    return grid(queries, keys, pairs[:, 0].tolist(), pairs[:, 1].tolist())


def test_weights_of_large_scores_stay_finite(layer):
    queries = torch.zeros(1, CHANNELS).double()
    bias = torch.tensor([[1e4, 1e4 + 1.0, -1e4]]).double().expand(HEADS, 3)
    _, weights = layer(queries, torch.zeros(3, CHANNELS).double(), everything(1, 3), bias, torch.ones_like(bias), True)
    assert weights[:, 0].tolist() == pytest.approx([1 / (1 + math.e), math.e / (1 + math.e), 0.0])


def test_all_pairs_equal_dense_attention(layer):
    queries, keys = torch.randn(5, CHANNELS).double(), torch.randn(7, CHANNELS).double()
    bias, gate = torch.randn(35, HEADS).double(), torch.rand(35, HEADS).double()
    found, weights = layer(queries, keys, everything(5, 7), bias.t(), gate.t(), need_weights=True)

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
    pairs, ones = grid(3, 4, [0, 0], [1, 3]), torch.ones(HEADS, 2).double()
    first = layer(queries, keys, pairs, ones, ones)[0]
    second = layer(queries, keys + 1.7 * torch.randn(4, CHANNELS).double(), pairs, ones, ones)[0]
    assert torch.equal(first[1:], second[1:])
    assert not torch.allclose(first[0], second[0])


def test_a_closed_gate_is_no_pair_for_the_value(layer):
    queries, keys = torch.randn(1, CHANNELS).double(), torch.randn(2, CHANNELS).double()
    zero = torch.zeros(HEADS, 1).double()
    closed = layer(queries, keys, grid(1, 2, [0], [0]), zero, zero)[0]
    none = layer(queries, keys, grid(1, 2, [], []), zero[:, :0], zero[:, :0])[0]
    assert torch.allclose(closed, none)


def test_padding_is_never_attended(layer):
    """Two items of unlike size in one block give what each gives alone."""
    sizes, places = [(2, 5), (4, 3)], []
    nodes = [(torch.randn(q, CHANNELS).double(), torch.randn(k, CHANNELS).double()) for q, k in sizes]
    bias, gate = (
        [torch.randn(HEADS, q * k).double() for q, k in sizes],
        [torch.rand(HEADS, q * k).double() for q, k in sizes],
    )
    alone = [
        layer(q, k, everything(*size), b, g)[0] for (q, k), size, b, g in zip(nodes, sizes, bias, gate, strict=True)
    ]
    for item, (q, k) in enumerate(sizes):
        row, column = torch.cartesian_prod(torch.arange(q), torch.arange(k)).unbind(1)
        places.append((item * 4 + torch.arange(q), item * 5 + torch.arange(k), row + 2 * item, column + 5 * item))
    query_slot, key_slot, row, column = (torch.cat(part) for part in zip(*places, strict=True))
    both = PairGrid.of(query_slot, key_slot, row, column, 2, 4, 5)
    queries, keys = (torch.cat(part) for part in zip(*nodes, strict=True))
    together = layer(queries, keys, both, torch.cat(bias, dim=1), torch.cat(gate, dim=1))[0]
    assert torch.allclose(together, torch.cat(alone))


def test_shapes_that_do_not_fit_are_refused(layer):
    queries = torch.randn(2, CHANNELS).double()
    with pytest.raises(ValueError, match="4 heads, 2 pairs"):
        layer(queries, queries, grid(2, 2, [0, 1], [0, 1]), torch.zeros(3, 2).double(), torch.zeros(HEADS, 2).double())
    with pytest.raises(ValueError, match="multiple of num_heads"):
        GeometricCrossAttention(10, 4, 0.0)


def random_grid(items: int, max_queries: int, max_keys: int) -> PairGrid:
    """Items of unlike size, a third of whose cells are pairs."""
    numbers = [(1 + 2 * item % max_queries, 1 + 3 * item % max_keys) for item in range(items)]
    query_slot = torch.cat([item * max_queries + torch.arange(q) for item, (q, _) in enumerate(numbers)])
    key_slot = torch.cat([item * max_keys + torch.arange(k) for item, (_, k) in enumerate(numbers)])
    of_one = (query_slot // max_queries).unsqueeze(1) == key_slot // max_keys
    query, key = (of_one & (torch.rand(of_one.shape) < 0.33)).nonzero().unbind(1)
    return PairGrid.of(query_slot, key_slot, query, key, items, max_queries, max_keys)


def test_pairs_alone_give_what_blocks_give():
    """What a CPU computes, and its gradients, against what a GPU does."""
    torch.manual_seed(0)
    pairs = random_grid(5, 9, 7)
    sizes = [(len(pairs.query_slot), CHANNELS), (len(pairs.key_slot), 2 * CHANNELS), *[(HEADS, len(pairs.cell))] * 2]
    given = [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in sizes]
    query, key_value, bias, gate = given
    key, value = pairs.pad_keys(key_value, HEADS).chunk(2, dim=-1)
    blocks, weights = _attend(pairs.pad_queries(query, HEADS), key, value, bias, gate, pairs, True)
    dense = pairs.strip_queries(blocks, HEADS)
    mixed, alone = _PairAttention.apply(query, key_value, bias, gate, pairs)
    assert torch.allclose(mixed, dense)
    assert torch.allclose(alone, weights)
    flow = torch.randn_like(dense)
    for one, two in zip(*(torch.autograd.grad(result, given, flow) for result in (mixed, dense)), strict=True):
        assert torch.allclose(one, two)


def test_no_pairs_give_no_gradient():
    none = grid(3, 0, [], [])
    given = [torch.zeros(size, requires_grad=True) for size in ((3, CHANNELS), (0, 2 * CHANNELS), (HEADS, 0))]
    mixed, _ = _PairAttention.apply(given[0], given[1], given[2], given[2], none)
    assert not mixed.any()
    mixed.sum().backward()
    assert [tuple(tensor.grad.shape) for tensor in given] == [tuple(tensor.shape) for tensor in given]

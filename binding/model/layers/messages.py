"""Sums of messages along edges, whose tensors are never held: on a CPU they cost more to move than to compute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from binding.model.layers.precision import full_precision

_EDGES_AT_ONCE = 2048  # on a CPU: their messages stay in its cache


class _MessageSum(torch.autograd.Function):
    """See ``sum_messages``. The backward pass computes the messages again, piece by piece, instead of storing them."""

    @staticmethod
    def forward(
        ctx: Any,
        nodes: Tensor,
        features: Tensor,
        weight: Tensor,
        source: Tensor,
        target: Tensor,
        rows: int,
    ) -> Tensor:
        ctx.save_for_backward(nodes, features, weight, source, target)
        total = nodes.new_zeros(rows, nodes.shape[1])
        with full_precision(nodes):
            for part in _parts(features):
                messages = _before_activation(nodes, features, weight, source, part)
                total.index_add_(0, target[part], nn.functional.silu(messages, inplace=True))
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (of_total,) = gradients
        nodes, features, weight, source, target = ctx.saved_tensors
        of_nodes, of_weight = torch.zeros_like(nodes), weight.new_zeros(weight.shape[::-1])
        with full_precision(nodes):
            for part in _parts(features):
                messages = _before_activation(nodes, features, weight, source, part)
                flow = torch.ops.aten.silu_backward(of_total.index_select(0, target[part]), messages)
                of_nodes.index_add_(0, source[part], flow)
                of_weight.addmm_(features[part].t(), flow)
        return of_nodes, None, of_weight.t(), None, None, None


def _before_activation(nodes: Tensor, features: Tensor, weight: Tensor, source: Tensor, part: slice) -> Tensor:
    return nodes.index_select(0, source[part]).addmm_(features[part], weight.t())


def _parts(edges: Tensor) -> Iterator[slice]:
    size = _EDGES_AT_ONCE if edges.device.type == "cpu" else max(1, len(edges))
    return (slice(start, start + size) for start in range(0, len(edges), size))


def sum_messages(
    nodes: Tensor, features: Tensor, weight: Tensor, bias: Tensor, source: Tensor, target: Tensor, rows: int
) -> Tensor:
    """``SiLU(nodes[source] + features @ weight.T + bias)``, summed by target.

    Args:
        nodes: (n, channels).
        features: (e, size) of the edges, constants: no gradient flows to them.
        weight: (channels, size).
        bias: (channels,).
        source: (e,) row among the nodes.
        target: (e,) row of the result.
        rows: Number of rows of the result.

    Returns:
        (rows, channels), in the type of the nodes.
    """
    kind = nodes.dtype  # in mixed precision, that of the matrix product before
    # The bias is added once a node, not once an edge.
    return _MessageSum.apply(nodes + bias.to(kind), features.to(kind), weight.to(kind), source, target, rows)

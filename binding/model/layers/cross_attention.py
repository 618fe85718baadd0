"""Geometric cross-attention: ligand atoms and pocket residues attend to each other.

Scores are computed for every atom and every residue that its ligand touches, in small padded blocks, one a ligand:
about a quarter of them belong to pairs within the cutoff, and the rest is masked. Residues that no atom touches,
which are most of a pocket, do not appear, so that memory grows with the contact surface and not with the pocket.
At these sizes the blocks take two thirds of the time of a list of pairs, whose gathered rows are what costs.
In training on a CPU only the matrix products see the blocks: softmax, gates and their gradients are those of pairs.

A block of a large ligand can be taken in chunks of queries, whose scores are not kept for the backward pass but
computed again. Torch's own fused attention cannot be used: the gate comes between its softmax and the values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from binding.model.layers.dropout import Dropout
from binding.model.layers.precision import full_precision

_MASKED = -1e9  # before the softmax; finite, so that a row without any pair is no NaN


@dataclass(frozen=True, eq=False)
class PairGrid:
    """Where queries, keys and pairs lie in padded blocks (items, max_queries, max_keys).

    Attributes:
        query_slot: (N,) item * max_queries + place.
        key_slot: (M,) item * max_keys + place.
        pair_slot: (E,) slot of the pair's query.
        cell: (E,) pair_slot * max_keys + place of its key.
        items, max_queries, max_keys: sizes.
    """

    query_slot: Tensor
    key_slot: Tensor
    pair_slot: Tensor
    cell: Tensor
    items: int
    max_queries: int
    max_keys: int

    @staticmethod
    def of(
        query_slot: Tensor,
        key_slot: Tensor,
        pair_query: Tensor,
        pair_key: Tensor,
        items: int,
        max_queries: int,
        max_keys: int,
    ) -> PairGrid:
        """The grid of pairs (E,) that are given by the rows of their query and key, of one item each."""
        place = key_slot.index_select(0, pair_key) % max(max_keys, 1)
        slot = query_slot.index_select(0, pair_query)
        return PairGrid(query_slot, key_slot, slot, slot * max_keys + place, items, max_queries, max_keys)

    def spread(self, values: Tensor, empty: float) -> Tensor:
        """Values (heads, E) of the pairs in their cells: (heads * items, max_queries, max_keys)."""
        cells = values.new_full((len(values), self.items * self.max_queries * self.max_keys), empty)
        cells = cells.scatter_(1, self.cell.expand_as(values), values)  # ``index_copy`` would copy the cells first
        return cells.view(len(values) * self.items, self.max_queries, self.max_keys)

    def collect(self, cells: Tensor, heads: int) -> Tensor:
        """The reverse of ``spread``: (heads * items, max_queries, max_keys) -> (heads, E)."""
        return cells.reshape(heads, self.items * self.max_queries * self.max_keys).index_select(1, self.cell)

    def chunk(self, start: int, stop: int) -> PairChunk:
        """The queries at the places ``start`` to ``stop`` of every item."""
        row = torch.div(self.cell, max(self.max_keys, 1), rounding_mode="floor")
        item = torch.div(row, self.max_queries, rounding_mode="floor")
        place = row - item * self.max_queries
        cells = self.items * (stop - start) * self.max_keys
        cell = self.cell - (item * (self.max_queries - (stop - start)) + start) * self.max_keys
        inside = (place >= start) & (place < stop)
        return PairChunk(torch.where(inside, cell, cells), self.items, stop - start, self.max_keys)

    def pad_queries(self, nodes: Tensor, heads: int) -> Tensor:
        """(N, heads * size) -> (heads * items, max_queries, size)."""
        return _blocks(nodes, self.query_slot, self.items, self.max_queries, heads)

    def pad_keys(self, nodes: Tensor, heads: int) -> Tensor:
        """(M, heads * size) -> (heads * items, max_keys, size)."""
        return _blocks(nodes, self.key_slot, self.items, self.max_keys, heads)

    def strip_queries(self, blocks: Tensor, heads: int) -> Tensor:
        """The reverse of ``pad_queries``."""
        size = blocks.shape[-1]
        slots = self.items * self.max_queries
        nodes = blocks.reshape(heads, slots, size).transpose(0, 1).reshape(slots, heads * size)
        return nodes.index_select(0, self.query_slot)


@dataclass(frozen=True, eq=False)
class PairChunk:
    """Some queries of a ``PairGrid``. How many pairs are theirs is not known to the host, which need not wait for it.

    Attributes:
        cell: (E,) cell of each pair of the grid; one more than there are for pairs of other queries.
        items, queries, max_keys: sizes.
    """

    cell: Tensor
    items: int
    queries: int
    max_keys: int

    def spread(self, values: Tensor, empty: float) -> Tensor:
        """As that of the grid: (heads, E) -> (heads * items, queries, max_keys)."""
        cells = self.items * self.queries * self.max_keys
        padded = values.new_full((len(values), cells + 1), empty).index_copy(1, self.cell, values)
        return padded[:, :cells].reshape(len(values) * self.items, self.queries, self.max_keys)

    def collect(self, cells: Tensor, heads: int) -> Tensor:
        """As that of the grid: (heads, E), zero for pairs of other queries."""
        padded = nn.functional.pad(cells.reshape(heads, self.items * self.queries * self.max_keys), (0, 1))
        return padded.index_select(1, self.cell)


def _blocks(nodes: Tensor, slot: Tensor, items: int, longest: int, heads: int) -> Tensor:
    size = nodes.shape[-1] // heads
    padded = nodes.new_zeros(items * longest, nodes.shape[-1]).index_copy(0, slot, nodes)
    return padded.view(items * longest, heads, size).transpose(0, 1).reshape(heads * items, longest, size)


class GeometricCrossAttention(nn.Module):
    """Multi-head attention from one modality to the other, biased and gated by the pair geometry.

    ``score_ij = q_i . k_j / sqrt(d) + bias_ij``, softmax over the pairs within the cutoff, each weight
    times ``gate_ij`` before it meets the value. A query without any pair takes nothing.

    Args:
        channels: Width of both modalities.
        num_heads: Must divide ``channels``.
        dropout: Rate in the feed-forward layer; the gate includes that of the weights.

    Attributes:
        chunk: Queries of a ligand whose scores are held at once; None holds all. A setting of memory, not of what is
            computed.
    """

    chunk: int | None = None

    def __init__(self, channels: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f"hidden_channels ({channels}) must be a multiple of num_heads ({num_heads}).")
        self.num_heads = num_heads
        self.query_norm = nn.LayerNorm(channels)
        self.key_norm = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.out = nn.Linear(channels, channels)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, 2 * channels),
            nn.SiLU(),
            Dropout(dropout),
            nn.Linear(2 * channels, channels),
        )

    def forward(
        self, queries: Tensor, keys: Tensor, grid: PairGrid, bias: Tensor, gate: Tensor, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """One layer.

        Args:
            queries: (N, channels).
            keys: (M, channels), also the values.
            grid: Their pairs.
            bias: (heads, E).
            gate: (heads, E), zero at the cutoff.
            need_weights: Whether to return the weights.

        Returns:
            Queries (N, channels), updated, and on request the weights (E, heads), gates excluded.

        Raises:
            ValueError: If the shapes do not fit together.
        """
        pairs = (self.num_heads, len(grid.cell))
        if bias.shape != pairs or gate.shape != pairs:
            raise ValueError(
                f"Bias {tuple(bias.shape)} or gate {tuple(gate.shape)} does not fit {pairs[0]} heads, {pairs[1]} pairs."
            )
        heads, size = self.num_heads, queries.shape[1] // self.num_heads
        query = self.query(self.query_norm(queries)) / math.sqrt(size)
        key_value = self.key_value(self.key_norm(keys))
        whole = self.chunk is None or self.chunk >= grid.max_queries
        if whole and queries.device.type == "cpu" and torch.is_grad_enabled():
            mixed, found = _PairAttention.apply(query.to(bias.dtype), key_value.to(bias.dtype), bias, gate, grid)
            mixed, weights = mixed.to(query.dtype), found.t() if need_weights else None
        else:
            key, value = grid.pad_keys(key_value, heads).chunk(2, dim=-1)
            blocks, weights = self._mix(grid.pad_queries(query, heads), key, value, grid, bias, gate, need_weights)
            mixed = grid.strip_queries(blocks, heads)
        queries = queries + self.out(mixed)
        return queries + self.feed_forward(queries), weights

    def _mix(
        self, query: Tensor, key: Tensor, value: Tensor, grid: PairGrid, bias: Tensor, gate: Tensor, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Mixed values (heads * items, max_queries, size), and on request the weights (E, heads)."""
        if self.chunk is None or self.chunk >= grid.max_queries:
            mixed, weights = _attend(query, key, value, bias, gate, grid, need_weights)
            return mixed, None if weights is None else weights.t()
        parts: list[Tensor] = []
        total: Tensor | None = None
        for start in range(0, grid.max_queries, self.chunk):
            stop = min(start + self.chunk, grid.max_queries)
            given = (query[:, start:stop], key, value, bias, gate, grid.chunk(start, stop), need_weights)
            if torch.is_grad_enabled():
                # Nothing random is drawn in it, so that no state has to be kept for the second time.
                mixed, weights = checkpoint(_attend, *given, use_reentrant=False, preserve_rng_state=False)
            else:
                mixed, weights = _attend(*given)
            parts.append(mixed)
            if weights is not None:
                total = weights if total is None else total + weights
        return torch.cat(parts, dim=1), None if total is None else total.t()


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor,
    gate: Tensor,
    grid: PairGrid | PairChunk,
    need_weights: bool,
) -> tuple[Tensor, Tensor | None]:
    """Mixed values of the queries of a grid, or of a part of it, and on request the weights (heads, E)."""
    scores = torch.baddbmm(grid.spread(bias, _MASKED), query, key.transpose(1, 2))
    weights = scores.softmax(dim=-1)
    mixed = torch.bmm(weights * grid.spread(gate, 0.0), value)
    return mixed, grid.collect(weights, len(bias)) if need_weights else None


class _PairAttention(torch.autograd.Function):
    """As ``_attend``, for training on a CPU: a sixth of the cells of a block are pairs; only those are computed with.

    Cells without a pair hold zero when they meet keys, values or gradients, so that nothing has to be masked, and what
    a slot without a node holds does not matter.
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key_value: Tensor, bias: Tensor, gate: Tensor, grid: PairGrid
    ) -> tuple[Tensor, Tensor]:
        """query (N, channels), key_value (M, 2 * channels), bias and gate (heads, E) -> mixed (N, channels), weights
        (heads, E)."""
        heads = len(bias)
        weights, mixed = torch.zeros_like(bias), torch.zeros_like(query)
        if len(grid.cell):
            layout = _HeadRows.of(grid, heads)
            with full_precision(query):
                key, value = layout.pad_keys(key_value).chunk(2, dim=-1)
                scores = grid.collect(torch.bmm(layout.pad_queries(query), key.transpose(1, 2)), heads).add_(bias)
                weights = _softmax(scores, grid.pair_slot, grid.items * grid.max_queries)
                mixed = layout.strip_queries(torch.bmm(grid.spread(weights * gate, 0.0), value))
            ctx.layout = layout
        ctx.grid = grid
        ctx.save_for_backward(query, key_value, gate, weights)
        ctx.mark_non_differentiable(weights)
        return mixed, weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        query, key_value, gate, weights = ctx.saved_tensors
        grid, heads = ctx.grid, len(gate)
        if not len(grid.cell):
            zeros = torch.zeros_like
            return zeros(query), zeros(key_value), zeros(gate), zeros(gate), None
        layout = ctx.layout
        with full_precision(query):
            of_mixed = layout.pad_queries(gradients[0])
            key, value = layout.pad_keys(key_value).chunk(2, dim=-1)
            of_value = torch.bmm(grid.spread(weights * gate, 0.0).transpose(1, 2), of_mixed)
            of_gate = grid.collect(torch.bmm(of_mixed, value.transpose(1, 2)), heads).mul_(weights)
            of_scores = of_gate * gate
            total = of_scores.new_zeros(heads, grid.items * grid.max_queries).index_add_(1, grid.pair_slot, of_scores)
            of_scores.addcmul_(weights, total.index_select(1, grid.pair_slot), value=-1.0)
            cells = grid.spread(of_scores, 0.0)
            of_query = layout.strip_queries(torch.bmm(cells, key))
            of_key = torch.bmm(cells.transpose(1, 2), layout.pad_queries(query))
            of_key_value = layout.strip_keys(torch.cat([of_key, of_value], dim=-1))
        return of_query, of_key_value, of_scores, of_gate, None


def _softmax(scores: Tensor, slot: Tensor, slots: int) -> Tensor:
    """Softmax of scores (heads, E) over the pairs of one slot (E,)."""
    top = scores.new_full((len(scores), slots), -torch.inf).scatter_reduce_(1, slot.expand_as(scores), scores, "amax")
    raised = (scores - top.index_select(1, slot)).exp_()
    total = raised.new_zeros(len(scores), slots).index_add_(1, slot, raised)
    return raised.div_(total.index_select(1, slot))


@dataclass(frozen=True, eq=False)
class _HeadRows:
    """Rows of nodes, cut into one part a head, in blocks, and of blocks in nodes.

    Attributes:
        grid: The blocks.
        heads: Parts of a node.
        query_part, key_part: (heads * items * longest,) part of a node for each row of the blocks; any, where none is.
        query_row, key_row: (nodes * heads,) row of the blocks for each part.
    """

    grid: PairGrid
    heads: int
    query_part: Tensor
    key_part: Tensor
    query_row: Tensor
    key_row: Tensor

    @staticmethod
    def of(grid: PairGrid, heads: int) -> _HeadRows:
        """The layout of a grid."""
        queries, keys = grid.items * grid.max_queries, grid.items * grid.max_keys
        return _HeadRows(
            grid,
            heads,
            _parts(grid.query_slot, queries, heads),
            _parts(grid.key_slot, keys, heads),
            _rows(grid.query_slot, queries, heads),
            _rows(grid.key_slot, keys, heads),
        )

    def pad_queries(self, nodes: Tensor) -> Tensor:
        """(N, heads * size) -> (heads * items, max_queries, size)."""
        return self._pad(nodes, self.query_part, self.grid.max_queries)

    def pad_keys(self, nodes: Tensor) -> Tensor:
        """(M, heads * size) -> (heads * items, max_keys, size)."""
        return self._pad(nodes, self.key_part, self.grid.max_keys)

    def strip_queries(self, blocks: Tensor) -> Tensor:
        """The reverse of ``pad_queries``."""
        return self._strip(blocks, self.query_row)

    def strip_keys(self, blocks: Tensor) -> Tensor:
        """The reverse of ``pad_keys``."""
        return self._strip(blocks, self.key_row)

    def _pad(self, nodes: Tensor, part: Tensor, longest: int) -> Tensor:
        size = nodes.shape[1] // self.heads
        return nodes.reshape(-1, size).index_select(0, part).view(self.heads * self.grid.items, longest, size)

    def _strip(self, blocks: Tensor, row: Tensor) -> Tensor:
        size = blocks.shape[-1]
        return blocks.reshape(-1, size).index_select(0, row).view(-1, self.heads * size)


def _parts(slot: Tensor, slots: int, heads: int) -> Tensor:
    """(heads * slots,) the part of a node in each slot, of one head after the other."""
    node = slot.new_zeros(slots).index_copy_(0, slot, torch.arange(len(slot), device=slot.device))
    return (node * heads + torch.arange(heads, device=slot.device).unsqueeze(1)).flatten()


def _rows(slot: Tensor, slots: int, heads: int) -> Tensor:
    """(nodes * heads,) the slot of each part of a node, as ``_parts`` counts them."""
    return (slot.unsqueeze(1) + torch.arange(heads, device=slot.device) * slots).flatten()

"""Geometric cross-attention: ligand atoms and pocket residues attend to each other."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_MASKED = -1e4


class GeometricCrossAttention(nn.Module):
    """Multi-head attention from one modality to the other, biased and gated by the pair geometry.

    ``score_ij = q_i . k_j / sqrt(d) + bias_ij``, softmax over the pairs within the cutoff, each weight
    times ``gate_ij`` before it meets the value. A query without any pair takes nothing.

    Args:
        channels: Of both modalities.
        num_heads: Must divide ``channels``.
        dropout: In the feed-forward layer; that on the weights comes with the gate.
    """

    def __init__(self, channels: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f"hidden_channels ({channels}) must be a multiple of num_heads ({num_heads})")
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
            nn.Dropout(dropout),
            nn.Linear(2 * channels, channels),
        )

    def forward(
        self, queries: Tensor, keys: Tensor, bias: Tensor, gate: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One layer.

        Args:
            queries: (B, N, channels). keys: (B, M, channels), also the values.
            bias: (B, heads, N, M). gate: (B, heads, N, M), zero outside the cutoff.
            mask: (B, N, M) bool, True where the pair is within the cutoff.

        Returns:
            Queries (B, N, channels), updated, and the weights (B, heads, N, M), gates excluded.

        Raises:
            ValueError: If the shapes do not fit together.
        """
        items, rows, channels = queries.shape
        columns = keys.shape[1]
        if bias.shape != (items, self.num_heads, rows, columns) or mask.shape != (items, rows, columns):
            raise ValueError(
                f"bias {tuple(bias.shape)} or mask {tuple(mask.shape)} does not fit queries {tuple(queries.shape)} "
                f"and keys {tuple(keys.shape)} with {self.num_heads} heads"
            )
        size = channels // self.num_heads
        query = self.query(self.query_norm(queries)).view(items, rows, self.num_heads, size).transpose(1, 2)
        key, value = self.key_value(self.key_norm(keys)).view(items, columns, self.num_heads, 2 * size).transpose(
            1, 2
        ).chunk(2, dim=-1)
        scores = query @ key.transpose(-1, -2) / math.sqrt(size) + bias
        scores = scores.masked_fill(~mask.unsqueeze(1), _MASKED)
        weights = scores.softmax(dim=-1) * mask.unsqueeze(1)  # a row without a pair becomes zero, not uniform
        mixed = (weights * gate) @ value  # (B, heads, N, size)
        queries = queries + self.out(mixed.transpose(1, 2).reshape(items, rows, channels))
        return queries + self.feed_forward(queries), weights


def pad(nodes: Tensor, slot: Tensor, items: int, longest: int) -> Tensor:
    """Concatenated nodes (n, channels) -> (items, longest, channels), zeros elsewhere."""
    padded = nodes.new_zeros(items * longest, nodes.shape[-1])
    return padded.index_copy(0, slot, nodes).view(items, longest, -1)


def scatter_pairs(values: Tensor, slot: Tensor, items: int, rows: int, columns: int) -> Tensor:
    """Pair values (E, heads) -> (items, heads, rows, columns), zeros elsewhere."""
    dense = values.new_zeros(items * rows * columns, values.shape[-1])
    return dense.index_copy(0, slot, values).view(items, rows, columns, -1).permute(0, 3, 1, 2)

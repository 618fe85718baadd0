"""Geometric cross-attention: ligand atoms and pocket residues attend to each other.

Attention runs over the list of pairs within the cutoff, about a tenth of all atom-residue pairs of a
pocket: memory and time grow with the contacts, not with ligand times pocket, and nothing is padded.
"""

from __future__ import annotations

import math

from torch import Tensor, nn


def pair_softmax(scores: Tensor, row: Tensor, count: int) -> Tensor:
    """Softmax of pair scores over the pairs that share a row.

    Args:
        scores: (E, heads).
        row: (E,) query of each pair.
        count: Number of queries.

    Returns:
        (E, heads); sums to one over each row that has a pair.
    """
    index = row.unsqueeze(-1).expand_as(scores)
    largest = scores.new_full((count, scores.shape[1]), float("-inf")).scatter_reduce(0, index, scores.detach(), "amax")
    weights = (scores - largest[row]).exp()
    total = weights.new_zeros(count, scores.shape[1]).index_add_(0, row, weights)
    return weights / total[row]


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
        self, queries: Tensor, keys: Tensor, pair_query: Tensor, pair_key: Tensor, bias: Tensor, gate: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One layer.

        Args:
            queries: (N, channels). keys: (M, channels), also the values.
            pair_query: (E,) row of queries. pair_key: (E,) row of keys.
            bias: (E, heads). gate: (E, heads), zero at the cutoff.

        Returns:
            Queries (N, channels), updated, and the weights (E, heads), gates excluded.

        Raises:
            ValueError: If the shapes do not fit together.
        """
        pairs = (len(pair_query), self.num_heads)
        if bias.shape != pairs or gate.shape != pairs:
            raise ValueError(
                f"bias {tuple(bias.shape)} or gate {tuple(gate.shape)} does not fit {pairs[0]} pairs, {pairs[1]} heads"
            )
        count, channels = queries.shape
        size = channels // self.num_heads
        query = self.query(self.query_norm(queries)).view(count, self.num_heads, size)
        key, value = self.key_value(self.key_norm(keys)).view(len(keys), self.num_heads, 2 * size).chunk(2, dim=-1)
        scores = (query[pair_query] * key[pair_key]).sum(-1) / math.sqrt(size) + bias
        weights = pair_softmax(scores, pair_query, count)
        messages = (weights * gate).unsqueeze(-1) * value[pair_key]  # (E, heads, size)
        mixed = messages.new_zeros(count, channels).index_add_(0, pair_query, messages.flatten(1))
        queries = queries + self.out(mixed)
        return queries + self.feed_forward(queries), weights

"""The two encoders. They never see each other: what depends on both is in ``geometry`` and ``cross_attention``."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from binding.constants import RESIDUE_TYPES
from binding.graph.batch import Batch, Molecules, Pockets
from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, RESIDUE_SCALARS
from binding.model.layers.contacts import Near, Reach, Round
from binding.model.layers.dropout import Dropout
from binding.model.layers.harmonics import DEGREES_1_AND_2, VectorLinear, both_degrees, first_degree
from binding.model.layers.messages import sum_messages
from binding.model.layers.precision import full_precision
from binding.model.layers.radial import GaussianBasis, envelope


class CategoryEmbedding(nn.Module):
    """Sum of one learned vector for each column of categories.

    Args:
        sizes: Number of values of each column.
        channels: Length of the vectors.
    """

    offsets: Tensor

    def __init__(self, sizes: tuple[int, ...], channels: int) -> None:
        super().__init__()
        starts = torch.tensor([0, *sizes[:-1]]).cumsum(0)
        self.register_buffer("offsets", starts, persistent=False)
        self.table = nn.EmbeddingBag(sum(sizes), channels, mode="sum")
        nn.init.normal_(self.table.weight, std=len(sizes) ** -0.5)

    def forward(self, categories: Tensor) -> Tensor:
        """(n, columns) int64 -> (n, channels)."""
        rows = categories + self.offsets
        if not torch.is_grad_enabled():
            return self.table(rows)
        # As a matrix product, whose gradient is one too: that of the look-up takes three times as long.
        chosen = self.table.weight.new_zeros(rows.shape[0], self.table.num_embeddings)
        with full_precision(chosen):
            return chosen.scatter_(1, rows, 1.0) @ self.table.weight


def mlp(inputs: int, hidden: int, outputs: int, dropout: float = 0.0) -> nn.Sequential:
    """Two linear layers with SiLU between."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), Dropout(dropout), nn.Linear(hidden, outputs))


class BondConvolution(nn.Module):
    """One round of messages along bonds, pre-norm and residual."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.source = nn.Linear(channels, channels)
        self.update = mlp(2 * channels, 2 * channels, channels, dropout)

    def forward(self, nodes: Tensor, edge_index: Tensor, edges: Tensor) -> Tensor:
        """Nodes (n, channels), edge_index (2, e), edges (e, channels) -> nodes."""
        normed = self.norm(nodes)
        messages = nn.functional.silu(self.source(normed).index_select(0, edge_index[0]) + edges)
        total = torch.zeros_like(nodes).index_add_(0, edge_index[1], messages)
        return nodes + self.update(torch.cat([normed, total], dim=-1))

    def forward_part(self, nodes: Tensor, part: Round, features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The rows ``part.rows`` alone; the edges are given as features (e, size) and the layer (weight, bias) on them.

        Returns:
            (len(part.rows), channels).
        """
        normed = self.norm(nodes)
        total = sum_messages(self.source(normed), features, weight, bias, part.source, part.target, len(part.rows))
        update = self.update(torch.cat([normed.index_select(0, part.rows), total.to(normed.dtype)], dim=-1))
        return nodes.index_select(0, part.rows) + update


class MoleculeEncoder(nn.Module):
    """Atoms of the bond graph -> scalars, from the 2D structure alone."""

    def __init__(self, channels: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        self.atoms = CategoryEmbedding(tuple(ATOM_CATEGORIES.values()), channels)
        self.bonds = CategoryEmbedding(tuple(BOND_CATEGORIES.values()), channels)
        self.layers = nn.ModuleList(BondConvolution(channels, dropout) for _ in range(num_layers))

    def forward(self, batch: Molecules) -> Tensor:
        """Molecules -> (A, channels)."""
        return self.propagate(self.atoms(batch.atom_categories), batch.bond_index, batch.bond_categories)

    def propagate(self, nodes: Tensor, bond_index: Tensor, bond_categories: Tensor) -> Tensor:
        """Messages between atoms that are embedded, or in pre-training masked: (A, channels) -> (A, channels)."""
        edges = self.bonds(bond_categories)
        for layer in self.layers:
            nodes = layer(nodes, bond_index, edges)
        return nodes


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Ordered pairs of atoms of one ligand within a cutoff; the same for every network of an ensemble.

    Attributes:
        source, target: (edges,) atoms.
        radial: (edges, 12) distance in Gaussians.
        line: (edges, 3) direction from target to source, fading out at the cutoff.
    """

    source: Tensor
    target: Tensor
    radial: Tensor
    line: Tensor


class DirectionEncoder(nn.Module):
    """Gives each ligand atom learned directions: l = 1 vectors, equivariant under rotation and reflection.

    A vector is the sum, over the ligand's atoms within the cutoff, of their unit direction weighted by a
    learned function of both atoms and the distance; channels are then mixed linearly.

    Args:
        channels: Width of the scalars.
        vector_channels: Number of vectors for each atom.
        cutoff: Å, within the ligand.
    """

    def __init__(self, channels: int, vector_channels: int, cutoff: float = 5.0) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.vector_channels = vector_channels
        self.basis = GaussianBasis(0.8, cutoff, 12)
        self.source = nn.Linear(channels, vector_channels)
        self.target = nn.Linear(channels, vector_channels)
        self.radial = nn.Linear(12, vector_channels)
        self.mix = VectorLinear(vector_channels)
        self.invariants = nn.Linear(vector_channels, channels)

    def neighbours(self, batch: Batch, near: Near) -> Neighbours:
        """The neighbours of each atom, which depend on the poses alone, not on learned parameters."""
        source, target = near.source, near.target
        line = batch.atom_positions.index_select(0, source) - batch.atom_positions.index_select(0, target)
        line = line.to(batch.dtype)
        distance = line.norm(dim=-1).clamp_min(1e-3)
        fade = envelope(distance, self.cutoff - 1.5, self.cutoff).unsqueeze(-1)
        return Neighbours(source, target, self.basis(distance), first_degree(line) * fade)

    def forward(self, nodes: Tensor, near: Neighbours) -> tuple[Tensor, Tensor]:
        """Scalars (A, channels) -> scalars with the vectors' lengths added, and vectors (A, vector_channels, 3)."""
        weight = self.source(nodes).index_select(0, near.source) + self.target(nodes).index_select(0, near.target)
        weight = torch.tanh(weight) * self.radial(near.radial)
        messages = (weight.unsqueeze(-1) * near.line.unsqueeze(1)).flatten(1)  # (edges, vector_channels * 3)
        vectors = nodes.new_zeros(len(nodes), self.vector_channels * 3).index_add_(0, near.target, messages)
        vectors = self.mix(vectors.view(len(nodes), self.vector_channels, 3))
        lengths = (vectors.square().sum(-1) + 1e-6).sqrt()
        return nodes + self.invariants(lengths), vectors / (1.0 + lengths).unsqueeze(-1)


class PocketEncoder(nn.Module):
    """Residues -> scalars, by messages between neighbouring residues.

    Edges carry the distance of the anchors, the place along the chain, and (with angles) the direction and
    orientation of one residue's frame in the other's.
    """

    def __init__(self, channels: int, num_layers: int, dropout: float, angles: bool = True) -> None:
        super().__init__()
        self.angles = angles
        self.types = nn.Embedding(len(RESIDUE_TYPES), channels)
        self.scalars = nn.Linear(len(RESIDUE_SCALARS), channels)
        self.basis = GaussianBasis(3.0, 14.0, 12)
        self.offsets = nn.Embedding(8, channels)
        self.edges = nn.Linear(12 + (DEGREES_1_AND_2 + 9 if angles else 0), channels)
        self.layers = nn.ModuleList(BondConvolution(channels, dropout) for _ in range(num_layers))

    def forward(self, batch: Pockets, reach: Reach | None = None) -> Tensor:
        """Pockets -> (R, channels).

        Args:
            batch: The pockets.
            reach: What is computed: the states of residues that no ligand meets are then zero.
        """
        types, scalars = batch.residue_types, batch.residue_scalars
        if reach is not None:
            types, scalars = types.index_select(0, reach.residues), scalars.index_select(0, reach.residues)
        return self.propagate(self.types(types) + self.scalars(scalars), batch, reach)

    def propagate(self, nodes: Tensor, batch: Pockets, reach: Reach | None = None) -> Tensor:
        """Messages between residues that are embedded, or in pre-training masked.

        Args:
            nodes: (R, channels), or (len(reach.residues), channels).
            batch: The pockets.
            reach: As in ``forward``.

        Returns:
            (R, channels).
        """
        features = self._edge_features(batch, None if reach is None else reach.edges)
        # The offset's embedding is a matrix product too, with a column for each value.
        weight = torch.cat([self.edges.weight, self.offsets.weight.t()], dim=1)
        rounds = (Round.whole(batch),) * len(self.layers) if reach is None else reach.rounds
        for number, (layer, part) in enumerate(zip(self.layers, rounds, strict=True)):
            assert isinstance(layer, BondConvolution)
            chosen = features if number == 0 or reach is None else features.index_select(0, part.edge)
            nodes = layer.forward_part(nodes, part, chosen, weight, self.edges.bias)
        if reach is None:
            return nodes
        return nodes.new_zeros(len(batch.anchors), nodes.shape[1]).index_copy(0, reach.met, nodes)

    def _edge_features(self, batch: Pockets, rows: Tensor | None) -> Tensor:
        """(e, size) of all edges of a batch, or of some."""
        edges, offset = batch.residue_edges, batch.residue_edge_offset
        if rows is not None:
            edges, offset = edges.index_select(1, rows), offset.index_select(0, rows)
        source, target = edges
        line = batch.anchors.index_select(0, source) - batch.anchors.index_select(0, target)
        features = [self.basis(line.norm(dim=-1))]
        if self.angles:
            frames = batch.frames.index_select(0, target)
            features.append(both_degrees(torch.einsum("eij,ej->ei", frames, line)))
            turned = torch.bmm(frames, batch.frames.index_select(0, source).transpose(1, 2))
            features.append(turned.flatten(1))
        values = torch.arange(self.offsets.num_embeddings, device=offset.device)
        features.append((offset.unsqueeze(-1) == values).to(line.dtype))
        return torch.cat(features, dim=-1)

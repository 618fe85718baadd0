"""Attention with labels: learned weights of the networks, and the fixed heads of the geometry expert.

A learned weight says where information flows from, not how much pk depends on it; ``agreement`` compares the two. A
head of the geometry expert looks at one class of protein atoms, with a weight that depends on distance alone, and sums;
what it adds to pk is known exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from binding.explanation.contributions import Contributions
from binding.graph.fields import ComplexGraph
from binding.model.ensemble import Scorer
from binding.model.geometric_sums import HEADS

#: Of ``AttentionMaps.weights``, in its order; each name says from where to where.
DIRECTIONS: Final = ("atoms to residues", "residues to atoms")


@dataclass(frozen=True, eq=False)
class AttentionMaps:
    """Attention of one complex: n ligand atoms, k residues within the networks' cutoff.

    Attributes:
        atom_labels: (n) such as ``C12``.
        residue_labels: (k) such as ``A:ASP:25``.
        in_reach: (n, k) bool, the pairs within the cutoff; weights are zero elsewhere.
        weights: (networks, layers, 2, heads, n, k) float32, directions as in ``DIRECTIONS``. In the first each atom's
            weights add up to one over the residues, in the second each residue's over the atoms; those of an atom that
            reaches no residue are zero.
        in_pk: What the networks' number is multiplied by in pk; with 0 they answer for ``pose`` alone.
    """

    atom_labels: tuple[str, ...]
    residue_labels: tuple[str, ...]
    in_reach: np.ndarray
    weights: np.ndarray
    in_pk: float = 1.0

    def map(
        self, direction: int, layer: int | None = None, head: int | None = None, member: int | None = None
    ) -> np.ndarray:
        """(n, k) weights of one direction, averaged over whatever is not chosen; zero where there are no layers."""
        picked = self.weights[:, :, direction]
        for axis, choice in ((2, head), (1, layer), (0, member)):
            if choice is not None:
                picked = picked.take([choice], axis=axis)
        if not picked.size:
            return np.zeros(self.in_reach.shape)
        return picked.mean(axis=(0, 1, 2), dtype=np.float64)

    def mean(self) -> np.ndarray:
        """(2, n, k) weights of both directions, averaged over networks, layers and heads."""
        return np.stack([self.map(direction) for direction in range(len(DIRECTIONS))])

    def rollout(self) -> np.ndarray:
        """(2, n, k) attention through all layers, each node keeping half of itself a layer, as its residual does.

        From Abnar & Zuidema 2020 (doi:10.18653/v1/2020.acl-main.385), on atoms and residues as nodes of one graph. As
        there, heads are averaged first; the mean over the networks is taken last. The first of the two holds how much
        of each residue an atom has seen, the second how much of each atom a residue has seen.
        """
        atoms, residues = self.in_reach.shape
        total = np.zeros((len(self.weights), atoms + residues, atoms + residues))
        for number, network in enumerate(self.weights.mean(axis=3, dtype=np.float64)):
            through = np.eye(atoms + residues)
            for to_residues, to_atoms in network:
                layer = np.zeros_like(through)
                layer[:atoms, atoms:], layer[atoms:, :atoms] = to_residues, to_atoms.T
                # A node that reaches nothing keeps all of itself.
                layer = 0.5 * layer + np.diag(1.0 - 0.5 * layer.sum(axis=1))
                through = layer @ through
            total[number] = through
        mean = total.mean(axis=0)
        return np.stack([mean[:atoms, atoms:], mean[atoms:, :atoms].T])

    def entropy(self) -> np.ndarray:
        """(networks, layers, 2, heads) mean entropy of the weights over that of even ones.

        1 is attention that does not choose, 0 attention to one partner alone. Queries with fewer than two partners
        stay out; NaN where there is no other.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            inner = np.where(self.weights > 0.0, -self.weights * np.log(self.weights), 0.0)
            both = []
            for direction, axis in enumerate((-1, -2)):
                partners = self.in_reach.sum(axis=axis)
                choosing = partners > 1
                entropy = inner[:, :, direction].sum(axis=axis, dtype=np.float64)[..., choosing]
                share = entropy / np.log(partners[choosing])
                both.append(share.mean(axis=-1) if choosing.any() else np.full(share.shape[:-1], np.nan))
        return np.stack(both, axis=2)

    def by_residue(self) -> np.ndarray:
        """(k,) attention that each residue gets from all atoms, averaged over networks, layers and heads."""
        return self.map(0).sum(axis=0)

    def by_atom(self) -> np.ndarray:
        """(n,) attention that each atom gets from all residues, averaged over networks, layers and heads."""
        return self.map(1).sum(axis=1)


@dataclass(frozen=True, eq=False)
class HeadMaps:
    """The fixed heads of the geometry expert in one complex: n ligand atoms, k residues in reach.

    Attributes:
        heads: Names of the heads: classes of protein atoms, then what does not go by these.
        atom_labels: (n) such as ``C12``.
        residue_labels: (k) such as ``A:ASP:25``.
        weights: (classes, n, k) protein atoms of each class that an atom meets in a residue, each counted by the
            weight of its distance: the attention of the heads that have a class.
        pk: (heads, n, k) pK, what each head adds to pk; with the networks' they add up to the contributions of the
            pairs.
    """

    heads: tuple[str, ...]
    atom_labels: tuple[str, ...]
    residue_labels: tuple[str, ...]
    weights: np.ndarray
    pk: np.ndarray


def heads_of(found: Contributions, atom_labels: Sequence[str], residue_labels: Sequence[str]) -> HeadMaps | None:
    """The maps of the fixed heads; None for a model without a geometry expert.

    Args:
        found: The contributions of a complex.
        atom_labels: Of all ligand atoms.
        residue_labels: (k) of its residues in reach.
    """
    if not len(found.heads):
        return None
    weights, pk = (np.zeros((len(each), len(atom_labels), len(residue_labels))) for each in (found.counts, found.heads))
    weights[:, found.pair_atom, found.pair_residue] = found.counts
    pk[:, found.pair_atom, found.pair_residue] = found.heads
    return HeadMaps(HEADS, tuple(atom_labels), tuple(residue_labels), weights, pk)


def attention_of(
    graph: ComplexGraph, scorer: Scorer, atom_labels: Sequence[str], residue_labels: Sequence[str]
) -> AttentionMaps:
    """The attention of every network of a model.

    Args:
        graph: The complex.
        scorer: The model.
        atom_labels: Of all ligand atoms.
        residue_labels: Of all residues of the pocket.
    """
    _, geometry, outputs = scorer.outputs(graph, need_attention=True)
    contacts, config = geometry.contacts, scorer.members[0].interaction.config
    atom = contacts.pair_atom.cpu().numpy()
    rows, column = np.unique(contacts.pair_residue.cpu().numpy(), return_inverse=True)
    shape = (graph.ligand.num_atoms, len(rows))
    in_reach = np.zeros(shape, dtype=bool)
    in_reach[atom, column] = True
    weights = np.zeros((len(outputs), config.num_layers, len(DIRECTIONS), config.num_heads, *shape), dtype=np.float32)
    for number, output in enumerate(outputs):
        for layer, directions in enumerate(output.attention or []):
            pairs = torch.stack(directions).float().cpu().numpy()  # (2, pairs, heads)
            weights[number, layer][:, :, atom, column] = pairs.transpose(0, 2, 1)
    labels = tuple(residue_labels[row] for row in rows.tolist())
    return AttentionMaps(tuple(atom_labels), labels, in_reach, weights, in_pk=scorer.line.network)

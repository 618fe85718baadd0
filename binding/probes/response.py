"""What a model says of one complex, in a form that can be compared with what it says after a change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from binding.explanation.attention import AttentionMaps, attention_of
from binding.explanation.contributions import contributions_of
from binding.graph.batch import collate
from binding.graph.fields import ComplexGraph
from binding.model.ensemble import Scorer
from binding.structures import Protein

_LEAST = 1e-9  # pK in all; below it there is nothing that could move


@dataclass(frozen=True, eq=False)
class Response:
    """What a model says of one complex.

    Attributes:
        pk: pK.
        network: What the networks say by themselves, pK, whatever weight that has in pk.
        prior: The prior's part of it; 0 where the weights have none.
        geometry: The geometry expert's part of it; 0 where the weights have none.
        pose: Probability that the pose is near-native.
        contributions: pK of each residue in reach, by its label.
        gradients: Gradient of ``network`` times the encoded states of each residue of the pocket, pK, by its label.
        attention: The weights.
    """

    pk: float
    network: float
    prior: float
    geometry: float
    pose: float
    contributions: dict[str, float]
    gradients: dict[str, float]
    attention: AttentionMaps


@dataclass(frozen=True)
class Moved:
    """How much of something went elsewhere, 0 (nothing) to 1 (all); NaN where there was nothing before and after.

    The total variation between what it was and is, each scaled to a sum of one.

    Attributes:
        attention: Weights: the mean over networks, layers, heads, directions and all that attend.
        contributions: Sizes of the contributions of residues.
        gradients: Sizes of the gradients of residues.
    """

    attention: float
    contributions: float
    gradients: float


def response_of(graph: ComplexGraph, pocket: Protein, scorer: Scorer) -> Response:
    """What a model says of a complex.

    Args:
        graph: The complex.
        pocket: Its pocket, in the graph's order.
        scorer: The model.
    """
    labels = pocket.residue_ids
    atoms = [str(number) for number in range(1, graph.ligand.num_atoms + 1)]
    found = contributions_of(graph, scorer)
    residues = [labels[row] for row in found.pocket_rows.tolist()]
    prior, geometry = float(sum(found.prior.values())), float(sum(found.geometry.values()))
    scores = scorer.score([graph])
    return Response(
        pk=float(scores.pk[0]),
        network=float(np.mean([output.pk.item() for output in scorer.outputs(graph)[2]])),
        prior=prior,
        geometry=geometry,
        pose=float(scores.pose[0]),
        contributions=dict(zip(residues, found.residues.pk.tolist(), strict=True)),
        gradients=dict(zip(labels, _gradients(graph, scorer).tolist(), strict=True)),
        attention=attention_of(graph, scorer, atoms, labels),
    )


def moved(before: Response, after: Response) -> Moved:
    """How much went elsewhere between two responses to complexes of one ligand."""
    return Moved(
        attention=_attention_moved(before.attention, after.attention),
        contributions=_spread_moved(before.contributions, after.contributions),
        gradients=_spread_moved(before.gradients, after.gradients),
    )


def _gradients(graph: ComplexGraph, scorer: Scorer) -> np.ndarray:
    """(residues,) pK, gradient of the networks' pK by the states of each residue times these states, averaged."""
    batch = collate([graph], scorer.dtype).to(scorer.device)
    total = np.zeros(graph.pocket.num_residues)
    for member in scorer.members:
        network = member.interaction
        with torch.no_grad():
            geometry = network.measure(batch)
            atoms, vectors = network.encode_ligand(batch, geometry)
            states = network.encode_pocket(batch)
        states = states.clone().requires_grad_(True)
        with torch.enable_grad():
            pk = network.interact(batch, geometry, atoms, vectors, states).pk.sum()
            # Where no residue is in reach, pk does not hang on the states.
            (gradient,) = torch.autograd.grad(pk, states, allow_unused=True) if pk.requires_grad else (None,)
        if gradient is not None:
            total += (gradient * states).sum(-1).detach().double().cpu().numpy()
    return total / len(scorer.members)


def _spread_moved(before: dict[str, float], after: dict[str, float]) -> float:
    labels = sorted({*before, *after})
    sizes = [np.abs([values.get(label, 0.0) for label in labels]) for values in (before, after)]
    sums = [float(size.sum()) for size in sizes]
    if max(sums, default=0.0) < _LEAST:
        return float("nan")
    if min(sums) < _LEAST:
        return 1.0
    return 0.5 * float(np.abs(sizes[0] / sums[0] - sizes[1] / sums[1]).sum())


def _attention_moved(before: AttentionMaps, after: AttentionMaps) -> float:
    """Of attention maps of one ligand, whose residues may differ."""
    labels = sorted({*before.residue_labels, *after.residue_labels})
    old, new = (_aligned(maps, labels) for maps in (before, after))
    if old.shape != new.shape or not old.size:
        return float("nan")
    parts = []
    for direction, axis in ((0, -1), (1, -2)):  # what each atom looks at, and what each residue looks at
        was, now = old[:, :, direction], new[:, :, direction]
        sums = was.sum(axis), now.sum(axis)
        attends = (sums[0] > 0.0) | (sums[1] > 0.0)
        # One that attends on one side only has moved all it had.
        distance = 0.5 * (np.abs(was - now).sum(axis) + np.abs(sums[0] - sums[1]))
        parts.append(distance[attends])
    moved_by = np.concatenate(parts)
    return float(moved_by.mean()) if moved_by.size else float("nan")


def _aligned(maps: AttentionMaps, labels: Sequence[str]) -> np.ndarray:
    """The weights with their last axis in the order of labels; zero for residues that are out of reach."""
    place = {label: column for column, label in enumerate(maps.residue_labels)}
    padded = np.concatenate([maps.weights, np.zeros_like(maps.weights[..., :1])], axis=-1, dtype=np.float64)
    if not maps.residue_labels:
        padded = np.zeros((*maps.weights.shape[:-1], 1))
    return padded[..., [place.get(label, -1) for label in labels]]

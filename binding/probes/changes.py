"""Changes of a model or of its input, each by itself: the weights and the files stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Final, cast

import numpy as np
import torch
from torch import Tensor, nn

from binding.constants import RESIDUE_TYPES
from binding.graph.fields import ComplexGraph
from binding.graph.pocket import build_pocket_graph
from binding.model.ensemble import Scorer
from binding.model.interaction import CrossAttentionBlock, InteractionModel
from binding.model.kernel_readout import KernelReadout
from binding.model.layers.cross_attention import GeometricCrossAttention
from binding.model.layers.geometry import PairGeometry
from binding.prior.model import Prior, SiteFit
from binding.structures import Protein

#: What can be switched off, and what is left then.
PARTS: Final = {
    "attention": "cross-attention mixes nothing in: atoms and residues keep what their encoders say",
    "attention-bias": "the weights of attention lose their geometric bias: queries and keys alone decide",
    "attention-content": "the weights of attention lose queries and keys: geometry alone decides",
    "attention-choice": "the weights of attention lose both: all partners in reach count alike",
    "angles": "no angle between ligand and protein is read: distances and counts are left",
    "vina": "Vina's terms add nothing",
    "geometry": "the geometry expert says its constant",
    "far-residues": "residues that no ligand atom reaches are removed from the pocket",
    "protein": "the ligand lies far from the protein: what it says alone",
    "prior-site": "the prior does not know the site",
    "prior": "the prior says the mean of all measurements",
}
#: The encoder whose states are scaled, by modality.
MODALITIES: Final = {"ligand": "molecule", "protein": "pocket"}


_FAR: Final = 1000.0  # Å


class Scaled(nn.Module):
    """An encoder whose states are multiplied by a number.

    Args:
        encoder: The encoder.
        factor: The number.
    """

    def __init__(self, encoder: nn.Module, factor: float) -> None:
        super().__init__()
        self.encoder, self.factor = encoder, factor

    def forward(self, *inputs: object) -> Tensor:
        """What the encoder says, scaled."""
        return self.factor * self.encoder(*inputs)


def without(scorer: Scorer, part: str) -> Scorer:
    """The model without one of its ``PARTS``.

    ``protein`` and ``far-residues`` are parts of a complex instead: see ``apart`` and ``near_only``.
    """
    if part in _PRIORS:
        return scorer.with_parts(prior=None if scorer.prior is None else _PRIORS[part](scorer.prior))
    if part == "geometry":
        return scorer.with_parts(geometry=None if scorer.geometry is None else _constant_alone(scorer.geometry))
    return _edited(scorer, _EDITS[part])


def lacking(scorer: Scorer) -> set[str]:
    """The ``PARTS`` that a model does not have."""
    missing = {
        "prior": scorer.prior is None or not scorer.line.prior,
        "prior-site": scorer.prior is None or not scorer.line.prior,
        "geometry": scorer.geometry is None or not scorer.line.geometry,
        "vina": not scorer.config.physics,
        "angles": not scorer.config.angles,
    }
    return {part for part, lacks in missing.items() if lacks}


def scaled(scorer: Scorer, modality: str, factor: float) -> Scorer:
    """The model with the encoded states of one of the ``MODALITIES`` multiplied by a number."""

    def edit(network: InteractionModel) -> None:
        name = MODALITIES[modality]
        setattr(network, name, Scaled(getattr(network, name), factor))

    return _edited(scorer, edit)


def near_only(graph: ComplexGraph, pocket: Protein, reached: np.ndarray) -> tuple[ComplexGraph, Protein]:
    """A complex with those residues of its pocket alone that some ligand atom reaches.

    Args:
        graph: The complex.
        pocket: Its pocket, in the graph's order.
        reached: Rows of these residues; at least one.
    """
    kept = pocket.select(np.isin(np.arange(pocket.num_residues), reached))
    return ComplexGraph(graph.ligand, build_pocket_graph(kept)), kept


def apart(graph: ComplexGraph) -> ComplexGraph:
    """A complex whose ligand lies so far away that it touches nothing."""
    positions = graph.ligand.positions + np.array([_FAR, 0.0, 0.0])
    return ComplexGraph(replace(graph.ligand, positions=positions), graph.pocket)


def planted(graph: ComplexGraph, row: int, residue: str) -> ComplexGraph:
    """A complex in which one residue has the type of another; its atoms stay where and what they are.

    Args:
        graph: The complex.
        row: Row of the residue in the pocket.
        residue: Such as ``ASP``.
    """
    types = graph.pocket.residue_types.copy()
    types[row] = RESIDUE_TYPES.index(residue)
    return ComplexGraph(graph.ligand, replace(graph.pocket, residue_types=types))


def shaken(graph: ComplexGraph, level: float, rng: np.random.Generator) -> ComplexGraph:
    """A complex with noise of a standard deviation (Å) on each coordinate of the ligand."""
    positions = graph.ligand.positions + rng.normal(scale=level, size=graph.ligand.positions.shape)
    return ComplexGraph(replace(graph.ligand, positions=positions), graph.pocket)


# ---------------------------------------------------------------- parts of the networks


def _edited(scorer: Scorer, edit: Callable[[InteractionModel], None]) -> Scorer:
    members = deepcopy(scorer.members)
    with torch.no_grad():
        for member in members:
            edit(member.interaction)
    return scorer.with_parts(members=members)


def _attention_layers(network: InteractionModel) -> list[GeometricCrossAttention]:
    blocks = cast(list[CrossAttentionBlock], list(network.blocks))
    return [layer for block in blocks for layer in (block.ligand, block.protein)]


def _zero(*tensors: Tensor) -> None:
    for tensor in tensors:
        tensor.zero_()


def _no_attention(network: InteractionModel) -> None:
    for layer in _attention_layers(network):
        _zero(layer.out.weight, layer.out.bias)


def _no_bias(network: InteractionModel) -> None:
    half = len(network.bias_gate.weight) // 2  # the biases of all layers and heads come before the gates
    _zero(network.bias_gate.weight[:half], network.bias_gate.bias[:half])


def _no_content(network: InteractionModel) -> None:
    for layer in _attention_layers(network):
        _zero(layer.query.weight, layer.query.bias)


def _no_choice(network: InteractionModel) -> None:
    _no_bias(network)
    _no_content(network)


def _no_angles(network: InteractionModel) -> None:
    config = network.config
    distances = PairGeometry(config.cutoff, config.vector_channels, angles=False).num_scalars
    _zero(network.pair.weight[:, distances:])  # those of angles stand behind


def _no_vina(network: InteractionModel) -> None:
    network.physics = None


_EDITS: Final = {
    "attention": _no_attention,
    "attention-bias": _no_bias,
    "attention-content": _no_content,
    "attention-choice": _no_choice,
    "angles": _no_angles,
    "vina": _no_vina,
}

# ---------------------------------------------------------------- the prior and the geometry expert


def _nowhere(prior: Prior) -> Prior:
    fit = prior.at_site
    rows = np.full(len(fit.row_site), -1)
    return _with_fit(prior, SiteFit(fit.sites, fit.row_ligand, rows, fit.weights, fit.mean))


def _mean_alone(prior: Prior) -> Prior:
    fit = prior.at_site
    return _with_fit(prior, SiteFit(fit.sites, fit.row_ligand, fit.row_site, np.zeros_like(fit.weights), fit.mean))


def _with_fit(prior: Prior, fit: SiteFit) -> Prior:
    return Prior(prior.features, prior.weights, prior.mean, prior.atoms, prior.elements, fit, prior.measured)


def _constant_alone(readout: KernelReadout) -> KernelReadout:
    nothing = np.zeros_like(readout.weights)
    parts = (readout.support, readout.means, readout.scales, nothing, readout.constant)
    return KernelReadout(readout.config, *parts)


_PRIORS: Final = {"prior-site": _nowhere, "prior": _mean_alone}

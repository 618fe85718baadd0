"""The parts of a member: its encoders, what joins them, the readouts, and the twin that sees no protein."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import torch
from torch import Tensor, nn

from binding.config import LearningRates
from binding.model.weights import Member

MEMBER_PARTS: Final = ("ligand_encoder", "pocket_encoder", "cross_attention", "readouts", "ligand_only")

#: Modules of the interaction model; all others, which make pairs and pass them on, are the cross-attention.
_MODULES: Final = {
    "molecule": "ligand_encoder",
    "directions": "ligand_encoder",
    "pocket": "pocket_encoder",
    "readout": "readouts",
    "physics": "readouts",
    "bias": "readouts",
    "ligand_term": "readouts",
    "pose": "readouts",
    "whole": "readouts",
}
_TWIN_ENCODER: Final = "molecule"


def parameters(member: Member) -> dict[str, list[nn.Parameter]]:
    """The parameters of each of ``MEMBER_PARTS``, each in exactly one; the list of the twin is empty without a twin."""
    found: dict[str, list[nn.Parameter]] = {part: [] for part in MEMBER_PARTS}
    for name, parameter in member.interaction.named_parameters():
        found[_MODULES.get(name.partition(".")[0], "cross_attention")].append(parameter)
    if member.ligand_only is not None:
        found["ligand_only"].extend(member.ligand_only.parameters())
    return found


def freeze_all_but_readouts(member: Member) -> None:
    """Leaves only the readouts of the model and of its twin to be trained."""
    for part, tensors in parameters(member).items():
        for parameter in tensors:
            parameter.requires_grad_(part == "readouts")
    if member.ligand_only is not None:
        for name, parameter in member.ligand_only.named_parameters():
            parameter.requires_grad_(name.partition(".")[0] != _TWIN_ENCODER)


def optimizer_groups(member: Member, learning_rate: float, factors: LearningRates) -> list[dict[str, Any]]:
    """Groups of the optimizer: the parameters to be trained, each with its own learning rate."""
    groups: dict[str, list[nn.Parameter]] = {name: [] for name in LearningRates.model_fields}
    for part, tensors in parameters(member).items():
        groups[part if part in groups else "rest"].extend(p for p in tensors if p.requires_grad)
    return [
        {"name": name, "params": tensors, "lr": learning_rate * getattr(factors, name)}
        for name, tensors in groups.items()
        if tensors
    ]


def clip_gradients(member: Member, most: float) -> dict[str, Tensor]:
    """Scales the gradients of each of the two networks down to a norm of ``most``, if theirs is greater.

    Returns:
        The norm of the gradient of each part before that; zero where a part is not trained. No value is read from the
        device.
    """
    tensors = [p for network in _networks(member) for p in network.parameters() if p.grad is not None]
    gradients = [tensor.grad for tensor in tensors if tensor.grad is not None]
    norm_of = dict(zip(map(id, tensors), torch._foreach_norm(gradients), strict=True))
    zero = next(member.parameters()).new_zeros(())

    def norm(parameters: Iterable[nn.Parameter]) -> Tensor:
        found = [norm_of[id(parameter)] for parameter in parameters if id(parameter) in norm_of]
        return torch.linalg.vector_norm(torch.stack(found)) if found else zero

    norms = {part: norm(members) for part, members in parameters(member).items() if members}
    for network in _networks(member):
        own = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        if own:
            factor = (most / (norm(network.parameters()) + 1e-6)).clamp(max=1.0)  # as torch's clip_grad_norm_
            torch._foreach_mul_(own, factor)
    return norms


def _networks(member: Member) -> list[nn.Module]:
    return [network for network in (member.interaction, member.ligand_only) if network is not None]

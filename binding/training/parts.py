"""The parts of a member: its encoders, what joins them, the readouts, and the twin that sees no protein."""

from __future__ import annotations

import math
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


def gradient_norms(member: Member) -> dict[str, Tensor]:
    """The norm of the gradient of each part, before any clipping; zero where a part is not trained."""
    norms = {}
    for part, tensors in parameters(member).items():
        if not tensors:
            continue
        norm = torch.nn.utils.clip_grad_norm_(tensors, math.inf)  # scales by one
        norms[part] = norm.to(tensors[0].device)  # without any gradient it is a zero on the CPU
    return norms

"""Weights that a run starts from, instead of a random initialisation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor

from binding.config import ModelConfig, TrainConfig
from binding.errors import ConfigError
from binding.model.contact_potential import ContactPotential
from binding.model.kernel_readout import KernelReadout
from binding.model.weights import load_model, resolve_weights
from binding.prior.model import Prior

#: What a run may set for itself: neither the tensors nor what they compute depend on it.
_FREE: Final = {"dropout"}
#: What a run may add to weights that lack it; it starts from chance.
_ADDED: Final = {"pose_readout": "pairs"}


@dataclass(frozen=True, eq=False)
class Start:
    """One network of other weights.

    Attributes:
        model: The sizes of the weights, with the dropout and the readouts of the run.
        state: State of the ``Member``.
        origin: Which weights they were, for the card of the run.
        calibration: Calibration from the card of these weights, or empty.
        prior: The prior that their pk starts from, if they have one.
        geometry: The geometry expert that their pk is joined with, if they have one.
        potential: The tables of native contacts that their ``pose`` goes by, if they have them.
    """

    model: ModelConfig
    state: dict[str, Tensor]
    origin: dict[str, Any]
    calibration: dict[str, Any]
    prior: Prior | None = None
    geometry: KernelReadout | None = None
    potential: ContactPotential | None = None


def load_start(config: TrainConfig) -> Start | None:
    """Reads ``config.init``; None where the run starts from a random initialisation.

    The sizes of the model are those of the weights; settings under ``model`` may repeat them.

    Raises:
        WeightsError: There are no such weights.
        ConfigError: They have no such member, or ``model`` asks for other sizes.
    """
    if config.init is None:
        return None
    scorer = load_model(config.init, device="cpu")
    if config.init_member >= len(scorer.members):
        raise ConfigError(
            f"init_member {config.init_member}: {config.init} has {len(scorer.members)} networks.",
            "They count from 0.",
        )
    member = scorer.members[config.init_member]
    held = member.interaction.config
    asked = config.model.model_dump(include=set(config.model.model_fields_set))
    free = {name: value for name, value in asked.items() if name in _FREE or _ADDED.get(name) == value}
    theirs = held.model_dump()
    differs = {name: value for name, value in asked.items() if name not in free and theirs[name] != value}
    if differs:
        told = ", ".join(f"{name} {value} (theirs: {theirs[name]})" for name, value in differs.items())
        raise ConfigError(
            f"model: {told} does not fit the weights {config.init}.",
            "Leave model out: with init, the sizes come from the card of the weights.",
        )
    path, _ = resolve_weights(config.init)
    return Start(
        model=held.model_copy(update=free),
        state=member.state_dict(),
        origin={
            "name": scorer.name,
            "member": config.init_member,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        },
        calibration=dict(scorer.card.get("calibration", {})),
        prior=scorer.prior,
        geometry=scorer.geometry,
        potential=scorer.potential,
    )

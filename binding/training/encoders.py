"""Pre-trained encoders: files that hold one encoder each, and a member that begins with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from binding.config import ModelConfig
from binding.errors import ConfigError, WeightsError, reason_of
from binding.model.layers.encoders import MoleculeEncoder, PocketEncoder
from binding.model.weights import load_card, refuse_other_features, resolve_weights, save_weights

ENCODER: Final = "encoder"  # key of the card that says which encoder a file holds

#: Where each encoder stands in a ``Member``: the twin that sees no protein has a ligand encoder of its own.
_PLACES: Final = {"ligand": ("interaction.molecule.", "ligand_only.molecule."), "pocket": ("interaction.pocket.",)}
#: Sizes that an encoder's tensors, or what they compute, depend on.
_SIZES: Final = {
    "ligand": ("hidden_channels", "ligand_layers"),
    "pocket": ("hidden_channels", "pocket_layers", "angles"),
}


def encoder_file(folder: Path, kind: str) -> Path:
    """Where a pre-training run puts its ``ligand`` or ``pocket`` encoder."""
    return folder / f"{kind}_encoder.safetensors"


def save_encoder(folder: Path, kind: str, state: Mapping[str, Tensor], card: Mapping[str, Any]) -> Path:
    """Writes an encoder with its card, atomically.

    Args:
        folder: Folder of the run.
        kind: ``ligand`` or ``pocket``.
        state: State of the encoder.
        card: At least ``config``, the sizes of the model that it is for.
    """
    path = encoder_file(folder, kind)
    save_weights(path, [state], {ENCODER: kind, **card}, resumes=True)
    return path


def load_encoders(paths: Sequence[str | Path], model: ModelConfig) -> dict[str, Tensor]:
    """The part of a ``Member``'s state that pre-trained encoders fill.

    Args:
        paths: Files of ``binding pretrain``, or the folders that it wrote them to.
        model: The sizes to fit.

    Returns:
        Tensors by their name in the member; a ligand encoder fills that of the twin too.

    Raises:
        WeightsError: A file is missing, damaged, or holds no encoder.
        ConfigError: An encoder is of other sizes, or two are of one kind.
    """
    state: dict[str, Tensor] = {}
    kinds: dict[str, Path] = {}
    for path in _files(paths):
        weights, _ = resolve_weights(path)
        card = load_card(path)
        kind = card.get(ENCODER)
        if kind not in _PLACES:
            raise WeightsError(
                f"{path} holds no pre-trained encoder.", "Make one with `binding pretrain`; for a model, use init."
            )
        if kind in kinds:
            raise ConfigError(f"{kinds[kind]} and {path} are both a {kind} encoder.", "Name one of them.")
        kinds[kind] = path
        refuse_other_features(path, card)
        _check_sizes(path, kind, card, model)
        try:
            tensors = {name.removeprefix("0."): tensor.float() for name, tensor in load_file(weights).items()}
            with torch.random.fork_rng():  # the first weights of the rest are those of a run without encoders
                _empty(kind, model).load_state_dict(tensors)
        except (SafetensorError, OSError, RuntimeError) as error:
            reason = reason_of(error)
            raise WeightsError(
                f"Cannot load {path}: {reason}.", "The file is damaged, or of another version."
            ) from None
        state |= {place + name: tensor for place in _PLACES[kind] for name, tensor in tensors.items()}
    return (
        state
        if not model.prior_weight
        else {name: t for name, t in state.items() if not name.startswith("ligand_only.")}
    )


def _empty(kind: str, model: ModelConfig) -> nn.Module:
    """An encoder of that kind, which the tensors of a file must fill."""
    if kind == "ligand":
        return MoleculeEncoder(model.hidden_channels, model.ligand_layers, model.dropout)
    return PocketEncoder(model.hidden_channels, model.pocket_layers, model.dropout, model.angles)


def _files(paths: Sequence[str | Path]) -> list[Path]:
    """Folders stand for the encoders in them."""
    found: list[Path] = []
    for path in map(Path, paths):
        inside = [file for kind in _PLACES if (file := encoder_file(path, kind)).is_file()] if path.is_dir() else [path]
        if not inside:
            raise WeightsError(f"{path} has no pre-trained encoder.", "Name the output folder of `binding pretrain`.")
        found += inside
    return found


def _check_sizes(path: Path, kind: str, card: Mapping[str, Any], model: ModelConfig) -> None:
    held, asked = card.get("config", {}), model.model_dump()
    differs = [
        f"{name} {asked[name]} (its: {held.get(name)})" for name in _SIZES[kind] if held.get(name) != asked[name]
    ]
    if differs:
        raise ConfigError(
            f"model: {', '.join(differs)} does not fit the {kind} encoder {path}.",
            "Pre-train with the model's sizes, or train with the encoder's.",
        )

"""Weights: safetensors with a JSON card beside it, and the file of their training set.

Nothing that executes code is ever loaded.

A set of weights holds one or more members of an ensemble. Member ``k`` has its tensors under
``k.interaction.`` and ``k.ligand_only.``; a prior that contributes to their pk is under ``prior.``, the readout of
geometric sums that does under ``geometry.``, tables of native contacts under ``potential.``, and the card says
what its numbers mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from binding.config import GeometryConfig, ModelConfig, describe
from binding.domain.index import Domain
from binding.errors import UsageError, WeightsError, reason_of
from binding.files import make_folder, write_bytes, write_text
from binding.graph.vocabulary import difference, full_vocabulary
from binding.model import contact_potential
from binding.model.binder import Binder
from binding.model.calibration import ErrorScale
from binding.model.cards import DEFAULT_MODEL as DEFAULT_MODEL
from binding.model.cards import FORMAT_VERSION as FORMAT_VERSION
from binding.model.cards import STRICT_MODEL as STRICT_MODEL
from binding.model.cards import available_models as available_models
from binding.model.cards import load_card as load_card
from binding.model.cards import resolve_weights as resolve_weights
from binding.model.contact_potential import ContactPotential
from binding.model.ensemble import DTYPES
from binding.model.ensemble import Member as Member
from binding.model.ensemble import Scorer as Scorer
from binding.model.ensemble import Scores as Scores
from binding.model.geometric_sums import vocabulary
from binding.model.kernel_readout import KernelReadout
from binding.prior.measured import Measured
from binding.prior.model import Prior

#: What reading a file raises that is damaged or of another version.
_DAMAGED: Final = (
    SafetensorError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OSError,
    OverflowError,
)
_PRIOR: Final = "prior."
_GEOMETRY: Final = "geometry."
_POTENTIAL: Final = "potential."


def load_model(name_or_path: str | Path | None = None, device: str = "auto", dtype: str = "float32") -> Scorer:
    """Loads weights for scoring.

    Args:
        name_or_path: See ``resolve_weights``.
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda``, ``cuda:1`` ...
        dtype: ``float32``, or ``float64`` for checks of invariance.

    Raises:
        WeightsError: Missing, damaged or of another version; so may the file of the training set be.
        UsageError: No such device or dtype.
    """
    path, _ = resolve_weights(name_or_path)
    card = load_card(name_or_path)
    if "encoder" in card:
        raise WeightsError(
            f"{path} holds a pre-trained {card['encoder']} encoder and no model.",
            "Start training from it: binding train CONFIG --init-encoders FILE.",
        )
    refuse_other_features(path, card)
    if dtype not in DTYPES:
        raise UsageError(f"The dtype {dtype!r} is not known.", "Use float32 or float64.")
    device = pick_device(device)
    try:
        name, count = str(card["name"]), int(card["num_members"])
        if count < 1:
            raise KeyError("num_members")
        config = ModelConfig.model_validate(card["config"])
        tensors = load_file(path)
        if odd := next((name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()), ""):
            raise ValueError(f"{odd} has numbers that are not finite")
        _check_size(config, tensors)
        members = []
        for row in range(count):
            member = Member(config)
            prefix = f"{row}."
            state = {name: tensors[prefix + name].float() for name in _names_under(prefix, tensors)}
            member.load_state_dict(state)
            members.append(member)
        arrays = {name: tensors[f"{_PRIOR}{name}"].numpy() for name in _names_under(_PRIOR, tensors)}
        prior = Prior.from_arrays(arrays) if config.prior_weight else None
        if prior is not None:
            prior.measured = Measured.load(path, prior.at_site)
        geometry = _geometry(card, tensors) if config.line.geometry or config.line.structure.geometry else None
        potential = _potential(card, tensors)
        scale = ErrorScale.of_card(card)  # the scorer reads it; an error in it is reported here
        if scale.pose.terms and potential is None:
            raise KeyError("potential")
    except ValidationError as error:
        raise WeightsError(f"The card of {path} does not describe a model: {describe(error)}.", "Restore it.") from None
    except _DAMAGED as error:
        reason = reason_of(error)
        raise WeightsError(
            f"{path} cannot be loaded: {reason}.", "The file is damaged or of another version."
        ) from None
    return Scorer(name, card, members, device, dtype, Domain.load(path), prior, geometry, Binder.load(path), potential)


_SQUARES: Final = 400  # of its width: no network has more numbers


def _check_size(config: ModelConfig, tensors: Mapping[str, Tensor]) -> None:
    """Compare the size of the networks that a card describes with the file's, before they take memory.

    Raises:
        ValueError: They are larger than all that the file holds.
    """
    held = sum(tensor.numel() for tensor in tensors.values())
    if _SQUARES * max(config.hidden_channels, config.vector_channels) ** 2 <= held:
        return
    with torch.device("meta"):
        described = sum(tensor.numel() for tensor in Member(config).state_dict().values())
    if described > held:
        raise ValueError(f"its card describes networks of {described:,} numbers, and the file holds {held:,}")


def _geometry(card: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> KernelReadout:
    """The readout of geometric sums.

    Raises:
        ValueError, KeyError: It is missing, damaged, or of other sums than those of this version.
    """
    described = dict(card["geometry"])
    if described.pop("sums") != vocabulary():
        raise ValueError("its geometric sums are not those of this version")
    arrays = {name: tensors[f"{_GEOMETRY}{name}"].numpy() for name in _names_under(_GEOMETRY, tensors)}
    return KernelReadout.from_arrays(GeometryConfig.model_validate(described), arrays)


def _potential(card: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> ContactPotential | None:
    """The tables of native contacts; None where the weights have none.

    Raises:
        ValueError, KeyError: They are damaged, or of other tables than those of this version.
    """
    if "potential" not in card:
        return None
    if card["potential"] != contact_potential.vocabulary():
        raise ValueError("its tables of native contacts are not those of this version")
    return ContactPotential.of_tensors(
        {name: tensors[f"{_POTENTIAL}{name}"] for name in _names_under(_POTENTIAL, tensors)}
    )


def refuse_other_features(path: str | Path, card: Mapping[str, Any]) -> None:
    """Refuse weights whose inputs mean something else in this version.

    Raises:
        WeightsError: The features differ; the message names the first difference.
    """
    differs = difference(card.get("features"), full_vocabulary())
    if differs:
        raise WeightsError(
            f"{path} was trained on other features than those of this version: {differs}.",
            f"Use the version that trained it ({card.get('version', 'not known')}), or train again.",
        )


def _names_under(prefix: str, tensors: Mapping[str, Tensor]) -> list[str]:
    return [name.removeprefix(prefix) for name in tensors if name.startswith(prefix)]


def pick_device(device: str) -> str:
    """Resolves ``auto`` and checks the rest.

    Raises:
        UsageError: The device is unknown or not available.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.partition(":")[0] == "mps":
        raise UsageError(
            f"The device {device!r} cannot be used: distances are found in float64, which Apple's GPU does not have.",
            "Use cpu.",
        )
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = reason_of(error)
        raise UsageError(f"The device {device!r} cannot be used: {reason}.", "Use auto, cpu, cuda or cuda:N.") from None
    return device


def save_weights(
    path: str | Path,
    members: Sequence[Mapping[str, Tensor]],
    card: Mapping[str, Any],
    half: bool = False,
    prior: Prior | None = None,
    *,
    geometry: KernelReadout | None = None,
    potential: ContactPotential | None = None,
    resumes: bool = False,
) -> None:
    """Writes weights, their card and what their prior was measured on, atomically.

    Args:
        path: ``.safetensors``; the card gets the same stem and ``.json``.
        members: State of each ``Member``.
        card: At least ``name`` and ``config``.
        half: Whether to store 16-bit numbers; computation is in 32 bits in either case.
        prior: The prior that contributes to pk beside the network, if any.
        geometry: The readout of geometric sums that does, if any; ``config.joining`` says with which weight.
        potential: The tables of native contacts that ``pose`` goes by, if any; stored in 16 bits where ``half``.
        resumes: As for ``binding.files.atomic``.

    Raises:
        WriteError: ``disk_full`` or ``not_writable``.
    """
    path = Path(path)
    make_folder(path.parent, resumes=resumes)
    dtype = torch.float16 if half else torch.float32
    tensors = {
        f"{row}.{name}": tensor.detach().to("cpu", dtype).contiguous()
        for row, state in enumerate(members)
        for name, tensor in state.items()
    }
    if prior is not None:
        tensors |= {f"{_PRIOR}{name}": torch.from_numpy(array) for name, array in prior.arrays().items()}
    described: dict[str, Any] = {}
    if geometry is not None:
        arrays = geometry.arrays().items()
        tensors |= {f"{_GEOMETRY}{name}": torch.from_numpy(np.array(array, order="C")) for name, array in arrays}
        described = {"geometry": geometry.config.model_dump(mode="json") | {"sums": vocabulary()}}
    if potential is not None:
        kept = {name: table.cpu() for name, table in potential.state_dict().items()}
        tensors |= {f"{_POTENTIAL}{name}": t.to(dtype) if t.is_floating_point() else t for name, t in kept.items()}
        described |= {"potential": contact_potential.vocabulary()}
    full = {
        "format_version": FORMAT_VERSION,
        "num_members": len(members),
        "features": full_vocabulary(),
        **card,
        **described,
    }
    write_bytes(path, save(tensors), resumes=resumes)  # save_file would make a file that its owner alone can read
    write_text(path.with_suffix(".json"), json.dumps(full, indent=2) + "\n", resumes=resumes)
    if prior is not None and prior.measured is not None:
        prior.measured.save(path, prior.at_site, resumes=resumes)

"""Which weights there are and what their cards say: without torch, so that programs that load none start fast."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, Final

from binding.errors import WeightsError

FORMAT_VERSION: Final = 1
DEFAULT_MODEL: Final = "binding-base"
#: Trained without anything close to CASF-2016: what accuracy is measured with.
STRICT_MODEL: Final = "binding-strict"


def available_models() -> list[str]:
    """Names of the weights in the package."""
    folder = resources.files("binding") / "weights"
    if not folder.is_dir():
        return []
    return sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".safetensors"))


def resolve_weights(name_or_path: str | Path | None) -> tuple[Path, Path]:
    """The weights file and its card.

    Args:
        name_or_path: A name of the package's weights, a ``.safetensors`` file, or a folder that holds
            ``model.safetensors`` (a training run); None takes the default.

    Raises:
        WeightsError: There are none.
    """
    chosen = str(name_or_path) if name_or_path is not None else DEFAULT_MODEL
    path = Path(chosen)
    if chosen in available_models():
        path = Path(str(resources.files("binding") / "weights" / f"{chosen}.safetensors"))
    elif path.is_dir():
        path = path / "model.safetensors"
    if not path.is_file():
        raise WeightsError(
            f"There are no weights {chosen!r}.",
            f"Name one of {', '.join(available_models())}, a .safetensors file, or the folder of a training run.",
        )
    card = path.with_suffix(".json")
    if not card.is_file():
        raise WeightsError(f"{path} has no card {card.name} beside it.", "Keep both files together.")
    return path, card


def load_card(name_or_path: str | Path | None = None) -> dict[str, Any]:
    """The card of a set of weights, without loading any tensor.

    Raises:
        WeightsError: It is missing, not JSON, or of a newer format.
    """
    _, path = resolve_weights(name_or_path)
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        version = int(card["format_version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is no model card: {error}.", "Restore the file.") from None
    if version > FORMAT_VERSION:
        raise WeightsError(
            f"{path} has format {version}; this version reads {FORMAT_VERSION}.", "Upgrade the package: pip install -U."
        )
    return card

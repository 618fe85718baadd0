"""Which weights there are and what their cards say: without torch, so that programs that load none start fast."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
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


class ModelCard(dict[str, Any]):
    """A card as it was read; a notebook shows what it is and how good."""

    def _repr_html_(self) -> str:
        return card_html(self)


def card_html(card: Mapping[str, Any]) -> str:
    """What a model is made of and how well it does, as a small table."""
    rows = [
        ("model", f"{card.get('name', '')}, version {card.get('version', '')}"),
        ("networks", f"{card.get('num_members', '')} of {card.get('parameters_of_one_member', 0):,} parameters"),
    ]
    prior = card.get("prior") or {}
    if "ligands" in prior:
        rows.append(("prior", f"{prior['ligands']:,} measured ligands, {prior.get('sites', 0):,} sites"))
    for name, test in (card.get("test") or {}).items():
        for column, text in (("pk", "pK"), ("pk_ligand_only", "the ligand alone")):
            found = (test.get(column) or {}) if isinstance(test, dict) else {}
            if "r" in found:
                low, high = found.get("r_interval", (float("nan"), float("nan")))
                said = f"r {found['r']:.2f} ({low:.2f} to {high:.2f}), RMSE {found.get('rmse', float('nan')):.2f} pK"
                rows.append((f"{name}, {text}", f"{said}, {found.get('n', '')} complexes"))
    lines = (f'<tr><th style="text-align:left">{escape(str(a))}</th><td>{escape(str(b))}</td></tr>' for a, b in rows)
    return f"<table>{''.join(lines)}</table>"


def load_card(name_or_path: str | Path | None = None) -> ModelCard:
    """The card of a set of weights, without loading any tensor.

    Raises:
        WeightsError: It is missing, not JSON, or of a newer format.
    """
    _, path = resolve_weights(name_or_path)
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        version = int(card["format_version"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise WeightsError(f"{path} is no model card: {error}.", "Restore the file.") from None
    if version > FORMAT_VERSION:
        raise WeightsError(
            f"{path} has format {version}; this version reads {FORMAT_VERSION}.", "Upgrade the package: pip install -U."
        )
    return ModelCard(card)

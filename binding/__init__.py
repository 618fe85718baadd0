"""Protein-ligand affinity from a 3D complex, SE(3)-invariant.

Each verb of the command line is a function here. The front door is lazy: ``import binding`` loads neither torch nor
RDKit, the first use of a name does.

Example:
    >>> import binding
    >>> binding.__version__.count(".")
    2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"
__all__ = [
    "__version__",
    "evaluate",
    "explain",
    "fetch",
    "fit_prior",
    "load_model",
    "model_card",
    "place",
    "predict",
    "prepare",
    "pretrain",
    "probe",
    "report",
    "screen",
    "split",
    "top",
    "train",
    "view",
]

if TYPE_CHECKING:
    from binding.api import (
        evaluate,
        explain,
        fetch,
        fit_prior,
        load_model,
        model_card,
        place,
        predict,
        prepare,
        pretrain,
        probe,
        report,
        screen,
        split,
        top,
        train,
        view,
    )


def __getattr__(name: str) -> Any:
    """Loads a public name from ``binding.api`` at first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'binding' has no attribute {name!r}")
    value = getattr(import_module("binding.api"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Protein-ligand affinity from a 3D complex, SE(3)-invariant.

The front door is lazy: ``import binding`` loads neither torch nor RDKit, the first use
of a name does.

Example:
    >>> import binding
    >>> binding.__version__.count(".")
    2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "load_model", "place", "predict"]

if TYPE_CHECKING:
    from binding.api import load_model, place, predict

_HOMES = {"load_model": "binding.api", "place": "binding.api", "predict": "binding.api"}


def __getattr__(name: str) -> Any:
    """Loads a public name from its module at first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'binding' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

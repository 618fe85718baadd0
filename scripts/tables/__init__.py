"""What stands in the tables of README.md and docs/, one function a block; see scripts.tables."""

from __future__ import annotations

from collections.abc import Callable

from scripts.tables import (
    accuracy,
    columns,
    comparison,
    docking,
    explaining,
    model,
    placing,
    reliability,
    screening,
    settings,
    speed,
    training,
)
from scripts.tables.common import MissingError

PARTS = (
    accuracy,
    columns,
    comparison,
    docking,
    explaining,
    model,
    placing,
    reliability,
    screening,
    settings,
    speed,
    training,
)
#: Name of a block -> what writes it.
BLOCKS: dict[str, Callable[[], str]] = {}
for part in PARTS:
    BLOCKS |= part.BLOCKS


def render(name: str) -> str:
    """The text of a block."""
    if name not in BLOCKS:
        raise SystemExit(f"there is no block {name!r}; there are {', '.join(sorted(BLOCKS))}")
    try:
        return BLOCKS[name]()
    except MissingError as missing:
        return f"*Not measured yet: this waits for `{missing}`, which `{missing.program}` writes.*"

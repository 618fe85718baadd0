"""What the tests reach and notice."""

from __future__ import annotations

from collections.abc import Callable

from scripts.figures import FIGURES
from scripts.tables.common import count, load, table


def coverage() -> str:
    """Lines that the tests reach, by room."""
    rooms = load(FIGURES / "coverage.json")["rooms"]
    rows = [
        (f"`binding/{room}`", count(found["lines"]), f"{100 * found['reached'] / found['lines']:.1f} %")
        for room, found in rooms.items()
    ]
    return table(("room", "lines of code", "reached"), rows)


def mutants() -> str:
    """Changes of the readers that the tests notice."""
    found = load(FIGURES / "mutants.json")
    return (
        f"Of {count(found['possible'])} possible changes of the readers, {count(found['tried'])} drawn by chance were "
        f"tried, and the tests noticed {count(found['noticed'])}: {100 * found['noticed'] / found['tried']:.0f} %."
    )


BLOCKS: dict[str, Callable[[], str]] = {"line_coverage": coverage, "mutants": mutants}

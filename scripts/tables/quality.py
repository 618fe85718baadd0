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
    text = (
        f"Of {count(found['possible'])} possible changes of the readers, {count(found['tried'])} drawn by chance were "
        f"tried, and the tests noticed {count(found['noticed'])}: {100 * found['noticed'] / found['tried']:.0f} %."
    )
    again, harmless, missed = found.get("again"), len(found["harmless"]), len(found["missed"])
    if again:
        text += (
            f" The others were tried again with tests added since; a line may hold such a change twice, so they are "
            f"{count(again['tried'])}, of which {count(again['noticed'])} are noticed now."
        )
    return f"{text} Of those left {count(harmless)} make no difference, and {count(missed)} are not explained."


def mutants_left() -> str:
    """What no test noticed, with the reason where there is one."""
    found = load(FIGURES / "mutants.json")
    rows = [
        (
            f"`{entry['module'].removeprefix('binding/')}`",
            _code(entry["line"]),
            _code(entry["change"]),
            entry.get("why", "-"),
        )
        for entry in (*found["harmless"], *found["missed"])
    ]
    return table(("module", "line", "change", "why no test notices"), rows)


def _code(text: str) -> str:
    """Text of a program in a cell."""
    return f"`{text.replace('|', chr(92) + '|')}`"


BLOCKS: dict[str, Callable[[], str]] = {"line_coverage": coverage, "mutants": mutants, "mutants_left": mutants_left}

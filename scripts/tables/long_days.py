"""Blocks on what runs survive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scripts.figures import FIGURES
from scripts.tables.common import MissingError, count, load, table

SOURCE = FIGURES / "long_days.json"


def _part(name: str) -> dict[str, Any]:
    """One part of what scripts.measure.long_days found."""
    found = load(SOURCE)
    if name not in found:
        raise MissingError(SOURCE, name)
    return found[name]


def _yes(flag: bool) -> str:
    return "yes" if flag else "**no**"


def kills() -> str:
    """Commands that were killed and given again."""
    rows = [(f"`{name}`", str(one["kills"]), _yes(one["same"])) for name, one in _part("kills").items()]
    return table(("command", "kill -9", "in the end the same bytes as undisturbed"), rows)


def full_disks() -> str:
    """Commands on a file system with 4 kB left."""
    rows = [
        (f"`{name}`", str(one["exit_code"]), _yes(one["says"]), _yes(one["same_with_space"]))
        for name, one in _part("disk").items()
    ]
    return table(("command", "exit code", "says that the disk is full", "with space again the same files"), rows)


def long_process() -> str:
    """Memory of a process that predicts for long."""
    found = _part("memory")
    sizes = found["megabytes"]
    return (
        f"{count(found['predictions'])} predictions of one complex in one process, {found['failed']} of them failed: "
        f"{sizes[0]:.0f} MB after a tenth, {sizes[len(sizes) // 2]:.0f} MB after half, {sizes[-1]:.0f} MB at the end "
        f"(greatest {max(sizes):.0f} MB)."
    )


def orphans() -> str:
    """Worker processes of killed commands."""
    found = _part("workers")
    return ", ".join(f"{one['seconds']:.2f} s (`{name}`, {one['workers']})" for name, one in found.items()) + "."


def read_only() -> str:
    """Commands whose output folder cannot be written to."""
    rows = [
        (f"`{name}`", str(one["exit_code"]), _yes(one["says"]), str(one["left"]))
        for name, one in _part("read_only").items()
    ]
    return table(("command", "exit code", "says that it cannot be written", "files left"), rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "full_disks": full_disks,
    "kills": kills,
    "long_process": long_process,
    "orphans": orphans,
    "read_only": read_only,
}

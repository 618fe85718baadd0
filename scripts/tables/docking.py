"""Blocks on docking power: right poses among wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scripts.figures import FIGURES
from scripts.tables.common import count, interval, load, table

SCORES = {"pose": "**`pose`**", "pk": "**`pk`**", "vina": "AutoDock Vina 1.2.7", "random": "a pose at random"}
SETS = {"without_native": "crystal pose left out", "with_native": "crystal pose among them"}
SCOPES = {"all": "all targets", "with_near_native": "targets with a right pose"}


def _percent(figure: dict[str, float]) -> str:
    return f"{100 * figure['value']:.1f} % ({interval(100 * figure['low'], 100 * figure['high'], 0)})"


def _points(figure: dict[str, float]) -> str:
    return f"{100 * figure['value']:+.1f} ({100 * figure['low']:+.0f} to {100 * figure['high']:+.0f})"


def redocking() -> str:
    """How the poses were made, and how often the best-scored one is right."""
    found = load(FIGURES / "redocking.json")
    poses, targets = found["poses"], found["targets"]
    told = [
        f"{count(targets['docked'])} of {count(targets['asked'])} targets{_failed(targets)}, "
        f"{count(poses['total'])} poses, "
        f"{poses['median']:g} a target in the middle, {poses['least']} to {poses['most']}; "
        f"{count(poses['targets_with_50'])} targets have 50 or more. Poses by RMSD: {_spread(poses)}. "
        f"Scored by `{found['model']}`"
        + (f"; {count(poses['unscored'])} poses could not be scored." if poses["unscored"] else ".")
    ]
    rows: list[tuple[str, ...]] = []
    for kind, what in SETS.items():
        for scope, which in SCOPES.items():
            part = found[kind][scope]
            if scope == "with_near_native" and part["targets"] == found[kind]["all"]["targets"]:
                continue
            rows += _rows(f"{what}, {which}: {count(part['targets'])}", part["scores"])
    header = ("poses", "chosen by", "best pose right", "of the best 2", "of the best 3", "best: points over Vina")
    return "\n\n".join([*told, table(header, rows)])


def _failed(targets: dict[str, int]) -> str:
    """Why some targets are not among those that were docked."""
    later = targets["asked"] - targets["docked"] - targets["failed"]
    parts = [f"{targets['failed']} could not be docked"] if targets["failed"] else []
    parts += [f"{later} were not reached, in an order by chance"] if later else []
    return f" ({', '.join(parts)})" if parts else ""


def _rows(what: str, scores: dict[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    for name, label in SCORES.items():
        figures = scores[name]
        gap = _points(figures["top1_minus_vina"]) if "top1_minus_vina" in figures else ""
        rows.append((what, label, *(_percent(figures[f"top{top}"]) for top in (1, 2, 3)), gap))
        what = ""
    return rows


def _spread(poses: dict[str, Any]) -> str:
    bins = poses["bins"]
    return ", ".join(
        f"{low:g} to {high:g} Å {count(number)}"
        for low, high, number in zip(bins[:-1], bins[1:], poses["by_rmsd"], strict=True)
    )


JUDGES = {
    "pose": "**`pose`**, by lines from other complexes",
    "network": "the network's logit alone",
    "vina_function": "Vina's function alone, poses as they lie",
    "vina": "AutoDock Vina's energy",
}


def pose_probability() -> str:
    """What weighing the network's judgement and Vina's brings, and whether the probabilities hold."""
    found = load(FIGURES / "pose.json")
    best = [(label, _percent(found["best_is_right"][name])) for name, label in JUDGES.items()]
    head = (
        f"{count(found['complexes'])} complexes, {count(found['poses'])} docked poses, chosen by",
        "best pose right",
    )
    bins = [
        (f"{part['low']:g} to {part['high']:g}", count(part["n"]), f"{part['said']:.2f}", f"{part['right']:.2f}")
        for part in found["reliability"]["pose"]
    ]
    line = found["pose"]
    told = (
        f"**log odds = {line['logit']:.2f} logit + {line['vina']:.2f} Vina / √atoms {line['offset']:+.2f}.** Log loss "
        f"{found['log_loss']['pose']:.2f}, of the network's own probability {found['log_loss']['network']:.2f}."
    )
    return "\n\n".join(
        [table(head, best), told, table(("`pose`", "poses", "mean", "share within 2 Å, evenly weighed"), bins)]
    )


BLOCKS: dict[str, Callable[[], str]] = {"pose_probability": pose_probability, "redocking": redocking}

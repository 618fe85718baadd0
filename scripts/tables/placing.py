"""Blocks on placing and docking poses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scripts.figures import FIGURES
from scripts.tables.common import MissingError, count, load, table


def placed(what: str) -> dict[str, Any]:
    """One measurement of scripts.measure.place."""
    content = load(FIGURES / "place.json")
    if what not in content:
        raise MissingError(FIGURES / "place.json", what)
    return content[what]


def _near(found: dict[str, float]) -> str:
    """Of a sample of poses, how near the truth they are."""
    return f"{count(found['poses'])}: {found['within_1']:.0%} within 1 Å, {found['within_2']:.0%} within 2 Å"


def placing() -> str:
    """What scripts.measure.place found on series, and on pairs of crystal complexes."""
    series, pairs = placed("series"), placed("crystal")
    failed = (
        ", ".join(f"{count(number)} `{code}`" for code, number in sorted(series["failed"].items())) or "none failed"
    )
    mean, slow = series["cpu_seconds"]
    rows = [
        ("compounds of congeneric series", f"{count(series['asked'])} ({failed})"),
        ("CPU seconds a compound", f"{mean:.2f} on average, {slow:.2f} for the slowest twentieth"),
        ("`core_coverage`", "median {:.2f}, a tenth below {:.2f}".format(*series["core_coverage"])),
        ("`core_rmsd`", "median {:.2f} Å, a tenth above {:.2f} Å".format(*series["core_rmsd"])),
        ("no clash", f"{series['no_clash']:.0%}"),
        ("`good`", f"{series['good']:.0%}"),
        ("crystal ligands placed on another ligand of their protein, `good`", _near(pairs["truth"]["good"])),
        ("the same, not `good`", _near(pairs["truth"]["not good"])),
    ]
    return table(("measured", "result"), rows)


def overlays() -> str:
    """How near the truth ligands of known conformation come to lie."""
    found = placed("overlay")
    names = {
        "frame": "in their own frame (`frame`)",
        "core": "on a shared core (`core`)",
        "shape": "by shape (`shape`)",
    }
    rows = [(names[way], _near(figures)) for way, figures in found["ways"].items()]
    rows += [(f"laid on, {name.replace('>=', '≥')}", _near(figures)) for name, figures in found["laid"].items()]
    rows.append(("**good by the rule**", _near(found["good"])))
    said = (
        f"{count(found['asked'])} crystal ligands, {count(found['refused'])} of them like no other ligand of their "
        f"protein and refused, {count(found['truth'])} posed where the truth is known, {found['cpu_seconds']:.2f} CPU "
        "seconds each:"
    )
    return f"{said}\n\n{table(('poses', 'how many, how near'), rows)}"


def posed_sets() -> str:
    """What scripts.release.posed made of the evaluation data."""
    found = placed("sets")
    rows = []
    for name in ("ligands", "congeneric"):
        left = ", ".join(
            f"{count(n)} {reason.replace('_', ' ')}" for reason, n in sorted(found[name]["left_out"].items())
        )
        rows.append((f"`{name}`", count(found[name]["good"]), count(found[name]["receptors"]), left))
    return table(("set", "good poses", "pockets", "left out"), rows)


def redock() -> str:
    figures = load(FIGURES / "redock.json")
    rows = [
        (
            row["id"],
            row["heavy_atoms"],
            row["rotatable_bonds"],
            f"{row['rmsd_first']:.1f}",
            f"{row['rmsd_best']:.1f}",
            f"{row['dock_score']:.1f}",
            f"{row['seconds']:.0f}",
        )
        for row in figures["complexes"]
    ]
    settings, machine = figures["settings"], figures["machine"]
    near = sum(row["rmsd_first"] <= 2.0 for row in figures["complexes"])
    any_near = sum(row["rmsd_best"] <= 2.0 for row in figures["complexes"])
    header = ("PDB entry", "atoms", "rotors", "first pose, Å", f"best of {settings['poses']}, Å", "kcal/mol", "CPU, s")
    said = (
        f"Within 2 Å: {near} of {len(rows)} by the first pose, {any_near} by the best of {settings['poses']}. "
        f"`--exhaustiveness {settings['exhaustiveness']}`, one core ({machine['processor']}) of a machine under load "
        f"{machine['load']:.0f}."
    )
    return table(header, rows) + "\n\n" + said


BLOCKS: dict[str, Callable[[], str]] = {
    "overlays": overlays,
    "placing": placing,
    "posed_sets": posed_sets,
    "redock": redock,
}

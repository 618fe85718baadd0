"""Blocks on poses: placing, docking, and right poses among wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scripts.figures import FIGURES
from scripts.tables.common import MissingError, count, interval, load, table


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


def pose_checks() -> str:
    """How far the fast checks agree with the package, and what both cost."""
    found = load(FIGURES / "checks.json")
    rows = [
        (f"`{name}`", f"{one['alike']} of {one['poses']}", str(one["fails_fast"]), str(one["fails_package"]))
        for name, one in found["tests"].items()
    ]
    cost = found["milliseconds"]
    said = (
        f"{found['poses']} poses of {found['complexes']} complexes; CPU a pose {cost['fast']:.1f} ms with `fast`, "
        f"{cost['posebusters'] / 1000:.1f} s with `posebusters`."
    )
    return f"{table(('test', 'judged alike', 'fails, fast', 'fails, package'), rows)}\n\n{said}"


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


POSE_SCORES = {"pose": "**`pose`**", "pk": "**`pk`**", "vina": "AutoDock Vina 1.2.7", "random": "a pose at random"}
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
    for name, label in POSE_SCORES.items():
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
    "pose": "**`pose`**: contacts, Vina's terms and the networks",
    "contacts": "the same without the networks",
    "without_angles": "without angles",
    "without_distances": "without distances",
    "without_counts": "without counts of near atoms",
    "each_by_itself": "all of it, each pose judged by itself in the fit",
    "half_compared": "half of the fit compares the poses of a ligand",
    "compared": "the fit does nothing else",
    "vina_refitted_and_network": "Vina's terms, weighed anew, and the networks",
    "vina_refitted": "Vina's terms, weighed anew",
    "network": "the networks alone",
    "vina_function": "Vina's function, poses as they lie",
    "vina": "AutoDock Vina's energy",
}


def pose_probability() -> str:
    """What each part of `pose` brings on docked poses, and whether the probabilities hold."""
    found = load(FIGURES / "pose.json")["models"]
    parts = []
    for model, one in found.items():
        rows = [
            (label, _percent(one["best_is_right"][name]), _spelled(one["auc"][name]), _gain(one["gain"].get(name)))
            for name, label in JUDGES.items()
        ]
        head = (
            f"`{model}`: {count(one['complexes'])} complexes of {count(one['families'])} families, "
            f"{count(one['poses'])} docked poses, chosen by",
            "best pose right",
            "right above wrong",
            "`pose` has more",
        )
        parts.append(table(head, rows))
    shown = found["binding-strict"]
    bins = [
        (f"{part['low']:g} to {part['high']:g}", count(part["n"]), f"{part['said']:.2f}", f"{part['right']:.2f}")
        for part in shown["reliability"]["pose"]
    ]
    told = (
        f"Log loss {shown['log_loss']['pose']:.2f} (`binding-strict`), by the networks alone "
        f"{shown['log_loss']['network']:.2f}."
    )
    return "\n\n".join([*parts, told, table(("`pose`", "poses", "mean", "share within 2 Å, evenly weighed"), bins)])


FOREIGN = {
    "pose": "**`pose`**",
    "logit": "the networks alone",
    "vina": "AutoDock Vina's energy",
    "vina_by_size": "the same by the root of the size",
    "size": "heavy atoms",
}


def foreign() -> str:
    """Own ligands above those of other proteins, and what docking found."""
    found = load(FIGURES / "foreign.json")
    scores = [(label, _percent(found["above"][name])) for name, label in FOREIGN.items()]
    docking = [(name, count(part["pockets"]), _percent(part["above"])) for name, part in found["by_docking"].items()]
    head = f"Own ligand above a foreign one, {count(found['pockets'])} pockets", "pairs"
    told = f"Docking finds a right pose for {_percent(found['with_a_right_pose'])} of the own ligands."
    by = table(("Of the own ligand", "pockets", "pairs by `pose`"), docking)
    return "\n\n".join([table(head, scores), told, by])


def _spelled(found: dict[str, float]) -> str:
    return f"{found['value']:.3f} ({found['low']:.2f} to {found['high']:.2f})"


def _gain(found: dict[str, float] | None) -> str:
    """Points, with the interval."""
    if found is None:
        return ""
    value, low, high = (100 * found[name] for name in ("value", "low", "high"))
    return f"{value:+.1f} ({low:+.0f} to {high:+.0f})"


BLOCKS: dict[str, Callable[[], str]] = {
    "pose_checks": pose_checks,
    "overlays": overlays,
    "foreign": foreign,
    "placing": placing,
    "pose_probability": pose_probability,
    "posed_sets": posed_sets,
    "redock": redock,
    "redocking": redocking,
}

"""Where the figures come from, and how numbers and tables are written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from binding.model.weights import DEFAULT_MODEL, STRICT_MODEL
from scripts.figures import FIGURES, ROOT

WEIGHTS = ROOT / "binding" / "weights"
TEST = "casf2016"
CROSSED = "crossed"  # the cache of ligands in pockets of other families

#: What each column of the evaluation is, and what it was fitted to.
LABELS = {
    "pk": ("**this model**, {members}", "{training}"),
    "pk_ligand_only": ("the ligand alone: its prior", "all ligands that the model may see, posed or not"),
    "heavy_atoms": ("number of heavy atoms, a line", "the test rows themselves"),
    "mol_weight": ("molecular weight, a line", "the test rows themselves"),
    "vina": ("AutoDock Vina 1.2.7, score only", "PDBbind 2007, six weights"),
    "gign": ("GIGN, 3 networks", "11,904 PDBbind complexes, close analogues of the test set among them"),
    "gems": ("GEMS, 5 folds, without language-model features", "PDBbind CleanSplit"),
    "gnina": ("GNINA, one network", "as published"),
    "pignet2": ("PIGNet2, 4 networks", "as published"),
}
METRICS = {"r": "Pearson r", "spearman": "Spearman ρ", "rmse": "RMSE", "mae": "MAE"}


#: What writes each source; series have a file for each set of weights.
PROGRAMS = {
    "agreement.json": "scripts.measure.agreement",
    "interactions.json": "scripts.measure.interactions",
    "baselines.json": "scripts.measure.baselines",
    "batches.json": "scripts.measure.batches",
    "bench_memory.json": "scripts.bench.memory",
    "bench_prepare.json": "scripts.bench.prepare",
    "binder.json": "scripts.release.binder",
    "bench_stages.json": "scripts.bench.stages",
    "bench_top.json": "scripts.bench.top",
    "bench_train.json": "scripts.bench.train",
    "bench_train_pairs.json": "scripts.bench.train --against",
    "benchmark_screen.json": "scripts.bench.screen",
    "casf2016_metrics.json": "make figures",
    "ceiling.json": "scripts.measure.ceiling",
    "checks.json": "scripts.measure.checks",
    "cluster.json": "scripts.bench.cluster",
    "domain.json": "scripts.measure.held_out domain",
    "coverage.json": "scripts.quality.coverage --write",
    "demo.txt": "make figures",
    "explain.json": "scripts.measure.explain",
    "explain.txt": "scripts.tables.pictures",
    "finetune.json": "scripts.measure.finetune",
    "formats.json": "scripts.measure.formats",
    "fuzz.json": "scripts.fuzz",
    "forest.json": "scripts.measure.forest",
    "joining.json": "scripts.release.geometry",
    "long_days.json": "scripts.measure.long_days",
    "one_network.json": "scripts.measure.one_network",
    "limits.json": "scripts.measure.limits",
    "mutants.json": "scripts.quality.mutants --write docs/figures/mutants.json",
    "foreign.json": "scripts.measure.foreign",
    "forward.json": "scripts.measure.forward judge",
    "prefilter.json": "scripts.measure.prefilter",
    "place.json": "scripts.measure.place",
    "pose.json": "scripts.release.pose_odds",
    "prior.json": "scripts.measure.held_out prior",
    "redock.json": "scripts.measure.place dock",
    "redocking.json": "scripts.measure.redocking",
    "robustness.json": "scripts.measure.robustness",
    "screen_stages.json": "scripts.bench.screen_stages",
    "screening_sets.json": "scripts.measure.screening",
    "speed.json": "make figures",
    "splits.json": "scripts.measure.splits",
    "stack.json": "scripts.release.stack fit",
    "start_to_report.json": "scripts.bench.start_to_report",
} | {f"series_{model}.json": "scripts.measure.series" for model in (DEFAULT_MODEL, STRICT_MODEL)}


class MissingError(Exception):
    """A source, or a part of it, that is not there yet.

    Args:
        path: The file.
        part: Of the file; all of it where None.
    """

    def __init__(self, path: Path, part: str | None = None) -> None:
        super().__init__(path.relative_to(ROOT).as_posix() + (f", {part}" if part else ""))
        self.program = "scripts.release.weights" if path.parent == WEIGHTS else PROGRAMS[path.name]


def load(path: Path) -> dict[str, Any]:
    return json.loads(load_text(path))


def load_text(path: Path) -> str:
    if not path.is_file():
        raise MissingError(path)
    return path.read_text(encoding="utf-8")


def card(model: str = STRICT_MODEL) -> dict[str, Any]:
    """Of the weights that the accuracy is measured with, unless others are named."""
    return load(WEIGHTS / f"{model}.json")


def metrics() -> dict[str, Any]:
    return load(FIGURES / f"{TEST}_metrics.json")


def speed() -> dict[str, Any]:
    return load(FIGURES / "speed.json")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def interval(low: float, high: float, digits: int = 2) -> str:
    """A 95 % interval; signs only where one end is negative."""
    return f"{low:.{digits}f} to {high:.{digits}f}"


def estimate(figure: dict[str, float], digits: int = 2) -> str:
    """``value (low to high)`` of an estimate of the evaluation."""
    return f"{figure['value']:.{digits}f} ({interval(figure['low'], figure['high'], digits)})"


def of_card(figures: dict[str, Any], name: str, digits: int = 2) -> str:
    """The same of the card, which keeps intervals apart."""
    low, high = figures[f"{name}_interval"]
    return f"{figures[name]:.{digits}f} ({interval(low, high, digits)})"


def count(number: float) -> str:
    return f"{number:,g}" if number < 1000 else f"{number:,.0f}"


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def source_rows(rows: dict[str, int]) -> list[str]:
    """``1,032 crystal`` for each cache of a run."""
    return [f"{count(number)} {Path(name).stem}" for name, number in rows.items()]


def training_rows() -> str:
    """Rows of what takes part in pk: those of the geometry expert, or those of one network, the mean over networks."""
    prior = f"; a prior of {count(card()['prior']['ligands'])} ligands" if "prior" in card() else ""
    if "geometry_rows" in card():
        rows = {name: number for name, number in card()["geometry_rows"].items() if name != "support"}
        return listed(source_rows(rows)) + " complexes" + prior
    members = card()["members"]
    mean = {k: round(sum(m["rows"][k] for m in members) / len(members)) for k in members[0]["rows"]}
    wrong = {source["cache"] for source in card()["training"]["sources"] if source.get("rmsd")}
    foreign = {name for name in mean if Path(name).stem == CROSSED}
    complexes = {name: number for name, number in mean.items() if name not in wrong | foreign}
    poses, guests = (sum(mean[name] for name in found) for found in (wrong, foreign))
    docked = f"; {count(poses)} docked poses of them" if poses else ""
    docked += f" and {count(guests)} of foreign ligands" if guests else ""
    return listed(source_rows(complexes)) + " complexes" + docked + prior


def members() -> str:
    """What takes part in pk."""
    if "geometry_rows" in card():
        return "geometry and prior"
    number = card()["num_members"]
    return "one network" if number == 1 else f"{number} networks"


def label(name: str) -> tuple[str, str]:
    what, fitted = LABELS.get(name, (f"`{name}`", "as published"))
    if name == "pk":
        return what.format(members=members()), fitted.format(training=training_rows())
    return what, fitted

"""Pictures of an evaluation: predicted against measured, residuals by size, calibration, groups.

Matplotlib is an extra (``plots``) and imported by this module alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binom, spearmanr

from binding.evaluation import Report, Section
from binding.metrics import Estimate

INK, GREY, PALE = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, ORANGE = "#0072b2", "#d55e00"  # Okabe and Ito; distinguishable with colour blindness
STYLE: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "svg.hashsalt": "binding",
}
_MANY: Final = 400  # points, beyond which they are drawn smaller and paler
_NAMED_GROUPS: Final = 60  # more are drawn closer and without their names
_BINS: Final = 6  # of like numbers of rows, in the residuals
_FIGURE_NAMES: Final = {"r": "Pearson r", "spearman": "Spearman ρ"}


def draw(report: Report, folder: str | Path) -> list[Path]:
    """Draws what the report has the columns for, each as SVG and PNG.

    Args:
        report: Report of ``binding.evaluation.evaluate``.
        folder: Output folder; it must exist.

    Returns:
        The files: ``predicted``, and where they make sense ``residuals``, ``calibration``, ``ranking``, ``series``.
    """
    pictures: dict[str, Callable[[], Figure]] = {}
    if report.counts.scored:
        pictures["predicted"] = lambda: predicted_against_measured(report)
        if "heavy_atoms" in report.joined and report.joined["heavy_atoms"].notna().any():
            pictures["residuals"] = lambda: residuals_by_size(report)
    if len(report.calibration):
        pictures["calibration"] = lambda: calibration_of_std(report)
    for section in report.sections:
        if section.name in ("ranking", "series") and section.counts["groups"]:
            pictures[section.name] = lambda section=section: figures_by_group(section)  # type: ignore[misc]
    paths = []
    with mpl.rc_context(STYLE):
        for name, picture in pictures.items():
            figure = picture()
            for suffix in ("svg", "png"):
                path = Path(folder) / f"{name}.{suffix}"
                metadata = {"Date": None} if suffix == "svg" else None  # the same input gives the same bytes
                figure.savefig(path, dpi=200, facecolor="white", metadata=metadata)
                paths.append(path)
    return paths


def predicted_against_measured(report: Report) -> Figure:
    """Each row as a point, with ``pk_std`` as its error bar where it is known."""
    rows, name = report.joined, report.model.name
    x, y = rows["pk_true"].to_numpy(dtype=float), rows[name].to_numpy(dtype=float)
    figure = Figure(figsize=(4.9, 5.1), layout="constrained")
    ax = figure.subplots()
    low, high = np.floor(min(x.min(), y.min()) - 0.5), np.ceil(max(x.max(), y.max()) + 0.5)
    ends = np.array([low, high])
    ax.fill_between(ends, ends - 1, ends + 1, color=PALE, alpha=0.6, linewidth=0, zorder=0)
    ax.plot(ends, ends, color=GREY, linewidth=0.9, zorder=1)
    size, alpha = _point(len(x))
    bars = name == "pk" and "pk_std" in rows and rows["pk_std"].notna().any()
    if bars:
        std = rows["pk_std"].to_numpy(dtype=float)
        ax.errorbar(x, y, std, fmt="none", ecolor=BLUE, elinewidth=0.6, alpha=alpha / 3.5, zorder=2)
    ax.scatter(x, y, s=size, color=BLUE, alpha=alpha, edgecolor="white", linewidth=0.4, zorder=3)
    r, rmse = report.model.metrics["r"], report.model.metrics["rmse"]
    ax.set_title(f"{len(x)} rows: r {_said(r)}, RMSE {_said(rmse)} pK\nline: equal; band: within 1 pK", linespacing=1.5)
    label = f"predicted {name}" + (" ± pk_std" if bars else "")
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal", xlabel="measured pK", ylabel=label)
    _same_ticks(ax, low, high)
    return figure


def residuals_by_size(report: Report) -> Figure:
    """The error of each row over its ligand's size, and the mean error of bins with like numbers of rows."""
    rows = report.joined[report.joined["heavy_atoms"].notna()]
    x, error = rows["heavy_atoms"].to_numpy(dtype=float), rows["error"].to_numpy(dtype=float)
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    ax = figure.subplots()
    size, alpha = _point(len(x))
    ax.axhline(0, color=GREY, linewidth=0.9, zorder=1)
    ax.scatter(x, error, s=size, color=BLUE, alpha=0.6 * alpha, edgecolor="white", linewidth=0.4, zorder=2)
    title = f"{len(x)} rows"
    if len(x) >= 3 * _BINS and np.ptp(x) > 0:
        edges = np.unique(np.quantile(x, np.linspace(0, 1, _BINS + 1)))
        places = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
        for place in np.unique(places):
            inside = error[places == place]
            middle = float(x[places == place].mean())
            half = 1.96 * inside.std(ddof=1) / np.sqrt(len(inside)) if len(inside) > 1 else 0.0
            ax.errorbar(
                middle, inside.mean(), half, fmt="o", markersize=5, color=ORANGE, capsize=3, elinewidth=1.4, zorder=4
            )
        rho = spearmanr(x, error).statistic
        title += f": Spearman ρ of error and size {rho:+.2f}\norange: mean of a sixth of the rows, 95 % interval"
    ax.set_title(title, linespacing=1.5)
    ax.set(xlabel="heavy atoms of the ligand", ylabel="predicted - measured, pK")
    return figure


def calibration_of_std(report: Report) -> Figure:
    """The share of measurements within k ``pk_std`` over the share that a normal law has there."""
    table = report.calibration
    n = int(table["n"].iloc[0])
    figure = Figure(figsize=(5.2, 5.4), layout="constrained")
    ax = figure.subplots()
    share = np.linspace(0.005, 0.995, 199)
    low, high = binom.ppf(0.025, n, share) / n, binom.ppf(0.975, n, share) / n
    ax.fill_between(share, low, high, color=PALE, alpha=0.8, linewidth=0, zorder=0)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=0.9, zorder=1)
    ax.plot(table["expected"], table["observed"], color=BLUE, linewidth=1.2, marker="o", markersize=4, zorder=3)
    said = []
    for k, shift, side in ((1.0, (10, -4), "left"), (2.0, (-10, -1), "right")):
        row = table[table["k"] == k].iloc[0]
        place = (row["expected"], row["observed"])
        ax.plot(*place, marker="o", markersize=7, color=ORANGE, zorder=4)
        ax.annotate(
            f"{k:.0f} pk_std",
            place,
            xytext=shift,
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=8,
            zorder=5,
        )
        said.append(f"{100 * row['observed']:.0f} % within {k:.0f} pk_std ({100 * row['expected']:.0f} % expected)")
    lines = (f"{n} rows: {said[0]},", said[1], "below the line: pk_std too small; band: 95 % of chance at this n")
    ax.set_title("\n".join(lines), linespacing=1.5)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal")
    ax.set(xlabel="expected share within k pk_std", ylabel="observed share")
    return figure


def figures_by_group(section: Section) -> Figure:
    """The model's first figure of each group beside that of the first baseline, the best group on top."""
    metric = next(iter(section.columns[0].metrics))
    model, other = section.columns[0], section.columns[1] if len(section.columns) > 1 else None
    values = {c.name: section.groups[section.groups["name"] == c.name].set_index("group") for c in (model, other) if c}
    own = values[model.name].sort_values(metric, ascending=False)
    named = len(own) <= _NAMED_GROUPS
    places = np.arange(len(own))[::-1]
    figure = Figure(figsize=(6.4, 1.5 + (0.18 if named else 0.07) * len(own)), layout="constrained")
    ax = figure.subplots()
    ax.axvline(0, color=GREY, linewidth=0.9, zorder=1)
    ax.hlines(places, -1, 1, color=PALE, linewidth=0.6, zorder=0)
    size = 26 if named else 10
    if other is not None:  # rings, which a point of the model does not hide
        points = values[other.name][metric].reindex(own.index)
        label = f"{other.name}, mean {_said(other.metrics[metric])}"
        ax.scatter(
            points, places, s=1.6 * size, facecolor="none", edgecolor=ORANGE, linewidth=1.1, zorder=3, label=label
        )
        ax.axvline(other.metrics[metric].value, color=ORANGE, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
    label = f"{model.name}, mean {_said(model.metrics[metric])}"
    ax.scatter(own[metric], places, s=size, color=BLUE, edgecolor="white", linewidth=0.4, zorder=4, label=label)
    ax.axvline(model.metrics[metric].value, color=BLUE, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
    ax.set(
        xlim=(-1.04, 1.04), ylim=(-0.8, len(own) - 0.2), yticks=places if named else [], xlabel=_FIGURE_NAMES[metric]
    )
    if named:
        ax.set_yticklabels([f"{_short(str(g))} ({n})" for g, n in zip(own.index, own["n"], strict=True)], fontsize=7)
    ax.tick_params(axis="y", length=0)
    weighing = "weighted by compounds" if section.name == "series" else "each alike"
    title = f"{len(own)} groups by {_short(section.by)} (compounds in brackets); dashed: means, {weighing}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=9)
    figure.legend(loc="outside lower left", frameon=False, fontsize=8)
    return figure


def _point(n: int) -> tuple[float, float]:
    """Size and opacity of one of n points."""
    return (14.0, 0.8) if n <= _MANY else (7.0, 0.45)


def _same_ticks(ax: Axes, low: float, high: float) -> None:
    step = 1 if high - low <= 6 else 2
    ticks = np.arange(np.ceil(low / step) * step, high + 1e-9, step)
    ax.set(xticks=ticks, yticks=ticks)


def _said(estimate: Estimate) -> str:
    if not np.isfinite(estimate.value):
        return "not defined"
    if not np.isfinite(estimate.low):
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _short(name: str, longest: int = 36) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"

"""Pictures of a screen as SVG text: scores, size bias, what the ligand alone explains, enrichment.

Matplotlib is an extra (``plots``).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from binding.evaluation.enrichment import recovery_curve
from binding.reports.evaluation import BLUE, GREY, INK, ORANGE, PALE, STYLE
from binding.screening.digest import Digest, Spread

_SIZE: Final = (5.4, 3.5)
_BLUES: Final = LinearSegmentedColormap.from_list("compounds", ["#cfe3f1", BLUE, "#00304d"])
_STYLE: Final[dict[Any, Any]] = {**STYLE, "svg.fonttype": "none", "font.family": "sans-serif"}
_LINES: Final = {
    "rank_score": (BLUE, 2.0, "-"),
    "pk": (BLUE, 2.0, "-"),  # what is ranked by where there is no rank score
    "pK": (INK, 1.4, "-"),
    "pk_ligand_only": (ORANGE, 1.4, "-"),
    "heavy_atoms": (GREY, 1.4, (0, (4, 2))),
}
_NAMES: Final = {
    "rank_score": "rank score",
    "pk": "pK",
    "pK": "pK",
    "pk_ligand_only": "pK of the ligand alone",
    "heavy_atoms": "number of heavy atoms",
}
_POINTS: Final = ((60, (34.0, 0.8)), (500, (12.0, 0.7)), (float("inf"), (6.0, 0.45)))  # up to so many: size, opacity
_LEAST: Final = 0.002  # share of the compounds where the logarithmic axis begins, at most


def as_svg(draw: Callable[[], Figure], name: str) -> str:
    """A picture as an element of a page; the same picture gives the same text.

    Args:
        draw: Makes the figure.
        name: Keeps the ids of the picture apart from those of others on the page.
    """
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        stream = io.StringIO()
        draw().savefig(stream, format="svg", dpi=200, transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    head, rest = text.split(">", 1)
    return re.sub(r' (?:width|height)="[^"]*"', "", head) + ">" + rest  # as large as the page wants it


def scores(found: Digest) -> Figure:
    """Histograms of ``pk`` and of ``pk_ligand_only`` over the compounds."""
    figure, ax = _axes()
    pk, alone = found.bars["pk"], found.bars["pk_ligand_only"]
    ax.stairs(pk, found.edges, fill=True, color=BLUE, alpha=0.75, label="pK")
    ax.stairs(alone, found.edges, color=ORANGE, linewidth=1.6, label="pK of the ligand alone")
    ax.set(xlabel="pK = -log10(K / M), higher binds tighter", ylabel="compounds")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlim(found.edges[0], found.edges[-1])
    ax.legend(frameon=False, fontsize=8)
    return figure


def against_size(found: Digest) -> Figure:
    """``pk`` over the number of heavy atoms."""
    figure, ax = _axes()
    _spread(figure, ax, found.by_size)
    ax.set(xlabel="heavy atoms of the ligand", ylabel="pK")
    return figure


def against_ligand(found: Digest) -> Figure:
    """``pk`` over ``pk_ligand_only``, with the line where the protein adds nothing."""
    figure, ax = _axes()
    spread = found.by_ligand
    ends = [min(spread.x.min(), spread.y.min()), max(spread.x.max(), spread.y.max())]
    ax.plot(ends, ends, color=INK, linewidth=0.9, zorder=3)
    ax.annotate("equal", (ends[1], ends[1]), (-4, -2), textcoords="offset points", ha="right", va="top", color=INK,
                fontsize=8)  # fmt: skip
    _spread(figure, ax, spread)
    ax.set(xlabel="pK of the ligand alone, without the protein", ylabel="pK")
    return figure


def enrichment(curves: dict[str, np.ndarray], active: np.ndarray) -> Figure:
    """The share of the actives among the best compounds, by each column.

    Args:
        curves: (n,) scores of the labelled compounds by column; NaN ranks last.
        active: (n,) bool.
    """
    figure, ax = _axes()
    start = min(_LEAST, 1.0 / len(active))
    x = np.geomspace(start, 1.0, 400)
    ax.plot(x, x, color=PALE, linewidth=6, zorder=0, label="chance")
    for name in (name for name in _LINES if name in curves):
        color, width, dashes = _LINES[name]
        found = np.interp(x, *recovery_curve(curves[name], active))
        ax.plot(x, found, color=color, linewidth=width, linestyle=dashes, label=_NAMES[name])
    ax.axvline(0.01, color=GREY, linewidth=0.7, linestyle=(0, (2, 3)), zorder=0)
    ax.set(xscale="log", xlim=(start, 1.0), ylim=(0.0, 1.02))
    ax.set(xlabel="share of the compounds, best first", ylabel="share of the actives found")
    ticks = [tick for tick in (0.001, 0.01, 0.1, 1.0) if tick >= start]
    ax.set_xticks(ticks, [f"{100 * tick:g} %" for tick in ticks])
    ax.minorticks_off()
    ax.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def _axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE, layout="constrained")
    return figure, figure.subplots()


def _spread(figure: Figure, ax: Axes, spread: Spread) -> None:
    """Points, or cells coloured by how many compounds they hold; pixels inside the SVG, which stays small."""
    if spread.cell is None:
        size, alpha = next(look for most, look in _POINTS if len(spread.x) <= most)
        ax.scatter(spread.x, spread.y, s=size, color=BLUE, alpha=alpha, linewidth=0, zorder=2, rasterized=True)
        return
    (width, height), left, low = spread.cell, spread.x.min(), spread.y.min()
    columns = np.rint((spread.x - left) / width).astype(int)
    rows = np.rint((spread.y - low) / height).astype(int)
    cells = np.full((rows.max() + 1, columns.max() + 1), np.nan)
    cells[rows, columns] = spread.n
    mesh = ax.pcolormesh(
        left + width * (np.arange(cells.shape[1] + 1) - 0.5),
        low + height * (np.arange(cells.shape[0] + 1) - 0.5),
        cells,
        cmap=_BLUES,
        norm=LogNorm(1, max(2.0, spread.n.max())),
        zorder=2,
        rasterized=True,
    )
    bar = figure.colorbar(mesh, ax=ax, pad=0.02, aspect=30)
    bar.set_label("compounds", color=INK)
    bar.outline.set_visible(False)

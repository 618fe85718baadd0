"""Draws the pictures of README and docs -> docs/figures/*.svg and *.png.

    python -m scripts.tables.pictures
    python -m scripts.tables.pictures --only explain

``casf2016`` is drawn from docs/figures/casf2016_predictions.csv and casf2016_metrics.json (`scripts.measure.casf`), and
``model``, a schematic, from nothing. ``explain``, an explanation as the terminal and a browser show it, is only drawn
when asked for: it needs Chromium. Needs the extra `plots`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from PIL import Image

from scripts.figures import FIGURES, ROOT

INK, GREY, PALE = "#1f2933", "#7b8794", "#e4e7eb"
COMPLEX = ("data/examples/6wqa_complex.cif.gz", "A:ZMA:1202")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WINDOW = "1240,1340"  # pixels
WIDTH = 1280  # pixels of the picture
#: Drawing 3D without a graphics card, twice as large as it is kept.
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--hide-scrollbars",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--force-device-scale-factor=2",
    "--virtual-time-budget=4000",
    f"--window-size={WINDOW}",
)
LIGAND, POCKET, PAIR, OUT = "#0072b2", "#d55e00", "#009e73", "#5b4b8a"  # Okabe and Ito's, told apart by all eyes
mpl.use("Agg")
mpl.rcParams.update(
    {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.edgecolor": GREY,
        "axes.labelcolor": INK,
        "axes.linewidth": 0.8,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "text.color": INK,
        "svg.hashsalt": "binding",
    }
)


def save(figure: Figure, folder: Path, name: str, made_from: str) -> None:
    """SVG and PNG; the SVG's description says what it was made from, which a test compares."""
    for suffix, metadata in (("svg", {"Date": None, "Description": made_from}), ("png", {"Description": made_from})):
        figure.savefig(
            folder / f"{name}.{suffix}",
            dpi=200,
            facecolor="white",
            metadata=metadata,
            bbox_inches="tight",
            pad_inches=0.1,
        )
    plt.close(figure)


# ---------------------------------------------------------------- predicted against measured


def scatter(ax: Axes, rows: pd.DataFrame, column: str, figures: dict, title: str, colour: str) -> None:
    """One panel: measured on x, predicted on y, in pK."""
    low, high = 1.5, 12.5
    ax.plot([low, high], [low, high], color=GREY, linewidth=0.9, zorder=1)
    ax.fill_between([low, high], [low - 1, high - 1], [low + 1, high + 1], color=PALE, alpha=0.6, linewidth=0, zorder=0)
    if column == "pk":
        ax.errorbar(
            rows["pk_true"],
            rows[column],
            rows["pk_std"],
            fmt="none",
            ecolor=colour,
            elinewidth=0.6,
            alpha=0.22,
            zorder=2,
        )
    ax.scatter(rows["pk_true"], rows[column], s=13, color=colour, alpha=0.8, edgecolor="white", linewidth=0.4, zorder=3)
    r, rmse = figures["r"], figures["rmse"]
    ax.set_title(
        f"{title}\n"
        f"r {r['value']:.2f} ({r['low']:.2f} to {r['high']:.2f}), "
        f"RMSE {rmse['value']:.2f} ({rmse['low']:.2f} to {rmse['high']:.2f})",
        fontsize=9,
        linespacing=1.5,
        loc="left",
    )
    ticks = range(2, 13, 2)
    ax.set(xlim=(low, high), ylim=(low, high), xticks=ticks, yticks=ticks, aspect="equal", xlabel="measured pK")
    ax.spines[["top", "right"]].set_visible(False)


def draw_predictions(folder: Path) -> None:
    source = folder / "casf2016_predictions.csv"
    rows = pd.read_csv(source)
    report = json.loads((folder / "casf2016_metrics.json").read_text(encoding="utf-8"))
    figures = {column["name"]: column["metrics"] for column in report["columns"]}
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 5.1), sharey=True, layout="constrained")
    scatter(axes[0], rows, "pk", figures["pk"], "Model, pk ± pk_std", LIGAND)
    scatter(axes[1], rows, "pk_ligand_only", figures["pk_ligand_only"], "The ligand alone, pk_ligand_only", POCKET)
    axes[0].set_ylabel("predicted pK")
    figure.supxlabel(
        f"CASF-2016, {len(rows)} crystal complexes. Brackets: 95 % bootstrap intervals. Band: within 1 pK.",
        fontsize=8,
        color=GREY,
    )
    save(figure, folder, "casf2016", f"sha256 {hashlib.sha256(source.read_bytes()).hexdigest()}")


# ---------------------------------------------------------------- schematic of the model


def box(ax: Axes, x: float, y: float, width: float, height: float, title: str, text: str, colour: str) -> None:
    """A rounded box with its lower left corner at (x, y)."""
    shape = FancyBboxPatch(
        (x, y),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor="white",
        edgecolor=colour,
        linewidth=1.4,
    )
    ax.add_patch(shape)
    ax.text(x + 0.18, y + height - 0.2, title, fontsize=10, fontweight="bold", color=colour, va="top")
    ax.text(x + 0.18, y + height - 0.52, text, fontsize=8, va="top", linespacing=1.45)


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = INK, **style: Any) -> None:
    options: dict[str, Any] = {
        "arrowstyle": "-|>",
        "mutation_scale": 11,
        "linewidth": 1.3,
        "color": colour,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    ax.add_patch(FancyArrowPatch(start, end, **(options | style)))


def hexagon(centre: tuple[float, float], radius: float) -> np.ndarray:
    angles = np.deg2rad(np.arange(30, 390, 60))
    return np.array(centre) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def draw_ligand(ax: Axes, x: float, y: float) -> np.ndarray:
    """A small molecule as a graph: atoms and bonds. Returns the atoms."""
    ring = hexagon((x, y), 0.36)
    chain = np.array([ring[0] + [0.36, 0.16], ring[0] + [0.70, -0.06], ring[3] + [-0.36, -0.16], ring[4] + [0, -0.40]])
    atoms = np.concatenate([ring, chain])
    bonds = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (0, 6), (6, 7), (3, 8), (4, 9)]
    for first, second in bonds:
        ax.plot(*atoms[[first, second]].T, color=LIGAND, linewidth=1.6, zorder=2)
    fill = [LIGAND] * len(atoms)
    for row, colour in ((7, "#cc3311"), (8, "#56b4e9"), (1, "#56b4e9")):
        fill[row] = colour
    ax.scatter(atoms[:, 0], atoms[:, 1], s=34, color=fill, edgecolor="white", linewidth=0.8, zorder=3)
    return atoms


def draw_pocket(ax: Axes, x: float, y: float) -> np.ndarray:
    """Residues as nodes, each with its local frame, joined to their neighbours. Returns the residues."""
    angles = np.deg2rad([150, 190, 230, 270, 310, 350, 30])
    residues = np.array([x, y]) + np.stack([1.0 * np.cos(angles), 0.62 * np.sin(angles)], axis=1)
    for first in range(len(residues)):
        for second in (first + 1, first + 2):
            if second < len(residues):
                ax.plot(*residues[[first, second]].T, color=POCKET, linewidth=0.8, alpha=0.55, zorder=1)
    for row, place in enumerate(residues):
        turn = 0.7 * row
        for axis in (0.0, np.pi / 2):
            tip = place + 0.21 * np.array([np.cos(turn + axis), np.sin(turn + axis)])
            ax.add_patch(
                FancyArrowPatch(
                    place, tip, arrowstyle="-|>", mutation_scale=5, linewidth=0.8, color=INK, shrinkA=0, shrinkB=0
                )
            )
    ax.scatter(
        residues[:, 0], residues[:, 1], s=62, marker="s", color=POCKET, edgecolor="white", linewidth=0.8, zorder=3
    )
    return residues


def draw_pair(ax: Axes, x: float, y: float) -> None:
    """One ligand atom, one residue, the lines and the angle between them."""
    atom, residue = np.array([x, y + 0.55]), np.array([x + 1.35, y])
    ax.plot(*np.stack([atom, residue]).T, color=PAIR, linewidth=1.4, linestyle=(0, (3, 2)), zorder=1)
    ax.plot(*np.stack([atom, atom + [-0.3, 0.24]]).T, color=LIGAND, linewidth=1.6, zorder=1)
    ax.plot(*np.stack([atom, atom + [-0.34, -0.18]]).T, color=LIGAND, linewidth=1.6, zorder=1)
    arrow(ax, tuple(atom), tuple(atom + [0.44, -0.02]), LIGAND, mutation_scale=7)
    for tip in ([0.34, 0.26], [-0.26, 0.34]):
        arrow(ax, tuple(residue), tuple(residue + tip), INK, mutation_scale=7, linewidth=1.0)
    ax.scatter(atom[0], atom[1], s=60, color=LIGAND, edgecolor="white", zorder=3)
    ax.scatter(residue[0], residue[1], s=90, marker="s", color=POCKET, edgecolor="white", zorder=3)
    ax.text(x + 0.62, y + 0.04, "d", fontsize=9, color=PAIR, style="italic", ha="right")
    ax.text(x + 0.52, y + 0.56, "θ", fontsize=9, color=PAIR, style="italic")


def draw_model(folder: Path) -> None:
    figure = plt.figure(figsize=(10.4, 5.0))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 13.0), ylim=(0, 6.25))
    ax.set_axis_off()
    draw_inputs(ax)
    middle = 3.02
    box(
        ax,
        3.0,
        4.2,
        2.75,
        1.35,
        "Ligand encoder",
        "messages along bonds;\nlearned direction vectors\nof each atom (e3nn, l = 1)",
        LIGAND,
    )
    text = (
        "distances, contact profile by\natom class, harmonics in the\n"
        "residue's frame, H-bond and\nstacking angles, Vina's terms"
    )
    box(ax, 3.0, middle - 0.82, 2.75, 1.64, "Pair geometry", text, PAIR)
    text = "messages between residues:\ndistance, direction and turn\nof their frames"
    box(ax, 3.0, 0.5, 2.75, 1.35, "Pocket encoder", text, POCKET)
    arrow(ax, (2.35, 4.87), (2.95, 4.87), LIGAND)
    arrow(ax, (2.35, middle), (2.95, middle), PAIR)
    arrow(ax, (2.55, 1.17), (2.95, 1.17), POCKET)

    draw_experts(ax)
    arrow(ax, (5.8, middle + 0.45), (6.45, 4.2), PAIR)
    arrow(ax, (5.8, middle - 0.2), (6.45, 2.1), PAIR)
    arrow(ax, (5.8, 4.5), (6.45, 2.5), LIGAND)
    arrow(ax, (5.8, 1.17), (6.45, 1.4), POCKET)
    save(figure, folder, "model", "schematic")


def draw_experts(ax: Axes) -> None:
    """The columns in the middle and on the right: what says a number, and the numbers."""
    text = "fixed heads that sum: kinds of both\natoms, distance, angles; burial"
    box(ax, 6.5, 3.5, 2.95, 1.85, "Geometry expert", text, PAIR)
    formula = r"$u = \Sigma_{ij}\, w(\mathrm{kinds}, r_{ij}, \mathrm{angles})$"
    ax.text(6.68, 4.16, formula, fontsize=8.6, va="center")
    ax.text(6.68, 3.78, r"$\mathrm{pk} = c + \Sigma_m\, \alpha_m\, k(u, u_m)$", fontsize=8.6, va="center")
    text = "learned weights, both directions"
    box(ax, 6.5, 0.75, 2.95, 2.1, "Geometric cross-attention", text, INK)
    for row, formula in enumerate(
        (
            r"$a_{ij} = \mathrm{softmax}_j(q_i \cdot k_j/\sqrt{d} + b_{ij})$",
            r"$x_i \leftarrow x_i + W \, \Sigma_j\, a_{ij}\, g_{ij}\, v_j$",
        )
    ):
        ax.text(6.68, 1.82 - 0.36 * row, formula, fontsize=8.6, va="center")
    ax.text(6.68, 1.05, "bias b and gate g: from the pair", fontsize=8, va="center")
    box(
        ax,
        10.15,
        4.85,
        2.65,
        1.0,
        "pk_prior, pk_ligand_only",
        "likeness to ligands measured\nat sites like this one",
        OUT,
    )
    box(
        ax,
        10.15,
        2.95,
        2.65,
        1.5,
        "pk",
        "offset + prior + geometry;\npk_network: geometry alone,\nby its own line",
        OUT,
    )
    box(ax, 10.15, 1.0, 2.65, 1.35, "pose", "native contacts, Vina's terms,\nthe networks' pairs and states", OUT)
    arrow(ax, (11.5, 4.8), (11.5, 4.5), OUT)
    arrow(ax, (9.5, 4.1), (10.1, 3.8), OUT)
    arrow(ax, (9.5, 1.7), (10.1, 1.7), OUT)
    ax.plot([1.3, 1.3], [5.72, 5.9], color=LIGAND, linewidth=1.2, linestyle=(0, (4, 2)))
    ax.plot([1.3, 9.5], [5.9, 5.9], color=LIGAND, linewidth=1.2, linestyle=(0, (4, 2)))
    arrow(ax, (9.48, 5.9), (10.1, 5.5), LIGAND, connectionstyle="angle3,angleA=0,angleB=-50", linewidth=1.2)


def draw_inputs(ax: Axes) -> None:
    """The left column: what goes in."""
    draw_ligand(ax, 1.2, 5.02)
    ax.text(1.3, 4.02, "ligand: atoms, bonds", ha="center", fontsize=8, color=GREY)
    draw_pair(ax, 0.62, 2.9)
    ax.text(1.3, 2.4, "positions of both", ha="center", fontsize=8, color=GREY)
    draw_pocket(ax, 1.3, 1.22)
    ax.text(1.3, 0.2, "pocket: residues, local frames", ha="center", fontsize=8, color=GREY)


# ---------------------------------------------------------------- an explanation in the terminal and in a browser


def draw_explanation(folder: Path) -> None:
    """``explain.txt`` and ``explain.png``: an example complex by the default weights.

    Raises:
        SystemExit: There is no browser.
    """
    picture = folder / "explain.png"
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"no browser: looked for {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as scratch:
        explain = [sys.executable, "-m", "binding", "explain", *COMPLEX, "--device", "cpu"]
        shown = subprocess.run(
            [*explain, "--top", "4", "-o", scratch],
            check=True, capture_output=True, text=True, cwd=ROOT, env=os.environ | {"COLUMNS": "100"},
        )  # fmt: skip
        lines = [line.rstrip() for line in shown.stdout.splitlines()]
        picture.with_suffix(".txt").write_text("\n".join(lines).strip("\n") + "\n", encoding="utf-8")
        page = (Path(scratch) / "report.html").as_uri()
        subprocess.run(
            [browser, *SWITCHES, f"--screenshot={picture}", page], check=True, capture_output=True, timeout=600
        )
    with Image.open(picture) as taken:
        size = (WIDTH, round(taken.height * WIDTH / taken.width))
        small = taken.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.save(picture, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FIGURES)
    parser.add_argument("--only", choices=("casf2016", "model", "explain"))
    options = parser.parse_args()
    if options.only in (None, "casf2016"):
        draw_predictions(options.folder)
    if options.only in (None, "model"):
        draw_model(options.folder)
    if options.only == "explain":
        draw_explanation(options.folder)


if __name__ == "__main__":
    main()

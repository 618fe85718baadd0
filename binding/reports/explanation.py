"""The report of explanations: one HTML file that opens without a network.

Of each complex the ligand in 2D with its atoms coloured by what they add to pk, the parts of pk and its residues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from binding.explanation.contributions import PARTS
from binding.explanation.rows import Explanation, Reasons, residue_label, strongest
from binding.reports.drawing import TIGHTER, WEAKER, draw_shares
from binding.reports.page import render_page

if TYPE_CHECKING:
    from collections import Counter

    from markupsafe import Markup

RESIDUES: Final = 16  # that are listed of each complex; all are in the tables
ATOMS: Final = 8
_LEAST_SCALE: Final = 1e-6  # pK, of a ligand that nothing touches


@dataclass(frozen=True)
class Bar:
    """A bar on an axis of 100 units.

    Attributes:
        start: Left end of the bar.
        width: Length of the bar.
        whisker: Half the length of the error bar; 0 where there is none.
        end: Where the bar ends, which the whisker is about.
        zero: Where the axis is 0.
        tighter: Whether it adds to pk.
    """

    start: float
    width: float
    whisker: float
    end: float
    zero: float
    tighter: bool


@dataclass(frozen=True)
class Line:
    """A line of a table with its bar; ``std`` is NaN where there is none."""

    label: str
    pk: float
    std: float
    bar: Bar
    more: dict[str, Any]


@dataclass(frozen=True, eq=False)
class PageSection:
    """The section of the page for one complex."""

    row: Any
    drawing: Markup
    limit: float
    parts: list[Line]
    residues: list[Line]
    atoms: list[dict[str, Any]]
    other_residues: int
    other_pk: float


def render(drawn: Sequence[Explanation], failed: Sequence[Explanation], counts: Counter[str]) -> str:
    """The page.

    Args:
        drawn: Complexes to show, each with reasons.
        failed: Some that have no number.
        counts: How many there are in all, ``ok`` and ``failed``.
    """
    return render_page(
        "explanation.html",
        sections=[_section(item, item.reasons) for item in drawn if item.reasons is not None],
        failed=[item.row for item in failed],
        scored=counts["ok"],
        missed=counts["failed"],
        models=sorted({item.row.model for item in (*drawn, *failed) if item.row.model}),
        tighter=_css(TIGHTER),
        weaker=_css(WEAKER),
    )


def _section(explanation: Explanation, reasons: Reasons) -> PageSection:
    shares = reasons.contributions.atoms.pk
    limit = max(float(np.abs(shares).max()), _LEAST_SCALE)
    rows = explanation.residues()
    listed = strongest(rows, RESIDUES)
    return PageSection(
        row=explanation.row,
        drawing=draw_shares(reasons.ligand.mol, shares, limit),
        limit=limit,
        parts=_waterfall(explanation),
        residues=_residues(listed),
        atoms=strongest(explanation.atoms(), ATOMS),
        other_residues=len(rows) - len(listed),
        other_pk=sum(row["pk"] for row in rows) - sum(row["pk"] for row in listed),
    )


def _waterfall(explanation: Explanation) -> list[Line]:
    """The parts of pk, each beginning where the last one ended."""
    assert explanation.reasons is not None, "what is drawn has reasons"
    found = {name: explanation.reasons.contributions.part(name) for name in PARTS}
    steps = {name: part for name, part in found.items() if np.isfinite(part[0])}
    ends = np.cumsum([pk for pk, _ in steps.values()])
    low, high = min(0.0, float(ends.min())), max(0.0, float(ends.max()))
    scale = 100.0 / max(high - low, _LEAST_SCALE)
    lines = []
    for (name, (pk, std)), end in zip(steps.items(), ends.tolist(), strict=True):
        start = min(end, end - pk) - low
        bar = Bar(scale * start, scale * abs(pk), 0.0, scale * (end - low), -scale * low, pk >= 0.0)
        lines.append(Line(PARTS[name], pk, std, bar, {}))
    return lines


def _residues(rows: Sequence[dict[str, Any]]) -> list[Line]:
    """Residues with bars from a common zero, whose whiskers are the spread of the networks."""
    if not rows:
        return []
    pk = np.array([row["pk"] for row in rows])
    std = np.nan_to_num([row["pk_std"] for row in rows])
    low, high = min(0.0, float((pk - std).min())), max(0.0, float((pk + std).max()))
    scale = 100.0 / max(high - low, _LEAST_SCALE)
    zero = -scale * low
    lines = []
    for row, value, error in zip(rows, pk.tolist(), std.tolist(), strict=True):
        start = zero + scale * min(value, 0.0)
        bar = Bar(start, scale * abs(value), scale * error, zero + scale * value, zero, value >= 0.0)
        lines.append(Line(residue_label(row), value, row["pk_std"], bar, row))
    return lines


def _css(colour: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)

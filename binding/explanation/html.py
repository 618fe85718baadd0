"""Explanations in a notebook: small tables with bars, in the colours of the text around them.

Text of files is escaped. The whole page, with 3D, is ``binding.view``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from binding.explanation.contributions import PARTS

if TYPE_CHECKING:
    from binding.explanation.rows import Explanation

RESIDUES: Final = 8  # that are shown of a complex
COMPLEXES: Final = 20
_TIGHTER, _WEAKER = "#0072b2", "#d55e00"


def explanation_html(explanation: Explanation) -> str:
    """A complex: its pk, the parts of it and the strongest residues."""
    row = explanation.row
    head = f"<b>{escape(row.id)}</b>"
    if explanation.reasons is None:
        return f"<div>{head}: no number. <code>{escape(row.error_code or '')}</code> {escape(row.message or '')}</div>"
    labels = explanation.reasons.residue_labels
    shares = explanation.reasons.contributions.residues.pk
    order = np.argsort(-np.abs(shares), kind="stable")[:RESIDUES].tolist()
    parts = [(text, explanation.reasons.contributions.part(name)[0]) for name, text in PARTS.items()]
    return (
        f"<div>{head}: <b>pK {row.pk:.2f}</b> ± {row.pk_std:.2f} = −log<sub>10</sub>(K/M); above zero binds tighter"
        '<div style="display:flex;flex-wrap:wrap;gap:1.5em;align-items:flex-start">'
        f"{_bars('part', [part for part in parts if np.isfinite(part[1])])}"
        f"{_bars('residue', [(labels[k], float(shares[k])) for k in order])}</div>"
        f"{_warnings(row.warnings)}</div>"
    )


def explanations_html(explanations: Sequence[Explanation]) -> str:
    """Several complexes: a row each, with the parts of pk."""
    shown = explanations[:COMPLEXES]
    rows = [explanation.parts() for explanation in shown]
    names = [name for name in PARTS if any(np.isfinite(row[f"pk_{name}"]) for row in rows)]
    heads = ["id", "pK", "±", *(PARTS[name] for name in names)]
    body = [
        [row["id"], _number(row["pk"]), _number(row["pk_std"]), *(_signed(row[f"pk_{name}"]) for name in names)]
        for row in rows
    ]
    more = len(explanations) - len(shown)
    rest = f"<div>… {more} more</div>" if more > 0 else ""
    return f"<div>{_table(heads, body)}{rest}<div>binding.view(...) shows them in 3D.</div></div>"


def _bars(title: str, rows: Sequence[tuple[str, float]]) -> str:
    """Rows of a name, a bar and a number."""
    most = max([1e-9, *(abs(value) for _, value in rows)])
    lines = []
    for name, value in rows:
        colour = _TIGHTER if value >= 0 else _WEAKER
        bar = f'<div style="width:{6 * abs(value) / most:.2f}em;height:.8em;background:{colour}"></div>'
        lines.append(f"<tr>{_cell('td', escape(name))}<td>{bar}</td>{_cell('td', _signed(value), 'right')}</tr>")
    head = f"{_cell('th', title)}<th></th>{_cell('th', 'pK', 'right')}"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(tag: str, text: str, side: str = "left") -> str:
    return f'<{tag} style="padding:.15em .6em;text-align:{side};white-space:nowrap">{text}</{tag}>'


def _table(heads: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _warnings(text: str | None) -> str:
    return f'<div style="color:{_WEAKER}">{escape(text)}</div>' if text else ""


def _number(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.2f}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−") if np.isfinite(value) else ""

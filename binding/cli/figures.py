"""The figures of an evaluation on stdout."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from binding.cli import terminal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from binding.evaluation import Comparison, Report, Scored, Section
    from binding.metrics import Difference, Estimate

    _Row = tuple[str, int, Sequence[Estimate | Difference]]  # name, n and figures

_SCORING: Final = {"r": "r", "spearman": "Spearman", "rmse": "RMSE (pK)", "mae": "MAE (pK)"}
_NAMES: Final = {
    "r": "Pearson",
    "spearman": "Spearman",
    "kendall": "Kendall",
    "top1": "best pose",
    "top2": "best of 2",
    "top3": "best of 3",
    "ef1": "EF1%",
    "ef5": "EF5%",
    "bedroc": "BEDROC (α 20)",
    "auc": "ROC-AUC",
}
_TITLES: Final = {
    "ranking": "Ranking inside each {by}, mean over {groups} groups of {rows} rows ({level}, by resampling the groups)",
    "series": "Inside each {by}, mean over {groups} series weighted by their {rows} compounds ({level}, by resampling "
    "the series)",
    "docking": "Docking power: share of {targets} targets ({by}) with a near-native pose among the best, {poses} poses "
    "({level}, by resampling the targets)",
    "enrichment": "Enrichment of {actives} actives among {compounds} compounds, {targets} target(s) ({level}, by "
    "resampling the compounds)",
}
_SHOWN_GROUPS: Final = 3  # of those left out that are named
_NAME_WIDTH: Final = 12
_UNBOUNDED: Final = 1000


def print_report(report: Report) -> None:
    """Where the rows went, then a table a section, each with its comparisons."""
    console = terminal.console()
    console.print(_counts(report))
    level = "95 % intervals" + (f", {report.resamples} resamples" if report.resamples else ": none")
    if report.counts.scored:
        _table(console, f"Against the measured pK ({level})", report.columns, _SCORING)
        _notes(console, report.columns)
        _gaps(console, report.comparisons, report.model.name, _SCORING)
        for name, share in report.coverage.items():
            console.print(f"{name.replace('_', ' ')}: {100 * share:.0f} % of the measurements", markup=False)
    for section in report.sections:
        _print_section(console, section, level)


def _counts(report: Report) -> str:
    counts = report.counts
    text = (
        f"{counts.asked} measured: {counts.scored} scored, {counts.failed} failed, {counts.missing} missing, "
        f"{counts.censored} censored (left out)"
    )
    if counts.unmeasured:
        text = text.replace("measured", "asked", 1) + f", {counts.unmeasured} without an affinity"
    if counts.merged:
        text += f", {counts.merged} further poses of compounds scored once"
    return text + (f"; {counts.extra} predictions without a measurement" if counts.extra else "")


def _print_section(console: Console, section: Section, level: str) -> None:
    headers = {metric: _NAMES[metric] for metric in section.columns[0].metrics}
    console.print()
    if section.counts.get("groups") == 0:
        console.print(f"{section.name}: no group of {section.by} has a rank to find", markup=False)
    else:
        _table(
            console,
            _TITLES[section.name].format(by=section.by, level=level, **section.counts),
            section.columns,
            headers,
        )
        _gaps(console, section.comparisons, section.columns[0].name, headers)
    for note in section.notes:
        console.print(note, markup=False)
    for what in ("unscored_poses", "unscored", "targets_without_near_native", "without_group"):
        if section.counts.get(what):
            console.print(f"{what.replace('_', ' ')}: {section.counts[what]}", markup=False)
    left = list(section.left_out.items())
    for group, reason in left[:_SHOWN_GROUPS]:
        console.print(f"left out: {group}: {reason}", markup=False)
    if len(left) > _SHOWN_GROUPS:
        console.print(f"... {len(left) - _SHOWN_GROUPS} more left out", markup=False)


def _table(console: Console, title: str, columns: list[Scored], headers: Mapping[str, str]) -> None:
    rows = [(scored.name, scored.n, [scored.metrics[name] for name in headers]) for scored in columns]
    _print(console, title, "predicted by", list(headers.values()), rows)


def _notes(console: Console, columns: list[Scored]) -> None:
    for scored in columns:
        if scored.note:
            console.print(f"{scored.name}: {scored.note}", markup=False)


def _gaps(console: Console, comparisons: list[Comparison], model: str, headers: Mapping[str, str]) -> None:
    if not comparisons:
        return
    rows = [(other.name, other.n, [other.differences[name] for name in headers]) for other in comparisons]
    titles = [f"Δ {header}" for header in headers.values()]
    _print(console, f"{model} minus the other, same rows and resamples", "the other", titles, rows, signed=True)


def _print(
    console: Console,
    title: str,
    names: str,
    headers: list[str],
    rows: Sequence[_Row],
    *,
    signed: bool = False,
) -> None:
    """A table of estimates; where it is too wide, each interval goes below its value, and n below the name."""
    from rich.measure import Measurement

    wide = _drawn(title, names, headers, rows, " ", signed)
    fits = Measurement.get(console, console.options.update(width=_UNBOUNDED), wide).maximum <= console.width
    console.print(wide if fits else _drawn(title, names, headers, rows, "\n", signed))


def _drawn(title: str, names: str, headers: list[str], rows: Sequence[_Row], gap: str, signed: bool) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(names, overflow="fold", min_width=_NAME_WIDTH)
    if gap == " ":
        table.add_column("n", justify="right", no_wrap=True)
    for header in headers:
        table.add_column(header.replace(" (", f"{gap}("), justify="right", no_wrap=True)
    for name, n, estimates in rows:
        first = [escape(name), str(n)] if gap == " " else [f"{escape(name)}\nn = {n}"]
        table.add_row(*first, *(_cell(estimate, gap, signed) for estimate in estimates))
    return table


def _cell(estimate: Estimate | Difference, gap: str, signed: bool) -> str:
    if math.isnan(estimate.value):
        return ""
    sign = "+" if signed else ""
    if math.isnan(estimate.low):  # too few groups to resample
        return f"{estimate.value:{sign}.3f}"
    digits = 3 if gap == " " else 2  # of the interval
    interval = f"\\[{estimate.low:{sign}.{digits}f}, {estimate.high:{sign}.{digits}f}]"
    return f"{estimate.value:{sign}.3f}{gap}{interval}"

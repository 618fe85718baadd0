"""How well compounds are ranked inside each target or series, averaged over these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from binding.evaluation.join import Joined
from binding.evaluation.report import Comparison, Scored, Section
from binding.metrics import MIN_ROWS, difference, estimate, kendall, mean_over_groups, pearson, spearman

_FIGURES: Final[Mapping[str, Callable[[np.ndarray, np.ndarray], Any]]] = {
    "r": pearson,
    "spearman": spearman,
    "kendall": kendall,
}
_TOO_FEW: Final = f"fewer than {MIN_ROWS} compounds that are measured and scored"
_CONSTANT: Final = "all of its compounds have the same measured pK"


@dataclass(frozen=True)
class GroupFigures:
    """One column's figures in each group.

    Attributes:
        names: (groups,) of the groups.
        n: (groups,) rows.
        table: (groups, metrics).
    """

    names: np.ndarray
    n: np.ndarray
    table: np.ndarray


def rank_targets(joined: Joined, by: str, *, resamples: int, seed: int) -> Section:
    """Spearman's ρ and Kendall's τ-b inside each target; each target counts alike in the mean."""
    return _section(joined, "ranking", "group", by, ("spearman", "kendall"), False, resamples, seed)


def rank_series(joined: Joined, by: str, *, resamples: int, seed: int) -> Section:
    """Pearson's r and Kendall's τ-b inside each series; each counts with its number of compounds."""
    return _section(joined, "series", "series", by, ("r", "kendall"), True, resamples, seed)


def summarise(
    metrics: tuple[str, ...],
    own: Mapping[str, GroupFigures],
    against: Mapping[str, GroupFigures],
    notes: Mapping[str, str],
    *,
    weighted: bool,
    resamples: int,
    seed: int,
) -> tuple[list[Scored], list[Comparison]]:
    """Means over groups with intervals, by resampling the groups.

    Args:
        metrics: Names of the figures.
        own: Of each column, the model first.
        against: Of each other column: the model's on the rows which that column has, group by group.
        notes: By column.
        weighted: Whether a group counts with its rows.
        resamples: Number of bootstrap resamples of the groups.
        seed: Seed of the bootstrap.
    """
    options: dict[str, int] = {"resamples": resamples, "seed": seed}
    columns, comparisons = [], []
    for name, figures in own.items():
        weights = figures.n if weighted else np.ones(len(figures.n))
        means = [mean_over_groups(figures.table[:, m], weights, **options) for m in range(len(metrics))]
        estimates = {metric: estimate(*mean) for metric, mean in zip(metrics, means, strict=True)}
        columns.append(Scored(name, int(figures.n.sum()), estimates, notes.get(name, "")))
        if name not in against:
            continue
        model = [mean_over_groups(against[name].table[:, m], weights, **options) for m in range(len(metrics))]
        gaps = {
            metric: difference(first[0] - second[0], first[1] - second[1])
            for metric, first, second in zip(metrics, model, means, strict=True)
        }
        comparisons.append(Comparison(name, int(figures.n.sum()), gaps))
    return columns, comparisons


def group_rows(own: Mapping[str, GroupFigures], metrics: tuple[str, ...]) -> pd.DataFrame:
    """A row a group and column: ``group``, ``name``, ``n`` and the figures."""
    rows = [
        {"group": group, "name": name, "n": int(n), **dict(zip(metrics, map(float, values), strict=True))}
        for name, figures in own.items()
        for group, n, values in zip(figures.names, figures.n, figures.table, strict=True)
    ]
    return pd.DataFrame(rows, columns=["group", "name", "n", *metrics])


def _section(
    joined: Joined, name: str, role: str, by: str, metrics: tuple[str, ...], weighted: bool, resamples: int, seed: int
) -> Section:
    cells = joined.roles[role]
    named = joined.where((cells != "").to_numpy())
    truth = named.rows["pk_true"].to_numpy(dtype=np.float64)
    numbers, labels = pd.factorize(named.roles[role])
    members = {str(label): np.flatnonzero(numbers == number) for number, label in enumerate(labels)}
    left_out = {group: reason for group, rows in members.items() if (reason := _unfit(truth[rows]))}
    used = {group: rows for group, rows in members.items() if group not in left_out}
    scores = {judged.name: named.scores[judged.name].to_numpy() for judged in named.judged}
    model = scores[named.model]
    own, against = {}, {}
    for column, values in scores.items():
        known = {group: rows[np.isfinite(values[rows])] for group, rows in used.items()}
        known = {group: rows for group, rows in known.items() if not _unfit(truth[rows])}
        own[column] = _figures(values, truth, known, metrics)
        if column != named.model:
            against[column] = _figures(model, truth, known, metrics)
    notes = {judged.name: "" if judged.fitted else judged.note for judged in named.judged}
    options: dict[str, Any] = {"weighted": weighted, "resamples": resamples, "seed": seed}
    columns, comparisons = summarise(metrics, own, against, notes, **options)
    counts = {
        "groups": len(used),
        "rows": int(sum(map(len, used.values()))),
        "left_out_groups": len(left_out),
        "left_out_rows": int(sum(len(members[group]) for group in left_out)),
        "without_group": int((cells == "").sum()),
    }
    return Section(name, by, counts, columns, comparisons, group_rows(own, metrics), left_out)


def _unfit(truth: np.ndarray) -> str:
    """Why a group has no rank to find; empty where it has."""
    if len(truth) < MIN_ROWS:
        return _TOO_FEW
    return _CONSTANT if np.ptp(truth) == 0 else ""


def _figures(
    values: np.ndarray, truth: np.ndarray, members: Mapping[str, np.ndarray], metrics: tuple[str, ...]
) -> GroupFigures:
    """A column that is constant in a group says nothing about its order: 0, and not a group left out of the mean."""
    found = [[float(_FIGURES[m](values[rows], truth[rows])) for m in metrics] for rows in members.values()]
    n = np.array([len(rows) for rows in members.values()], dtype=np.float64)
    table = np.nan_to_num(np.array(found, dtype=np.float64).reshape(len(members), len(metrics)), nan=0.0)
    return GroupFigures(np.array(list(members), dtype=object), n, table)

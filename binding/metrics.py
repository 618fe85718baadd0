"""How well predictions follow measurements, with bootstrap intervals.

Pure NumPy and SciPy. Correlations do not depend on units; RMSE and MAE are in those of the
inputs (pK in this package). Where a figure is not defined (fewer than three rows, or a column
that is constant) it is NaN, never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import kendalltau, rankdata

RESAMPLES: Final = 2000
LEVEL: Final = 0.95
MIN_ROWS: Final = 3
_BLOCK_CELLS: Final = 4_000_000  # of one temporary array, 32 MB as float64

METRICS: Final = ("r", "spearman", "kendall", "rmse", "mae")


@dataclass(frozen=True)
class Estimate:
    """A figure with its percentile bootstrap interval (95 % unless asked otherwise)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference(Estimate):
    """First minus second, from resamples that both share.

    Attributes:
        p_value: Two-sided bootstrap p: twice the smaller share of resamples on either side of zero,
            at least 2 / (resamples + 1).
    """

    p_value: float


def pearson(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pearson's r along the last axis; NaN where a column is constant.

    Args:
        predicted: (..., n).
        truth: (..., n).

    Returns:
        (...,) in [-1, 1].
    """
    x = predicted - predicted.mean(axis=-1, keepdims=True)
    y = truth - truth.mean(axis=-1, keepdims=True)
    # A constant column leaves rounding noise after centring, hence max - min and not the variance.
    constant = (np.ptp(predicted, axis=-1) == 0) | (np.ptp(truth, axis=-1) == 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (x * y).sum(axis=-1) / np.sqrt((x * x).sum(axis=-1) * (y * y).sum(axis=-1))
    return np.where(constant, np.nan, np.clip(r, -1.0, 1.0))


def spearman(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation along the last axis, ties at their mean rank."""
    return pearson(rankdata(predicted, axis=-1), rankdata(truth, axis=-1))


def kendall(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Kendall's tau-b of two columns of shape (n,)."""
    if np.ptp(predicted) == 0 or np.ptp(truth) == 0:
        return float("nan")
    return float(kendalltau(predicted, truth).statistic)


def rmse(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Root mean square error along the last axis."""
    return np.sqrt(((predicted - truth) ** 2).mean(axis=-1))


def mae(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean absolute error along the last axis."""
    return np.abs(predicted - truth).mean(axis=-1)


_BY_ROWS: Final[dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "r": pearson,
    "spearman": spearman,
    "rmse": rmse,
    "mae": mae,
}


def measure(
    predicted: np.ndarray, truth: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0, level: float = LEVEL
) -> dict[str, Estimate]:
    """Every metric of one column of predictions.

    Args:
        predicted: (n,), finite.
        truth: (n,), finite.
        resamples: Number of resamples of the rows, with replacement; 0 gives NaN intervals.
        seed: Seed of the resamples; the same seed and n give the same resamples.
        level: Level of the interval.

    Returns:
        ``r``, ``spearman``, ``kendall``, ``rmse`` and ``mae``.

    Raises:
        ValueError: Shapes differ or a number is not finite.
    """
    x, y = _columns(predicted, truth)
    values, samples = _values(x, y), _bootstrap(x, y, resamples, seed)
    return {name: estimate(values[name], samples[name], level) for name in METRICS}


def regression_metrics(
    truth: np.ndarray, predicted: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, int | float | list[float] | None]:
    """The same figures flat and rounded, for a model's card: JSON-ready, None where not defined.

    Args:
        truth: (n,), finite.
        predicted: (n,), finite.
        resamples: As in ``measure``.
        seed: As in ``measure``.

    Returns:
        ``n``, each metric by its name, and its 95 % interval as ``<name>_interval``.
    """
    card: dict[str, int | float | list[float] | None] = {"n": len(truth)}
    for name, estimate in measure(predicted, truth, resamples=resamples, seed=seed).items():
        defined = bool(np.isfinite(estimate.value)), bool(np.isfinite(estimate.low))
        card[name] = round(estimate.value, 4) if defined[0] else None
        card[f"{name}_interval"] = [round(estimate.low, 4), round(estimate.high, 4)] if defined[1] else None
    return card


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    truth: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Difference]:
    """First minus second for every metric, on the same rows and the same resamples.

    Args:
        first: (n,), finite.
        second: (n,), finite.
        truth: (n,), finite.
        resamples: As in ``measure``.
        seed: As in ``measure``.
        level: As in ``measure``.

    Raises:
        ValueError: Shapes differ or a number is not finite.
    """
    a, y = _columns(first, truth)
    b, _ = _columns(second, truth)
    values_a, values_b = _values(a, y), _values(b, y)
    samples_a, samples_b = _bootstrap(a, y, resamples, seed), _bootstrap(b, y, resamples, seed)
    result = {}
    for name in METRICS:
        result[name] = difference(values_a[name] - values_b[name], samples_a[name] - samples_b[name], level)
    return result


def mean_over_groups(
    values: np.ndarray, weights: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, np.ndarray]:
    """A weighted mean of one figure over groups, and the same of groups drawn with replacement.

    Args:
        values: (groups,), finite: the figure of each group.
        weights: (groups,), positive.
        resamples: Number of resamples of the groups, each drawn with its weight; 0 gives none.
        seed: As in ``measure``: columns with the same groups share their resamples.

    Returns:
        The mean, NaN without a group; and (resamples,) means, NaN for fewer than three groups.
    """
    if len(values) == 0:
        return float("nan"), np.full(max(resamples, 1), np.nan)
    value = float(np.average(values, weights=weights))
    if len(values) < MIN_ROWS or resamples == 0:
        return value, np.full(max(resamples, 1), np.nan)
    parts = [
        (values[rows] * weights[rows]).sum(axis=1) / weights[rows].sum(axis=1)
        for rows in resampled_rows(len(values), resamples, seed)
    ]
    return value, np.concatenate(parts)


def estimate(value: float, samples: np.ndarray, level: float = LEVEL) -> Estimate:
    """A figure and the percentiles of its resamples (resamples,), those left out in which it is not defined."""
    return Estimate(value, *_percentiles(samples, level))


def difference(value: float, samples: np.ndarray, level: float = LEVEL) -> Difference:
    """The same of a difference, with its p-value."""
    return Difference(value, *_percentiles(samples, level), _two_sided(samples))


def _columns(predicted: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"Predictions {x.shape} and truth {y.shape} have to be columns of the same length.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("Predictions and truth have to be finite; leave failed rows out and count them.")
    return x, y


def _values(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    if len(x) < MIN_ROWS:
        return dict.fromkeys(METRICS, float("nan"))
    return {name: kendall(x, y) if name == "kendall" else float(_BY_ROWS[name](x, y)) for name in METRICS}


def _bootstrap(x: np.ndarray, y: np.ndarray, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """(resamples,) of each metric."""
    if len(x) < MIN_ROWS or resamples == 0:
        return {name: np.full(max(resamples, 1), np.nan) for name in METRICS}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in METRICS}
    for rows in resampled_rows(len(x), resamples, seed):
        for name, metric in _BY_ROWS.items():
            parts[name].append(metric(x[rows], y[rows]))
        parts["kendall"].append(_kendall_of_resamples(x, y, rows))
    return {name: np.concatenate(parts[name]) for name in METRICS}


def resampled_rows(n: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Row numbers drawn with replacement, (some, n) at a time, so that memory stays flat."""
    generator = np.random.default_rng(seed)
    block = max(1, _BLOCK_CELLS // n)
    for start in range(0, resamples, block):
        yield generator.integers(0, n, size=(min(block, resamples - start), n))


def _kendall_of_resamples(x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Tau-b of each resample, from how often each row was drawn.

    With counts w and s_ij the sign of x_i - x_j (t_ij of y), the numerator of tau-b is
    sum_ij w_i w_j s_ij t_ij, and the pairs without a tie are sum_ij w_i w_j |s_ij|: three
    matrix products serve all resamples (Kendall 1945, The treatment of ties in ranking).
    """
    resamples, n = rows.shape
    flat = (rows + n * np.arange(resamples)[:, None]).ravel()
    counts = np.bincount(flat, minlength=resamples * n).reshape(resamples, n).astype(np.float64)
    concordance, untied_x, untied_y = np.zeros((3, resamples))
    step = max(1, _BLOCK_CELLS // n)
    for start in range(0, n, step):
        part = slice(start, start + step)
        s, t = np.sign(x[part, None] - x), np.sign(y[part, None] - y)  # (step, n)
        weight = counts[:, part]
        concordance += np.einsum("bi,bi->b", weight, counts @ (s * t).T)
        untied_x += np.einsum("bi,bi->b", weight, counts @ np.abs(s).T)
        untied_y += np.einsum("bi,bi->b", weight, counts @ np.abs(t).T)
    with np.errstate(invalid="ignore", divide="ignore"):
        return concordance / np.sqrt(untied_x * untied_y)


def _percentiles(samples: np.ndarray, level: float) -> tuple[float, float]:
    """Percentiles of the resamples in which the metric is defined."""
    defined = samples[np.isfinite(samples)]
    if defined.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def _two_sided(gaps: np.ndarray) -> float:
    defined = gaps[np.isfinite(gaps)]
    if defined.size == 0:
        return float("nan")
    tail = int(min(np.count_nonzero(defined <= 0), np.count_nonzero(defined >= 0)))
    return min(1.0, 2.0 * (tail + 1) / (defined.size + 1))  # never 0: the resamples are finitely many

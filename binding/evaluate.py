"""Predictions against measurements: figures with intervals beside trivial baselines, and paired comparisons.

Rows are joined by id. Every id of the truth is accounted for: scored, failed, missing or censored.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from binding.errors import TableError
from binding.io.table import IndexEntry
from binding.metrics import RESAMPLES, Difference, Estimate, measure, paired_difference

EXACT_RELATIONS: Final = ("=", "~")
LIGAND_ONLY: Final = "pk_ligand_only"
HEAVY_ATOMS: Final = "heavy_atoms"
_COVERAGE: Final = {"within_1_std": (1.0, 0.6827), "within_2_std": (2.0, 0.9545)}  # a normal law's shares


@dataclass(frozen=True)
class Scored:
    """One column of predictions on the rows where it is known.

    Attributes:
        name: Of the column.
        n: Rows used.
        metrics: ``r``, ``spearman``, ``kendall``, ``rmse``, ``mae``; errors in pK.
        note: What a reader has to know, such as that the column was fitted on these rows.
    """

    name: str
    n: int
    metrics: dict[str, Estimate]
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """The model minus another column, on the rows that both have.

    Attributes:
        name: Of the other column.
        n: Rows that both have.
        differences: As in ``Scored``; a positive ``r`` and a negative ``rmse`` speak for the model.
    """

    name: str
    n: int
    differences: dict[str, Difference]


@dataclass(frozen=True)
class Counts:
    """Where the rows went: ``asked = scored + failed + missing + censored``.

    Attributes:
        asked: Rows of the truth.
        scored: Rows that the figures rest on.
        failed: Predicted without a number.
        missing: Not among the predictions.
        censored: Known only as a bound (``<`` or ``>``), left out of the figures.
        extra: Predictions without a measurement, not part of ``asked``.
    """

    asked: int
    scored: int
    failed: int
    missing: int
    censored: int
    extra: int


@dataclass(frozen=True)
class Report:
    """What ``evaluate`` found.

    Attributes:
        counts: Where the rows went.
        columns: The model first, then the baselines and peers.
        comparisons: The model against each other column, in the same order.
        coverage: Share of measurements within one and two ``pk_std``; empty where there is no such column.
        joined: The scored rows: ``id``, ``pk_true``, ``pk``, ``error`` and the other columns.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """

    counts: Counts
    columns: list[Scored]
    comparisons: list[Comparison]
    coverage: dict[str, float]
    joined: pd.DataFrame = field(repr=False)
    resamples: int = RESAMPLES
    seed: int = 0

    @property
    def model(self) -> Scored:
        """The figures of the predictions themselves."""
        return self.columns[0]

    def as_dict(self) -> dict[str, Any]:
        """Everything but the rows, ready for JSON: NaN is None."""
        return {
            "counts": asdict(self.counts),
            "columns": [_plain(asdict(column)) for column in self.columns],
            "comparisons": [_plain(asdict(comparison)) for comparison in self.comparisons],
            "coverage": _plain(self.coverage),
            "coverage_expected": {name: share for name, (_, share) in _COVERAGE.items()} if self.coverage else {},
            "resamples": self.resamples,
            "seed": self.seed,
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a column: ``name``, ``n``, each metric with ``_low`` and ``_high``, and ``note``."""
        rows = []
        for column in self.columns:
            row: dict[str, Any] = {"name": column.name, "n": column.n}
            for name, estimate in column.metrics.items():
                row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            rows.append({**row, "note": column.note})
        return pd.DataFrame(rows)

    def write(self, folder: str | Path) -> list[Path]:
        """Writes ``metrics.json``, ``metrics.csv`` and ``joined.csv`` into a folder, made if need be."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / name for name in ("metrics.json", "metrics.csv", "joined.csv")]
        paths[0].write_text(json.dumps(self.as_dict(), indent=2) + "\n", encoding="utf-8")
        self.to_frame().to_csv(paths[1], index=False, float_format="%.6g")
        self.joined.to_csv(paths[2], index=False, float_format="%.6g")
        return paths


def evaluate(
    predictions: pd.DataFrame,
    truth: Sequence[IndexEntry],
    *,
    column: str = "pk",
    peers: pd.DataFrame | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Report:
    """Compares predictions with measurements.

    Args:
        predictions: With ``id`` and ``column``; a NaN is a failed row. ``pk_ligand_only`` and ``heavy_atoms``
            are baselines where present, ``pk_std`` gives the coverage.
        truth: As ``binding.io.table.read_index`` reads it.
        column: Which column of ``predictions`` is judged.
        peers: Other methods' predictions by ``id``, a column each, in pK; a gap is allowed and counted.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        TableError: A column is missing, an id occurs twice, or no id is in both.
    """
    table = _by_id(predictions, "the predictions", column)
    measured = {entry.id: entry for entry in truth}
    exact = {key: entry.affinity.pk for key, entry in measured.items() if entry.affinity.relation in EXACT_RELATIONS}
    common = [key for key in measured if key in table.index]
    if not common:
        raise TableError(
            "no id is both in the predictions and in the truth",
            f"ids predicted: {_some(table.index)}; ids measured: {_some(list(measured))}",
        )
    joined = table.loc[[key for key in common if key in exact]].drop(columns=["pk_true", "error"], errors="ignore")
    joined.insert(0, "pk_true", pd.Series(exact))
    finite = np.isfinite(joined[column].to_numpy(dtype=np.float64, na_value=np.nan))
    counts = Counts(
        asked=len(measured),
        scored=int(finite.sum()),
        failed=int((~finite).sum()),
        missing=sum(key not in table.index for key in exact),
        censored=len(measured) - len(exact),
        extra=sum(key not in measured for key in table.index),
    )
    joined = joined[finite]
    others = _baselines(joined, column) | (_peer_columns(joined, peers) if peers is not None else {})
    options: dict[str, Any] = {"resamples": resamples, "seed": seed}
    true = joined["pk_true"].to_numpy(dtype=np.float64)
    model = joined[column].to_numpy(dtype=np.float64)
    columns = [Scored(column, len(joined), measure(model, true, **options))]
    comparisons = []
    for name, (values, note) in others.items():
        known = np.isfinite(values)
        n = int(known.sum())
        columns.append(Scored(name, n, measure(values[known], true[known], **options), note))
        gaps = paired_difference(model[known], values[known], true[known], **options)
        comparisons.append(Comparison(name, n, gaps))
    joined.insert(1, "error", model - true)
    return Report(counts, columns, comparisons, _coverage(joined), joined.reset_index(), resamples, seed)


def _by_id(table: pd.DataFrame, what: str, *required: str) -> pd.DataFrame:
    missing = [name for name in ("id", *required) if name not in table.columns]
    if missing:
        found = ", ".join(map(str, table.columns))
        raise TableError(f"{what} have no column {missing[0]!r}", f"columns found: {found}")
    ids = table["id"].astype(str)
    twice = ids[ids.duplicated()]
    if len(twice):
        hint = "one row an id: choose a pose for each complex first (the highest pk or pose), or give each row an id"
        raise TableError(f"{what} have the id {twice.iloc[0]!r} more than once", hint)
    return table.assign(id=ids).set_index("id")


def _baselines(joined: pd.DataFrame, column: str) -> dict[str, tuple[np.ndarray, str]]:
    """What needs no structure: name -> values (n,) in pK and a note."""
    found: dict[str, tuple[np.ndarray, str]] = {}
    if LIGAND_ONLY in joined and column != LIGAND_ONLY:
        values = joined[LIGAND_ONLY].to_numpy(dtype=np.float64, na_value=np.nan)
        if np.isfinite(values).any():
            found[LIGAND_ONLY] = (values, "the twin that never sees the protein")
    if HEAVY_ATOMS in joined and column != HEAVY_ATOMS:
        size = joined[HEAVY_ATOMS].to_numpy(dtype=np.float64, na_value=np.nan)
        fitted = _line(size, joined["pk_true"].to_numpy(dtype=np.float64))
        if fitted is not None:
            found[HEAVY_ATOMS] = (fitted, "straight line fitted on these very rows, so its errors are flattering")
    return found


def _line(x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """The least-squares line of y over x at x; None where there is none to draw."""
    known = np.isfinite(x)
    if known.sum() < 3 or np.ptp(x[known]) == 0:
        return None
    slope, intercept = np.polyfit(x[known], y[known], 1)
    return slope * x + intercept


def _peer_columns(joined: pd.DataFrame, peers: pd.DataFrame) -> dict[str, tuple[np.ndarray, str]]:
    table = _by_id(peers, "the peers' predictions")
    names = [str(name) for name in table.columns if name not in ("pk", "pk_true") and _is_number(table[name])]
    if not names:
        raise TableError(
            "the peers' predictions have no column of numbers", f"columns found: {', '.join(table.columns)}"
        )
    aligned = table.reindex(joined.index)
    return {name: (aligned[name].to_numpy(dtype=np.float64, na_value=np.nan), "") for name in names}


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column)) and not pd.api.types.is_bool_dtype(column)


def _coverage(joined: pd.DataFrame) -> dict[str, float]:
    if "pk_std" not in joined:
        return {}
    std = joined["pk_std"].to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.isfinite(std)
    if not known.any():
        return {}
    error = np.abs(joined["error"].to_numpy(dtype=np.float64))[known]
    return {name: float((error <= factor * std[known]).mean()) for name, (factor, _) in _COVERAGE.items()}


def _some(ids: Sequence[str] | pd.Index) -> str:
    return ", ".join(map(str, list(ids)[:3])) + (" ..." if len(ids) > 3 else "")


def _plain(value: Any) -> Any:
    """The same nested value with None for NaN, which JSON does not know."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

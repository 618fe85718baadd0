"""What an evaluation finds: figures with intervals, comparisons, where the rows went, and the files they go to."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from binding.files import atomic, make_folder, write_text
from binding.metrics import RESAMPLES, Difference, Estimate

_KNOWN: Final = 0.9995  # similarity of what is the same

COVERAGE: Final = {"within_1_std": (1.0, 0.6827), "within_2_std": (2.0, 0.9545)}  # a normal law's shares


@dataclass(frozen=True)
class Scored:
    """One column of predictions on the rows where it is known.

    Attributes:
        name: Name of the column.
        n: Rows used.
        metrics: Estimates by name; errors in pK.
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
        name: Name of the other column.
        n: Rows that both have.
        differences: As in ``Scored``; a positive ``r`` and a negative ``rmse`` speak for the model.
    """

    name: str
    n: int
    differences: dict[str, Difference]


@dataclass(frozen=True)
class Section:
    """Figures that are taken inside groups of rows (targets, series) and then averaged.

    Attributes:
        name: ``ranking``, ``series``, ``docking`` or ``enrichment``.
        by: The truth's column that names the groups; empty where all rows are one group.
        counts: Where the groups and rows went.
        columns: The model first, then the baselines and peers.
        comparisons: The model against each other column.
        groups: A row a group and column: ``group``, ``name``, ``n`` and the figures.
        left_out: Why a group is not in the mean, by its name.
        notes: What a reader has to know about the section.
    """

    name: str
    by: str
    counts: dict[str, int]
    columns: list[Scored]
    comparisons: list[Comparison]
    groups: pd.DataFrame = field(repr=False)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: NaN is None."""
        return {
            "by": self.by,
            "counts": self.counts,
            "columns": [plain(asdict(column)) for column in self.columns],
            "comparisons": [plain(asdict(comparison)) for comparison in self.comparisons],
            "groups": [plain(row) for row in self.groups.to_dict("records")],
            "left_out": self.left_out,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Counts:
    """Where the rows went: ``asked = scored + merged + failed + missing + censored + unmeasured``.

    Attributes:
        asked: Rows of the truth.
        scored: Rows that the figures of the pK rest on.
        failed: Predicted without a number.
        missing: Not among the predictions.
        censored: Known only as a bound (``<`` or ``>``), left out of the figures of the pK.
        extra: Predictions without a row in the truth, not part of ``asked``.
        merged: Other poses or protomers of a compound that is scored once.
        unmeasured: Without an affinity, of use for docking and enrichment only.
    """

    asked: int
    scored: int
    failed: int
    missing: int
    censored: int
    extra: int
    merged: int = 0
    unmeasured: int = 0


@dataclass(frozen=True)
class Report:
    """What ``evaluate`` found.

    Attributes:
        counts: Where the rows went.
        columns: The model first, then the baselines and peers.
        comparisons: The model against each other column, in the same order.
        coverage: Share of measurements within one and two ``pk_std``; empty where there is no such column.
        joined: The scored rows: ``id``, ``pk_true``, ``error``, the predictions' columns and those asked of the truth.
        resamples: Number of bootstrap resamples.
        seed: Seed of the bootstrap.
        sections: Ranking, series, docking and enrichment, as far as the truth has the columns.
        calibration: ``k``, ``expected`` and ``observed`` share of measurements within k ``pk_std``.
    """

    counts: Counts
    columns: list[Scored]
    comparisons: list[Comparison]
    coverage: dict[str, float]
    joined: pd.DataFrame = field(repr=False)
    resamples: int = RESAMPLES
    seed: int = 0
    sections: list[Section] = field(default_factory=list)
    calibration: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    @property
    def model(self) -> Scored:
        """The figures of the predictions themselves."""
        return self.columns[0]

    def section(self, name: str) -> Section:
        """One section by its name.

        Raises:
            KeyError: It was not asked for.
        """
        return {section.name: section for section in self.sections}[name]

    def as_dict(self) -> dict[str, Any]:
        """Everything but the rows, ready for JSON: NaN is None."""
        return {
            "counts": asdict(self.counts),
            "columns": [plain(asdict(column)) for column in self.columns],
            "comparisons": [plain(asdict(comparison)) for comparison in self.comparisons],
            "coverage": plain(self.coverage),
            "coverage_expected": {name: share for name, (_, share) in COVERAGE.items()} if self.coverage else {},
            "calibration": [plain(row) for row in self.calibration.to_dict("records")],
            **{section.name: section.as_dict() for section in self.sections},
            "resamples": self.resamples,
            "seed": self.seed,
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a column: ``name``, ``n``, each metric with ``_low`` and ``_high``, and ``note``."""
        return flat(self.columns)

    @property
    def known_to_weights(self) -> str | None:
        """A warning where rows that were judged are of ligands that the weights were trained on; else None."""
        if "nearest_ligand" not in self.joined:
            return None
        known = self.joined["nearest_ligand"].to_numpy(dtype=np.float64, na_value=np.nan) >= _KNOWN
        if not known.any():
            return None
        also = ""
        if "nearest_protein" in self.joined:
            protein = self.joined["nearest_protein"].to_numpy(dtype=np.float64, na_value=np.nan) >= _KNOWN
            also = f", {int((known & protein).sum())} of them with their protein"
        return (
            f"{int(known.sum())} of {len(self.joined)} rows are of ligands that the weights were trained on{also} "
            "(nearest_ligand 1): figures with them are better than for new compounds."
        )

    def write(self, folder: str | Path) -> list[Path]:
        """Writes the tables into a folder, made if need be.

        ``metrics.json``, ``metrics.csv`` and ``joined.csv``; ``calibration.csv`` where there is a ``pk_std``; and of
        each section ``<section>.csv`` and ``<section>_groups.csv``. Each file is written whole or not at all.

        Raises:
            WriteError: ``disk_full`` or ``not_writable``.
        """
        folder = Path(folder)
        make_folder(folder)
        tables = {"metrics": self.to_frame(), "joined": self.joined}
        if len(self.calibration):
            tables["calibration"] = self.calibration
        for section in self.sections:
            tables |= {section.name: flat(section.columns), f"{section.name}_groups": section.groups}
        paths = [folder / "metrics.json", *(folder / f"{name}.csv" for name in tables)]
        write_text(paths[0], json.dumps(self.as_dict(), indent=2) + "\n")
        for path, table in zip(paths[1:], tables.values(), strict=True):
            with atomic(path) as partial:
                table.to_csv(partial, index=False, float_format="%.6g")
        return paths


def flat(columns: list[Scored]) -> pd.DataFrame:
    """One row a column: ``name``, ``n``, each metric with ``_low`` and ``_high``, and ``note``."""
    rows = []
    for column in columns:
        row: dict[str, Any] = {"name": column.name, "n": column.n}
        for name, estimate in column.metrics.items():
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        rows.append({**row, "note": column.note})
    return pd.DataFrame(rows)


def plain(value: Any) -> Any:
    """The same nested value with None for NaN, which JSON does not know."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

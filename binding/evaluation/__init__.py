"""Predictions against measurements: figures with intervals beside trivial baselines, and paired comparisons.

Rows are joined by id. Every id of the truth is accounted for: scored, merged, failed, missing, censored or
not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from binding.evaluation.docking import docking_power
from binding.evaluation.enrichment import enrichment
from binding.evaluation.grouped import rank_series, rank_targets
from binding.evaluation.join import Joined, TruthColumns, join, merge_compounds
from binding.evaluation.report import Comparison, Counts, Report, Scored, Section
from binding.evaluation.scoring import calibration, coverage, score_rows
from binding.io.index import IndexEntry
from binding.metrics import RESAMPLES

__all__ = ["Comparison", "Counts", "Report", "Scored", "Section", "TruthColumns", "evaluate"]


def evaluate(
    predictions: pd.DataFrame,
    truth: Sequence[IndexEntry],
    *,
    column: str = "pk",
    columns: TruthColumns | None = None,
    peers: pd.DataFrame | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    truth_name: str = "the truth",
) -> Report:
    """Compares predictions with measurements.

    Args:
        predictions: With ``id`` and ``column``; a NaN is a failed row. ``pk_ligand_only``, ``heavy_atoms`` and
            ``mol_weight`` are baselines where present, ``pk_std`` gives the coverage, ``pose`` is judged beside
            ``column`` in docking.
        truth: As ``binding.io.truth.read_truth`` reads it.
        column: Which column of ``predictions`` is judged.
        columns: Which of the truth's columns name targets, series, compounds, labels and RMSDs; each adds figures.
        peers: Other methods' predictions by ``id``, a column each, in pK; a gap is allowed and counted.
        resamples: Number of bootstrap resamples.
        seed: Seed of the bootstrap.
        truth_name: What the truth is called in messages, such as its file's name.

    Raises:
        TableError: A column is missing, an id occurs twice, a cell cannot be read, or no id is in both.
    """
    columns = columns or TruthColumns()
    joined = join(predictions, truth, column, columns, peers, truth_name)
    measured = np.isfinite(joined.rows["pk_true"].to_numpy()) & np.isfinite(joined.scores[column].to_numpy())
    scored = merge_compounds(joined.where(measured), columns.compound)
    merged = int(measured.sum()) - len(scored.rows)
    counts = replace(joined.counts, scored=len(scored.rows), merged=merged)
    found, comparisons = score_rows(scored, resamples=resamples, seed=seed)
    rows = scored.rows
    error = scored.scores[column].to_numpy() - rows["pk_true"].to_numpy(dtype=np.float64)
    rows.insert(1, "error", error)
    std = _std(rows)
    return Report(
        counts=counts,
        columns=found,
        comparisons=comparisons,
        coverage=coverage(error, std),
        joined=rows.reset_index(),
        resamples=resamples,
        seed=seed,
        sections=_sections(joined, scored, columns, resamples, seed),
        calibration=calibration(error, std),
    )


def _sections(joined: Joined, scored: Joined, columns: TruthColumns, resamples: int, seed: int) -> list[Section]:
    sections = []
    if columns.group is not None and len(scored.rows):
        sections.append(rank_targets(scored, columns.group, resamples=resamples, seed=seed))
    if columns.series is not None:
        sections.append(rank_series(scored, columns.series, resamples=resamples, seed=seed))
    if columns.rmsd is not None:
        sections.append(docking_power(joined, str(columns.group), resamples=resamples, seed=seed))
    if columns.label is not None:
        compounds = merge_compounds(joined, columns.compound)
        sections.append(enrichment(compounds, columns.group, resamples=resamples, seed=seed))
    return sections


def _std(rows: pd.DataFrame) -> np.ndarray:
    if "pk_std" not in rows:
        return np.full(len(rows), np.nan)
    return rows["pk_std"].to_numpy(dtype=np.float64, na_value=np.nan)

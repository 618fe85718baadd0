"""How close the predictions are to the measured pK, over all rows: correlation, errors, calibration."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from scipy.special import erf

from binding.evaluation.baselines import line
from binding.evaluation.join import Joined
from binding.evaluation.report import COVERAGE, Comparison, Scored
from binding.metrics import measure, paired_difference

_STEPS: Final = np.arange(1, 13) / 4.0  # of k, in pk_std


def score_rows(joined: Joined, *, resamples: int, seed: int) -> tuple[list[Scored], list[Comparison]]:
    """The model, the baselines and the peers on rows that all have a measured pK and a score of the model.

    Args:
        joined: Such rows; other columns may have gaps, and are measured on the rows that they have.
        resamples: Number of bootstrap resamples.
        seed: Seed of the bootstrap.
    """
    true = joined.rows["pk_true"].to_numpy(dtype=np.float64)
    model = joined.scores[joined.model].to_numpy()
    columns = [Scored(joined.model, len(true), measure(model, true, resamples=resamples, seed=seed))]
    comparisons = []
    for judged in joined.judged[1:]:
        raw = joined.scores[judged.name].to_numpy()
        known = np.isfinite(raw)
        values = line(raw[known], true[known]) if judged.fitted else raw[known]
        if values is None:  # there is no line through one size, or through too few rows
            continue
        n = int(known.sum())
        figures = measure(values, true[known], resamples=resamples, seed=seed)
        columns.append(Scored(judged.name, n, figures, judged.note))
        gaps = paired_difference(model[known], values, true[known], resamples=resamples, seed=seed)
        comparisons.append(Comparison(judged.name, n, gaps))
    return columns, comparisons


def coverage(error: np.ndarray, std: np.ndarray) -> dict[str, float]:
    """The share of errors within one and two standard deviations; empty where no row has one.

    Args:
        error: (n,) predicted minus measured, pK.
        std: (n,) the predicted standard deviation, pK; NaN where there is none.
    """
    known = np.isfinite(std)
    if not known.any():
        return {}
    return {name: float((np.abs(error[known]) <= k * std[known]).mean()) for name, (k, _) in COVERAGE.items()}


def calibration(error: np.ndarray, std: np.ndarray) -> pd.DataFrame:
    """The share of errors within k standard deviations beside that of a normal law, for k from 0.25 to 3.

    Args:
        error: (n,) pK.
        std: (n,) pK; rows where it is NaN are left out.

    Returns:
        ``k``, ``expected``, ``observed`` and ``n``; no row where no ``std`` is known.
    """
    known = np.isfinite(std)
    if not known.any():
        return pd.DataFrame()
    observed = [float((np.abs(error[known]) <= k * std[known]).mean()) for k in _STEPS]
    expected = erf(_STEPS / np.sqrt(2.0))
    return pd.DataFrame({"k": _STEPS, "expected": expected, "observed": observed, "n": int(known.sum())})

"""Docking power: does the best-scored pose of a target lie near the native one?"""

from __future__ import annotations

from math import comb
from typing import Final

import numpy as np
import pandas as pd

from binding.errors import TableError
from binding.evaluation.grouped import GroupFigures, group_rows, summarise
from binding.evaluation.join import Joined
from binding.evaluation.report import Section

NEAR_NATIVE: Final = 2.0  # Å, as in CASF
POSE: Final = "pose"
TOPS: Final = (1, 2, 3)
_METRICS: Final = tuple(f"top{top}" for top in TOPS)


def success(score: np.ndarray, near: np.ndarray, top: int) -> float:
    """The chance that one of the best-scored poses is near the native one, equal scores taken in random order.

    Args:
        score: (poses,) higher is better; a NaN is never chosen.
        near: (poses,) bool, whether the pose is near-native.
        top: How many poses are chosen.

    Returns:
        0 or 1 where no scores are equal; 0 where no pose has a score.
    """
    scored = np.isfinite(score)
    score, near = score[scored], near[scored]
    if len(score) == 0:
        return 0.0
    border = np.sort(score)[::-1][min(top, len(score)) - 1]
    above, tied = score > border, score == border
    if near[above].any():
        return 1.0
    places, hits, size = min(top, len(score)) - int(above.sum()), int(near[tied].sum()), int(tied.sum())
    return 1.0 - comb(size - hits, places) / comb(size, places)


def docking_power(joined: Joined, group: str, *, resamples: int, seed: int) -> Section:
    """The share of targets with a near-native pose among the best one, two and three, by each column.

    Besides the columns of scores, the predictions' ``pose`` is judged where there is one. A column that cannot tell
    poses apart, such as a size, gives what picking at random gives.

    Args:
        joined: All rows, failed ones included: a pose without a score is never chosen.
        group: Name of the truth's column of targets, for messages.
        resamples: Number of bootstrap resamples of the targets.
        seed: Seed of the bootstrap.

    Raises:
        TableError: No row has an RMSD and a target.
    """
    rmsd, targets = joined.roles["rmsd"], joined.roles["group"]
    usable = (rmsd.notna() & (targets != "")).to_numpy()
    if not usable.any():
        raise TableError("No row has both an RMSD and a target.", f"Fill in the column {group!r} and that of the RMSD.")
    poses = joined.where(usable)
    near = (poses.roles["rmsd"] <= NEAR_NATIVE).to_numpy()
    numbers, names = pd.factorize(poses.roles["group"])
    members = [np.flatnonzero(numbers == number) for number in range(len(names))]
    scores = {judged.name: poses.scores[judged.name].to_numpy() for judged in poses.judged}
    if POSE in poses.rows and POSE not in scores:
        values = pd.to_numeric(poses.rows[POSE], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        scores = {poses.model: scores.pop(poses.model), POSE: values, **scores}
    n = np.array([len(rows) for rows in members], dtype=np.float64)
    own = {
        column: GroupFigures(
            np.asarray(names, dtype=object),
            n,
            np.array([[success(values[rows], near[rows], top) for top in TOPS] for rows in members]),
        )
        for column, values in scores.items()
    }
    against = {column: own[poses.model] for column in own if column != poses.model}
    notes = {POSE: "probability that the pose is near-native"}
    columns, comparisons = summarise(_METRICS, own, against, notes, weighted=False, resamples=resamples, seed=seed)
    counts = {
        "targets": len(members),
        "poses": len(near),
        "unscored_poses": int((~np.isfinite(scores[poses.model])).sum()),
        "targets_without_near_native": int(sum(not near[rows].any() for rows in members)),
        "rows_without_rmsd_or_target": int((~usable).sum()),
    }
    said = (
        f"near-native: RMSD at most {NEAR_NATIVE:g} Å; targets without such a pose count as missed",
        "equal scores are taken in random order: what cannot tell poses apart gives the success of chance",
    )
    return Section("docking", group, counts, columns, comparisons, group_rows(own, _METRICS), notes=said)

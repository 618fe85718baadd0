"""Enrichment: are actives found at the top of a list of compounds?

EF and AUC as usual; BEDROC after Truchon and Bayly, J. Chem. Inf. Model. 2007, 47, 488. They agree with
``rdkit.ML.Scoring``, which takes a list in the order given; here compounds with equal scores count as
if in random order (the exact mean over the orders), and all resamples are done at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from binding.errors import TableError
from binding.evaluation.grouped import GroupFigures, group_rows
from binding.evaluation.join import Joined
from binding.evaluation.report import Comparison, Scored, Section
from binding.metrics import difference, estimate

ALPHA: Final = 20.0
FRACTIONS: Final = {"ef1": 0.01, "ef5": 0.05}
METRICS: Final = (*FRACTIONS, "bedroc", "auc")
ALL: Final = "all"
_BLOCK_CELLS: Final = 2_000_000


def enrichment_figures(
    score: np.ndarray, active: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """EF1%, EF5%, BEDROC (alpha 20) and ROC-AUC.

    Args:
        score: (n,) higher is better; a NaN is worse than any number.
        active: (n,) bool, with both kinds present.
        weights: (b, n) how often each compound was drawn in each of b resamples, each with both kinds; once if None.

    Returns:
        Each (b,). The best x % are ceil(x n) compounds.
    """
    ranked = np.where(np.isfinite(score), score, -np.inf)
    order = np.argsort(-ranked, kind="stable")
    ranked, hit = ranked[order], active[order].astype(np.float64)
    drawn = np.ones((1, len(score))) if weights is None else weights[:, order].astype(np.float64)
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))  # of blocks of equal scores
    hits = np.add.reduceat(drawn * hit, starts, axis=1)  # (b, blocks)
    sizes = np.add.reduceat(drawn, starts, axis=1)
    before = np.cumsum(sizes, axis=1) - sizes
    n, actives = sizes.sum(axis=1), hits.sum(axis=1)
    density = hits / np.maximum(sizes, 1.0)  # the chance that a place within the block is an active
    figures = {}
    for name, fraction in FRACTIONS.items():
        top = np.ceil(fraction * n - 1e-9)  # 0.01 * 700 is a little more than 7
        found = (density * np.clip(top[:, None] - before, 0.0, sizes)).sum(axis=1)
        figures[name] = (found / top) / (actives / n)
    figures["bedroc"] = _bedroc(density, before, sizes, n, actives)
    decoys = sizes - hits
    below = decoys[:, ::-1].cumsum(axis=1)[:, ::-1] - decoys
    figures["auc"] = (hits * (below + 0.5 * decoys)).sum(axis=1) / (actives * (n - actives))
    return figures


def recovery_curve(score: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of the actives among the best compounds, over the share of the compounds.

    Args:
        score: (n,) higher is better; a NaN is worse than any number.
        active: (n,) bool, with at least one true.

    Returns:
        Both (k,), from 0 to 1; between two points the curve is straight, as over equal scores in random order.
    """
    ranked = np.where(np.isfinite(score), score, -np.inf)
    order = np.argsort(-ranked, kind="stable")
    last = np.append(ranked[order][1:] != ranked[order][:-1], True)  # of a block of equal scores
    seen = np.flatnonzero(last) + 1
    found = np.cumsum(active[order])[last]
    return np.append(0.0, seen / len(score)), np.append(0.0, found / active.sum())


def _bedroc(
    density: np.ndarray, before: np.ndarray, sizes: np.ndarray, n: np.ndarray, actives: np.ndarray
) -> np.ndarray:
    """Equation 36 of Truchon and Bayly; a block's places give a geometric sum of exp(-alpha rank / n)."""
    step = (ALPHA / n)[:, None]
    block = np.exp(-step * (before + 1.0)) * -np.expm1(-step * sizes) / -np.expm1(-step)
    total = (density * block).sum(axis=1)
    rie = total / actives * n * np.expm1(ALPHA / n) / -np.expm1(-ALPHA)
    share = actives / n
    scale = share * np.sinh(ALPHA / 2) / (np.cosh(ALPHA / 2) - np.cosh(ALPHA / 2 - ALPHA * share))
    return rie * scale + 1.0 / -np.expm1(ALPHA * (1.0 - share))


def enrichment(joined: Joined, group: str | None, *, resamples: int, seed: int) -> Section:
    """Enrichment of each target, and the mean over targets, by each column.

    Args:
        joined: All compounds, failed ones included: these rank last.
        group: Name of the truth's column of targets; None takes all rows as one.
        resamples: Number of resamples of each target's compounds, actives and inactives separately.
        seed: Seed of the bootstrap: all columns share the resamples.

    Raises:
        TableError: No target has both actives and inactives.
    """
    label = joined.roles["label"]
    targets = joined.roles["group"] if group is not None else pd.Series(ALL, index=label.index)
    usable = (label.notna() & (targets != "")).to_numpy()
    compounds = joined.where(usable)
    active = compounds.roles["label"].to_numpy() == 1.0
    numbers, names = pd.factorize(targets.to_numpy()[usable])
    members = {str(name): np.flatnonzero(numbers == number) for number, name in enumerate(names)}
    left_out = {name: "no active" for name, rows in members.items() if not active[rows].any()}
    left_out |= {name: "no inactive" for name, rows in members.items() if active[rows].all()}
    used = {name: rows for name, rows in members.items() if name not in left_out}
    if not used:
        raise TableError(
            "No target has both active and inactive compounds.", "The label is 1 for actives and 0 for the others."
        )
    scores = {judged.name: compounds.scores[judged.name].to_numpy() for judged in compounds.judged}
    own, samples = _over_targets(scores, active, used, resamples, seed)
    kept = np.concatenate(list(used.values()))
    notes = {judged.name: "" if judged.fitted else judged.note for judged in compounds.judged}
    known = {column: int(np.isfinite(values[kept]).sum()) for column, values in scores.items()}
    columns, comparisons = _summary(own, samples, known, notes, len(kept))
    counts = {
        "targets": len(used),
        "compounds": len(kept),
        "actives": int(active[kept].sum()),
        "unscored": int((~np.isfinite(scores[compounds.model][kept])).sum()),
        "left_out_targets": len(left_out),
        "rows_without_label_or_target": int((~usable).sum()),
    }
    said = (
        f"the most that EF1% can be here is {_largest_ef(active, used):.1f}; chance gives EF 1 and AUC 0.5",
        "compounds without a score rank last, equal scores count as if in random order",
    )
    return Section("enrichment", group or "", counts, columns, comparisons, group_rows(own, METRICS), left_out, said)


def _over_targets(
    scores: dict[str, np.ndarray], active: np.ndarray, members: dict[str, np.ndarray], resamples: int, seed: int
) -> tuple[dict[str, GroupFigures], dict[str, np.ndarray]]:
    """Of each column the figures of each target, and (resamples, metrics) means over the targets."""
    sums = {column: np.zeros((resamples, len(METRICS))) for column in scores}
    values: dict[str, list[np.ndarray]] = {column: [] for column in scores}
    for number, rows in enumerate(members.values()):
        for column, score in scores.items():
            figures = enrichment_figures(score[rows], active[rows])
            values[column].append(np.array([figures[m][0] for m in METRICS]))
        start = 0
        for weights in _drawn(active[rows], resamples, seed + number):
            for column, score in scores.items():
                figures = enrichment_figures(score[rows], active[rows], weights)
                sums[column][start : start + len(weights)] += np.stack([figures[m] for m in METRICS], axis=1)
            start += len(weights)
    names = np.array(list(members), dtype=object)
    n = np.array([len(rows) for rows in members.values()], dtype=np.float64)
    own = {column: GroupFigures(names, n, np.stack(found)) for column, found in values.items()}
    return own, {column: total / len(members) for column, total in sums.items()}


def _drawn(active: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each compound is drawn, (some, n) at a time; actives and inactives keep their numbers."""
    generator = np.random.default_rng(seed)
    block = max(1, _BLOCK_CELLS // len(active))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        weights = np.zeros((size, len(active)))
        for kind in (np.flatnonzero(active), np.flatnonzero(~active)):
            rows = generator.integers(0, len(kind), size=(size, len(kind)))
            flat = (rows + len(kind) * np.arange(size)[:, None]).ravel()
            weights[:, kind] = np.bincount(flat, minlength=size * len(kind)).reshape(size, len(kind))
        yield weights


def _summary(
    own: dict[str, GroupFigures],
    samples: dict[str, np.ndarray],
    n: dict[str, int],
    notes: dict[str, str],
    compounds: int,
) -> tuple[list[Scored], list[Comparison]]:
    model = next(iter(own))
    means = {column: figures.table.mean(axis=0) for column, figures in own.items()}
    columns, comparisons = [], []
    for column in own:
        estimates = {m: estimate(float(means[column][i]), samples[column][:, i]) for i, m in enumerate(METRICS)}
        columns.append(Scored(column, n[column], estimates, notes.get(column, "")))
        if column != model:
            gaps = {
                m: difference(float(means[model][i] - means[column][i]), samples[model][:, i] - samples[column][:, i])
                for i, m in enumerate(METRICS)
            }
            comparisons.append(Comparison(column, compounds, gaps))
    return columns, comparisons


def _largest_ef(active: np.ndarray, members: dict[str, np.ndarray]) -> float:
    """Mean over the targets of EF1% of a perfect list."""
    best = [enrichment_figures(active[rows].astype(float), active[rows])["ef1"][0] for rows in members.values()]
    return float(np.mean(best))

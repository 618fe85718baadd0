"""Fitting the ligand prior, and what it says of each of its own ligands without having seen it.

A network that starts from the prior must learn from rows whose own affinity the prior does not know. Leaving out a
group of rows needs no second fit: with ``A`` the inverse of the regularised kernel and ``a`` the weights, the errors on
the group ``G`` of a fit without it are ``A[G, G]^-1 a[G]`` (Rasmussen & Williams 2006, section 5.4.2, for single rows).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from scipy.linalg import blas, lapack

from binding.data.prior_file import FittedPrior
from binding.data.splits import fold_of
from binding.errors import TrainingError, UsageError
from binding.graph.fields import LigandGraph
from binding.prior.kernel import Features, kernel_matrix
from binding.prior.model import LigandPrior, summary_of

#: Added to the kernel's diagonal: the variance of what likeness does not explain, in units of the Tanimoto part.
RIDGE: Final = 0.3
PARTS: Final = 10  # of the ligands, at random; each is predicted without its own part
MOST: Final = 50_000  # ligands; the matrix of so many takes 10 GB
FEWEST: Final = 20


def fit_prior(
    ligands: Sequence[LigandGraph],
    pk: Sequence[float] | np.ndarray,
    groups: Sequence[str],
    column: str,
    folds: int,
    progress: Callable[[int, int], None] | None = None,
) -> FittedPrior:
    """Fits the prior and predicts each of its ligands without it.

    Ligands of one fingerprint count once, with the mean of their affinities, and belong to the groups of all of them.
    Time grows with the cube of the number of ligands, memory with its square (4 bytes a pair).

    Args:
        ligands: Their 2D structure is used.
        pk: (n,) measured, exact.
        groups: (n,) what training holds out together, such as a protein family.
        column: What the groups are called.
        folds: How many folds the groups are put into, by ``fold_of``.
        progress: Called with folds done and their number.

    Raises:
        UsageError: Too few ligands, or too many for the memory that this takes; fewer than two folds; an affinity
            that is not finite.
        TrainingError: ``not_fitted``, the kernel cannot be inverted.
    """
    if folds < 2:
        raise UsageError(f"{folds} folds hold nothing out", "2 or more, as validation.folds of training")
    measured = np.asarray(pk, dtype=np.float64)
    if odd := int((~np.isfinite(measured)).sum()):
        raise UsageError(f"{odd} of {len(measured)} affinities are not finite", "leave these ligands out")
    features = Features.of(ligands)
    rows: dict[bytes, int] = {}
    row_of = np.array([rows.setdefault(key, len(rows)) for key in features.keys()], dtype=np.int64)
    count = len(rows)
    if not FEWEST <= count <= MOST:
        raise UsageError(
            f"{count} different ligands; a prior takes {FEWEST} to {MOST}",
            "give more ligands" if count < FEWEST else "give a sample of them: the matrix grows with their square",
        )
    first = np.full(count, -1)
    first[row_of[::-1]] = np.arange(len(row_of))[::-1]
    distinct = features.take(first)
    values = np.bincount(row_of, measured) / np.bincount(row_of)
    mean = float(values.mean())
    inverse, weights = _inverted(distinct, values - mean)

    fold = np.array([fold_of(str(name), folds) for name in groups])
    part = np.array([zlib.crc32(b"part" + key) % PARTS for key in rows])
    held_out = np.empty((count, folds + 1), dtype=np.float32)
    for number in range(folds + 1):
        inside = np.zeros(count, dtype=bool)
        inside[row_of[fold == number]] = True  # of the last column nothing
        left_out = np.flatnonzero(inside)
        held_out[left_out, number] = values[left_out] - _errors_without(inverse, weights, left_out)
        for rest in range(PARTS):
            also = (part == rest) & ~inside
            left = np.flatnonzero(also | inside)
            error = _errors_without(inverse, weights, left)[also[left]]
            held_out[also, number] = values[also] - error
        if progress is not None:
            progress(number + 1, folds + 1)
    atoms, elements = summary_of(ligands)
    prior = LigandPrior(distinct, weights.astype(np.float32), mean, atoms, elements)
    return FittedPrior(prior, column, folds, held_out)


def _inverted(features: Features, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of the regularised kernel, of which only the lower triangle is meant, and the weights."""
    matrix = kernel_matrix(features)
    matrix[np.diag_indices(len(matrix))] += np.float32(RIDGE)
    factor, failed = lapack.spotrf(matrix.T, lower=1, overwrite_a=1)  # symmetric, and LAPACK counts by columns
    if failed:
        raise TrainingError(
            "the prior's kernel cannot be inverted", "look for ligands with odd descriptors", "not_fitted"
        )
    inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    return inverse, blas.ssymv(1.0, inverse, values.astype(np.float32), lower=1)


def _errors_without(inverse: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(rows,) pK, measured minus predicted, of a fit without these rows.

    Args:
        inverse: Of the regularised kernel; its lower triangle.
        weights: Of the fit of all.
        rows: Ascending.
    """
    if not len(rows):
        return np.zeros(0)
    block = inverse[np.ix_(rows, rows)]
    solved, failed = lapack.sposv(block, weights[rows], lower=1)[1:]
    if failed:
        raise TrainingError(
            "the prior cannot leave out its own ligands", "look for ligands with odd descriptors", "not_fitted"
        )
    return solved.reshape(-1)

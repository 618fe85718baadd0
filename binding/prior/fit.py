"""Fits the prior and predicts each of its ligands as if that ligand had been left out.

A network that starts from the prior must learn from rows whose own affinity the prior does not know. Leaving out a
group of rows needs no second fit: with ``A`` the inverse of the regularised kernel and ``a`` the weights, the errors on
the group ``G`` of a fit without it are ``A[G, G]^-1 a[G]`` (Rasmussen & Williams 2006, section 5.4.2, for single rows).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
from scipy.linalg import blas, lapack

from binding.errors import TrainingError, UsageError
from binding.folds import fold_of
from binding.graph.fields import LigandGraph
from binding.prior.held_out import FittedPrior
from binding.prior.kernel import Features, kernel_matrix
from binding.prior.measured import Measured, joined_names
from binding.prior.model import Prior, SiteFit, summary_of
from binding.prior.sites import Sites

#: Added to the kernel's diagonal: the variance of what likeness does not explain, in units of the Tanimoto part.
RIDGE: Final = 0.3
RIDGE_AT_SITE: Final = 0.4  # of the fit with sites
RANDOM_PARTS: Final = 10  # of the ligands, at random; each is predicted without its own part
MOST_ROWS: Final = 50_000  # ligands at sites; the matrix of so many takes 10 GB
FEWEST: Final = 20  # ligands


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a fit: measurements of one ligand, or of one ligand at one site, are averaged into one row.

    Attributes:
        ligand: (r,) index of the ligand.
        site: (r,) index of the site; -1 where it is not known.
        values: (r,) mean pK of the measurements.
        row_of: (n,) row of each measurement.
    """

    ligand: np.ndarray
    site: np.ndarray
    values: np.ndarray
    row_of: np.ndarray

    @classmethod
    def of(cls, ligand: np.ndarray, site: np.ndarray, measured: np.ndarray) -> _Rows:
        """Averages n measurements into rows, in order of first appearance."""
        pairs: dict[tuple[int, int], int] = {}
        keys = zip(ligand.tolist(), site.tolist(), strict=True)
        row_of = np.array([pairs.setdefault(pair, len(pairs)) for pair in keys], dtype=np.int64)
        columns = np.array(list(pairs), dtype=np.int64).T
        return cls(columns[0], columns[1], np.bincount(row_of, measured) / np.bincount(row_of), row_of)


@dataclass(frozen=True, eq=False)
class _LeftOut:
    """The ligands that each held-out prediction must not depend on.

    Attributes:
        folds: (folds + 1, ligands) bool, ligands with a measurement in the fold; the last row is all False.
        parts: (ligands,) random part of each ligand.
        step: Called after each fold.
    """

    folds: np.ndarray
    parts: np.ndarray
    step: Callable[[], None]


def fit_prior(
    ligands: Sequence[LigandGraph],
    pk: Sequence[float] | np.ndarray,
    groups: Sequence[str],
    column: str,
    folds: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    sites: Sequence[np.ndarray] | None = None,
    names: Sequence[str] | None = None,
) -> FittedPrior:
    """Fits the prior and predicts each of its ligands without it.

    Ligands of one fingerprint count once (at each site once), with the mean of their affinities, and belong to the
    groups of all of them. Time grows with the cube of the number of ligands at sites, memory with its square (4 bytes a
    pair).

    Args:
        ligands: Their 2D structure is used.
        pk: (n,) measured, exact.
        groups: (n,) what training holds out together, such as a protein family.
        column: Name of the column that holds the groups.
        folds: How many folds the groups are put into, by ``fold_of``.
        progress: Called with folds done and their number, those of both fits.
        sites: (n,) the words of the site where each was measured, see ``pocket_words``; none where it is not known.
        names: (n,) what to call the measurements where they are listed as evidence.

    Raises:
        UsageError: Too few ligands, or too many for the memory that this takes; fewer than two folds; an affinity
            that is not finite.
        TrainingError: ``not_fitted``, the kernel cannot be inverted.
    """
    if folds < 2:
        raise UsageError(f"{folds} folds hold nothing out.", "Use 2 or more, as many as validation.folds of training.")
    measured = np.asarray(pk, dtype=np.float64)
    if odd := int((~np.isfinite(measured)).sum()):
        raise UsageError(f"{odd} of {len(measured)} affinities are not finite.", "Leave these ligands out.")
    features = Features.of(ligands)
    keys: dict[bytes, int] = {}
    ligand_of = np.array([keys.setdefault(key, len(keys)) for key in features.keys()], dtype=np.int64)
    known: dict[bytes, int] = {b"": -1}
    words = [b""] * len(measured) if sites is None else [site.astype(np.uint32).tobytes() for site in sites]
    site_of = np.array([known.setdefault(key, len(known) - 1) for key in words], dtype=np.int64)
    alone = _Rows.of(ligand_of, np.full(len(ligand_of), -1), measured)
    bound = _Rows.of(ligand_of, site_of, measured)
    _refuse_size(len(keys), len(bound.values))
    distinct = features.take(np.unique(ligand_of, return_index=True)[1])
    places = Sites.of([np.frombuffer(key, dtype=np.uint32) for key in known if key])

    fold = np.array([fold_of(str(name), folds) for name in groups])
    inside = np.zeros((folds + 1, len(keys)), dtype=bool)
    inside[fold, ligand_of] = True
    part = np.array([zlib.crc32(b"part" + key) % RANDOM_PARTS for key in keys])
    left_out = _LeftOut(inside, part, _counter(2 * (folds + 1), progress))
    weights, mean, held_out = _fit(kernel_matrix(distinct), RIDGE, alone, left_out)
    matrix = kernel_matrix(distinct.take(bound.ligand))
    places.scale(matrix, bound.site)
    row_weights, row_mean, held_out_at_site = _fit(matrix, RIDGE_AT_SITE, bound, left_out)

    atoms, elements = summary_of(ligands)
    fit = SiteFit(places, bound.ligand, bound.site, row_weights.astype(np.float64), row_mean)
    said = Measured(joined_names(names, bound.row_of), bound.values)
    prior = Prior(distinct, weights, mean, atoms, elements, fit, said)
    return FittedPrior(prior, column, folds, held_out, held_out_at_site)


def _refuse_size(ligands: int, rows: int) -> None:
    if ligands < FEWEST:
        raise UsageError(f"{ligands} different ligands; a prior takes {FEWEST} or more.", "Give more ligands.")
    if rows > MOST_ROWS:
        raise UsageError(
            f"{rows} different ligands, each site counted; a prior takes {MOST_ROWS} at most.",
            "Give a sample of them: the matrix grows with the square of their number.",
        )


def _counter(total: int, progress: Callable[[int, int], None] | None) -> Callable[[], None]:
    """A callback that reports one more fold as done at each call."""
    done = count(1)
    return lambda: None if progress is None else progress(next(done), total)


def _fit(matrix: np.ndarray, ridge: float, rows: _Rows, left_out: _LeftOut) -> tuple[np.ndarray, float, np.ndarray]:
    """Weights and mean of a fit, and its held-out predictions, (rows, folds + 1) float32.

    Args:
        matrix: The kernel of the rows; it is overwritten.
        ridge: Added to its diagonal.
        rows: Rows to fit.
        left_out: Ligands to hold out, each with all its rows.
    """
    mean = float(rows.values.mean())
    inverse, weights = _inverted(matrix, ridge, rows.values - mean)
    part = left_out.parts[rows.ligand]
    held_out = np.empty((len(rows.values), len(left_out.folds)), dtype=np.float32)
    for number, inside in enumerate(left_out.folds[:, rows.ligand]):
        whole = np.flatnonzero(inside)
        held_out[whole, number] = rows.values[whole] - _errors_without(inverse, weights, whole)
        for rest in range(RANDOM_PARTS):
            also = (part == rest) & ~inside
            left = np.flatnonzero(also | inside)
            error = _errors_without(inverse, weights, left)[also[left]]
            held_out[also, number] = rows.values[also] - error
        left_out.step()
    return weights, mean, held_out


def _inverted(matrix: np.ndarray, ridge: float, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of the regularised kernel (only the lower triangle is valid) and the weights."""
    matrix[np.diag_indices(len(matrix))] += np.float32(ridge)
    factor, failed = lapack.spotrf(matrix.T, lower=1, overwrite_a=1)  # symmetric, and LAPACK counts by columns
    if failed:
        raise TrainingError(
            "The prior's kernel cannot be inverted.", "Look for ligands with odd descriptors.", "not_fitted"
        )
    inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    return inverse, blas.ssymv(1.0, inverse, values.astype(np.float32), lower=1)


def _errors_without(inverse: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(rows,) pK, measured minus predicted, of a fit without these rows.

    Args:
        inverse: Inverse of the regularised kernel; only the lower triangle is read.
        weights: Weights of the fit to all rows.
        rows: Indices of the rows to leave out, ascending.
    """
    if not len(rows):
        return np.zeros(0)
    block = inverse[np.ix_(rows, rows)]
    solved, failed = lapack.sposv(block, weights[rows], lower=1)[1:]
    if failed:
        raise TrainingError(
            "The prior cannot leave out its own ligands.", "Look for ligands with odd descriptors.", "not_fitted"
        )
    return solved.reshape(-1)

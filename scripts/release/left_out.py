"""What a prior says of complexes when it knows nothing near them, from the prior alone.

The measurements that a kernel ridge regression was fitted to follow from its weights: ``y = (K + noise) weights +
mean``. The fit without some of them is solved anew by conjugate gradients, for all folds at once.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from binding.data.cache import ComplexCache
from binding.domain.words import pocket_words
from binding.prior.fit import RIDGE_AT_SITE
from binding.prior.kernel import Features, Known, kernel_matrix
from binding.prior.model import Prior

ALIKE_SITE = 0.05  # share of words; 93 % of crystal sites have as much with one of their family, 5 % with another
ALIKE_LIGAND = 0.7  # Tanimoto similarity
#: What the names of measurements of `activity/` begin with, by its files; see scripts.release.prior_activity.
PREFIX = {"fsmol": "FS-Mol:", "moleculeace": "MoleculeACE:", "davis": "Davis:"}
RIDGE_OF_ACTIVITY = 0.6  # RIDGE_AT_SITE of other rows
SAME_ASSAY = 0.5  # covariance of what is particular to an assay of `activity/`
PARTS = 4  # of the ligands, at random
_ITERATIONS = 250
_TOLERANCE = 0.005  # of the residual's length


@dataclass(frozen=True, eq=False)
class Complexes:
    """Ligands at sites.

    Attributes:
        ligands: Features of the n ligands.
        words: Of the site of each.
    """

    ligands: Features
    words: Sequence[np.ndarray]

    @classmethod
    def of(cls, cache: ComplexCache) -> Complexes:
        """All complexes of a cache."""
        graphs, words = [], []
        for row in range(len(cache)):
            graph = cache.graph(row)
            graphs.append(graph.ligand)
            words.append(pocket_words(graph.pocket, graph.ligand.positions))
        return cls(Features.of(graphs), words)

    @property
    def part(self) -> np.ndarray:
        """(n,) random part of each ligand's 2D structure."""
        return parts(self.ligands)


def parts(features: Features) -> np.ndarray:
    """(n,) random part of each 2D structure, the same in every set of ligands."""
    return np.array([zlib.crc32(key) % PARTS for key in features.keys()], dtype=np.int64)


def add_noise(matrix: np.ndarray, names: np.ndarray) -> None:
    """Adds to a kernel of rows, in place, what likeness does not explain.

    Args:
        matrix: (r, r).
        names: (r,) of the measurements of each row.
    """
    first = np.array([name.split(" ")[0] for name in names.tolist()], dtype=object)
    of_activity = np.array([name.startswith(tuple(PREFIX.values())) for name in first.tolist()], dtype=bool)
    matrix[np.diag_indices(len(matrix))] += np.where(of_activity, RIDGE_OF_ACTIVITY, RIDGE_AT_SITE).astype(matrix.dtype)
    rows = np.flatnonzero(of_activity)
    for _, places_of in pd.Series(rows).groupby(first[rows]):
        matrix[np.ix_(places_of, places_of)] += matrix.dtype.type(SAME_ASSAY)


def conjugate_gradients(
    matrix: np.ndarray, ridge: float, values: np.ndarray, kept: np.ndarray, tolerance: float = _TOLERANCE
) -> np.ndarray:
    """Weights (n, k) float32 of k fits, each to the rows that it keeps.

    Args:
        matrix: (n, n) kernel.
        ridge: Added to its diagonal.
        values: (n, k), zero where a row is not kept.
        kept: (n, k) bool.
        tolerance: Of the residual's length, where it ends.
    """
    mask, error = kept.astype(np.float32), values.astype(np.float32)
    weights, direction = np.zeros_like(error), error.copy()
    size = start = np.square(error).sum(axis=0)
    for _ in range(_ITERATIONS):
        product = (matrix @ direction + np.float32(ridge) * direction) * mask
        step = size / np.maximum((direction * product).sum(axis=0), 1e-20)
        weights += step * direction
        error -= step * product
        before, size = size, np.square(error).sum(axis=0)
        if (size < tolerance**2 * start).all():
            break
        direction = error + size / np.maximum(before, 1e-20) * direction
    return weights


def rows_kept(prior: Prior, complexes: Complexes, fold: np.ndarray) -> np.ndarray:
    """(rows, folds + parts) bool, what each fit keeps of the prior's rows.

    A fit for a fold of families knows no site like one of the fold, and no ligand that is nearly one of it; a fit for a
    part of the ligands knows none of these.

    Args:
        prior: The prior.
        complexes: The n complexes.
        fold: (n,) of each.
    """
    fit = prior.at_site
    folds, known = int(fold.max()) + 1, Known(prior.features)
    sites, ligands = np.zeros((folds, len(fit.sites) + 1)), np.zeros((folds, len(prior)))
    for row, bits in enumerate(complexes.ligands.split()):
        to_sites = fit.sites.similarity(complexes.words[row])
        np.maximum(sites[fold[row], :-1], to_sites, out=sites[fold[row], :-1])
        np.maximum(ligands[fold[row]], known.index.similarity(bits), out=ligands[fold[row]])
    gone = (sites >= ALIKE_SITE)[:, fit.row_site] | (ligands >= ALIKE_LIGAND)[:, fit.row_ligand]  # -1: of no site
    part = parts(prior.features)[fit.row_ligand]
    return np.concatenate([~gone.T, part[:, None] != np.arange(PARTS)], axis=1)


def kept_without(prior: Prior, path: Path, fold: np.ndarray) -> pd.DataFrame:
    """``without`` of a cache's complexes, from a file beside it where the same was asked before."""
    digest = hashlib.sha256(prior.weights.tobytes() + fold.astype(np.int64).tobytes()).hexdigest()[:12]
    file = path.with_suffix(f".left_out_{digest}.csv")
    if not file.is_file():
        without(prior, Complexes.of(ComplexCache(path)), fold).to_csv(file, index=False)
    return pd.read_csv(file)


def without(prior: Prior, complexes: Complexes, fold: np.ndarray) -> pd.DataFrame:
    """Predictions at the site, (n,) pK, and how near the nearest measurement is that was left (``PriorPk.known``).

    Columns ``family`` and ``known_family``: without the fold of each complex; ``ligand`` and ``known_ligand``: without
    the random part of the ligands that its own is in.

    Args:
        prior: The prior.
        complexes: The n complexes.
        fold: (n,) fold of families of each, from 0.
    """
    fit, kept = prior.at_site, rows_kept(prior, complexes, fold)
    matrix = kernel_matrix(prior.features.take(fit.row_ligand))
    fit.sites.scale(matrix, fit.row_site)
    add_noise(matrix, np.full(len(fit.weights), "") if prior.measured is None else prior.measured.names)
    measured = fit.mean + matrix @ fit.weights.astype(np.float32)
    means = (measured[:, None] * kept).sum(axis=0) / kept.sum(axis=0)
    weights = conjugate_gradients(matrix, 0.0, (measured[:, None] - means) * kept, kept)
    del matrix
    anywhere = np.stack([np.bincount(fit.row_ligand, column, minlength=len(prior)) for column in weights.T], axis=1)
    found, known = np.zeros((len(fold), 4)), Known(prior.features)
    columns = np.stack([fold, fold.max() + 1 + complexes.part], axis=1)
    descriptors = complexes.ligands.descriptors
    for row, bits in enumerate(complexes.ligands.split()):
        likeness, similarity = known.likeness(bits, descriptors[row])
        near = np.append(fit.sites.similarity(complexes.words[row]), 0.0)[fit.row_site]
        rows = np.flatnonzero(near)
        ligand, near = fit.row_ligand[rows], near[rows]
        for place, column in enumerate(columns[row].tolist()):
            of_sites = (likeness[ligand] * near * weights[rows, column]).sum()
            found[row, 2 * place] = means[column] + likeness @ anywhere[:, column] + of_sites
            found[row, 2 * place + 1] = (similarity[ligand] * near * kept[rows, column]).max(initial=0.0)
    return pd.DataFrame(found, columns=["family", "known_family", "ligand", "known_ligand"])

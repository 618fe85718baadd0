"""Which measurements a prior's estimate rests on.

The mean of a Gaussian process is a weighted sum of what was measured: ``mean + sum of c * (measured - mean)``, with
``c = (K + ridge)^-1 k`` (Rasmussen & Williams 2006, section 2.6, the equivalent kernel). A fit keeps ``(K + ridge)^-1
(measured - mean)`` instead, whose terms say little: they are errors of the fit, large for ligands unlike the asked one,
and cancel. The ``c`` of all rows would take the inverse of a matrix of gigabytes. So they are those of a fit to the
nearest rows, which mostly screen off the others; what these others add beyond that is the rest: the sum stays exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from binding.graph.fields import LigandGraph
from binding.prior.fit import RIDGE_AT_SITE
from binding.prior.kernel import Features
from binding.prior.model import Prior

NEAREST: Final = 1000  # rows that share the weights


@dataclass(frozen=True)
class Measurement:
    """A measured ligand at a site, and what it adds.

    Attributes:
        name: PDB entry or compound; several, with blanks between, where measurements were averaged; empty where it is
            not known.
        measured: pK.
        ligand: 0 to 1, Tanimoto similarity of the ligand to the predicted one.
        site: 0 to 1, similarity of the site to the predicted one; 0 where the site of the measurement is not known.
        weight: Of the measurement in the prior's estimate; near 1 where the very complex was measured.
        pk: Share of pk, pK: the measurement's distance from the mean of all, times the weight, times the prior's part.
    """

    name: str
    measured: float
    ligand: float
    site: float
    weight: float
    pk: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """The prior's part of a pk, as a sum over measurements.

    Attributes:
        listed: Those of the greatest weights, greatest first by size.
        mean: Share of the mean of all measurements, pK.
        rest: What all other measurements add, pK.
        others: Their number.
    """

    listed: tuple[Measurement, ...]
    mean: float
    rest: float
    others: int

    @property
    def pk(self) -> float:
        """The sum of all shares, pK."""
        return self.mean + sum(row.pk for row in self.listed) + self.rest


def evidence_of(prior: Prior, ligand: LigandGraph, words: np.ndarray, share: float, most: int) -> Evidence:
    """Takes a prior's estimate apart; the sum of all shares is ``share`` times that estimate.

    Args:
        prior: The prior.
        ligand: The predicted ligand.
        words: Of its site; see ``binding.domain.words.pocket_words``.
        share: Of the prior in pk (``config.prior_weight``).
        most: How many measurements to list.
    """
    fit, compared = prior.at_site, prior.compare(ligand, words)
    # Stable, so that rows that are equally near stay in one order.
    nearest = np.argsort(-compared.kernel, kind="stable")[:NEAREST]
    matrix = prior.kernel_of(nearest).astype(np.float64)
    matrix[np.diag_indices(len(matrix))] += RIDGE_AT_SITE
    weights = cho_solve(cho_factor(matrix, overwrite_a=True), compared.kernel[nearest])
    listed: list[Measurement] = []
    for place in np.argsort(-np.abs(weights), kind="stable").tolist():
        if len(listed) == most:
            break
        row, weight = int(nearest[place]), float(weights[place])
        measured = measured_pk(prior, row)
        if np.isfinite(measured):  # else it stays with the rest
            name = "" if prior.measured is None else str(prior.measured.names[row])
            alike = float(compared.ligand[row]), float(compared.site[row])
            listed.append(Measurement(name, measured, *alike, weight, share * weight * (measured - fit.mean)))
    terms = share * float(np.einsum("r,r->", fit.weights, compared.kernel))
    rest = terms - sum(row.pk for row in listed)
    return Evidence(tuple(listed), share * fit.mean, rest, len(fit.weights) - len(listed))


def measured_pk(prior: Prior, row: int) -> float:
    """The measured pK behind a row of ``prior.at_site``; NaN where it is not known.

    Where no file says it, it is read off the fit itself: a fitted value and the measurement differ by the ridge times
    the row's weight.
    """
    if prior.measured is not None:
        return float(prior.measured.pk[row])
    fit = prior.at_site
    site = int(fit.row_site[row])
    words = fit.sites.split()[site] if site >= 0 else np.zeros(0, dtype=np.uint32)
    known: Features = prior.features.take(fit.row_ligand[row : row + 1])
    return float(prior.predict_features(known, [words]).at_site[0] + RIDGE_AT_SITE * fit.weights[row])

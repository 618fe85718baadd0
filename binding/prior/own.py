"""A prior that learns from the rows of a run: measured compounds correct it for similar ones.

The prior's errors on measured compounds are regressed with the prior's own kernel and added to it (kriging of the
residuals; Rasmussen & Williams 2006, section 2.7): exact, without iterations. Far from these compounds the prior is
unchanged.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from binding.graph.fields import LigandGraph
from binding.prior.fit import RIDGE, RIDGE_AT_SITE
from binding.prior.kernel import Features, kernel_matrix
from binding.prior.measured import Measured, joined_names
from binding.prior.model import Prior, PriorFunction, PriorPk, SiteFit, summary_of
from binding.prior.sites import Sites

MOST_OWN: Final = 5_000  # different compounds at their sites: a matter of half a minute
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unseen:
    """Predictions of a prior that has learned own compounds; each of these is predicted without itself.

    Attributes:
        before: The prior before learning.
        after: The prior after learning.
        alone: By fingerprint of each own ligand, pK: the others' correction of the prior for the ligand alone.
        at_site: The same for the prior at the site; the mean over the sites where the ligand was measured.
    """

    before: Prior
    after: Prior
    alone: Mapping[bytes, float]
    at_site: Mapping[bytes, float]

    def __call__(self, ligands: Sequence[LigandGraph], sites: Sequence[np.ndarray]) -> PriorPk:
        """See ``binding.prior.model.PriorFunction``."""
        keys = Features.of(ligands).keys()
        before, after = self.before.predict_at(ligands, sites), self.after.predict_at(ligands, sites)
        own = np.array([key in self.alone for key in keys], dtype=bool)
        alone = before.alone + np.array([self.alone.get(key, 0.0) for key in keys])
        at_site = before.at_site + np.array([self.at_site.get(key, 0.0) for key in keys])
        return PriorPk(np.where(own, at_site, after.at_site), np.where(own, alone, after.alone))


def learn_own(
    prior: Prior,
    ligands: Sequence[LigandGraph],
    sites: Sequence[np.ndarray],
    pk: np.ndarray,
    *,
    names: Sequence[str] | None = None,
) -> tuple[Prior, PriorFunction]:
    """The prior corrected by measured compounds, with leave-one-out predictions for these.

    Measurements of one ligand at one site are averaged. More than ``MOST_OWN`` of them leave the prior as it is, with
    a warning.

    Args:
        prior: The prior to correct; not modified.
        ligands: Of n measurements; at least one.
        sites: (n,) the words of each, see ``binding.domain.words.pocket_words``.
        pk: (n,) measured, exact.
        names: (n,) what to call the measurements where they are listed as evidence.
    """
    features = Features.of(ligands)
    keys = features.keys()
    ligand_of, site_of = _numbered(keys), _numbered([words.tobytes() for words in sites])
    row_of = _numbered(list(zip(ligand_of.tolist(), site_of.tolist(), strict=True)))
    first_ligands, first_sites, first_rows = (
        np.unique(rows, return_index=True)[1] for rows in (ligand_of, site_of, row_of)
    )
    if len(first_rows) > MOST_OWN:
        _log.warning("the prior does not learn from these rows: %d compounds, more than %d", len(first_rows), MOST_OWN)
        return prior, prior.predict_at
    said = prior.predict_at(ligands, sites)
    distinct, places = features.take(first_ligands), Sites.of([sites[row] for row in first_sites.tolist()])
    kernel = kernel_matrix(distinct)
    weights, alone = _corrected(kernel, RIDGE, _mean(pk - said.alone, ligand_of), np.arange(len(distinct)))
    row_ligand, row_site = ligand_of[first_rows], site_of[first_rows]
    bound = kernel[np.ix_(row_ligand, row_ligand)]
    places.scale(bound, row_site)
    row_weights, at_site = _corrected(bound, RIDGE_AT_SITE, _mean(pk - said.at_site, row_of), row_ligand)
    fit = SiteFit(places, row_ligand, row_site, row_weights, 0.0)
    after = _joined(prior, distinct, weights, fit, ligands, Measured(joined_names(names, row_of), _mean(pk, row_of)))
    own_keys = [keys[row] for row in first_ligands.tolist()]
    by_ligand = _mean(at_site, row_ligand)
    return after, Unseen(
        prior,
        after,
        dict(zip(own_keys, alone.tolist(), strict=True)),
        dict(zip(own_keys, by_ligand.tolist(), strict=True)),
    )


def _numbered(keys: Sequence[object]) -> np.ndarray:
    """(n,) number of each key, in order of first appearance."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _mean(values: np.ndarray, row_of: np.ndarray) -> np.ndarray:
    return np.bincount(row_of, values) / np.bincount(row_of)


def _corrected(
    kernel: np.ndarray, ridge: float, wrong: np.ndarray, ligand_of: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the rows, and the prediction for each from a fit without any row of its ligand.

    Args:
        kernel: (rows, rows), not modified.
        ridge: Added to its diagonal.
        wrong: (rows,) measured minus prior, pK.
        ligand_of: (rows,) index of each row's ligand.
    """
    inverse = np.linalg.inv(kernel.astype(np.float64) + ridge * np.eye(len(kernel)))
    weights = inverse @ wrong
    unseen = np.empty(len(wrong))
    for ligand in range(int(ligand_of.max()) + 1):
        rows = np.flatnonzero(ligand_of == ligand)
        unseen[rows] = wrong[rows] - np.linalg.solve(inverse[np.ix_(rows, rows)], weights[rows])
    return weights, unseen


def _joined(
    prior: Prior,
    features: Features,
    weights: np.ndarray,
    at_site: SiteFit,
    ligands: Sequence[LigandGraph],
    measured: Measured,
) -> Prior:
    """A prior and its correction as one prior."""
    known, fit = prior.features, prior.at_site
    atoms, elements = summary_of(ligands)
    joined = SiteFit(
        Sites(
            np.concatenate([fit.sites.words, at_site.sites.words]),
            np.concatenate([fit.sites.counts, at_site.sites.counts]),
        ),
        np.concatenate([fit.row_ligand, len(prior) + at_site.row_ligand]),
        np.concatenate([fit.row_site, len(fit.sites) + at_site.row_site]),
        np.concatenate([fit.weights, at_site.weights]),
        fit.mean,
    )
    return Prior(
        Features(
            np.concatenate([known.bits, features.bits]),
            np.concatenate([known.bit_counts, features.bit_counts]),
            np.concatenate([known.descriptors, features.descriptors]),
        ),
        np.concatenate([prior.weights, weights]),
        prior.mean,
        (min(prior.atoms[0], atoms[0]), max(prior.atoms[1], atoms[1])),
        prior.elements + elements,
        joined,
        Measured.joined([prior.measured or Measured.unknown(len(fit.weights)), measured]),
    )

"""The prior: affinity by likeness to ligands that were measured, and by likeness of the sites where they were.

Kernel ridge regression, which is the mean of a Gaussian process, on Tanimoto similarity (Ralaivola et al. 2005) and a
dozen descriptors of ligands, and on the words of four residues that binding sites share. It sees the ligand's 2D
structure alone, and of the protein only which residues line the site.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from binding.domain.bits import BitIndex
from binding.domain.fingerprint import NUM_BITS
from binding.domain.index import Domain, count_elements
from binding.domain.words import NUM_WORDS
from binding.graph.fields import ATOM_CATEGORIES, DESCRIPTORS, LigandGraph
from binding.io.arrays import Layout, check_arrays, check_counts
from binding.prior.kernel import AT_ONCE, Features, Known, kernel_matrix
from binding.prior.measured import Measured
from binding.prior.sites import Sites

_LAYOUT: Final[dict[str, Layout]] = {
    "bits": ("integer", ("bits",)),
    "bit_counts": ("integer", ("ligands",)),
    "descriptors": ("number", ("ligands", len(DESCRIPTORS))),
    "weights": ("number", ("ligands",)),
    "mean": ("number", (1,)),
    "atoms": ("integer", (2,)),
    "elements": ("integer", (ATOM_CATEGORIES["element"],)),
    "site_words": ("integer", ("words",)),
    "site_counts": ("integer", ("sites",)),
    "row_ligand": ("integer", ("rows",)),
    "row_site": ("integer", ("rows",)),
    "row_weights": ("number", ("rows",)),
    "row_mean": ("number", (1,)),
}


@dataclass(frozen=True, eq=False)
class PriorPk:
    """The prior's predictions for n complexes, pK float64.

    Attributes:
        at_site: (n,) prediction for the ligand at its site.
        alone: (n,) prediction for the ligand alone, regardless of the protein.
        known: (n,) 0 to 1, how near the nearest measurement is: the greatest product of the Tanimoto similarities of
            ligand and site, 1 for a complex that was itself measured. None for held-out complexes.
    """

    at_site: np.ndarray
    alone: np.ndarray
    known: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.alone)

    def take(self, rows: Sequence[int] | np.ndarray) -> PriorPk:
        """The predictions for some of the complexes."""
        return PriorPk(self.at_site[rows], self.alone[rows], None if self.known is None else self.known[rows])


#: From n ligands and the words of their sites to what a prior says of each.
PriorFunction = Callable[[Sequence[LigandGraph], Sequence[np.ndarray]], PriorPk]


class Alike(NamedTuple):
    """Rows of a ``SiteFit`` that were measured at sites like some others.

    Attributes:
        asked: (rows,) which of the sites asked for each is of, ascending.
        ligands: (rows,) known ligand of each.
        weights: (rows,) its weight.
        similarity: (rows,) of the sites, above zero.
    """

    asked: np.ndarray
    ligands: np.ndarray
    weights: np.ndarray
    similarity: np.ndarray


class RowLikeness(NamedTuple):
    """A ligand at a site beside all r rows of a ``SiteFit``.

    Attributes:
        ligand: (r,) Tanimoto similarity of the ligands.
        site: (r,) similarity of the sites; 0 where that of a row is not known.
        kernel: (r,) likeness of the ligands times (1 + ``site``).
    """

    ligand: np.ndarray
    site: np.ndarray
    kernel: np.ndarray


@dataclass(frozen=True, eq=False)
class SiteFit:
    """The fit that knows the site of each measurement; each of its r rows is a known ligand at a site.

    Attributes:
        sites: The distinct sites.
        row_ligand: (r,) int64, index of the known ligand.
        row_site: (r,) int64, index of the site; -1 where it is not known.
        weights: (r,) float64, pK.
        mean: pK.
    """

    sites: Sites
    row_ligand: np.ndarray
    row_site: np.ndarray
    weights: np.ndarray
    mean: float

    def alike(self, asked: Sequence[np.ndarray]) -> Alike:
        """The rows whose sites have words in common with some others, given by the words of each."""
        each, sites, similarity = self.sites.alike(asked)
        order, starts = self._by_site
        counts = starts[sites + 1] - starts[sites]
        before = np.cumsum(counts) - counts
        rows = order[np.repeat(starts[sites] - before, counts) + np.arange(counts.sum())]
        place = np.repeat(np.repeat(np.arange(len(asked)), each), counts)
        return Alike(place, self.row_ligand[rows], self.weights[rows], np.repeat(similarity, counts))

    @cached_property
    def _by_site(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows, those of one site together, and where those of each site start and the last one's end."""
        order = np.argsort(self.row_site, kind="stable")
        return order, np.searchsorted(self.row_site[order], np.arange(len(self.sites) + 1))


class Prior:
    """Two sums over known ligands: ``mean + sum of weight * likeness``, and with sites that of ``SiteFit``.

    There the likeness of a row is that of the ligands times (1 + that of the sites).

    Args:
        features: Of the n known ligands.
        weights: (n,) pK, weights of the fit that sees the ligand alone.
        mean: pK, mean of this fit.
        atoms: Fewest and most heavy atoms of a known ligand.
        elements: As in ``Domain``.
        at_site: The fit with sites.
        measured: What its rows were measured on; None where no one wrote it down.

    Attributes:
        anywhere: (n,) pK, weights of the fit with sites for a ligand at a site like none.
    """

    def __init__(
        self,
        features: Features,
        weights: np.ndarray,
        mean: float,
        atoms: tuple[int, int],
        elements: np.ndarray,
        at_site: SiteFit,
        measured: Measured | None = None,
    ) -> None:
        self.features, self.mean, self.atoms, self.elements = features, mean, atoms, elements
        self.weights = weights.astype(np.float64)
        self.at_site, self.measured = at_site, measured
        self.anywhere = np.bincount(at_site.row_ligand, at_site.weights, minlength=len(features))
        self._sums = np.stack([self.weights, self.anywhere], axis=1)  # (n, 2) weights of both sums over all ligands
        self._known = Known(features)

    def __len__(self) -> int:
        """The number of known ligands."""
        return len(self.weights)

    def predict(self, ligands: Sequence[LigandGraph]) -> np.ndarray:
        """pK (n,) float64 of some ligands, regardless of the protein; each is independent of the rest, as below."""
        nowhere = [np.zeros(0, dtype=np.uint32)] * len(ligands)
        return self.predict_at(ligands, nowhere).alone

    def predict_at(
        self, ligands: Sequence[LigandGraph], sites: Sequence[np.ndarray], ligand_of: np.ndarray | None = None
    ) -> PriorPk:
        """Predictions for ligands at sites; each is independent of the rest, but for the last bits of sums in 64 bits.

        Args:
            ligands: Any number; positions do not matter.
            sites: (n,) the words of each, see ``binding.domain.words.pocket_words``; none where it is not known.
            ligand_of: (n,) which of the ligands is at each site; None: one each, in order.
        """
        return self.predict_features(Features.of(ligands), sites, ligand_of)

    def predict_features(
        self, features: Features, sites: Sequence[np.ndarray], ligand_of: np.ndarray | None = None
    ) -> PriorPk:
        """The same as ``predict_at``, from the kernel features of the ligands."""
        at_site, alone, known = np.empty(len(sites)), np.empty(len(sites)), np.empty(len(sites))
        place_of: list[list[int]] = [[] for _ in range(len(features))]
        for place, row in enumerate(range(len(sites)) if ligand_of is None else ligand_of.tolist()):
            place_of[row].append(place)
        bits = features.split()
        for start in range(0, len(bits), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            likeness, similarity = self._known.likeness_of(bits[some], features.descriptors[some])
            # Likeness is right to 32 bits; the sums over all ligands are of 64.
            said = likeness.astype(np.float64) @ self._sums
            places = np.concatenate([np.zeros(0, dtype=np.int64), *place_of[some]]).astype(np.int64)
            rows = np.repeat(np.arange(len(said)), [len(each) for each in place_of[some]])
            near = self.at_site.alike([sites[place] for place in places.tolist()])
            entries = rows[near.asked] * len(self) + near.ligands
            shares = likeness.take(entries) * near.weights * near.similarity
            alone[places] = self.mean + said[rows, 0]
            at_site[places] = self.at_site.mean + said[rows, 1] + np.bincount(near.asked, shares, len(places))
            nearest = np.zeros(len(places))
            np.maximum.at(nearest, near.asked, similarity.take(entries) * near.similarity)
            known[places] = nearest
        return PriorPk(at_site, alone, known)

    def compare(self, ligand: LigandGraph, words: np.ndarray) -> RowLikeness:
        """A ligand at a site beside every row of the fit with sites.

        Args:
            ligand: Positions do not matter.
            words: Of the site, see ``binding.domain.words.pocket_words``; none where it is not known.
        """
        features, fit = Features.of([ligand]), self.at_site
        likeness, similarity = self._known.likeness(features.split()[0], features.descriptors[0])
        site = np.append(fit.sites.similarity(words), 0.0)[fit.row_site]  # the last one is that of no site
        return RowLikeness(similarity[fit.row_ligand], site, likeness[fit.row_ligand] * (1.0 + site))

    def kernel_of(self, rows: np.ndarray) -> np.ndarray:
        """(rows, rows) float32, the kernel of some rows of the fit with sites."""
        fit = self.at_site
        matrix = kernel_matrix(self.features.take(fit.row_ligand[rows]))
        words, site = fit.sites.split(), fit.row_site[rows]
        different, place = np.unique(site[site >= 0], return_inverse=True)
        site_of = np.full(len(rows), -1)
        site_of[site >= 0] = place
        Sites.of([words[row] for row in different.tolist()]).scale(matrix, site_of)
        return matrix

    @property
    def index(self) -> BitIndex:
        """The fingerprints of the known ligands, for others that compare with the same ones."""
        return self._known.index

    def nearest(self, features: Features) -> tuple[np.ndarray, np.ndarray]:
        """For each of m ligands the nearest known one (m,) int64, and their Tanimoto similarity (m,)."""
        rows, similarity = np.empty(len(features), dtype=np.int64), np.empty(len(features))
        for row, bits in enumerate(features.split()):
            to_all = self._known.index.similarity(bits)
            rows[row] = to_all.argmax()
            similarity[row] = to_all[rows[row]]
        return rows, similarity

    def summary(self) -> dict[str, int]:
        """What the card of the weights records about the prior."""
        return {"ligands": len(self), "sites": len(self.at_site.sites)}

    def domain(self) -> Domain:
        """The known ligands as a training set without proteins."""
        return Domain.of(self.features.split(), [], self.atoms, self.elements)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to save; ``from_arrays`` is the inverse."""
        return {
            "bits": self.features.bits.astype(np.int16),
            "bit_counts": self.features.bit_counts.astype(np.int16),
            "descriptors": self.features.descriptors.astype(np.float16),
            "weights": self.weights.astype(np.float32),
            "mean": np.array([self.mean]),
            "atoms": np.array(self.atoms),
            "elements": np.asarray(self.elements, dtype=np.int64),
            "site_words": self.at_site.sites.words.astype(np.int32),
            "site_counts": self.at_site.sites.counts.astype(np.int32),
            "row_ligand": self.at_site.row_ligand.astype(np.int32),
            "row_site": self.at_site.row_site.astype(np.int32),
            "row_weights": self.at_site.weights.astype(np.float32),
            "row_mean": np.array([self.at_site.mean]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Prior:
        """Restores a prior from the arrays of a file.

        Raises:
            ValueError: An array is missing or damaged, or the arrays do not fit together.
        """
        _check(arrays)
        counts = arrays["bit_counts"].astype(np.int64)
        features = Features(arrays["bits"].astype(np.uint16), counts, arrays["descriptors"].astype(np.float32))
        at_site = SiteFit(
            Sites(arrays["site_words"], arrays["site_counts"]),
            arrays["row_ligand"].astype(np.int64),
            arrays["row_site"].astype(np.int64),
            arrays["row_weights"].astype(np.float64),
            float(arrays["row_mean"][0]),
        )
        atoms = (int(arrays["atoms"][0]), int(arrays["atoms"][1]))
        return cls(features, arrays["weights"], float(arrays["mean"][0]), atoms, arrays["elements"], at_site)


def summary_of(ligands: Sequence[LigandGraph]) -> tuple[tuple[int, int], np.ndarray]:
    """Fewest and most heavy atoms of ligands (at least one), and their elements as ``Domain`` counts them."""
    sizes = [ligand.num_atoms for ligand in ligands]
    return (min(sizes), max(sizes)), count_elements(ligands)


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    """Raises ``ValueError`` where arrays do not describe a prior; see ``Prior.from_arrays``."""
    sizes = check_arrays(arrays, _LAYOUT, "the prior")
    check_counts(arrays, {"bit_counts": "bits", "site_counts": "words"}, sizes, "the prior")
    for name, what, most in (("bits", "fingerprints", NUM_BITS), ("site_words", "words", NUM_WORDS)):
        if ((arrays[name] < 0) | (arrays[name] >= most)).any():
            raise ValueError(f"the prior has {what} of another kind")
    for name, lowest, most in (("row_ligand", 0, sizes["ligands"]), ("row_site", -1, sizes["sites"])):
        if ((arrays[name] < lowest) | (arrays[name] >= most)).any():
            raise ValueError(f"the prior has rows that it does not know, in {name}")

"""Whether the ways of asking which residues matter agree, and what attention says beyond counting contacts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from scipy.spatial.distance import cdist

from binding.graph.checks import CONTACT
from binding.structures import Ligand, Protein

#: The ways, in the order of tables; the first is the default wherever one has to be chosen.
MEASURES: Final = {
    "contributions": "contributions",
    "gradients": "integrated gradients",
    "attention": "attention",
    "contacts": "number of contacts",
    "occlusion": "deletion",
}
TOP: Final = 10
_FEWEST: Final = 5  # residues, below which ranks say nothing
_NOTHING_MORE: Final = 0.15  # rank correlation that is left of attention, below which it adds nothing to contacts


@dataclass(frozen=True, eq=False)
class Agreement:
    """m measures of k residues, compared two and two.

    Attributes:
        residue_labels: (k) such as ``A:ASP:25``.
        by_measure: (k,) of each measure that was asked for, in the order of ``MEASURES``; higher matters more.
        spearman: (m, m) rank correlations; NaN with fewer than five residues, or where one has no order.
        top: (m, m) residues among the highest ten of both.
        attention_in_pk: Whether the networks whose attention it is have a weight in pk.
    """

    residue_labels: tuple[str, ...]
    by_measure: dict[str, np.ndarray]
    spearman: np.ndarray
    top: np.ndarray
    attention_in_pk: bool = True

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures."""
        return tuple(self.by_measure)

    @property
    def most(self) -> int:
        """How many residues ``top`` could share at most."""
        return min(TOP, len(self.residue_labels))

    def between(self, first: str, second: str) -> float:
        """Rank correlation of two measures; NaN where one was not asked for."""
        if first not in self.by_measure or second not in self.by_measure:
            return float("nan")
        names = self.measures
        return float(self.spearman[names.index(first), names.index(second)])

    def beyond(self, measure: str, known: str, target: str) -> float:
        """Rank correlation of a measure with a target that is left once another measure is known (partial).

        NaN where any of the three was not asked for, or has no order.
        """
        return partial(self.between(measure, target), self.between(measure, known), self.between(known, target))

    @property
    def sentence(self) -> str:
        """What it means for this complex, in plain words."""
        if not np.isfinite(self.between("contributions", "contacts")):
            return "Too few residues are in reach to compare orders."
        judge = "occlusion" if "occlusion" in self.by_measure else "contributions"
        others = [name for name in self.measures if name != judge and np.isfinite(self.between(name, judge))]
        others.sort(key=lambda name: -self.between(name, judge))
        said = ", ".join(f"{MEASURES[name]} {self.between(name, judge):.2f}" for name in others)
        if judge == "occlusion":
            words = f"Deleting residues one at a time is the test; rank correlation with what pK then loses: {said}."
        else:
            words = f"Rank correlation with the contributions: {said}."
        return f"{words}{self._on_attention(judge)}"

    def _on_attention(self, judge: str) -> str:
        """What attention adds to counting contacts; nothing where it was not asked for."""
        left = self.beyond("attention", "contacts", judge)
        if not np.isfinite(left):
            return ""
        how = f"once the contacts of each residue are counted, {left:.2f} is left of its rank correlation"
        said = (
            "nothing here that counting contacts does not"
            if left < _NOTHING_MORE
            else "more here than counting contacts"
        )
        whose = (
            "" if self.attention_in_pk else " It is of networks that answer for the pose and have no weight in this pK."
        )
        return f" Attention says {said}: {how}.{whose}"


def partial(first: float, second: float, third: float) -> float:
    """Correlation of x and z without what y explains, from those of (x, z), (x, y) and (y, z)."""
    rest = (1.0 - second**2) * (1.0 - third**2)
    return (first - second * third) / float(np.sqrt(rest)) if rest > 0.0 else float("nan")


def number_of_contacts(pocket: Protein, ligand: Ligand, rows: np.ndarray) -> np.ndarray:
    """(k,) pairs of heavy atoms within 4.5 Å between the ligand and each of some residues of its pocket."""
    near = (cdist(ligand.positions, pocket.positions) <= CONTACT).sum(axis=0)
    return np.bincount(pocket.atom_residue, weights=near, minlength=pocket.num_residues)[rows]


def compare(residue_labels: tuple[str, ...], values: dict[str, np.ndarray], attention_in_pk: bool = True) -> Agreement:
    """Compares measures of the same residues.

    Args:
        residue_labels: (k) the residues.
        values: (k,) by name of ``MEASURES``.
        attention_in_pk: As in ``Agreement``.
    """
    from binding.metrics import spearman  # loads scipy.stats, which takes longer than many an explanation

    ordered = {name: values[name] for name in MEASURES if name in values}
    count, most = len(ordered), min(TOP, len(residue_labels))
    ranks, top = np.eye(count), np.full((count, count), most)
    best = [set(np.argsort(-each, kind="stable")[:most].tolist()) for each in ordered.values()]
    few = len(residue_labels) < _FEWEST
    for (i, first), (j, second) in combinations(enumerate(ordered.values()), 2):
        ranks[i, j] = ranks[j, i] = float("nan") if few else float(spearman(first, second))
        top[i, j] = top[j, i] = len(best[i] & best[j])
    return Agreement(residue_labels, ordered, ranks, top, attention_in_pk)

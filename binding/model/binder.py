"""Whether a compound binds at all: a logistic function of other numbers of its pose, fitted to small screens.

pK is learned from ligands that bind, so that it says how tightly a binder binds and not whether a compound is one. The
few weights here are fitted to binders and decoys that were docked alike into pockets of families that the networks had
not seen, and to assays (``scripts.release.binder``). They belong to one set of
weights and lie beside it as ``<stem>.binder.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from binding.errors import WeightsError

if TYPE_CHECKING:
    from binding.graph.fields import ComplexGraph
    from binding.model.ensemble import Scores

SUFFIX: Final = ".binder.json"
FORMAT_VERSION: Final = 1
#: Of ``known``: the fit saw no compound nearer than this to a measured one, which may have been found inactive.
MOST_KNOWN: Final = 0.7
_CERTAIN: Final = 1e-6  # of a probability of a pose, on either side
_LN10: Final = float(np.log(10.0))


def terms_of(scores: Scores, graphs: Sequence[ComplexGraph]) -> dict[str, np.ndarray]:
    """What a ``Binder`` may weigh, (n,) each, by name.

    Args:
        scores: Of n poses.
        graphs: The poses.

    Returns:
        ``pose``: log odds of ``pose``; ``pk_ligand_only``, ``pk_network`` and ``pk_prior`` as in ``Scores``; ``known``:
        likewise, at most ``MOST_KNOWN``; ``size``: natural logarithm of the number of heavy atoms.
    """
    pose = np.clip(scores.pose, _CERTAIN, 1.0 - _CERTAIN)
    return {
        "pose": np.log(pose / (1.0 - pose)),
        "pk_ligand_only": scores.pk_ligand_only,
        "pk_network": scores.pk_network,
        "pk_prior": scores.pk_prior,
        "known": np.minimum(scores.known, MOST_KNOWN),
        "size": np.log(np.array([graph.ligand.num_atoms for graph in graphs], dtype=np.float64)),
    }


@dataclass(frozen=True)
class Binder:
    """Weights of the terms.

    Attributes:
        weights: Of each term of ``terms_of`` that counts.
        offset: Constant term, so that the probability fits the base rate.
        base_rate: Share of binders among the compounds that it was fitted to.
    """

    weights: Mapping[str, float]
    offset: float
    base_rate: float

    def log_odds(self, terms: Mapping[str, np.ndarray]) -> np.ndarray:
        """(n,) natural log odds that a compound binds, where binders are as frequent as ``base_rate``.

        Args:
            terms: (n,) each; those of ``terms_of``.
        """
        return self.offset + sum((weight * terms[name] for name, weight in self.weights.items()), start=np.zeros(()))

    def judge(self, scores: Scores, graphs: Sequence[ComplexGraph]) -> tuple[np.ndarray, np.ndarray]:
        """The columns ``binder`` (a probability) and ``rank_score`` (its log10 odds), (n,) each."""
        odds = self.log_odds(terms_of(scores, graphs))
        return 1.0 / (1.0 + np.exp(-odds)), odds / _LN10

    @classmethod
    def load(cls, weights: str | Path) -> Binder | None:
        """The file beside some weights; None where there is none, as beside those of one's own training.

        Args:
            weights: Such as ``model.safetensors``.

        Raises:
            WeightsError: The file is damaged or of another version.
        """
        path = binder_path(weights)
        if not path.is_file():
            return None
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            if int(card["format_version"]) != FORMAT_VERSION:
                raise ValueError(f"format {card['format_version']}; this version reads {FORMAT_VERSION}")
            found = {str(name): float(weight) for name, weight in card["weights"].items()}
            binder = cls(found, float(card["offset"]), float(card["base_rate"]))
            if not np.isfinite([*found.values(), binder.offset, binder.base_rate]).all():
                raise ValueError("a number is not finite")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise WeightsError(f"{path} does not say what binds: {error}.", "Restore the file.") from None
        if unknown := set(found) - _TERMS:
            raise WeightsError(f"{path} weighs unknown terms: {', '.join(sorted(unknown))}.", "Restore the file.")
        return binder


_TERMS: Final = frozenset({"pose", "pk_ligand_only", "pk_network", "pk_prior", "known", "size"})


def binder_path(weights: str | Path) -> Path:
    """Where the file of some weights lies."""
    path = Path(weights)
    return path.with_name(path.stem + SUFFIX)

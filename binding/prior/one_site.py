"""How near ligands are to what was measured at one site, without a pose: what a library is ranked by before docking."""

from __future__ import annotations

import numpy as np

from binding.domain.bits import BitIndex
from binding.prior.kernel import Features
from binding.prior.model import Prior


class OneSite:
    """The measurements of a prior at sites like one. Each ligand's number is the same whatever is asked for beside it.

    Args:
        prior: The prior.
        words: Of the site; see ``binding.domain.words.pocket_words``; none where it is not known.

    Attributes:
        nearest: 0 to 1, similarity of the site to the most similar one where anything was measured.
    """

    def __init__(self, prior: Prior, words: np.ndarray) -> None:
        near = prior.at_site.alike([words])
        ligands = np.unique(near.ligands)
        #: (measured there,) similarity of the site to the most similar one where each was measured.
        self._likeness = np.zeros(len(ligands))
        np.maximum.at(self._likeness, np.searchsorted(ligands, near.ligands), near.similarity)
        self.nearest = float(self._likeness.max(initial=0.0))
        known = prior.features.take(ligands)
        self._index = BitIndex(known.bits, known.bit_counts)

    def __len__(self) -> int:
        """How many known ligands were measured at sites that share anything with this one."""
        return len(self._index)

    def known(self, bits: np.ndarray) -> float:
        """``PriorPk.known`` of a ligand, 0 to 1: how near the nearest measurement is, by ligand and site.

        Args:
            bits: (on,) uint16, its fingerprint; see ``binding.domain.fingerprint``.
        """
        return float((self._index.similarity(bits) * self._likeness).max(initial=0.0))

    def known_of(self, ligands: Features) -> np.ndarray:
        """(n,) float64, the same of several."""
        return np.array([self.known(bits) for bits in ligands.split()])

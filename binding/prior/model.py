"""The ligand prior: affinity by likeness to ligands that were measured, on whatever protein.

Kernel ridge regression, which is the mean of a Gaussian process, on Tanimoto similarity (Ralaivola et al. 2005) and a
dozen descriptors. It sees the 2D structure alone: every pose of a ligand has the same number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from binding.domain.fingerprint import NUM_BITS
from binding.domain.index import Domain, count_elements
from binding.graph.fields import ATOM_CATEGORIES, DESCRIPTORS, LigandGraph
from binding.prior.kernel import Features, Known

_ARRAYS: Final = ("bits", "bit_counts", "descriptors", "weights", "mean", "atoms", "elements")


class LigandPrior:
    """``pk = mean + sum over known ligands of weight * likeness``.

    Args:
        features: Of the n known ligands.
        weights: (n,) pK.
        mean: pK.
        atoms: Fewest and most heavy atoms of a known ligand.
        elements: As of ``Domain``.
    """

    def __init__(
        self, features: Features, weights: np.ndarray, mean: float, atoms: tuple[int, int], elements: np.ndarray
    ) -> None:
        self.features, self.mean, self.atoms, self.elements = features, mean, atoms, elements
        self.weights = weights.astype(np.float64)
        self._known = Known(features)

    def __len__(self) -> int:
        """Known ligands."""
        return len(self.weights)

    def predict(self, ligands: Sequence[LigandGraph]) -> np.ndarray:
        """pK (n,) float64 of some ligands; each as if it came alone."""
        return self.predict_features(Features.of(ligands))

    def predict_features(self, features: Features) -> np.ndarray:
        """The same from what the kernel sees of them."""
        found = np.empty(len(features))
        for row, bits in enumerate(features.split()):
            likeness = self._known.likeness(bits, features.descriptors[row])
            found[row] = self.mean + np.einsum("n,n->", likeness, self.weights)
        return found

    def nearest(self, features: Features) -> tuple[np.ndarray, np.ndarray]:
        """For each of m ligands the nearest known one (m,) int64, and their Tanimoto similarity (m,)."""
        rows, similarity = np.empty(len(features), dtype=np.int64), np.empty(len(features))
        for row, bits in enumerate(features.split()):
            to_all = self._known.index.similarity(bits)
            rows[row] = to_all.argmax()
            similarity[row] = to_all[rows[row]]
        return rows, similarity

    def domain(self) -> Domain:
        """The known ligands as a training set without proteins."""
        return Domain.of(self.features.split(), [], self.atoms, self.elements)

    def arrays(self) -> dict[str, np.ndarray]:
        """What a file has to hold; ``from_arrays`` gives the prior back."""
        return {
            "bits": self.features.bits.astype(np.int16),
            "bit_counts": self.features.bit_counts.astype(np.int16),
            "descriptors": self.features.descriptors.astype(np.float16),
            "weights": self.weights.astype(np.float32),
            "mean": np.array([self.mean]),
            "atoms": np.array(self.atoms),
            "elements": np.asarray(self.elements, dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> LigandPrior:
        """The prior of a file.

        Raises:
            ValueError: An array is missing, is damaged, or they do not fit together.
        """
        if missing := [name for name in _ARRAYS if name not in arrays]:
            raise ValueError(f"the ligand prior lacks {', '.join(missing)}")
        bits, counts = arrays["bits"], arrays["bit_counts"].astype(np.int64)
        rows, sizes = len(counts), {name: arrays[name].shape for name in _ARRAYS[2:]}
        fits = sizes == {
            "descriptors": (rows, len(DESCRIPTORS)),
            "weights": (rows,),
            "mean": (1,),
            "atoms": (2,),
            "elements": (ATOM_CATEGORIES["element"],),
        }
        if not fits or bits.ndim != 1 or (counts < 0).any() or counts.sum() != len(bits):
            raise ValueError("the arrays of the ligand prior do not fit together")
        if ((bits < 0) | (bits >= NUM_BITS)).any():
            raise ValueError("the ligand prior has fingerprints of another kind")
        if not all(np.isfinite(arrays[name]).all() for name in ("descriptors", "weights", "mean")):
            raise ValueError("the ligand prior has numbers that are not finite")
        features = Features(bits.astype(np.uint16), counts, arrays["descriptors"].astype(np.float32))
        atoms = (int(arrays["atoms"][0]), int(arrays["atoms"][1]))
        return cls(features, arrays["weights"], float(arrays["mean"][0]), atoms, arrays["elements"])


def summary_of(ligands: Sequence[LigandGraph]) -> tuple[tuple[int, int], np.ndarray]:
    """Fewest and most heavy atoms of ligands (at least one), and their elements as ``Domain`` counts them."""
    sizes = [ligand.num_atoms for ligand in ligands]
    return (min(sizes), max(sizes)), count_elements(ligands)

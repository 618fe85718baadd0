"""Words of the examples' binding sites, and where each of the drugs is said to have been measured."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from networks import example_complex
from prior_ligands import DRUGS

from binding.domain.words import protein_words

NOWHERE = np.zeros(0, dtype=np.uint32)


@lru_cache(maxsize=32)
def site(name: str, cutoff: float = 10.0) -> np.ndarray:
    """Of an example's pocket; those of two cutoffs are alike."""
    return protein_words(example_complex(name, cutoff=cutoff).pocket)


def drug_sites() -> list[np.ndarray]:
    """Of each of ``DRUGS``: the serotonin receptor whole and in part, two other proteins, or nowhere."""
    places = [site("5ht1b"), site("5ht1b", 8.5), site("1s2g"), site("4cup"), NOWHERE]
    return [places[row % len(places)] for row in range(len(DRUGS))]

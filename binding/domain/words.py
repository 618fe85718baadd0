"""Words of a protein: the runs of four residues that its chains hold.

Two structures of one protein share most of their words whatever their numbering, and however much of the chain each
holds. What follows what is told by the peptide bonds: a pocket that was cut out has gaps, and a training cache keeps no
numbers of residues.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from binding.io.sequences import one_letter
from binding.structures import Protein, ResidueKind

LENGTH: Final = 4  # residues; three occur by chance in every larger protein, five are lost by one exchange in five
_LETTERS: Final = "ACDEFGHIKLMNPQRSTVWY"
NUM_WORDS: Final = len(_LETTERS) ** LENGTH
_PEPTIDE: Final = 2.0  # Å; C and N of neighbours are 1.33 Å apart, of any others 2.5 Å or more


def protein_words(protein: Protein) -> np.ndarray:
    """The different words of a protein.

    Args:
        protein: Any part of one.

    Returns:
        (words,) uint32, sorted, each below ``NUM_WORDS``; empty where no four known residues follow one another.
    """
    count = protein.num_residues - LENGTH + 1
    if count <= 0:
        return np.zeros(0, dtype=np.uint32)
    letters = [_LETTERS.find(one_letter(name)) for name in protein.residue_names.tolist()]
    codes = np.where(protein.residue_kinds == ResidueKind.AMINO_ACID, np.array(letters), -1)
    bonded = np.zeros(protein.num_residues, dtype=bool)  # to the next one
    with np.errstate(invalid="ignore"):  # residues without the atom
        gaps = np.linalg.norm(_place_of(protein, "C")[:-1] - _place_of(protein, "N")[1:], axis=1)
        bonded[:-1] = gaps < _PEPTIDE
    known = np.ones(count, dtype=bool)
    words = np.zeros(count, dtype=np.int64)
    for step in range(LENGTH):
        part = slice(step, step + count)
        known &= codes[part] >= 0
        if step < LENGTH - 1:
            known &= bonded[part]
        words = words * len(_LETTERS) + codes[part]
    return np.unique(words[known]).astype(np.uint32)


@lru_cache(maxsize=8)  # a screen asks it of one receptor for every pose
def words_of_chains(protein: Protein, chains: tuple[str, ...]) -> np.ndarray:
    """The different words of some chains of a protein; see ``protein_words``.

    Args:
        protein: The receptor.
        chains: Such as those that line a pocket.
    """
    return protein_words(protein.select(np.isin(protein.chain_ids, chains)))


def _place_of(protein: Protein, name: str) -> np.ndarray:
    """(residues, 3) Å, where each residue's atom of that name is; NaN where it has none."""
    places = np.full((protein.num_residues, 3), np.nan)
    atoms = protein.atom_names == name
    places[protein.atom_residue[atoms]] = protein.positions[atoms]
    return places

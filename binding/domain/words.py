"""Words of a protein: the runs of four residues that its chains hold.

Two structures of one protein share most of their words regardless of their numbering and of how much of the chain
each holds. The sequence follows the peptide bonds: a pocket that was cut out has gaps, and a training cache keeps no
numbers of residues.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from binding.constants import AMINO_ACIDS, RESIDUE_TYPES
from binding.graph.fields import ComplexGraph, PocketGraph
from binding.graph.site import PocketSpec
from binding.io.sequences import one_letter
from binding.structures import Protein, ResidueKind

LENGTH: Final = 4  # residues; three occur by chance in every larger protein, five are lost by one exchange in five
#: Å; the residues of a ligand's site have an atom so near to one of its own, as in the pockets that are trained on.
SITE_CUTOFF: Final = PocketSpec.cutoff
_LETTERS: Final = "ACDEFGHIKLMNPQRSTVWY"
NUM_WORDS: Final = len(_LETTERS) ** LENGTH
_PEPTIDE: Final = 2.0  # Å; C and N of neighbours are 1.33 Å apart, of any others 2.5 Å or more
_CODE_OF_TYPE: Final = np.array(
    [_LETTERS.find(one_letter(name)) if name in AMINO_ACIDS else -1 for name in RESIDUE_TYPES]
)


@dataclass(frozen=True, eq=False)
class Residues:
    """What words are read off.

    Attributes:
        codes: (residues,) int64, which of the twenty letters each is; -1 where it is none.
        following: (residues,) int64, row of the residue that is bonded after each; -1 where there is none.
    """

    codes: np.ndarray
    following: np.ndarray

    @classmethod
    def of_protein(cls, protein: Protein) -> Residues:
        """Of any part of a protein, its residues in any order."""
        letters = [_LETTERS.find(one_letter(name)) for name in protein.residue_names.tolist()]
        amino = protein.residue_kinds == ResidueKind.AMINO_ACID
        following = np.full(protein.num_residues, -1)
        carbons, nitrogens = _place_of(protein, "C"), _place_of(protein, "N")
        givers, takers = (np.flatnonzero(np.isfinite(places).all(axis=1)) for places in (carbons, nitrogens))
        if len(givers) and len(takers):
            gaps, nearest = cKDTree(nitrogens[takers]).query(carbons[givers])
            bonded = (gaps < _PEPTIDE) & (takers[nearest] != givers)
            following[givers[bonded]] = takers[nearest[bonded]]
        return cls(np.where(amino, np.array(letters, dtype=np.int64), -1), following)

    @classmethod
    def of_pocket(cls, pocket: PocketGraph) -> Residues:
        """Of a pocket's graph, whose edges say what is one place further along a chain."""
        source, target = pocket.edge_index
        following = np.full(pocket.num_residues, -1)
        after, before = pocket.edge_offset == 1, pocket.edge_offset == -1
        following[target[after]] = source[after]
        following[source[before]] = target[before]
        return cls(_CODE_OF_TYPE[pocket.residue_types], following)

    def words(self, kept: np.ndarray | None = None) -> np.ndarray:
        """The different words.

        Args:
            kept: (residues,) bool, of which residues alone; None: of all.

        Returns:
            (words,) uint32, sorted, each below ``NUM_WORDS``; empty where no four known residues follow one another.
        """
        codes = self.codes if kept is None else np.where(kept, self.codes, -1)
        codes, following = np.append(codes, -1), np.append(self.following, -1)  # -1 is a row as well: of nothing
        rows = np.flatnonzero(codes >= 0)
        words = codes[rows]
        for _ in range(LENGTH - 1):
            rows = following[rows]
            known = codes[rows] >= 0
            rows, words = rows[known], words[known] * len(_LETTERS) + codes[rows[known]]
        return np.unique(words).astype(np.uint32)


def protein_words(protein: Protein) -> np.ndarray:
    """The different words of a protein.

    Args:
        protein: Any part of one.

    Returns:
        (words,) uint32; see ``Residues.words``.
    """
    return Residues.of_protein(protein).words()


def pocket_words(pocket: PocketGraph, positions: np.ndarray | None = None) -> np.ndarray:
    """The different words of a pocket, or of a ligand's site in it.

    Args:
        pocket: However much of the protein it holds.
        positions: (atoms, 3) Å of a ligand: its site are the residues within ``SITE_CUTOFF``; None: all residues.

    Returns:
        (words,) uint32; see ``Residues.words``. A ligand that is far from the protein has none.
    """
    near = None
    if positions is not None:
        near = residues_near(pocket.atom_positions, pocket.atom_residue, pocket.num_residues, positions)
    return Residues.of_pocket(pocket).words(near)


def site_words(graph: ComplexGraph) -> np.ndarray:
    """The words of a complex's site; see ``pocket_words``."""
    return pocket_words(graph.pocket, graph.ligand.positions) if graph.site is None else graph.site


def residues_near(atoms: np.ndarray, residue: np.ndarray, count: int, positions: np.ndarray) -> np.ndarray:
    """(count,) bool, which residues have an atom within ``SITE_CUTOFF`` of a ligand.

    Args:
        atoms: (atoms, 3) Å of the protein.
        residue: (atoms,) row of the residue of each.
        count: Number of residues.
        positions: (n, 3) Å of the ligand.
    """
    near = np.zeros(count, dtype=bool)
    touching = (cdist(atoms, positions, "sqeuclidean") <= (SITE_CUTOFF * (1 + 1e-12)) ** 2).any(axis=1)
    near[residue[touching]] = True
    return near


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

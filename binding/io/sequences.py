"""Amino-acid sequences of a structure file: what the file declares, or else what its residues show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import gemmi
import numpy as np
from scipy.spatial import cKDTree

from binding.constants import PARENT_AMINO_ACID
from binding.errors import FileError, reason_of
from binding.io.files import read_structure_bytes
from binding.io.formats import structure_format
from binding.io.structure import read_protein
from binding.structures import Protein, ResidueKind

UNKNOWN: Final = "X"
_LONGEST_FILL: Final = 300  # numbers missing; a longer jump is an offset of the numbering and not a gap
_TWINS: Final = 0.2  # share of residues that follow one of their own number, from which on chains are merged
_FEWEST_TWINS: Final = 3
_PEPTIDE_BOND: Final = 2.0  # Å, C to N
_NOWHERE: Final = 1e5  # Å
_FRAGMENTS: Final = 0.05  # share of residues with a gap before them from which on a chain counts as cut out


@dataclass(frozen=True)
class ChainSequence:
    """One chain.

    Attributes:
        letters: One-letter codes; ``X`` where a residue is modified beyond its parent or missing.
        declared: From SEQRES or ``_entity_poly_seq``; else read off the residues, each missing number an ``X``.
        fragments: Whether the chain is cut into pieces, as in a file of a pocket.
    """

    letters: str
    declared: bool
    fragments: bool

    @property
    def known(self) -> int:
        """Residues that are not ``X``."""
        return len(self.letters) - self.letters.count(UNKNOWN)


def read_sequences(path: str | Path) -> list[ChainSequence]:
    """The different sequences of the protein chains of a file, longest first.

    Args:
        path: PDB or mmCIF, also gzipped.

    Raises:
        FileError: Missing, empty, damaged, or of another format.
        StructureError: Nothing is declared, and the residues cannot be read; see ``read_protein``.
    """
    path = Path(path)
    data = read_structure_bytes(path)
    declared = _from_cif(path, data) if structure_format(path, data) == "cif" else _from_seqres(data)
    found = [ChainSequence(letters, True, False) for letters in declared if letters.strip(UNKNOWN)]
    unique = dict.fromkeys(found or chain_sequences(read_protein(path)))
    return sorted(unique, key=lambda chain: -chain.known)


def chain_sequences(protein: Protein) -> list[ChainSequence]:
    """The sequences of a protein's chains as its residues show them, in the order of the chains.

    Under one chain name, a residue number that was there before begins another chain: many programs write the chains of
    a dimer without names. Numbers that are missing between two residues of a chain become ``X``, so that what is left
    of a chain keeps its spacing: two pockets cut out of the same protein then align without gaps.
    """
    amino = protein.residue_kinds == ResidueKind.AMINO_ACID
    found = []
    for name in dict.fromkeys(protein.chain_ids[amino].tolist()):
        rows = np.flatnonzero(amino & (protein.chain_ids == name))
        found += [_sequence_of(protein, part) for part in _chains_of(protein, rows)]
    return [chain for chain in found if chain.known]


def _chains_of(protein: Protein, rows: np.ndarray) -> list[np.ndarray]:
    """Residues of one chain name, parted where their numbers begin again, or by their bonds where they alternate."""
    if _alternate(protein, rows):
        return _bonded_chains(protein, rows)
    ends = []
    seen: set[tuple[int, str]] = set()
    numbers = protein.residue_numbers[rows].tolist()
    for place, key in enumerate(zip(numbers, protein.insertion_codes[rows].tolist(), strict=True)):
        if key in seen and key[0] < numbers[place - 1]:
            ends.append(place)
            seen = set()
        seen.add(key)
    return np.split(rows, ends)


def _alternate(protein: Protein, rows: np.ndarray) -> bool:
    """Whether residues of one number follow each other and lie apart: chains that were merged, residue by residue."""
    numbers, codes = protein.residue_numbers[rows], protein.insertion_codes[rows]
    twins = np.flatnonzero((numbers[1:] == numbers[:-1]) & (codes[1:] == codes[:-1]))
    numbered = len(np.unique(numbers)) >= _FEWEST_TWINS
    return numbered and len(twins) >= _FEWEST_TWINS and len(twins) > _TWINS * len(rows)


def _bonded_chains(protein: Protein, rows: np.ndarray) -> list[np.ndarray]:
    """Residues of merged chains, put together by peptide bonds; beyond a gap goes on the chain that ends nearest.

    Args:
        protein: The protein.
        rows: Residues, those of one number next to each other.
    """
    nitrogens, alphas, carbons = (
        _places(protein, rows, name, missing=far)
        for name, far in (("N", _NOWHERE), ("CA", _NOWHERE), ("C", -_NOWHERE))  # what is missing is bonded to nothing
    )
    lengths, next_ones = cKDTree(nitrogens).query(carbons)
    follows = {int(next_ones[one]): int(one) for one in np.flatnonzero(lengths < _PEPTIDE_BOND)}
    chains: list[list[int]] = []
    of: dict[int, list[int]] = {}
    numbers = protein.residue_numbers[rows].tolist()
    for one in range(len(rows)):  # in the order of their numbers, so that what a residue follows has its chain
        chain = of.get(follows.get(one, -1))
        if chain is None:
            free = [held for held in chains if numbers[held[-1]] < numbers[one]]
            away = [float(np.linalg.norm(alphas[held[-1]] - alphas[one])) for held in free]
            chain = free[int(np.argmin(away))] if free else []
            if not free:
                chains.append(chain)
        chain.append(one)
        of[one] = chain
    return [rows[chain] for chain in chains]


def _places(protein: Protein, rows: np.ndarray, name: str, *, missing: float) -> np.ndarray:
    """(residues, 3) Å, the atom of a name in each residue; ``missing`` along each axis where there is none."""
    found = np.full((protein.num_residues, 3), missing)
    atoms = protein.atom_names == name
    found[protein.atom_residue[atoms]] = protein.positions[atoms]
    return np.asarray(found[rows])


def _sequence_of(protein: Protein, rows: np.ndarray) -> ChainSequence:
    rows = rows[np.argsort(protein.residue_numbers[rows], kind="stable")]  # as most files have them
    missing = np.diff(protein.residue_numbers[rows]).astype(int) - 1
    fill = np.where((missing > 0) & (missing <= _LONGEST_FILL), missing, np.where(missing == 0, 0, 1))
    # Insertion codes repeat a number; such neighbours have nothing between them.
    fill[missing < 0] = 0
    letters = [one_letter(name) for name in protein.residue_names[rows].tolist()]
    parts = [letters[0], *(UNKNOWN * int(n) + letter for n, letter in zip(fill, letters[1:], strict=True))]
    fragments = bool(np.count_nonzero(fill) > _FRAGMENTS * len(rows))
    return ChainSequence("".join(parts), False, fragments)


def _from_seqres(data: bytes) -> list[str]:
    names: dict[tuple[bytes, int], list[str]] = {}
    begun: dict[bytes, int] = {}  # chains of one name: their lines are numbered from 1 again
    for line in data.split(b"\n"):
        if line.startswith(b"SEQRES"):
            name = line[11:12]
            begun[name] = begun.get(name, 0) + (line[7:10].strip() == b"1")
            residues = line[19:70].decode("ascii", errors="replace").split()
            names.setdefault((name, begun[name]), []).extend(residues)
        elif line.startswith((b"ATOM  ", b"HETATM")):
            break
    return [_letters(chain) for chain in names.values() if _is_protein(chain)]


def _from_cif(path: Path, data: bytes) -> list[str]:
    try:
        document = gemmi.cif.read_string(data.decode("utf-8", errors="replace"))
    except (RuntimeError, ValueError, IndexError) as error:
        reason = reason_of(error)
        raise FileError(f"{path} cannot be read as mmCIF: {reason}.", "Check that the file is complete.") from None
    names: dict[str, dict[str, str]] = {}
    for block in document:
        for entity, number, name in block.find("_entity_poly_seq.", ["entity_id", "num", "mon_id"]):
            names.setdefault(entity, {}).setdefault(number, name)  # the first of residues that vary
    return [_letters(list(entity.values())) for entity in names.values() if _is_protein(list(entity.values()))]


def _is_protein(names: list[str]) -> bool:
    known = [one_letter(name) != UNKNOWN for name in names]
    return sum(known) > len(known) / 2


def _letters(names: list[str]) -> str:
    return "".join(map(one_letter, names))


@lru_cache(maxsize=4096)
def one_letter(name: str) -> str:
    """One-letter code of an amino acid, modified ones by their parent; ``X`` for anything else."""
    residue = gemmi.find_tabulated_residue(PARENT_AMINO_ACID.get(name, name))
    if not residue.is_amino_acid():
        return UNKNOWN
    code = residue.one_letter_code.upper()
    return code if code in "ACDEFGHIKLMNPQRSTVWY" else UNKNOWN

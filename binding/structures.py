"""The things that the package is about: Protein, Ligand, Complex.

NumPy arrays and, for the ligand, an RDKit molecule. No files, no torch. Lengths in Å.
Positions are float64, so that a structure 10,000 Å from the origin loses nothing before
the graph is centred on the ligand.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rdkit import Chem


def is_one_of(values: np.ndarray, choices: Collection[str]) -> np.ndarray:
    """(n,) bool, which of n texts is one of a few: without the sorting of ``np.isin``, several times as fast."""
    found = np.zeros(len(values), dtype=bool)
    for choice in choices:
        found |= values == choice
    return found


class ResidueKind(IntEnum):
    """What a node of the protein graph is."""

    AMINO_ACID = 0  # standard or modified, part of a chain
    NUCLEOTIDE = 1
    METAL = 2  # a single metal ion
    COFACTOR = 3  # any other hetero group that is kept


@dataclass(frozen=True, eq=False)
class Protein:
    """Heavy atoms of a protein with its metals and cofactors, without waters.

    Atoms of one residue are contiguous and residues are in file order.

    Attributes:
        name: File stem or entry id; shown in results.
        positions: (atoms, 3) float64, Å.
        elements: (atoms,) int16, atomic numbers.
        atom_names: (atoms,) ``<U4``, PDB atom names without blanks.
        atom_residue: (atoms,) int32, row of the residue, non-decreasing.
        residue_names: (residues,) ``<U8``, names as in the file.
        residue_kinds: (residues,) int8, ``ResidueKind``.
        chain_ids: (residues,) ``<U8``.
        residue_numbers: (residues,) int32, author numbering.
        insertion_codes: (residues,) ``<U1``, empty where there is none.
        notes: What reading decided, one sentence each ("kept altloc A of 3 residues").
        warnings: Those of the notes that each result must show, such as models that were left out.
    """

    name: str
    positions: np.ndarray
    elements: np.ndarray
    atom_names: np.ndarray
    atom_residue: np.ndarray
    residue_names: np.ndarray
    residue_kinds: np.ndarray
    chain_ids: np.ndarray
    residue_numbers: np.ndarray
    insertion_codes: np.ndarray
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def num_atoms(self) -> int:
        return len(self.positions)

    @property
    def num_residues(self) -> int:
        return len(self.residue_names)

    @property
    def residue_ids(self) -> list[str]:
        """``chain:name:number+insertion`` of each residue, such as ``A:ASP:25``."""
        return [self.residue_id(row) for row in range(self.num_residues)]

    def residue_id(self, row: int) -> str:
        """The same of one residue."""
        return f"{self.chain_ids[row]}:{self.residue_names[row]}:{self.residue_numbers[row]}{self.insertion_codes[row]}"

    def atoms_named(self, *names: str) -> np.ndarray:
        """(atoms,) bool, which atoms bear one of some names."""
        return is_one_of(self.atom_names, names)

    def select(self, keep: np.ndarray) -> Protein:
        """The same protein with only some residues.

        Args:
            keep: (residues,) bool.
        """
        keep = np.asarray(keep, dtype=bool)
        atoms = keep[self.atom_residue]
        rows = np.cumsum(keep) - 1
        return replace(
            self,
            positions=self.positions[atoms],
            elements=self.elements[atoms],
            atom_names=self.atom_names[atoms],
            atom_residue=rows[self.atom_residue[atoms]].astype(np.int32),
            residue_names=self.residue_names[keep],
            residue_kinds=self.residue_kinds[keep],
            chain_ids=self.chain_ids[keep],
            residue_numbers=self.residue_numbers[keep],
            insertion_codes=self.insertion_codes[keep],
        )


@dataclass(frozen=True, eq=False)
class Ligand:
    """One pose of a small molecule.

    Attributes:
        name: The record's title; never empty (the reader falls back to file stem and record number).
        mol: Sanitized RDKit molecule, heavy atoms only, stereo tags assigned from 3D, one conformer.
        positions: (atoms, 3) float64, Å, in the order of ``mol``'s atoms.
        notes: Repairs and decisions, one sentence each.
        properties: SD tags of the record, kept for output.
    """

    name: str
    mol: Chem.Mol
    positions: np.ndarray
    notes: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def num_atoms(self) -> int:
        return self.mol.GetNumAtoms()


@dataclass(frozen=True, eq=False)
class Complex:
    """A ligand in its pocket: what a graph is built from.

    Attributes:
        id: Unique in a run.
        pocket: The protein cut down to the pocket's residues.
        ligand: The pose.
    """

    id: str
    pocket: Protein
    ligand: Ligand

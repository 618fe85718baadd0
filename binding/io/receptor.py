"""What each group of a structure file is, and which make the receptor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from binding.errors import StructureError
from binding.io.atoms import AtomTable
from binding.io.vocabulary import (
    BUFFERS,
    HALOGENS,
    METALS,
    STANDARD_AMINO_ACIDS,
    WATERS,
    is_amino_acid_name,
    is_nucleotide_name,
    standard_name,
)
from binding.structures import Protein, ResidueKind

WATER = -1
BUFFER = -2
#: The oxygens at the end of a chain: CHARMM, GROMACS (two ways).
_END_OXYGENS = {"OT1": "O", "OT2": "OXT", "OC1": "O", "OC2": "OXT", "O1": "O", "O2": "OXT"}
_BOND = 2.0  # Å; N-CA and CA-C of a residue that is not in the table of amino acids


def classify_groups(table: AtomTable) -> np.ndarray:
    """(groups,) int8: a ``ResidueKind``, ``WATER`` or ``BUFFER`` for each group."""
    names, rows = np.unique(table.group_names, return_inverse=True)
    by_name = np.full(len(names), ResidueKind.COFACTOR, dtype=np.int8)
    for row, name in enumerate(names.tolist()):
        if name in WATERS:
            by_name[row] = WATER
        elif name in BUFFERS:
            by_name[row] = BUFFER
        elif is_amino_acid_name(name):
            by_name[row] = ResidueKind.AMINO_ACID
        elif is_nucleotide_name(name):
            by_name[row] = ResidueKind.NUCLEOTIDE
    kinds = by_name[rows]

    sizes = np.bincount(table.groups, minlength=table.num_groups)
    first = np.searchsorted(table.groups, np.arange(table.num_groups))
    single = sizes == 1
    kinds[single & METALS[table.elements[first]]] = ResidueKind.METAL
    kinds[single & HALOGENS[table.elements[first]]] = BUFFER
    for row in np.flatnonzero((kinds == ResidueKind.COFACTOR) & (sizes >= 4)).tolist():
        span = slice(first[row], first[row] + sizes[row])
        if _has_backbone(table.atom_names[span].tolist(), table.positions[span]):
            kinds[row] = ResidueKind.AMINO_ACID
    return kinds


def _has_backbone(names: list[str], positions: np.ndarray) -> bool:
    """Whether N-CA-C are there and bonded, as in a modified residue that no table knows."""
    if not {"N", "CA", "C"} <= set(names):
        return False
    n, ca, c = (positions[names.index(name)] for name in ("N", "CA", "C"))
    return bool(np.linalg.norm(n - ca) < _BOND and np.linalg.norm(ca - c) < _BOND)


def to_protein(table: AtomTable, kinds: np.ndarray, path: Path, *, without: np.ndarray | None = None) -> Protein:
    """The receptor of an atom table.

    Args:
        table: The atoms.
        kinds: (groups,) as ``classify_groups`` gives them.
        path: Named in messages.
        without: (groups,) bool, groups to leave out (the ligand).

    Raises:
        StructureError: ``no_protein`` or ``unknown_element``.
    """
    if not (kinds == ResidueKind.AMINO_ACID).any():
        found = ", ".join(sorted(set(table.group_names.tolist()))[:8])
        nucleic = (kinds == ResidueKind.NUCLEOTIDE).any()
        raise StructureError(
            f"{path} holds no amino acids (found: {found}).",
            "Proteins are scored, DNA and RNA beside a protein too, but not alone."
            if nucleic
            else "Give the protein's structure as PDB or mmCIF.",
            "no_protein",
        )
    notes = list(table.notes)
    for kind, word in ((WATER, "water"), (BUFFER, "buffer or halide group")):
        count = int((kinds == kind).sum())
        if count:
            which = "" if kind == WATER else f" ({', '.join(sorted(set(table.group_names[kinds == kind].tolist())))})"
            notes.append(f"left out {count} {word}{'s' if count > 1 else ''}{which}")
    keep = kinds >= 0
    if without is not None:
        keep &= ~without
    kept = table.keep_groups(keep)
    unknown = np.flatnonzero(kept.elements == 0)
    if len(unknown):
        atom = int(unknown[0])
        raise StructureError(
            f"{path} has {len(unknown)} atom(s) of no known element, first {kept.atom_names[atom]} of "
            f"{kept.group_id(int(kept.groups[atom]))}.",
            "Fill in the element column (77-78 of a PDB file) or remove the atoms.",
            "unknown_element",
        )
    kinds = kinds[keep]
    names = _standard_names(kept, kinds)
    renamed = sorted(set(kept.group_names[names != kept.group_names].tolist()))
    if renamed:
        notes.append(f"read {', '.join(renamed)} by the names of the standard residues")
    kept = replace(kept, group_names=names, atom_names=_standard_ends(kept, kinds))
    lacking = _lacking_backbone(kept, kinds)
    if lacking:
        notes.append(f"{lacking} residue{'s lack' if lacking > 1 else ' lacks'} backbone atoms")
    return Protein(
        name=table.name,
        positions=kept.positions,
        elements=kept.elements,
        atom_names=kept.atom_names,
        atom_residue=kept.groups,
        residue_names=kept.group_names,
        residue_kinds=kinds,
        chain_ids=kept.chain_ids,
        residue_numbers=kept.numbers,
        insertion_codes=kept.insertion_codes,
        notes=tuple(notes),
        warnings=table.warnings,
    )


def _standard_names(table: AtomTable, kinds: np.ndarray) -> np.ndarray:
    """(groups,) names, those of protonation states and chain ends being those of the standard residues."""
    names = table.group_names.copy()
    chain = (kinds == ResidueKind.AMINO_ACID) | (kinds == ResidueKind.NUCLEOTIDE)
    unusual = [name for name in np.unique(names[chain]).tolist() if name not in STANDARD_AMINO_ACIDS]
    for row in np.flatnonzero(chain & np.isin(names, unusual)).tolist():
        atoms = frozenset(table.atom_names[table.groups == row].tolist())
        names[row] = standard_name(str(names[row]), atoms)
    return names


def _standard_ends(table: AtomTable, kinds: np.ndarray) -> np.ndarray:
    """(atoms,) names, the two oxygens of a chain's end being O and OXT in each force field's names."""
    ends = np.isin(table.atom_names, tuple(_END_OXYGENS)) & (kinds == ResidueKind.AMINO_ACID)[table.groups]
    if not ends.any():
        return table.atom_names
    names = table.atom_names.copy()
    for row in np.unique(table.groups[ends]).tolist():
        atoms = np.flatnonzero(table.groups == row)
        held = set(names[atoms].tolist())
        new = {old: name for old, name in _END_OXYGENS.items() if old in held}
        if "O" not in held and sorted(new.values()) == ["O", "OXT"]:
            names[atoms] = [new.get(name, name) for name in names[atoms].tolist()]
    return names


def _lacking_backbone(table: AtomTable, kinds: np.ndarray) -> int:
    """How many standard-size amino acids lack N, CA or C (terminal caps excepted)."""
    backbone = np.isin(table.atom_names, ("N", "CA", "C"))
    counts = np.bincount(table.groups[backbone], minlength=table.num_groups)
    caps = np.isin(table.group_names, ("ACE", "NME", "NMA", "NH2", "FOR"))
    return int(((kinds == ResidueKind.AMINO_ACID) & (counts < 3) & ~caps).sum())

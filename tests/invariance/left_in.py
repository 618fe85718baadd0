"""Receptors that still hold a ligand, under names that say something else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from binding.structures import Ligand, Protein, ResidueKind


def with_group(
    protein: Protein,
    positions: np.ndarray,
    elements: list[int],
    *,
    name: str,
    kind: ResidueKind,
    names: list[str] | None = None,
    chain: str = "A",
    number: int = 900,
) -> Protein:
    """The protein with one more residue at its end."""
    count = len(positions)
    names = names if names is not None else [f"X{place + 1}" for place in range(count)]
    return replace(
        protein,
        positions=np.concatenate([protein.positions, positions]),
        elements=np.concatenate([protein.elements, np.array(elements, dtype=protein.elements.dtype)]),
        atom_names=np.concatenate([protein.atom_names, np.array(names, dtype="<U4")]),
        atom_residue=np.concatenate(
            [protein.atom_residue, np.full(count, protein.num_residues, dtype=protein.atom_residue.dtype)]
        ),
        residue_names=np.append(protein.residue_names, name),
        residue_kinds=np.append(protein.residue_kinds, np.int8(kind)),
        chain_ids=np.append(protein.chain_ids, chain),
        residue_numbers=np.append(protein.residue_numbers, np.int32(number)),
        insertion_codes=np.append(protein.insertion_codes, ""),
    )


def with_ligand(protein: Protein, ligand: Ligand, **how) -> Protein:
    """The protein that holds a copy of the ligand."""
    elements = [atom.GetAtomicNum() for atom in ligand.mol.GetAtoms()]
    return with_group(protein, ligand.positions, elements, **how)

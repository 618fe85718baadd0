"""Structure files to a ``Protein``, and complexes to a ``Protein`` and its ligand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rdkit import Chem

from binding.io.atoms import read_atoms
from binding.io.hetero import choose_groups, ligand_of_groups
from binding.io.receptor import classify_groups, to_protein
from binding.structures import Ligand, Protein


def read_protein(path: str | Path) -> Protein:
    """Read the receptor from a PDB or mmCIF file (also gzipped): first model, heavy atoms, no waters, no buffer.

    Args:
        path: The file.

    Raises:
        FileError: Missing, empty, damaged, or of another format.
        StructureError: ``no_protein``, ``nan_coordinates`` or ``unknown_element``.
    """
    table = read_atoms(path)
    return to_protein(table, classify_groups(table), Path(path))


def read_complex(
    path: str | Path, ligand: str = "auto", *, template: Chem.Mol | str | None = None
) -> tuple[Protein, list[Ligand]]:
    """Read a receptor and the ligand that is in the same file; the ligand is left out of the receptor.

    Args:
        path: PDB or mmCIF file, also gzipped.
        ligand: ``auto`` for the largest group that is neither buffer nor a known cofactor nor a sugar
            of a glycan and that touches the protein; ``LIG`` for every group of that name;
            ``A:LIG:301`` for one; ``A:LIG:301+A:LIG:302`` for one ligand of several groups; ``P:`` for a chain.
        template: SMILES or molecule with the ligand's bond orders.

    Returns:
        The receptor and the ligands, several only where a name stands for several groups.

    Raises:
        FileError: Missing, empty, damaged, or of another format.
        StructureError: As for ``read_protein``.
        LigandError: ``ligand_not_found``, ``several_ligands``, ``template_mismatch`` or what
            ``prepare_ligand`` finds.
    """
    table = read_atoms(path)
    kinds = classify_groups(table)
    chosen, notes = choose_groups(table, kinds, ligand, Path(path))
    without = np.zeros(table.num_groups, dtype=bool)
    for rows in chosen:
        without[rows] = True
    protein = to_protein(table, kinds, Path(path), without=without)
    return protein, [ligand_of_groups(table, rows, template, notes) for rows in chosen]

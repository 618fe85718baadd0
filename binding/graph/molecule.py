"""RDKit's atoms and bonds as lists.

``mol.GetAtoms()`` and ``mol.GetBonds()`` run a few lines of Python for each item, which was most of the time that
reading a ligand took. Asked for by number they come straight from C++, in a third of it.
"""

from __future__ import annotations

from rdkit import Chem


def atoms_of(mol: Chem.Mol) -> list[Chem.Atom]:
    """All atoms, in order; they stay valid as long as none is added or removed."""
    return [*map(mol.GetAtomWithIdx, range(mol.GetNumAtoms()))]


def bonds_of(mol: Chem.Mol) -> list[Chem.Bond]:
    """All bonds, in order; they stay valid as long as none is added or removed."""
    return [*map(mol.GetBondWithIdx, range(mol.GetNumBonds()))]


def atomic_numbers(mol: Chem.Mol) -> list[int]:
    """The element of each atom."""
    return [atom.GetAtomicNum() for atom in atoms_of(mol)]

"""The pieces of a ligand that a chemist would take away: ring systems, the linkers between them, substituents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from rdkit import Chem
from rdkit.Chem import BRICS

from binding.structures import Ligand

_LARGEST_CHAIN: Final = 8  # atoms without a ring that stay one piece; longer chains are cut at BRICS bonds


@dataclass(frozen=True)
class LigandPiece:
    """A piece of a ligand.

    Attributes:
        kind: ``ring``, ``linker`` (between two or more pieces) or ``substituent``.
        atoms: Places in the ligand, from 0, ascending.
        smiles: Of the piece alone.
    """

    kind: str
    atoms: tuple[int, ...]
    smiles: str


def pieces_of(mol: Chem.Mol) -> list[LigandPiece]:
    """Cuts a molecule into pieces; each atom is in one of them.

    Rings that share an atom are one piece, with the atoms that hang on them by a double bond. What is left falls
    into linkers and substituents; chains of more than eight atoms are cut at BRICS bonds, as peptides are at theirs.

    Args:
        mol: A molecule of heavy atoms.

    Returns:
        Pieces in the order of their first atoms; the same ones whatever the order of the atoms.
    """
    rings = _ring_systems(mol)
    in_ring = set().union(*rings)
    chains = _connected(mol, set(range(mol.GetNumAtoms())) - in_ring, cut=set())
    brics = {frozenset(bond) for bond, _ in BRICS.FindBRICSBonds(mol)}
    cut = [
        part for chain in chains for part in (_connected(mol, chain, brics) if len(chain) > _LARGEST_CHAIN else [chain])
    ]
    pieces = [_piece(mol, "ring", ring) for ring in rings]
    pieces += [
        _piece(mol, "linker" if _neighbouring_pieces(mol, part, rings + cut) > 1 else "substituent", part)
        for part in cut
    ]
    return sorted(pieces, key=lambda piece: piece.atoms)


def without(ligand: Ligand, atoms: Sequence[int]) -> Ligand | None:
    """The pose without some atoms, open valences filled with hydrogens; None where that makes no molecule.

    Args:
        ligand: The pose.
        atoms: Places of the atoms; what is left may fall apart, and is scored as it stands.
    """
    gone = set(atoms)
    if len(gone) >= ligand.num_atoms:
        return None
    mol = Chem.RWMol(ligand.mol)
    try:
        Chem.Kekulize(mol, clearAromaticFlags=True)
    except Chem.MolSanitizeException:
        return None
    for bond in mol.GetBonds():
        ends = (bond.GetBeginAtom(), bond.GetEndAtom())
        for here, there in (ends, ends[::-1]):
            if there.GetIdx() in gone and here.GetIdx() not in gone:
                here.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
                if here.GetNoImplicit() or here.GetNumExplicitHs():
                    here.SetNumExplicitHs(here.GetNumExplicitHs() + round(bond.GetBondTypeAsDouble()))
    mol.BeginBatchEdit()
    for atom in gone:
        mol.RemoveAtom(atom)
    mol.CommitBatchEdit()
    left = mol.GetMol()
    try:
        Chem.SanitizeMol(left)
    except Chem.MolSanitizeException:
        return None
    Chem.AssignStereochemistryFrom3D(left)
    keep = np.setdiff1d(np.arange(ligand.num_atoms), sorted(gone))
    return replace(ligand, mol=left, positions=ligand.positions[keep])


def _ring_systems(mol: Chem.Mol) -> list[set[int]]:
    """Rings that share atoms, joined, each with the atoms that hang on it by a double bond and on nothing else."""
    systems: list[set[int]] = []
    for ring in map(set, mol.GetRingInfo().AtomRings()):
        touching = [system for system in systems if system & ring]
        systems = [system for system in systems if not system & ring] + [ring.union(*touching)]
    for system in systems:
        for index in sorted(system):
            for bond in mol.GetAtomWithIdx(index).GetBonds():
                other = bond.GetOtherAtom(mol.GetAtomWithIdx(index))
                if other.GetDegree() == 1 and bond.GetBondType() == Chem.BondType.DOUBLE:
                    system.add(other.GetIdx())
    return systems


def _connected(mol: Chem.Mol, atoms: set[int], cut: set[frozenset[int]]) -> list[set[int]]:
    """Groups of atoms that hang together by bonds among them that are not cut."""
    left, groups = set(atoms), []
    while left:
        group, front = set(), {min(left)}
        while front:
            group |= front
            front = {
                neighbour.GetIdx()
                for index in front
                for neighbour in mol.GetAtomWithIdx(index).GetNeighbors()
                if neighbour.GetIdx() in atoms - group and frozenset((index, neighbour.GetIdx())) not in cut
            }
        groups.append(group)
        left -= group
    return groups


def _neighbouring_pieces(mol: Chem.Mol, part: set[int], pieces: Sequence[set[int]]) -> int:
    around = {n.GetIdx() for index in part for n in mol.GetAtomWithIdx(index).GetNeighbors()} - part
    return sum(bool(around & piece) for piece in pieces)


def _piece(mol: Chem.Mol, kind: str, atoms: set[int]) -> LigandPiece:
    places = sorted(atoms)
    return LigandPiece(kind, tuple(places), Chem.MolFragmentToSmiles(mol, places))

"""Which atoms of a ligand give and take hydrogen bonds and protons, and which of its bonds turn.

Each rule is a SMARTS pattern, which its docstring has; it is answered for all atoms at once from the arrays of
``MoleculeArrays``, since to search molecule by molecule and pattern by pattern took longer than all other features.
``tests/graph/test_groups.py`` compares with RDKit's search.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from rdkit import Chem

from binding.graph.molecules import AROMATIC, DOUBLE, SINGLE, TRIPLE, MoleculeArrays

_CARBON, _NITROGEN, _OXYGEN, _PHOSPHORUS, _SULFUR = 6, 7, 8, 15, 16
_BLUNT_ENDS: Final = (9, 17, 35)
#: Rare enough for a search of their own, in molecules that have the nitrogens.
_TETRAZOLES: Final = (Chem.MolFromSmarts("c1nn[nH]n1"), Chem.MolFromSmarts("c1nnn[nH]1"))
_TETRAZOLE_NITROGENS: Final = 4


def acidic(mols: MoleculeArrays) -> np.ndarray:
    """(atoms,) bool, N and O of acids.

    Carboxylic ``[CX3](=[OX1])[OX2H1]``, sulfonic and sulfinic ``[SX3,SX4](=[OX1])[OX2H1]``, phosphoric and phosphonic
    ``[PX4](=[OX1])[OX2H1]`` acids, acyl sulfonamides ``[NX3;H1]([CX3]=O)S(=O)=O``, and tetrazoles ``c1nn[nH]n1``,
    ``c1nnn[nH]1``.
    """
    single, double = mols.bonds(SINGLE), mols.bonds(DOUBLE)
    connected, oxygen = mols.connected, mols.elements(_OXYGEN)
    bare, hydroxyl = oxygen & (connected == 1), oxygen & (connected == 2) & (mols.hydrogens == 1)
    centre = mols.elements(_CARBON) & (connected == 3)
    centre |= mols.elements(_SULFUR) & ((connected == 3) | (connected == 4))
    centre |= mols.elements(_PHOSPHORUS) & (connected == 4)
    centre &= mols.beside(bare, double) & mols.beside(hydroxyl, single)
    found = (bare & mols.beside(centre, double)) | (hydroxyl & mols.beside(centre, single))

    acyl = mols.elements(_CARBON) & (connected == 3) & mols.beside(oxygen, double)
    sulfonyl = mols.elements(_SULFUR) & (mols.count_beside(oxygen, double) >= 2)
    amide = mols.elements(_NITROGEN) & (connected == 3) & (mols.hydrogens == 1)
    amide &= mols.beside(acyl, single) & mols.beside(sulfonyl, single)
    if amide.any():
        ends = mols.beside(amide, single) & (acyl | sulfonyl)
        found |= amide | (oxygen & mols.beside(ends, double))
    for row in np.flatnonzero(mols.of_each(mols.elements(_NITROGEN, aromatic=True)) >= _TETRAZOLE_NITROGENS).tolist():
        first = int(mols.sizes[:row].sum())
        for pattern in _TETRAZOLES:
            for match in mols.mols[row].GetSubstructMatches(pattern):
                found[[first + atom for atom in match]] = True
    return found & np.isin(mols.numbers, (_NITROGEN, _OXYGEN))


def basic(mols: MoleculeArrays) -> np.ndarray:
    """(atoms,) bool, N that takes up a proton.

    Aliphatic amines ``[NX3;!$(N~[!#6]);!$(N-[#6]=,#,:[*]);!$(N-c)]``; amidines and guanidines
    ``[NX2;!$(N~[!#6])]=[CX3][NX3;!$(N~[!#6]);!$(N-C=[O,S])]``.
    """
    single, double = mols.bonds(SINGLE), mols.bonds(DOUBLE)
    carbon, connected = mols.elements(_CARBON, aromatic=None), mols.connected
    nitrogen = mols.elements(_NITROGEN) & ~mols.beside(~carbon)
    flat = carbon & mols.beside(np.ones(mols.num_atoms, dtype=bool), mols.bonds(DOUBLE, TRIPLE, AROMATIC))
    flat |= mols.elements(_CARBON, aromatic=True)
    amine = nitrogen & (connected == 3) & ~mols.beside(flat, single)
    giver = nitrogen & (connected == 3) & ~mols.beside(_carbonyl(mols), single)
    taker = nitrogen & (connected == 2)
    centre = mols.elements(_CARBON) & (connected == 3) & mols.beside(taker, double) & mols.beside(giver, single)
    return amine | (taker & mols.beside(centre, double)) | (giver & mols.beside(centre, single))


def acceptors(mols: MoleculeArrays) -> np.ndarray:
    """(atoms,) bool, O and N with a lone pair to give: no amide, aniline or pyrrole nitrogen, no furan oxygen.

    ``[OX1,OX2;!$(o);!$(O-a);!$(O-C=[O,S])]``, ``[OX2H1]``, ``[nX2]``, ``[NX1,NX2]`` and
    ``[NX3;!$(N-[#6]=,:[*]);!$(N-S=O);!$(N=*)]``.
    """
    single, double = mols.bonds(SINGLE), mols.bonds(DOUBLE)
    connected, everything = mols.connected, np.ones(mols.num_atoms, dtype=bool)
    oxygen, nitrogen = mols.elements(_OXYGEN), mols.elements(_NITROGEN)
    taken = mols.beside(mols.aromatic, single) | mols.beside(_carbonyl(mols), single)
    found = oxygen & ((connected == 1) | (connected == 2)) & ~taken
    found |= oxygen & (connected == 2) & (mols.hydrogens == 1)
    found |= mols.elements(_NITROGEN, aromatic=True) & (connected == 2)
    found |= nitrogen & ((connected == 1) | (connected == 2))
    flat = mols.elements(_CARBON, aromatic=None) & mols.beside(everything, mols.bonds(DOUBLE, AROMATIC))
    flat |= mols.elements(_SULFUR) & mols.beside(oxygen, double)
    found |= nitrogen & (connected == 3) & ~mols.beside(flat, single) & ~mols.beside(everything, double)
    return found


def _carbonyl(mols: MoleculeArrays) -> np.ndarray:
    """(atoms,) bool, ``C=[O,S]``."""
    return mols.elements(_CARBON) & mols.beside(mols.elements(_OXYGEN, _SULFUR), mols.bonds(DOUBLE))


def rotatable(mols: MoleculeArrays) -> np.ndarray:
    """(bonds,) bool, ``[!$(*#*)&!D1]-&!@[!$(*#*)&!D1]``: single, in no ring, at no end and no triple bond."""
    fixed = mols.degrees == 1
    fixed[mols.ends[mols.orders == TRIPLE]] = True
    return (mols.orders == SINGLE) & ~mols.in_ring & ~fixed[mols.ends].any(axis=1)


def rotors(mols: MoleculeArrays, turning: np.ndarray) -> np.ndarray:
    """(M,) RDKit's strict count of rotatable bonds, without amides, trihalomethyl and tert-butyl groups.

    Atoms about which a bond to them turns nothing: ``C(F)(F)F`` and the like, ``C([CH3])([CH3])[CH3]``. Amides, esters
    and the like, ``[CD3](=[N,O,S])-!@[#7,O,S!D1]``: a bond between two such atoms is stiff.

    Args:
        mols: The molecules.
        turning: (bonds,) bool, see ``rotatable``.
    """
    carbon, single, double = mols.elements(_CARBON), mols.bonds(SINGLE), mols.bonds(DOUBLE)
    blunt = np.zeros(mols.num_atoms, dtype=bool)
    for ends in (*(mols.elements(number) for number in _BLUNT_ENDS), carbon & (mols.hydrogens == 3)):
        blunt |= mols.count_beside(ends, single) >= 3
    centre = carbon & (mols.degrees == 3) & mols.beside(mols.elements(_NITROGEN, _OXYGEN, _SULFUR), double)
    arm = mols.elements(_NITROGEN, aromatic=None) | mols.elements(_OXYGEN)
    arm |= mols.elements(_SULFUR) & (mols.degrees != 1)
    chain = single & ~mols.in_ring
    stiff = (centre & mols.beside(arm, chain)) | (arm & mols.beside(centre, chain))
    ends = mols.ends
    counted = turning & ~(blunt & carbon)[ends].any(axis=1) & ~stiff[ends].all(axis=1)
    return np.bincount(mols.bond_owner[counted], minlength=len(mols.sizes))

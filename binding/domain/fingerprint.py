"""ECFP4 of a ligand as the network sees it: neutral, so that the protonation state of a file does not change it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, LigandGraph

NUM_BITS: Final = 2048
_GENERATOR: Final = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=NUM_BITS)
_ORDERS: Final = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC)
_ATOM: Final = list(ATOM_CATEGORIES)
#: What ECFP tells atoms apart by: element, neighbours, hydrogens, charge, and whether they are in a ring.
_INVARIANT: Final = [_ATOM.index(name) for name in ("element", "degree", "hydrogens", "charge", "ring_size")]
_RING: Final = _INVARIANT.index(_ATOM.index("ring_size"))
_KEPT: Final = 4096  # structures: the prior and the domain ask for the same ones, and so do the poses of a compound
_ORDER: Final = list(BOND_CATEGORIES).index("order")


def fingerprint(ligand: LigandGraph) -> np.ndarray:
    """ECFP4 (Morgan, radius 2, folded to 2048 bits, no stereo) of the neutral molecule.

    Made of the graph, which a training cache holds as well, with RDKit's Morgan algorithm and the invariants of ECFP.
    Similarities are those of RDKit's fingerprints of the neutralised molecule but for chance collisions of bits.

    Args:
        ligand: Its features; positions do not matter.

    Returns:
        (on,) uint16, the bits that are on, ascending; not to be written to.
    """
    orders = ligand.bond_categories[:, _ORDER].astype(np.uint8)
    invariants = ligand.atom_categories[:, _INVARIANT].astype(np.uint8)
    return _bits(invariants.tobytes(), ligand.bonds.astype(np.int16).tobytes(), orders.tobytes())


@lru_cache(maxsize=_KEPT)
def _bits(categories: bytes, bonds: bytes, orders: bytes) -> np.ndarray:
    """``fingerprint`` of what it sees, as bytes: uint8, int16 and uint8."""
    invariants = np.frombuffer(categories, dtype=np.uint8).reshape(-1, len(_INVARIANT)).astype(np.int64)
    invariants[:, _RING] = invariants[:, _RING] > 0
    hashed = (invariants + 1) @ np.array([1, 61, 367, 2203, 13219]) * 2654435761 % 2**32
    mol = Chem.RWMol(_carbons(len(hashed)))
    ends = np.frombuffer(bonds, dtype=np.int16).tolist()
    for first, second, order in zip(ends[::2], ends[1::2], orders, strict=True):
        mol.AddBond(first, second, _ORDERS[order])
    bits = _GENERATOR.GetFingerprintAsNumPy(mol, customAtomInvariants=hashed.tolist())
    found = np.flatnonzero(bits).astype(np.uint16)
    found.setflags(write=False)
    return found


@lru_cache(maxsize=512)
def _carbons(count: int) -> Chem.Mol:
    """So many carbon atoms without bonds."""
    mol, carbon = Chem.RWMol(), Chem.Atom(6)
    for _ in range(count):
        mol.AddAtom(carbon)
    return mol.GetMol()

"""How alike ligands are: Bemis-Murcko scaffolds and ECFP4 fingerprints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.Scaffolds import MurckoScaffold

SIMILARITY: Final = 0.5  # Tanimoto, ECFP4: from here on medicinal chemists mostly speak of analogues
_BITS: Final = 2048
_ROWS: Final = 512  # compared with all others at once


def scaffold(mol: Chem.Mol) -> str:
    """SMILES of the Bemis-Murcko scaffold, without stereo; of the whole molecule where it has no ring."""
    core = MurckoScaffold.GetScaffoldForMol(mol)
    if not core.GetNumAtoms():
        core = mol
    return Chem.MolToSmiles(core, isomericSmiles=False)


def fingerprints(mols: Sequence[Chem.Mol]) -> np.ndarray:
    """ECFP4 (Morgan, radius 2, 2048 bits, no stereo).

    Args:
        mols: Sanitized molecules.

    Returns:
        (mols, 256) uint8, the bits packed.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=_BITS)
    bits = np.zeros((len(mols), _BITS), dtype=np.uint8)
    for row, mol in enumerate(mols):
        bits[row] = generator.GetFingerprintAsNumPy(mol)
    return np.packbits(bits, axis=1)


def tanimoto_rows(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Similarities of some fingerprints to others, a block of rows at a time.

    Args:
        first: (m, 256) packed.
        second: (n, 256) packed.

    Yields:
        The first row of a block, and (rows, n) float32 similarities, 0 to 1.
    """
    others = np.unpackbits(second, axis=1).astype(np.float32)
    sizes = others.sum(axis=1)
    for start in range(0, len(first), _ROWS):
        block = np.unpackbits(first[start : start + _ROWS], axis=1).astype(np.float32)
        shared = block @ others.T
        union = block.sum(axis=1)[:, None] + sizes[None] - shared
        yield start, shared / np.maximum(union, 1.0)

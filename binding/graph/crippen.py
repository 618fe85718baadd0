"""Crippen's logP, from the surroundings of each atom.

What an atom and its hydrogens contribute (Wildman & Crippen, J. Chem. Inf. Comput. Sci. 1999, 39, 868) depends on
itself, its neighbours and, for oxygen, theirs. RDKit finds it by a hundred patterns for each molecule; here it is asked
once for each kind of surroundings, of which drug-like molecules have some thousands.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from binding.graph.molecules import MoleculeArrays

_MOST_KEPT: Final = 200_000  # kinds of surroundings, some MB
_OXYGEN: Final = 8
_known: dict[int, float] = {}


def log_p(mols: MoleculeArrays) -> np.ndarray:
    """(M,) float64, Crippen's logP of each molecule."""
    keys = surroundings(mols)
    values = np.array([_known.get(key, np.nan) for key in keys.tolist()])
    missing = np.isnan(values)
    if missing.any():
        if len(_known) > _MOST_KEPT:
            _known.clear()
            missing[:] = True
        ends = np.cumsum(mols.sizes)
        for row in np.unique(mols.owner[missing]).tolist():
            atoms = slice(ends[row] - mols.sizes[row], ends[row])
            values[atoms] = contributions(mols.mols[row])
            _known.update(zip(keys[atoms].tolist(), values[atoms].tolist(), strict=True))
    return mols.of_each(values)


def contributions(mol: Chem.Mol) -> np.ndarray:
    """(atoms,) float64, what each atom contributes together with its hydrogens, by RDKit's patterns."""
    count = mol.GetNumAtoms()
    whole = Chem.AddHs(mol)
    each = np.array(rdMolDescriptors._CalcCrippenContribs(whole))[:, 0]
    carrier = [whole.GetAtomWithIdx(row).GetNeighbors()[0].GetIdx() for row in range(count, whole.GetNumAtoms())]
    return each[:count] + np.bincount(np.array(carrier, dtype=np.int64), weights=each[count:], minlength=count)


def surroundings(mols: MoleculeArrays) -> np.ndarray:
    """(atoms,) uint64, one number for each kind of surroundings that Crippen's patterns tell apart.

    Sums of 64 scrambled bits: that two of a million kinds share one has a chance of one in ten millions.
    """
    own = ((mols.numbers * 2 + mols.aromatic) * 16 + mols.hydrogens) * 16 + mols.charges + 8
    own = _scrambled((own * 16 + mols.degrees).astype(np.uint64))
    source, bond = mols.ways
    order = (mols.orders * 2 + mols.plain).astype(np.uint64)[bond] + np.uint64(1)
    near = _scrambled(own + mols.sum_beside(_scrambled(own[source] + order)))
    far = near + mols.sum_beside(_scrambled(near[source] + order))
    return np.where(mols.numbers == _OXYGEN, _scrambled(far), near)


def _scrambled(values: np.ndarray) -> np.ndarray:
    """The last step of SplitMix64 (Steele et al., OOPSLA 2014)."""
    values = (values + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))

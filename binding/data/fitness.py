"""Complexes that must not be trained on, although scoring them would only be doubtful."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.spatial.distance import cdist

from binding.errors import LigandError
from binding.graph.checks import LONGEST_BOND
from binding.structures import Complex, ResidueKind

_SAME_PLACE: Final = 1.0  # Å; no two heavy atoms are bonded at so short a distance
_MOST_INSIDE: Final = 0.5  # of the ligand's atoms
_FEWEST_ATOMS: Final = 3  # heavy atoms of a ligand


def refuse_unfit(cx: Complex) -> None:
    """Refuses a complex that would teach a network something wrong.

    Args:
        cx: Ligand and pocket in one frame, Å.

    Raises:
        LigandError: ``too_small``, below three heavy atoms, as a file without bonds gives them; ``overlaps_protein``,
            where half of the ligand's atoms or more lie on atoms of the protein; ``broken_geometry``, where a bond is
            longer than any real one.
    """
    if cx.ligand.num_atoms < _FEWEST_ATOMS:
        raise LigandError(
            f"{cx.ligand.name} has {cx.ligand.num_atoms} heavy atom{'s' if cx.ligand.num_atoms > 1 else ''}.",
            f"Training takes ligands of {_FEWEST_ATOMS} heavy atoms or more; a file without bonds leaves fragments.",
            "too_small",
        )
    inside = _share_inside(cx)
    if inside >= _MOST_INSIDE:
        raise LigandError(
            f"{inside:.0%} of the atoms of {cx.ligand.name} lie within {_SAME_PLACE:.1f} Å of protein atoms.",
            "The protein file may still hold the ligand: remove it there, or correct the pose.",
            "overlaps_protein",
        )
    longest = _longest_bond(cx)
    if longest > LONGEST_BOND:
        raise LigandError(
            f"{cx.ligand.name} has a bond of {longest:.1f} Å.",
            "Look for an atom that was left behind or a coordinate that lost a digit.",
            "broken_geometry",
        )


def _share_inside(cx: Complex) -> float:
    organic = cx.pocket.residue_kinds[cx.pocket.atom_residue] != ResidueKind.METAL
    nearest = cdist(cx.ligand.positions, cx.pocket.positions[organic]).min(axis=1, initial=np.inf)
    return float((nearest < _SAME_PLACE).mean())


def _longest_bond(cx: Complex) -> float:
    """Å; zero where there is no bond."""
    bonds = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in cx.ligand.mol.GetBonds()], dtype=int)
    first, second = bonds.reshape(-1, 2).T
    return float(np.linalg.norm(cx.ligand.positions[first] - cx.ligand.positions[second], axis=1).max(initial=0.0))

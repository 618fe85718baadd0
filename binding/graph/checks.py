"""What is odd about a complex: refused where a score would mean nothing, warned about where it may mislead."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.spatial.distance import cdist

from binding.errors import ContactError, LigandError
from binding.structures import Complex, Ligand, Protein, ResidueKind

FARTHEST_CONTACT = 6.0  # Å; beyond this from every pocket atom there is nothing to score
MOST_ATOMS = 300  # heavy atoms of a ligand
CLASH = 2.0  # Å; no two heavy atoms that are not bonded come so close (a metal's donors excepted)
COVALENT = 1.2  # Å; from here to CLASH a single pair is taken for a bond
CONTACT = 4.5  # Å
FEWEST_CONTACTS = 0.3  # share of ligand atoms in contact, under which the pose hardly touches the pocket
FEWEST_RESIDUES = 5
LONGEST_BOND = 3.5  # Å; the longest between heavy atoms that crystals hold, to caesium or iodine, are shorter
LARGE_ATOMS = 80  # few training complexes are larger
SMALL_ATOMS = 6
_USUAL_ELEMENTS = (5, 6, 7, 8, 9, 15, 16, 17, 35, 53)


def check_complex(cx: Complex) -> list[str]:
    """Warnings about a complex, one sentence each.

    Args:
        cx: Ligand and pocket in one frame, Å.

    Raises:
        ContactError: ``no_contact``, where no pocket atom is within 6 Å of the ligand.
        LigandError: ``too_large``, above 300 heavy atoms.
    """
    ligand, pocket = cx.ligand, cx.pocket
    if ligand.num_atoms > MOST_ATOMS:
        raise LigandError(
            f"Ligand {ligand.name} has {ligand.num_atoms} heavy atoms; at most {MOST_ATOMS} are scored.",
            "The model is for small molecules and peptides, not for protein-protein complexes.",
            "too_large",
        )
    distances = cdist(ligand.positions, pocket.positions)  # at these sizes faster than any tree
    nearest = distances.min(axis=1, initial=np.inf)
    if nearest.min() > FARTHEST_CONTACT:
        how_far = f"; the nearest atom is {nearest.min():.1f} Å away" if np.isfinite(nearest.min()) else ""
        raise ContactError(
            f"Ligand {ligand.name} touches no residue of {pocket.name}{how_far}.",
            "Check that protein and ligand are in the same frame of reference.",
        )
    return [*_clashes(cx, distances), *_loose(cx, nearest), *_torn(cx.ligand), *_sizes(cx)]


def _clashes(cx: Complex, distances: np.ndarray) -> list[str]:
    """Ligand atoms that lie in the protein, told from single covalent bonds and from metal coordination.

    Args:
        cx: The complex.
        distances: (ligand atoms, pocket atoms), Å.
    """
    ligand, pocket = cx.ligand, cx.pocket
    left, right = np.nonzero(distances <= CLASH)
    organic = pocket.residue_kinds[pocket.atom_residue[right]] != ResidueKind.METAL
    left, right = left[organic], right[organic]
    if not len(left):
        return []
    touched = np.unique(pocket.atom_residue[right])
    closest = distances[left[0], right[0]]
    names = pocket.residue_ids
    if len(left) == 1 and closest >= COVALENT:
        return [f"covalent contact with {names[int(touched[0])]} ({closest:.2f} Å)"]
    listed = ", ".join(names[int(row)] for row in touched[:3]) + (", ..." if len(touched) > 3 else "")
    atoms = len(np.unique(left))
    return [
        f"ligand overlaps the protein: {len(left)} heavy-atom pair{'s' if len(left) > 1 else ''} closer than "
        f"{CLASH:.1f} Å ({atoms} of {ligand.num_atoms} ligand atoms; {listed})"
    ]


def _loose(cx: Complex, nearest: np.ndarray) -> list[str]:
    """Poses that hardly touch the pocket, and pockets that are hardly there."""
    warnings = []
    share = float((nearest <= CONTACT).mean())
    if share < FEWEST_CONTACTS:
        warnings.append(f"few contacts: {share:.0%} of the ligand's atoms are within {CONTACT:.1f} Å of the pocket")
    residues = int((cx.pocket.residue_kinds == ResidueKind.AMINO_ACID).sum())
    if residues < FEWEST_RESIDUES:
        warnings.append(f"small pocket: {residues} amino acid{'s' if residues != 1 else ''}")
    incomplete = _incomplete(cx.pocket)
    if incomplete:
        warnings.append(f"pocket lacks backbone atoms in {incomplete} residue{'s' if incomplete > 1 else ''}")
    return warnings


@lru_cache(maxsize=8)  # a screen asks it of one pocket for every pose
def _incomplete(pocket: Protein) -> int:
    """Amino acids of the pocket that lack N, CA or C (terminal caps excepted)."""
    backbone = np.isin(pocket.atom_names, ("N", "CA", "C"))
    count = np.bincount(pocket.atom_residue[backbone], minlength=pocket.num_residues)
    caps = np.isin(pocket.residue_names, ("ACE", "NME", "NMA", "NH2", "FOR"))
    return int(((pocket.residue_kinds == ResidueKind.AMINO_ACID) & (count < 3) & ~caps).sum())


def _torn(ligand: Ligand) -> list[str]:
    """Ligands with a bond that no pose has: an atom was left behind, or a coordinate lost a digit."""
    bonds = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in ligand.mol.GetBonds()], dtype=int)
    if not len(bonds):
        return []
    lengths = np.linalg.norm(ligand.positions[bonds[:, 0]] - ligand.positions[bonds[:, 1]], axis=1)
    count = int((lengths > LONGEST_BOND).sum())
    if not count:
        return []
    return [
        f"broken ligand geometry: {count} bond{'s' if count > 1 else ''} longer than {LONGEST_BOND:.1f} Å, "
        f"up to {lengths.max():.1f} Å"
    ]


def _sizes(cx: Complex) -> list[str]:
    ligand = cx.ligand
    warnings = []
    if ligand.num_atoms > LARGE_ATOMS:
        warnings.append(f"large ligand: {ligand.num_atoms} heavy atoms, few such in training")
    elif ligand.num_atoms < SMALL_ATOMS:
        warnings.append(f"small ligand: {ligand.num_atoms} heavy atom{'s' if ligand.num_atoms > 1 else ''}")
    unusual = sorted({a.GetSymbol() for a in ligand.mol.GetAtoms() if a.GetAtomicNum() not in _USUAL_ELEMENTS})
    if unusual:
        warnings.append(f"unusual element{'s' if len(unusual) > 1 else ''} in the ligand: {', '.join(unusual)}")
    return warnings

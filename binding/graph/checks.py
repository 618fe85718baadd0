"""Checks of a complex: an error where a score would be meaningless, a warning where it may mislead."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from rdkit import Chem
from scipy.spatial.distance import cdist, pdist

from binding.constants import AMINO_ACIDS, PARENT_AMINO_ACID
from binding.errors import ContactError, LigandError, StructureError
from binding.graph.molecule import atoms_of
from binding.structures import Complex, Ligand, Protein, ResidueKind, is_one_of

FARTHEST_CONTACT = 6.0  # Å; beyond this from every pocket atom there is nothing to score
MOST_ATOMS = 300  # heavy atoms of a ligand
CLASH = 2.0  # Å; no two heavy atoms that are not bonded come so close (a metal's donors excepted)
COVALENT = 1.2  # Å; from here to CLASH a single pair is taken for a bond
CONTACT = 4.5  # Å
FEWEST_CONTACTS = 0.3  # share of ligand atoms in contact, under which the pose hardly touches the pocket
FEWEST_RESIDUES = 5
LONGEST_BOND = 3.5  # Å; the longest between heavy atoms that crystals hold, to caesium or iodine, are shorter
SHORTEST_PAIR = 0.6  # Å; no two heavy atoms of a molecule are closer, in crystals from 1.05 Å
USUAL_BONDS = (0.5, 2.4)  # Å, between these the median length of a ligand's bonds; in crystals from 1.34 to 1.59 Å
FEWEST_BONDS = 3  # bonds from whose lengths the unit can be inferred
BARE = 0.2  # share of residues without side chain, from which a pocket is warned about; in crystals up to 0.06
TOO_BARE = 0.75  # the same, from which it is refused
FARTHEST_ATOM = 10.0  # Å from an amino acid's CA; of standard ones none is farther than 7.5
LARGE_ATOMS = 80  # few training complexes are larger
SMALL_ATOMS = 6
_USUAL_ELEMENTS = (5, 6, 7, 8, 9, 15, 16, 17, 35, 53)
_UNUSUAL = Chem.MolFromSmarts("[" + "".join(f"!#{number};" for number in _USUAL_ELEMENTS).rstrip(";") + "]")


def check_complex(cx: Complex, lengths: np.ndarray | None = None) -> list[str]:
    """Warnings about a complex, one sentence each.

    Args:
        cx: Ligand and pocket in one frame, Å.
        lengths: What ``check_ligand`` gave; None: the ligand is checked here.

    Raises:
        ContactError: ``no_contact``, where no pocket atom is within 6 Å of the ligand.
        LigandError: ``too_large``, above 300 heavy atoms; ``not_angstrom``; ``collapsed``, atoms in one place.
        StructureError: ``no_side_chains``, where nearly all residues of the pocket lack theirs.
    """
    ligand, pocket = cx.ligand, cx.pocket
    if ligand.num_atoms > MOST_ATOMS:
        raise LigandError(
            f"Ligand {ligand.name} has {ligand.num_atoms} heavy atoms; at most {MOST_ATOMS} are scored.",
            "The model is for small molecules and peptides, not for protein-protein complexes.",
            "too_large",
        )
    lengths = check_ligand(ligand) if lengths is None else lengths
    distances = cdist(ligand.positions, pocket.positions)  # at these sizes faster than any tree
    nearest = distances.min(axis=1, initial=np.inf)
    if nearest.min() > FARTHEST_CONTACT:
        how_far = f"; the nearest atom is {nearest.min():.1f} Å away" if np.isfinite(nearest.min()) else ""
        raise ContactError(
            f"Ligand {ligand.name} touches no residue of {pocket.name}{how_far}.",
            "Check that protein and ligand are in the same frame of reference.",
        )
    return [*_clashes(cx, distances), *_loose(cx, nearest), *_damaged(pocket), *_torn(lengths), *_sizes(cx)]


def _bond_lengths(ligand: Ligand) -> np.ndarray:
    """(bonds,) Å."""
    first, second = np.nonzero(np.triu(Chem.GetAdjacencyMatrix(ligand.mol)))
    return np.linalg.norm(ligand.positions[first] - ligand.positions[second], axis=1)


def check_ligand(ligand: Ligand) -> np.ndarray:
    """Refuse coordinates in another unit than Å, and atoms in one place: any number would mean nothing.

    Args:
        ligand: The pose.

    Returns:
        (bonds,) Å, lengths of its bonds.

    Raises:
        LigandError: ``not_angstrom`` or ``collapsed``.
    """
    lengths = _bond_lengths(ligand)
    middle = float(np.median(lengths)) if len(lengths) >= FEWEST_BONDS else float(np.mean(USUAL_BONDS))
    if not USUAL_BONDS[0] <= middle <= USUAL_BONDS[1]:
        raise LigandError(
            f"Ligand {ligand.name} has coordinates that cannot be Å: its bonds are {middle:.2g} long.",
            "Multiply coordinates in nm by 10, those in bohr by 0.529.",
            "not_angstrom",
        )
    close = int((pdist(ligand.positions) < SHORTEST_PAIR).sum())
    if close:
        raise LigandError(
            f"Ligand {ligand.name} has {close} pair{'s' if close > 1 else ''} of heavy atoms closer than "
            f"{SHORTEST_PAIR:.1f} Å.",
            "The pose has collapsed, or two poses are read as one molecule.",
            "collapsed",
        )
    return lengths


def _clashes(cx: Complex, distances: np.ndarray) -> list[str]:
    """Ligand atoms that lie in the protein, as distinct from single covalent bonds and metal coordination.

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
    """Warnings about poses that hardly touch the pocket, and about pockets with few atoms."""
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
    backbone = pocket.atoms_named("N", "CA", "C")
    count = np.bincount(pocket.atom_residue[backbone], minlength=pocket.num_residues)
    caps = is_one_of(pocket.residue_names, ("ACE", "NME", "NMA", "NH2", "FOR"))
    return int(((pocket.residue_kinds == ResidueKind.AMINO_ACID) & (count < 3) & ~caps).sum())


@lru_cache(maxsize=8)  # a screen asks it of one pocket for every pose
def _damaged(pocket: Protein) -> tuple[str, ...]:
    """Pockets whose side chains were not built, or whose atoms are not where their residue is.

    Raises:
        StructureError: ``no_side_chains``.
    """
    parents = np.array([PARENT_AMINO_ACID.get(name, name) for name in pocket.residue_names.tolist()], dtype=str)
    amino = pocket.residue_kinds == ResidueKind.AMINO_ACID
    longer = amino & is_one_of(parents, AMINO_ACIDS) & ~is_one_of(parents, ("GLY", "ALA"))
    beyond = ~pocket.atoms_named("N", "CA", "C", "O", "OXT", "CB")
    bare = longer & (np.bincount(pocket.atom_residue[beyond], minlength=pocket.num_residues) == 0)
    count, share = int(bare.sum()), float(bare.sum() / max(longer.sum(), 1))
    if share >= TOO_BARE and longer.sum() >= FEWEST_RESIDUES:
        raise StructureError(
            f"The pocket of {pocket.name} has no side chains: {count} of {int(longer.sum())} residues lack theirs.",
            "Rebuild them, with PDBFixer for example.",
            "no_side_chains",
        )
    warnings = [f"pocket lacks the side chains of {count} residues ({share:.0%})"] if share >= BARE else []
    centre = np.full((pocket.num_residues, 3), np.nan)
    alpha = np.flatnonzero(pocket.atom_names == "CA")
    centre[pocket.atom_residue[alpha]] = pocket.positions[alpha]
    standard = amino & is_one_of(pocket.residue_names, AMINO_ACIDS)
    away = np.linalg.norm(pocket.positions - centre[pocket.atom_residue], axis=1)  # NaN where there is no CA
    torn = np.unique(pocket.atom_residue[(away > FARTHEST_ATOM) & standard[pocket.atom_residue]])
    if len(torn):
        names = ", ".join(pocket.residue_ids[row] for row in torn[:3].tolist()) + (", ..." if len(torn) > 3 else "")
        warnings.append(f"broken protein geometry: atoms more than {FARTHEST_ATOM:.0f} Å from the CA of {names}")
    return tuple(warnings)


def _torn(lengths: np.ndarray) -> list[str]:
    """Ligands with a bond that no pose has: an atom was left behind, or a coordinate lost a digit."""
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
    if ligand.mol.HasSubstructMatch(_UNUSUAL):
        unusual = sorted({a.GetSymbol() for a in atoms_of(ligand.mol) if a.GetAtomicNum() not in _USUAL_ELEMENTS})
        warnings.append(f"unusual element{'s' if len(unusual) > 1 else ''} in the ligand: {', '.join(unusual)}")
    return warnings

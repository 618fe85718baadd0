"""Checks of a complex: an error where a score would be meaningless, a warning where it may mislead."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from rdkit import Chem
from scipy.spatial.distance import cdist, pdist, squareform

from binding.constants import AMINO_ACIDS, PARENT_AMINO_ACID
from binding.errors import ContactError, LigandError, StructureError
from binding.graph.around import Around
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
FARTHEST_NEIGHBOUR = 1.7  # Å, median distance of a ligand's atoms to the nearest other; in bohr it is 2.6
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
    check_size(cx.ligand)
    lengths = check_ligand(cx.ligand) if lengths is None else lengths
    around = Around.of(cx.pocket, cx.ligand.positions, FARTHEST_CONTACT)
    return check_pose(cx.ligand, lengths, Meeting.of(cx.ligand, cx.pocket, around), check_residues(cx.pocket))


def check_size(ligand: Ligand) -> None:
    """Refuse what is no small molecule.

    Raises:
        LigandError: ``too_large``.
    """
    if ligand.num_atoms > MOST_ATOMS:
        raise LigandError(
            f"Ligand {ligand.name} has {ligand.num_atoms} heavy atoms; at most {MOST_ATOMS} are scored.",
            "The model is for small molecules and peptides, not for protein-protein complexes.",
            "too_large",
        )


def check_pose(ligand: Ligand, lengths: np.ndarray, meeting: Meeting, pocket: ResidueFaults) -> list[str]:
    """Warnings about a pose in its pocket, one sentence each.

    Args:
        ligand: The pose.
        lengths: (bonds,) Å, of its bonds.
        meeting: What it meets of the pocket.
        pocket: What is known of the pocket's residues.

    Raises:
        StructureError: ``no_side_chains``, where nearly all residues of the pocket lack theirs.
    """
    clashes, loose = _clashes(ligand, meeting), _loose(meeting.nearest, pocket)
    return [*clashes, *loose, *pocket.damage(), *_torn(lengths), *_sizes(ligand)]


@dataclass(frozen=True, eq=False)
class Meeting:
    """What a ligand meets of a pocket.

    Attributes:
        protein: What rows of residues refer to.
        nearest: (ligand atoms,) Å, to the nearest pocket atom; infinite where none is within ``FARTHEST_CONTACT``.
        atoms: (pairs,) ligand atoms of the pairs within ``CLASH``, metal ions left out.
        residues: (pairs,) rows of the residues of their partners.
        distances: (pairs,) Å.
    """

    protein: Protein
    nearest: np.ndarray
    atoms: np.ndarray
    residues: np.ndarray
    distances: np.ndarray

    @classmethod
    def of(cls, ligand: Ligand, protein: Protein, around: Around, keep: np.ndarray | None = None) -> Meeting:
        """Of a ligand and a pocket.

        Args:
            ligand: The pose.
            protein: The pocket, or the receptor that it is a part of.
            around: The atoms of this protein about the ligand.
            keep: (residues,) bool, which of them are the pocket's; None for all.

        Raises:
            ContactError: ``no_contact``, where no pocket atom is within 6 Å of the ligand.
        """
        rows = np.flatnonzero(around.within(FARTHEST_CONTACT))
        if keep is not None:
            rows = rows[keep[around.residue[rows]]]
        if not len(rows):
            raise _no_contact(ligand, protein, keep)
        squares = around.squares.take(rows, axis=0)
        near = np.flatnonzero(around.least[rows] <= CLASH * CLASH)
        residues = around.residue[rows[near]]
        organic = protein.residue_kinds[residues] != ResidueKind.METAL
        near, residues = near[organic], residues[organic]
        right, left = np.nonzero(squares[near] <= CLASH * CLASH)
        distances = np.sqrt(squares[near[right], left])
        return cls(protein, np.sqrt(squares.min(axis=0)), left, residues[right], distances)


def _no_contact(ligand: Ligand, protein: Protein, keep: np.ndarray | None) -> ContactError:
    atoms = protein.positions if keep is None else protein.positions[keep[protein.atom_residue]]
    away = cdist(ligand.positions, atoms).min(initial=np.inf)
    how_far = f"; the nearest atom is {away:.1f} Å away" if np.isfinite(away) else ""
    return ContactError(
        f"Ligand {ligand.name} touches no residue of {protein.name}{how_far}.",
        "Check that protein and ligand are in the same frame of reference.",
    )


def _bond_lengths(ligand: Ligand, bonds: np.ndarray | None) -> np.ndarray:
    """(bonds,) Å."""
    if bonds is None:
        bonds = np.argwhere(np.triu(Chem.GetAdjacencyMatrix(ligand.mol)))
    away = ligand.positions[bonds[:, 0]] - ligand.positions[bonds[:, 1]]
    return np.sqrt(np.einsum("bx,bx->b", away, away))


def check_ligand(ligand: Ligand, bonds: np.ndarray | None = None) -> np.ndarray:
    """Refuse coordinates in another unit than Å, and atoms in one place: any number would mean nothing.

    Args:
        ligand: The pose.
        bonds: (bonds, 2) rows of its atoms, where they are known already.

    Returns:
        (bonds,) Å, lengths of its bonds.

    Raises:
        LigandError: ``not_angstrom``, ``collapsed``, or ``bad_record`` where the coordinates are other atoms'.
    """
    lengths = _bond_lengths(ligand, bonds)
    middle = _median(lengths) if len(lengths) >= FEWEST_BONDS else float(np.mean(USUAL_BONDS))
    if middle > USUAL_BONDS[1] and _nearest_is_usual(ligand.positions):
        raise LigandError(
            f"Ligand {ligand.name} has bonds {middle:.2g} Å long between atoms that have others nearby: the "
            "coordinates are those of other atoms.",
            "Take atoms, bonds and coordinates from one file: programs put atoms in different orders.",
            "bad_record",
        )
    if not USUAL_BONDS[0] <= middle <= USUAL_BONDS[1]:
        raise LigandError(
            f"Ligand {ligand.name} has coordinates that cannot be Å: its bonds are {middle:.2g} long.",
            "Multiply coordinates in nm by 10, those in bohr by 0.529.",
            "not_angstrom",
        )
    close = int(np.count_nonzero(pdist(ligand.positions, "sqeuclidean") < SHORTEST_PAIR**2))
    if close:
        raise LigandError(
            f"Ligand {ligand.name} has {close} pair{'s' if close > 1 else ''} of heavy atoms closer than "
            f"{SHORTEST_PAIR:.1f} Å.",
            "The pose has collapsed, or two poses are read as one molecule.",
            "collapsed",
        )
    return lengths


def _nearest_is_usual(positions: np.ndarray) -> bool:
    """Whether atoms lie as far from their nearest neighbours as bonded ones do."""
    away = squareform(pdist(positions))
    np.fill_diagonal(away, np.inf)
    return SHORTEST_PAIR <= _median(away.min(axis=1)) <= FARTHEST_NEIGHBOUR


def _median(values: np.ndarray) -> float:
    """Of a few values; several times as fast as NumPy's."""
    ordered = np.sort(values)
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _clashes(ligand: Ligand, meeting: Meeting) -> list[str]:
    """Ligand atoms that lie in the protein, as distinct from single covalent bonds and metal coordination."""
    pairs = len(meeting.atoms)
    if not pairs:
        return []
    touched = np.unique(meeting.residues)
    names = [meeting.protein.residue_id(row) for row in touched[:3].tolist()]
    if pairs == 1 and meeting.distances[0] >= COVALENT:
        return [f"covalent contact with {names[0]} ({meeting.distances[0]:.2f} Å)"]
    listed = ", ".join(names) + (", ..." if len(touched) > 3 else "")
    return [
        f"ligand overlaps the protein: {pairs} heavy-atom pair{'s' if pairs > 1 else ''} closer than "
        f"{CLASH:.1f} Å ({len(np.unique(meeting.atoms))} of {ligand.num_atoms} ligand atoms; {listed})"
    ]


def _loose(nearest: np.ndarray, pocket: ResidueFaults) -> list[str]:
    """Warnings about poses that hardly touch the pocket, and about pockets with few atoms."""
    warnings = []
    share = float((nearest <= CONTACT).mean())
    if share < FEWEST_CONTACTS:
        warnings.append(f"few contacts: {share:.0%} of the ligand's atoms are within {CONTACT:.1f} Å of the pocket")
    residues = int(pocket.amino.sum())
    if residues < FEWEST_RESIDUES:
        warnings.append(f"small pocket: {residues} amino acid{'s' if residues != 1 else ''}")
    incomplete = int(pocket.incomplete.sum())
    if incomplete:
        warnings.append(f"pocket lacks backbone atoms in {incomplete} residue{'s' if incomplete > 1 else ''}")
    return warnings


@dataclass(frozen=True, eq=False)
class ResidueFaults:
    """What is wrong with the residues of a protein or pocket, (residues,) bool each.

    Attributes:
        protein: What the rows refer to.
        rows: (residues,) of the protein.
        amino: Amino acids.
        incomplete: Amino acids that lack N, CA or C (terminal caps excepted).
        longer: Amino acids that have a side chain beyond CB.
        bare: Those of them that lack it.
        torn: Standard amino acids with an atom that is not where the residue is.
    """

    protein: Protein
    rows: np.ndarray
    amino: np.ndarray
    incomplete: np.ndarray
    longer: np.ndarray
    bare: np.ndarray
    torn: np.ndarray

    def take(self, keep: np.ndarray) -> ResidueFaults:
        """Those of a pocket, (residues,) bool."""
        parts = (self.rows, self.amino, self.incomplete, self.longer, self.bare, self.torn)
        return ResidueFaults(self.protein, *(part[keep] for part in parts))

    def damage(self) -> tuple[str, ...]:
        """Warnings about side chains that were not built, and atoms that are not where their residue is.

        Raises:
            StructureError: ``no_side_chains``.
        """
        count, longer = int(self.bare.sum()), int(self.longer.sum())
        share = count / max(longer, 1)
        if share >= TOO_BARE and longer >= FEWEST_RESIDUES:
            raise StructureError(
                f"The pocket of {self.protein.name} has no side chains: {count} of {longer} residues lack theirs.",
                "Rebuild them, with PDBFixer for example.",
                "no_side_chains",
            )
        warnings = [f"pocket lacks the side chains of {count} residues ({share:.0%})"] if share >= BARE else []
        if self.torn.any():
            torn = self.rows[self.torn].tolist()
            names = ", ".join(self.protein.residue_id(row) for row in torn[:3]) + (", ..." if len(torn) > 3 else "")
            warnings.append(f"broken protein geometry: atoms more than {FARTHEST_ATOM:.0f} Å from the CA of {names}")
        return tuple(warnings)


@lru_cache(maxsize=8)  # a screen asks it of one receptor for every pose
def check_residues(protein: Protein) -> ResidueFaults:
    """What is wrong with the residues of a protein."""
    count, amino = protein.num_residues, protein.residue_kinds == ResidueKind.AMINO_ACID
    backbone = np.bincount(protein.atom_residue[protein.atoms_named("N", "CA", "C")], minlength=count)
    caps = is_one_of(protein.residue_names, ("ACE", "NME", "NMA", "NH2", "FOR"))
    parents = np.array([PARENT_AMINO_ACID.get(name, name) for name in protein.residue_names.tolist()], dtype=str)
    longer = amino & is_one_of(parents, AMINO_ACIDS) & ~is_one_of(parents, ("GLY", "ALA"))
    beyond = ~protein.atoms_named("N", "CA", "C", "O", "OXT", "CB")
    bare = longer & (np.bincount(protein.atom_residue[beyond], minlength=count) == 0)
    centre = np.full((count, 3), np.nan)
    alpha = np.flatnonzero(protein.atom_names == "CA")
    centre[protein.atom_residue[alpha]] = protein.positions[alpha]
    away = np.linalg.norm(protein.positions - centre[protein.atom_residue], axis=1)  # NaN where there is no CA
    torn = np.zeros(count, dtype=bool)
    torn[protein.atom_residue[away > FARTHEST_ATOM]] = True
    torn &= amino & is_one_of(protein.residue_names, AMINO_ACIDS)
    return ResidueFaults(protein, np.arange(count), amino, amino & (backbone < 3) & ~caps, longer, bare, torn)


def _torn(lengths: np.ndarray) -> list[str]:
    """Ligands with a bond that no pose has: an atom was left behind, or a coordinate lost a digit."""
    count = int((lengths > LONGEST_BOND).sum())
    if not count:
        return []
    return [
        f"broken ligand geometry: {count} bond{'s' if count > 1 else ''} longer than {LONGEST_BOND:.1f} Å, "
        f"up to {lengths.max():.1f} Å"
    ]


def _sizes(ligand: Ligand) -> list[str]:
    warnings = []
    if ligand.num_atoms > LARGE_ATOMS:
        warnings.append(f"large ligand: {ligand.num_atoms} heavy atoms, few such in training")
    elif ligand.num_atoms < SMALL_ATOMS:
        warnings.append(f"small ligand: {ligand.num_atoms} heavy atom{'s' if ligand.num_atoms > 1 else ''}")
    if ligand.mol.HasSubstructMatch(_UNUSUAL):
        unusual = sorted({a.GetSymbol() for a in atoms_of(ligand.mol) if a.GetAtomicNum() not in _USUAL_ELEMENTS})
        warnings.append(f"unusual element{'s' if len(unusual) > 1 else ''} in the ligand: {', '.join(unusual)}")
    return warnings

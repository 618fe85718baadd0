"""Which residues make the pocket. Lengths in Å."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.distance import cdist

from binding.constants import ATOM_CLASS, NUCLEOTIDE_BASE, PARENT_AMINO_ACID
from binding.errors import ContactError, StructureError, UsageError
from binding.structures import Ligand, Protein, ResidueKind

_SAME_PLACE = 1.5  # Å between heavy atoms that cannot both be there
_SAME_PEPTIDE = 1.0  # Å; a pose that clashes with a protein has a quarter of its atoms so near to protein atoms
_SAME_ATOM = 0.5  # Å between two records of one atom
_LARGEST_PEPTIDE = 300  # heavy atoms; larger ligands are not scored
_CHAIN_BOND = 2.0  # Å, longest bond that joins residues to a chain
#: Atoms of this residue and of its neighbour that join residues to a chain.
_CHAIN_BONDS = (("C", "N"), ("N", "C"), ("O3'", "P"), ("P", "O3'"))
_CHAIN_KINDS = (int(ResidueKind.AMINO_ACID), int(ResidueKind.NUCLEOTIDE))


@dataclass(frozen=True)
class PocketSpec:
    """How to cut the pocket out of the protein: by the ligand unless something else is named.

    Attributes:
        cutoff: Å; a residue with any heavy atom this close to a ligand atom is in.
        reference: (n, 3) Å, positions of a reference ligand to use in the scored ligand's place.
        center: x, y, z in Å, with ``radius``.
        radius: Å; a residue with any heavy atom this close to the centre is in.
        residues: Such as ``A:25``, ``A:25B``, ``A:ASP:25`` or ``:ZN:3`` (blank chain).
    """

    cutoff: float = 10.0
    reference: np.ndarray | None = None
    center: tuple[float, float, float] | None = None
    radius: float | None = None
    residues: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        chosen = [self.reference is not None, self.center is not None, self.residues is not None]
        if sum(chosen) > 1:
            raise UsageError(
                "A pocket is given by one of a reference ligand, a centre and radius, or a list of residues.",
                "Leave out all but one.",
            )
        if (self.center is None) != (self.radius is None):
            raise UsageError("A pocket by centre needs both a centre and a radius.", "Give both, in Å.")
        for label, value in (("cutoff", self.cutoff), ("radius", self.radius)):
            if value is not None and not (np.isfinite(value) and value > 0):
                raise UsageError(f"The pocket {label} must be a positive length in Å, not {value}.")
        if self.center is not None and not (len(self.center) == 3 and np.isfinite(self.center).all()):
            raise UsageError(f"The pocket centre must be three numbers in Å, not {self.center}.")


def select_pocket(protein: Protein, ligand: Ligand, spec: PocketSpec | None = None) -> Protein:
    """Cut the protein down to the pocket's residues, whole ones, in file order; see ``pocket_mask``.

    The pocket's ``notes`` are the protein's, and one more where residues that lie where the ligand
    lies were left out.
    """
    pocket = protein.select(pocket_mask(protein, ligand, spec))
    notes = left_out(protein, replaced_by(protein, ligand.positions))
    return replace(pocket, notes=(*pocket.notes, *notes)) if notes else pocket


def pocket_mask(protein: Protein, ligand: Ligand, spec: PocketSpec | None = None) -> np.ndarray:
    """Which residues make the pocket, (residues,) bool.

    What lies where the ligand lies (the crystal ligand left in the receptor's file, say) is never in it; see
    ``replaced_by``.

    Args:
        protein: The receptor.
        ligand: The pose that will be scored.
        spec: How to choose; by default every residue within 10 Å of the ligand.

    Raises:
        ContactError: ``no_contact``, where no residue is chosen or none is an amino acid.
        StructureError: ``no_residue``, where a listed residue is not in the protein.
    """
    spec = spec or PocketSpec()
    if spec.residues is not None:
        keep = _listed(protein, spec.residues)
    elif spec.center is not None and spec.radius is not None:
        keep = _near(protein, np.asarray([spec.center], dtype=np.float64), spec.radius)
    else:
        around = ligand.positions if spec.reference is None else np.asarray(spec.reference, dtype=np.float64)
        keep = _near(protein, around.reshape(-1, 3), spec.cutoff)
    keep &= ~replaced_by(protein, ligand.positions)
    if not (keep & (protein.residue_kinds == ResidueKind.AMINO_ACID)).any():
        raise ContactError(
            f"No residue of {protein.name} is in the pocket of {ligand.name}.",
            "Check that protein and ligand are in the same frame of reference.",
        )
    return keep


def left_out(protein: Protein, replaced: np.ndarray) -> tuple[str, ...]:
    """The note about residues that are the ligand itself; empty where there are none.

    Args:
        protein: The receptor.
        replaced: (residues,) bool, as ``replaced_by`` gives it.
    """
    names = np.array(protein.residue_ids)[replaced].tolist() if replaced.any() else []
    if not names:
        return ()
    listed = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return (f"left out {listed}, which lie{'s' if len(names) == 1 else ''} where the ligand lies",)


def replaced_by(protein: Protein, positions: np.ndarray) -> np.ndarray:
    """(residues,) bool, residues that are the ligand itself, or another ligand in its place.

    A molecule of its own (a hetero group, or what merely bears the name of an amino acid or nucleotide) is
    replaced where a quarter of its atoms lie on ligand atoms, or where it covers half of the ligand. A peptide that
    is a chain of its own is replaced where half of it or of the ligand coincide. A residue of a chain stays, however
    badly a pose clashes with it, unless most of its atoms are at the very positions of ligand atoms. A metal ion is
    replaced by a ligand atom at its position.

    Args:
        protein: The receptor.
        positions: (atoms, 3) Å of the ligand.
    """
    replaced = np.zeros(protein.num_residues, dtype=bool)
    overlap = _Overlap.of(protein, positions)
    if overlap is None:
        return replaced
    for row in np.unique(protein.atom_residue[overlap.atoms]).tolist():
        kind = protein.residue_kinds[row]
        atoms = np.flatnonzero(protein.atom_residue == row)
        if kind == ResidueKind.METAL:
            replaced[row] = overlap.covered(atoms, _SAME_ATOM)[0] > 0
        elif kind == ResidueKind.COFACTOR or _stands_alone(protein, row, atoms):
            lying, covering = overlap.covered(atoms, _SAME_PLACE)
            replaced[row] = lying >= 2 and (lying >= 0.25 * len(atoms) or covering >= 0.5 * len(positions))
        else:
            replaced[row] = overlap.covered(atoms, _SAME_ATOM)[0] >= max(4.0, 0.75 * len(atoms))
    return replaced | _peptides(protein, overlap, len(positions))


@dataclass(frozen=True, eq=False)
class _Overlap:
    """Atoms of a protein that lie on atoms of a ligand.

    Attributes:
        atoms: (n,) rows of the protein's atoms within ``_SAME_PLACE`` of a ligand atom, ascending; at least one.
        distances: (n, ligand atoms) Å.
    """

    atoms: np.ndarray
    distances: np.ndarray

    @classmethod
    def of(cls, protein: Protein, positions: np.ndarray) -> _Overlap | None:
        """Of a protein and (atoms, 3) Å of a ligand; None where nothing lies on the ligand."""
        low, high = positions.min(axis=0) - _SAME_PLACE, positions.max(axis=0) + _SAME_PLACE
        inside = np.flatnonzero(((protein.positions >= low) & (protein.positions <= high)).all(axis=1))
        distances = cdist(protein.positions[inside], positions)
        near = (distances <= _SAME_PLACE).any(axis=1)
        return cls(inside[near], distances[near]) if near.any() else None

    def covered(self, atoms: np.ndarray, reach: float) -> tuple[int, int]:
        """How many of some protein atoms lie on the ligand, and on how many ligand atoms, within ``reach`` Å."""
        close = self.distances[np.isin(self.atoms, atoms)] <= reach
        return int(close.any(axis=1).sum()), int(close.any(axis=0).sum())


def _stands_alone(protein: Protein, row: int, atoms: np.ndarray) -> bool:
    """Whether a residue with the kind of an amino acid or nucleotide is a molecule of its own.

    A standard residue that no peptide bond holds is a fragment of a chain (files cut down to the pocket are full of
    them), unless its carboxyl end shows that it is a free amino acid.

    Args:
        protein: The receptor.
        row: Of the residue.
        atoms: (n,) rows of its atoms.
    """
    names = protein.atom_names[atoms].tolist()
    for mine, theirs in _CHAIN_BONDS:
        ends = protein.positions[atoms[protein.atom_names[atoms] == mine]]
        others = (protein.atom_names == theirs) & (protein.atom_residue != row)
        others &= np.isin(protein.residue_kinds, _CHAIN_KINDS)[protein.atom_residue]
        if len(ends) and others.any() and cdist(ends, protein.positions[others]).min() < _CHAIN_BOND:
            return False
    if len(set(names)) < len(names):
        return True
    name = str(protein.residue_names[row])
    if protein.residue_kinds[row] == ResidueKind.NUCLEOTIDE:
        return name not in NUCLEOTIDE_BASE or "C1'" not in names
    parent = PARENT_AMINO_ACID.get(name, name)
    return "OXT" in names or any((parent, atom) not in ATOM_CLASS for atom in names)


def _peptides(protein: Protein, overlap: _Overlap, size: int) -> np.ndarray:
    """(residues,) bool, chains as small as a ligand, beside a larger one, of which half coincides with the ligand.

    Args:
        protein: The receptor.
        overlap: What lies on the ligand.
        size: Number of the ligand's atoms.
    """
    amino = protein.residue_kinds == ResidueKind.AMINO_ACID
    found = np.zeros(protein.num_residues, dtype=bool)
    touched = np.unique(protein.atom_residue[overlap.atoms])
    for chain in np.unique(protein.chain_ids[touched[amino[touched]]]):
        members = amino & (protein.chain_ids == chain)
        atoms = np.flatnonzero(members[protein.atom_residue])
        if len(atoms) > _LARGEST_PEPTIDE or not (amino & ~members).sum() > members.sum():
            continue
        lying, covering = overlap.covered(atoms, _SAME_PEPTIDE)
        if lying >= 4 and (lying >= 0.5 * len(atoms) or covering >= 0.5 * size):
            found |= members
    return found


def _near(protein: Protein, points: np.ndarray, cutoff: float) -> np.ndarray:
    """(residues,) bool, whether any heavy atom is within ``cutoff`` Å of any of the (n, 3) points."""
    low, high = points.min(axis=0) - cutoff, points.max(axis=0) + cutoff
    candidates = np.flatnonzero(((protein.positions >= low) & (protein.positions <= high)).all(axis=1))
    keep = np.zeros(protein.num_residues, dtype=bool)
    if len(candidates):
        squares = cdist(protein.positions[candidates], points, "sqeuclidean").min(axis=1)  # faster than a tree
        keep[protein.atom_residue[candidates[squares <= (cutoff * (1 + 1e-12)) ** 2]]] = True
    return keep


def _listed(protein: Protein, wanted: tuple[str, ...]) -> np.ndarray:
    """(residues,) bool of the residues in the list."""
    rows: dict[str, list[int]] = {}
    for row, full in enumerate(protein.residue_ids):
        chain, name, number = full.rsplit(":", 2)
        for key in (full, f"{chain}:{number}", f"{name}:{number}" if not chain else ""):
            rows.setdefault(key, []).append(row)
    keep = np.zeros(protein.num_residues, dtype=bool)
    for item in wanted:
        if item not in rows and item.count(":") == 2:  # residues are held by their standard names
            chain, name, number = item.split(":")
            item = f"{chain}:{PARENT_AMINO_ACID.get(name, name)}:{number}"
        if not item or item not in rows:
            raise StructureError(
                f"There is no residue {item!r} in {protein.name}.",
                "Residues are named chain:number or chain:NAME:number, such as A:25 or A:ASP:25.",
                "no_residue",
            )
        keep[rows[item]] = True
    return keep

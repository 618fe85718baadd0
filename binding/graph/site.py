"""Which residues make the pocket. Lengths in Å."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from binding.errors import ContactError, StructureError, UsageError
from binding.structures import Ligand, Protein, ResidueKind

_SAME_PLACE = 1.5  # Å between heavy atoms that cannot both be there


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

    The pocket's ``notes`` are the protein's, and one more where a group that lies where the ligand
    lies was left out.
    """
    pocket = protein.select(pocket_mask(protein, ligand, spec))
    replaced = replaced_by(protein, ligand.positions)
    if replaced.any():
        names = ", ".join(np.array(protein.residue_ids)[replaced][:3].tolist())
        pocket = replace(pocket, notes=(*pocket.notes, f"left out {names}, which lies where the ligand lies"))
    return pocket


def pocket_mask(protein: Protein, ligand: Ligand, spec: PocketSpec | None = None) -> np.ndarray:
    """Which residues make the pocket, (residues,) bool.

    A hetero group that lies where the ligand lies (the crystal ligand left in the receptor's file,
    say) is never in it.

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


def replaced_by(protein: Protein, positions: np.ndarray) -> np.ndarray:
    """(residues,) bool, cofactors of which a quarter of the atoms, and two at least, lie on a ligand's atoms.

    Args:
        protein: The receptor.
        positions: (atoms, 3) Å of the ligand.
    """
    replaced = np.zeros(protein.num_residues, dtype=bool)
    atoms = np.flatnonzero((protein.residue_kinds == ResidueKind.COFACTOR)[protein.atom_residue])
    if len(atoms):
        near, _ = cKDTree(positions).query(protein.positions[atoms], distance_upper_bound=_SAME_PLACE)
        rows = protein.atom_residue[atoms]
        inside = np.bincount(rows[np.isfinite(near)], minlength=protein.num_residues)
        replaced = (inside >= 2) & (inside >= 0.25 * np.bincount(rows, minlength=protein.num_residues))
    return replaced


def _near(protein: Protein, points: np.ndarray, cutoff: float) -> np.ndarray:
    """(residues,) bool, whether any heavy atom is within ``cutoff`` Å of any of the (n, 3) points."""
    low, high = points.min(axis=0) - cutoff, points.max(axis=0) + cutoff
    candidates = np.flatnonzero(((protein.positions >= low) & (protein.positions <= high)).all(axis=1))
    keep = np.zeros(protein.num_residues, dtype=bool)
    if len(candidates):
        distances, _ = cKDTree(points).query(protein.positions[candidates], distance_upper_bound=cutoff * (1 + 1e-12))
        keep[protein.atom_residue[candidates[np.isfinite(distances)]]] = True
    return keep


def _listed(protein: Protein, wanted: tuple[str, ...]) -> np.ndarray:
    """(residues,) bool of the residues in the list."""
    rows: dict[str, list[int]] = {}
    for row, full in enumerate(protein.residue_ids):
        chain, name, number = full.split(":")
        for key in (full, f"{chain}:{number}", f"{name}:{number}" if not chain else ""):
            rows.setdefault(key, []).append(row)
    keep = np.zeros(protein.num_residues, dtype=bool)
    for item in wanted:
        if not item or item not in rows:
            raise StructureError(
                f"There is no residue {item!r} in {protein.name}.",
                "Residues are named chain:number or chain:NAME:number, such as A:25 or A:ASP:25.",
                "no_residue",
            )
        keep[rows[item]] = True
    return keep

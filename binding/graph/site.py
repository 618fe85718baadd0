"""Which residues make the pocket. Lengths in Å."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from binding.constants import FARTHEST, PARENT_AMINO_ACID
from binding.errors import ContactError, StructureError, UsageError
from binding.graph.around import Around
from binding.graph.replaced import replaced_by
from binding.structures import Ligand, Protein, ResidueKind

_LONGEST = 1_000.0  # Å; well beyond a whole protein


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
            if value is not None and not 0 < value <= _LONGEST:  # nan is neither
                raise UsageError(
                    f"The pocket {label} must be a positive length in Å, not {value:g}.",
                    f"Usual are 6 to 15 Å; at most {_LONGEST:g}.",
                )
        if self.center is not None and not (len(self.center) == 3 and (np.abs(self.center) < FARTHEST).all()):
            raise UsageError(
                f"The pocket centre must be three numbers in Å, not {self.center}.",
                "Take the middle of a ligand, such as --center 6.2 -1.5 40.",
            )


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
    keep = chosen_residues(protein, spec)
    if keep is None:
        keep = Around.of(protein, ligand.positions, spec.cutoff).residues_within(spec.cutoff)
    return usable(protein, ligand, keep & ~replaced_by(protein, ligand.positions))


def chosen_residues(protein: Protein, spec: PocketSpec) -> np.ndarray | None:
    """(residues,) bool, those that a choice names without regard to the ligand; None where the ligand decides.

    Raises:
        StructureError: ``no_residue``, where a listed residue is not in the protein.
    """
    if spec.residues is not None:
        return _listed(protein, spec.residues)
    if spec.center is not None and spec.radius is not None:
        centre = np.asarray([spec.center], dtype=np.float64)
        return Around.of(protein, centre, spec.radius).residues_within(spec.radius)
    if spec.reference is not None:
        reference = np.asarray(spec.reference, dtype=np.float64).reshape(-1, 3)
        return Around.of(protein, reference, spec.cutoff).residues_within(spec.cutoff)
    return None


def usable(protein: Protein, ligand: Ligand, keep: np.ndarray) -> np.ndarray:
    """The residues of a pocket, (residues,) bool, if an amino acid is among them.

    Raises:
        ContactError: ``no_contact``.
    """
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
    names = [protein.residue_id(row) for row in np.flatnonzero(replaced).tolist()]
    if not names:
        return ()
    listed = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return (f"left out {listed}, which lie{'s' if len(names) == 1 else ''} where the ligand lies",)


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

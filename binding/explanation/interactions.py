"""Interactions as a chemist names them, found by ProLIF (Bouysset & Fiorucci 2021, doi:10.1186/s13321-021-00548-6).

The structures have heavy atoms only, and no hydrogens are placed: hydrogen bonds go by the angles of heavy atoms at
donor and acceptor (ProLIF's implicit mode), all else needs none. Acids and bases of both sides are charged by rule, as
at pH 7.4; histidine is neutral. Interactions do not enter pk.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Geometry import Point3D

from binding.errors import StructureError, UsageError
from binding.poses.states import protonate
from binding.structures import Ligand, Protein, ResidueKind

#: Of ProLIF, named from the ligand's side -> what a chemist calls it.
KINDS: Final = {
    "ImplicitHBDonor": "hydrogen bond, ligand gives",
    "ImplicitHBAcceptor": "hydrogen bond, ligand takes",
    "Cationic": "salt bridge",
    "Anionic": "salt bridge",
    "FaceToFace": "pi stacking, parallel",
    "EdgeToFace": "pi stacking, edge to face",
    "CationPi": "cation-pi",
    "PiCation": "cation-pi",
    "XBDonor": "halogen bond",
    "XBAcceptor": "halogen bond",
    "MetalAcceptor": "metal",
}
#: Of the table of interactions; ``angle`` in degrees: of a hydrogen bond that at the donor, of a halogen bond that at
#: the halogen, of rings that between their planes or to the cation; ``pk`` is the residue's contribution.
INTERACTION_COLUMNS: Final = ("id", "kind", "residue_label", "atoms", "distance", "angle", "pk")
_ANGLES: Final = ("donor_atom_angles", "donor_atom_angle", "AXD_angle", "plane_angle", "angle")
_CHARGED: Final = {("LYS", "NZ"): 1, ("ARG", "NH1"): 1, ("ARG", "NH2"): 1, ("ASP", "OD1"): -1, ("ASP", "OD2"): -1}
_CHARGED_GLU: Final = {("GLU", "OE1"): -1, ("GLU", "OE2"): -1}


@dataclass(frozen=True)
class Interaction:
    """One interaction.

    Attributes:
        kind: A value of ``KINDS``.
        pocket_row: Row of the residue in the pocket.
        atoms: Ligand atoms, from 0.
        distance: Å, between the atoms, or the centroids of rings.
        angle: Degrees; NaN where the kind has none.
    """

    kind: str
    pocket_row: int
    atoms: tuple[int, ...]
    distance: float
    angle: float


def check_prolif() -> None:
    """Says which extra to install where ProLIF is not there.

    Raises:
        UsageError: ``missing_extra``.
    """
    _fingerprint()


def interactions_of(pocket: Protein, ligand: Ligand) -> tuple[Interaction, ...]:
    """The interactions of a pose, nearest first.

    Args:
        pocket: The pocket.
        ligand: The pose.

    Raises:
        UsageError: ``missing_extra``, where ProLIF is not installed.
        StructureError: RDKit cannot make a molecule of the pocket.
    """
    molecule, kinds = _fingerprint()
    with rdBase.BlockLogs():
        protein = molecule.from_rdkit(_protein(pocket))
        small = molecule.from_rdkit(_ligand(ligand))
        found = kinds.generate(small, protein, residues="all", metadata=True)
    rows: dict[tuple[str, int, tuple[int, ...]], Interaction] = {}
    for (_, residue), by_kind in found.items():
        for name, records in by_kind.items():
            for record in records:
                atoms = tuple(sorted(int(atom) for atom in record["parent_indices"]["ligand"]))
                one = Interaction(
                    KINDS[name], int(residue.number) - 1, atoms, float(record["distance"]), _angle(record)
                )
                key = (one.kind, one.pocket_row, atoms)
                if key not in rows or one.distance < rows[key].distance:  # two oxygens of one acid are one bridge
                    rows[key] = one
    return tuple(sorted(rows.values(), key=lambda one: (one.distance, one.kind, one.pocket_row, one.atoms)))


def interaction_rows(
    name: str, found: Iterable[Interaction], atom_labels: Sequence[str], residue_labels: Sequence[str], pk: np.ndarray
) -> list[dict[str, Any]]:
    """Rows of ``INTERACTION_COLUMNS``.

    Args:
        name: ``id`` of the complex.
        found: Its interactions.
        atom_labels: Of all ligand atoms.
        residue_labels: Of all residues of the pocket.
        pk: (residues,) contribution of each; NaN out of reach.
    """
    return [
        {
            "id": name,
            "kind": one.kind,
            "residue_label": residue_labels[one.pocket_row],
            "atoms": " ".join(atom_labels[atom] for atom in one.atoms),
            "distance": one.distance,
            "angle": one.angle,
            "pk": float(pk[one.pocket_row]),
        }
        for one in found
    ]


def _fingerprint() -> tuple[Any, Any]:
    try:
        with warnings.catch_warnings(record=True):  # MDAnalysis warns of its own modules, whatever the filter
            from prolif.fingerprint import Fingerprint
            from prolif.molecule import Molecule
    except ImportError:
        raise UsageError(
            "Interactions need ProLIF, which is not installed.",
            "Install it with: pip install 'binding[interactions]'. All else works without it.",
            "missing_extra",
        ) from None
    return Molecule, Fingerprint(list(KINDS), count=True)


def _angle(record: dict[str, Any]) -> float:
    for name in _ANGLES:
        value = record.get(name)
        if value is not None and np.size(value):
            angle = float(np.mean(value))
            return min(angle, 180.0 - angle) if name == "plane_angle" else angle  # of planes, whose sides are alike
    return float("nan")


def _ligand(ligand: Ligand) -> Chem.Mol:
    """The pose, charged by rule; atoms keep their order."""
    mol = protonate(ligand.mol)
    mol.RemoveAllConformers()
    mol.AddConformer(_conformer(ligand.positions), assignId=True)
    return mol


def _protein(pocket: Protein) -> Chem.Mol:
    """The pocket with bonds, and charges by rule; residue k of it has the number k + 1.

    Metals are atoms by themselves. What is no amino acid and cannot be made a molecule of is left out.
    """
    metal = pocket.residue_kinds == ResidueKind.METAL
    amino = pocket.residue_kinds == ResidueKind.AMINO_ACID
    mol = _from_rows(pocket, np.flatnonzero(~metal))
    if mol is None:
        mol = _from_rows(pocket, np.flatnonzero(amino))
    if mol is None:
        raise StructureError(
            "RDKit cannot make a molecule of the pocket.", "Look for atoms that lie on each other.", "unreadable"
        )
    for row in np.flatnonzero(metal).tolist():
        for atom in np.flatnonzero(pocket.atom_residue == row).tolist():
            mol = _with_metal(mol, pocket, row, atom)
    return mol


def _from_rows(pocket: Protein, rows: np.ndarray) -> Chem.Mol | None:
    atoms = np.flatnonzero(np.isin(pocket.atom_residue, rows))
    lines = [
        f"{'ATOM' if pocket.residue_kinds[row] == ResidueKind.AMINO_ACID else 'HETATM':<6}{serial % 100000:5d} "
        f"{_padded(str(pocket.atom_names[atom]), _symbol(pocket, atom)):<4} {pocket.residue_names[row][:3]:>3} A"
        f"{row + 1:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00          {_symbol(pocket, atom).upper():>2}"
        for serial, (atom, row, (x, y, z)) in enumerate(
            zip(atoms.tolist(), pocket.atom_residue[atoms].tolist(), pocket.positions[atoms].tolist(), strict=True), 1
        )
    ]
    mol = Chem.MolFromPDBBlock("\n".join([*lines, "END"]), sanitize=False, removeHs=False, proximityBonding=True)
    if mol is None:
        return None
    _charge(mol)
    return mol if Chem.SanitizeMol(mol, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE else None


def _charge(mol: Chem.Mol) -> None:
    """Charges acids and bases: of an acid the oxygen of the single bond, of arginine the nitrogen of the double one."""
    charges = _CHARGED | _CHARGED_GLU
    for atom in mol.GetAtoms():
        info = atom.GetPDBResidueInfo()
        charge = charges.get((info.GetResidueName().strip(), info.GetName().strip()), 0)
        double = any(bond.GetBondType() == Chem.BondType.DOUBLE for bond in atom.GetBonds())
        lysine = info.GetResidueName().strip() == "LYS"
        if (charge > 0 and (double or lysine)) or (charge < 0 and not double):
            atom.SetFormalCharge(charge)


def _with_metal(mol: Chem.Mol, pocket: Protein, row: int, atom: int) -> Chem.Mol:
    """The molecule and one more atom."""
    work = Chem.RWMol(mol)
    ion = Chem.Atom(_symbol(pocket, atom))
    name = _padded(str(pocket.atom_names[atom]), _symbol(pocket, atom))
    ion.SetMonomerInfo(
        Chem.AtomPDBResidueInfo(
            name, residueName=str(pocket.residue_names[row])[:3], residueNumber=row + 1, chainId="A", isHeteroAtom=True
        )
    )
    ion.SetNoImplicit(True)
    place = work.AddAtom(ion)
    work.GetConformer().SetAtomPosition(place, Point3D(*pocket.positions[atom].tolist()))
    done = work.GetMol()
    Chem.SanitizeMol(done)
    return done


def _symbol(pocket: Protein, atom: int) -> str:
    return str(Chem.GetPeriodicTable().GetElementSymbol(int(pocket.elements[atom])))


def _padded(name: str, element: str) -> str:
    """A PDB atom name in its four columns."""
    return name[:4] if len(name) >= 4 or len(element) == 2 else f" {name}"


def _conformer(positions: np.ndarray) -> Chem.Conformer:
    conformer = Chem.Conformer(len(positions))
    for atom, place in enumerate(positions.tolist()):
        conformer.SetAtomPosition(atom, Point3D(*place))
    return conformer

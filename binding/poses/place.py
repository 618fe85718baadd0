"""3D poses of ligands on a posed reference: the shared core is held, the rest fitted to the rigid pocket.

Lengths in Å, energies in kcal/mol. A pose is a model: ``core_coverage`` says how much of it the reference determines,
``clashes`` what could not be fitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from binding.constants import METALS
from binding.errors import LigandError, UsageError
from binding.graph.checks import check_complex
from binding.graph.replaced import replaced_by
from binding.graph.site import PocketSpec, left_out, select_pocket
from binding.io.ligand import BadRecord, prepare_ligand, read_ligands
from binding.poses.conformers import CoreShape, embed
from binding.poses.core import FEWEST_CORE_ATOMS, CoreMapping, find_mappings
from binding.poses.poser import Pose, Poser, Posing
from binding.poses.relax import RelaxedPose, Relaxer
from binding.poses.states import State
from binding.poses.torsions import rotatable_bonds
from binding.poses.vina import CUTOFF, AtomTypes, affinity, ligand_types, protein_types
from binding.score.plausibility import PoseChecks
from binding.structures import Complex, Ligand, Protein

MOST_ATOMS = 120  # heavy atoms of a ligand that is placed
CLASH_SHARE = 0.7  # of the sum of Vina's radii; heavy atoms that are closer clash (2.66 Å for two carbons)

# A pose is good enough to train on if all four hold; docs/how-to/place.md says how they were chosen.
GOOD_COVERAGE = 0.5  # least share of the ligand's heavy atoms in the core
GOOD_CORE_RMSD = 0.7  # Å, at most
GOOD_CLASHES = 0  # at most
GOOD_SCORE = -3.0  # kcal/mol, at most

_AROUND = 20.0  # Å about the reference: the part of the protein that a larger ligand may reach
_REFERENCES_TRIED = 3  # of several, the most similar by fingerprint
_CONFORMERS = (3, 1, 10)  # at least, more for each rotatable bond outside the core, at most
_SETTLED = 6  # starts that are relaxed a little, over all mappings
_REFINED = 2  # poses that are relaxed in full


@dataclass(frozen=True, eq=False)
class Placed:
    """A ligand on its reference.

    Attributes:
        mol: Heavy atoms only, one conformer: the pose.
        reference: Name of the reference ligand.
        core_atoms: Heavy atoms in the shared core.
        core_coverage: Share of the ligand's heavy atoms in the core, 0 to 1.
        core_rmsd: RMSD of the core from the reference, Å.
        clashes: Pairs of a ligand atom and a protein atom closer than ``CLASH_SHARE`` of their radii (metals
            excepted).
        score: Vina's affinity of the pose, kcal/mol; lower is better.
        conformers: Number of conformers tried.
        notes: Decisions, one sentence each.
        checks: Values of the columns of the placer's ``checks``.
    """

    mol: Chem.Mol
    reference: str
    core_atoms: int
    core_coverage: float
    core_rmsd: float
    clashes: int
    score: float
    conformers: int
    notes: tuple[str, ...] = ()
    checks: Mapping[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether the pose is good enough to train on, by the thresholds of this module."""
        return (
            self.core_coverage >= GOOD_COVERAGE
            and self.core_rmsd <= GOOD_CORE_RMSD
            and self.clashes <= GOOD_CLASHES
            and self.score <= GOOD_SCORE
        )


class Placer:
    """Places ligands on reference ligands in one pocket.

    Args:
        protein: The receptor; residues that overlap a reference are left out.
        references: Posed ligands in its frame; each ligand takes the one that shares the largest core.
        seed: Random seed of the conformers; the same seed gives the same poses.
        least_coverage: Smallest share of a ligand's heavy atoms in the core; poses with less are not built.
        checks: The tests of plausibility that each pose goes through; none if None.

    Raises:
        UsageError: There is no reference.
        ContactError: A reference touches no residue.
        LigandError: ``too_large`` reference.
    """

    def __init__(
        self,
        protein: Protein,
        references: Sequence[Ligand],
        *,
        seed: int = 0,
        least_coverage: float = 0.0,
        checks: PoseChecks | None = None,
    ) -> None:
        if not references:
            raise UsageError("There is no reference ligand.", "Give a file with a posed ligand.")
        self.references = tuple(references)
        self.seed, self.least_coverage, self.checks = seed, least_coverage, checks
        self._fingerprints = [_fingerprint(reference.mol) for reference in self.references]
        self._pockets: list[tuple[np.ndarray, AtomTypes, np.ndarray]] = []
        self._left_out: list[tuple[str, ...]] = []
        self._around: list[Protein] = []
        for reference in self.references:
            pocket = select_pocket(protein, reference, PocketSpec(cutoff=_AROUND))
            check_complex(Complex(reference.name, pocket, reference))
            self._left_out.append(left_out(protein, replaced_by(protein, reference.positions)))
            self._around.append(pocket)
            metal = np.isin(pocket.elements, list(METALS))
            self._pockets.append((pocket.positions, protein_types(pocket), metal))

    def place(self, mol: Chem.Mol, name: str) -> Placed:
        """Place one ligand.

        Args:
            mol: Sanitized, one fragment; hydrogens and conformers are not used, stereo tags are.
            name: For messages.

        Raises:
            LigandError: ``too_large``, ``no_common_core``, ``small_core`` or ``embedding_failed``.
        """
        with rdBase.BlockLogs():
            mol = Chem.RemoveHs(mol)
        mol.RemoveAllConformers()
        if mol.GetNumAtoms() > MOST_ATOMS:
            raise LigandError(
                f"Ligand {name} has {mol.GetNumAtoms()} heavy atoms; at most {MOST_ATOMS} can be placed.",
                "Dock it with a program for peptides.",
                "too_large",
            )
        row, mappings = self._mappings(mol, name)
        if mappings[0].size < self.least_coverage * mol.GetNumAtoms():
            raise LigandError(
                f"Only {mappings[0].size} of {mol.GetNumAtoms()} atoms of ligand {name} are in the shared core.",
                "Give a more similar reference ligand.",
                "small_core",
            )
        starts = self._conformers(mol, mappings, self.references[row], name)
        settled = []
        for mapping, batch in zip(mappings, starts, strict=True):
            relaxer = self._relaxer(mol, mapping, batch, row)
            share = max(_SETTLED // len(mappings), 2)
            settled += [(pose, mapping, relaxer) for pose in relaxer.settle(batch, share)]
        settled.sort(key=lambda item: item[0].energy)
        refined = [(relaxer.refine(pose), mapping) for pose, mapping, relaxer in settled[:_REFINED]]
        pose, mapping = min(refined, key=lambda item: item[0].energy)
        notes = [*self._left_out[row]]
        differing = mapping.size - sum(mapping.alike)
        if differing:
            notes.append(f"{differing} core atom{'s' if differing > 1 else ''} of another type than the reference's")
        return self._placed(mol, row, pose, mapping, sum(map(len, starts)), tuple(notes))

    def _mappings(self, mol: Chem.Mol, name: str) -> tuple[int, list[CoreMapping]]:
        """The reference with the largest core, and the ways to superpose the ligand on it."""
        alike = DataStructs.BulkTanimotoSimilarity(_fingerprint(mol), self._fingerprints)
        nearest = sorted(range(len(alike)), key=lambda row: -alike[row])[:_REFERENCES_TRIED]
        found = [(row, find_mappings(self.references[row].mol, mol)) for row in nearest]
        row, mappings = max(found, key=lambda item: item[1][0].size if item[1] else 0)
        if not mappings:
            raise LigandError(
                f"Ligand {name} shares no core of {FEWEST_CORE_ATOMS} atoms with {self.references[nearest[0]].name}.",
                "Give a reference ligand of the same series.",
                "no_common_core",
            )
        return row, mappings

    def _conformers(self, mol: Chem.Mol, mappings: list[CoreMapping], reference: Ligand, name: str) -> list[np.ndarray]:
        """(starts, atoms, 3) of each mapping: the same conformers, their cores shaped as the reference's."""
        fewest, more, most = _CONFORMERS
        core = set(mappings[0].ligand)
        outside = sum(not core.issuperset(bond) for bond in rotatable_bonds(mol))
        count = min(fewest + more * outside, most)
        shapes = [CoreShape(mol, mapping, reference) for mapping in mappings]
        for tries in (count, most):  # rings of the core that fold in another way each time need more of them
            conformers = embed(mol, tries, self.seed)
            if not len(conformers):
                raise LigandError(
                    f"No conformer of ligand {name} could be built.",
                    "Check its stereochemistry and its rings.",
                    "embedding_failed",
                )
            fitted = [[shape.fit(conformer) for conformer in conformers] for shape in shapes]
            grafted = [
                [start for start in map(shape.graft, batch) if start is not None]
                for shape, batch in zip(shapes, fitted, strict=True)
            ]
            if any(grafted):
                break
        return [np.array([*some, *others]) for some, others in zip(fitted, grafted, strict=True)]

    def _relaxer(self, mol: Chem.Mol, mapping: CoreMapping, starts: np.ndarray, row: int) -> Relaxer:
        positions, types, _ = self._pockets[row]
        reach, _ = cKDTree(starts.reshape(-1, 3)).query(positions, distance_upper_bound=CUTOFF)
        near = np.flatnonzero(np.isfinite(reach))
        core = np.array(mapping.ligand)
        targets = self.references[row].positions[list(mapping.reference)]
        return Relaxer(mol, core, targets, positions[near], types.take(near))

    def _placed(
        self, mol: Chem.Mol, row: int, pose: RelaxedPose, mapping: CoreMapping, count: int, notes: tuple[str, ...]
    ) -> Placed:
        positions, types, metal = self._pockets[row]
        away = pose.positions[list(mapping.ligand)] - self.references[row].positions[list(mapping.reference)]
        placed = Chem.Mol(mol)
        conformer = Chem.Conformer(mol.GetNumAtoms())
        conformer.SetPositions(pose.positions)
        placed.AddConformer(conformer, assignId=True)
        checked: Mapping[str, Any] = {}
        if self.checks is not None:
            name = self.references[row].name
            checked = self.checks.of(Complex(name, self._around[row], prepare_ligand(placed, name)))
        return Placed(
            mol=placed,
            reference=self.references[row].name,
            core_atoms=mapping.size,
            core_coverage=mapping.size / mol.GetNumAtoms(),
            core_rmsd=float(np.sqrt((away**2).sum(axis=1).mean())),
            clashes=clash_count(pose.positions, ligand_types(mol), positions, types, metal),
            score=affinity(pose.intermolecular, rdMolDescriptors.CalcNumRotatableBonds(mol)),
            conformers=count,
            notes=notes,
            checks=checked,
        )


def read_references(path: str | Path) -> list[Ligand]:
    """The posed reference ligands of a file.

    Raises:
        BindingError: A record cannot be read.
    """
    found = []
    for record in read_ligands(path):
        if isinstance(record, BadRecord):
            raise record.error
        found.append(record)
    return found


class PlacePoser(Poser):
    """``place``: superposes each compound on a posed ligand of the same series; one pose each.

    Needs ``Posing.reference``. Tags each pose with ``place_reference``, ``place_core_coverage``, ``place_core_rmsd``,
    ``place_clashes`` and ``place_score``; see ``Placed``.
    """

    part_size = 32

    def __init__(self, protein: Protein, pocket: PocketSpec, posing: Posing) -> None:
        self._placer = Placer(protein, self._references(posing), seed=posing.seed)

    @staticmethod
    def _references(posing: Posing) -> list[Ligand]:
        if posing.reference is None:
            raise UsageError("Placing needs a reference ligand.", "Give its file with --place-on.")
        if not (references := read_references(posing.reference)):
            raise UsageError(f"{posing.reference} holds no ligand.", "Give a file with a posed ligand.")
        return references

    @classmethod
    def check(cls, posing: Posing, pocket: PocketSpec) -> None:
        cls._references(posing)

    def pose(self, state: State, name: str) -> list[Pose]:
        placed = self._placer.place(state.mol, name)
        tags = {
            "place_reference": placed.reference,
            "place_core_coverage": f"{placed.core_coverage:.3f}",
            "place_core_rmsd": f"{placed.core_rmsd:.3f}",
            "place_clashes": str(placed.clashes),
            "place_score": f"{placed.score:.3f}",
        }
        return [Pose(placed.mol, tags, placed.notes)]


def clash_count(
    ligand: np.ndarray, ligand_kinds: AtomTypes, protein: np.ndarray, protein_kinds: AtomTypes, metal: np.ndarray
) -> int:
    """Pairs of a ligand atom and a protein atom closer than ``CLASH_SHARE`` of the sum of their radii.

    Args:
        ligand: (n, 3) Å.
        ligand_kinds: Types of the ligand's atoms.
        protein: (m, 3) Å.
        protein_kinds: Types of the protein's atoms.
        metal: (m,) bool, atoms that do not count, since their ligands are close.
    """
    closest = CLASH_SHARE * (ligand_kinds.radii[:, None] + protein_kinds.radii[None, ~metal])
    return int((cdist(ligand, protein[~metal]) < closest).sum())


def _fingerprint(mol: Chem.Mol) -> DataStructs.ExplicitBitVect:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024).GetFingerprint(mol)

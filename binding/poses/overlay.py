"""A ligand of known bound conformation, superposed on ligands that bind to the same protein.

The conformation is kept (apart from what clashes with the pocket); its position and orientation are searched. Lengths
in Å, energies in kcal/mol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors, rdShapeAlign
from scipy.spatial import cKDTree

from binding.constants import METALS
from binding.errors import LigandError, UsageError
from binding.poses.conformers import superpose
from binding.poses.core import CoreMapping, find_mappings
from binding.poses.place import clash_count
from binding.poses.relax import Hold, RelaxedPose, Relaxer
from binding.poses.vina import CUTOFF, affinity, ligand_types, protein_types
from binding.structures import Ligand, Protein

#: A pose is good enough to train on where it was found in the template's own frame, or where the overlay and the score
#: are at least this good. docs/how-to/place.md tells how often such a pose is within 2 Å of the truth.
GOOD_OVERLAP = 0.75  # of shape and of features, their sum (2 for a ligand on itself); less means nothing
GOOD_SCORE_PER_ATOM = -0.25  # kcal/mol for each heavy atom between ligand and protein, at most
GOOD_CLASHES = 1  # at most
FRAME_SCORE_PER_ATOM = -0.2  # kcal/mol; a ligand that fits as well where its own file has it lies there

_SAME_FRAME = 5.0  # Å between the centres of two ligands whose crystals may share a frame
_FRAMES_TRIED = 4
_OVERLAID = 40  # templates, the most similar by fingerprint
_TEMPLATES = 3  # of these, by overlap
_KEPT = 0.6  # of the core's atoms, where some bond of it is turned another way
_FEWEST_KEPT, _TURNED = 5, 1.0  # atoms; Å
_RELAXED = 3  # starts
_STEPS, _LAST_STEPS = 12, 40
_OVERLAP_WEIGHT = 2.0  # kcal/mol for each unit of overlap, between starts
_HOLD = Hold(0.5, 0.5)
_REACH = 2.0  # Å that an atom may move


@dataclass(frozen=True, eq=False)
class Overlaid:
    """A ligand in the pocket of another.

    Attributes:
        mol: Heavy atoms only, one conformer: the pose.
        template: Name of the template, the ligand that the pocket belongs to.
        way: ``frame`` (the position in its own file, since the crystals share a frame), ``core`` (shared atoms) or
            ``shape`` (volume and features).
        similarity: Tanimoto of the two molecules, Morgan radius 2, 2048 bits.
        overlap: Overlap of the two poses in shape and features, 0 to 2.
        core_coverage: Share of the ligand's heavy atoms in the shared core; 0 where there is none or, for
            ``frame``, where it was not looked for.
        core_rmsd: RMSD of the core from the template, Å; NaN without a core.
        clashes: As in ``binding.poses.place.Placed``.
        score: Vina's affinity of the pose, kcal/mol.
        score_per_atom: Energy between ligand and protein for each heavy atom, kcal/mol.
        moved: Root mean square displacement from the initial overlay, Å.
        turned: Whether bonds were turned to make room.
    """

    mol: Chem.Mol
    template: str
    way: str
    similarity: float
    overlap: float
    core_coverage: float
    core_rmsd: float
    clashes: int
    score: float
    score_per_atom: float
    moved: float
    turned: bool

    @property
    def good(self) -> bool:
        """Whether the pose is good enough to train on, by the thresholds of this module."""
        return is_good(self.way, self.overlap, self.score_per_atom, self.clashes)


def is_good(way: str, overlap: float, score_per_atom: float, clashes: float) -> bool:
    """Whether a pose with these columns of ``Overlaid`` is good enough to train on."""
    if way == "frame":
        return score_per_atom <= FRAME_SCORE_PER_ATOM and clashes <= GOOD_CLASHES
    return overlap >= GOOD_OVERLAP and score_per_atom <= GOOD_SCORE_PER_ATOM and clashes <= GOOD_CLASHES


class Template:
    """A bound ligand and its pocket.

    Args:
        name: Name of the complex.
        ligand: The bound ligand, in the protein's frame.
        protein: The pocket and its surroundings.
    """

    def __init__(self, name: str, ligand: Ligand, protein: Protein) -> None:
        self.name, self.ligand = name, ligand
        self.positions, self.types = protein.positions, protein_types(protein)
        self.metal = np.isin(protein.elements, list(METALS))
        self.fingerprint = _fingerprint(ligand.mol)
        self.centre = ligand.positions.mean(axis=0)


@dataclass(frozen=True, eq=False)
class _StartPose:
    template: int
    way: str
    positions: np.ndarray
    mapping: CoreMapping | None = None


class Overlayer:
    """Superposes ligands of known conformation on the bound ligands of one protein.

    Args:
        templates: Bound ligands and their pockets, each in its own frame.

    Raises:
        UsageError: There is no template.
    """

    def __init__(self, templates: Sequence[Template]) -> None:
        if not templates:
            raise UsageError("There is no bound ligand to superpose others on.", "Give at least one.")
        self.templates = list(templates)

    def overlay(self, ligand: Ligand) -> Overlaid:
        """The best pose of one ligand.

        Args:
            ligand: In its bound conformation, in any frame.

        Raises:
            LigandError: ``no_overlay``: no template fits.
        """
        return self._in_frame(ligand) or self._laid(ligand)

    def _in_frame(self, ligand: Ligand) -> Overlaid | None:
        """The ligand at the position of its own file, if it fits a template's pocket there."""
        centre = ligand.positions.mean(axis=0)
        alike = self._similarities(ligand)
        near = [k for k, t in enumerate(self.templates) if np.linalg.norm(t.centre - centre) <= _SAME_FRAME]
        near.sort(key=lambda k: -alike[k])
        found = [self._relax(ligand, _StartPose(k, "frame", ligand.positions)) for k in near[:_FRAMES_TRIED]]
        return min((pose for pose in found if pose.good), key=lambda pose: pose.score, default=None)

    def _laid(self, ligand: Ligand) -> Overlaid:
        starts = self._starts(ligand)
        if not starts:
            raise LigandError(f"Ligand {ligand.name} can be laid on no bound ligand.", "Dock it instead.", "no_overlay")
        weighed = sorted(starts, key=lambda start: self._relaxer(ligand, start).weigh(start.positions).energy)
        found = [self._relax(ligand, start) for start in weighed[:_RELAXED]]
        atoms = ligand.mol.GetNumAtoms()
        best = min(
            range(len(found)), key=lambda k: found[k].score_per_atom * atoms - _OVERLAP_WEIGHT * found[k].overlap
        )
        if found[best].clashes:
            turned = self._relax(ligand, weighed[best], turning=True)
            if turned.clashes < found[best].clashes:
                return turned
        return found[best]

    def _similarities(self, ligand: Ligand) -> list[float]:
        fingerprints = [template.fingerprint for template in self.templates]
        return DataStructs.BulkTanimotoSimilarity(_fingerprint(ligand.mol), fingerprints)

    def _starts(self, ligand: Ligand) -> list[_StartPose]:
        """Overlays by shape and by shared cores on the templates that overlap most.

        Raises:
            LigandError: ``no_overlay``.
        """
        alike = self._similarities(ligand)
        order = sorted(range(len(alike)), key=lambda k: -alike[k])[:_OVERLAID]
        laid = []
        for k in order:
            probe = Chem.Mol(ligand.mol)
            shape, features = rdShapeAlign.AlignMol(self.templates[k].ligand.mol, probe, opt_param=0.5)
            laid.append((shape + features, _StartPose(k, "shape", probe.GetConformer().GetPositions())))
        laid.sort(key=lambda item: -item[0])
        if laid[0][0] < GOOD_OVERLAP:
            raise LigandError(
                f"Ligand {ligand.name} is like none of the bound ligands in shape and features.",
                "Dock it instead.",
                "no_overlay",
            )
        starts = [start for _, start in laid[:_TEMPLATES]]
        for k in sorted({start.template for start in starts}):
            template = self.templates[k].ligand
            for mapping in find_mappings(template.mol, ligand.mol):
                starts += [_StartPose(k, "core", x, mapping) for x in _on_core(ligand, template, mapping)]
        return starts

    def _relaxer(self, ligand: Ligand, start: _StartPose, *, turning: bool = False) -> Relaxer:
        template = self.templates[start.template]
        reach, _ = cKDTree(start.positions).query(template.positions, distance_upper_bound=CUTOFF + _REACH)
        near = np.flatnonzero(np.isfinite(reach))
        atoms = np.arange(len(start.positions))
        types = template.types.take(near)
        return Relaxer(ligand.mol, atoms, start.positions, template.positions[near], types, hold=_HOLD, turning=turning)

    def _relax(self, ligand: Ligand, start: _StartPose, *, turning: bool = False) -> Overlaid:
        relaxer = self._relaxer(ligand, start, turning=turning)
        pose = relaxer.descend(start.positions, _LAST_STEPS if turning else _STEPS)
        return self._overlaid(ligand, start, pose, turning)

    def _overlaid(self, ligand: Ligand, start: _StartPose, pose: RelaxedPose, turned: bool) -> Overlaid:
        template = self.templates[start.template]
        mol = Chem.Mol(ligand.mol)
        mol.GetConformer().SetPositions(pose.positions)
        options = rdShapeAlign.ShapeInputOptions()
        shape, features = rdShapeAlign.ScoreMol(template.ligand.mol, Chem.Mol(mol), options, options)
        coverage, rmsd = 0.0, float("nan")
        if start.mapping is not None:
            coverage = start.mapping.size / mol.GetNumAtoms()
            rmsd = _rms(
                pose.positions[list(start.mapping.ligand)], template.ligand.positions[list(start.mapping.reference)]
            )
        rotors = rdMolDescriptors.CalcNumRotatableBonds(mol)
        return Overlaid(
            mol=mol,
            template=template.name,
            way=start.way,
            similarity=DataStructs.TanimotoSimilarity(_fingerprint(mol), template.fingerprint),
            overlap=shape + features,
            core_coverage=coverage,
            core_rmsd=rmsd,
            clashes=clash_count(pose.positions, ligand_types(mol), template.positions, template.types, template.metal),
            score=affinity(pose.intermolecular, rotors),
            score_per_atom=pose.intermolecular / mol.GetNumAtoms(),
            moved=_rms(pose.positions, start.positions),
            turned=turned,
        )


def _on_core(ligand: Ligand, template: Ligand, mapping: CoreMapping) -> list[np.ndarray]:
    """(atoms, 3) Å of the ligand superposed on the whole core, and on the part of it that has the template's shape."""
    mine, theirs = list(mapping.ligand), list(mapping.reference)
    points, targets = ligand.positions[mine], template.positions[theirs]
    laid = superpose(ligand.positions, points, targets)
    away = np.linalg.norm(laid[mine] - targets, axis=1)
    kept = max(_FEWEST_KEPT, int(_KEPT * len(mine)))
    if away.max() <= _TURNED or len(mine) <= kept:
        return [laid]
    for _ in range(4):
        nearest = np.argsort(away, kind="stable")[:kept]
        part = superpose(ligand.positions, points[nearest], targets[nearest])
        away = np.linalg.norm(part[mine] - targets, axis=1)
    return [laid, part]


def _rms(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.sqrt(((first - second) ** 2).sum(axis=1).mean()))


def _fingerprint(mol: Chem.Mol) -> DataStructs.ExplicitBitVect:
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048).GetFingerprint(mol)

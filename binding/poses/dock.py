"""Poses of a ligand in a rigid receptor by AutoDock Vina. Lengths in Å, energies in kcal/mol.

Eberhardt et al. 2021, doi:10.1021/acs.jcim.1c00203. Vina's Python package and meeko come with ``binding[dock]``.

The receptor's PDBQT is written here and not by meeko: meeko needs every hydrogen and a template of each residue, which
cofactors, modified residues and incomplete side chains do not have. Vina's function reads from hydrogens only
whether an atom gives a hydrogen bond, never where they lie, so that one hydrogen on each donor is all it needs.
Donors and acceptors are those of ``binding.poses.vina``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from scipy.spatial import cKDTree

from binding.constants import METALS
from binding.errors import LigandError, StructureError, UsageError
from binding.graph.replaced import replaced_by
from binding.graph.site import PocketSpec, left_out
from binding.poses.embedding import embed
from binding.poses.poser import DOCK_SPEEDS, Pose, Poser, Posing
from binding.poses.states import State
from binding.poses.vina import CUTOFF, protein_types
from binding.structures import Protein

EXHAUSTIVENESS = DOCK_SPEEDS["normal"]  # Vina's own default
NUM_POSES = 3
ENERGY_RANGE = 3.0  # kcal/mol above the best pose, Vina's default
SPACING = 0.375  # Å, of Vina's maps, its default
MARGIN = 4.0  # Å about a reference ligand on each side
LEAST_SIDE = 20.0  # Å; a compound may be larger than the reference
MOST_SIDE = 60.0  # Å; beyond, the map takes gigabytes and the search finds nothing

_DISTINCT = 1.0  # Å RMSD between poses, Vina's default
_HYDROGEN_BOND_LENGTH = 1.0  # Å, from donor to its hydrogen
_NEIGHBOURS = 2.2  # Å: atoms that the hydrogen points away from
_PARSED = {9: "F", 14: "Si", 15: "P", 17: "Cl", 35: "Br", 53: "I"}
_EXTRA = "pip install 'binding[dock]'"


@dataclass(frozen=True)
class Box:
    """The search box, with edges along the axes.

    Attributes:
        center: x, y, z in Å.
        size: Full lengths of the edges, Å.
    """

    center: tuple[float, float, float]
    size: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not np.isfinite([*self.center, *self.size]).all() or min(self.size) <= 0 or max(self.size) > MOST_SIDE:
            raise UsageError(
                f"The docking box has edges of {', '.join(f'{edge:g}' for edge in self.size)} Å.",
                f"Edges are positive and at most {MOST_SIDE:g} Å.",
            )

    @classmethod
    def about(cls, positions: np.ndarray) -> Box:
        """The box about a reference ligand: its extent and ``MARGIN`` on each side, ``LEAST_SIDE`` at least.

        Args:
            positions: (atoms, 3) Å.
        """
        low, high = positions.min(axis=0), positions.max(axis=0)
        x, y, z = ((low + high) / 2).tolist()
        a, b, c = np.maximum(high - low + 2 * MARGIN, LEAST_SIDE).tolist()
        return cls((x, y, z), (a, b, c))

    @classmethod
    def of_radius(cls, center: tuple[float, float, float], radius: float) -> Box:
        """The cube that holds a sphere, Å."""
        return cls(center, (2 * radius, 2 * radius, 2 * radius))


@dataclass(frozen=True, eq=False)
class DockedPose:
    """One pose.

    Attributes:
        mol: Heavy atoms only, one conformer, in the receptor's frame.
        score: Vina's affinity, kcal/mol; lower is better.
        energy: The objective of the search (intermolecular and intramolecular), kcal/mol. ``score``
            is relative to the best pose of its search; this compares poses of several searches of one ligand.
    """

    mol: Chem.Mol
    score: float
    energy: float


def require_engine() -> None:
    """Check that the docking engine is installed, before anything is computed.

    Raises:
        UsageError: ``missing_extra``.
    """
    missing = [name for name in ("vina", "meeko") if find_spec(name) is None]
    if missing:
        raise UsageError(f"Docking needs {' and '.join(missing)}.", f"Install with {_EXTRA}.", "missing_extra")


class Docker:
    """Docks ligands into one box of one rigid receptor, in this process, with one thread.

    The maps are computed once, at the first ligand, by each process for itself: Vina hands maps on as text files, whose
    writing and reading take longer than the maps. A ligand's poses depend on the receptor, the box, the
    settings and the ligand alone, not on what was docked before.

    Args:
        protein: The receptor.
        box: Where to search.
        reference: (atoms, 3) Å of a ligand whose place is searched; what lies there is left out of the receptor.
        seed: Random seed of conformer and search, 0 or more.
        exhaustiveness: Vina exhaustiveness (searches per ligand); run time scales with it.
        num_poses: Maximum number of poses of a ligand.
        max_evals: Evaluations of the scoring function in each search; 0 for Vina's own rule, by the size of the ligand.
        energy_range: Largest difference from the best pose, kcal/mol.
        spacing: Grid spacing of the maps, Å; coarser maps are faster to compute.

    Attributes:
        notes: What was left out of the receptor, one sentence each.

    Raises:
        UsageError: ``missing_extra``.
        StructureError: ``no_residue``, where the receptor has no atom in reach of the box.
    """

    def __init__(
        self,
        protein: Protein,
        box: Box,
        *,
        reference: np.ndarray | None = None,
        seed: int = 0,
        exhaustiveness: int = EXHAUSTIVENESS,
        num_poses: int = NUM_POSES,
        max_evals: int = 0,
        energy_range: float = ENERGY_RANGE,
        spacing: float = SPACING,
    ) -> None:
        require_engine()
        self.notes: tuple[str, ...] = ()
        if reference is not None:
            replaced = replaced_by(protein, reference)
            self.notes = left_out(protein, replaced)
            protein = protein.select(~replaced)
        self.box = box
        self.seed = seed
        self.exhaustiveness = exhaustiveness
        self.num_poses = num_poses
        self.max_evals = max_evals
        self.energy_range = energy_range
        self.spacing = spacing
        self._receptor = receptor_pdbqt(in_reach(protein, box), np.array(box.center))
        self._vina: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_vina": None}  # the engine is a C++ object: each process makes its own

    def dock(self, mol: Chem.Mol, name: str) -> list[DockedPose]:
        """Dock one ligand from one conformer.

        Rings keep the conformer's shape, except macrocycles, which meeko opens and Vina closes again.

        Args:
            mol: Sanitized, one fragment, in the protonation to be docked.
            name: For messages.

        Returns:
            Poses, best score first.

        Raises:
            LigandError: ``too_large``, ``embedding_failed`` or ``docking_failed``.
        """
        return self.dock_conformer(embed(mol, name, seed=self.seed), name)

    def dock_conformer(self, mol: Chem.Mol, name: str) -> list[DockedPose]:
        """``dock`` from a given conformer, all hydrogens explicit."""
        engine = self._engine()
        with _refused(name):
            engine.set_ligand_from_string(_ligand_pdbqt(mol))
            engine.dock(self.exhaustiveness, self.num_poses, _DISTINCT, self.max_evals)
            text = engine.poses(self.num_poses, self.energy_range)
            scores = engine.energies(self.num_poses, self.energy_range)
            return self._read(text, scores[:, 0], scores[:, 1] + scores[:, 2])

    def minimize(self, mol: Chem.Mol, name: str) -> DockedPose:
        """The nearest minimum of a placed ligand: no search.

        Args:
            mol: All hydrogens explicit, in the receptor's frame and inside the box; its conformer is the start.
            name: For messages.

        Raises:
            LigandError: ``docking_failed``.
        """
        engine = self._engine()
        with _refused(name, "minimized"), tempfile.TemporaryDirectory() as folder:
            engine.set_ligand_from_string(_ligand_pdbqt(self._shifted(mol)))
            total, inter, *_, intra, _, _ = engine.optimize()
            path = Path(folder) / "pose.pdbqt"
            engine.write_pose(str(path))
            return self._read(path.read_text(encoding="ascii"), np.array([total]), np.array([inter + intra]))[0]

    def score(self, mol: Chem.Mol, name: str) -> float:
        """Vina's affinity of a pose as given, without search or minimisation, kcal/mol.

        Args:
            mol: As for ``minimize``.
            name: For messages.

        Raises:
            LigandError: ``docking_failed``.
        """
        engine = self._engine()
        with _refused(name, "scored"):
            engine.set_ligand_from_string(_ligand_pdbqt(self._shifted(mol)))
            return float(engine.score()[0])

    def _shifted(self, mol: Chem.Mol) -> Chem.Mol:
        """The molecule as the engine sees it, with the box at the origin."""
        return _one_conformer(mol, mol.GetConformer().GetPositions() - self.box.center)

    def _read(self, text: str, scores: np.ndarray, energies: np.ndarray) -> list[DockedPose]:
        """Poses from the engine's output, back in the receptor's frame."""
        found = _molecule(text)
        return [
            DockedPose(_one_conformer(found, conformer.GetPositions() + self.box.center), float(score), float(energy))
            for conformer, score, energy in zip(found.GetConformers(), scores, energies, strict=True)
        ]

    def prepare(self) -> None:
        """Compute the maps now instead of at the first ligand."""
        self._engine()

    def _engine(self) -> Any:
        if self._vina is None:
            from vina import Vina

            # Vina takes 0 for "draw a seed", so that ours begin at 1.
            engine = Vina(sf_name="vina", cpu=1, seed=self.seed + 1, verbosity=0)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "receptor.pdbqt"
                path.write_text(self._receptor, encoding="ascii")
                engine.set_receptor(str(path))
            engine.compute_vina_maps([0.0, 0.0, 0.0], list(self.box.size), spacing=self.spacing)
            self._vina = engine
        return self._vina


class DockPoser(Poser):
    """``dock``: AutoDock Vina in the box of the pocket; tags each pose with ``dock_score``, kcal/mol."""

    part_size = 4

    def __init__(self, protein: Protein, pocket: PocketSpec, posing: Posing) -> None:
        self._docker = Docker(
            protein,
            docking_box(pocket),
            reference=pocket.reference,
            seed=posing.seed,
            exhaustiveness=posing.exhaustiveness,
            num_poses=posing.poses,
        )

    @classmethod
    def check(cls, posing: Posing, pocket: PocketSpec) -> None:
        require_engine()
        docking_box(pocket)

    def pose(self, state: State, name: str) -> list[Pose]:
        found = self._docker.dock(state.mol, name)
        return [Pose(pose.mol, {"dock_score": f"{pose.score:.3f}"}, self._docker.notes) for pose in found]


def docking_box(pocket: PocketSpec) -> Box:
    """Where a docking engine searches: around the pocket's reference ligand, or in the cube around its centre.

    Raises:
        UsageError: The pocket has neither.
    """
    if pocket.reference is not None:
        return Box.about(pocket.reference)
    if pocket.center is not None and pocket.radius is not None:
        return Box.of_radius(pocket.center, pocket.radius)
    raise UsageError("Docking needs a box.", "Give --pocket-ligand FILE, or --center X Y Z --radius R.")


@contextmanager
def _refused(name: str, done: str = "docked") -> Iterator[None]:
    """Turns exceptions of Vina and meeko into an error of the ligand; RDKit's messages are suppressed."""
    try:
        with rdBase.BlockLogs():
            yield
    except (RuntimeError, ValueError, TypeError, LookupError) as error:
        raise LigandError(
            f"Ligand {name} could not be {done}: {str(error).strip() or type(error).__name__}.",
            "Check its elements and its size against the box.",
            "docking_failed",
        ) from error


# ---------------------------------------------------------------- receptor


def in_reach(protein: Protein, box: Box) -> Protein:
    """Residues with an atom that Vina's function can reach from the box."""
    half = np.array(box.size) / 2 + CUTOFF
    inside = (np.abs(protein.positions - np.array(box.center)) <= half).all(axis=1)
    keep = np.zeros(protein.num_residues, dtype=bool)
    keep[protein.atom_residue[inside]] = True
    if not keep.any():
        raise StructureError(
            f"No atom of {protein.name} is in reach of the docking box.",
            "Check that box and protein are in the same frame of reference.",
            "no_residue",
        )
    return protein.select(keep)


def receptor_pdbqt(protein: Protein, origin: np.ndarray) -> str:
    """A rigid receptor as Vina reads it: heavy atoms, and one hydrogen on each donor, away from its neighbours.

    Metals are all written as zinc, which is one type to Vina; selenium as sulphur; elements unknown to Vina as carbon.

    Args:
        protein: The residues in reach of the box.
        origin: (3,) Å, subtracted, so that a structure far from the origin fits the columns.

    Returns:
        Lines of a PDBQT file; charges are zero, since Vina's function reads none.
    """
    types = protein_types(protein)
    positions = protein.positions - origin
    metal = np.isin(protein.elements, list(METALS))
    tree = cKDTree(positions)
    lines: list[str] = []

    def add(name: str, row: int, place: np.ndarray, kind: str) -> None:
        residue = int(protein.atom_residue[row])
        x, y, z = place.tolist()
        lines.append(
            f"ATOM  {(len(lines) + 1) % 100_000:5d}  {name[:3]:<3s} {str(protein.residue_names[residue])[:3]:>3s} A"
            f"{residue % 10_000:4d}    {x:8.3f}{y:8.3f}{z:8.3f}{1.0:6.2f}{0.0:6.2f}    {0.0:6.3f} {kind:<2s}"
        )

    for row, element in enumerate(protein.elements.tolist()):
        acceptor = bool(types.acceptor[row])
        add(str(protein.atom_names[row]), row, positions[row], _vina_type(element, acceptor, bool(metal[row])))
        if types.donor[row] and not metal[row]:
            around = [other for other in tree.query_ball_point(positions[row], _NEIGHBOURS) if other != row]
            add("H", row, positions[row] + _away(positions[row], positions[around]), "HD")
    return "\n".join(lines) + "\n"


def _vina_type(element: int, acceptor: bool, metal: bool) -> str:
    if metal:
        return "Zn"
    if element == 7:
        return "NA" if acceptor else "N"
    if element == 8:
        return "OA" if acceptor else "O"
    if element in (16, 34):
        return "S"
    return _PARSED.get(element, "C")


def _away(position: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """(3,) Å, the bond to a hydrogen on the side that the neighbours leave free."""
    direction = np.zeros(3)
    if len(neighbours):
        bonds = position - neighbours
        direction = (bonds / np.maximum(np.linalg.norm(bonds, axis=1, keepdims=True), 1e-6)).sum(axis=0)
    length = float(np.linalg.norm(direction))
    if length < 0.1:  # none, or all around it
        direction, length = np.array([1.0, 0.0, 0.0]), 1.0
    return direction * (_HYDROGEN_BOND_LENGTH / length)


# ---------------------------------------------------------------- ligand


@lru_cache(maxsize=1)
def _meeko() -> Any:
    """The package, without what its import does to RDKit's messages."""
    import meeko

    rdBase.LogToCppStreams()  # meeko sends them to Python's logging
    return meeko


def _ligand_pdbqt(mol: Chem.Mol) -> str:
    meeko = _meeko()
    setups = meeko.MoleculePreparation(charge_model="zero").prepare(mol)
    text, good, reason = meeko.PDBQTWriterLegacy.write_string(setups[0])
    if not good:
        raise ValueError(reason)
    return str(text)


def _molecule(text: str) -> Chem.Mol:
    """All poses of one ligand as conformers of one molecule, heavy atoms only."""
    meeko = _meeko()
    found = meeko.RDKitMolCreate.from_pdbqt_mol(meeko.PDBQTMolecule(text, skip_typing=True))
    if not found or found[0] is None:
        raise ValueError("its poses cannot be read back")
    return Chem.RemoveHs(found[0])


def _one_conformer(mol: Chem.Mol, positions: np.ndarray) -> Chem.Mol:
    single = Chem.Mol(mol)
    single.RemoveAllConformers()
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(positions)
    single.AddConformer(conformer, assignId=True)
    return single

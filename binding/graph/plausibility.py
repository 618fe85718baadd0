"""Is a pose physically plausible? PoseBusters' tests of a docked pose, in its words, fast enough for a screen.

The tests that need a force field are left to the `posebusters` package; see ``binding.score.checks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdShapeHelpers
from rdkit.Geometry import Point3D
from scipy.spatial.distance import cdist, pdist, squareform

from binding.errors import ConfigError, FileError
from binding.structures import Complex, Ligand, Protein, ResidueKind

#: Names of the tests, as PoseBusters prints them in lower case.
CHECKS: Final = (
    "all_atoms_connected",
    "no_radicals",
    "bond_lengths",
    "bond_angles",
    "internal_steric_clash",
    "aromatic_ring_flatness",
    "non_aromatic_ring_non_flatness",
    "double_bond_flatness",
    "protein_ligand_maximum_distance",
    "minimum_distance_to_protein",
    "minimum_distance_to_organic_cofactors",
    "minimum_distance_to_inorganic_cofactors",
    "volume_overlap_with_protein",
)
_AROMATIC: Final = (
    "[ar5^2]1[ar5^2][ar5^2][ar5^2][ar5^2]1",
    "[ar6^2]1[ar6^2][ar6^2][ar6^2][ar6^2][ar6^2]1",
)
_DOUBLE: Final = ("[C;X3;^2](*)(*)=[C;X3;^2](*)(*)",)
#: Ends of conjugated groups (carboxylate, nitro, amidine), whose two bonds a file may tell either way.
_CONJUGATED_END: Final = "[O,N;D1;$([O,N;D1]-[*]=[O,N;D1]),$([O,N;D1]=[*]-[O,N;D1])]~[*]"
_NEAR: Final = 6.0  # Å; protein atoms beyond touch nothing
_PROTEIN: Final = (ResidueKind.AMINO_ACID, ResidueKind.NUCLEOTIDE)


@lru_cache(maxsize=4)
def read_thresholds(path: Path | None = None) -> Mapping[str, float]:
    """The limits of the tests, by name; those of the package where ``path`` is None.

    Raises:
        FileError: There is no such file.
        ConfigError: It lacks a threshold, or one is no positive number.
    """
    own = yaml.safe_load((resources.files("binding.graph") / "plausibility.yaml").read_text(encoding="utf-8"))
    if path is None:
        return own
    if not path.is_file():
        raise FileError(f"There is no file of thresholds {path}.", "Copy the one of the package.", "file_not_found")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}.", "Check the indentation and the colons.") from None
    if not isinstance(found, dict) or set(found) != set(own):
        raise ConfigError(
            f"{path} must name these thresholds and no others: {', '.join(own)}.",
            "Copy the file of the package and change its numbers.",
        )
    wrong = [name for name, value in found.items() if not _is_positive(value)]
    if wrong:
        raise ConfigError(
            f"{path}: {', '.join(wrong)} must be a positive number.", "Write it like 1.5, without a unit."
        )
    return {name: float(value) for name, value in found.items()}


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def plausibility(cx: Complex, thresholds: Mapping[str, float] | None = None) -> dict[str, bool]:
    """What passes, by the names of ``CHECKS``; a test that finds nothing to test passes.

    Args:
        cx: Ligand and pocket in one frame, Å, heavy atoms.
        thresholds: As from ``read_thresholds``; the package's by default.

    Reference:
        Buttenschoen, Morris, Deane, Chem. Sci. 2024, 15, 3130 (the tests and their limits).
    """
    limits = read_thresholds() if thresholds is None else thresholds
    ligand, pocket = cx.ligand, cx.pocket
    found = dict.fromkeys(CHECKS, True)
    found["all_atoms_connected"] = len(Chem.GetMolFrags(ligand.mol)) == 1
    found["no_radicals"] = not any(atom.GetNumRadicalElectrons() for atom in ligand.mol.GetAtoms())
    found |= _geometry(ligand, limits)
    flat, double = _planes(ligand, _matches(ligand, _AROMATIC)), _planes(ligand, _matches(ligand, _DOUBLE))
    pucker = _planes(ligand, _saturated_rings(ligand.mol))
    found["aromatic_ring_flatness"] = max(flat, default=0.0) <= limits["aromatic_flatness"]
    found["non_aromatic_ring_non_flatness"] = min(pucker, default=np.inf) >= limits["ring_puckering"]
    found["double_bond_flatness"] = max(double, default=0.0) <= limits["double_bond_flatness"]
    return found | _surroundings(ligand, pocket, limits)


# ---------------------------------------------------------------- the ligand


def _geometry(ligand: Ligand, limits: Mapping[str, float]) -> dict[str, bool]:
    """Lengths, angles and clashes against RDKit's distance-geometry bounds."""
    if ligand.num_atoms < 2:
        return {}
    mol = ligand.mol
    lower, upper, bonded, angled = _bounds(Chem.MolToSmiles(mol, canonical=False), ligand)
    distance = squareform(pdist(ligand.positions))
    too_short = np.maximum(lower - distance, 0.0) / np.maximum(lower, 1e-6)
    too_long = np.maximum(distance - upper, 0.0) / np.maximum(upper, 1e-6)
    worst = np.maximum(too_short, too_long)
    return {
        "bond_lengths": bool((worst[bonded] <= limits["bond_length"]).all()),
        "bond_angles": bool((worst[angled] <= limits["bond_angle"]).all()),
        "internal_steric_clash": bool((too_short[~bonded & ~angled] <= limits["internal_clash"]).all()),
    }


_LAST: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = {}


def _bounds(key: str, ligand: Ligand) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lower and upper bounds (atoms, atoms), Å, symmetric, and which pairs are bonds and angles.

    Poses of one compound follow one another, so that the last answer is kept; ``key`` names atoms in their order.
    """
    if key not in _LAST:
        _LAST.clear()
        _LAST[key] = _make_bounds(ligand.mol)
    return _LAST[key]


def _make_bounds(mol: Chem.Mol) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    matrix = rdDistGeom.GetMoleculeBoundsMatrix(
        mol, set15bounds=True, scaleVDW=True, doTriangleSmoothing=True, useMacrocycle14config=False
    )
    upper = np.triu(matrix, 1)
    lower = np.tril(matrix, -1)
    upper, lower = upper + upper.T, lower + lower.T
    bonded = Chem.GetAdjacencyMatrix(mol).astype(bool)
    angled = ((bonded.astype(int) @ bonded.astype(int)) > 0) & ~bonded & ~np.eye(len(bonded), dtype=bool)
    _widen_ends(mol, lower, upper)
    return lower, upper, bonded, angled


def _widen_ends(mol: Chem.Mol, lower: np.ndarray, upper: np.ndarray) -> None:
    """Gives both bonds of a conjugated end the wider of their bounds, in place."""
    ends: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for pair in mol.GetSubstructMatches(_pattern(_CONJUGATED_END)):
        elements = tuple(sorted(mol.GetAtomWithIdx(atom).GetAtomicNum() for atom in pair))
        ends.setdefault(elements, []).append(pair)
    for pairs in ends.values():
        rows, columns = np.array(pairs).T
        least, most = lower[rows, columns].min(), upper[rows, columns].max()
        lower[rows, columns] = lower[columns, rows] = least
        upper[rows, columns] = upper[columns, rows] = most


def _matches(ligand: Ligand, patterns: tuple[str, ...]) -> list[tuple[int, ...]]:
    return [match for text in patterns for match in ligand.mol.GetSubstructMatches(_pattern(text))]


def _saturated_rings(mol: Chem.Mol) -> list[tuple[int, ...]]:
    """Six-membered rings, not fused, that cannot be flat: at most one double bond and three sp3 atoms or more."""
    rings = mol.GetRingInfo()
    found = []
    for atoms, bonds in zip(rings.AtomRings(), rings.BondRings(), strict=True):
        if len(atoms) != 6 or any(rings.NumAtomRings(atom) > 1 for atom in atoms):
            continue
        orders = [mol.GetBondWithIdx(bond).GetBondType() for bond in bonds]
        sp3 = [mol.GetAtomWithIdx(atom).GetHybridization() == Chem.HybridizationType.SP3 for atom in atoms]
        if sum(order != Chem.BondType.SINGLE for order in orders) <= 1 and sum(sp3) >= 3:
            found.append(tuple(atoms))
    return found


def _planes(ligand: Ligand, groups: list[tuple[int, ...]]) -> list[float]:
    """Å, the farthest atom of each group from the group's plane."""
    return [_off_plane(ligand.positions[list(group)]) for group in groups]


def _off_plane(points: np.ndarray) -> float:
    centred = points - points.mean(axis=0)
    normal = np.linalg.svd(centred)[2][2]
    return float(np.abs(centred @ normal).max())


@cache
def _pattern(smarts: str) -> Chem.Mol:
    return Chem.MolFromSmarts(smarts)


# ---------------------------------------------------------------- around it


def _surroundings(ligand: Ligand, pocket: Protein, limits: Mapping[str, float]) -> dict[str, bool]:
    """Distances to protein, cofactors and metals, and the volume shared with the protein."""
    kinds = pocket.residue_kinds[pocket.atom_residue]
    distance = cdist(ligand.positions, pocket.positions)
    protein = np.isin(kinds, _PROTEIN)
    organic, metal = kinds == ResidueKind.COFACTOR, kinds == ResidueKind.METAL
    mine = _radii()[[atom.GetAtomicNum() for atom in ligand.mol.GetAtoms()]]
    theirs = _radii()[pocket.elements]

    def apart(who: np.ndarray, column: int, share: float) -> bool:
        """Whether no atom of these is closer than the share of the sum of radii."""
        sums = mine[:, column, None] + theirs[None, who, column]
        return bool((distance[:, who] >= share * sums).all())

    nearest = distance[:, protein].min(initial=np.inf)
    return {
        "protein_ligand_maximum_distance": bool(nearest <= limits["farthest_from_protein"]),
        "minimum_distance_to_protein": apart(protein, 0, limits["protein_distance"]),
        "minimum_distance_to_organic_cofactors": apart(organic, 0, limits["protein_distance"]),
        "minimum_distance_to_inorganic_cofactors": apart(metal, 1, limits["metal_distance"]),
        "volume_overlap_with_protein": _overlap(
            ligand, pocket, protein & (distance.min(axis=0, initial=np.inf) <= _NEAR), limits["overlap_radii"]
        )
        <= limits["protein_overlap"],
    }


@cache
def _radii() -> np.ndarray:
    """(119, 2) Å by atomic number: van der Waals and covalent radii."""
    table = Chem.GetPeriodicTable()
    return np.array([(table.GetRvdw(number), table.GetRcovalent(number)) for number in range(119)])


def _overlap(ligand: Ligand, pocket: Protein, near: np.ndarray, radii: float) -> float:
    """Share of the ligand's volume that lies in these pocket atoms."""
    if not near.any():
        return 0.0
    around = Chem.RWMol()
    conformer = Chem.Conformer(int(near.sum()))
    for place, row in enumerate(np.flatnonzero(near).tolist()):
        around.AddAtom(Chem.Atom(int(pocket.elements[row])))
        conformer.SetAtomPosition(place, Point3D(*map(float, pocket.positions[row])))
    around.AddConformer(conformer)
    return float(
        rdShapeHelpers.ShapeTverskyIndex(
            ligand.mol, around.GetMol(), alpha=1.0, beta=0.0, vdwScale=radii, ignoreHs=True
        )
    )

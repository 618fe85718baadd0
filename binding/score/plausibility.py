"""The tests of a pose that ``--checks`` adds to its row: our own fast ones, or those of the ``posebusters`` package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rdkit import Chem
from rdkit.Geometry import Point3D

from binding.errors import UsageError
from binding.graph.plausibility import CHECKS, plausibility, read_thresholds
from binding.io.columns import CHECK_COLUMNS, FAILED_CHECKS, PLAUSIBLE, OutputColumn, check_column
from binding.structures import Complex, Protein, ResidueKind

if TYPE_CHECKING:
    from posebusters import PoseBusters

FAST: Final = "fast"
POSEBUSTERS: Final = "posebusters"
_FAST_NAMES: Final = frozenset({PLAUSIBLE, FAILED_CHECKS, *map(check_column, CHECKS)})
#: Where PoseBusters' settings keep the thresholds: ours, the name of the parameter, and the outcomes of its module.
_SETTINGS: Final = (
    ("bond_length", "threshold_bad_bond_length", "bond_lengths_within_bounds"),
    ("bond_angle", "threshold_bad_angle", "bond_lengths_within_bounds"),
    ("internal_clash", "threshold_clash", "bond_lengths_within_bounds"),
    ("aromatic_flatness", "threshold_flatness", "Aromatic ring flatness"),
    ("ring_puckering", "threshold_flatness", "Non-aromatic ring non-flatness"),
    ("double_bond_flatness", "threshold_flatness", "Double bond flatness"),
    ("farthest_from_protein", "max_distance", "Protein-ligand maximum distance"),
    ("protein_distance", "clash_cutoff", "Minimum distance to protein"),
    ("protein_distance", "clash_cutoff", "Minimum distance to organic cofactors"),
    ("metal_distance", "clash_cutoff", "Minimum distance to inorganic cofactors"),
    ("protein_overlap", "clash_cutoff", "Volume overlap with protein"),
    ("overlap_radii", "vdw_scale", "Volume overlap with protein"),
)


@dataclass(frozen=True)
class PoseChecks:
    """Which tests of plausibility each pose goes through.

    Attributes:
        kind: ``fast`` or ``posebusters``.
        thresholds: A file of limits; see ``binding.graph.plausibility.read_thresholds``. None for the package's.

    Raises:
        UsageError: There is no such kind, or the package ``posebusters`` is not installed.
        FileError, ConfigError: The file of limits cannot be used.
    """

    kind: str = FAST
    thresholds: Path | None = None

    def __post_init__(self) -> None:
        if self.kind not in (FAST, POSEBUSTERS):
            raise UsageError(f"There are no checks {self.kind!r}.", f"Choose {FAST} or {POSEBUSTERS}.")
        read_thresholds(self.thresholds)
        if self.kind == POSEBUSTERS:
            _require_posebusters()

    @property
    def columns(self) -> tuple[OutputColumn, ...]:
        """The columns that these checks fill."""
        return CHECK_COLUMNS if self.kind == POSEBUSTERS else tuple(c for c in CHECK_COLUMNS if c.name in _FAST_NAMES)

    def of(self, cx: Complex) -> dict[str, Any]:
        """The values of ``columns`` of a pose."""
        limits = read_thresholds(self.thresholds)
        passed: dict[str, bool | None] = dict(plausibility(cx, limits))
        if self.kind == POSEBUSTERS:
            passed |= by_posebusters(cx, limits)
        failed = [name for name, ok in passed.items() if ok is False]
        values: dict[str, Any] = {PLAUSIBLE: not failed, FAILED_CHECKS: "; ".join(failed)}
        return values | {check_column(name): ok for name, ok in passed.items()}


def _require_posebusters() -> None:
    try:
        import posebusters  # noqa: F401
    except ImportError:
        raise UsageError(
            "The checks of PoseBusters need the package posebusters.",
            "Run: pip install 'binding[checks]'; or use --checks fast.",
        ) from None


@lru_cache(maxsize=2)
def _busters(limits: tuple[tuple[str, float], ...]) -> PoseBusters:
    """PoseBusters for docked poses, with these limits."""
    from copy import deepcopy

    from posebusters import PoseBusters

    settings = deepcopy(PoseBusters("dock").config)
    by_name = dict(limits)
    for ours, parameter, outcome in _SETTINGS:
        for module in settings["modules"]:
            known = {*module["chosen_binary_test_output"], *module["rename_outputs"].values()}
            if outcome in known:
                module["parameters"][parameter] = by_name[ours]
    return PoseBusters(config=settings)


def by_posebusters(cx: Complex, limits: Mapping[str, float]) -> dict[str, bool | None]:
    """What PoseBusters says, by our names of the tests; None where a test could not be made."""
    table = _busters(tuple(limits.items())).bust(cx.ligand.mol, None, _as_mol(cx.pocket))
    row = table.iloc[0]
    found = {str(name).lower().replace(" ", "_").replace("-", "_"): row[name] for name in table.columns}
    names = {column.name for column in CHECK_COLUMNS}
    return {
        name: None if value is None or value != value else bool(value)
        for name, value in found.items()
        if check_column(name) in names
    }


def _as_mol(pocket: Protein) -> Chem.Mol:
    """The pocket's atoms without bonds, named as in a PDB file, by which PoseBusters tells protein from cofactor."""
    mol = Chem.RWMol()
    conformer = Chem.Conformer(pocket.num_atoms)
    for row in range(pocket.num_atoms):
        residue = int(pocket.atom_residue[row])
        atom = Chem.Atom(int(pocket.elements[row]))
        info = Chem.AtomPDBResidueInfo(str(pocket.atom_names[row]).ljust(4)[:4])
        info.SetResidueName(str(pocket.residue_names[residue])[:3])
        info.SetIsHeteroAtom(pocket.residue_kinds[residue] not in (ResidueKind.AMINO_ACID, ResidueKind.NUCLEOTIDE))
        atom.SetMonomerInfo(info)
        place = mol.AddAtom(atom)
        conformer.SetAtomPosition(place, Point3D(*np.asarray(pocket.positions[row], dtype=float).tolist()))
    mol.AddConformer(conformer)
    return mol.GetMol()

"""How each residue touches a ligand, by distance and type of atom alone.

There are no hydrogens in a graph, and no angle is asked for: the words say what could be there, not that it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.spatial.distance import cdist

from binding.constants import (
    ACCEPTOR_CLASSES,
    ANIONIC_O,
    CATIONIC_N,
    DONOR_CLASSES,
    HYDROPHOBIC_CLASSES,
    METAL_ION,
    PLANAR_CLASSES,
)
from binding.graph.checks import CLASH
from binding.graph.fields import ATOM_CATEGORIES, ComplexGraph

HYDROGEN_BOND: Final = 3.5  # Å between donor and acceptor
SALT_BRIDGE: Final = 4.0  # Å between charged atoms
METAL: Final = 2.8  # Å from a metal to what can give it a lone pair
AROMATIC: Final = 4.0  # Å between atoms of flat rings
HYDROPHOBIC: Final = 4.0  # Å between apolar atoms
_COLUMN: Final = {name: column for column, name in enumerate(ATOM_CATEGORIES)}
_ANION: Final = 2  # of the category "charge"


def contact_kinds(graph: ComplexGraph, rows: Sequence[int] | np.ndarray) -> list[tuple[str, ...]]:
    """In which ways some residues touch the ligand.

    Args:
        graph: The complex.
        rows: (k,) rows of residues of its pocket.

    Returns:
        For each residue any of ``metal``, ``salt bridge``, ``hydrogen bond``, ``aromatic``, ``hydrophobic`` and
        ``overlap``; the last, closer than 2 Å, is a clash or a covalent bond.
    """
    pocket = graph.pocket
    chosen = np.isin(pocket.atom_residue, rows)
    residue, classes = pocket.atom_residue[chosen], pocket.atom_classes[chosen]
    distance = cdist(graph.ligand.positions, pocket.atom_positions[chosen])
    donor, acceptor, acidic, basic, apolar, flat = _ligand_atoms(graph)
    gives, takes = np.isin(classes, DONOR_CLASSES) & (classes != METAL_ION), np.isin(classes, ACCEPTOR_CLASSES)
    metal = classes == METAL_ION
    touching = {
        "metal": (distance <= METAL) & acceptor[:, None] & metal,
        "salt bridge": (distance <= SALT_BRIDGE)
        & (acidic[:, None] & (classes == CATIONIC_N) | basic[:, None] & (classes == ANIONIC_O)),
        "hydrogen bond": (distance <= HYDROGEN_BOND) & (donor[:, None] & takes | acceptor[:, None] & gives),
        "aromatic": (distance <= AROMATIC) & flat[:, None] & np.isin(classes, PLANAR_CLASSES),
        "hydrophobic": (distance <= HYDROPHOBIC) & apolar[:, None] & np.isin(classes, HYDROPHOBIC_CLASSES),
        "overlap": (distance <= CLASH) & ~metal,
    }
    found = {kind: set(residue[near.any(axis=0)].tolist()) for kind, near in touching.items()}
    return [tuple(kind for kind, owners in found.items() if row in owners) for row in np.asarray(rows).tolist()]


def _ligand_atoms(graph: ComplexGraph) -> tuple[np.ndarray, ...]:
    """(atoms,) bool each: donor, acceptor, acidic, basic, apolar, flat; ionisable groups as charged at pH 7."""
    categories = graph.ligand.atom_categories
    charge = categories[:, _COLUMN["charge"]]
    columns = ("donor", "acceptor", "acidic", "basic", "hydrophobic", "aromatic")
    donor, acceptor, acidic, basic, apolar, flat = (categories[:, _COLUMN[name]] > 0 for name in columns)
    acidic = acidic | (charge == _ANION)
    return (donor & ~acidic) | basic, (acceptor & ~basic) | acidic, acidic, basic, apolar, flat

"""The fields of a graph, with shape, dtype and unit.

A graph consists of two independent parts, so that a pocket is built and encoded
once for all of its ligands. Everything that depends on both is computed from positions by
``binding.model.layers.geometry``.

All positions are in Å. ``edge_index`` is (2, edges): row 0 source, row 1 target.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Columns of ``LigandGraph.atom_categories`` and how many values each may take.
ATOM_CATEGORIES = {
    "element": 13,
    "degree": 6,
    "hydrogens": 5,
    "hybridisation": 4,
    "aromatic": 2,
    "ring_size": 7,  # 0 none, 1..5 = smallest ring of 3..7, 6 larger
    "donor": 2,
    "acceptor": 2,
    "acidic": 2,
    "basic": 2,
    "hydrophobic": 2,
    "chirality": 3,  # 0 none, 1 R, 2 S (CIP, from 3D)
    "charge": 3,  # after neutralisation: 0 none, 1 positive (quaternary N), 2 negative
}
#: Columns of ``LigandGraph.bond_categories``.
BOND_CATEGORIES = {"order": 4, "conjugated": 2, "in_ring": 2, "stereo": 3, "rotatable": 2}
#: Entries of ``LigandGraph.descriptors``, of the neutralised molecule, scaled to about unit variance.
DESCRIPTORS = (
    "heavy_atoms",
    "rotatable_bonds",
    "rings",
    "aromatic_rings",
    "donors",
    "acceptors",
    "log_p",
    "tpsa",
    "fraction_sp3",
    "acidic_groups",
    "basic_groups",
    "halogens",
)
#: Columns of ``PocketGraph.residue_scalars``.
RESIDUE_SCALARS = (
    *(f"{f}_{angle}" for angle in ("phi", "psi", "chi1", "chi2", "chi3", "chi4") for f in ("sin", "cos")),
    "burial",
    "missing_atoms",
    "modified",
    "has_frame",
)


@dataclass(frozen=True, eq=False)
class LigandGraph:
    """One pose.

    Attributes:
        positions: (atoms, 3) float64, Å.
        atom_categories: (atoms, len(ATOM_CATEGORIES)) uint8.
        radii: (atoms,) float32, Vina radius, Å.
        bonds: (bonds, 2) int16, each bond once.
        bond_categories: (bonds, len(BOND_CATEGORIES)) uint8.
        descriptors: (len(DESCRIPTORS),) float32.
    """

    positions: np.ndarray
    atom_categories: np.ndarray
    radii: np.ndarray
    bonds: np.ndarray
    bond_categories: np.ndarray
    descriptors: np.ndarray

    @property
    def num_atoms(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, eq=False)
class PocketGraph:
    """The residues around a ligand, with every heavy atom kept for the contact profile.

    Attributes:
        residue_types: (residues,) uint8, row of ``constants.RESIDUE_TYPES``.
        residue_scalars: (residues, len(RESIDUE_SCALARS)) float64.
        anchors: (residues, 3) float64, CA; C1' of a nucleotide; the mean of a metal or cofactor.
        centroids: (residues, 3) float64, mean of the side-chain atoms (of all, where there is none).
        frames: (residues, 3, 3) float64, rows are the axes of the local frame; zero where there is none.
        edge_index: (2, edges) int32, each residue and its nearest neighbours by anchor distance.
        edge_offset: (edges,) int8, place in the chain of source - target, clipped to -3..3; 4 = another chain.
        atom_positions: (atoms, 3) float64.
        atom_classes: (atoms,) uint8, row of ``constants.ATOM_CLASSES``.
        atom_residue: (atoms,) int32.
        atom_directions: (atoms, 3) float64, unit vector away from the bonded neighbours (lone pair or
            hydrogen of a polar atom); zero where undefined.
        atom_normals: (atoms, 3) float64, unit normal of the plane of the bonded neighbours, sign arbitrary;
            zero where undefined.
    """

    residue_types: np.ndarray
    residue_scalars: np.ndarray
    anchors: np.ndarray
    centroids: np.ndarray
    frames: np.ndarray
    edge_index: np.ndarray
    edge_offset: np.ndarray
    atom_positions: np.ndarray
    atom_classes: np.ndarray
    atom_residue: np.ndarray
    atom_directions: np.ndarray
    atom_normals: np.ndarray

    @property
    def num_residues(self) -> int:
        return len(self.residue_types)

    @property
    def num_atoms(self) -> int:
        return len(self.atom_positions)


@dataclass(frozen=True, eq=False)
class ComplexGraph:
    """A ligand and its pocket in one frame of reference.

    Attributes:
        ligand: The pose.
        pocket: Its pocket.
        site: (words,) uint32, words of the residues about the pose, where they are known already; see
            ``binding.domain.words.site_words``.
    """

    ligand: LigandGraph
    pocket: PocketGraph
    site: np.ndarray | None = None

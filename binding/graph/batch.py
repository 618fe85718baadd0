"""Graphs -> one batch of torch tensors.

Nodes are concatenated; ``*_slot`` is the place of each node in a padded array of shape
(items, longest), for the attention. A pocket shared by several ligands is held once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from binding.graph.fields import ComplexGraph, LigandGraph, PocketGraph


@dataclass(frozen=True, eq=False)
class Batch:
    """B ligands (A atoms in all) and K pockets (R residues, P atoms in all).

    Positions are relative to the mean anchor of the ligand's pocket, Å.

    Attributes:
        atom_positions: (A, 3), always float64: whether a contact is within the cutoff must not hang on rounding.
        atom_categories: (A, len(ATOM_CATEGORIES)) int64.
        atom_radii: (A,) Å.
        atom_ligand: (A,) int64, row of the ligand.
        atom_slot: (A,) int64, ligand * max_atoms + place.
        bond_index: (2, bonds) int64, both directions.
        bond_categories: (bonds, len(BOND_CATEGORIES)) int64.
        descriptors: (B, len(DESCRIPTORS)).
        pocket_of: (B,) int64, row of each ligand's pocket.
        residue_types: (R,) int64.
        residue_scalars: (R, len(RESIDUE_SCALARS)).
        anchors, centroids: (R, 3).
        frames: (R, 3, 3).
        residue_slot: (R,) int64, pocket * max_residues + place.
        residue_edges: (2, edges) int64.
        residue_edge_offset: (edges,) int64, 0..7.
        protein_positions: (P, 3), always float64.
        protein_classes: (P,) int64.
        protein_residue: (P,) int64, row of the residue in the batch.
        protein_slot: (P,) int64, pocket * max_protein + place.
        protein_directions, protein_normals: (P, 3).
        num_ligands, num_pockets, max_atoms, max_residues, max_protein: sizes.
    """

    atom_positions: Tensor
    atom_categories: Tensor
    atom_radii: Tensor
    atom_ligand: Tensor
    atom_slot: Tensor
    bond_index: Tensor
    bond_categories: Tensor
    descriptors: Tensor
    pocket_of: Tensor
    residue_types: Tensor
    residue_scalars: Tensor
    anchors: Tensor
    centroids: Tensor
    frames: Tensor
    residue_slot: Tensor
    residue_edges: Tensor
    residue_edge_offset: Tensor
    protein_positions: Tensor
    protein_classes: Tensor
    protein_residue: Tensor
    protein_slot: Tensor
    protein_directions: Tensor
    protein_normals: Tensor
    num_ligands: int
    num_pockets: int
    max_atoms: int
    max_residues: int
    max_protein: int

    @property
    def dtype(self) -> torch.dtype:
        """Of features, and of what the network computes with."""
        return self.descriptors.dtype

    def to(self, device: torch.device | str) -> Batch:
        """The batch with all tensors on a device."""
        moved: dict[str, Any] = {
            f.name: value.to(device, non_blocking=True)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)

    def with_atom_positions(self, positions: Tensor) -> Batch:
        """The same batch with other ligand poses (A, 3), such as decoys or added noise."""
        return replace(self, atom_positions=positions.double())


def _counts_to_rows(counts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Item row and place within the item of each node."""
    counts_array = np.asarray(counts, dtype=np.int64)
    rows = np.repeat(np.arange(len(counts_array)), counts_array)
    starts = np.cumsum(counts_array) - counts_array
    return rows, np.arange(counts_array.sum()) - starts[rows]


def collate(graphs: Sequence[ComplexGraph], dtype: torch.dtype = torch.float32) -> Batch:
    """Joins graphs to one batch.

    Args:
        graphs: At least one; those that hold the same ``PocketGraph`` object share it.
        dtype: Of all real-valued tensors but the atoms' positions. Differences are taken in float64 before rounding.

    Returns:
        A batch on the CPU.
    """
    ligands: list[LigandGraph] = [graph.ligand for graph in graphs]
    rows: dict[int, int] = {}
    pockets: list[PocketGraph] = []
    for graph in graphs:
        if id(graph.pocket) not in rows:
            rows[id(graph.pocket)] = len(pockets)
            pockets.append(graph.pocket)
    pocket_of = np.array([rows[id(graph.pocket)] for graph in graphs])
    origins = np.stack([pocket.anchors.mean(axis=0) for pocket in pockets])

    atom_ligand, atom_place = _counts_to_rows([g.num_atoms for g in ligands])
    residue_pocket, residue_place = _counts_to_rows([p.num_residues for p in pockets])
    protein_pocket, protein_place = _counts_to_rows([p.num_atoms for p in pockets])
    atom_start = np.searchsorted(atom_ligand, np.arange(len(ligands)))
    residue_start = np.searchsorted(residue_pocket, np.arange(len(pockets)))
    max_atoms, max_residues, max_protein = atom_place.max() + 1, residue_place.max() + 1, protein_place.max() + 1

    bonds = np.concatenate([g.bonds.astype(np.int64) + start for g, start in zip(ligands, atom_start, strict=True)])
    bond_categories = np.concatenate([g.bond_categories for g in ligands])

    def real(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(dtype)

    def exact(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))

    def whole(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64))

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(p, name) for p in pockets])

    return Batch(
        atom_positions=exact(np.concatenate([g.positions for g in ligands]) - origins[pocket_of[atom_ligand]]),
        atom_categories=whole(np.concatenate([g.atom_categories for g in ligands])),
        atom_radii=real(np.concatenate([g.radii for g in ligands])),
        atom_ligand=whole(atom_ligand),
        atom_slot=whole(atom_ligand * max_atoms + atom_place),
        bond_index=whole(np.concatenate([bonds.T, bonds.T[::-1]], axis=1)),
        bond_categories=whole(np.concatenate([bond_categories, bond_categories])),
        descriptors=real(np.stack([g.descriptors for g in ligands])),
        pocket_of=whole(pocket_of),
        residue_types=whole(joined("residue_types")),
        residue_scalars=real(joined("residue_scalars")),
        anchors=real(joined("anchors") - origins[residue_pocket]),
        centroids=real(joined("centroids") - origins[residue_pocket]),
        frames=real(joined("frames")),
        residue_slot=whole(residue_pocket * max_residues + residue_place),
        residue_edges=whole(
            np.concatenate(
                [p.edge_index.astype(np.int64) + start for p, start in zip(pockets, residue_start, strict=True)], axis=1
            )
        ),
        residue_edge_offset=whole(joined("edge_offset").astype(np.int64) + 3),
        protein_positions=exact(joined("atom_positions") - origins[protein_pocket]),
        protein_classes=whole(joined("atom_classes")),
        protein_residue=whole(
            np.concatenate(
                [p.atom_residue.astype(np.int64) + start for p, start in zip(pockets, residue_start, strict=True)]
            )
        ),
        protein_slot=whole(protein_pocket * max_protein + protein_place),
        protein_directions=real(joined("atom_directions")),
        protein_normals=real(joined("atom_normals")),
        num_ligands=len(ligands),
        num_pockets=len(pockets),
        max_atoms=int(max_atoms),
        max_residues=int(max_residues),
        max_protein=int(max_protein),
    )

"""Graphs -> one batch of torch tensors.

Nodes are concatenated; ``*_slot`` is the place of each node in a padded array of shape
(items, longest), for the attention. A pocket shared by several ligands is held once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from binding.graph.fields import ComplexGraph, LigandGraph, PocketGraph


def sent(tensor: Tensor, device: torch.device | str) -> Tensor:
    """A tensor on a device.

    On its way to a GPU it is copied into pinned memory first: from any other, the host would wait for all that the GPU
    has still to do.
    """
    if torch.device(device).type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


@dataclass(frozen=True, eq=False)
class Tensors:
    """A group of tensors that moves to a device as a whole."""

    def to(self, device: torch.device | str) -> Self:
        """A copy with all tensors on a device; a GPU fetches those of the host by itself, and nobody waits for it."""
        moved: dict[str, Any] = {
            f.name: sent(value, device) for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)

    def pin_memory(self) -> Self:
        """A copy in memory from which a GPU fetches by itself; a ``DataLoader`` asks for it."""
        pinned: dict[str, Any] = {
            f.name: value.pin_memory() for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **pinned)


@dataclass(frozen=True, eq=False, kw_only=True)
class Molecules(Tensors):
    """The 2D structures of B ligands (A atoms in all), without poses.

    Attributes:
        atom_categories: (A, len(ATOM_CATEGORIES)) int64.
        atom_radii: (A,) Å.
        atom_ligand: (A,) int64, row of the ligand.
        bond_index: (2, bonds) int64, both directions.
        bond_categories: (bonds, len(BOND_CATEGORIES)) int64.
        descriptors: (B, len(DESCRIPTORS)).
        num_ligands: B.
    """

    atom_categories: Tensor
    atom_radii: Tensor
    atom_ligand: Tensor
    bond_index: Tensor
    bond_categories: Tensor
    descriptors: Tensor
    num_ligands: int

    @property
    def dtype(self) -> torch.dtype:
        """Type of the features, in which the network computes."""
        return self.descriptors.dtype

    @property
    def ligand_sizes(self) -> Tensor:
        """(B,) int64, atoms of each ligand; ``bincount`` would wait for a GPU."""
        ones = torch.ones_like(self.atom_ligand)
        return self.atom_ligand.new_zeros(self.num_ligands).index_add_(0, self.atom_ligand, ones)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pockets(Tensors):
    """K pockets (R residues, P atoms in all); positions are relative to the mean anchor of each, Å.

    Attributes:
        residue_types: (R,) int64.
        residue_scalars: (R, len(RESIDUE_SCALARS)).
        anchors: (R, 3).
        centroids: (R, 3).
        frames: (R, 3, 3).
        residue_slot: (R,) int64, pocket * max_residues + place.
        residue_edges: (2, edges) int64.
        residue_edge_offset: (edges,) int64, 0..7.
        protein_positions: (P, 3), always float64.
        protein_classes: (P,) int64.
        protein_residue: (P,) int64, row of the residue, non-decreasing.
        protein_directions: (P, 3).
        protein_normals: (P, 3).
        num_pockets: K.
        max_residues: Greatest number of residues of a pocket.
    """

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
    protein_directions: Tensor
    protein_normals: Tensor
    num_pockets: int
    max_residues: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch(Molecules, Pockets):
    """B posed ligands in K pockets; see ``Molecules`` and ``Pockets`` for the fields of either alone.

    Attributes:
        atom_positions: (A, 3), always float64: whether a contact is within the cutoff must not depend on rounding.
            Relative to the mean anchor of the ligand's pocket, Å.
        atom_slot: (A,) int64, ligand * max_atoms + place.
        pocket_of: (B,) int64, row of each ligand's pocket.
        max_atoms: Greatest number of atoms of a ligand.
    """

    atom_positions: Tensor
    atom_slot: Tensor
    pocket_of: Tensor
    max_atoms: int


def _counts_to_rows(counts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Item row and place within the item of each node."""
    counts_array = np.asarray(counts, dtype=np.int64)
    rows = np.repeat(np.arange(len(counts_array)), counts_array)
    starts = np.cumsum(counts_array) - counts_array
    return rows, np.arange(counts_array.sum()) - starts[rows]


def _real(array: np.ndarray, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(dtype)


def _exact(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))


def _whole(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64))


def _columns(part: Molecules | Pockets) -> dict[str, Any]:
    return {f.name: getattr(part, f.name) for f in fields(part)}


def collate_molecules(ligands: Sequence[LigandGraph], dtype: torch.dtype = torch.float32) -> Molecules:
    """Joins 2D structures; for arguments see ``collate``."""
    atom_ligand, _ = _counts_to_rows([g.num_atoms for g in ligands])
    start = np.searchsorted(atom_ligand, np.arange(len(ligands)))
    bonds = np.concatenate([g.bonds + first for g, first in zip(ligands, start, strict=True)])
    bond_categories = np.concatenate([g.bond_categories for g in ligands])
    return Molecules(
        atom_categories=_whole(np.concatenate([g.atom_categories for g in ligands])),
        atom_radii=_real(np.concatenate([g.radii for g in ligands]), dtype),
        atom_ligand=_whole(atom_ligand),
        bond_index=_whole(np.concatenate([bonds.T, bonds.T[::-1]], axis=1)),
        bond_categories=_whole(np.concatenate([bond_categories, bond_categories])),
        descriptors=_real(np.stack([g.descriptors for g in ligands]), dtype),
        num_ligands=len(ligands),
    )


def collate_pockets(pockets: Sequence[PocketGraph], dtype: torch.dtype = torch.float32) -> Pockets:
    """Joins pockets; for arguments see ``collate``."""
    residue_pocket, residue_place = _counts_to_rows([p.num_residues for p in pockets])
    protein_pocket, _ = _counts_to_rows([p.num_atoms for p in pockets])
    start = np.searchsorted(residue_pocket, np.arange(len(pockets)))
    origins = np.stack([_origin(pocket) for pocket in pockets])
    max_residues = int(residue_place.max()) + 1

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(p, name) for p in pockets])

    return Pockets(
        residue_types=_whole(joined("residue_types")),
        residue_scalars=_real(joined("residue_scalars"), dtype),
        anchors=_real(joined("anchors") - origins[residue_pocket], dtype),
        centroids=_real(joined("centroids") - origins[residue_pocket], dtype),
        frames=_real(joined("frames"), dtype),
        residue_slot=_whole(residue_pocket * max_residues + residue_place),
        residue_edges=_whole(
            np.concatenate([p.edge_index + first for p, first in zip(pockets, start, strict=True)], axis=1)
        ),
        residue_edge_offset=_whole(joined("edge_offset").astype(np.int64) + 3),
        protein_positions=_exact(joined("atom_positions") - origins[protein_pocket]),
        protein_classes=_whole(joined("atom_classes")),
        protein_residue=_whole(
            np.concatenate([p.atom_residue + first for p, first in zip(pockets, start, strict=True)])
        ),
        protein_directions=_real(joined("atom_directions"), dtype),
        protein_normals=_real(joined("atom_normals"), dtype),
        num_pockets=len(pockets),
        max_residues=max_residues,
    )


def _origin(pocket: PocketGraph) -> np.ndarray:
    return pocket.anchors.mean(axis=0)


def place_ligands(
    graphs: Sequence[ComplexGraph],
    rows: np.ndarray,
    pockets: Pockets,
    dtype: torch.dtype = torch.float32,
) -> Batch:
    """Joins posed ligands to pockets that are collated already.

    Args:
        graphs: At least one.
        rows: (graphs,) int64, index of each graph's pocket.
        pockets: Result of ``collate_pockets``; where it is on a device already, it need not travel again.
        dtype: As for the pockets.

    Returns:
        A batch whose ligands are on the CPU, and whose pockets are where they are; ``to`` brings them together.
    """
    ligands = [graph.ligand for graph in graphs]
    molecules = collate_molecules(ligands, dtype)
    _, place = _counts_to_rows([g.num_atoms for g in ligands])
    max_atoms = int(place.max()) + 1
    positions = np.concatenate([graph.ligand.positions - _origin(graph.pocket) for graph in graphs])
    return Batch(
        **_columns(molecules),
        **_columns(pockets),
        atom_positions=_exact(positions),
        atom_slot=molecules.atom_ligand * max_atoms + _whole(place),
        pocket_of=_whole(rows),
        max_atoms=max_atoms,
    )


def distinct_pockets(graphs: Sequence[ComplexGraph]) -> tuple[list[PocketGraph], np.ndarray]:
    """The pocket objects of graphs, each once, in order of appearance, and which of them is each graph's (n,)."""
    rows: dict[int, int] = {}
    pockets: list[PocketGraph] = []
    for graph in graphs:
        if id(graph.pocket) not in rows:
            rows[id(graph.pocket)] = len(pockets)
            pockets.append(graph.pocket)
    return pockets, np.array([rows[id(graph.pocket)] for graph in graphs])


def collate(graphs: Sequence[ComplexGraph], dtype: torch.dtype = torch.float32) -> Batch:
    """Joins graphs to one batch.

    Args:
        graphs: At least one; those that hold the same ``PocketGraph`` object share it.
        dtype: Of all real-valued tensors but the atoms' positions. Differences are taken in float64 before rounding.

    Returns:
        A batch on the CPU.
    """
    pockets, rows = distinct_pockets(graphs)
    return place_ligands(graphs, rows, collate_pockets(pockets, dtype), dtype)

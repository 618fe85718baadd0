"""Graphs for PyTorch Geometric: the features of this package under a model of your own."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor

from binding.errors import UsageError
from binding.graph.fields import ComplexGraph

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

#: How each field of a node turns with the complex, as e3nn writes representations: ``0e`` stays, ``1o`` turns as a
#: vector does. ``frames`` holds the three axes of the local frame, one after the other. ``normals`` have no sign of
#: their own. Fields that are not here are categories.
IRREPS: Final = MappingProxyType(
    {
        ("atom", "pos"): "1x1o",
        ("atom", "radii"): "1x0e",
        ("residue", "pos"): "1x1o",
        ("residue", "centroids"): "1x1o",
        ("residue", "frames"): "3x1o",
        ("residue", "has_frame"): "1x0e",
        ("protein_atom", "pos"): "1x1o",
        ("protein_atom", "directions"): "1x1o",
        ("protein_atom", "normals"): "1x1o",
    }
)


def to_hetero_data(graph: ComplexGraph) -> HeteroData:
    """A complex as PyTorch Geometric takes it, to batch with its ``Batch`` or ``DataLoader``.

    Node types and their fields; shapes and meaning are those of ``binding.graph.fields``, real numbers are float32:

    - ``atom``, the ligand's: ``x`` (atoms, categories) int64, ``pos`` Å, ``radii`` (atoms, 1) Å;
    - ``residue``: ``type`` int64, ``x`` (residues, scalars), ``pos`` (anchors, Å), ``centroids`` Å, ``frames``
      (residues, 9), ``has_frame`` (residues, 1);
    - ``protein_atom``: ``type`` int64, ``pos`` Å, ``directions``, ``normals``.

    Edge types: ``(atom, bond, atom)`` in both directions with ``edge_attr`` int64; ``(residue, near, residue)`` with
    ``edge_attr`` (edges, 1) int64, the place along the chain; ``(protein_atom, of, residue)``. The descriptors of the
    molecule are ``descriptors`` (1, 12). ``IRREPS`` says how the fields turn with the complex. Positions are relative
    to the mean of the residues' anchors.

    Args:
        graph: As ``binding.graph.build.build_graph`` makes it, or ``binding.data.cache.ComplexCache.graph``.

    Returns:
        On the CPU; nothing in it is shared with ``graph``.

    Raises:
        UsageError: ``missing_extra``, without PyTorch Geometric.
    """
    try:
        from torch_geometric.data import HeteroData
    except ImportError:
        raise UsageError(
            "Graphs for PyTorch Geometric need torch-geometric.",
            "Install with pip install 'binding[pyg]'.",
            "missing_extra",
        ) from None

    ligand, pocket = graph.ligand, graph.pocket
    origin = pocket.anchors.mean(axis=0)
    data = HeteroData()
    data["atom"].x = _whole(ligand.atom_categories)
    data["atom"].pos = _real(ligand.positions - origin)
    data["atom"].radii = _real(ligand.radii[:, None])
    data["residue"].type = _whole(pocket.residue_types)
    data["residue"].x = _real(pocket.residue_scalars)
    data["residue"].pos = _real(pocket.anchors - origin)
    data["residue"].centroids = _real(pocket.centroids - origin)
    data["residue"].frames = _real(pocket.frames.reshape(-1, 9))
    data["residue"].has_frame = _real(np.abs(pocket.frames).sum(axis=(1, 2))[:, None] > 0)
    data["protein_atom"].type = _whole(pocket.atom_classes)
    data["protein_atom"].pos = _real(pocket.atom_positions - origin)
    data["protein_atom"].directions = _real(pocket.atom_directions)
    data["protein_atom"].normals = _real(pocket.atom_normals)
    bonds = ligand.bonds.astype(np.int64).reshape(-1, 2).T
    data["atom", "bond", "atom"].edge_index = _whole(np.concatenate([bonds, bonds[::-1]], axis=1))
    data["atom", "bond", "atom"].edge_attr = _whole(np.concatenate([ligand.bond_categories] * 2))
    data["residue", "near", "residue"].edge_index = _whole(pocket.edge_index)
    data["residue", "near", "residue"].edge_attr = _whole(pocket.edge_offset[:, None])
    data["protein_atom", "of", "residue"].edge_index = _whole(
        np.stack([np.arange(pocket.num_atoms), pocket.atom_residue])
    )
    data.descriptors = _real(ligand.descriptors[None])
    return data


def _real(array: np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(array, dtype=np.float32))


def _whole(array: np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(array, dtype=np.int64))

"""All graphs of a run on the device as flat arrays: a batch is gathered there, and only poses travel.

Indices are kept in 8 and 32 bits, and widened in the batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from binding.graph.batch import Batch, Tensors, collate_molecules, collate_pockets, distinct_pockets
from binding.graph.fields import ComplexGraph

#: Fields of a batch by what they have a row for; the numbers of rows are read from the first field of each.
_ROWS = {
    "atoms": ("atom_radii", "atom_categories"),
    "bonds": ("bond_source", "bond_target", "bond_categories"),
    "residues": ("residue_types", "residue_scalars", "anchors", "centroids", "frames"),
    "edges": ("residue_edge_offset", "edge_source", "edge_target"),
    "protein": (
        "protein_classes",
        "protein_positions",
        "protein_residue",
        "protein_directions",
        "protein_normals",
    ),
    "ligands": ("descriptors",),
}
#: Bytes of a complex, on average.
BYTES_EACH = 100_000
_NARROW = {torch.int64: torch.int32}
_SMALL = ("atom_categories", "bond_categories", "residue_types", "residue_edge_offset", "protein_classes")


@dataclass(frozen=True, eq=False)
class Poses(Tensors):
    """B ligands of graphs that lie on a device, in poses of their own.

    Attributes:
        rows: (B,) int64, graph of each; on the CPU wherever the rest is.
        pocket_of: (B,) int64, row of each ligand's pocket in the batch, from 0 in order of appearance; likewise.
        positions: (A, 3) float64, relative to the mean anchor of each pocket, Å.
    """

    rows: np.ndarray
    pocket_of: np.ndarray
    positions: Tensor


class ResidentGraphs:
    """Graphs as flat arrays on a device.

    Args:
        graphs: In the order in which ``Poses.rows`` counts them.
        device: Where they lie.
    """

    def __init__(self, graphs: Iterable[ComplexGraph], device: torch.device | str) -> None:
        self.device = torch.device(device)
        parts: dict[str, list[Tensor]] = {name: [] for names in _ROWS.values() for name in names}
        for graph in graphs:
            for name, tensor in _flat(graph).items():
                parts[name].append(tensor)
        self._sizes = {kind: np.array([len(part) for part in parts[names[0]]]) for kind, names in _ROWS.items()}
        self._starts = {kind: np.cumsum(sizes) - sizes for kind, sizes in self._sizes.items()}
        self._arrays = {name: torch.cat(parts.pop(name)).to(self.device) for name in list(parts)}

    @property
    def nbytes(self) -> int:
        """Bytes on the device."""
        return sum(array.nbytes for array in self._arrays.values())

    def batch(self, poses: Poses) -> Batch:
        """The batch that ``collate`` would make of the same graphs in the same poses, on the device.

        Sizes are known to the host, which does not wait for the device.
        """
        rows, pocket_of = poses.rows, poses.pocket_of
        pockets = rows[np.unique(pocket_of, return_index=True)[1]]
        atoms, ligand, place = self._gather(rows, "atoms")
        bonds, bond_ligand, _ = self._gather(rows, "bonds")
        first_atom = self._firsts(rows, "atoms").index_select(0, bond_ligand)
        source, target = bonds["bond_source"] + first_atom, bonds["bond_target"] + first_atom
        residues, residue_pocket, residue_place = self._gather(pockets, "residues")
        edges, edge_pocket, _ = self._gather(pockets, "edges")
        protein, protein_pocket, _ = self._gather(pockets, "protein")
        first_residue = self._firsts(pockets, "residues")
        max_atoms, max_residues = (
            int(self._sizes[kind][chosen].max()) for kind, chosen in (("atoms", rows), ("residues", pockets))
        )
        of_edge = first_residue.index_select(0, edge_pocket)
        residue = protein.pop("protein_residue") + first_residue.index_select(0, protein_pocket)
        return Batch(
            **atoms,
            **residues,
            **protein,
            atom_ligand=ligand,
            atom_slot=ligand * max_atoms + place,
            atom_positions=poses.positions.to(self.device, non_blocking=True),
            # The two directions of all bonds, one after the other, as they are collated.
            bond_index=torch.stack([torch.cat([source, target]), torch.cat([target, source])]),
            bond_categories=bonds["bond_categories"].repeat(2, 1),
            descriptors=self._gather(rows, "ligands")[0]["descriptors"],
            residue_slot=residue_pocket * max_residues + residue_place,
            residue_edges=torch.stack([edges["edge_source"] + of_edge, edges["edge_target"] + of_edge]),
            residue_edge_offset=edges["residue_edge_offset"],
            protein_residue=residue,
            pocket_of=self._sent(pocket_of),
            num_ligands=len(rows),
            num_pockets=len(pockets),
            max_atoms=max_atoms,
            max_residues=max_residues,
        )

    def _gather(self, rows: np.ndarray, kind: str) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Fields of some graphs, one after the other; of each row its graph among them, and its place there."""
        sizes = self._sizes[kind][rows]
        total = int(sizes.sum())
        owner = torch.repeat_interleave(self._sent(sizes), output_size=total)
        place = torch.arange(total, device=self.device) - self._firsts(rows, kind).index_select(0, owner)
        index = self._sent(self._starts[kind][rows]).index_select(0, owner) + place
        found = {}
        for name in _ROWS[kind]:
            array = self._arrays[name].index_select(0, index)
            found[name] = array if array.is_floating_point() else array.long()
        return found, owner, place

    def _firsts(self, rows: np.ndarray, kind: str) -> Tensor:
        """The first row of each graph in a batch."""
        sizes = self._sizes[kind][rows]
        return self._sent(np.cumsum(sizes) - sizes)

    def _sent(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64))
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)


def _flat(graph: ComplexGraph) -> dict[str, Tensor]:
    """The fields of one graph, as a batch of it alone holds them, in narrow types."""
    molecules, pockets = collate_molecules([graph.ligand]), collate_pockets([graph.pocket])
    bonds = len(graph.ligand.bonds)  # a batch holds both directions
    found = {f.name: getattr(part, f.name) for part in (molecules, pockets) for f in fields(part)}
    found["bond_source"], found["bond_target"] = found.pop("bond_index")[:, :bonds]
    found["bond_categories"] = found["bond_categories"][:bonds]
    found["edge_source"], found["edge_target"] = found.pop("residue_edges")
    names = [name for part in _ROWS.values() for name in part]
    return {
        name: found[name].to(torch.uint8 if name in _SMALL else _NARROW.get(found[name].dtype, found[name].dtype))
        for name in names
    }


def without_pocket(graph: ComplexGraph) -> ComplexGraph:
    """What differs between batches: the ligand, and of the pocket its centre, as the only anchor."""
    pocket, centre = graph.pocket, graph.pocket.anchors.mean(axis=0, keepdims=True)
    none = {f.name: np.zeros(0) for f in fields(pocket)}
    return replace(graph, pocket=replace(pocket, **none | {"anchors": centre}))


def join_poses(rows: Sequence[int], graphs: Sequence[ComplexGraph]) -> Poses:
    """Poses of graphs that are resident, by their rows; of the pockets, only the anchors are read.

    Those that hold the same pocket object share it in the batch, as in ``collate``.
    """
    positions = np.concatenate([graph.ligand.positions - graph.pocket.anchors.mean(axis=0) for graph in graphs])
    _, pocket_of = distinct_pockets(graphs)
    return Poses(np.asarray(rows, dtype=np.int64), pocket_of, torch.from_numpy(np.ascontiguousarray(positions)))

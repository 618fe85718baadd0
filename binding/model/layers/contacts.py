"""Neighbour search within a ligand and between ligand and protein atoms. No learned parameter.

Contacts are pairs (ligand atom, protein atom) within the cutoff. Pairs are (ligand atom, residue)
whose least heavy-atom distance is within the cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from binding.graph.batch import Batch

_SLACK = 1e-3  # Å on the residues' spheres, which are only a first sieve


@dataclass(frozen=True, eq=False)
class Contacts:
    """C contacts within the cutoff, the E pairs that they make, and the S sites of the pairs.

    A site is a residue as one ligand meets it: where a pocket is shared, each of its ligands has sites of its own.
    Contacts are in the order of their pairs, pairs in that of their atoms, sites in that of their ligands.

    Attributes:
        atom: (C,) ligand atom.
        protein: (C,) protein atom.
        vector: (C, 3), from ligand to protein atom, Å.
        distance: (C,) Å.
        pair: (C,) row of the pair.
        pair_atom: (E,) ligand atom.
        pair_residue: (E,) residue.
        pair_site: (E,) site.
        pair_distance: (E,) least distance, Å.
        site_residue: (S,) residue.
        site_slot: (S,) ligand * max_sites + place.
        max_sites: Greatest number of sites of a ligand.
    """

    atom: Tensor
    protein: Tensor
    vector: Tensor
    distance: Tensor
    pair: Tensor
    pair_atom: Tensor
    pair_residue: Tensor
    pair_site: Tensor
    pair_distance: Tensor
    site_residue: Tensor
    site_slot: Tensor
    max_sites: int


def find_contacts(batch: Batch, cutoff: float) -> Contacts:
    """All contacts within ``cutoff`` Å: residues near an atom by their bounding spheres, then their atoms one by one.

    No loop and no neighbour library; memory grows with ligand atoms times residues, not protein atoms.
    """
    with torch.no_grad():
        atom, protein = _within(batch, cutoff)
    vector = (batch.protein_positions.index_select(0, protein) - batch.atom_positions.index_select(0, atom)).to(
        batch.dtype
    )
    distance = vector.norm(dim=-1).clamp_min(1e-3)

    residue = batch.protein_residue.index_select(0, protein)
    place = batch.residue_slot.index_select(0, residue) % batch.max_residues
    # Contacts come sorted by atom and residue, so that equal pairs are neighbours.
    key, pair = torch.unique_consecutive(atom * batch.max_residues + place, return_inverse=True)
    pair_atom = torch.div(key, batch.max_residues, rounding_mode="floor")
    pair_residue = torch.empty_like(key)
    pair_residue[pair] = residue
    pair_distance = distance.new_full((len(key),), cutoff).scatter_reduce(0, pair, distance, "amin")

    ligand = batch.atom_ligand.index_select(0, pair_atom)
    met = torch.zeros(batch.num_ligands * batch.max_residues, dtype=torch.long, device=atom.device)
    site_key = ligand * batch.max_residues + key % batch.max_residues
    met[site_key] = 1
    pair_site = (met.cumsum(0) - 1).index_select(0, site_key)
    site_residue = torch.empty_like(met.nonzero().flatten())
    site_residue[pair_site] = pair_residue
    counts = met.view(batch.num_ligands, batch.max_residues).sum(1)
    site_ligand = torch.repeat_interleave(counts)
    max_sites = int(counts.max())
    first = counts.cumsum(0) - counts
    site_slot = torch.arange(len(site_residue), device=atom.device) + (
        torch.arange(batch.num_ligands, device=atom.device) * max_sites - first
    ).index_select(0, site_ligand)
    return Contacts(
        atom=atom,
        protein=protein,
        vector=vector,
        distance=distance,
        pair=pair,
        pair_atom=pair_atom,
        pair_residue=pair_residue,
        pair_site=pair_site,
        pair_distance=pair_distance,
        site_residue=site_residue,
        site_slot=site_slot,
        max_sites=max_sites,
    )


def _within(batch: Batch, cutoff: float) -> tuple[Tensor, Tensor]:
    """Rows of ligand and protein atoms closer than ``cutoff`` Å, sorted by ligand atom, residue, protein atom.

    In float64: a contact at the very cutoff must not come and go with the rotation of the files.
    """
    residues, device = len(batch.anchors), batch.atom_positions.device
    row, protein = batch.protein_residue, batch.protein_positions
    count = torch.bincount(row, minlength=residues)
    centre = protein.new_zeros(residues, 3).index_add_(0, row, protein) / count.clamp_min(1).unsqueeze(-1)
    reach = (protein - centre.index_select(0, row)).norm(dim=-1)
    radius = protein.new_zeros(residues).scatter_reduce(0, row, reach, "amax")

    ligand = _padded(batch.atom_positions, batch.atom_slot, batch.num_ligands, batch.max_atoms)
    pocket = _padded(centre, batch.residue_slot, batch.num_pockets, batch.max_residues)[batch.pocket_of]
    limit = protein.new_zeros(batch.num_pockets * batch.max_residues)
    limit[batch.residue_slot] = radius + (cutoff + _SLACK)
    limit = limit.view(batch.num_pockets, 1, batch.max_residues)[batch.pocket_of]
    # The matrix-product form of cdist loses the digits that invariance needs. Padding is NaN and never near.
    near = torch.cdist(ligand, pocket, compute_mode="donot_use_mm_for_euclid_dist") < limit
    item, left, right = torch.nonzero(near, as_tuple=True)
    atom = _rows(batch.atom_slot, batch.num_ligands * batch.max_atoms).index_select(0, item * batch.max_atoms + left)
    residue = _rows(batch.residue_slot, batch.num_pockets * batch.max_residues).index_select(
        0, batch.pocket_of.index_select(0, item) * batch.max_residues + right
    )

    # Each (atom, residue) becomes as many candidates as the residue has atoms; those are consecutive.
    size = count.index_select(0, residue)
    candidate = torch.repeat_interleave(size)
    start = count.cumsum(0) - count  # first atom of each residue
    shift = start.index_select(0, residue) - (size.cumsum(0) - size)
    atom = atom.index_select(0, candidate)
    partner = torch.arange(len(candidate), device=device) + shift.index_select(0, candidate)
    line = protein.index_select(0, partner) - batch.atom_positions.index_select(0, atom)
    found = (line.norm(dim=-1) < cutoff).nonzero().flatten()
    return atom.index_select(0, found), partner.index_select(0, found)


def ligand_neighbours(batch: Batch, cutoff: float) -> tuple[Tensor, Tensor]:
    """Sources and targets of all ordered pairs of atoms of one ligand within ``cutoff`` Å."""
    with torch.no_grad():
        atoms = _padded(batch.atom_positions, batch.atom_slot, batch.num_ligands, batch.max_atoms)
        near = torch.cdist(atoms, atoms, compute_mode="donot_use_mm_for_euclid_dist") < cutoff
        near.diagonal(dim1=1, dim2=2).fill_(False)
        item, source, target = torch.nonzero(near, as_tuple=True)
    row = _rows(batch.atom_slot, batch.num_ligands * batch.max_atoms)
    return row.index_select(0, item * batch.max_atoms + source), row.index_select(0, item * batch.max_atoms + target)


def _padded(points: Tensor, slot: Tensor, items: int, longest: int) -> Tensor:
    """Points (n, 3) in their slots (items, longest, 3), NaN elsewhere."""
    padded = points.new_full((items * longest, 3), float("nan"))
    padded[slot] = points
    return padded.view(items, longest, 3)


def _rows(slot: Tensor, slots: int) -> Tensor:
    """The node in each slot; slots without one hold anything."""
    rows = torch.empty(slots, dtype=torch.long, device=slot.device)
    rows[slot] = torch.arange(len(slot), device=slot.device)
    return rows

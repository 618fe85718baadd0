"""Neighbour search within a ligand and between ligand and protein atoms. No learned parameter.

Contacts are pairs (ligand atom, protein atom) within the cutoff. Pairs are (ligand atom, residue)
whose least heavy-atom distance is within the cutoff.

How many there are follows from the positions, so that the host has to read it from the device before it can make
room. It does so twice a batch: each read leaves a GPU idle. ``tests/training/test_waits.py`` counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from binding.graph.batch import Batch, Pockets

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


@dataclass(frozen=True, eq=False)
class Round:
    """The part of one round of messages between residues on which the states of the residues that are met depend.

    Rows count the residues that the round before has left, edges those of the first round.

    Attributes:
        rows: (n,) those that the round updates.
        edge: (e,) edges along which messages go.
        source: (e,) row of the source.
        target: (e,) place of the target among ``rows``.
    """

    rows: Tensor
    edge: Tensor
    source: Tensor
    target: Tensor

    @classmethod
    def whole(cls, batch: Pockets) -> Round:
        """A round over all residues and edges."""
        source, target = batch.residue_edges
        rows, edge = (torch.arange(len(part), device=source.device) for part in (batch.anchors, source))
        return cls(rows, edge, source, target)


@dataclass(frozen=True, eq=False)
class Reach:
    """What the states of the residues that any ligand meets depend on: about a quarter of a pocket is met.

    Attributes:
        residues: (n,) those that the first round reads.
        edges: (e,) edges of the first round, which later rounds choose from.
        rounds: One for each round of messages.
        met: (m,) those that are met, which the last round leaves.
    """

    residues: Tensor
    edges: Tensor
    rounds: tuple[Round, ...]
    met: Tensor


@dataclass(frozen=True, eq=False)
class Near:
    """All that is near each other in a batch.

    Attributes:
        contacts: Of ligands and pockets.
        source, target: (N,) ordered pairs of atoms of one ligand.
        reach: What the pockets' encoder has to compute.
    """

    contacts: Contacts
    source: Tensor
    target: Tensor
    reach: Reach


@dataclass(frozen=True, eq=False)
class _Hits:
    """H pairs of a ligand atom and a residue whose sphere is near it, and their K pairs of atoms.

    Attributes:
        key: (H,) ligand * max_residues + place of the residue.
        atom, residue: (H,) rows.
        hit: (K,) non-decreasing.
        partner: (K,) protein atom.
        close: (K,) bool, whether the two atoms are in contact.
    """

    key: Tensor
    atom: Tensor
    residue: Tensor
    hit: Tensor
    partner: Tensor
    close: Tensor


def find_contacts(batch: Batch, cutoff: float) -> Contacts:
    """All contacts within ``cutoff`` Å; see ``find_near``."""
    return find_near(batch, cutoff).contacts


def find_near(batch: Batch, cutoff: float, within: float = 0.0, rounds: int = 0) -> Near:
    """All contacts: residues near an atom by their bounding spheres, then their atoms one by one.

    No loop and no neighbour library; memory grows with ligand atoms times residues, not protein atoms.

    Args:
        batch: The batch.
        cutoff: Å, of contacts.
        within: Å, of atoms of one ligand.
        rounds: Rounds of messages between residues, for ``Near.reach``.
    """
    with torch.no_grad():
        residue = batch.protein_residue
        size = torch.zeros_like(batch.residue_slot).index_add_(0, residue, torch.ones_like(residue))
        spheres, atoms = _near_spheres(batch, size, cutoff), _near_atoms(batch, within)
        sizes = size.new_zeros(batch.num_pockets * batch.max_residues).index_copy_(0, batch.residue_slot, size)
        sizes = sizes.view(batch.num_pockets, batch.max_residues).index_select(0, batch.pocket_of)
        by_residue = spheres.sum(1)  # (ligands, max_residues): how many atoms a residue may be in contact with
        num_hits, candidates, neighbours = read_counts([by_residue.sum(), (by_residue * sizes).sum(), atoms.sum()])
        row = _rows(batch.atom_slot, batch.num_ligands * batch.max_atoms)
        item, source, target = places(atoms, neighbours).unbind(1)
        source = row.index_select(0, item * batch.max_atoms + source)
        target = row.index_select(0, item * batch.max_atoms + target)
        hits = _look_closer(batch, cutoff, size, places(spheres, num_hits), row, candidates)
        alive = torch.zeros_like(hits.key).index_add_(0, hits.hit, hits.close.long()) > 0
        met = _any(hits.key, alive, batch.num_ligands * batch.max_residues)
        nodes, edges = _needed(batch, _any(hits.residue, alive, len(batch.anchors)), rounds)
        sites = met.view(batch.num_ligands, batch.max_residues).sum(1)
        masks = [hits.close, alive, met, *nodes, *edges]
        max_sites, *counts = read_counts([sites.max(), *(mask.sum() for mask in masks)])
        found, kept, site, *rest = (places(mask, count).flatten() for mask, count in zip(masks, counts, strict=True))
        reach = _reach(batch, nodes, edges, rest)
    return Near(_contacts(batch, cutoff, hits, alive, met, sites, max_sites, found, kept, site), source, target, reach)


def read_counts(counts: list[Tensor]) -> list[int]:
    """Numbers that the host needs; it waits for the device."""
    return torch.stack(counts).tolist()


def places(mask: Tensor, count: int) -> Tensor:
    """(count, dimensions) where a mask is true, in order; ``nonzero`` would wait for the device to count."""
    if not count:  # some versions of torch fail on a GPU
        return mask.new_zeros((0, mask.dim()), dtype=torch.long)
    return torch.nonzero_static(mask, size=count)


def _any(rows: Tensor, marks: Tensor, size: int) -> Tensor:
    """(size,) bool, the rows of which any mark is true."""
    return rows.new_zeros(size).index_add_(0, rows, marks.long()) > 0


def _near_spheres(batch: Batch, size: Tensor, cutoff: float) -> Tensor:
    """(ligands, max_atoms, max_residues) bool, whether an atom may be in contact with a residue.

    In float64: a contact at the very cutoff must not come and go with the rotation of the files.
    """
    row, protein = batch.protein_residue, batch.protein_positions
    centre = protein.new_zeros(len(size), 3).index_add_(0, row, protein) / size.clamp_min(1).unsqueeze(-1)
    spread = (protein - centre.index_select(0, row)).norm(dim=-1)
    radius = protein.new_zeros(len(size)).scatter_reduce(0, row, spread, "amax")
    ligand = _padded(batch.atom_positions, batch.atom_slot, batch.num_ligands, batch.max_atoms)
    pocket = _padded(centre, batch.residue_slot, batch.num_pockets, batch.max_residues)
    limit = protein.new_zeros(batch.num_pockets * batch.max_residues)
    limit = limit.index_copy(0, batch.residue_slot, radius + (cutoff + _SLACK))
    limit = limit.view(batch.num_pockets, 1, batch.max_residues).index_select(0, batch.pocket_of)
    # The matrix-product form of cdist loses the digits that invariance needs. Padding is NaN and never near.
    pocket = pocket.index_select(0, batch.pocket_of)
    return torch.cdist(ligand, pocket, compute_mode="donot_use_mm_for_euclid_dist") < limit


def _near_atoms(batch: Batch, within: float) -> Tensor:
    """(ligands, max_atoms, max_atoms) bool, ordered pairs of atoms of one ligand."""
    atoms = _padded(batch.atom_positions, batch.atom_slot, batch.num_ligands, batch.max_atoms)
    near = torch.cdist(atoms, atoms, compute_mode="donot_use_mm_for_euclid_dist") < within
    near.diagonal(dim1=1, dim2=2).fill_(False)
    return near


def _look_closer(batch: Batch, cutoff: float, size: Tensor, places: Tensor, row: Tensor, candidates: int) -> _Hits:
    """Each (atom, residue) becomes as many pairs of atoms as the residue has; those are consecutive."""
    item, left, right = places.unbind(1)
    atom = row.index_select(0, item * batch.max_atoms + left)
    slot = batch.pocket_of.index_select(0, item) * batch.max_residues + right
    residue = _rows(batch.residue_slot, batch.num_pockets * batch.max_residues).index_select(0, slot)
    each = size.index_select(0, residue)
    hit = torch.repeat_interleave(each, output_size=candidates)
    start = size.cumsum(0) - size  # first atom of each residue
    shift = start.index_select(0, residue) - (each.cumsum(0) - each)
    partner = torch.arange(candidates, device=hit.device) + shift.index_select(0, hit)
    line = batch.protein_positions.index_select(0, partner)
    line = line - batch.atom_positions.index_select(0, atom.index_select(0, hit))
    return _Hits(item * batch.max_residues + right, atom, residue, hit, partner, line.norm(dim=-1) < cutoff)


def _contacts(
    batch: Batch,
    cutoff: float,
    hits: _Hits,
    alive: Tensor,
    met: Tensor,
    sites: Tensor,
    max_sites: int,
    found: Tensor,
    kept: Tensor,
    site: Tensor,
) -> Contacts:
    """The contacts ``found`` among the pairs of atoms, the pairs ``kept`` among the hits, and their sites by key."""
    hit = hits.hit.index_select(0, found)
    atom, protein = hits.atom.index_select(0, hit), hits.partner.index_select(0, found)
    pair = _ranks(alive).index_select(0, hit)
    vector = batch.protein_positions.index_select(0, protein) - batch.atom_positions.index_select(0, atom)
    vector = vector.to(batch.dtype)
    distance = vector.norm(dim=-1).clamp_min(1e-3)
    ligand = torch.div(site, batch.max_residues, rounding_mode="floor")
    slot = batch.pocket_of.index_select(0, ligand) * batch.max_residues + site % batch.max_residues
    first = sites.cumsum(0) - sites
    places = torch.arange(len(site), device=site.device) - first.index_select(0, ligand)
    return Contacts(
        atom=atom,
        protein=protein,
        vector=vector,
        distance=distance,
        pair=pair,
        pair_atom=hits.atom.index_select(0, kept),
        pair_residue=hits.residue.index_select(0, kept),
        pair_site=_ranks(met).index_select(0, hits.key.index_select(0, kept)),
        pair_distance=distance.new_full((len(kept),), cutoff).scatter_reduce(0, pair, distance, "amin"),
        site_residue=_rows(batch.residue_slot, batch.num_pockets * batch.max_residues).index_select(0, slot),
        site_slot=ligand * max_sites + places,
        max_sites=max_sites,
    )


def _needed(batch: Pockets, met: Tensor, rounds: int) -> tuple[list[Tensor], list[Tensor]]:
    """Residues (R,) bool before the first round of messages and after each, and edges (edges,) bool of each round."""
    source, target = batch.residue_edges
    nodes, edges = [met], list[Tensor]()
    for _ in range(rounds):
        into = nodes[0].index_select(0, target)
        nodes.insert(0, nodes[0] | _any(source, into, len(met)))
        edges.insert(0, into)
    return nodes, edges


def _reach(batch: Pockets, nodes: list[Tensor], edges: list[Tensor], places: list[Tensor]) -> Reach:
    """The masks of ``_needed`` as rows; ``places`` are where they are true."""
    residues, chosen = places[: len(nodes)], places[len(nodes) :]
    rank, rounds = [_ranks(mask) for mask in nodes], []
    for number, rows in enumerate(chosen):
        source, target = batch.residue_edges.index_select(1, rows)
        rounds.append(
            Round(
                rows=rank[number].index_select(0, residues[number + 1]),
                edge=_ranks(edges[0]).index_select(0, rows),
                source=rank[number].index_select(0, source),
                target=rank[number + 1].index_select(0, target),
            )
        )
    return Reach(residues[0], chosen[0] if chosen else residues[0][:0], tuple(rounds), residues[-1])


def _ranks(mask: Tensor) -> Tensor:
    """The place of each row among those where a mask is true."""
    return mask.cumsum(0) - 1


def _padded(points: Tensor, slot: Tensor, items: int, longest: int) -> Tensor:
    """Points (n, 3) in their slots (items, longest, 3), NaN elsewhere."""
    padded = points.new_full((items * longest, 3), float("nan")).index_copy(0, slot, points)
    return padded.view(items, longest, 3)


def _rows(slot: Tensor, slots: int) -> Tensor:
    """The node in each slot; slots without one hold zero."""
    return slot.new_zeros(slots).index_copy_(0, slot, torch.arange(len(slot), device=slot.device))

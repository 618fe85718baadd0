"""Geometric sums: what a ligand's atoms meet, counted by the kind of both atoms, their distance and their angles.

Each sum is an attention head with fixed weights: the weight of a (ligand atom, protein atom) contact depends on the
kinds of the two, on their distance and on angles between them, and the head sums where a softmax would average, so
that it can count. No parameter is learned here; what the sums say about affinity is learned by
``binding.model.kernel_readout``.

All sums but those about burial are linear in ``PairFeatures``, which the networks read as well. Windows end within the
reach, and those about burial within ``BURIAL_FADE`` of the ligand: no sum depends on where the pocket was cut, as long
as it holds every residue that close to the ligand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from binding.constants import ATOM_CLASSES, METAL_ION
from binding.graph.batch import Batch, collate
from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, DESCRIPTORS, ComplexGraph
from binding.model.layers.constants import constant
from binding.model.layers.contacts import Contacts, find_contacts
from binding.model.layers.geometry import (
    DIRECTION_COLUMNS,
    POLAR_COLUMNS,
    PROFILE_COLUMNS,
    SHELLS,
    VINA_COLUMNS,
    VINA_TERMS,
    PairFeatures,
    PairGeometry,
)
from binding.model.layers.radial import envelope

#: Å, of the contacts that are counted; that of the networks, so that they share them.
REACH: Final = 6.5
#: Of the ligand alone, beside its descriptors: how it branches and closes rings, and what is stiff in it.
TOPOLOGY: Final = ("double bonds", "rotatable bonds", "cycles", "atoms of degree 4", "of degree 3", "stereocentres")
#: Kinds of ligand atoms.
KINDS: Final = ("aliphatic", "aromatic", "apolar, other", "acceptor", "donor", "both", "acidic", "basic", "other")
BURIAL_RADII: Final = (6.0, 8.0, 9.5)  # Å about the ligand's centre
NEAR_RADII: Final = (4.0, 5.0, 6.0, 8.0, 9.5)  # Å from any ligand atom
#: Å, one of them: classes of the protein atoms this near to the ligand are its site's composition.
COMPOSITION_RADIUS: Final = 6.0
METAL_RADIUS: Final = 3.0  # Å
#: Å from the nearest ligand atom: where a protein atom about the centre of a ligand that is bent begins to fade.
BURIAL_FADE: Final = (8.0, 10.0)
_NEAR: Final = len(BURIAL_RADII) + NEAR_RADII.index(COMPOSITION_RADIUS)  # place of these atoms among the counts
_EDGE = 0.5  # Å to either side of a radius, over which a protein atom fades out
#: Shells of the table of contacts by the kinds of both atoms: each is half of the contact profile's.
_TABLE_SHELLS: Final = 2
#: Directions that change sign in a mirror: odd in the third axis of the residue's frame, the cross product.
_SIGNED: Final = (2, 3, 6)  # places among the directions
_CLASSES: Final = len(ATOM_CLASSES)
_BY_KIND: Final = _CLASSES * _TABLE_SHELLS + len(_SIGNED)
_COLUMN: Final = {name: column for column, name in enumerate(ATOM_CATEGORIES)}
_ORDER, _ROTATABLE = (list(BOND_CATEGORIES).index(name) for name in ("order", "rotatable"))
_DOUBLE: Final = 1  # an order
_ROTORS: Final = DESCRIPTORS.index("rotatable_bonds")
_ROTOR_WEIGHT, _ROTOR_SCALE = 0.0585, 7.0  # of Vina's function; of the descriptor
_FAR_AWAY = 1e4  # Å, of padding

#: Sums of a complex, in order, with their widths: linear in the pairs, then in the protein's atoms.
PAIR_SUMS: Final = {
    "shells": _CLASSES * len(SHELLS),
    "vina": len(VINA_TERMS),
    "angles": POLAR_COLUMNS.stop - POLAR_COLUMNS.start + DIRECTION_COLUMNS.stop - DIRECTION_COLUMNS.start,
    "by_kind": len(KINDS) * _BY_KIND,
}
RESIDUE_SUMS: Final = {"burial": len(BURIAL_RADII) + len(NEAR_RADII) + 1, "classes": _CLASSES}
LIGAND_WIDTH: Final = len(DESCRIPTORS) + len(TOPOLOGY)
PAIR_WIDTH: Final = sum(PAIR_SUMS.values())
RESIDUE_WIDTH: Final = sum(RESIDUE_SUMS.values())
#: Of a pair's terms: what its residue's atoms are, then what the terms that do not go by that say.
HEADS: Final = (*ATOM_CLASSES, "Vina's terms", "angles")
_PLAIN_HEAD: Final = (
    *(kind for kind in range(_CLASSES) for _ in SHELLS),
    *[_CLASSES] * PAIR_SUMS["vina"],
    *[_CLASSES + 1] * PAIR_SUMS["angles"],
)
_KIND_HEAD: Final = (*(kind for _ in range(_TABLE_SHELLS) for kind in range(_CLASSES)), *[_CLASSES + 1] * len(_SIGNED))
#: What a readout can read, with the width of each group.
GROUPS: Final = {
    "descriptors": len(DESCRIPTORS),
    "topology": len(TOPOLOGY),
    "vina": len(VINA_TERMS),
    "burial": RESIDUE_SUMS["burial"],
    "composition": _CLASSES,
    "shells": _CLASSES * len(SHELLS),
    "table": len(KINDS) * _CLASSES * _TABLE_SHELLS,
    "angles": PAIR_SUMS["angles"],
    "handedness": len(KINDS) * len(_SIGNED),
}


def vocabulary() -> dict[str, Any]:
    """What the sums mean, for the card of weights that read them: others are refused."""
    return {
        "version": 2,
        "reach": REACH,
        "groups": dict(GROUPS),
        "shells": list(SHELLS),
        "table_shells": np.arange(len(SHELLS)).reshape(_TABLE_SHELLS, -1).tolist(),
        "topology": list(TOPOLOGY),
        "kinds": list(KINDS),
        "burial_radii": list(BURIAL_RADII),
        "near_radii": list(NEAR_RADII),
        "metal_radius": METAL_RADIUS,
    }


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums of B complexes.

    Attributes:
        ligand: (B, LIGAND_WIDTH) of the ligand alone: descriptors, then ``TOPOLOGY``.
        sizes: (B,) heavy atoms.
        pairs: (B, PAIR_WIDTH) sums over (ligand atom, residue) pairs, in the order of ``PAIR_SUMS``.
        residues: (B, RESIDUE_WIDTH) sums over protein atoms, in the order of ``RESIDUE_SUMS``.
    """

    ligand: Tensor
    sizes: Tensor
    pairs: Tensor
    residues: Tensor

    @classmethod
    def joined(cls, parts: list[Sums]) -> Sums:
        """The sums of several batches, one after the other."""
        return cls(*map(torch.cat, zip(*(part.tensors() for part in parts), strict=True)))

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All of them."""
        return self.ligand, self.sizes, self.pairs, self.residues

    def take(self, rows: Tensor) -> Sums:
        """Those of some complexes."""
        return Sums(*(tensor[rows] for tensor in self.tensors()))

    def double(self) -> Sums:
        """The same in 64 bits."""
        return Sums(*(tensor.double() for tensor in self.tensors()))

    def to(self, device: torch.device) -> Sums:
        """The same on a device."""
        return Sums(*(tensor.to(device) for tensor in self.tensors()))

    def groups(self) -> dict[str, Tensor]:
        """What a readout reads: each of ``GROUPS`` (B, width), about linear in affinity.

        Counts of contacts and topology enter as their roots, so that the tenth says less than the first; angles as
        means over the ligand's atoms; classes of near protein atoms as shares.
        """
        shells, vina, angles, by_kind = self.pairs.split(list(PAIR_SUMS.values()), dim=1)
        burial, classes = self.residues.split(list(RESIDUE_SUMS.values()), dim=1)
        table, signed = by_kind.reshape(-1, len(KINDS), _BY_KIND).split([_BY_KIND - len(_SIGNED), len(_SIGNED)], dim=2)
        descriptors, topology = self.ligand.split([len(DESCRIPTORS), len(TOPOLOGY)], dim=1)
        near, sizes = burial[:, _NEAR].unsqueeze(1), self.sizes.unsqueeze(1)
        return {
            "descriptors": descriptors,
            "topology": _root(topology),
            "vina": vina / (1.0 + _ROTOR_WEIGHT * _ROTOR_SCALE * descriptors[:, _ROTORS].unsqueeze(1)),
            "burial": burial,
            "composition": classes / near.clamp_min(1.0),
            "shells": _root(shells),
            "table": _root(table.flatten(1)),
            "angles": angles / sizes,
            "handedness": signed.flatten(1) / sizes.sqrt(),
        }


def _root(counts: Tensor) -> Tensor:
    """Zero at zero, with a finite slope."""
    return (counts.clamp_min(0.0) + 1e-4).sqrt() - 1e-2


def atom_kinds(categories: Tensor) -> Tensor:
    """Rows of ``KINDS`` (A,), of ligand atoms with categories (A, len(ATOM_CATEGORIES))."""
    aromatic, donor, acceptor, acidic, basic, greasy = (
        categories[:, _COLUMN[name]] > 0 for name in ("aromatic", "donor", "acceptor", "acidic", "basic", "hydrophobic")
    )
    kinds = torch.full((len(categories),), len(KINDS) - 1, device=categories.device)
    kinds[~greasy & ~donor & ~acceptor] = 2
    kinds[greasy & ~aromatic], kinds[greasy & aromatic] = 0, 1
    kinds[acceptor & ~donor], kinds[donor & ~acceptor], kinds[donor & acceptor] = 3, 4, 5
    kinds[acidic], kinds[basic] = 6, 7
    return kinds


def topology(batch: Batch) -> Tensor:
    """(ligands, len(TOPOLOGY)) counts of each ligand's bonds and atoms; the same however it lies."""
    kinds, atoms = batch.bond_categories, batch.atom_categories
    start = batch.bond_index[0]  # each bond is there twice, once from either end
    neighbours = torch.zeros_like(batch.atom_ligand).index_add_(0, start, torch.ones_like(start))
    of_bonds = torch.stack([kinds[:, _ORDER] == _DOUBLE, kinds[:, _ROTATABLE] > 0, torch.ones_like(kinds[:, 0]) > 0])
    of_atoms = torch.stack([neighbours == 4, neighbours == 3, atoms[:, _COLUMN["chirality"]] > 0])
    ends = batch.atom_ligand.index_select(0, start)
    sizes = batch.ligand_sizes.to(batch.dtype)
    double, turning, bonds = sizes.new_zeros(3, len(sizes)).index_add_(1, ends, of_bonds.to(sizes) / 2.0)
    atoms_of = sizes.new_zeros(3, len(sizes)).index_add_(1, batch.atom_ligand, of_atoms.to(sizes))
    return torch.stack([double, turning, bonds - sizes + 1.0, *atoms_of], dim=1)


def geometric_sums(batch: Batch, contacts: Contacts, features: PairFeatures, grid: ProteinGrid | None = None) -> Sums:
    """Sums of a batch.

    Args:
        batch: The batch.
        contacts: Its contacts within ``REACH``.
        features: Those of the pairs, with angles.
        grid: Of the batch, where it is made already.
    """
    items, scalars = batch.num_ligands, features.scalars
    sizes = batch.ligand_sizes.to(batch.dtype)
    ligand = batch.atom_ligand.index_select(0, contacts.pair_atom)
    row = ligand * len(KINDS) + atom_kinds(batch.atom_categories).index_select(0, contacts.pair_atom)
    directions = scalars[:, DIRECTION_COLUMNS] * features.smooth.unsqueeze(1)
    plain = torch.cat([scalars[:, VINA_COLUMNS], scalars[:, POLAR_COLUMNS], directions], dim=1)
    plain = plain.new_zeros(items, plain.shape[1]).index_add_(0, ligand, plain)
    by_kind = torch.cat([scalars[:, PROFILE_COLUMNS], _signed(directions)], dim=1)
    by_kind = by_kind.new_zeros(items * len(KINDS), by_kind.shape[1]).index_add_(0, row, by_kind)
    profile, signed = by_kind.view(items, len(KINDS), -1).split([_CLASSES * len(SHELLS), len(_SIGNED)], dim=2)
    table = torch.cat([_in_table(profile), signed], dim=2)
    pairs = torch.cat([profile.sum(1), plain, table.flatten(1)], dim=1)
    ligand_alone = torch.cat([batch.descriptors, topology(batch)], dim=1)
    return Sums(ligand_alone, sizes, pairs, (grid or ProteinGrid.of(batch)).sums())


def _signed(directions: Tensor) -> Tensor:
    """(E, 3), those of the directions that change sign in a mirror."""
    return torch.stack([directions[:, place] for place in _SIGNED], dim=1)


def _in_table(profile: Tensor) -> Tensor:
    """Contact profiles (..., classes * shells) in the shells of the table: (..., shells of the table * classes)."""
    shells = profile.unflatten(-1, (_CLASSES, _TABLE_SHELLS, -1)).sum(-1)
    return shells.transpose(-1, -2).flatten(-2)


@torch.inference_mode()
def sums_of(graphs: Sequence[ComplexGraph]) -> Sums:
    """Sums of complexes, in 32 bits; pockets that are the same object are held once.

    Args:
        graphs: At least one; memory grows with the largest ligand times the largest pocket times their number.
    """
    batch = collate(graphs)
    contacts = find_contacts(batch, REACH)
    return geometric_sums(batch, contacts, PairGeometry(REACH, vector_channels=1)(batch, contacts))


def _pair_terms(features: PairFeatures) -> tuple[Tensor, Tensor]:
    """What each pair adds: to the sums without kinds (E, ..), and to those of its atom's kind (E, _BY_KIND)."""
    scalars = features.scalars
    directions = scalars[:, DIRECTION_COLUMNS] * features.smooth.unsqueeze(1)
    profile = scalars[:, PROFILE_COLUMNS]
    plain = torch.cat([profile, scalars[:, VINA_COLUMNS], scalars[:, POLAR_COLUMNS], directions], dim=1)
    return plain, torch.cat([_in_table(profile), _signed(directions)], dim=1)


def pair_shares(batch: Batch, contacts: Contacts, features: PairFeatures, slope: Tensor) -> Tensor:
    """Each pair's terms weighted with the slopes (B, PAIR_WIDTH) of its ligand's sums: (E, len(HEADS)), by head."""
    ligand = batch.atom_ligand.index_select(0, contacts.pair_atom)
    kinds = atom_kinds(batch.atom_categories).index_select(0, contacts.pair_atom)
    plain, by_kind = (terms.to(slope.dtype) for terms in _pair_terms(features))
    of_plain, of_kind = slope.split([plain.shape[1], PAIR_SUMS["by_kind"]], dim=1)
    of_kind = of_kind.reshape(-1, _BY_KIND).index_select(0, ligand * len(KINDS) + kinds)
    found = slope.new_zeros(len(ligand), len(HEADS))
    for terms, column in ((plain * of_plain.index_select(0, ligand), _PLAIN_HEAD), (by_kind * of_kind, _KIND_HEAD)):
        found.index_add_(1, constant(column, found.device, torch.int64), terms)
    return found


def head_weights(features: PairFeatures) -> Tensor:
    """(E, classes of protein atoms) protein atoms of each class that a pair counts, each by its windows' weight."""
    return features.scalars[:, PROFILE_COLUMNS].view(-1, _CLASSES, len(SHELLS)).sum(2)


@dataclass(frozen=True, eq=False)
class ProteinGrid:
    """Each ligand beside the protein atoms of its pocket, both padded to the same numbers A and P.

    Attributes:
        positions: (B, P, 3), relative to the ligand's centre, Å; padding is far away.
        atoms: (B, P) rows of the batch's protein atoms; 0 for padding.
        classes: (B, P) rows of ``ATOM_CLASSES``; any for padding.
        residues: (B, P) rows of the batch's residues; any for padding.
        ligands: (B, A, 3), relative to the ligand's centre, Å; padding is far away, and from that of the protein.
    """

    positions: Tensor
    atoms: Tensor
    classes: Tensor
    residues: Tensor
    ligands: Tensor

    @classmethod
    def of(cls, batch: Batch) -> ProteinGrid:
        """The grid of a batch."""
        pocket = torch.div(
            batch.residue_slot.index_select(0, batch.protein_residue), batch.max_residues, rounding_mode="floor"
        )
        counts = pocket.new_zeros(batch.num_pockets).index_add_(0, pocket, torch.ones_like(pocket))
        # Of one pocket, as in a screen, the host knows it without waiting for the device.
        longest = len(pocket) if batch.num_pockets == 1 else int(counts.max())
        first = (counts.cumsum(0) - counts).index_select(0, batch.pocket_of).unsqueeze(1)
        place = torch.arange(longest, device=pocket.device)
        inside = place < counts.index_select(0, batch.pocket_of).unsqueeze(1)
        atoms = torch.where(inside, first + place, 0)

        def padded(values: Tensor) -> Tensor:
            return values.index_select(0, atoms.flatten()).view(*atoms.shape, *values.shape[1:])

        centre = batch.atom_positions.new_zeros(batch.num_ligands, 3)
        centre = centre.index_add_(0, batch.atom_ligand, batch.atom_positions) / batch.ligand_sizes.unsqueeze(1)
        positions = (padded(batch.protein_positions) - centre.unsqueeze(1)).to(batch.dtype)
        own = (batch.atom_positions - centre.index_select(0, batch.atom_ligand)).to(batch.dtype)
        ligands = own.new_full((batch.num_ligands * batch.max_atoms, 3), -_FAR_AWAY)
        return cls(
            positions.masked_fill_(~inside.unsqueeze(2), _FAR_AWAY),
            atoms,
            padded(batch.protein_classes),
            padded(batch.protein_residue),
            ligands.index_copy_(0, batch.atom_slot, own).view(batch.num_ligands, batch.max_atoms, 3),
        )

    @cached_property
    def squares(self) -> Tensor:
        """(B, A, P) Å², squared distances, right to some 1e-5 Å² within reach: a fraction of the time of cdist."""
        lengths = (self.positions * self.positions).sum(2).unsqueeze(1)
        products = torch.baddbmm(lengths, self.ligands, self.positions.transpose(1, 2), alpha=-2.0)
        return products.add_((self.ligands * self.ligands).sum(2).unsqueeze(2))

    def terms(self) -> Tensor:
        """(B, P, RESIDUE_WIDTH), what each protein atom adds to the sums about burial."""
        counts = self._counts()
        kinds = nn.functional.one_hot(self.classes, _CLASSES) * counts[_NEAR].unsqueeze(2)
        return torch.cat([counts.movedim(0, 2), kinds], dim=2)

    def sums(self) -> Tensor:
        """(B, RESIDUE_WIDTH), the terms of all protein atoms together."""
        counts = self._counts()
        kinds = counts.new_zeros(len(self.atoms), _CLASSES).scatter_add_(1, self.classes, counts[_NEAR])
        return torch.cat([counts.sum(2).t(), kinds], dim=1)

    def _counts(self) -> Tensor:
        """(radii and 1, B, P), 0 to 1: about the ligand's centre, near its atoms, and metals that it may hold."""
        far = (self.positions * self.positions).sum(2)
        least = self.squares.amin(dim=1).clamp_min(0.0).sqrt()
        about = _within(far.sqrt(), BURIAL_RADII) * envelope(least, *BURIAL_FADE)
        near = _within(least, (*NEAR_RADII, METAL_RADIUS))
        near[-1] *= self.classes == METAL_ION
        return torch.cat([about, near])


def _within(distance: Tensor, radii: tuple[float, ...]) -> Tensor:
    """(radii, ...), about one below each radius, about zero above it (Å)."""
    shape = (len(radii), *(1 for _ in distance.shape))
    return envelope(distance - constant(radii, distance.device, distance.dtype).view(shape), -_EDGE, _EDGE)

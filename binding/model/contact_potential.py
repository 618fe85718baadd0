"""How native the contacts of a pose look: log odds of their distances and angles, by the kinds of both atoms.

A knowledge-based potential (Sippl 1990, doi:10.1016/S0022-2836(05)80269-4; DrugScore, Gohlke et al. 2000,
doi:10.1006/jmbi.1999.3371) with an angle at either end of a contact, as KORP-PL has them (Kadukova et al. 2021,
doi:10.1093/bioinformatics/btaa748). In crystal complexes a contact of two kinds of atoms has some distances and angles
more often than contacts in general; the logarithm of how much more often is its score. Nothing here is learned by
gradients: the tables are counts, from ``scripts.release.contact_potential``.

Like the geometric sums, each table is an attention head with fixed weights that sums over contacts. All terms are
invariant under rotation and translation, continuous in the positions, and end within ``REACH`` of the ligand, so that
they do not depend on where the pocket was cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import torch
from torch import Tensor, nn

from binding.constants import ATOM_CLASSES, LIGAND_ELEMENTS, RESIDUE_TYPES
from binding.graph.batch import Batch
from binding.graph.fields import ATOM_CATEGORIES
from binding.model.geometric_sums import ProteinGrid
from binding.model.layers.constants import constant
from binding.model.layers.contacts import places, read_counts
from binding.model.layers.geometry import ligand_axes
from binding.model.layers.radial import envelope

#: Kinds of ligand atoms: apolar where they are hydrophobic in Vina's sense.
KINDS: Final = (
    "aromatic C, apolar",
    "aromatic C, polar",
    "aliphatic C, apolar",
    "sp2 C, polar",
    "aliphatic C, polar",
    "basic N",
    "donor N",
    "acceptor N",
    "other N",
    "acidic O",
    "donor O",
    "acceptor O",
    "halogen",
    "other",
)
REACH: Final = 8.0  # Å, of distances
ANGLE_REACH: Final = 6.5  # Å, of contacts whose angles are read
COUNTED: Final = (4.0, 6.0)  # Å, radii about each ligand atom in which protein atoms are counted
_STEP, _ANGLE_STEP = 0.25, 0.5  # Å between the knots of the tables
DISTANCE_KNOTS: Final = round(REACH / _STEP) + 1
ANGLE_DISTANCE_KNOTS: Final = round(ANGLE_REACH / _ANGLE_STEP) + 1
ANGLE_KNOTS: Final = 6  # of the cosine, from -1 to 1
_FADE = 1.0  # Å before a reach, over which contacts fade out
_EDGE = 0.5  # Å to either side of a radius, over which a protein atom fades out of the count
_SHORTEST = 1e-3  # Å
_SLACK = 0.01  # Å on the reach, of a sieve whose distances are rounded; contacts that far count for nothing
_COLUMN = {name: column for column, name in enumerate(ATOM_CATEGORIES)}
_CARBON, _NITROGEN, _OXYGEN = (LIGAND_ELEMENTS.index(number) for number in (6, 7, 8))
_HALOGENS = tuple(LIGAND_ELEMENTS.index(number) for number in (9, 17, 35, 53))
_SP2 = 1  # value of the category `hybridisation`
#: Tables and the ends of a contact whose angle they go by.
TABLES: Final = ("distance", "at_protein", "at_ligand")
#: Numbers that a potential says of a pose, in order.
TERMS: Final = (*TABLES, "within_4", "within_6")


def vocabulary() -> dict[str, Any]:
    """What the tables mean, for the card of weights that have them: others are refused."""
    return {
        "version": 1,
        "kinds": list(KINDS),
        "reach": REACH,
        "angle_reach": ANGLE_REACH,
        "knots": [DISTANCE_KNOTS, ANGLE_DISTANCE_KNOTS, ANGLE_KNOTS],
        "counted": list(COUNTED),
    }


def ligand_kinds(categories: Tensor) -> Tensor:
    """Rows of ``KINDS`` (A,), of ligand atoms with categories (A, len(ATOM_CATEGORIES))."""
    element = categories[:, _COLUMN["element"]]
    aromatic, donor, acceptor, acidic, basic, greasy = (
        categories[:, _COLUMN[name]] > 0 for name in ("aromatic", "donor", "acceptor", "acidic", "basic", "hydrophobic")
    )
    carbon, nitrogen, oxygen = element == _CARBON, element == _NITROGEN, element == _OXYGEN
    flat = categories[:, _COLUMN["hybridisation"]] == _SP2
    halogen = torch.isin(element, constant(_HALOGENS, element.device, element.dtype))
    rules = (
        (carbon, 4),
        (carbon & flat, 3),
        (carbon & greasy, 2),
        (carbon & aromatic, 1),
        (carbon & aromatic & greasy, 0),
        (nitrogen, 8),
        (nitrogen & acceptor, 7),
        (nitrogen & donor, 6),
        (nitrogen & basic, 5),
        (oxygen, 11),
        (oxygen & donor, 10),
        (oxygen & acidic, 9),
        (halogen, 12),
    )
    kinds = torch.full((len(categories),), KINDS.index("other"), device=categories.device)
    for mask, kind in rules:  # the last rule that fits
        kinds = torch.where(mask, kind, kinds)
    return kinds


@dataclass(frozen=True, eq=False)
class NearPairs:
    """The n pairs of a ligand atom and a protein atom within ``REACH``.

    Attributes:
        ligand: (n,) row of the ligand.
        atom: (n,) row of the ligand atom.
        protein: (n,) row of the protein atom.
        distance: (n,) Å.
        line: (n, 3) unit vector from the ligand atom to the protein atom.
        close: (m,) rows of those within ``ANGLE_REACH``, and of some just beyond it.
    """

    ligand: Tensor
    atom: Tensor
    protein: Tensor
    distance: Tensor
    line: Tensor
    close: Tensor


def near_pairs(batch: Batch, grid: ProteinGrid) -> NearPairs:
    """All pairs of a batch, ligand by ligand; memory grows with ligand atoms times the largest pocket.

    Args:
        batch: The batch.
        grid: Of it.
    """
    # Squares are a sieve; the distances themselves are of differences.
    near, close = ((grid.squares < (reach + _SLACK) ** 2) for reach in (REACH, ANGLE_REACH))
    num_near, num_close = read_counts([near.sum(), close.sum()])
    ligand, place, column = places(near, num_near).unbind(1)
    slot, cell = ligand * batch.max_atoms + place, ligand * grid.atoms.shape[1] + column
    row = torch.zeros(batch.num_ligands * batch.max_atoms, dtype=torch.long, device=ligand.device)
    row[batch.atom_slot] = torch.arange(len(batch.atom_slot), device=ligand.device)
    vector = grid.positions.flatten(0, 1).index_select(0, cell)
    vector = vector - grid.ligands.flatten(0, 1).index_select(0, slot)
    distance = vector.norm(dim=1)
    line = vector / distance.clamp_min(_SHORTEST).unsqueeze(1)
    within = close.flatten().index_select(0, slot * grid.atoms.shape[1] + column)
    return NearPairs(
        ligand,
        row.index_select(0, slot),
        grid.atoms.flatten().index_select(0, cell),
        distance,
        line,
        places(within, num_close).flatten(),
    )


def _knots(values: Tensor, step: float, count: int) -> tuple[Tensor, Tensor]:
    """The two knots that a value lies between (2, n) and the weight of each (2, n), which sum to one."""
    place = (values / step).clamp(0.0, count - 1.0)
    low = place.floor().clamp_max(count - 2.0)
    above = place - low
    rows = low.long()
    return torch.stack([rows, rows + 1]), torch.stack([1.0 - above, above])


class ContactPotential(nn.Module):
    """Tables of log odds.

    Args:
        protein_kinds: (residue types, atom classes) int64, kind of each protein atom; 0 to P - 1.
        distance: (kinds, P, DISTANCE_KNOTS) log odds at each distance.
        at_protein: (kinds, P, ANGLE_DISTANCE_KNOTS, ANGLE_KNOTS) by the angle at the protein atom, between
            the direction away from its bonds and the line to the ligand atom.
        at_ligand: Likewise, by the angle at the ligand atom.
    """

    protein_kinds: Tensor
    distance: Tensor
    at_protein: Tensor
    at_ligand: Tensor

    def __init__(self, protein_kinds: Tensor, distance: Tensor, at_protein: Tensor, at_ligand: Tensor) -> None:
        super().__init__()
        tables = {"distance": distance, "at_protein": at_protein, "at_ligand": at_ligand}
        for name, table in (("protein_kinds", protein_kinds), *tables.items()):
            self.register_buffer(name, table)

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Tables from a file.

        Raises:
            KeyError: One is missing.
            ValueError: One has another shape, or a kind that there is not.
        """
        kinds = tensors["protein_kinds"].long()
        count = int(kinds.max()) + 1
        if kinds.shape != (len(RESIDUE_TYPES), len(ATOM_CLASSES)) or int(kinds.min()) < 0:
            raise ValueError("the kinds of protein atoms are not those of this version")
        shapes = table_shapes(count)
        for name, shape in shapes.items():
            if tuple(tensors[name].shape) != shape:
                raise ValueError(f"{name} is {tuple(tensors[name].shape)}, and not {shape}")
        return cls(kinds, *(tensors[name].float() for name in shapes))

    @classmethod
    def empty(cls, protein_kinds: Tensor) -> Self:
        """Tables of zeros, to be counted into."""
        shapes = table_shapes(int(protein_kinds.max()) + 1)
        return cls(protein_kinds, *(torch.zeros(shape, dtype=torch.float64) for shape in shapes.values()))

    def forward(self, batch: Batch, grid: ProteinGrid | None = None) -> Tensor:
        """(B, len(TERMS)): sums over contacts of what each table says, then how many protein atoms are near.

        Args:
            batch: The batch.
            grid: Of it, where it is made already.
        """
        pairs = near_pairs(batch, grid or ProteinGrid.of(batch))
        found = self.distance.new_zeros(batch.num_ligands, len(TERMS))
        for column, (table, rows, weights, kept) in enumerate(self._entries(batch, pairs)):
            said = (table.flatten().index_select(0, rows.flatten()).view(rows.shape) * weights).sum(0)
            found[:, column].index_add_(0, pairs.ligand if kept is None else pairs.ligand.index_select(0, kept), said)
        for column, radius in enumerate(COUNTED, len(TABLES)):
            near = envelope(pairs.distance - radius, -_EDGE, _EDGE)
            found[:, column].index_add_(0, pairs.ligand, near.to(found.dtype))
        return found

    def count(self, batch: Batch) -> None:
        """Adds the contacts of a batch to tables of counts, each to the knots about it."""
        for table, rows, weights, _ in self._entries(batch, near_pairs(batch, ProteinGrid.of(batch))):
            table.view(-1).index_add_(0, rows.flatten(), weights.flatten().to(table.dtype))

    def _entries(self, batch: Batch, pairs: NearPairs) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor | None]]:
        """Each table, the entries (corners, n) that a contact reads, their weights, and rows of the contacts."""
        types = batch.residue_types.index_select(0, batch.protein_residue)
        partner = self.protein_kinds[types, batch.protein_classes].index_select(0, pairs.protein)
        kinds = (ligand_kinds(batch.atom_categories) * self.distance.shape[1]).index_select(0, pairs.atom)
        both = kinds + partner
        knots, weights = _knots(pairs.distance, _STEP, DISTANCE_KNOTS)
        fade = envelope(pairs.distance, REACH - _FADE, REACH)
        yield self.distance, both * DISTANCE_KNOTS + knots, weights * fade, None
        axes, _ = ligand_axes(batch)
        directions = batch.protein_directions
        kept = pairs.close
        distance, line = pairs.distance.index_select(0, kept), pairs.line.index_select(0, kept)
        fade = envelope(distance, ANGLE_REACH - _FADE, ANGLE_REACH)
        knots, weights = _knots(distance, _ANGLE_STEP, ANGLE_DISTANCE_KNOTS)
        rows = both.index_select(0, kept) * ANGLE_DISTANCE_KNOTS + knots
        ends = (
            (self.at_protein, directions.index_select(0, pairs.protein.index_select(0, kept)), -1.0),
            (self.at_ligand, axes.index_select(0, pairs.atom.index_select(0, kept)), 1.0),
        )
        for table, axis, sign in ends:
            axis = axis.to(line.dtype)
            cosine = sign * (axis * line).sum(1)
            known = (axis * axis).sum(1)  # 0 where an atom has no direction: such a contact says nothing here
            across, parts = _knots(cosine + 1.0, 2.0 / (ANGLE_KNOTS - 1), ANGLE_KNOTS)
            entries = rows.unsqueeze(1) * ANGLE_KNOTS + across
            yield table, entries.flatten(0, 1), (weights.unsqueeze(1) * parts * fade * known).flatten(0, 1), kept


def table_shapes(protein_kinds: int) -> dict[str, tuple[int, ...]]:
    """Shape of each table."""
    angles = (len(KINDS), protein_kinds, ANGLE_DISTANCE_KNOTS, ANGLE_KNOTS)
    return {"distance": (len(KINDS), protein_kinds, DISTANCE_KNOTS), "at_protein": angles, "at_ligand": angles}

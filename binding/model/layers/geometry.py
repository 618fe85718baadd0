"""Pair geometry of ligand atoms and pocket residues: every number here is SE(3)-invariant.

Contacts (ligand atom, protein atom) are summed into their pair (ligand atom, residue), so that
residues stay the nodes and no atomic detail is lost; see ``contacts``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from binding.constants import (
    ACCEPTOR_CLASSES,
    ATOM_CLASSES,
    CLASS_RADII,
    DONOR_CLASSES,
    HYDROPHOBIC_CLASSES,
    PLANAR_CLASSES,
)
from binding.graph.batch import Batch
from binding.graph.fields import ATOM_CATEGORIES
from binding.model.layers.contacts import Contacts
from binding.model.layers.harmonics import DEGREES_1_AND_2, both_degrees
from binding.model.layers.radial import GaussianBasis, envelope

SHELLS = (2.8, 3.3, 3.8, 4.4, 5.2, 6.2)  # Å, centres of the contact profile's shells
SHELL_WIDTHS = (0.3, 0.3, 0.3, 0.4, 0.5, 0.6)
HYDROGEN_BOND_RANGE = (2.9, 0.35)  # Å, centre and width of the window for directional polar contacts
STACKING_RANGE = (3.9, 0.6)
VINA_TERMS = ("gauss1", "gauss2", "repulsion", "hydrophobic", "hydrogen_bond")
#: Columns of ``PairFeatures.scalars`` with angles: three distances in Gaussians first, then the contact profile, sums
#: over contacts (Vina's terms, polar and stacked counts, their angles), and directions, the atom's in the residue's
#: frame and the residue's from the atom's axis.
PROFILE_COLUMNS = slice(40, 40 + len(ATOM_CLASSES) * len(SHELLS))
VINA_COLUMNS = slice(PROFILE_COLUMNS.stop, PROFILE_COLUMNS.stop + len(VINA_TERMS))
POLAR_COLUMNS = slice(VINA_COLUMNS.stop, VINA_COLUMNS.stop + 10)
DIRECTION_COLUMNS = slice(POLAR_COLUMNS.stop, POLAR_COLUMNS.stop + DEGREES_1_AND_2 + 2)
_FADE = 2.5  # Å before the cutoff, over which a pair fades out
_DEEPEST_OVERLAP = -1.0  # Å; beyond it the repulsion grows no more, so that a clash stays a finite number
_COLUMN = {name: column for column, name in enumerate(ATOM_CATEGORIES)}


@dataclass(frozen=True, eq=False)
class PairFeatures:
    """Features of E pairs that depend on positions alone; the same for every network of an ensemble.

    Attributes:
        scalars: (E, size) invariant numbers.
        vina: (E, 5) Vina's terms, which are also among the scalars.
        lines: (E, 5, 3) axes along which the atom's learned vectors are read: those of the residue's frame, then the
            unit vectors to anchor and centroid; None without angles.
        smooth: (E,) weight of the pair, one within and zero at the cutoff.
    """

    scalars: Tensor
    vina: Tensor
    lines: Tensor | None
    smooth: Tensor


def ligand_axes(batch: Batch) -> tuple[Tensor, Tensor]:
    """What an atom's bonds say about direction.

    Returns:
        Axes (A, 3): unit vector away from the bonded neighbours, zero for a lone atom or one whose
        neighbours cancel out. Planes (A, 3, 3): n n^T of the unit normal n of the bonds' plane, as the
        normalised adjugate of the sum of v v^T, which needs neither an order of the bonds nor a sign of n;
        zero where the bonds lie on a line.
    """
    positions, (source, target) = batch.atom_positions.to(batch.dtype), batch.bond_index
    vectors = nn.functional.normalize(positions[source] - positions[target], dim=-1, eps=1e-3)
    total = torch.zeros_like(positions).index_add_(0, target, vectors)
    length = total.norm(dim=-1, keepdim=True)
    axes = torch.where(length > 0.1, -total / length.clamp_min(0.1), torch.zeros_like(total))
    outer = positions.new_zeros(len(positions), 3, 3)
    outer = outer.index_add_(0, target, vectors[:, :, None] * vectors[:, None, :])
    first, second, third = outer.unbind(dim=1)
    cross = torch.linalg.cross
    adjugate = torch.stack([cross(second, third), cross(third, first), cross(first, second)], dim=1)
    trace = adjugate.diagonal(dim1=1, dim2=2).sum(-1)[:, None, None]
    planes = torch.where(trace > 0.05, adjugate / trace.clamp_min(0.05), torch.zeros_like(adjugate))
    return axes, planes


def _window(distance: Tensor, centre_and_width: tuple[float, float]) -> Tensor:
    centre, width = centre_and_width
    return torch.exp(-(((distance - centre).clamp_min(0.0) / width) ** 2))


class PairGeometry(nn.Module):
    """Invariant features of each pair.

    Without angles (``angles=False``): three distances, the contact profile, Vina's five terms, and counts of
    polar and stacked contacts. With angles, in addition: the direction of the atom in the residue's frame in
    real spherical harmonics, the atom's axis against the lines to the residue, hydrogen-bond angles at both
    ends, stacking angles, and the atom's learned vectors in the residue's frame and along those lines.

    Args:
        cutoff: Å, of contacts and pairs.
        vector_channels: Number of learned vectors of each ligand atom.
        angles: Whether angles are part of the features.

    Attributes:
        num_scalars: Number of features that depend on positions alone, which come first.
        num_features: Number of all features, including those read from the learned vectors.
    """

    shell_centres: Tensor
    shell_widths: Tensor
    class_radii: Tensor
    class_flags: Tensor

    def __init__(self, cutoff: float, vector_channels: int, angles: bool = True) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.angles = angles
        self.least = GaussianBasis(2.0, cutoff, 16)
        self.anchor = GaussianBasis(2.0, 16.0, 12)
        self.centroid = GaussianBasis(2.0, 14.0, 12)
        self.register_buffer("shell_centres", torch.tensor(SHELLS), persistent=False)
        self.register_buffer("shell_widths", torch.tensor(SHELL_WIDTHS), persistent=False)
        self.register_buffer("class_radii", torch.tensor(CLASS_RADII), persistent=False)
        flags = torch.zeros(len(ATOM_CLASSES), 4)
        for column, group in enumerate((DONOR_CLASSES, ACCEPTOR_CLASSES, HYDROPHOBIC_CLASSES, PLANAR_CLASSES)):
            flags[list(group), column] = 1.0
        self.register_buffer("class_flags", flags, persistent=False)
        self.num_scalars = 16 + 12 + 12 + len(ATOM_CLASSES) * len(SHELLS) + len(VINA_TERMS) + 4
        if angles:
            self.num_scalars += DEGREES_1_AND_2 + 2 + 3 + 3
        self.num_features = self.num_scalars + (5 * vector_channels if angles else 0)

    def forward(self, batch: Batch, contacts: Contacts) -> PairFeatures:
        """Features of the pairs that need no learned parameter.

        Args:
            batch: The batch.
            contacts: Its contacts within the cutoff.
        """
        pairs = len(contacts.pair_atom)
        atom, residue = contacts.pair_atom, contacts.pair_residue
        positions = batch.atom_positions.to(batch.dtype).index_select(0, atom)
        to_anchor = batch.anchors.index_select(0, residue) - positions
        to_centroid = batch.centroids.index_select(0, residue) - positions
        vina, polar, ligand_flat, protein_flat = self._contact_kinds(batch, contacts)
        bond_window = _window(contacts.distance, HYDROGEN_BOND_RANGE) * polar
        stack_window = _window(contacts.distance, STACKING_RANGE)
        weights = torch.stack([ligand_flat, protein_flat, ligand_flat * protein_flat], dim=-1)
        stacked = stack_window.unsqueeze(-1) * weights
        sums = torch.cat([vina, bond_window.unsqueeze(-1), stacked], dim=-1)
        axes = None
        if self.angles:
            axes, planes = ligand_axes(batch)
            sums = torch.cat([sums, self._contact_angles(batch, contacts, axes, planes, bond_window, stacked)], dim=-1)
        sums = sums.new_zeros(pairs, sums.shape[1]).index_add_(0, contacts.pair, sums)
        blocks = [
            self.least(contacts.pair_distance),
            self.anchor(to_anchor.norm(dim=-1)),
            self.centroid(to_centroid.norm(dim=-1)),
            self._profile(batch, contacts, pairs),
            sums,
        ]
        lines = None
        if axes is not None:
            frames = batch.frames.index_select(0, residue)
            anchor_line = nn.functional.normalize(to_anchor, dim=-1, eps=1e-3)
            centroid_line = nn.functional.normalize(to_centroid, dim=-1, eps=1e-3)
            lines = torch.cat([frames, anchor_line.unsqueeze(1), centroid_line.unsqueeze(1)], dim=1)
            blocks.append(both_degrees((frames * -to_anchor.unsqueeze(1)).sum(-1)))
            blocks.append((lines[:, 3:] * axes.index_select(0, atom).unsqueeze(1)).sum(-1))
        smooth = envelope(contacts.pair_distance, self.cutoff - _FADE, self.cutoff)
        return PairFeatures(torch.cat(blocks, dim=-1), sums[:, : len(VINA_TERMS)], lines, smooth)

    def _profile(self, batch: Batch, contacts: Contacts, pairs: int) -> Tensor:
        """(E, classes * shells) soft counts of the residue's atoms around the ligand atom, by class and shell."""
        shells = torch.exp(
            -0.5 * ((contacts.distance.unsqueeze(-1) - self.shell_centres) / self.shell_widths) ** 2
        )  # (C, shells)
        # The last shell reaches past the cutoff: without the envelope an atom that crosses it would be a step.
        shells = shells * envelope(contacts.distance, self.cutoff - 1.0, self.cutoff).unsqueeze(-1)
        row = contacts.pair * len(ATOM_CLASSES) + batch.protein_classes.index_select(0, contacts.protein)
        counts = shells.new_zeros(pairs * len(ATOM_CLASSES), len(SHELLS)).index_add_(0, row, shells)
        return counts.view(pairs, len(ATOM_CLASSES) * len(SHELLS))  # not -1: a batch may hold no pair

    def _contact_kinds(self, batch: Batch, contacts: Contacts) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Vina's five terms (C, 5), and three flags (C,): can hydrogen-bond, flat ligand atom, flat protein atom.

        Terms as in Trott & Olson 2010 (doi:10.1002/jcc.21334), without their weights.
        """
        classes = batch.protein_classes.index_select(0, contacts.protein)
        categories = batch.atom_categories.index_select(0, contacts.atom)
        flags = self.class_flags.index_select(0, classes)
        real = flags.dtype
        donor = categories[:, _COLUMN["donor"]].to(real)
        acceptor = categories[:, _COLUMN["acceptor"]].to(real)
        polar = (donor * flags[:, 1] + acceptor * flags[:, 0]).clamp_max(1.0)
        greasy = categories[:, _COLUMN["hydrophobic"]].to(real) * flags[:, 2]
        surface = contacts.distance - batch.atom_radii[contacts.atom] - self.class_radii[classes]
        vina = torch.stack(
            [
                torch.exp(-((surface / 0.5) ** 2)),
                torch.exp(-(((surface - 3.0) / 2.0) ** 2)),
                surface.clamp(_DEEPEST_OVERLAP, 0.0) ** 2,
                greasy * (1.5 - surface).clamp(0.0, 1.0),
                polar * (-surface / 0.7).clamp(0.0, 1.0),
            ],
            dim=-1,
        ) * envelope(contacts.distance, self.cutoff - 2.0, self.cutoff).unsqueeze(-1)
        return vina, polar, categories[:, _COLUMN["aromatic"]].to(real), flags[:, 3]

    def _contact_angles(
        self, batch: Batch, contacts: Contacts, axes: Tensor, planes: Tensor, bond_window: Tensor, stacked: Tensor
    ) -> Tensor:
        """(C, 6): hydrogen-bond angles at the ligand atom, at the protein atom, both; three stacking angles."""
        line = contacts.vector / contacts.distance.unsqueeze(-1)
        protein_axis = batch.protein_directions.index_select(0, contacts.protein)
        protein_normal = batch.protein_normals.index_select(0, contacts.protein)
        plane = planes.index_select(0, contacts.atom)  # (C, 3, 3)
        at_ligand = (axes.index_select(0, contacts.atom) * line).sum(-1)
        at_protein = -(protein_axis * line).sum(-1)
        bonds = torch.stack([at_ligand, at_protein, at_ligand * at_protein], dim=-1) * bond_window.unsqueeze(-1)
        over_ligand = ((plane * line.unsqueeze(1)).sum(-1) * line).sum(-1)
        over_protein = (protein_normal * line).sum(-1) ** 2
        parallel = ((plane * protein_normal.unsqueeze(1)).sum(-1) * protein_normal).sum(-1)
        return torch.cat([bonds, torch.stack([over_ligand, over_protein, parallel], dim=-1) * stacked], dim=-1)


def read_vectors(lines: Tensor, vectors: Tensor) -> Tensor:
    """Learned vectors along the axes of their pair.

    Args:
        lines: (E, 5, 3), see ``PairFeatures``.
        vectors: (E, channels, 3), of each pair's atom.

    Returns:
        (E, 5 * channels): each vector in the residue's frame, then all along the line to the anchor, then all
        along that to the centroid.
    """
    read = torch.bmm(vectors, lines.transpose(1, 2))  # (E, channels, 5)
    return torch.cat([read[:, :, :3].flatten(1), read[:, :, 3], read[:, :, 4]], dim=-1)

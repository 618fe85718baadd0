"""Pair geometry of ligand atoms and pocket residues: every number here is SE(3)-invariant.

Contacts are pairs (ligand atom, protein atom) within the cutoff. Pairs are (ligand atom, residue)
whose least heavy-atom distance is within the cutoff. Contacts are summed into their pair, so that
residues stay the nodes and no atomic detail is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from e3nn import o3
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
from binding.nn.radial import GaussianBasis, envelope

SHELLS = (2.8, 3.3, 3.8, 4.4, 5.2, 6.2)  # Å, centres of the contact profile's shells
SHELL_WIDTHS = (0.3, 0.3, 0.3, 0.4, 0.5, 0.6)
HYDROGEN_BOND_RANGE = (2.9, 0.35)  # Å, centre and width of the window for directional polar contacts
STACKING_RANGE = (3.9, 0.6)
VINA_TERMS = ("gauss1", "gauss2", "repulsion", "hydrophobic", "hydrogen_bond")
_FAR = 1e6  # Å, where padding lies: ligand on one side, protein on the other
_DEEPEST_OVERLAP = -1.0  # Å; beyond it the repulsion grows no more, so that a clash stays a finite number
_COLUMN = {name: column for column, name in enumerate(ATOM_CATEGORIES)}


@dataclass(frozen=True, eq=False)
class Contacts:
    """C contacts within the cutoff, the E pairs that they make, and the S sites of the pairs.

    A site is a residue as one ligand meets it: where a pocket is shared, each of its ligands has sites of its own.

    Attributes:
        atom: (C,) ligand atom. protein: (C,) protein atom. vector: (C, 3), from ligand to protein atom, Å.
        distance: (C,) Å. pair: (C,) row of the pair.
        pair_atom: (E,) ligand atom. pair_residue: (E,) residue. pair_site: (E,) site.
        pair_distance: (E,) least distance, Å.
        site_residue: (S,) residue.
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


def find_contacts(batch: Batch, cutoff: float) -> Contacts:
    """All contacts within ``cutoff`` Å, by blocks of padded distances: no loop, no neighbour library."""
    device = batch.atom_positions.device
    ligand = batch.atom_positions.new_full((batch.num_ligands * batch.max_atoms, 3), _FAR)
    ligand[batch.atom_slot] = batch.atom_positions
    protein = batch.atom_positions.new_full((batch.num_pockets * batch.max_protein, 3), -_FAR)
    protein[batch.protein_slot] = batch.protein_positions
    atom_at = torch.empty(len(ligand), dtype=torch.long, device=device)
    atom_at[batch.atom_slot] = torch.arange(len(batch.atom_slot), device=device)
    protein_at = torch.empty(len(protein), dtype=torch.long, device=device)
    protein_at[batch.protein_slot] = torch.arange(len(batch.protein_slot), device=device)

    with torch.no_grad():
        left = ligand.view(batch.num_ligands, batch.max_atoms, 3)
        right = protein.view(batch.num_pockets, batch.max_protein, 3)[batch.pocket_of]
        # In float64: a contact at the very cutoff must not come and go with the rotation of the files.
        # The matrix-product form of cdist loses the digits that invariance needs.
        distances = torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist")
        item, left_place, right_place = torch.nonzero(distances < cutoff, as_tuple=True)
    atom = atom_at[item * batch.max_atoms + left_place]
    protein_atom = protein_at[batch.pocket_of[item] * batch.max_protein + right_place]
    vector = (batch.protein_positions[protein_atom] - batch.atom_positions[atom]).to(batch.dtype)
    distance = vector.norm(dim=-1).clamp_min(1e-3)

    residue = batch.protein_residue[protein_atom]
    place = batch.residue_slot[residue] % batch.max_residues
    pair, pair_key = _number(batch.atom_slot[atom] * batch.max_residues + place)
    pair_atom = torch.empty_like(pair_key)
    pair_atom[pair] = atom
    pair_residue = torch.empty_like(pair_key)
    pair_residue[pair] = residue
    ligand_row, pair_place = batch.atom_ligand[pair_atom], pair_key % batch.max_residues
    pair_site, site_key = _number(ligand_row * batch.max_residues + pair_place)
    site_residue = torch.empty_like(site_key)
    site_residue[pair_site] = pair_residue
    pair_distance = distance.new_full((len(pair_key),), cutoff).scatter_reduce(0, pair, distance, "amin")
    return Contacts(
        atom, protein_atom, vector, distance, pair, pair_atom, pair_residue, pair_site, pair_distance, site_residue
    )


def _number(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Row of each key among the distinct keys in ascending order, and the distinct keys."""
    distinct, row = torch.unique(keys, return_inverse=True)
    return row, distinct


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
        self.harmonics = o3.Irreps("1x1o+1x2e")
        self.num_features = 16 + 12 + 12 + len(ATOM_CLASSES) * len(SHELLS) + len(VINA_TERMS) + 4
        if angles:
            self.num_features += self.harmonics.dim + 2 + 3 + 3 + 5 * vector_channels

    def forward(self, batch: Batch, contacts: Contacts, vectors: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features of the pairs.

        Args:
            batch: The batch.
            contacts: Its contacts within the cutoff.
            vectors: (A, vector_channels, 3) learned vectors; needed with angles only.

        Returns:
            Features (E, num_features) and Vina's terms alone (E, 5).
        """
        pairs = len(contacts.pair_atom)
        atom, residue = contacts.pair_atom, contacts.pair_residue
        positions = batch.atom_positions.to(batch.dtype)[atom]
        to_anchor, to_centroid = batch.anchors[residue] - positions, batch.centroids[residue] - positions
        vina, polar, ligand_flat, protein_flat = self._contact_kinds(batch, contacts)
        bond_window = _window(contacts.distance, HYDROGEN_BOND_RANGE) * polar
        stack_window = _window(contacts.distance, STACKING_RANGE)
        weights = torch.stack([ligand_flat, protein_flat, ligand_flat * protein_flat], dim=-1)
        stacked = stack_window.unsqueeze(-1) * weights
        sums = torch.cat([vina, bond_window.unsqueeze(-1), stacked], dim=-1)
        if self.angles:
            sums = torch.cat([sums, self._contact_angles(batch, contacts, bond_window, stacked)], dim=-1)
        sums = sums.new_zeros(pairs, sums.shape[1]).index_add_(0, contacts.pair, sums)
        vina_sums = sums[:, : len(VINA_TERMS)]
        blocks = [
            self.least(contacts.pair_distance),
            self.anchor(to_anchor.norm(dim=-1)),
            self.centroid(to_centroid.norm(dim=-1)),
            self._profile(batch, contacts, pairs),
            sums,
        ]
        if self.angles:
            assert vectors is not None
            blocks.append(self._pair_angles(batch, contacts, to_anchor, to_centroid, vectors))
        return torch.cat(blocks, dim=-1), vina_sums

    def _profile(self, batch: Batch, contacts: Contacts, pairs: int) -> Tensor:
        """(E, classes * shells) soft counts of the residue's atoms around the ligand atom, by class and shell."""
        shells = torch.exp(
            -0.5 * ((contacts.distance.unsqueeze(-1) - self.shell_centres) / self.shell_widths) ** 2
        )  # (C, shells)
        # The last shell reaches past the cutoff: without the envelope an atom that crosses it would be a step.
        shells = shells * envelope(contacts.distance, self.cutoff - 1.0, self.cutoff).unsqueeze(-1)
        row = contacts.pair * len(ATOM_CLASSES) + batch.protein_classes[contacts.protein]
        counts = shells.new_zeros(pairs * len(ATOM_CLASSES), len(SHELLS)).index_add_(0, row, shells)
        return counts.view(pairs, len(ATOM_CLASSES) * len(SHELLS))  # not -1: a batch may hold no pair

    def _contact_kinds(self, batch: Batch, contacts: Contacts) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Vina's five terms (C, 5), and three flags (C,): can hydrogen-bond, flat ligand atom, flat protein atom.

        Terms as in Trott & Olson 2010 (doi:10.1002/jcc.21334), without their weights.
        """
        classes = batch.protein_classes[contacts.protein]
        categories = batch.atom_categories[contacts.atom]
        flags = self.class_flags[classes]
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

    def _contact_angles(self, batch: Batch, contacts: Contacts, bond_window: Tensor, stacked: Tensor) -> Tensor:
        """(C, 6): hydrogen-bond angles at the ligand atom, at the protein atom, both; three stacking angles."""
        line = contacts.vector / contacts.distance.unsqueeze(-1)
        axes, planes = ligand_axes(batch)
        protein_axis = batch.protein_directions[contacts.protein]
        protein_normal = batch.protein_normals[contacts.protein]
        plane = planes[contacts.atom]
        at_ligand = (axes[contacts.atom] * line).sum(-1)
        at_protein = -(protein_axis * line).sum(-1)
        bonds = torch.stack([at_ligand, at_protein, at_ligand * at_protein], dim=-1) * bond_window.unsqueeze(-1)
        over_ligand = torch.einsum("ci,cij,cj->c", line, plane, line)
        over_protein = (protein_normal * line).sum(-1) ** 2
        parallel = torch.einsum("ci,cij,cj->c", protein_normal, plane, protein_normal)
        return torch.cat([bonds, torch.stack([over_ligand, over_protein, parallel], dim=-1) * stacked], dim=-1)

    def _pair_angles(
        self, batch: Batch, contacts: Contacts, to_anchor: Tensor, to_centroid: Tensor, vectors: Tensor
    ) -> Tensor:
        """(E, 8 + 2 + 5 * channels): see the class."""
        atom, residue = contacts.pair_atom, contacts.pair_residue
        frames = batch.frames[residue]
        local = torch.einsum("eij,ej->ei", frames, -to_anchor)
        harmonics = o3.spherical_harmonics(self.harmonics, local, normalize=True, normalization="component")
        anchor_line = nn.functional.normalize(to_anchor, dim=-1, eps=1e-3)
        centroid_line = nn.functional.normalize(to_centroid, dim=-1, eps=1e-3)
        axis = ligand_axes(batch)[0][atom]
        cosines = torch.stack([(axis * anchor_line).sum(-1), (axis * centroid_line).sum(-1)], dim=-1)
        atom_vectors = vectors[atom]  # (E, channels, 3)
        in_frame = torch.einsum("eij,ecj->eci", frames, atom_vectors).flatten(1)
        along_anchor = torch.einsum("ecj,ej->ec", atom_vectors, anchor_line)
        along_centroid = torch.einsum("ecj,ej->ec", atom_vectors, centroid_line)
        return torch.cat([harmonics, cosines, in_frame, along_anchor, along_centroid], dim=-1)

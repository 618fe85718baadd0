"""Pocket residues -> ``PocketGraph``."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from binding.constants import (
    ALIPHATIC_C,
    AMIDE_N,
    AMINO_ACIDS,
    ANIONIC_O,
    ATOM_CLASS,
    CARBONYL_O,
    CHI_PLACES,
    HYDROXYL_O,
    METAL_ION,
    METAL_TYPES,
    METALS,
    NUCLEOTIDE_BASE,
    OTHER_ATOM,
    PARENT_AMINO_ACID,
    POLAR_C,
    RESIDUE_TYPES,
    SULFUR,
)
from binding.graph.directions import atom_directions, bonds_by_distance, unit
from binding.graph.fields import RESIDUE_SCALARS, PocketGraph
from binding.structures import Protein, ResidueKind

NEIGHBOURS = 12
NEIGHBOUR_CUTOFF = 14.0
_BURIAL_RADIUS = 8.0
_BURIAL_SCALE = 10.0
_PEPTIDE_BOND = 2.0  # Å, longest C-N that still joins two residues
_TYPE_ROW = {name: row for row, name in enumerate(RESIDUE_TYPES)}
_BACKBONE_NAMES = ("N", "CA", "C", "O", "OXT")
_HEAVY_ATOMS = dict(zip(AMINO_ACIDS, (5, 11, 8, 8, 6, 9, 9, 4, 10, 8, 8, 9, 8, 11, 7, 6, 7, 14, 12, 7), strict=True))


def _parent(name: str) -> str:
    return PARENT_AMINO_ACID.get(name, name)


def _residue_type(name: str, kind: int, element: int) -> int:
    if kind == ResidueKind.AMINO_ACID:
        parent = _parent(name)
        return _TYPE_ROW.get(parent if parent in AMINO_ACIDS else "other amino acid", 0)
    if kind == ResidueKind.NUCLEOTIDE:
        base = NUCLEOTIDE_BASE.get(name)
        return _TYPE_ROW[f"nucleotide {base}" if base else "other nucleotide"]
    if kind == ResidueKind.METAL:
        return _TYPE_ROW[METAL_TYPES.get(element, "other metal")]
    return _TYPE_ROW["cofactor"]


class _PocketAtoms:
    """Row of the atom of a given name in each residue, -1 where there is none."""

    def __init__(self, protein: Protein) -> None:
        self.protein = protein
        self._rows: dict[tuple[str, ...], np.ndarray] = {}

    def rows(self, *names: str) -> np.ndarray:
        if names not in self._rows:
            rows = np.full(self.protein.num_residues, -1)
            for name in reversed(names):
                hits = np.flatnonzero(self.protein.atom_names == name)
                rows[self.protein.atom_residue[hits]] = hits
            self._rows[names] = rows
        return self._rows[names]


def _dihedral(p0: np.ndarray, p1: np.ndarray, p2: np.ndarray, p3: np.ndarray) -> np.ndarray:
    """Sine and cosine (n, 2) of the dihedral of four points (n, 3)."""
    axis = unit(p2 - p1)
    first = p0 - p1
    last = p3 - p2
    first = first - (first * axis).sum(-1, keepdims=True) * axis
    last = last - (last * axis).sum(-1, keepdims=True) * axis
    first, last = unit(first), unit(last)
    sine = (np.cross(axis, first) * last).sum(-1)
    return np.stack([sine, (first * last).sum(-1)], axis=-1)


def _previous(protein: Protein, table: _PocketAtoms) -> np.ndarray:
    """(residues,) row of the amino acid whose C is bonded to this one's N, -1 where there is none.

    Derived from the bonds and not from the order of the file, in which a modified residue may stand at the end.
    """
    previous = np.full(protein.num_residues, -1)
    amino = protein.residue_kinds == ResidueKind.AMINO_ACID
    n, c = table.rows("N"), table.rows("C")
    givers, takers = np.flatnonzero(amino & (c >= 0)), np.flatnonzero(amino & (n >= 0))
    if not len(givers) or not len(takers):
        return previous
    distance, nearest = cKDTree(protein.positions[c[givers]]).query(
        protein.positions[n[takers]], distance_upper_bound=_PEPTIDE_BOND
    )
    found = np.isfinite(distance)
    takers, givers, distance = takers[found], givers[nearest[found]], distance[found]
    order = np.argsort(distance, kind="stable")
    takers, givers = takers[order], givers[order]
    # A C has one N only: where two claim it (residues that overlap), the nearer.
    _, first = np.unique(givers, return_index=True)
    first = first[takers[first] != givers[first]]
    previous[takers[first]] = givers[first]
    return previous


def _following(previous: np.ndarray) -> np.ndarray:
    """(residues,) row of the residue after each one, -1 where there is none."""
    following = np.full(len(previous), -1)
    linked = np.flatnonzero(previous >= 0)
    following[previous[linked]] = linked
    return following


def _chain_places(previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Segment of each residue, joined by peptide bonds without a gap, and its place along the segment."""
    following = _following(previous)
    segment, place = np.full(len(previous), -1), np.zeros(len(previous), dtype=np.int64)
    ends_first = np.argsort(previous >= 0, kind="stable")  # after the open chains, only rings are left
    for start in ends_first.tolist():
        row, step = start, 0
        while row >= 0 and segment[row] < 0:
            segment[row], place[row] = start, step
            row, step = int(following[row]), step + 1
    return segment, place


def _dihedrals(protein: Protein, table: _PocketAtoms, previous: np.ndarray) -> np.ndarray:
    """phi, psi and chi1..chi4 as (residues, 12) sines and cosines, zero where an atom is missing.

    Args:
        protein: The pocket.
        table: Its atoms by name.
        previous: (residues,) see ``_previous``.
    """
    positions = protein.positions
    n, ca, c = table.rows("N"), table.rows("CA"), table.rows("C")
    following = _following(previous)
    previous_c = np.where(previous >= 0, c[previous], -1)
    next_n = np.where(following >= 0, n[following], -1)
    places = [table.rows(*names) for names in CHI_PLACES]
    quads = [(previous_c, n, ca, c), (n, ca, c, next_n)] + [tuple(places[k : k + 4]) for k in range(4)]
    amino = protein.residue_kinds == ResidueKind.AMINO_ACID
    rows = np.array(quads)  # (angles, 4, residues)
    known = amino & (rows >= 0).all(axis=1)
    out = np.zeros((len(quads), protein.num_residues, 2))
    out[known] = _dihedral(*(positions[rows[:, place][known]] for place in range(4)))
    return out.swapaxes(0, 1).reshape(protein.num_residues, -1)


def _frames(protein: Protein, table: _PocketAtoms) -> np.ndarray:
    """Right-handed local frames (residues, 3, 3), rows are the axes; zero where an atom is missing.

    Amino acids: N, CA, C, as in AlphaFold 2 (Jumper et al. 2021, algorithm 21). Nucleotides: C4', C1' and the
    base's N9 or N1. The cross product makes the frame, and with it the model, sensitive to handedness.
    """
    amino = protein.residue_kinds == ResidueKind.AMINO_ACID
    nucleotide = protein.residue_kinds == ResidueKind.NUCLEOTIDE
    left = np.where(amino, table.rows("N"), np.where(nucleotide, table.rows("N9", "N1"), -1))
    origin = np.where(amino, table.rows("CA"), np.where(nucleotide, table.rows("C1'"), -1))
    right = np.where(amino, table.rows("C"), np.where(nucleotide, table.rows("C4'"), -1))
    frames = np.zeros((protein.num_residues, 3, 3))
    known = (left >= 0) & (origin >= 0) & (right >= 0)
    origins = protein.positions[origin[known]]
    first = unit(protein.positions[right[known]] - origins)
    second = protein.positions[left[known]] - origins
    second = unit(second - (second * first).sum(-1, keepdims=True) * first)
    frames[known] = np.stack([first, second, np.cross(first, second)], axis=1)
    return frames


def _atom_classes(protein: Protein, bonds: np.ndarray) -> np.ndarray:
    """Class of each atom: by residue and atom name for amino acids, by element and bonds for all else."""
    parents = [_parent(str(name)) for name in protein.residue_names]
    amino = protein.residue_kinds == ResidueKind.AMINO_ACID
    classes = np.array(
        [
            ATOM_CLASS.get((parents[row], name), -1) if amino[row] else -1
            for row, name in zip(protein.atom_residue.tolist(), protein.atom_names.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    unknown = classes < 0
    if not unknown.any():
        return classes
    elements = protein.elements
    source = np.concatenate([bonds[:, 0], bonds[:, 1]])
    target = np.concatenate([bonds[:, 1], bonds[:, 0]])
    degree = np.bincount(target, minlength=protein.num_atoms)
    hetero = np.isin(elements, (7, 8))
    hetero_neighbours = np.bincount(target, weights=hetero[source], minlength=protein.num_atoms)
    # An oxygen at the end of a bond is anionic where its neighbour is P or S, or holds another such oxygen.
    terminal_oxygen = (elements == 8) & (degree <= 1)
    terminal_oxygens = np.bincount(target, weights=terminal_oxygen[source], minlength=protein.num_atoms)
    acidic_centre = np.isin(elements, (15, 16)) | ((elements == 6) & (terminal_oxygens >= 2))
    beside_acidic = np.bincount(target, weights=acidic_centre[source], minlength=protein.num_atoms) > 0
    by_element = np.full(protein.num_atoms, OTHER_ATOM)
    by_element[elements == 6] = np.where(hetero_neighbours[elements == 6] > 0, POLAR_C, ALIPHATIC_C)
    by_element[elements == 7] = AMIDE_N
    by_element[elements == 8] = HYDROXYL_O
    by_element[terminal_oxygen & (degree == 1)] = CARBONYL_O
    by_element[terminal_oxygen & beside_acidic] = ANIONIC_O
    by_element[np.isin(elements, (16, 34))] = SULFUR
    by_element[np.isin(elements, list(METALS))] = METAL_ION
    classes[unknown] = by_element[unknown]
    return classes


def _segment_mean(values: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    total = np.stack([np.bincount(rows, weights=values[:, k], minlength=count) for k in range(3)], axis=1)
    return total / np.maximum(np.bincount(rows, minlength=count), 1)[:, None]


def _edges(anchors: np.ndarray, previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each residue's nearest neighbours within ``NEIGHBOUR_CUTOFF``, and their offset along the chain."""
    count = len(anchors)
    size = min(NEIGHBOURS + 1, count)
    distance, neighbour = cKDTree(anchors).query(anchors, k=size)
    distance, neighbour = distance.reshape(count, size), neighbour.reshape(count, size)
    target = np.repeat(np.arange(count), size)
    source = neighbour.reshape(-1)
    keep = (source != target) & (distance.reshape(-1) < NEIGHBOUR_CUTOFF)
    source, target = source[keep], target[keep]
    segment, place = _chain_places(previous)
    same = segment[source] == segment[target]
    offset = np.where(same, np.clip(place[source] - place[target], -3, 3), 4)
    return np.stack([source, target]).astype(np.int32), offset.astype(np.int8)


def build_pocket_graph(pocket: Protein) -> PocketGraph:
    """Features of a pocket's residues and atoms.

    Args:
        pocket: The protein cut down to the pocket; at least one residue.

    Returns:
        The pocket's graph; see ``binding.graph.fields``.
    """
    count = pocket.num_residues
    table = _PocketAtoms(pocket)
    positions, residue = pocket.positions, pocket.atom_residue.astype(np.int64)
    amino = pocket.residue_kinds == ResidueKind.AMINO_ACID
    previous = _previous(pocket, table)
    bonds = bonds_by_distance(positions, pocket.elements)
    classes = _atom_classes(pocket, bonds)
    directions, normals = atom_directions(positions, bonds)

    means = _segment_mean(positions, residue, count)
    nucleotide = pocket.residue_kinds == ResidueKind.NUCLEOTIDE
    anchor_rows = np.where(amino, table.rows("CA"), np.where(nucleotide, table.rows("C1'"), -1))
    anchors = np.where((anchor_rows >= 0)[:, None], positions[anchor_rows], means)
    side_chain = ~(amino[residue] & pocket.atoms_named(*_BACKBONE_NAMES))
    has_side_chain = np.bincount(residue, weights=side_chain, minlength=count) > 0
    side_means = _segment_mean(positions[side_chain], residue[side_chain], count)
    centroids = np.where(has_side_chain[:, None], side_means, anchors)

    frames = _frames(pocket, table)
    first_atom = np.searchsorted(residue, np.arange(count))
    types = [
        _residue_type(str(name), int(kind), int(element))
        for name, kind, element in zip(
            pocket.residue_names, pocket.residue_kinds, pocket.elements[first_atom], strict=True
        )
    ]
    names = [_parent(str(name)) for name in pocket.residue_names]
    expected = np.array(
        [_HEAVY_ATOMS.get(name, 0) if is_amino else 0 for name, is_amino in zip(names, amino, strict=True)]
    )
    missing = np.bincount(residue, minlength=count) < expected
    modified = amino & np.array([str(a) != b for a, b in zip(pocket.residue_names, names, strict=True)])
    tree = cKDTree(centroids)
    burial = tree.query_ball_point(centroids, _BURIAL_RADIUS, return_length=True) / _BURIAL_SCALE
    scalars = np.concatenate(
        [
            _dihedrals(pocket, table, previous),
            np.stack([burial, missing, modified, np.abs(frames).sum((1, 2)) > 0], axis=1),
        ],
        axis=1,
    )
    assert scalars.shape[1] == len(RESIDUE_SCALARS)
    edge_index, edge_offset = _edges(anchors, previous)
    return PocketGraph(
        residue_types=np.array(types, dtype=np.uint8),
        residue_scalars=scalars.astype(np.float64),
        anchors=anchors,
        centroids=centroids,
        frames=frames,
        edge_index=edge_index,
        edge_offset=edge_offset,
        atom_positions=positions,
        atom_classes=classes.astype(np.uint8),
        atom_residue=pocket.atom_residue.astype(np.int32),
        atom_directions=directions,
        atom_normals=normals,
    )

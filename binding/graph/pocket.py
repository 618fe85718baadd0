"""Pocket residues -> ``PocketGraph``.

A residue's own features do not depend on where the pocket was cut: they are found once a receptor, and a pocket is a
choice among them. What does depend on it (angles across a cut, burial, neighbours) is found for each pocket.
"""

from __future__ import annotations

from functools import cached_property

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
from binding.graph.chains import AtomPlaces, Chains, following_residues, previous_residues
from binding.graph.directions import atom_directions, bonds_by_distance, unit
from binding.graph.fields import RESIDUE_SCALARS, PocketGraph
from binding.structures import Protein, ResidueKind

NEIGHBOURS = 12
NEIGHBOUR_CUTOFF = 14.0
_BURIAL_RADIUS = 8.0
_BURIAL_SCALE = 10.0
_TYPE_ROW = {name: row for row, name in enumerate(RESIDUE_TYPES)}
_BACKBONE_NAMES = ("N", "CA", "C", "O", "OXT")
_HEAVY_ATOMS = dict(zip(AMINO_ACIDS, (5, 11, 8, 8, 6, 9, 9, 4, 10, 8, 8, 9, 8, 11, 7, 6, 7, 14, 12, 7), strict=True))


_BY_PHASING = "MSE"  # selenomethionine, which crystallographers put in methionine's place


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


def _dihedrals(protein: Protein, table: AtomPlaces, previous: np.ndarray) -> np.ndarray:
    """phi, psi and chi1..chi4 as (residues, 12) sines and cosines, zero where an atom is missing.

    Args:
        protein: The protein.
        table: Its atoms by name.
        previous: (residues,) see ``previous_residues``.
    """
    positions = protein.positions
    n, ca, c = table.rows("N"), table.rows("CA"), table.rows("C")
    following = following_residues(previous)
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


def _frames(protein: Protein, table: AtomPlaces) -> np.ndarray:
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


def _atom_classes(protein: Protein, table: AtomPlaces, bonds: np.ndarray) -> np.ndarray:
    """Class of each atom: by residue and atom name for amino acids, by element and bonds for all else."""
    amino = protein.residue_kinds == ResidueKind.AMINO_ACID
    parents: dict[str, int] = {}
    parent_of = [parents.setdefault(_parent(name), len(parents)) for name in protein.residue_names.tolist()]
    by_name = [[ATOM_CLASS.get((parent, name), -1) for name in table.names] for parent in parents]
    classes = np.array(by_name, dtype=np.int64)[np.array(parent_of)[protein.atom_residue], table.codes]
    classes[~amino[protein.atom_residue]] = -1
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


def _listed(rows: np.ndarray, others: np.ndarray, count: int) -> np.ndarray:
    """The others of each row, in the order given: (count, most) int64, filled up with ``count``."""
    order = np.argsort(rows, kind="stable")
    rows, others = rows[order], others[order]
    sizes = np.bincount(rows, minlength=count)
    lists = np.full((count, int(sizes.max(initial=0))), count)
    lists[rows, np.arange(len(rows)) - (np.cumsum(sizes) - sizes)[rows]] = others
    return lists


class ResidueTable:
    """What the residues and atoms of a protein are, of which each pocket's graph is a choice.

    Args:
        protein: A receptor or a part of one; at least one residue.
    """

    def __init__(self, protein: Protein) -> None:
        self.protein = protein
        count = protein.num_residues
        table = AtomPlaces(protein)
        positions, residue = protein.positions, protein.atom_residue.astype(np.int64)
        amino = protein.residue_kinds == ResidueKind.AMINO_ACID
        self.chains = Chains(previous_residues(protein, table))
        bonds = bonds_by_distance(positions, protein.elements)
        self._classes = _atom_classes(protein, table, bonds).astype(np.uint8)
        self._directions, self._normals = atom_directions(positions, bonds)

        means = _segment_mean(positions, residue, count)
        nucleotide = protein.residue_kinds == ResidueKind.NUCLEOTIDE
        anchor_rows = np.where(amino, table.rows("CA"), np.where(nucleotide, table.rows("C1'"), -1))
        self._anchors = np.where((anchor_rows >= 0)[:, None], positions[anchor_rows], means)
        side_chain = ~(amino[residue] & table.named(*_BACKBONE_NAMES))
        has_side_chain = np.bincount(residue, weights=side_chain, minlength=count) > 0
        side_means = _segment_mean(positions[side_chain], residue[side_chain], count)
        self._centroids = np.where(has_side_chain[:, None], side_means, self._anchors)

        self._frames = _frames(protein, table)
        first_atom = np.searchsorted(residue, np.arange(count))
        names = protein.residue_names.tolist()
        kinds, elements = protein.residue_kinds.tolist(), protein.elements[first_atom].tolist()
        types = [_residue_type(*item) for item in zip(names, kinds, elements, strict=True)]
        parents = [_parent(name) for name in names]
        expected = np.array([_HEAVY_ATOMS.get(name, 0) for name in parents]) * amino
        missing = np.bincount(residue, minlength=count) < expected
        modified = amino & np.array([a not in (b, _BY_PHASING) for a, b in zip(names, parents, strict=True)])
        self._types = np.array(types, dtype=np.uint8)
        self._dihedrals = _dihedrals(protein, table, self.chains.previous)
        self._flags = np.stack([missing, modified, np.abs(self._frames).sum((1, 2)) > 0], axis=1)

    def graph(self, keep: np.ndarray | None = None) -> PocketGraph:
        """The graph of a pocket; see ``binding.graph.fields``.

        Args:
            keep: (residues,) bool, those of the pocket, at least one; None for all.
        """
        count = self.protein.num_residues
        if keep is None:
            burial, (source, target), offset = self._all_close(), self._all_edges(), self.chains.offset
            rows, atoms = np.arange(count), np.arange(self.protein.num_atoms)
            dihedrals, places = self._dihedrals, rows
        else:
            held = np.append(keep, False)  # -1 and ``count`` stand for no residue
            rows, atoms = np.flatnonzero(keep), np.flatnonzero(keep[self.protein.atom_residue])
            places = np.cumsum(keep) - 1
            burial = held[self._close[rows]].sum(axis=1)
            source, target = self._edges_among(rows, held)
            offset = self.chains.among(keep).offset
            dihedrals = self._dihedrals[rows]
            dihedrals[~held[self.chains.previous[rows]], :2] = 0.0
            dihedrals[~held[self.chains.following[rows]], 2:4] = 0.0
        scalars = np.concatenate([dihedrals, burial[:, None] / _BURIAL_SCALE, self._flags[rows]], axis=1)
        assert scalars.shape[1] == len(RESIDUE_SCALARS)
        return PocketGraph(
            residue_types=self._types[rows],
            residue_scalars=scalars,
            anchors=self._anchors[rows],
            centroids=self._centroids[rows],
            frames=self._frames[rows],
            edge_index=np.stack([places[source], places[target]]).astype(np.int32),
            edge_offset=offset(source, target),
            atom_positions=self.protein.positions[atoms],
            atom_classes=self._classes[atoms],
            atom_residue=places[self.protein.atom_residue[atoms]].astype(np.int32),
            atom_directions=self._directions[atoms],
            atom_normals=self._normals[atoms],
        )

    def _all_close(self) -> np.ndarray:
        """(residues,) how many side chains are near each, its own included."""
        return cKDTree(self._centroids).query_ball_point(self._centroids, _BURIAL_RADIUS, return_length=True)

    @cached_property
    def _close(self) -> np.ndarray:
        """(residues, most) rows of the side chains near each, its own included."""
        count = len(self._centroids)
        one, other = cKDTree(self._centroids).query_pairs(_BURIAL_RADIUS, output_type="ndarray").T
        own = np.arange(count)
        return _listed(np.concatenate([own, one, other]), np.concatenate([own, other, one]), count)

    def _all_edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of each residue's nearest neighbours within ``NEIGHBOUR_CUTOFF``, and of the residue."""
        return self._nearest(NEIGHBOURS + 1)

    def _nearest(self, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of so many residues nearest to each, itself counted and left out, by distance; and of the residue."""
        count = len(self._anchors)
        size = min(most, count)
        distance, neighbour = cKDTree(self._anchors).query(self._anchors, k=size)
        target, source = np.repeat(np.arange(count), size), neighbour.reshape(-1)
        keep = (source != target) & (distance.reshape(-1) < NEIGHBOUR_CUTOFF)
        return source[keep], target[keep]

    @cached_property
    def _neighbours(self) -> np.ndarray:
        """(residues, most) rows of all within ``NEIGHBOUR_CUTOFF`` of each, by distance."""
        count, most = len(self._anchors), 64
        within = cKDTree(self._anchors).query_ball_point(self._anchors, NEIGHBOUR_CUTOFF, return_length=True)
        source, target = self._nearest(max(most, int(within.max())))
        return _listed(target, source, count)

    def _edges_among(self, rows: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``_all_edges`` of a pocket, whose residues are ``rows`` and marked in ``held``."""
        lists = self._neighbours[rows]
        kept = held[lists]
        kept &= kept.cumsum(axis=1, dtype=np.int16) <= NEIGHBOURS
        place, column = np.nonzero(kept)
        return lists[place, column], rows[place]


def build_pocket_graph(pocket: Protein) -> PocketGraph:
    """Features of a pocket's residues and atoms.

    Args:
        pocket: The protein cut down to the pocket; at least one residue.

    Returns:
        The pocket's graph; see ``binding.graph.fields``.
    """
    return ResidueTable(pocket).graph()

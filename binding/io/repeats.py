"""What a file holds twice: alternate locations, copies, atoms of one name. Of each, one is kept, with a note."""

from __future__ import annotations

import gemmi
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from binding.io.flat import Flat
from binding.io.vocabulary import is_amino_acid_name

_SHORTEST_BOND = 1.1  # Å; two atoms of one name that are closer are conformers
_BACKBONE = frozenset(("N", "CA", "C"))
_SAME_PLACE = 0.5  # Å; a second atom of the same name closer than this is a copy
_SAME_CARBON = 2.0  # Å between alpha carbons of one residue in two states; in neighbours 2.8 or more
_BOND_TOLERANCE = 0.4  # Å beyond the sum of covalent radii


def one_altloc(flat: Flat, notes: list[str]) -> Flat:
    """Keep, at each residue number, the alternate location with the highest total occupancy (ties: the first)."""
    labelled = flat.altlocs != 0
    if not labelled.any():
        return flat
    sites = np.cumsum(flat.boundaries(with_name=False)) - 1
    keep = ~labelled
    chosen: dict[str, int] = {}
    for site in np.unique(sites[labelled]):
        atoms = np.flatnonzero((sites == site) & labelled)
        labels = list(dict.fromkeys(flat.altlocs[atoms].tolist()))  # in order of appearance
        totals = [flat.occupancies[atoms][flat.altlocs[atoms] == label].sum() for label in labels]
        best = labels[int(np.argmax(np.round(totals, 4)))]
        keep[atoms[flat.altlocs[atoms] == best]] = True
        if len(labels) > 1:
            chosen[chr(best)] = chosen.get(chr(best), 0) + 1
    for label, count in sorted(chosen.items()):
        notes.append(f"kept altloc {label} of {count} residue{'s' if count > 1 else ''}")
    return flat.take(keep)


def drop_copies(flat: Flat, notes: list[str]) -> Flat:
    """Drop what a file holds twice, such as a chain that was appended to itself: it would bind twice as tightly."""
    place = np.round(flat.positions * 1000.0).astype(np.int64) @ np.array([1, 1 << 21, 1 << 42])
    order = np.argsort(place, kind="stable")
    same = np.zeros(len(order), dtype=bool)
    one, next_one = order[:-1], order[1:]
    same[next_one] = (
        (place[one] == place[next_one])
        & (flat.atom_names[one] == flat.atom_names[next_one])
        & (flat.residue_names[one] == flat.residue_names[next_one])
        & (flat.numbers[one] == flat.numbers[next_one])
    )
    if not same.any():
        return flat
    count = int(same.sum())
    notes.append(f"dropped {count} atom{'s' if count > 1 else ''} of a name and place that the file has twice")
    return flat.take(~same)


def resolve_duplicates(flat: Flat, start: np.ndarray, notes: list[str]) -> tuple[Flat, np.ndarray]:
    """Atoms of one name in one residue: a copy in the same place is dropped, another may begin another group.

    Amino acids under one number, and conformers without a label, are told apart by the names that repeat.
    Atoms of another molecule may all have one name: there a group begins only where what repeats names is not bonded to
    what came before.
    """
    groups = np.cumsum(start) - 1
    keys = np.char.add(np.char.add(groups.astype("<U10"), ":"), flat.atom_names)
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    if (counts == 1).all():
        return flat, start
    start = start.copy()
    keep = np.ones(len(keys), dtype=bool)
    order, states = np.arange(len(keys)), 0
    for group in np.unique(groups[first[counts > 1]]):
        atoms = np.flatnonzero(groups == group)
        conformers = _drop_repeated(flat, atoms, keep)
        atoms = atoms[keep[atoms]]
        names = flat.atom_names[atoms].tolist()
        chain = _BACKBONE <= set(names) or is_amino_acid_name(str(flat.residue_names[atoms[0]]))
        if chain and _is_one_residue(flat, atoms):
            firsts = np.unique(flat.atom_names[atoms], return_index=True)[1]
            states += len(atoms) - len(firsts)
            keep[np.delete(atoms, firsts)] = False
            starts = []
        elif chain or conformers:
            starts = _where_names_repeat(names)
        else:
            molecules = _molecules(flat, atoms)
            order[atoms] = atoms = atoms[np.argsort(molecules, kind="stable")]
            starts = _where_molecules_repeat(flat.atom_names[atoms].tolist(), np.sort(molecules))
        start[np.flatnonzero(groups == group)] = False
        start[np.flatnonzero((groups == group) & keep)[[0, *starts]]] = True
    if copies := int((~keep).sum()) - states:
        notes.append(f"dropped {copies} atoms that repeat another of the same name and place")
    if states:
        notes.append(f"kept the first place of {states} atoms that have two of them without a label")
    return flat.take(order).take(keep), start[keep]


def _is_one_residue(flat: Flat, atoms: np.ndarray) -> bool:
    """Whether atoms of an amino acid with names that repeat are one residue: its alpha carbons are near each other."""
    alpha = flat.positions[atoms[flat.atom_names[atoms] == "CA"]]
    return len(alpha) > 0 and bool((np.linalg.norm(alpha - alpha[0], axis=1) < _SAME_CARBON).all())


def _drop_repeated(flat: Flat, atoms: np.ndarray, keep: np.ndarray) -> bool:
    """Mark the atoms that lie where another of the same name lies; whether any is a conformer of another."""
    seen: dict[str, list[int]] = {}
    conformers = False
    for atom in atoms.tolist():
        others = seen.setdefault(str(flat.atom_names[atom]), [])
        away = np.linalg.norm(flat.positions[others] - flat.positions[atom], axis=1).min(initial=np.inf)
        if away < _SAME_PLACE:
            keep[atom] = False
        else:
            others.append(atom)
            conformers |= bool(away < _SHORTEST_BOND)
    return conformers


def _where_names_repeat(names: list[str]) -> list[int]:
    """Rows at which a name comes that the group before has."""
    starts, seen = [], set[str]()
    for row, name in enumerate(names):
        if name in seen:
            starts.append(row)
            seen = set()
        seen.add(name)
    return starts


def _where_molecules_repeat(names: list[str], molecules: np.ndarray) -> list[int]:
    """Rows at which a molecule begins that shares a name with the group before."""
    starts, seen = [], set[str]()
    for row in np.flatnonzero(np.diff(molecules, prepend=-1)).tolist():
        mine = {name for name, molecule in zip(names, molecules, strict=True) if molecule == molecules[row]}
        if mine & seen:
            starts.append(row)
            seen = set()
        seen |= mine
    return starts


def _molecules(flat: Flat, atoms: np.ndarray) -> np.ndarray:
    """(n,) which molecule each atom belongs to, by bonding distance, numbered in the order of their first atoms."""
    radii = np.array([gemmi.Element(int(number)).covalent_r for number in flat.elements[atoms]])
    pairs = cKDTree(flat.positions[atoms]).query_pairs(2 * radii.max() + _BOND_TOLERANCE, output_type="ndarray")
    lengths = np.linalg.norm(flat.positions[atoms[pairs[:, 0]]] - flat.positions[atoms[pairs[:, 1]]], axis=1)
    pairs = pairs[lengths < radii[pairs[:, 0]] + radii[pairs[:, 1]] + _BOND_TOLERANCE]
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(atoms),) * 2)
    _, label = connected_components(graph, directed=False)
    _, firsts, rows = np.unique(label, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts))[rows]

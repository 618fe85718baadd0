"""Bonds and bond orders of a ligand from its heavy atoms' positions alone.

For files that hold neither bonds nor a SMILES. Bonds are pairs within covalent distance. Lengths in Å.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from rdkit import Chem
from rdkit.Geometry import Point3D
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from binding.constants import COVALENT_RADII, FARTHEST
from binding.errors import LigandError
from binding.graph.molecule import bonds_of
from binding.io.bond_orders import flat_rings, set_orders

NOTE = "bond orders perceived from geometry"

_TOLERANCE = 0.45  # beyond the sum of covalent radii
_CERTAIN = 0.25  # ... where parts that the file does not join are bonded
_CONNECT_TOLERANCE = 0.75  # ... up to which a bond that the file lists is believed
_OVERLAP = 0.9  # Å; parts that come nearer are two molecules in one place, or two states of one
_LONGEST_TO_HYDROGEN = 1.3
_SHORTEST_BOND = 0.7  # Å; atoms of a structure that are all nearer to their neighbours are not in Å
SAME_SPOT = 0.05  # Å; atoms spread less than this along every axis are no pose
_MAX_NEIGHBOURS = {"C": 4, "N": 4, "O": 2, "F": 1, "Cl": 1, "Br": 1, "I": 1, "S": 4, "Se": 4, "P": 4, "B": 4, "Si": 4}
_BOND_TYPES = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
_MOST_NEIGHBOURS = {"S": 6, "Se": 6, "P": 6, "Si": 6, "I": 3}  # of which those beyond the above are surely bonded
_NEVER_BONDED = frozenset(("Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba"))  # by distance alone: ions
_MOST_BONDS = {"C": 4, "N": 5, "O": 3, "F": 1, "B": 4}  # counted with their orders; nitrogen as in N(=O)=O


def perceive_bonds(
    symbols: Sequence[str],
    positions: Sequence[Sequence[float]],
    name: str,
    connected: Iterable[tuple[int, int]] | Mapping[tuple[int, int], int] = (),
) -> tuple[Chem.Mol, list[str]]:
    """Molecule of the heavy atoms with bonds and orders from geometry, not sanitized.

    Args:
        symbols: Elements.
        positions: (atoms, 3) Å.
        name: For messages.
        connected: Pairs of rows that the file says are bonded. Those longer than any bond are passed over. Where the
            rest joins all heavy atoms into one molecule, it is the list of bonds; else bonds are added by distance.
            A mapping also says how often each is listed, which is its order where that makes a possible molecule.

    Returns:
        The molecule and the notes that say how it came about.

    Raises:
        LigandError: ``bad_record``, where two atoms are in one place.
    """
    heavy = [row for row, symbol in enumerate(symbols) if symbol != "H"]
    new_row = {row: index for index, row in enumerate(heavy)}
    elements = [symbols[row] for row in heavy]
    xyz = np.asarray([positions[row] for row in heavy], dtype=np.float64).reshape(-1, 3)
    counts = connected if isinstance(connected, Mapping) else dict.fromkeys(connected, 0)
    orders = {
        (min(new_row[a], new_row[b]), max(new_row[a], new_row[b])): count  # a file names either end first
        for (a, b), count in counts.items()
        if a in new_row and b in new_row
    }
    mol = Chem.RWMol()
    conformer = Chem.Conformer(len(heavy))
    conformer.Set3D(True)
    for index, (element, position) in enumerate(zip(elements, xyz, strict=True)):
        mol.AddAtom(Chem.Atom(element))
        conformer.SetAtomPosition(index, Point3D(*position))
    pairs, notes = _bonded_pairs(elements, xyz, set(orders), name)
    for a, b in pairs:
        mol.AddBond(a, b, Chem.BondType.SINGLE)
    mol.AddConformer(conformer)
    if _are_orders(elements, pairs, orders):
        for a, b in pairs:
            mol.GetBondBetweenAtoms(a, b).SetBondType(_BOND_TYPES[orders[a, b]])
        return mol.GetMol(), notes
    mol.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(mol)
    Chem.GetSSSR(mol)
    set_orders(mol, xyz, _hydrogens(symbols, positions, heavy))
    return mol.GetMol(), [*notes, NOTE]


def _hydrogens(symbols: Sequence[str], positions: Sequence[Sequence[float]], heavy: list[int]) -> np.ndarray | None:
    """(heavy atoms,) how many hydrogens are bonded to each; None where there is none."""
    rows = [row for row, symbol in enumerate(symbols) if symbol == "H"]
    if not rows:
        return None
    away, nearest = cKDTree([positions[row] for row in heavy]).query([positions[row] for row in rows])
    return np.bincount(nearest[away < _LONGEST_TO_HYDROGEN], minlength=len(heavy))


def _are_orders(
    elements: Sequence[str], pairs: Iterable[tuple[int, int]], orders: Mapping[tuple[int, int], int]
) -> bool:
    """Whether the numbers of times that pairs are listed are bond orders: not all alike, and no atom has too many."""
    counts = [orders.get(pair, 0) for pair in pairs]
    if not counts or not 1 == min(counts) < max(counts) <= len(_BOND_TYPES):
        return False
    valence = np.zeros(len(elements), dtype=int)
    for (a, b), count in zip(pairs, counts, strict=True):
        valence[[a, b]] += count
    return all(held <= _MOST_BONDS.get(element, 6) for held, element in zip(valence, elements, strict=True))


def with_perceived_bonds(mol: Chem.Mol, name: str) -> tuple[Chem.Mol, list[str]]:
    """The molecule of a file that lists bonds, with bonds from geometry where the file lacks them or their orders.

    Bonds are lacking where no two heavy atoms are joined, or where parts of the molecule that are not joined lie within
    bonding distance of each other. Orders are lacking where the file says of a bond that its order is not known, and
    where all bonds are single although the geometry says otherwise, as in what PyMOL saves of a PDB file.

    Args:
        mol: Not sanitized, as read.
        name: For messages.

    Returns:
        The molecule, and notes where bonds were perceived.

    Raises:
        LigandError: As ``perceive_bonds``; or ``bad_record``, where orders are lacking in a molecule with a metal.
    """
    if not mol.GetNumConformers() or mol.GetNumHeavyAtoms() < 2:
        return mol, []
    fragments = Chem.GetMolFrags(mol)
    single, unknown = _without_orders(mol)
    if len(fragments) == 1 and not single and not unknown:
        return mol, []
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
    xyz = mol.GetConformer().GetPositions()
    organic = np.flatnonzero([symbol in _MAX_NEIGHBOURS for symbol in symbols])
    if len(organic) < 2 or not (np.abs(xyz) < FARTHEST).all() or (np.ptp(xyz[organic], axis=0) < SAME_SPOT).all():
        return mol, []
    if not xyz[:, 2].any() and not mol.GetConformer().Is3D():
        return mol, []  # a drawing
    if len(fragments) > 1 and _lacks_bonds(fragments, symbols, organic, xyz):
        perceived, notes = perceive_bonds(symbols, xyz.tolist(), name)
        return perceived, ["the file lacks bonds" if mol.GetNumBonds() else "the file lists no bonds", *notes]
    if not single and not unknown:
        return mol, []
    if not set(symbols) <= {"H", *_MAX_NEIGHBOURS}:
        if not unknown:
            return mol, []
        raise LigandError(
            f"Ligand {name} has {unknown} bond{'s' if unknown > 1 else ''} of no known order.",
            "Write single, double, triple or aromatic bonds.",
            "bad_record",
        )
    bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
    perceived, notes = perceive_bonds(symbols, xyz.tolist(), name, bonds)
    if unknown:
        return perceived, [f"the file does not say the order of {unknown} bond{'s' if unknown > 1 else ''}", *notes]
    if _lacks_hydrogen_valences(mol) or _has_flat_double_bond(perceived):
        return perceived, ["all bonds of the file are single, which the geometry denies", *notes]
    return mol, []


def _without_orders(mol: Chem.Mol) -> tuple[bool, int]:
    """Whether all bonds are single ones, and of how many the order is not known."""
    bonds = bonds_of(mol)
    orders = {bond.GetBondTypeAsDouble() for bond in bonds}  # a fraction of the time of asking for the types
    if 0.0 not in orders and orders != {1.0}:
        return False, 0
    kinds = [bond.GetBondType() for bond in bonds]
    different = set(kinds)
    unknown = kinds.count(Chem.BondType.UNSPECIFIED) if Chem.BondType.UNSPECIFIED in different else 0
    return different == {Chem.BondType.SINGLE}, unknown


def _lacks_bonds(
    fragments: Sequence[Sequence[int]], symbols: Sequence[str], organic: np.ndarray, xyz: np.ndarray
) -> bool:
    """Whether parts that are not joined lie within bonding distance of each other, and not in one place."""
    fragment = np.empty(len(symbols), dtype=int)
    for number, members in enumerate(fragments):
        fragment[list(members)] = number
    radii = np.array([COVALENT_RADII[Chem.GetPeriodicTable().GetAtomicNumber(symbols[row])] for row in organic])
    close = cKDTree(xyz[organic]).query_pairs(2 * radii.max() + _CERTAIN, output_type="ndarray")
    lengths = np.linalg.norm(xyz[organic[close[:, 0]]] - xyz[organic[close[:, 1]]], axis=1)
    bonded = lengths < radii[close[:, 0]] + radii[close[:, 1]] + _CERTAIN
    apart = fragment[organic[close[:, 0]]] != fragment[organic[close[:, 1]]]
    return bool((bonded & apart).any()) and not bool((apart & (lengths < _OVERLAP)).any())


def _lacks_hydrogen_valences(mol: Chem.Mol) -> bool:
    """Whether a neutral carbon has fewer than four neighbours in a file that gives carbons their hydrogens."""
    carbons = [atom for atom in mol.GetAtoms() if atom.GetAtomicNum() == 6 and not atom.GetFormalCharge()]
    given = sum(neighbour.GetAtomicNum() == 1 for carbon in carbons for neighbour in carbon.GetNeighbors())
    return 2 * given >= len(carbons) > 0 and any(carbon.GetDegree() < 4 for carbon in carbons)


def _has_flat_double_bond(mol: Chem.Mol) -> bool:
    """Whether a flat ring holds a perceived double bond; of 369 saturated crystal ligands none has one."""
    flat = {index for ring in flat_rings(mol, mol.GetConformer().GetPositions()) for index in ring}
    doubles = (bond for bond in mol.GetBonds() if bond.GetBondType() != Chem.BondType.SINGLE)
    return any(bond.GetBeginAtomIdx() in flat and bond.GetEndAtomIdx() in flat for bond in doubles)


def _bonded_pairs(
    elements: list[str], xyz: np.ndarray, extra: set[tuple[int, int]], name: str
) -> tuple[list[tuple[int, int]], list[str]]:
    table = Chem.GetPeriodicTable()
    radii = np.array([COVALENT_RADII.get(table.GetAtomicNumber(e), table.GetRcovalent(e)) for e in elements])
    close = cKDTree(xyz).query_pairs(2 * radii.max() + _TOLERANCE, output_type="ndarray")
    lengths = np.linalg.norm(xyz[close[:, 0]] - xyz[close[:, 1]], axis=1)
    collapsed = len(elements) > 1 and (np.ptp(xyz, axis=0) < SAME_SPOT).all()
    if len(elements) > 2 and not collapsed:
        middle = float(np.median(cKDTree(xyz).query(xyz, k=2)[0][:, 1]))
        if middle < _SHORTEST_BOND:
            raise LigandError(
                f"Ligand {name} has coordinates that cannot be Å: its atoms are {middle:.2g} apart.",
                "Multiply coordinates in nm by 10, those in bohr by 0.529.",
                "not_angstrom",
            )
    if (lengths < 0.4).any():
        raise LigandError(
            f"Ligand {name} has {'all' if collapsed else 'two'} atoms in one place.",
            "Give a 3D pose in the protein's frame." if collapsed else "Remove the copy (alternate locations?).",
            "no_coordinates" if collapsed else "bad_record",
        )
    plausible = {(a, b) for a, b in extra if np.linalg.norm(xyz[a] - xyz[b]) < radii[a] + radii[b] + _CONNECT_TOLERANCE}
    notes = []
    if len(plausible) < len(extra):
        count = len(extra) - len(plausible)
        notes.append(f"passed over {count} CONECT bond{'s' if count > 1 else ''} longer than any bond")
    elif _joins_all(len(elements), plausible):
        return sorted(plausible), notes
    bonded = lengths < radii[close[:, 0]] + radii[close[:, 1]] + _TOLERANCE
    pairs = sorted((float(d), int(a), int(b)) for d, (a, b) in zip(lengths[bonded], close[bonded], strict=True))
    count_of = np.zeros(len(elements), dtype=int)
    kept = set()
    for a, b in plausible:
        kept.add((a, b))
        count_of[[a, b]] += 1
    for length, a, b in pairs:  # the shortest first, as far as the elements can have neighbours
        certain = length < radii[a] + radii[b] + _CERTAIN
        if (a, b) in kept or any(count_of[i] >= _room(elements[i], certain=certain) for i in (a, b)):
            continue
        kept.add((a, b))
        count_of[[a, b]] += 1
    return sorted(kept), notes


def _room(element: str, *, certain: bool) -> int:
    """How many neighbours an atom may have by their distances."""
    if element in _NEVER_BONDED:
        return 0
    most = _MAX_NEIGHBOURS.get(element, 6)
    return _MOST_NEIGHBOURS.get(element, most) if certain else most


def _joins_all(count: int, pairs: set[tuple[int, int]]) -> bool:
    """Whether pairs join all of ``count`` atoms into one molecule."""
    if len(pairs) < count - 1:
        return False
    ends = np.array(sorted(pairs), dtype=int).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    return int(connected_components(graph, directed=False)[0]) == 1

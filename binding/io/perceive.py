"""Bonds and bond orders of a ligand from its heavy atoms' positions alone.

For files that hold neither bonds nor a SMILES. Bonds are pairs within covalent distance. Double
bonds are the best matching, found as a small integer programme: every flat carbon wants one, short
bonds take them first, no atom has more than its valence allows. Hydrogens in the file are not used:
PDB and PDBQT files have all, some or none of them. Lengths in Å.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from rdkit import Chem
from rdkit.Geometry import Point3D
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from binding.constants import COVALENT_RADII, FARTHEST
from binding.errors import LigandError

NOTE = "bond orders perceived from geometry"

_TOLERANCE = 0.45  # beyond the sum of covalent radii
_CERTAIN = 0.25  # ... where parts that the file does not join are bonded
_CONNECT_TOLERANCE = 0.75  # ... up to which a bond that the file lists is believed
_OVERLAP = 0.9  # Å; parts that come nearer are two molecules in one place, or two states of one
_SHORTEST_BOND = 0.7  # Å; atoms of a structure that are all nearer to their neighbours are not in Å
SAME_SPOT = 0.05  # Å; atoms spread less than this along every axis are no pose
_MAX_NEIGHBOURS = {"C": 4, "N": 4, "O": 2, "F": 1, "Cl": 1, "Br": 1, "I": 1, "S": 4, "Se": 4, "P": 4, "B": 4, "Si": 4}
_BOND_TYPES = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
_MOST_BONDS = {"C": 4, "N": 5, "O": 3, "F": 1, "B": 4}  # counted with their orders; nitrogen as in N(=O)=O
# Between a single and a double bond (means of CSD values, Allen et al. 1987, doi:10.1039/P298700000S1).
_HALFWAY = {"CC": 1.45, "CN": 1.39, "CO": 1.31, "NN": 1.34, "NO": 1.30, "CS": 1.70, "OS": 1.55, "OP": 1.58, "NS": 1.56}
_LINEAR = 155.0  # degrees
_TRIGONAL = 115.0
_FLAT = 0.25  # Å of an atom out of its three neighbours' plane
_RING_FLAT = 0.12  # Å of a ring's atoms out of its mean plane
# Rewards, in Å of bond shortening, for each end of a double bond.
_WANT = {"carbon": 0.15, "ring nitrogen": 0.04, "hypervalent": 0.3, "carbonyl oxygen": 0.08, "terminal nitrogen": -0.05}


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
    extra = {(new_row[a], new_row[b]) for a, b in connected if a in new_row and b in new_row}
    counts = connected if isinstance(connected, Mapping) else {}
    orders = {(new_row[a], new_row[b]): count for (a, b), count in counts.items() if a in new_row and b in new_row}
    mol = Chem.RWMol()
    conformer = Chem.Conformer(len(heavy))
    conformer.Set3D(True)
    for index, (element, position) in enumerate(zip(elements, xyz, strict=True)):
        mol.AddAtom(Chem.Atom(element))
        conformer.SetAtomPosition(index, Point3D(*position))
    pairs, notes = _bonded_pairs(elements, xyz, extra, name)
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
    _set_orders(mol, xyz)
    return mol.GetMol(), [*notes, NOTE]


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
    kinds = [bond.GetBondType() for bond in mol.GetBonds()]
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
    flat = _flat_ring_atoms(mol, mol.GetConformer().GetPositions())
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
    for _, a, b in pairs:  # the shortest first, as far as the elements can have neighbours
        if (a, b) in kept or any(count_of[i] >= _MAX_NEIGHBOURS.get(elements[i], 6) for i in (a, b)):
            continue
        kept.add((a, b))
        count_of[[a, b]] += 1
    return sorted(kept), notes


def _joins_all(count: int, pairs: set[tuple[int, int]]) -> bool:
    """Whether pairs join all of ``count`` atoms into one molecule."""
    if len(pairs) < count - 1:
        return False
    ends = np.array(sorted(pairs), dtype=int).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    return int(connected_components(graph, directed=False)[0]) == 1


def _set_orders(mol: Chem.RWMol, xyz: np.ndarray) -> None:
    """Choose the double and triple bonds."""
    bonds = list(mol.GetBonds())
    if not bonds:
        return
    flat_rings = _flat_ring_atoms(mol, xyz)
    capacity = _capacities(mol, xyz, flat_rings)
    wants = [_wants(atom, capacity[atom.GetIdx()], flat_rings) for atom in mol.GetAtoms()]
    gains = []
    for bond in bonds:
        ends = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        halfway = _halfway(bond)
        length = float(np.linalg.norm(xyz[ends[0]] - xyz[ends[1]]))
        gains.append(halfway - length + wants[ends[0]] + wants[ends[1]] if halfway else -1.0)
    rows = np.zeros((mol.GetNumAtoms(), len(bonds)))
    for column, bond in enumerate(bonds):
        rows[[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()], column] = 1
    upper = [2.0 if _may_be_triple(mol, bond, capacity) else 1.0 for bond in bonds]
    found = milp(
        -np.array(gains),
        constraints=LinearConstraint(rows, ub=capacity),
        integrality=np.ones(len(bonds)),
        bounds=Bounds(0, upper),
    )
    for bond, extra in zip(bonds, np.round(found.x).astype(int), strict=True):
        bond.SetBondType({0: Chem.BondType.SINGLE, 1: Chem.BondType.DOUBLE, 2: Chem.BondType.TRIPLE}[int(extra)])
    for atom in mol.GetAtoms():
        valence = sum(bond.GetBondTypeAsDouble() for bond in atom.GetBonds())
        if atom.GetAtomicNum() == 7 and valence == 4:  # nitro and N-oxide: the single-bonded oxygen is the anion
            atom.SetFormalCharge(1)
            oxygens = [n for n in atom.GetNeighbors() if n.GetAtomicNum() == 8 and n.GetDegree() == 1]
            single = [
                o
                for o in oxygens
                if mol.GetBondBetweenAtoms(o.GetIdx(), atom.GetIdx()).GetBondType() == Chem.BondType.SINGLE
            ]
            if single:
                single[0].SetFormalCharge(-1)


def _halfway(bond: Chem.Bond) -> float:
    """Å between single and double, or 0 where these elements make no double bond here."""
    return _HALFWAY.get("".join(sorted((bond.GetBeginAtom().GetSymbol(), bond.GetEndAtom().GetSymbol()))), 0.0)


def _wants(atom: Chem.Atom, capacity: float, flat_rings: set[int]) -> float:
    number, degree = atom.GetAtomicNum(), atom.GetDegree()
    if capacity == 0:
        return 0.0
    if number == 6:
        return _WANT["carbon"]
    if (number in (15, 16) and degree > 2) or (number == 7 and degree == 3):
        return _WANT["hypervalent"]
    if number == 7 and degree == 2 and atom.GetIdx() in flat_rings:
        return _WANT["ring nitrogen"]
    if number == 8:
        return _WANT["carbonyl oxygen"]
    if number == 7 and degree == 1:
        return _WANT["terminal nitrogen"]
    return 0.0


def _may_be_triple(mol: Chem.Mol, bond: Chem.Bond, capacity: np.ndarray) -> bool:
    ends = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
    return all(capacity[i] >= 2 and mol.GetAtomWithIdx(i).GetAtomicNum() in (6, 7) for i in ends)


def _capacities(mol: Chem.Mol, xyz: np.ndarray, flat_rings: set[int]) -> np.ndarray:
    """(atoms,) how many bonds beyond single ones each atom can have, by element, neighbours and shape."""
    capacity = np.zeros(mol.GetNumAtoms())
    for atom in mol.GetAtoms():
        index, number, degree = atom.GetIdx(), atom.GetAtomicNum(), atom.GetDegree()
        neighbours = [n.GetIdx() for n in atom.GetNeighbors()]
        shortest = min((float(np.linalg.norm(xyz[index] - xyz[n])) for n in neighbours), default=9.0)
        if number == 6:
            short = any(
                float(np.linalg.norm(xyz[index] - xyz[bond.GetOtherAtomIdx(index)])) < _halfway(bond)
                for bond in atom.GetBonds()
            )
            capacity[index] = _carbon_capacity(xyz, index, neighbours, short, index in flat_rings)
        elif number == 7:
            oxygens = sum(n.GetAtomicNum() == 8 and n.GetDegree() == 1 for n in atom.GetNeighbors())
            if degree == 1:
                capacity[index] = 2 if shortest < 1.22 else 1
            elif degree == 2:
                capacity[index] = 2 if _angle(xyz, index, neighbours) > _LINEAR else 1
            elif degree == 3 and oxygens:
                capacity[index] = 1
        elif number in (8, 16) and degree == 1:
            capacity[index] = 1
        elif number == 16 and degree in (3, 4):
            capacity[index] = degree - 2
        elif number == 15 and degree == 4:
            capacity[index] = 1
    return capacity


def _carbon_capacity(xyz: np.ndarray, index: int, neighbours: list[int], short: bool, in_flat_ring: bool) -> int:
    """The capacity of one carbon; ``short`` where one of its bonds is nearer to a double than to a single one."""
    if len(neighbours) == 1:
        length = float(np.linalg.norm(xyz[index] - xyz[neighbours[0]]))
        return 2 if length < 1.25 else int(short)
    if len(neighbours) == 2:
        angle = _angle(xyz, index, neighbours)
        if angle > _LINEAR:
            return 2
        return int(in_flat_ring or (short and angle > _TRIGONAL))
    if len(neighbours) == 3:
        a, b, c = xyz[neighbours]
        normal = np.cross(b - a, c - a)
        length = float(np.linalg.norm(normal))
        return int(length > 0 and abs(float((xyz[index] - a) @ normal)) / length < _FLAT)
    return 0


def _angle(xyz: np.ndarray, centre: int, ends: list[int]) -> float:
    """Degrees between two neighbours."""
    u, v = xyz[ends[0]] - xyz[centre], xyz[ends[1]] - xyz[centre]
    cosine = float(u @ v / (np.linalg.norm(u) * np.linalg.norm(v)))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def _flat_ring_atoms(mol: Chem.Mol, xyz: np.ndarray) -> set[int]:
    """Atoms of flat five- and six-membered rings whose bonds are shorter than single ones."""
    found: set[int] = set()
    for ring in mol.GetRingInfo().AtomRings():
        if len(ring) not in (5, 6):
            continue
        centred = xyz[list(ring)] - xyz[list(ring)].mean(axis=0)
        normal = np.linalg.svd(centred)[2][2]
        lengths = np.linalg.norm(xyz[list(ring)] - xyz[[*ring[1:], ring[0]]], axis=1)
        hetero = any(mol.GetAtomWithIdx(i).GetAtomicNum() == 16 for i in ring)
        if np.abs(centred @ normal).max() < _RING_FLAT and np.median(lengths) < (1.75 if hetero else 1.44):
            found.update(ring)
    return found

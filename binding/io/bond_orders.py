"""Orders of a ligand's bonds from the places of its heavy atoms, and from the hydrogens that its file has.

Double bonds are the best matching, found as a small integer programme: every flat carbon wants one, short bonds take
them first, flat rings want to be aromatic, no atom has more than its valence allows. Where a file has hydrogens, the
valences that they leave open decide before any length does. Lengths in Å.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from rdkit import Chem

# Between a single and a double bond (means of CSD values, Allen et al. 1987, doi:10.1039/P298700000S1).
_HALFWAY: Final = {
    "CC": 1.45, "CN": 1.39, "CO": 1.31, "NN": 1.34, "NO": 1.30, "CS": 1.70, "OS": 1.55, "OP": 1.58, "NS": 1.56,
    "AsO": 1.71, "CSe": 1.83, "OSe": 1.70, "NP": 1.60, "PS": 2.00, "SS": 1.96,
}  # fmt: skip
_LINEAR: Final = 155.0  # degrees
_TRIGONAL: Final = 115.0
_FLAT: Final = 0.25  # Å of an atom out of its three neighbours' plane
#: Å of a ring's atoms out of its mean plane, and the median by which its bonds are longer than half-way: of 992
#: aromatic rings of crystal ligands 13 are beyond, of 282 others without a fourth neighbour 14 are below.
_RING_FLAT: Final = 0.12
_RING_EXCESS: Final = {5: 0.04, 6: 0.05}
# Rewards, in Å of bond shortening, for each end of a double bond.
_WANT: Final = {
    "carbon": 0.15, "ring nitrogen": 0.04, "hypervalent": 0.3, "carbonyl oxygen": 0.08, "terminal nitrogen": -0.05,
    "open valence": 1.0, "aromatic carbons": 0.4, "aromatic": 0.15, "amide": 0.3, "aldehyde": -0.05, "nitroso": -0.08,
    "cation": -0.3,
}  # fmt: skip
_LACKING: Final = 0.25  # of the carbons may lack a hydrogen by their shape, in a file that has all hydrogens
_OXIDE: Final = 1.35  # Å from nitrogen to an oxygen that is an N-oxide and no hydroxyl
_TYPES: Final = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)


@dataclass(frozen=True)
class _Shape:
    """What orders are read off.

    Attributes:
        mol: Bonded by single bonds, its rings known.
        xyz: (atoms, 3) Å.
        rings: Atoms of each flat ring of five or six.
        flat: All of these atoms.
        hydrogens: (atoms,) how many each atom has in the file; None where the file has none.
        complete: Whether the file has those of carbon too.
    """

    mol: Chem.Mol
    xyz: np.ndarray
    rings: list[tuple[int, ...]]
    flat: set[int]
    hydrogens: np.ndarray | None
    complete: bool

    def length(self, bond: Chem.Bond) -> float:
        return _length(self.xyz, bond)

    def has_hydrogen(self, index: int) -> bool:
        """Whether the file has a hydrogen at an atom."""
        return self.hydrogens is not None and bool(self.hydrogens[index])


def set_orders(mol: Chem.RWMol, xyz: np.ndarray, hydrogens: np.ndarray | None = None) -> None:
    """Choose the double and triple bonds, in place, and the charges of N-oxides and nitro groups.

    Args:
        mol: Heavy atoms joined by single bonds, its rings known.
        xyz: (atoms, 3) Å.
        hydrogens: (atoms,) hydrogens of each atom in the file; None where the file has none.
    """
    bonds = list(mol.GetBonds())
    if not bonds:
        return
    from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import, and few files need it

    rings = flat_rings(mol, xyz)
    shape = _Shape(mol, xyz, rings, {index for ring in rings for index in ring}, hydrogens, complete=False)
    shape = replace(shape, complete=_has_all_hydrogens(shape))
    capacity = np.array([_capacity(shape, atom) for atom in mol.GetAtoms()])
    wants = [_want(shape, atom, capacity[atom.GetIdx()]) for atom in mol.GetAtoms()]
    gains = np.array([_gain(shape, bond, wants) for bond in bonds])
    upper = np.array([_most(shape, bond, capacity) for bond in bonds])
    ring_gains, ring_rows, needed = _aromaticity(shape, bonds)
    around = np.zeros((len(capacity), len(bonds)))
    for column, bond in enumerate(bonds):
        around[[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()], column] = 1
    matrix = np.block([[around, np.zeros((len(capacity), len(needed)))], [ring_rows, -np.diag(needed)]])
    found = milp(
        -np.concatenate([gains, ring_gains]),
        constraints=LinearConstraint(
            matrix,
            lb=0.0,
            ub=np.concatenate([capacity, np.full(len(needed), np.inf)]),
        ),
        integrality=np.ones(len(bonds) + len(needed)),
        bounds=Bounds(0, np.concatenate([upper, np.ones(len(needed))])),
    )
    for bond, extra in zip(bonds, np.round(found.x[: len(bonds)]).astype(int), strict=True):
        bond.SetBondType(_TYPES[int(extra)])
    _charge(mol)


def _has_all_hydrogens(shape: _Shape) -> bool:
    """Whether a file has the hydrogens of carbon: some, and few are lacking where the shape is that of a saturated one.

    PDB and PDBQT files have all hydrogens, those of nitrogen and oxygen, or none.
    """
    carbons = [atom for atom in shape.mol.GetAtoms() if atom.GetAtomicNum() == 6]
    if shape.hydrogens is None or not any(shape.hydrogens[atom.GetIdx()] for atom in carbons):
        return False
    saturated = [atom for atom in carbons if not _capacity(shape, atom)]
    lacking = sum(atom.GetDegree() + int(shape.hydrogens[atom.GetIdx()]) < 4 for atom in saturated)
    return lacking <= _LACKING * len(carbons)


def _charge(mol: Chem.RWMol) -> None:
    """Nitro groups and N-oxides: the single-bonded oxygen is the anion."""
    for atom in mol.GetAtoms():
        valence = sum(bond.GetBondTypeAsDouble() for bond in atom.GetBonds())
        if atom.GetAtomicNum() != 7 or valence != 4:
            continue
        atom.SetFormalCharge(1)
        single = [
            bond.GetOtherAtom(atom)
            for bond in atom.GetBonds()
            if bond.GetBondType() == Chem.BondType.SINGLE and _is_terminal_oxygen(bond.GetOtherAtom(atom))
        ]
        if single:
            single[0].SetFormalCharge(-1)


# ---------------------------------------------------------------- what each atom can have and wants


def _capacity(shape: _Shape, atom: Chem.Atom) -> int:
    """How many bonds beyond single ones an atom can have, by element, neighbours, hydrogens and shape."""
    index, number, degree = atom.GetIdx(), atom.GetAtomicNum(), atom.GetDegree()
    neighbours = [n.GetIdx() for n in atom.GetNeighbors()]
    if number == 6:
        if shape.complete:
            return max(0, min(2, 4 - degree - int(shape.hydrogens[index])))  # type: ignore[index]
        return _carbon_capacity(shape, atom, neighbours)
    if number == 7:
        return _nitrogen_capacity(shape, atom, neighbours)
    if number in (8, 16) and degree == 1:
        return 0 if shape.has_hydrogen(index) else 1
    if number in (16, 34) and degree in (3, 4):
        return degree - 2
    if number in (15, 33) and degree == 4:
        return 1
    return 0


def _nitrogen_capacity(shape: _Shape, atom: Chem.Atom, neighbours: list[int]) -> int:
    index, degree = atom.GetIdx(), atom.GetDegree()
    if shape.hydrogens is not None and degree + int(shape.hydrogens[index]) > 3:
        return 0
    oxygens = [n.GetIdx() for n in atom.GetNeighbors() if _is_terminal_oxygen(n)]
    if degree == 1:
        if shape.has_hydrogen(index):
            return int(shape.hydrogens[index] < 3)  # type: ignore[index]
        (other,) = atom.GetNeighbors()
        if other.GetAtomicNum() == 7 and all(n.GetAtomicNum() == 7 for n in other.GetNeighbors()):
            return 1  # the end of an azide
        away = float(np.linalg.norm(shape.xyz[index] - shape.xyz[other.GetIdx()]))
        return 2 if away < 1.22 or _is_linear_carbon(shape, other) else 1
    if degree == 2:
        return 2 if _angle(shape.xyz, index, neighbours) > _LINEAR else 1
    if degree == 3 and not oxygens:
        return int(_may_be_cation(shape, index))
    if degree == 3:
        shortest = min(float(np.linalg.norm(shape.xyz[index] - shape.xyz[n])) for n in oxygens)
        return int(len(oxygens) > 1 or (shortest < _OXIDE and not shape.has_hydrogen(oxygens[0])))
    return 0


def _is_linear_carbon(shape: _Shape, atom: Chem.Atom) -> bool:
    neighbours = [n.GetIdx() for n in atom.GetNeighbors()]
    return atom.GetAtomicNum() == 6 and len(neighbours) == 2 and _angle(shape.xyz, atom.GetIdx(), neighbours) > _LINEAR


def _may_be_cation(shape: _Shape, index: int) -> bool:
    """Whether a nitrogen with three neighbours may be that of a pyridinium, an imidazolium or the like."""
    return not shape.has_hydrogen(index) and index in shape.flat


def _carbon_capacity(shape: _Shape, atom: Chem.Atom, neighbours: list[int]) -> int:
    """The capacity of one carbon by its shape; a bond is short where it is nearer to a double than to a single one."""
    index, xyz = atom.GetIdx(), shape.xyz
    short = any(shape.length(bond) < _halfway(bond) for bond in atom.GetBonds())
    if len(neighbours) == 1:
        length = float(np.linalg.norm(xyz[index] - xyz[neighbours[0]]))
        return 2 if length < 1.25 else int(short)
    if len(neighbours) == 2:
        angle = _angle(xyz, index, neighbours)
        if angle > _LINEAR:
            return 2
        return int(index in shape.flat or (short and angle > _TRIGONAL))
    if len(neighbours) == 3:
        a, b, c = xyz[neighbours]
        normal = np.cross(b - a, c - a)
        length = float(np.linalg.norm(normal))
        return int(length > 0 and abs(float((xyz[index] - a) @ normal)) / length < _FLAT)
    return 0


def _want(shape: _Shape, atom: Chem.Atom, capacity: float) -> float:
    index, number, degree = atom.GetIdx(), atom.GetAtomicNum(), atom.GetDegree()
    if capacity == 0:
        return 0.0
    if number == 6:
        return _WANT["open valence"] if shape.complete else _WANT["carbon"]
    oxide = number == 7 and degree == 3 and any(_is_terminal_oxygen(n) for n in atom.GetNeighbors())
    if (number in (15, 16, 33, 34) and degree > 2) or oxide:
        return _WANT["hypervalent"]
    if number == 7 and degree == 3:
        return _WANT["cation"]
    if number == 7 and any(n.GetAtomicNum() in (15, 16) for n in atom.GetNeighbors()):
        return 0.0  # oxygens come first
    if number == 7 and shape.complete and degree + int(shape.hydrogens[index]) < 3:  # type: ignore[index]
        return _WANT["open valence"]
    if number == 7 and degree == 2 and index in shape.flat:
        return _WANT["ring nitrogen"]
    if number == 8:
        return _WANT["carbonyl oxygen"]
    if number == 7 and degree == 1:
        return _WANT["terminal nitrogen"]
    return 0.0


# ---------------------------------------------------------------- what each bond gives


def _gain(shape: _Shape, bond: Chem.Bond, wants: list[float]) -> float:
    """What a double bond here gives, in Å of shortening."""
    halfway = _halfway(bond)
    if not halfway:
        return -1.0
    begin, end = bond.GetBeginAtom(), bond.GetEndAtom()
    gain = halfway - shape.length(bond) + wants[begin.GetIdx()] + wants[end.GetIdx()]
    oxygen, other = (begin, end) if _is_terminal_oxygen(begin) else (end, begin)
    if _is_terminal_oxygen(oxygen):
        if other.GetAtomicNum() == 7 and other.GetDegree() == 2:
            gain += _WANT["nitroso"]
        elif other.GetAtomicNum() == 6 and other.GetDegree() == 2 and not shape.complete:
            gain += _WANT["aldehyde"]
        elif other.GetAtomicNum() == 6 and any(n.GetAtomicNum() == 7 for n in other.GetNeighbors()):
            gain += _WANT["amide"]
    return gain


def _most(shape: _Shape, bond: Chem.Bond, capacity: np.ndarray) -> float:
    """How many bonds beyond a single one there can be."""
    begin, end = bond.GetBeginAtom(), bond.GetEndAtom()
    for nitrogen, oxygen in ((begin, end), (end, begin)):
        if nitrogen.GetAtomicNum() == 7 and nitrogen.GetDegree() == 3 and _is_terminal_oxygen(oxygen):
            # An N-oxide has its double bond elsewhere; only a nitro group has N=O.
            return float(sum(_is_terminal_oxygen(n) for n in nitrogen.GetNeighbors()) > 1)
    triple = all(capacity[a.GetIdx()] >= 2 and a.GetAtomicNum() in (6, 7) for a in (begin, end))
    return 2.0 if triple else 1.0


def _length(xyz: np.ndarray, bond: Chem.Bond) -> float:
    return float(np.linalg.norm(xyz[bond.GetBeginAtomIdx()] - xyz[bond.GetEndAtomIdx()]))


def _halfway(bond: Chem.Bond) -> float:
    """Å between single and double, or 0 where these elements make no double bond here."""
    return _HALFWAY.get("".join(sorted((bond.GetBeginAtom().GetSymbol(), bond.GetEndAtom().GetSymbol()))), 0.0)


def _is_terminal_oxygen(atom: Chem.Atom) -> bool:
    return bool(atom.GetAtomicNum() == 8 and atom.GetDegree() == 1)


# ---------------------------------------------------------------- rings


def _aromaticity(shape: _Shape, bonds: list[Chem.Bond]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each ring that may be aromatic: what that gives, (rings, bonds) its bonds, how many of them are double."""
    gains, rows, needed = [], [], []
    for ring in shape.rings:
        numbers = [shape.mol.GetAtomWithIdx(index).GetAtomicNum() for index in ring]
        if len(ring) == 5 and set(numbers) == {6}:
            continue
        rows.append([float(_makes_aromatic(bond, set(ring), hetero=set(numbers) != {6})) for bond in bonds])
        gains.append(_WANT["aromatic carbons" if set(numbers) == {6} else "aromatic"])
        needed.append(3.0 if len(ring) == 6 else 2.0)
    return np.array(gains), np.array(rows).reshape(-1, len(bonds)), np.array(needed)


def _makes_aromatic(bond: Chem.Bond, ring: set[int], *, hetero: bool) -> bool:
    """Whether a bond's being double is part of a ring's being aromatic; a lactam's C=O counts as a hydroxyl does."""
    inside = [bond.GetBeginAtomIdx() in ring, bond.GetEndAtomIdx() in ring]
    if all(inside):
        return True
    outer = bond.GetEndAtom() if inside[0] else bond.GetBeginAtom()
    return hetero and any(inside) and outer.GetDegree() == 1 and outer.GetAtomicNum() in (8, 16)


def flat_rings(mol: Chem.Mol, xyz: np.ndarray) -> list[tuple[int, ...]]:
    """The flat rings of five and six atoms whose bonds are shorter than single ones.

    Args:
        mol: Its rings known.
        xyz: (atoms, 3) Å.
    """
    found = []
    for ring in mol.GetRingInfo().AtomRings():
        if len(ring) not in (5, 6):
            continue
        centred = xyz[list(ring)] - xyz[list(ring)].mean(axis=0)
        out = float(np.abs(centred @ np.linalg.svd(centred)[2][2]).max())
        bonds = [mol.GetBondBetweenAtoms(a, b) for a, b in zip(ring, (*ring[1:], ring[0]), strict=True)]
        excess = [_length(xyz, bond) - halfway for bond in bonds if (halfway := _halfway(bond))]
        middle = float(np.median(excess)) if excess else np.inf
        if out < _RING_FLAT and middle < _RING_EXCESS[len(ring)]:
            found.append(tuple(ring))
    return found


def _angle(xyz: np.ndarray, centre: int, ends: list[int]) -> float:
    """Degrees between two neighbours."""
    u, v = xyz[ends[0]] - xyz[centre], xyz[ends[1]] - xyz[centre]
    cosine = float(u @ v / (np.linalg.norm(u) * np.linalg.norm(v)))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))

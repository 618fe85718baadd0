"""RDKit molecule with a pose -> ``LigandGraph``.

All features are taken from the neutralised molecule, and ionisable groups are marked by pattern, so
that the protonation state that a file happens to hold does not change the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache

import numpy as np
from rdkit import Chem
from rdkit.Chem import Crippen, rdMolDescriptors
from rdkit.Chem.MolStandardize import rdMolStandardize

from binding.constants import LIGAND_ELEMENTS, METALS, VINA_DEFAULT_RADIUS, VINA_METAL_RADIUS, VINA_RADII
from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, DESCRIPTORS, LigandGraph
from binding.graph.molecule import atoms_of, bonds_of
from binding.structures import Ligand

_KEPT_STRUCTURES = 256  # poses of a compound come one after the other, or a few compounds apart
_NO_POSE = int(Chem.PropertyPickleOptions.NoConformers)
_ELEMENT_ROW = {number: row for row, number in enumerate(LIGAND_ELEMENTS)}
_HYBRIDISATION = {Chem.HybridizationType.SP: 0, Chem.HybridizationType.SP2: 1, Chem.HybridizationType.SP3: 2}
_SINGLE, _DOUBLE, _TRIPLE, _AROMATIC = range(4)
_BOND_ORDER = {
    Chem.BondType.SINGLE: _SINGLE,
    Chem.BondType.DOUBLE: _DOUBLE,
    Chem.BondType.TRIPLE: _TRIPLE,
    Chem.BondType.AROMATIC: _AROMATIC,
}
_CHIRALITY = {"R": 1, "S": 2}
_LAST_CATEGORY = np.array(list(ATOM_CATEGORIES.values())) - 1
_CHARGED = Chem.MolFromSmarts("[!+0]")
_MOST_MATCHES = 1000
_DOUBLE_BOND_STEREO = {
    Chem.BondStereo.STEREOE: 1,
    Chem.BondStereo.STEREOTRANS: 1,
    Chem.BondStereo.STEREOZ: 2,
    Chem.BondStereo.STEREOCIS: 2,
}
#: What each descriptor is divided by, near its standard deviation over drug-like ligands.
_DESCRIPTOR_SCALE = np.array([30.0, 7.0, 4.0, 3.0, 3.0, 6.0, 3.0, 100.0, 1.0, 1.0, 1.0, 1.0])

_PATTERNS = {
    # carboxylic, sulfonic, sulfinic, phosphoric and phosphonic acids, tetrazoles, acyl sulfonamides
    "acidic": (
        "[CX3](=[OX1])[OX2H1]",
        "[SX3,SX4](=[OX1])[OX2H1]",
        "[PX4](=[OX1])[OX2H1]",
        "c1nn[nH]n1",
        "c1nnn[nH]1",
        "[NX3;H1]([CX3]=O)S(=O)=O",
    ),
    # aliphatic amines, amidines, guanidines
    "basic": (
        "[NX3;!$(N~[!#6]);!$(N-[#6]=,#,:[*]);!$(N-c)]",
        "[NX2;!$(N~[!#6])]=[CX3][NX3;!$(N~[!#6]);!$(N-C=[O,S])]",
        "[NX3;!$(N~[!#6]);!$(N-C=[O,S])][CX3]=[NX2;!$(N~[!#6])]",
    ),
    # oxygen and nitrogen with a lone pair to give: no amide, aniline or pyrrole nitrogen, no furan oxygen
    "acceptor": (
        "[OX1,OX2;!$(o);!$(O-a);!$(O-C=[O,S])]",
        "[OX2H1]",
        "[nX2]",
        "[NX1,NX2]",
        "[NX3;!$(N-[#6]=,:[*]);!$(N-S=O);!$(N=*)]",
    ),
}


#: Atoms about which a bond to them turns nothing.
_BLUNT_GROUPS = ("C(F)(F)F", "C(Cl)(Cl)Cl", "C(Br)(Br)Br", "C([CH3])([CH3])[CH3]")
#: Amides, esters and the like: first and third atom. A bond between two such atoms is stiff.
_STIFF_GROUPS = ("[CD3](=[N,O,S])-!@[#7,O,S!D1]", "[CD3](=[N+])-!@[#7!D1]")


@lru_cache(maxsize=1)
def _patterns() -> dict[str, list[Chem.Mol]]:
    return {name: [Chem.MolFromSmarts(smarts) for smarts in group] for name, group in _PATTERNS.items()}


@lru_cache(maxsize=1)
def _blunt_groups() -> list[Chem.Mol]:
    return [Chem.MolFromSmarts(smarts) for smarts in _BLUNT_GROUPS]


@lru_cache(maxsize=1)
def _stiff_groups() -> list[Chem.Mol]:
    return [Chem.MolFromSmarts(smarts) for smarts in _STIFF_GROUPS]


@lru_cache(maxsize=1)
def _uncharger() -> rdMolStandardize.Uncharger:
    return rdMolStandardize.Uncharger(canonicalOrder=False, force=True)


def neutralise(mol: Chem.Mol) -> Chem.Mol:
    """The molecule with every charge removed that a proton can balance; atoms keep their order.

    Args:
        mol: Sanitized; it stays as it is.
    """
    if mol.HasSubstructMatch(_CHARGED):
        neutral = _uncharger().uncharge(mol)
        Chem.SanitizeMol(neutral)
    else:
        neutral = Chem.Mol(mol)
    Chem.AssignStereochemistry(neutral, cleanIt=True, force=True)
    return neutral


@dataclass(frozen=True, eq=False)
class _Structure:
    """What RDKit says of each atom and bond, gathered once.

    Attributes:
        mol: The neutralised molecule.
        atoms: Its atoms.
        numbers: (atoms,) elements.
        degrees: (atoms,) neighbours.
        ends: (bonds, 2) int64 rows of the atoms of each bond.
        orders: (bonds,) as a category.
        in_ring: (bonds,) bool.
        conjugated: (bonds,) bool.
        stereo: (bonds,) as a category.
    """

    mol: Chem.Mol
    atoms: list[Chem.Atom]
    numbers: np.ndarray
    degrees: np.ndarray
    ends: np.ndarray
    orders: np.ndarray
    in_ring: np.ndarray
    conjugated: np.ndarray
    stereo: np.ndarray

    @classmethod
    def of(cls, mol: Chem.Mol) -> _Structure:
        atoms, bonds = atoms_of(mol), bonds_of(mol)
        orders = [_BOND_ORDER.get(bond.GetBondType(), _SINGLE) for bond in bonds]
        ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in bonds]
        return cls(
            mol,
            atoms,
            np.array([atom.GetAtomicNum() for atom in atoms]),
            np.array([atom.GetDegree() for atom in atoms]),
            np.array(ends, dtype=np.int64).reshape(-1, 2),
            np.array(orders, dtype=np.int64),
            np.array([bond.IsInRing() for bond in bonds], dtype=bool),
            np.array([bond.GetIsConjugated() for bond in bonds], dtype=bool),
            np.array(
                [
                    order == _DOUBLE and _DOUBLE_BOND_STEREO.get(bond.GetStereo(), 0)
                    for bond, order in zip(bonds, orders, strict=True)
                ],
                dtype=np.int64,
            ),
        )

    def matched(self, pattern: Chem.Mol) -> list[tuple[int, ...]]:
        """Rows of the atoms of each match."""
        return self.mol.GetSubstructMatches(pattern, maxMatches=_MOST_MATCHES)

    def marked(self, group: str, elements: tuple[int, ...]) -> np.ndarray:
        """(atoms,) bool: atoms of the given elements that are part of a match."""
        marked = np.zeros(len(self.atoms), dtype=bool)
        for pattern in _patterns()[group]:
            for match in self.matched(pattern):
                marked[list(match)] = True
        for row in np.flatnonzero(marked).tolist():
            marked[row] = self.numbers[row] in elements
        return marked

    def beside(self, atoms: np.ndarray) -> np.ndarray:
        """(atoms,) bool: neighbours of some atoms (atoms,) bool."""
        found = np.zeros(len(self.atoms), dtype=bool)
        found[self.ends[:, 0][atoms[self.ends[:, 1]]]] = True
        found[self.ends[:, 1][atoms[self.ends[:, 0]]]] = True
        return found

    @cached_property
    def rotatable(self) -> np.ndarray:
        """(bonds,) bool, ``[!$(*#*)&!D1]-&!@[!$(*#*)&!D1]``: single, in no ring, at no end and no triple bond."""
        fixed = self.degrees == 1
        fixed[self.ends[self.orders == _TRIPLE]] = True
        return (self.orders == _SINGLE) & ~self.in_ring & ~fixed[self.ends].any(axis=1)

    def rotors(self) -> int:
        """RDKit's strict count of rotatable bonds, without amides, trihalomethyl and tert-butyl groups.

        RDKit asks the same of each end of each bond by one long pattern, which takes several times as long.
        """
        if not self.rotatable.any():
            return 0
        blunt, stiff = np.zeros((2, len(self.atoms)), dtype=bool)
        for pattern in _blunt_groups():
            blunt[[match[0] for match in self.matched(pattern)]] = True
        for pattern in _stiff_groups():
            for match in self.matched(pattern):
                stiff[[match[0], match[2]]] = True
        ends = self.ends[self.rotatable]
        return int((~blunt[ends].any(axis=1) & ~stiff[ends].all(axis=1)).sum())


def _ring_sizes(mol: Chem.Mol) -> np.ndarray:
    """(atoms,) smallest ring of each atom as a category: 0 none, 1..5 = 3..7, 6 larger."""
    sizes = np.zeros(mol.GetNumAtoms(), dtype=np.int64)
    for ring in sorted(mol.GetRingInfo().AtomRings(), key=len, reverse=True):
        sizes[list(ring)] = min(len(ring) - 2, 6)
    return sizes


def _atom_categories(found: _Structure) -> np.ndarray:
    """(atoms, len(ATOM_CATEGORIES)) of a neutralised molecule."""
    atoms, numbers = found.atoms, found.numbers
    hydrogens = np.array([atom.GetTotalNumHs() for atom in atoms])
    charges = np.array([atom.GetFormalCharge() for atom in atoms])
    polar = (numbers == 7) | (numbers == 8)
    halogen = (numbers == 9) | (numbers == 17) | (numbers == 35) | (numbers == 53)
    greasy = (numbers == 6) & ~found.beside((numbers != 6) & (numbers != 1)) | halogen
    chirality = [_CHIRALITY.get(atom.GetProp("_CIPCode"), 0) if atom.HasProp("_CIPCode") else 0 for atom in atoms]
    columns = (
        [_ELEMENT_ROW.get(number, len(LIGAND_ELEMENTS)) for number in numbers.tolist()],
        found.degrees,
        hydrogens,
        [_HYBRIDISATION.get(atom.GetHybridization(), 3) for atom in atoms],
        [atom.GetIsAromatic() for atom in atoms],
        _ring_sizes(found.mol),
        polar & (hydrogens > 0),
        found.marked("acceptor", (7, 8)),
        found.marked("acidic", (7, 8)),
        found.marked("basic", (7,)),
        greasy,
        chirality,
        np.where(charges > 0, 1, np.where(charges < 0, 2, 0)),
    )
    assert len(columns) == len(ATOM_CATEGORIES)
    return np.minimum(np.array(columns).T, _LAST_CATEGORY).astype(np.uint8)


def _bonds(found: _Structure) -> tuple[np.ndarray, np.ndarray]:
    columns = (found.orders, found.conjugated, found.in_ring, found.stereo, found.rotatable)
    assert len(columns) == len(BOND_CATEGORIES)
    return np.sort(found.ends, axis=1).astype(np.int16), np.stack(columns, axis=1).astype(np.uint8)


def _descriptors(found: _Structure, categories: np.ndarray) -> np.ndarray:
    mol = found.mol
    counts = dict(zip(ATOM_CATEGORIES, categories.sum(axis=0, dtype=np.int64).tolist(), strict=True))
    rings, aromatic = mol.GetRingInfo().BondRings(), (found.orders == _AROMATIC).tolist()
    carbons = np.flatnonzero(found.numbers == 6)
    saturated = sum(found.atoms[row].GetTotalDegree() == 4 for row in carbons.tolist())
    values = (
        mol.GetNumHeavyAtoms(),
        found.rotors(),
        len(rings),
        sum(all(aromatic[bond] for bond in ring) for ring in rings),
        counts["donor"],
        counts["acceptor"],
        Crippen.MolLogP(mol),
        rdMolDescriptors.CalcTPSA(mol),
        saturated / max(len(carbons), 1),
        counts["acidic"] / 2,
        counts["basic"] / 2,
        sum(number in (9, 17, 35, 53) for number in found.numbers.tolist()),
    )
    assert len(values) == len(DESCRIPTORS)
    return (np.array(values, dtype=np.float64) / _DESCRIPTOR_SCALE).astype(np.float32)


def build_ligand_graph(ligand: Ligand) -> LigandGraph:
    """Features of a ligand's atoms and bonds.

    Args:
        ligand: The pose; its molecule is sanitized and holds heavy atoms only.

    Returns:
        The ligand's graph, atoms in the molecule's order; see ``binding.graph.fields``.
    """
    structure = _structure(ligand.mol.ToBinary(_NO_POSE))
    return replace(structure, positions=np.asarray(ligand.positions, dtype=np.float64))


@lru_cache(maxsize=_KEPT_STRUCTURES)
def _structure(molecule: bytes) -> LigandGraph:
    """What does not depend on the pose, from a molecule in RDKit's format; poses of one compound share the arrays."""
    mol = neutralise(Chem.Mol(molecule))  # type: ignore[call-overload]  # the stubs lack bytes
    found = _Structure.of(mol)
    categories = _atom_categories(found)
    bonds, bond_categories = _bonds(found)
    numbers = found.numbers.tolist()
    radii = [VINA_METAL_RADIUS if n in METALS else VINA_RADII.get(n, VINA_DEFAULT_RADIUS) for n in numbers]
    graph = LigandGraph(
        positions=np.zeros((len(numbers), 3)),
        atom_categories=categories,
        radii=np.array(radii, dtype=np.float32),
        bonds=bonds,
        bond_categories=bond_categories,
        descriptors=_descriptors(found, categories),
    )
    for field in fields(graph):
        getattr(graph, field.name).setflags(write=False)
    return graph

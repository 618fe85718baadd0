"""RDKit molecule with a pose -> ``LigandGraph``.

All features are taken from the neutralised molecule, and ionisable groups are marked by pattern, so
that the protonation state that a file happens to hold does not change the answer.
"""

from __future__ import annotations

from dataclasses import fields, replace
from functools import lru_cache

import numpy as np
from rdkit import Chem
from rdkit.Chem import Crippen, Lipinski, rdMolDescriptors
from rdkit.Chem.MolStandardize import rdMolStandardize

from binding.constants import LIGAND_ELEMENTS, METALS, VINA_DEFAULT_RADIUS, VINA_METAL_RADIUS, VINA_RADII
from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, DESCRIPTORS, LigandGraph
from binding.structures import Ligand

_KEPT_STRUCTURES = 256  # poses of a compound come one after the other, or a few compounds apart
_NO_POSE = int(Chem.PropertyPickleOptions.NoConformers)
_ELEMENT_ROW = {number: row for row, number in enumerate(LIGAND_ELEMENTS)}
_HYBRIDISATION = {Chem.HybridizationType.SP: 0, Chem.HybridizationType.SP2: 1, Chem.HybridizationType.SP3: 2}
_BOND_ORDER = {Chem.BondType.SINGLE: 0, Chem.BondType.DOUBLE: 1, Chem.BondType.TRIPLE: 2, Chem.BondType.AROMATIC: 3}
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


@lru_cache(maxsize=1)
def _patterns() -> dict[str, list[Chem.Mol]]:
    return {name: [Chem.MolFromSmarts(smarts) for smarts in group] for name, group in _PATTERNS.items()}


@lru_cache(maxsize=1)
def _uncharger() -> rdMolStandardize.Uncharger:
    return rdMolStandardize.Uncharger(canonicalOrder=False, force=True)


def neutralise(mol: Chem.Mol) -> Chem.Mol:
    """The molecule with every charge removed that a proton can balance; atoms keep their order."""
    neutral = _uncharger().uncharge(mol)
    Chem.SanitizeMol(neutral)
    Chem.AssignStereochemistry(neutral, cleanIt=True, force=True)
    return neutral


def _marked(mol: Chem.Mol, group: str, elements: tuple[int, ...]) -> np.ndarray:
    """(atoms,) bool: atoms of the given elements that are part of a match."""
    marked = np.zeros(mol.GetNumAtoms(), dtype=bool)
    for pattern in _patterns()[group]:
        for match in mol.GetSubstructMatches(pattern, maxMatches=1000):
            marked[[a for a in match if mol.GetAtomWithIdx(a).GetAtomicNum() in elements]] = True
    return marked


def _ring_sizes(mol: Chem.Mol) -> np.ndarray:
    """(atoms,) smallest ring of each atom as a category: 0 none, 1..5 = 3..7, 6 larger."""
    sizes = np.zeros(mol.GetNumAtoms(), dtype=np.int64)
    for ring in sorted(mol.GetRingInfo().AtomRings(), key=len, reverse=True):
        sizes[list(ring)] = min(len(ring) - 2, 6)
    return sizes


def _atom_categories(mol: Chem.Mol) -> np.ndarray:
    """(atoms, len(ATOM_CATEGORIES)) of a neutralised molecule."""
    acidic = _marked(mol, "acidic", (7, 8))
    basic = _marked(mol, "basic", (7,))
    acceptor = _marked(mol, "acceptor", (7, 8))
    ring_sizes = _ring_sizes(mol)
    rows = []
    for atom in mol.GetAtoms():
        number = atom.GetAtomicNum()
        index = atom.GetIdx()
        hydrogens = atom.GetTotalNumHs()
        carbon_alone = number == 6 and all(n.GetAtomicNum() in (6, 1) for n in atom.GetNeighbors())
        charge = atom.GetFormalCharge()
        chirality = atom.GetProp("_CIPCode") if atom.HasProp("_CIPCode") else ""
        rows.append(
            (
                _ELEMENT_ROW.get(number, len(LIGAND_ELEMENTS)),
                min(atom.GetDegree(), 5),
                min(hydrogens, 4),
                _HYBRIDISATION.get(atom.GetHybridization(), 3),
                atom.GetIsAromatic(),
                ring_sizes[index],
                number in (7, 8) and hydrogens > 0,
                acceptor[index],
                acidic[index],
                basic[index],
                carbon_alone or number in (9, 17, 35, 53),
                {"R": 1, "S": 2}.get(chirality, 0),
                1 if charge > 0 else 2 if charge < 0 else 0,
            )
        )
    categories = np.array(rows, dtype=np.uint8)
    return np.minimum(categories, np.array(list(ATOM_CATEGORIES.values()), dtype=np.uint8) - 1)


def _bonds(mol: Chem.Mol) -> tuple[np.ndarray, np.ndarray]:
    rotatable = {
        tuple(sorted(match)) for match in mol.GetSubstructMatches(Lipinski.RotatableBondSmarts, maxMatches=1000)
    }
    index, rows = [], []
    for bond in mol.GetBonds():
        pair = tuple(sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())))
        index.append(pair)
        rows.append(
            (
                _BOND_ORDER.get(bond.GetBondType(), 0),
                bond.GetIsConjugated(),
                bond.IsInRing(),
                _DOUBLE_BOND_STEREO.get(bond.GetStereo(), 0),
                pair in rotatable,
            )
        )
    return (
        np.array(index, dtype=np.int16).reshape(-1, 2),
        np.array(rows, dtype=np.uint8).reshape(-1, len(BOND_CATEGORIES)),
    )


def _descriptors(mol: Chem.Mol, categories: np.ndarray) -> np.ndarray:
    column = {name: categories[:, k] for k, name in enumerate(ATOM_CATEGORIES)}
    values = (
        mol.GetNumHeavyAtoms(),
        rdMolDescriptors.CalcNumRotatableBonds(mol),
        rdMolDescriptors.CalcNumRings(mol),
        rdMolDescriptors.CalcNumAromaticRings(mol),
        column["donor"].sum(),
        column["acceptor"].sum(),
        Crippen.MolLogP(mol),
        rdMolDescriptors.CalcTPSA(mol),
        rdMolDescriptors.CalcFractionCSP3(mol),
        column["acidic"].sum() / 2,
        column["basic"].sum() / 2,
        np.isin(column["element"], [_ELEMENT_ROW[n] for n in (9, 17, 35, 53)]).sum(),
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
    categories = _atom_categories(mol)
    bonds, bond_categories = _bonds(mol)
    numbers = [mol.GetAtomWithIdx(index).GetAtomicNum() for index in range(mol.GetNumAtoms())]
    radii = [VINA_METAL_RADIUS if n in METALS else VINA_RADII.get(n, VINA_DEFAULT_RADIUS) for n in numbers]
    graph = LigandGraph(
        positions=np.zeros((len(numbers), 3)),
        atom_categories=categories,
        radii=np.array(radii, dtype=np.float32),
        bonds=bonds,
        bond_categories=bond_categories,
        descriptors=_descriptors(mol, categories),
    )
    for field in fields(graph):
        getattr(graph, field.name).setflags(write=False)
    return graph

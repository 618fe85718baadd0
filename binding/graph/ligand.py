"""RDKit molecules with a pose -> ``LigandGraph``.

All features are taken from the neutralised molecule, and ionisable groups are marked by pattern, so
that the protonation state that a file happens to hold does not change the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from typing import Final

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.Chem.MolStandardize import rdMolStandardize

from binding.constants import LIGAND_ELEMENTS, METALS, VINA_DEFAULT_RADIUS, VINA_METAL_RADIUS, VINA_RADII
from binding.graph import groups
from binding.graph.crippen import log_p
from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, DESCRIPTORS, LigandGraph
from binding.graph.molecules import AROMATIC, MoleculeArrays
from binding.recent import Recent
from binding.structures import Ligand

_AT_ONCE: Final = 256  # molecules; arrays of more fit no cache
_KEPT_STRUCTURES: Final = 256  # poses of a compound come one after the other, or a few compounds apart
_NO_POSE = int(Chem.PropertyPickleOptions.NoConformers)
_CHARGED = Chem.MolFromSmarts("[!+0]")
_HALOGENS: Final = (9, 17, 35, 53)
_NUM_ELEMENTS: Final = 119
_ELEMENT_ROW: Final = np.full(_NUM_ELEMENTS, len(LIGAND_ELEMENTS))
_ELEMENT_ROW[list(LIGAND_ELEMENTS)] = np.arange(len(LIGAND_ELEMENTS))
_RADII: Final = np.array(
    [VINA_METAL_RADIUS if n in METALS else VINA_RADII.get(n, VINA_DEFAULT_RADIUS) for n in range(_NUM_ELEMENTS)],
    dtype=np.float32,
)
_LAST_CATEGORY = np.array(list(ATOM_CATEGORIES.values())) - 1
#: What each descriptor is divided by, near its standard deviation over drug-like ligands.
_DESCRIPTOR_SCALE = np.array([30.0, 7.0, 4.0, 3.0, 3.0, 6.0, 3.0, 100.0, 1.0, 1.0, 1.0, 1.0])
_LARGEST_RING: Final = 8  # the last category: rings as large or larger
_kept = Recent[LigandGraph](_KEPT_STRUCTURES)  # by molecule in RDKit's format


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


def build_ligand_graph(ligand: Ligand) -> LigandGraph:
    """Features of a ligand's atoms and bonds.

    Args:
        ligand: The pose; its molecule is sanitized and holds heavy atoms only.

    Returns:
        The ligand's graph, atoms in the molecule's order; see ``binding.graph.fields``.
    """
    return build_ligand_graphs([ligand])[0]


def build_ligand_graphs(ligands: Sequence[Ligand], at: Callable[[int], None] = lambda place: None) -> list[LigandGraph]:
    """The graphs of several ligands, each independent of the rest; together they take a fraction of the time.

    Args:
        ligands: As for ``build_ligand_graph``. Poses of one 2D structure share its arrays.
        at: Told the place of each ligand before RDKit is asked about it.
    """
    structures = build_structure_graphs([ligand.mol for ligand in ligands], at)
    return [
        replace(structure, positions=np.asarray(ligand.positions, dtype=np.float64))
        for structure, ligand in zip(structures, ligands, strict=True)
    ]


def build_structure_graphs(
    mols: Sequence[Chem.Mol], at: Callable[[int], None] = lambda place: None
) -> list[LigandGraph]:
    """The same of 2D structures without a pose: all positions are zero.

    Args:
        mols: Sanitized, heavy atoms only.
        at: Told the place of each before RDKit is asked about it.
    """
    graphs = list[LigandGraph]()
    for start in range(0, len(mols), _AT_ONCE):
        graphs += _structures(mols[start : start + _AT_ONCE], start, at)
    return graphs


def _structures(mols: Sequence[Chem.Mol], first: int, at: Callable[[int], None]) -> list[LigandGraph]:
    """What does not depend on the pose."""
    keys = []
    new: dict[bytes, Chem.Mol] = {}
    known: dict[bytes, LigandGraph] = {}
    for place, mol in enumerate(mols, start=first):
        at(place)
        key = mol.ToBinary(_NO_POSE)
        keys.append(key)
        if key in _kept:
            known[key] = _kept[key]
        elif key not in new:
            new[key] = neutralise(mol)
    if new:
        known |= zip(new, _graphs(MoleculeArrays.of([*new.values()])), strict=True)
    for key in known:
        _kept.keep(key, known[key])
    return [known[key] for key in keys]


def _graphs(mols: MoleculeArrays) -> list[LigandGraph]:
    """Graphs without positions."""
    turning = groups.rotatable(mols)
    categories = _atom_categories(mols)
    columns = (mols.orders, mols.conjugated, mols.in_ring, mols.stereo, turning)
    assert len(columns) == len(BOND_CATEGORIES)
    ends = np.cumsum(mols.sizes)
    firsts = ends - mols.sizes
    bonds = (np.sort(mols.ends, axis=1) - firsts[mols.bond_owner][:, None]).astype(np.int16)
    bond_categories = np.stack(columns, axis=1).astype(np.uint8)
    bond_ends = np.cumsum(mols.bond_sizes)
    radii, descriptors = _RADII[mols.numbers], _descriptors(mols, categories, turning)
    graphs = []
    for row, (size, bond_size) in enumerate(zip(mols.sizes.tolist(), mols.bond_sizes.tolist(), strict=True)):
        atom = slice(firsts[row], ends[row])
        bond = slice(bond_ends[row] - bond_size, bond_ends[row])
        graph = LigandGraph(
            positions=np.zeros((size, 3)),
            atom_categories=categories[atom].copy(),  # not a view: it would hold all the others
            radii=radii[atom].copy(),
            bonds=bonds[bond].copy(),
            bond_categories=bond_categories[bond].copy(),
            descriptors=descriptors[row].copy(),
        )
        for field in fields(graph):
            getattr(graph, field.name).setflags(write=False)
        graphs.append(graph)
    return graphs


def _atom_categories(mols: MoleculeArrays) -> np.ndarray:
    """(atoms, len(ATOM_CATEGORIES)) uint8 of neutralised molecules."""
    numbers, charges = mols.numbers, mols.charges
    polar = (numbers == 7) | (numbers == 8)
    greasy = (numbers == 6) & ~mols.beside((numbers != 6) & (numbers != 1)) | np.isin(numbers, _HALOGENS)
    columns = (
        _ELEMENT_ROW[numbers],
        mols.degrees,
        mols.hydrogens,
        mols.hybridisations,
        mols.aromatic,
        _ring_sizes(mols),
        polar & (mols.hydrogens > 0),
        groups.acceptors(mols),
        groups.acidic(mols),
        groups.basic(mols),
        greasy,
        mols.chirality,
        np.where(charges > 0, 1, np.where(charges < 0, 2, 0)),
    )
    assert len(columns) == len(ATOM_CATEGORIES)
    return np.minimum(np.stack(columns, axis=1), _LAST_CATEGORY).astype(np.uint8)


def _ring_sizes(mols: MoleculeArrays) -> np.ndarray:
    """(atoms,) smallest ring of each atom as a category: 0 none, 1..5 = 3..7, 6 larger."""
    sizes = np.full(mols.num_atoms, _LARGEST_RING + 1)
    for first, rings in zip((np.cumsum(mols.bond_sizes) - mols.bond_sizes).tolist(), mols.rings, strict=True):
        for ring in rings:
            rows = mols.ends[[first + bond for bond in ring]]
            sizes[rows] = np.minimum(sizes[rows], min(len(ring), _LARGEST_RING))
    return np.where(sizes > _LARGEST_RING, 0, sizes - 2)


def _descriptors(mols: MoleculeArrays, categories: np.ndarray, turning: np.ndarray) -> np.ndarray:
    """(M, len(DESCRIPTORS)) float32."""
    of_each = {name: mols.of_each(column) for name, column in zip(ATOM_CATEGORIES, categories.T, strict=True)}
    carbon = mols.numbers == 6
    aromatic = (mols.orders == AROMATIC).tolist()
    aromatic_rings = [
        sum(all(aromatic[first + bond] for bond in ring) for ring in rings)
        for first, rings in zip((np.cumsum(mols.bond_sizes) - mols.bond_sizes).tolist(), mols.rings, strict=True)
    ]
    values = (
        mols.sizes,
        groups.rotors(mols, turning),
        [len(rings) for rings in mols.rings],
        aromatic_rings,
        of_each["donor"],
        of_each["acceptor"],
        log_p(mols),
        [rdMolDescriptors.CalcTPSA(mol) for mol in mols.mols],
        mols.of_each(carbon & (mols.connected == 4)) / np.maximum(mols.of_each(carbon), 1.0),
        of_each["acidic"] / 2,
        of_each["basic"] / 2,
        mols.of_each(np.isin(mols.numbers, _HALOGENS)),
    )
    assert len(values) == len(DESCRIPTORS)
    return (np.stack([np.asarray(value, dtype=np.float64) for value in values], axis=1) / _DESCRIPTOR_SCALE).astype(
        np.float32
    )

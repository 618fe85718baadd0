"""Small real molecules and protein fragments, written out for the tests of the readers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

# N, CA, C, O, CB of one residue in ideal geometry, Å; a next residue is shifted along x.
_BACKBONE = {
    "N": (1.458, 0.000, 0.000),
    "CA": (0.000, 0.000, 0.000),
    "C": (-0.551, 1.417, 0.000),
    "O": (0.186, 2.398, 0.000),
    "CB": (-0.529, -0.774, 1.205),
}


def atom_line(
    name: str,
    residue: str = "ALA",
    chain: str = "A",
    number: str = "1",
    xyz: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    altloc: str = " ",
    icode: str = " ",
    occupancy: float = 1.0,
    element: str | None = None,
    record: str = "ATOM",
    serial: str = "1",
) -> str:
    """One line of a PDB file; the element column is filled from the name unless given."""
    element = name[0] if element is None else element
    padded = name if len(name) == 4 or len(element) == 2 else f" {name}"
    x, y, z = xyz
    return (
        f"{record:<6}{serial:>5} {padded:<4}{altloc}{residue:>3} {chain}{number:>4}{icode}   "
        f"{x:8.3f}{y:8.3f}{z:8.3f}{occupancy:6.2f}{0.0:6.2f}          {element:>2}\n"
    )


def residue_lines(
    residue: str = "ALA",
    chain: str = "A",
    number: str = "1",
    *,
    shift: float = 0.0,
    rise: float = 0.0,
    names: Iterable[str] = ("N", "CA", "C", "O", "CB"),
    **how: object,
) -> str:
    """An amino acid's backbone and CB, moved along x by ``shift`` Å and along y by ``rise``."""
    lines = []
    for name in names:
        x, y, z = _BACKBONE[name]
        lines.append(atom_line(name, residue, chain, number, (x + shift, y + rise, z), **how))  # type: ignore[arg-type]
    return "".join(lines)


def peptide(count: int = 6, *, chain: str = "A", start: int = 1) -> str:
    """Alanines with consecutive numbers, 3.8 Å apart along x."""
    return "".join(residue_lines(number=str(start + k), chain=chain, shift=3.8 * k) for k in range(count))


@lru_cache
def posed(smiles: str, *, hydrogens: bool = True, seed: int = 7) -> Chem.Mol:
    """A molecule with an embedded conformer."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=seed) == 0
    AllChem.MMFFOptimizeMolecule(mol)
    return mol if hydrogens else Chem.RemoveHs(mol)


def record(smiles: str, title: str = "", *, hydrogens: bool = True, v3000: bool = False, tags: str = "") -> str:
    """An SD record of an embedded molecule."""
    mol = Chem.Mol(posed(smiles, hydrogens=hydrogens))
    mol.SetProp("_Name", title)
    return Chem.MolToMolBlock(mol, forceV3000=v3000) + tags + "$$$$\n"


def without_kekule_form(smiles: str, title: str = "") -> str:
    """An SD record as PDBbind writes rings: all aromatic bonds of type 4, no hydrogen on any aromatic nitrogen."""
    mol = Chem.RWMol(posed(smiles))
    doomed = [
        a.GetIdx()
        for a in mol.GetAtoms()
        if a.GetAtomicNum() == 1 and a.GetNeighbors()[0].GetIsAromatic() and a.GetNeighbors()[0].GetAtomicNum() == 7
    ]
    for index in sorted(doomed, reverse=True):
        mol.RemoveAtom(index)
    for atom in mol.GetAtoms():
        atom.SetFormalCharge(0)
        atom.SetNumExplicitHs(0)
    mol.SetProp("_Name", title)
    return Chem.MolToMolBlock(mol, kekulize=False) + "$$$$\n"


def mol_block(elements: str, positions: np.ndarray, bonds: Iterable[tuple[int, int, int]], title: str = "") -> str:
    """An SD record from elements (blank-separated), positions and bonds (1-based atoms, order) exactly as given."""
    symbols = elements.split()
    bonds = list(bonds)
    lines = [title, "  hand made", "", f"{len(symbols):3d}{len(bonds):3d}  0  0  0  0  0  0  0  0999 V2000"]
    for symbol, (x, y, z) in zip(symbols, positions, strict=True):
        lines.append(f"{x:10.4f}{y:10.4f}{z:10.4f} {symbol:<3} 0  0")
    lines += [f"{a:3d}{b:3d}{order:3d}  0" for a, b, order in bonds]
    return "\n".join([*lines, "M  END", "$$$$", ""])


def heavy_record(smiles: str, title: str = "", *, change: dict[tuple[int, int], int] | None = None) -> str:
    """An SD record of heavy atoms with neutral atoms and some bond orders changed (0-based pairs of atoms)."""
    mol = Chem.Mol(posed(smiles, hydrogens=False))
    Chem.Kekulize(mol, clearAromaticFlags=True)
    orders = {Chem.BondType.SINGLE: 1, Chem.BondType.DOUBLE: 2, Chem.BondType.TRIPLE: 3}
    bonds = []
    for bond in mol.GetBonds():
        pair = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        order = (change or {}).get(pair, (change or {}).get(pair[::-1], orders[bond.GetBondType()]))
        bonds.append((pair[0] + 1, pair[1] + 1, order))
    symbols = " ".join(a.GetSymbol() for a in mol.GetAtoms())
    return mol_block(symbols, mol.GetConformer().GetPositions(), bonds, title)

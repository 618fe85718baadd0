"""Further inputs: what entries of the archive and other people's poses bring that the others do not show.

As ``inputs``, which holds the first ones; each case is a line of the same page.
"""

from __future__ import annotations

import re

import numpy as np
from inputs import (
    _ligand,
    atom_lines,
    by_residue,
    case,
    complex_pdb,
    joined,
    lines,
    pdb,
    pdb_lines,
    sdf,
    with_hydrogens,
)
from inputs_odd import PDB, hetatm, placed
from rdkit import Chem
from rdkit.Chem import AllChem


def in_two_states(occupancy: float, *, apart: float = 0.3) -> str:
    """The receptor with two states of every atom, each beside the other as in entries of high resolution."""
    held = []
    for line in lines():
        held.append(f"{line[:16]}A{line[17:54]}{occupancy:6.2f}{line[60:]}")
        held.append(
            f"{line[:16]}B{line[17:30]}{float(line[30:38]) + apart:8.3f}{line[38:54]}{1 - occupancy:6.2f}{line[60:]}"
        )
    return joined(held)


def without(*numbers: int) -> str:
    """The receptor without some residues of its chain."""
    return joined([line for line in lines() if int(line[22:26]) not in numbers])


def shuffled() -> str:
    """The SDF record with the coordinates of other atoms, as where two programs order them differently."""
    mol = Chem.Mol(_ligand())
    positions = mol.GetConformer().GetPositions()
    mol.GetConformer().SetPositions(positions[np.random.default_rng(0).permutation(len(positions))])
    return Chem.MolToMolBlock(mol) + "$$$$\n"


def mapped(*, v3000: bool = False) -> str:
    """The SDF record with a number of a reaction at every atom."""
    mol = Chem.Mol(_ligand())
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    return Chem.MolToMolBlock(mol, forceV3000=v3000) + "$$$$\n"


def peptide_lines(chain: str = "P") -> list[str]:
    """A tripeptide where the ligand is, as a chain."""
    mol = Chem.AddHs(Chem.MolFromSequence("DFR"))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    mol = Chem.RemoveHs(mol)
    positions = mol.GetConformer().GetPositions()
    middle = _ligand().GetConformer().GetPositions().mean(axis=0)
    mol.GetConformer().SetPositions(positions - positions.mean(axis=0) + middle)
    text = Chem.MolToPDBBlock(mol, flavor=4)
    return [line[:21] + chain + line[22:] for line in text.splitlines() if line.startswith("ATOM")]


def with_peptide() -> str:
    return joined([*lines(), "TER", *peptide_lines()])


def sugars() -> list[str]:
    """Two sugars that are bonded, each a residue of its own."""
    mol = placed("CC(=O)N[C@H]1[C@H](O)O[C@H](CO)[C@@H](O[C@@H]2O[C@H](CO)[C@@H](O)[C@H](O)[C@H]2NC(C)=O)[C@@H]1O")
    mol = Chem.RemoveHs(mol)
    _, bridge, other = mol.GetSubstructMatch(Chem.MolFromSmarts("[C;R]-[O;!R]-[C;R]"))
    cut = Chem.RWMol(mol)
    cut.RemoveBond(bridge, other)
    positions, held = mol.GetConformer().GetPositions() + (0.0, 0.0, -3.0), []
    for number, atoms in enumerate(Chem.GetMolFrags(cut), start=1):
        for row, atom in enumerate(atoms):
            symbol = mol.GetAtomWithIdx(atom).GetSymbol()
            held.append(hetatm(f"{symbol}{row}", "NAG", number, positions[atom], symbol))
    return held


def with_sugars() -> str:
    return joined([*lines(), "TER", *sugars()])


def carborane() -> str:
    """An ortho-carborane whose cage has all its bonds: no valence that a program knows."""
    golden = (1 + 5**0.5) / 2
    corners = [
        place for a in (-1.0, 1.0) for b in (-golden, golden) for place in ((0.0, a, b), (a, b, 0.0), (b, 0.0, a))
    ]
    middle = _ligand().GetConformer().GetPositions().mean(axis=0)
    positions = np.array(corners) * 0.885
    pairs = [(i, j) for i in range(12) for j in range(i) if np.linalg.norm(positions[i] - positions[j]) < 1.9]
    carbons = set(pairs[0])
    text = f"cage\n  x   3D\n\n 12{len(pairs):3d}  0  0  0  0  0  0  0  0999 V2000\n"
    for row, (x, y, z) in enumerate(positions + middle):
        text += f"{x:10.4f}{y:10.4f}{z:10.4f} {'C' if row in carbons else 'B':<3} 0  0\n"
    return text + "".join(f"{i + 1:3d}{j + 1:3d}  1  0\n" for i, j in pairs) + "M  END\n$$$$\n"


def joined_records(*mols: Chem.Mol) -> str:
    first, *others = mols
    for other in others:
        first = Chem.CombineMols(first, other)
    return Chem.MolToMolBlock(first) + "$$$$\n"


def moved_ligand(x: float) -> Chem.Mol:
    mol = Chem.Mol(_ligand())
    mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() + (x, 0.0, 0.0))
    return mol


S = "Entries with states, gaps and chains"
case(S, "two states of every atom, the first more often", protein=lambda: in_two_states(0.6))
case(S, "two states of every atom, 0.1 Å apart", protein=lambda: in_two_states(0.6, apart=0.1))
case(S, "two states of every atom in nm", protein=lambda: _in_nm(in_two_states(0.6)))
case(S, "three residues missing beside the ligand", protein=lambda: without(9, 10, 11))
case(S, "one residue missing beside the ligand", protein=lambda: without(36))
case(S, "every other residue missing", protein=lambda: _every_other())
case(
    S,
    "three residues missing, and numbers that do not show it",
    protein=lambda: re.sub(
        r"(?m)^(ATOM.{18})(...\d)", lambda m: f"{m[1]}{int(m[2]) - 3 * (int(m[2]) > 11):4d}", without(9, 10, 11)
    ),
)
case(S, "a peptide as a chain, `P:`", protein=with_peptide, ligand="P:")
case(S, "a peptide as a chain, `auto`", protein=with_peptide, ligand="auto")
case(S, "one residue of a peptide, `P:PHE:2`", protein=with_peptide, ligand="P:PHE:2")
case(S, "the protein's chain, `B:`", protein=complex_pdb, ligand="B:")
case(S, "a chain that is not there, `Q:`", protein=complex_pdb, ligand="Q:")
case(S, "a glycan, `A:NAG:1+A:NAG:2`", protein=with_sugars, ligand="A:NAG:1+A:NAG:2")
case(S, "one sugar of a glycan, `A:NAG:1`", protein=with_sugars, ligand="A:NAG:1")
case(S, "sugars by name, `NAG`", protein=with_sugars, ligand="NAG")
case(S, "a glycan, `auto`", protein=with_sugars, ligand="auto")
case(S, "a peptide as PDB lines ATOM", ligand=lambda: joined(peptide_lines()), names=PDB)

S = "Poses from other hands"
case(S, "coordinates of other atoms", ligand=shuffled)
case(S, "numbers of a reaction at the atoms", ligand=mapped)
case(S, "numbers of a reaction at the atoms, V3000", ligand=lambda: mapped(v3000=True))
case(S, "a drawing moved into the pocket", ligand=lambda: atom_lines(lambda line: f"{line[:20]}   19.0000{line[30:]}"))
case(S, "a drawing in the plane of y and z", ligand=lambda: atom_lines(lambda line: f"    7.0000{line[10:]}"))
case(S, "two poses in one record", ligand=lambda: joined_records(_ligand(), moved_ligand(0.8)))
case(
    S,
    "the ligand and a side chain of the protein in one record",
    ligand=lambda: joined_records(_ligand(), _phenylalanine()),
)
case(S, "a carborane with the bonds of its cage", ligand=carborane)
case(S, "a title that colours the terminal", ligand=lambda: sdf(title="\x1b[31mTQ3\x1b[0m\x07"))
case(
    S,
    "hydrogens as deuterium, PDB",
    ligand=lambda: Chem.MolToPDBBlock(with_hydrogens(), flavor=4).replace("  H  ", "  D  "),
    names=PDB,
)
case(S, "PDB with five waters and a sulfate", ligand=lambda: joined([*pdb_lines(), *_sulfate()]), names=PDB)
case(
    S,
    "the protein's file and the ligand's in each other's place",
    protein=sdf,
    ligand=lambda: joined(lines()),
    names=("ligand.sdf", "protein.pdb"),
)
case(
    S,
    "two PDB files joined, the protein first, in the ligand's place",
    ligand=lambda: joined(lines()) + pdb(),
    names=PDB,
)


def _in_nm(text: str) -> str:
    return re.sub(
        r"(?m)^(ATOM  .{24}|HETATM.{24})(.{8})(.{8})(.{8})",
        lambda m: m[1] + "".join(f"{float(value) / 10:8.3f}" for value in m.groups()[1:]),
        text,
    )


def _every_other() -> str:
    return joined([line for row, held in enumerate(by_residue().values()) if row % 2 for line in held])


def _phenylalanine() -> Chem.Mol:
    held = [line for line in lines() if line[17:26].split() == ["PHE", "B", "36"]]
    return Chem.MolFromPDBBlock(joined(held))


def _sulfate() -> list[str]:
    middle = _ligand().GetConformer().GetPositions().mean(axis=0) + (9.0, 5.0, 5.0)
    corners = ((1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1))
    oxygens = [hetatm(f"O{k}", "SO4", 1001, middle + 0.86 * np.array(c), "O") for k, c in enumerate(corners, start=1)]
    waters = [hetatm("O", "HOH", 1002 + k, middle + (6.0 + 3 * k, 6.0, 6.0), "O") for k in range(5)]
    return [hetatm("S", "SO4", 1001, middle, "S"), *oxygens, *waters]

"""Bond orders from places alone, and with the hydrogens of a file."""

from __future__ import annotations

import numpy as np
import pytest
from molecules import posed
from rdkit import Chem

from binding.graph.ligand import neutralise
from binding.io.bond_orders import flat_rings
from binding.io.ligand import prepare_ligand
from binding.io.perceive import perceive_bonds

#: What files without bonds have held in the wrong form.
GROUPS = {
    "phenol": "Oc1ccccc1C",
    "aniline": "Nc1ccc(C)cc1",
    "trifluoroacetamide": "CCNC(=O)C(F)(F)F",
    "hydroxamic acid": "CCC(=O)NO",
    "N-hydroxyformamide": "CCN(O)C=O",
    "nitro": "Cc1ccc([N+](=O)[O-])cc1",
    "N-oxide": "Cc1cc[n+]([O-])cc1",
    "amine oxide": "CC[N+](C)(C)[O-]",
    "azide": "Cc1ccc(N=[N+]=[N-])cc1",
    "diazonium": "Cc1ccc([N+]#N)cc1",
    "nitrile": "CCCC#N",
    "alkyne": "CCC#CC",
    "allene": "CC=C=CC",
    "pyridinium": "CC[n+]1cccc(C)c1",
    "imidazolium": "CCn1cc[n+](C)c1",
    "pyridone": "Cc1cc[nH]c(=O)c1",
    "uracil": "Cc1c[nH]c(=O)[nH]c1=O",
    "indole": "Cc1c[nH]c2ccccc12",
    "thiazole": "Cc1csc(C)n1",
    "furan": "Cc1ccoc1C",
    "sulfonamide": "NS(=O)(=O)c1ccccc1",
    "sulfonamide anion": "[NH-]S(=O)(=O)c1ccccc1",
    "sulfoximine": "CS(=N)(=O)c1ccccc1",
    "phosphonate": "CCP(=O)([O-])O",
    "arsonic acid": "C[As](=O)(O)O",
    "selenoxide": "C[Se](=O)CC",
    "iodane": "CC(=O)OI(OC(C)=O)c1ccccc1",
    "boronate": "CC[B-](O)(O)O",
    "guanidine": "NC(=[NH2+])NCCC",
    "benzamidine": "NC(=[NH2+])c1ccccc1",
    "quinone": "CC1=CC(=O)C=CC1=O",
    "alcohol": "CCCO",
    "aldehyde": "CCC=O",
    "cyclohexane": "CC1CCCCC1",
}


def perceived(mol: Chem.Mol) -> str:
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
    found, _ = perceive_bonds(symbols, np.round(mol.GetConformer().GetPositions(), 3).tolist(), "x")
    return smiles(prepare_ligand(found, "x").mol)


def smiles(mol: Chem.Mol) -> str:
    return Chem.MolToSmiles(neutralise(mol), isomericSmiles=False)


def wanted(text: str) -> str:
    mol = posed(text)
    return smiles(prepare_ligand(mol, "x").mol)


def without(mol: Chem.Mol, *elements: int) -> Chem.Mol:
    """A molecule without the hydrogens of some elements."""
    work = Chem.RWMol(mol)
    doomed = [a for a in work.GetAtoms() if a.GetAtomicNum() == 1 and a.GetNeighbors()[0].GetAtomicNum() in elements]
    for index in sorted((atom.GetIdx() for atom in doomed), reverse=True):
        work.RemoveAtom(index)
    return work.GetMol()


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_by_its_heavy_atoms(name):
    assert perceived(posed(GROUPS[name], hydrogens=False)) == wanted(GROUPS[name])


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_by_all_atoms(name):
    assert perceived(posed(GROUPS[name])) == wanted(GROUPS[name])


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_by_its_polar_hydrogens(name):
    assert perceived(without(posed(GROUPS[name]), 6)) == wanted(GROUPS[name])


@pytest.mark.parametrize("text", ["CCCC", "CC(C)CO", "C1CCCCC1", "OC1CCCC1"])
def test_short_bonds_of_saturated_atoms_with_hydrogens(text):
    """A pose whose bonds are those of double ones: hydrogens settle it."""
    mol = Chem.Mol(posed(text))
    positions = mol.GetConformer().GetPositions() * 0.9
    mol.GetConformer().SetPositions(positions)
    assert perceived(mol) == text == Chem.CanonSmiles(text)


def test_a_few_hydrogens_of_carbon_say_nothing():
    mol = Chem.RWMol(posed("Cc1ccc(CCCC)cc1"))
    hydrogens = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() == 1]
    for index in sorted(hydrogens[1:], reverse=True):
        mol.RemoveAtom(index)
    assert perceived(mol.GetMol()) == wanted("Cc1ccc(CCCC)cc1")


def test_a_hydrogen_far_from_all_atoms_belongs_to_none():
    mol = posed("CC(=O)N", hydrogens=False)
    positions = np.round(mol.GetConformer().GetPositions(), 3).tolist()
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
    found, _ = perceive_bonds([*symbols, "H"], [*positions, [9.0, 9.0, 9.0]], "x")
    assert smiles(prepare_ligand(found, "x").mol) == "CC(N)=O"


@pytest.mark.parametrize(
    ("text", "count"), [("c1ccccc1", 1), ("C1CCCCC1", 0), ("c1ccc2[nH]ccc2c1", 2), ("C1=CCCC1", 0)]
)
def test_flat_rings(text, count):
    mol = posed(text, hydrogens=False)
    assert len(flat_rings(mol, mol.GetConformer().GetPositions())) == count


def test_an_ion_is_not_bonded():
    mol = posed("CC(=O)[O-]", hydrogens=False)
    positions = mol.GetConformer().GetPositions()
    away = positions[3] + 2.2 * (positions[3] - positions[1]) / np.linalg.norm(positions[3] - positions[1])
    symbols = [atom.GetSymbol() for atom in mol.GetAtoms()]
    found, _ = perceive_bonds([*symbols, "Na"], [*positions.tolist(), away.tolist()], "x")
    assert found.GetAtomWithIdx(4).GetDegree() == 0


def test_a_bond_may_name_its_second_atom_first():
    """Of two bonds that the file lists, one is too long and is passed over; the other is not added again."""
    mol = posed("CCCO", hydrogens=False)
    positions = np.round(mol.GetConformer().GetPositions(), 3).tolist()
    found, notes = perceive_bonds(["C", "C", "C", "O"], positions, "x", [(1, 0), (3, 0)])
    assert found.GetNumBonds() == 3
    assert "passed over 1 CONECT bond longer than any bond" in notes


def test_six_neighbours_of_sulfur():
    """Pentafluorosulfanylmethane, an octahedron; RDKit embeds none."""
    fluorines = [(0, 1.58, 0), (0, -1.58, 0), (0, 0, 1.58), (0, 0, -1.58), (-1.58, 0, 0)]
    found, _ = perceive_bonds(["S", "C", *"FFFFF"], [(0, 0, 0), (1.8, 0, 0), *fluorines], "x")
    assert smiles(prepare_ligand(found, "x").mol) == "CS(F)(F)(F)(F)F"

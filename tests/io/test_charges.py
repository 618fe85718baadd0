"""Charges that MOL2, and an SDF without ``M  CHG``, cannot say: the molecule of a correct file comes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from molecules import heavy_record, posed
from rdkit import Chem

from binding.io.ligand import BadRecord, parse_record
from binding.structures import Ligand

GROUPS = {
    "nitro": "Cc1ccc([N+](=O)[O-])cc1",
    "dinitro": "Cc1c([N+](=O)[O-])cccc1[N+](=O)[O-]",
    "aliphatic nitro": "CCC[N+](=O)[O-]",
    "nitrate ester": "CCCO[N+](=O)[O-]",
    "nitramine": "CN(C)[N+](=O)[O-]",
    "pyridine N-oxide": "Cc1cc[n+]([O-])cc1",
    "amine N-oxide": "CCC[N+](C)(C)[O-]",
    "nitrone": "C/C=[N+](/C)[O-]",
    "nitrile oxide": "CCC#[N+][O-]",
    "azoxy": "C/N=[N+](\\C)[O-]",
    "azide": "CCCN=[N+]=[N-]",
    "aryl azide": "Cc1ccc(N=[N+]=[N-])cc1",
    "diazo": "CCC(C)=[N+]=[N-]",
    "isocyanide": "CCC[N+]#[C-]",
    "sulfoxide": "CCS(C)=O",
    "sulfone": "CCS(C)(=O)=O",
    "sulfonamide": "CCS(N)(=O)=O",
    "sulfoximine": "CCS(C)(=O)=N",
    "phosphine oxide": "CCP(C)(C)=O",
    "quaternary ammonium": "CCC[N+](C)(C)C",
    "hydroxylamine": "CCCN(C)O",
}
SEPARATED = {
    "sulfoxide": "CC[S+](C)[O-]",
    "sulfone": "CC[S+2](C)([O-])[O-]",
    "half a sulfone": "CC[S+](C)([O-])=O",
    "sulfonamide": "CC[S+2](N)([O-])[O-]",
    "sulfoximine": "CC[S+](C)(=O)[NH-]",
    "phosphine oxide": "CC[P+](C)(C)[O-]",
    "azide": "CCC[N-][N+]#N",
    "diazo": "CC[C-](C)[N+]#N",
}


def read(text: str) -> Ligand:
    item = parse_record(text.removesuffix("$$$$\n"), Path("ligand"), 0)
    assert not isinstance(item, BadRecord), item.error
    return item


def smiles(text: str) -> str:
    return Chem.MolToSmiles(read(text).mol, isomericSmiles=False)


def expected(name: str) -> str:
    return Chem.MolToSmiles(Chem.MolFromSmiles(GROUPS[name.removeprefix("half a ")]), isomericSmiles=False)


def block(smiles: str, *, hydrogens: bool) -> str:
    return Chem.MolToMolBlock(posed(smiles, hydrogens=hydrogens))


def mol2(smiles: str, *, hydrogens: bool, aromatic: bool) -> str:
    """A MOL2 record without charges."""
    mol = Chem.Mol(posed(smiles, hydrogens=hydrogens))
    if not aromatic:
        Chem.Kekulize(mol, clearAromaticFlags=True)
    orders = {1.0: "1", 2.0: "2", 3.0: "3", 1.5: "ar"}
    conformer = mol.GetConformer()
    lines = ["@<TRIPOS>MOLECULE", "x", f"{mol.GetNumAtoms()} {mol.GetNumBonds()}", "SMALL", "NO_CHARGES", ""]
    lines.append("@<TRIPOS>ATOM")
    for atom in mol.GetAtoms():
        x, y, z = conformer.GetAtomPosition(atom.GetIdx())
        number, symbol = atom.GetIdx() + 1, atom.GetSymbol()
        lines.append(f"{number} {symbol}{number} {x:.4f} {y:.4f} {z:.4f} {symbol} 1 LIG 0.0")
    lines.append("@<TRIPOS>BOND")
    for bond in mol.GetBonds():
        ends = f"{bond.GetBeginAtomIdx() + 1} {bond.GetEndAtomIdx() + 1}"
        lines.append(f"{bond.GetIdx() + 1} {ends} {orders[bond.GetBondTypeAsDouble()]}")
    return "\n".join([*lines, ""])


@pytest.mark.parametrize("hydrogens", [True, False], ids=["hydrogens", "heavy atoms"])
@pytest.mark.parametrize("name", GROUPS)
def test_sdf_without_charge_lines(name, hydrogens):
    text = block(GROUPS[name], hydrogens=hydrogens)
    assert smiles(text) == expected(name)
    assert smiles(re.sub(r"M  CHG.*\n", "", text)) == expected(name)


@pytest.mark.parametrize("aromatic", [True, False], ids=["aromatic", "kekule"])
@pytest.mark.parametrize("hydrogens", [True, False], ids=["hydrogens", "heavy atoms"])
@pytest.mark.parametrize("name", GROUPS)
def test_mol2(name, hydrogens, aromatic):
    assert smiles(mol2(GROUPS[name], hydrogens=hydrogens, aromatic=aromatic)) == expected(name)


@pytest.mark.parametrize("name", SEPARATED)
def test_forms_with_separated_charges(name):
    assert smiles(block(SEPARATED[name], hydrogens=True)) == expected(name)


@pytest.mark.parametrize("name", ["sulfoxide", "sulfone", "half a sulfone", "sulfonamide", "phosphine oxide", "azide"])
def test_forms_with_separated_charges_that_lost_these(name):
    """A carbanion of a diazo group and the nitrogen of a sulfoximine cannot be told from CH and NH2."""
    item = read(re.sub(r"M  CHG.*\n", "", block(SEPARATED[name], hydrogens=True)))
    assert Chem.MolToSmiles(item.mol, isomericSmiles=False) == expected(name)


@pytest.mark.parametrize("name", ["nitro", "aliphatic nitro", "nitrate ester"])
def test_a_nitro_group_that_lost_its_double_bond(name):
    mol = posed(GROUPS[name], hydrogens=False)
    ends = mol.GetSubstructMatch(Chem.MolFromSmarts("[N+]=O"))
    text = heavy_record(GROUPS[name], change={ends: 1})
    assert smiles(text) == expected(name)


def test_the_molecule_says_what_was_mended():
    item = read(mol2(GROUPS["nitro"], hydrogens=True, aromatic=True))
    assert item.notes == (
        "gave +1 charge to N with 4 bonds",
        "gave -1 charge to 1 atom beside N+ (nitro, N-oxide, azide or the like)",
    )


def test_a_protonated_hydroxylamine_is_no_n_oxide():
    assert smiles(block("CCC[NH+](C)O", hydrogens=True)) == "CCC[NH+](C)O"
    assert smiles(block("CCC[N+](C)(C)O", hydrogens=True)) == "CCC[N+](C)(C)O"

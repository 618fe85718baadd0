"""Groups and logP from arrays, against RDKit's search for the patterns that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen, rdMolDescriptors

from binding.graph import groups
from binding.graph.crippen import _known, log_p
from binding.graph.molecules import MoleculeArrays

ACIDIC = (
    "[CX3](=[OX1])[OX2H1]",
    "[SX3,SX4](=[OX1])[OX2H1]",
    "[PX4](=[OX1])[OX2H1]",
    "c1nn[nH]n1",
    "c1nnn[nH]1",
    "[NX3;H1]([CX3]=O)S(=O)=O",
)
BASIC = (
    "[NX3;!$(N~[!#6]);!$(N-[#6]=,#,:[*]);!$(N-c)]",
    "[NX2;!$(N~[!#6])]=[CX3][NX3;!$(N~[!#6]);!$(N-C=[O,S])]",
    "[NX3;!$(N~[!#6]);!$(N-C=[O,S])][CX3]=[NX2;!$(N~[!#6])]",
)
ACCEPTORS = (
    "[OX1,OX2;!$(o);!$(O-a);!$(O-C=[O,S])]",
    "[OX2H1]",
    "[nX2]",
    "[NX1,NX2]",
    "[NX3;!$(N-[#6]=,:[*]);!$(N-S=O);!$(N=*)]",
)
SMILES = r"""
    CC(=O)O CS(=O)(=O)O CS(=O)O OP(=O)(O)OC c1nn[nH]n1 Cc1nnn[nH]1 Cn1nnnc1C CC(=O)NS(C)(=O)=O
    CC(=O)N(C)S(C)(=O)=O O=C1NS(=O)(=O)c2ccccc21 NCCO CN(C)C CN(C)O NC(=N)c1ccccc1 CNC(=N)NC NC(=N)NC(C)=O
    NC(=N)NS(C)(=O)=O Nc1ccccc1 NC(=O)c1ccccc1 CC#N CN=C=O C=NN ON=Cc1ccco1 COc1ccccc1 CC(=O)OC CC(=S)OC c1ccoc1
    c1ccsc1 c1cnc[nH]1 O=S(=O)(N)c1ccc(F)cc1 FC(F)(F)CCC CC(C)(C)CCC(Cl)(Cl)Cl CC(=O)N(C)C CSC(=S)N CC(=O)SC
    C1CC1NC(=O)CCl CCC(=[NH+]C)NC C[N+](C)(C)CC CC(=O)N1CCC(O)CC1 N#CC(C#CC)C=C O=[N+]([O-])c1ccccc1
    CN=[N+]=[N-] C[S+]([O-])C B(O)(O)c1ccccc1 C[Si](C)(C)C OOC O=C=O O=CC O=CO O=Cc1ccccc1 IC1=CC=CC1=O
    CP(C)(C)=O [Na+].[Cl-] [SeH]CC O=c1[nH]c(=O)c2nc[nH]c2[nH]1 C1=CC=CC=CC=C1 N1C=CC=C1C(=N)N
    CC(C)(C)C(C)(C)C(F)(F)C(F)(F)F [NH4+] CN1C=NC2=C1C(=O)N(C(=O)N2C)C O=C(O)C(=O)NO N=C(N)SC NC(N)=S
    c1ccc2c(c1)C(=O)c1ccccc1C2=O C[N-]C [O-]C(=O)C[NH3+] Oc1ccccc1O OC=C OC(=N)C ONC OS CC(=O)[O-] [I-] C[N+]#C
    O S
"""
MOLECULES = [Chem.MolFromSmiles(smiles) for smiles in SMILES.split()]


def by_search(mol: Chem.Mol, patterns: tuple[str, ...], elements: tuple[int, ...]) -> set[int]:
    atoms = {
        atom for smarts in patterns for match in mol.GetSubstructMatches(Chem.MolFromSmarts(smarts)) for atom in match
    }
    return {atom for atom in atoms if mol.GetAtomWithIdx(atom).GetAtomicNum() in elements}


@pytest.fixture(scope="module")
def together() -> MoleculeArrays:
    return MoleculeArrays.of(MOLECULES)


@pytest.mark.parametrize(
    ("group", "patterns", "elements"),
    [(groups.acidic, ACIDIC, (7, 8)), (groups.basic, BASIC, (7,)), (groups.acceptors, ACCEPTORS, (7, 8))],
)
def test_groups_are_those_of_their_patterns(together, group, patterns, elements):
    marked = np.split(group(together), np.cumsum(together.sizes)[:-1])
    for mol, found in zip(MOLECULES, marked, strict=True):
        assert set(np.flatnonzero(found).tolist()) == by_search(mol, patterns, elements), Chem.MolToSmiles(mol)


def test_rotors_are_those_that_rdkit_counts_strictly(together):
    found = groups.rotors(together, groups.rotatable(together)).tolist()
    expected = [
        rdMolDescriptors.CalcNumRotatableBonds(mol, rdMolDescriptors.NumRotatableBondsOptions.Strict)
        for mol in MOLECULES
    ]
    assert found == expected


def test_log_p_is_crippens_whether_or_not_its_atoms_are_known(together):
    expected = [Crippen.MolLogP(Chem.Mol(mol)) for mol in MOLECULES]
    _known.clear()
    asked = log_p(together)
    np.testing.assert_allclose(asked, expected, atol=1e-12)
    np.testing.assert_array_equal(log_p(together), asked)
    alone = np.concatenate([log_p(MoleculeArrays.of([mol])) for mol in MOLECULES])
    np.testing.assert_array_equal(alone, asked)


def test_a_dative_bond_is_none_that_a_pattern_names():
    mol = Chem.MolFromSmiles("CN(C)(C)->[Zn]")
    found = MoleculeArrays.of([mol])
    assert found.plain.tolist() == [bond.GetBondType() == Chem.BondType.SINGLE for bond in mol.GetBonds()]
    assert np.flatnonzero(groups.acceptors(found)).tolist() == sorted(by_search(mol, ACCEPTORS, (7, 8)))

"""Protonation by rule and stereoisomers by number."""

from __future__ import annotations

import pytest
from rdkit import Chem

from binding.poses.states import protonate, states


def canonical(smiles: str) -> str:
    return Chem.CanonSmiles(smiles)


@pytest.mark.parametrize(
    ("drawn", "at_ph_7"),
    [
        ("CC(=O)O", "CC(=O)[O-]"),
        ("CC(=O)[O-]", "CC(=O)[O-]"),
        ("CC[NH3+]", "CC[NH3+]"),
        ("CCN(C)C", "CC[NH+](C)C"),
        ("CN1CCNCC1", "C[NH+]1CCNCC1"),  # piperazine takes one proton
        ("NC(=N)NCC", "NC(=[NH2+])NCC"),
        ("NC(=N)c1ccccc1", "NC(=[NH2+])c1ccccc1"),
        ("OP(=O)(O)OCC", "[O-]P(=O)([O-])OCC"),
        ("CS(=O)(=O)NC(C)=O", "CS(=O)(=O)[N-]C(C)=O"),
        ("c1nnn[nH]1", "c1nnn[n-]1"),
        ("CC1SC(=O)NC1=O", "CC1SC(=O)[N-]C1=O"),
        ("C[C@H](N)C(=O)O", "C[C@H]([NH3+])C(=O)[O-]"),
    ],
)
def test_strong_acids_and_bases_are_charged(drawn, at_ph_7):
    assert Chem.MolToSmiles(protonate(Chem.MolFromSmiles(drawn))) == canonical(at_ph_7)


@pytest.mark.parametrize(
    "smiles",
    [
        "Nc1ccccc1",
        "CC(N)=O",
        "c1ccncc1",
        "c1c[nH]cn1",
        "Oc1ccccc1",
        "NS(=O)(=O)c1ccccc1",
        "NC(N)=NC#N",
        "NC(=O)NC",
        "CN(C)S(C)(=O)=O",
        "C[N+](C)(C)C",
        "O=[N+]([O-])c1ccccc1",
        "NN",
        "NC(C)C(F)(F)F",
        "O=C1CCC(=O)N1",
    ],
)
def test_weak_ones_stay_as_they_are(smiles):
    assert Chem.MolToSmiles(protonate(Chem.MolFromSmiles(smiles))) == canonical(smiles)


def test_atoms_keep_their_order():
    mol = Chem.MolFromSmiles("OC(=O)CCN")
    assert [atom.GetSymbol() for atom in protonate(mol).GetAtoms()] == [atom.GetSymbol() for atom in mol.GetAtoms()]


def test_open_centres_are_enumerated_and_told():
    found = states(Chem.MolFromSmiles("CC(F)C(=O)N"))
    assert sorted(Chem.MolToSmiles(state.mol) for state in found) == ["C[C@@H](F)C(N)=O", "C[C@H](F)C(N)=O"]
    assert [state.notes for state in found] == [
        ("stereochemistry not given: isomer 1 of 2 tried",),
        ("stereochemistry not given: isomer 2 of 2 tried",),
    ]


@pytest.mark.parametrize("smiles", ["C[C@H](F)C(=O)N", "CCO", "CN1CCC(C)CC1", "CCN(C)CCC"])
def test_nothing_open_nothing_said(smiles):
    (state,) = states(Chem.MolFromSmiles(smiles))
    assert state.notes == ()


def test_more_than_asked_for_are_drawn_by_the_seed():
    mol = Chem.MolFromSmiles("CC(O)C(F)C(Cl)C(N)=O")

    def drawn(seed: int) -> list[str]:
        return [Chem.MolToSmiles(state.mol) for state in states(mol, isomers=3, seed=seed)]

    assert len(set(drawn(0))) == 3
    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)
    assert states(mol, isomers=3)[0].notes == ("stereochemistry not given: isomer 1 of 3 tried, drawn from up to 8",)


def test_bridged_rings_give_only_isomers_that_exist():
    # Of cocaine's skeleton 16 combinations can be written, most of them impossible.
    found = states(Chem.MolFromSmiles("CN1C2CCC1C(C(=O)OC)C(C2)OC(=O)c1ccccc1"), isomers=16)
    assert 1 < len(found) <= 8

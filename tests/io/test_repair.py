"""Every rule of repair and normal form, on a real molecule that shows the fault."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from molecules import heavy_record, posed, record, without_kekule_form
from rdkit import Chem
from rdkit.Chem.MolStandardize import rdMolStandardize

from binding.io.ligand import BadRecord, parse_record, prepare_ligand, read_ligands
from binding.structures import Ligand


def read(text: str) -> Ligand:
    item = parse_record(text.removesuffix("$$$$\n"), Path("ligand.sdf"), 0)
    assert isinstance(item, Ligand), item.error
    return item


def uncharged(ligand: Ligand) -> str:
    neutral = rdMolStandardize.Uncharger(canonicalOrder=False, force=True).uncharge(ligand.mol)
    Chem.SanitizeMol(neutral)
    return Chem.MolToSmiles(neutral)


# ---------------------------------------------------------------- charges


@pytest.mark.parametrize(
    ("true", "note"),
    [
        ("C[N+](C)(C)CCO", "+1 charge to N"),
        ("C[S+](C)CCN", "+1 charge to S"),
        ("c1ccc([P+](c2ccccc2)(c2ccccc2)c2ccccc2)cc1", "+1 charge to P"),
        ("C[O+](C)C", "+1 charge to O"),
        ("C[B-](C)(C)C", "-1 charge to B"),
        ("C=[N+](C)C", "+1 charge to N"),
    ],
    ids=["choline", "sulfonium", "tetraphenylphosphonium", "trimethyloxonium", "tetramethylborate", "iminium"],
)
def test_missing_charges(true, note):
    ligand = read(heavy_record(true))
    assert Chem.MolToSmiles(ligand.mol) == Chem.CanonSmiles(true)
    assert any(note in sentence for sentence in ligand.notes)


@pytest.mark.parametrize(
    ("true", "change"),
    [
        ("C[N+](=O)[O-]", {(1, 3): 2}),
        ("O=[N+]([O-])c1ccccc1", {(1, 2): 2}),
        ("CN=[N+]=[N-]", {(2, 3): 3}),
        ("[O-][n+]1ccccc1", {(0, 1): 2}),
    ],
    ids=["nitromethane", "nitrobenzene", "azide", "pyridine-N-oxide"],
)
def test_hypervalent_nitrogen(true, change):
    ligand = read(heavy_record(true, change=change))
    assert Chem.MolToSmiles(ligand.mol) == Chem.CanonSmiles(true)
    assert ligand.notes


def test_protonated_amine_without_its_charge():
    block = Chem.MolToMolBlock(posed("C[NH3+]")).replace("M  CHG  1   2   1\n", "")
    ligand = read(block)
    assert Chem.MolToSmiles(ligand.mol) == "C[NH3+]"
    assert "gave +1 charge to N with 4 bonds" in ligand.notes


def test_valid_molecules_get_no_note():
    for drug in ("CC(=O)Oc1ccccc1C(=O)O", "CN1CCC[C@H]1c1cccnc1", "NS(=O)(=O)c1ccc(F)cc1", "CP(=O)(O)O"):
        assert read(record(drug)).notes == ()


# ---------------------------------------------------------------- rings


@pytest.mark.parametrize(
    "true",
    [
        "c1ccc2[nH]ccc2c1",
        "c1c[nH]cn1",
        "Nc1ncnc2[nH]cnc12",
        "O=c1[nH]c(N)nc2[nH]cnc12",
        "c1ccc2[nH]nnc2c1",
        "Cc1cc[nH]n1",
        "c1ccc(-c2nnn[nH]2)cc1",
        "O=C(O)c1ccc2[nH]ccc2c1-c1c[nH]cn1",
    ],
    ids=["indole", "imidazole", "adenine", "guanine", "benzotriazole", "pyrazole", "tetrazole", "two-systems"],
)
def test_aromatic_nitrogen_that_lost_its_hydrogen(true):
    repaired = read(without_kekule_form(true))
    assert any("hydrogen" in note for note in repaired.notes)
    assert uncharged(repaired) == uncharged(read(record(true)))


@pytest.mark.parametrize("true", ["C[n+]1ccccc1", "CC[n+]1ccc(C)cc1", "C[n+]1cccc2ccccc21"])
def test_pyridinium_that_lost_its_charge(true):
    repaired = read(without_kekule_form(true))
    assert Chem.MolToSmiles(repaired.mol) == Chem.CanonSmiles(true)
    assert any("+1 charge to 1 aromatic nitrogen" in note for note in repaired.notes)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("c1ccc2[nH]ncc2c1", "c1ccc2n[nH]cc2c1"),
        ("Cc1c[nH]cn1", "Cc1cnc[nH]1"),
        ("Cc1nnn[nH]1", "Cc1nn[nH]n1"),
        ("Nc1nc2[nH]cnc2c(=O)[nH]1", "Nc1nc2nc[nH]c2c(=O)[nH]1"),
        ("N=c1cc[nH]cc1", "Nc1ccncc1"),
        ("Cc1c[nH]c[nH+]1", "Cc1c[nH]cn1"),
        ("Cc1nn[n-]n1", "Cc1nnn[nH]1"),
        ("CC1=NC=NC1", "Cc1c[nH]cn1"),
        ("CC1=NN(c2ccccc2)C(=O)C1", "Cc1cc(=O)n(-c2ccccc2)[nH]1"),
        ("CNC(N)=N", "CN=C(N)N"),
    ],
    ids=["indazole", "4-methylimidazole", "tetrazole", "guanine", "4-iminopyridine", "imidazolium", "tetrazolate",
         "4H-imidazole", "edaravone", "methylguanidine"],
)  # fmt: skip
def test_tautomers_come_out_alike(one, other):
    assert uncharged(read(record(one))) == uncharged(read(record(other)))


@pytest.mark.parametrize(
    "stays",
    ["CC(=O)CC(C)=O", "O=C1CCCCC1", "Oc1ccccc1", "O=c1cc[nH]cc1", "CC1=NCCC1", "C1=CCC=CC1", "N=C1CCCCC1", "CC(=O)NC"],
)  # fmt: skip
def test_rules_leave_other_molecules_alone(stays):
    assert Chem.MolToSmiles(read(record(stays)).mol) == Chem.CanonSmiles(stays)


def test_flat_ring_written_saturated_is_aromatic():
    mol = Chem.Mol(posed("Cc1ccc(C)nc1N", hydrogens=False))
    Chem.Kekulize(mol, clearAromaticFlags=True)
    double = next(b for b in mol.GetBonds() if {b.GetBeginAtomIdx(), b.GetEndAtomIdx()} in ({6, 7}, {6, 4}) and
                  b.GetBondType() == Chem.BondType.DOUBLE)  # fmt: skip
    pair = (double.GetBeginAtomIdx(), double.GetEndAtomIdx())
    ligand = read(heavy_record("Cc1ccc(C)nc1N", change={pair: 1}))
    assert Chem.MolToSmiles(ligand.mol) == Chem.CanonSmiles("Cc1ccc(C)nc1N")
    assert "wrote a ring that is flat in the pose as aromatic" in ligand.notes


def test_puckered_ring_stays_saturated():
    smiles = "CC1C=CC(C)=NC1N"
    assert Chem.MolToSmiles(read(record(smiles)).mol, isomericSmiles=False) == Chem.CanonSmiles(smiles)


def test_flat_guanidine_written_saturated():
    ligand = read(heavy_record("CNC(=N)N", change={(2, 3): 1}))
    assert uncharged(ligand) == "CNC(=N)N"


def test_phosphonium_with_hydroxyl_is_a_phosphate():
    block = heavy_record("COP(=O)(O)O", change={(2, 3): 1})
    assert uncharged(read(block)) == "COP(=O)(O)O"


def test_enamine_made_up_for_a_lost_charge():
    # N-propylpyridinium whose charge was written away as a double bond in the chain, without shortening it
    true = "CCC[n+]1ccccc1"
    mol = Chem.RWMol(posed(true))
    for bond in mol.GetBonds():
        if {bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()} == {1, 2}:
            bond.SetBondType(Chem.BondType.DOUBLE)
    doomed = [next(n.GetIdx() for n in mol.GetAtomWithIdx(k).GetNeighbors() if n.GetAtomicNum() == 1) for k in (1, 2)]
    for index in sorted(doomed, reverse=True):
        mol.RemoveAtom(index)
    mol.GetAtomWithIdx(3).SetFormalCharge(0)
    ligand = read(Chem.MolToMolBlock(mol, kekulize=False))
    assert Chem.MolToSmiles(ligand.mol) == Chem.CanonSmiles(true)
    assert any("longer than 1.44" in note for note in ligand.notes)


def test_true_vinyl_pyridinium_keeps_its_double_bond():
    assert Chem.MolToSmiles(read(record("C=C[n+]1ccccc1")).mol) == Chem.CanonSmiles("C=C[n+]1ccccc1")


# ---------------------------------------------------------------- one form for equal atoms


@pytest.mark.parametrize("group", ["CC(=O)[O-]", "CP(=O)([O-])[O-]", "CS(=O)(=O)[O-]", "CC(N)=[NH2+]", "CC(=S)[S-]"])
def test_the_pose_decides_between_equal_atoms(group):
    mol = Chem.Mol(posed(group, hydrogens=False))
    xyz = mol.GetConformer()
    centre = next(a for a in mol.GetAtoms() if a.GetDegree() > 1)
    ends = [n.GetIdx() for n in centre.GetNeighbors() if n.GetAtomicNum() != 6]
    for k, end in enumerate(ends):  # bonds that differ: the last is the shortest
        here = np.array(xyz.GetAtomPosition(centre.GetIdx()))
        there = np.array(xyz.GetAtomPosition(end))
        xyz.SetAtomPosition(end, here + (there - here) * (1.0 - 0.02 * k))
    forms = []
    for ligand_mol in Chem.ResonanceMolSupplier(mol, Chem.ALLOW_CHARGE_SEPARATION):
        if ligand_mol is None:
            continue
        got = prepare_ligand(ligand_mol, "x").mol
        forms.append([str(b.GetBondType()) for b in got.GetBonds()])
    assert all(form == forms[0] for form in forms)
    got = prepare_ligand(mol, "x").mol
    assert got.GetBondBetweenAtoms(centre.GetIdx(), ends[-1]).GetBondType() == Chem.BondType.DOUBLE


def test_normal_form_does_not_depend_on_atom_order():
    rng = np.random.default_rng(3)
    for drug in ("Nc1nc2[nH]cnc2c(=O)[nH]1", "Cc1nc(-c2ccn[nH]2)c[nH]1", "CN=C(N)NCc1nn[nH]n1", "O=C(O)Cc1nnn[nH]1"):
        mol = Chem.RemoveHs(posed(drug))
        expected = Chem.MolToSmiles(prepare_ligand(mol, "x").mol)
        for _ in range(8):
            shuffled = Chem.RenumberAtoms(mol, rng.permutation(mol.GetNumAtoms()).tolist())
            assert Chem.MolToSmiles(prepare_ligand(shuffled, "x").mol) == expected


@pytest.mark.parametrize("drug", ["CC(O)c1nc2ccccc2[nH]1", "Cc1ccccc1-c1nn[nH]n1", "CCCc1nnn[nH]1", "CC(N)c1ncc[nH]1"])
def test_of_equal_nitrogens_the_pose_names_the_one_with_the_hydrogen(drug):
    """The two of a benzimidazole differ by nothing but their places."""
    rng = np.random.default_rng(3)
    mol = Chem.RemoveHs(posed(drug))
    found = set()
    for _ in range(8):
        shuffled = Chem.RenumberAtoms(mol, rng.permutation(mol.GetNumAtoms()).tolist())
        ligand = prepare_ligand(shuffled, "x")
        (with_hydrogen,) = (
            a.GetIdx()
            for a in ligand.mol.GetAtoms()
            if a.GetIsAromatic() and a.GetTotalNumHs() and a.GetAtomicNum() == 7
        )
        found.add(tuple(ligand.positions[with_hydrogen].round(3).tolist()))
    assert len(found) == 1


def test_normal_form_is_a_fixed_point():
    for drug in ("Nc1nc2[nH]cnc2c(=O)[nH]1", "CC1=NC=NC1", "CN=C(N)N", "Cc1nn[n-]n1", "CC(=O)[O-]"):
        once = prepare_ligand(posed(drug), "x").mol
        twice = prepare_ligand(once, "x")
        assert Chem.MolToSmiles(twice.mol) == Chem.MolToSmiles(once)
        assert twice.notes == ()


# ---------------------------------------------------------------- all of CASF-2016


def test_raw_and_repaired_casf_ligands_are_the_same_molecule(shared_data):
    """285 of 285, atom by atom: bond orders, hydrogens, aromaticity, stereo."""
    differing = []
    count = 0
    for raw in sorted((shared_data / "casf2016").glob("*/*_ligand_raw.sdf")):
        both = [next(read_ligands(path)) for path in (raw, raw.with_name(raw.name.replace("_raw", "")))]
        if any(isinstance(item, BadRecord) for item in both):
            differing.append(raw.name)
            continue
        count += 1
        views = []
        for item in both:
            mol = rdMolStandardize.Uncharger(canonicalOrder=False, force=True).uncharge(item.mol)
            Chem.SanitizeMol(mol)
            atoms = [
                (a.GetAtomicNum(), a.GetTotalNumHs(), a.GetIsAromatic(), a.GetFormalCharge()) for a in mol.GetAtoms()
            ]
            bonds = sorted(
                (
                    min(b.GetBeginAtomIdx(), b.GetEndAtomIdx()),
                    max(b.GetBeginAtomIdx(), b.GetEndAtomIdx()),
                    b.GetBondType(),
                )
                for b in mol.GetBonds()
            )
            views.append((Chem.MolToSmiles(mol), atoms, bonds))
        if views[0] != views[1]:
            differing.append(raw.name)
    assert differing == []
    assert count == 285


def test_reading_a_ligand_is_fast(shared_data):
    paths = sorted((shared_data / "casf2016").glob("*/*_ligand_raw.sdf"))[:100]
    start = time.process_time()
    for path in paths:
        next(read_ligands(path))
    assert (time.process_time() - start) / len(paths) < 0.010  # 2 ms on an idle core; room for a busy one

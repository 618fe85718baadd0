"""Bonds by atom name from the dictionary: exact, whole, and joined where groups are bonded."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from archive_server import component_cif
from rdkit import Chem
from rdkit.Chem import AllChem

from binding.archive.component import ligand_of_components, read_component
from binding.errors import FileError, LigandError
from binding.io.atoms import AtomTable

ORDER = {1.0: "SING", 2.0: "DOUB", 3.0: "TRIP"}


def named(smiles: str) -> Chem.Mol:
    """A molecule in 3D, Kekulé bonds, atoms named C1, N2, O3' ... (every third name with a prime)."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=3) == 0
    mol = Chem.RemoveHs(mol)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    for atom in mol.GetAtoms():
        number = atom.GetIdx() + 1
        atom.SetProp("name", f"{atom.GetSymbol().upper()}{number}" + ("'" if number % 3 == 0 else ""))
    return mol


def names(mol: Chem.Mol) -> list[str]:
    return [atom.GetProp("name") for atom in mol.GetAtoms()]


def component_file(tmp_path, mol, code="LIG"):
    atoms = [
        (name, atom.GetSymbol().upper(), atom.GetFormalCharge(), "N")
        for name, atom in zip(names(mol), mol.GetAtoms(), strict=True)
    ]
    bonds = [
        (b.GetBeginAtom().GetProp("name"), b.GetEndAtom().GetProp("name"), ORDER[b.GetBondTypeAsDouble()])
        for b in mol.GetBonds()
    ]
    path = tmp_path / f"{code}.cif"
    path.write_bytes(component_cif(code, atoms, bonds))
    return path


def table_of(*groups: tuple[str, list[str], list[int], np.ndarray]) -> AtomTable:
    """Groups of (name, atom names, elements, positions) in chain A from number 301."""
    sizes = [len(group[1]) for group in groups]
    count = len(groups)
    return AtomTable(
        name="made",
        positions=np.concatenate([group[3] for group in groups]),
        elements=np.concatenate([np.array(group[2], dtype=np.int16) for group in groups]),
        atom_names=np.array([name for group in groups for name in group[1]], dtype="<U4"),
        groups=np.repeat(np.arange(count, dtype=np.int32), sizes),
        group_names=np.array([group[0] for group in groups], dtype="<U8"),
        chain_ids=np.array(["A"] * count, dtype="<U8"),
        numbers=np.arange(301, 301 + count, dtype=np.int32),
        insertion_codes=np.array([""] * count, dtype="<U1"),
        hetero=np.ones(count, dtype=bool),
    )


def group_of(mol: Chem.Mol, code="LIG", keep=None):
    rows = [k for k in range(mol.GetNumAtoms()) if keep is None or keep(names(mol)[k])]
    elements = [mol.GetAtomWithIdx(k).GetAtomicNum() for k in rows]
    return code, [names(mol)[k] for k in rows], elements, mol.GetConformer().GetPositions()[rows]


@pytest.mark.parametrize(
    "smiles",
    [
        "C[C@H](N)C(=O)O",  # L-alanine
        "Nc1ncnc2c1ncn2[C@@H]1O[C@H](CO)[C@@H](O)[C@H]1O",  # adenosine: aromatic rings, primes, four centres
        "C[N+](C)(C)CC(=O)[O-]",  # betaine: both charges
        "N#Cc1ccc(S(=O)(=O)N/C=C\\Cl)cc1",  # triple bond, sulfone, cis double bond
        "O=[N+]([O-])c1cccnc1",
    ],
)
def test_bonds_charges_and_stereo_of_real_molecules(tmp_path, smiles):
    mol = named(smiles)
    component = read_component(component_file(tmp_path, mol))
    assert sorted(component.elements) == sorted(names(mol))
    table = table_of(group_of(mol))
    order = np.random.default_rng(0).permutation(mol.GetNumAtoms())  # entries list atoms in any order
    table.positions[:], table.elements[:] = table.positions[order], table.elements[order]
    table.atom_names[:] = table.atom_names[order]
    ligand = ligand_of_components(table, np.array([0]), {"LIG": component}, ["said before"])
    assert Chem.MolToSmiles(ligand.mol) == Chem.CanonSmiles(smiles)
    assert ligand.name == "A:LIG:301"
    assert ligand.notes[0] == "said before"
    np.testing.assert_array_equal(ligand.positions, table.positions)


def test_a_stretched_bond_is_still_a_bond(tmp_path):
    """Names, not distances, make the bonds: a pose with a bond of 2.5 Å keeps its chemistry."""
    mol = named("CC(=O)Nc1ccc(O)cc1")
    group = group_of(mol)
    group[3][0] += 1.0
    component = read_component(component_file(tmp_path, mol))
    ligand = ligand_of_components(table_of(group), np.array([0]), {"LIG": component}, [])
    assert Chem.MolToSmiles(ligand.mol) == Chem.CanonSmiles("CC(=O)Nc1ccc(O)cc1")


def test_atoms_that_the_model_lacks(tmp_path):
    mol = named("CC(=O)Nc1ccc(O)cc1")
    component = read_component(component_file(tmp_path, mol))
    table = table_of(group_of(mol, keep=lambda name: name not in ("C1", "O3'")))
    with pytest.raises(LigandError, match=r"2 of 11 heavy atoms of LIG are missing \(C1, O3'\)") as caught:
        ligand_of_components(table, np.array([0]), {"LIG": component}, [])
    assert caught.value.code == "incomplete_ligand"


@pytest.mark.parametrize("fault", ["name", "element"])
def test_atoms_that_the_component_lacks(tmp_path, fault):
    mol = named("CC(=O)Nc1ccc(O)cc1")
    component = read_component(component_file(tmp_path, mol))
    table = table_of(group_of(mol))
    if fault == "name":
        table.atom_names[0] = "C99"
    else:
        table.elements[0] = 7
    with pytest.raises(LigandError, match="atoms that component LIG has not: C") as caught:
        ligand_of_components(table, np.array([0]), {"LIG": component}, [])
    assert caught.value.code == "template_mismatch"


def test_groups_that_are_bonded_make_one_molecule_without_what_leaves(tmp_path):
    """Glycylglycine as two glycine groups: the first one's OXT has left."""
    whole = named("NCC(=O)NCC(=O)O")
    glycine = {0: "N", 1: "CA", 2: "C", 3: "O", 4: "N", 5: "CA", 6: "C", 7: "O", 8: "OXT"}
    xyz = whole.GetConformer().GetPositions()
    elements = [atom.GetAtomicNum() for atom in whole.GetAtoms()]
    first, second = range(4), range(4, 9)
    table = table_of(
        *(("GLY", [glycine[k] for k in part], [elements[k] for k in part], xyz[list(part)]) for part in (first, second))
    )
    atoms = [("N", "N", 0, "N"), ("CA", "C", 0, "N"), ("C", "C", 0, "N"), ("O", "O", 0, "N"), ("OXT", "O", 0, "Y")]
    bonds = [("N", "CA", "SING"), ("CA", "C", "SING"), ("C", "O", "DOUB"), ("C", "OXT", "SING")]
    path = tmp_path / "GLY.cif"
    path.write_bytes(component_cif("GLY", atoms, bonds))
    component = read_component(path)
    assert component.leaving == {"OXT"}
    ligand = ligand_of_components(table, np.array([0, 1]), {"GLY": component}, [])
    assert Chem.MolToSmiles(ligand.mol) == Chem.CanonSmiles("NCC(=O)NCC(=O)O")
    assert ligand.name == "A:GLY:301+A:GLY:302"
    lacking = table_of(
        *(
            ("GLY", [glycine[k] for k in part], [elements[k] for k in part], xyz[list(part)])
            for part in (first, (4, 5, 6, 8))
        )
    )
    with pytest.raises(LigandError, match=r"1 of 5 heavy atoms of GLY are missing \(O\)"):  # O does not leave
        ligand_of_components(lacking, np.array([0, 1]), {"GLY": component}, [])
    with pytest.raises(LigandError) as caught:  # alone, the first glycine is not whole
        ligand_of_components(table, np.array([0]), {"GLY": component}, [])
    assert caught.value.code == "incomplete_ligand"


def test_groups_that_are_apart_are_no_molecule(tmp_path):
    mol = named("OCC(O)CO")
    component = read_component(component_file(tmp_path, mol))
    far = group_of(mol)[:3] + (group_of(mol)[3] + 20.0,)
    with pytest.raises(LigandError, match="not one molecule") as caught:
        ligand_of_components(table_of(group_of(mol), far), np.array([0, 1]), {"LIG": component}, [])
    assert caught.value.code == "template_mismatch"


def test_components_are_read_gzipped(tmp_path):
    path = component_file(tmp_path, named("CCO"), code="EOH")
    packed = tmp_path / "EOH.cif.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_component(packed) == read_component(path)
    assert read_component(path).code == "EOH"


def test_the_unknown_ligand_has_no_bonds(tmp_path):
    path = tmp_path / "UNL.cif"
    path.write_text("data_UNL\n_chem_comp.id UNL\n_chem_comp.name 'Unknown ligand'\n")
    with pytest.raises(LigandError, match="UNL has no heavy atoms") as caught:
        read_component(path)
    assert caught.value.code == "no_bond_orders"


@pytest.mark.parametrize("text", ["data_X\n_entry.id X\n", "data_X\nloop_\n_chem_comp_atom.atom_id\n"])
def test_files_that_hold_no_component(tmp_path, text):
    path = tmp_path / "X.cif"
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        read_component(path)
    assert caught.value.code in ("wrong_format", "unreadable")

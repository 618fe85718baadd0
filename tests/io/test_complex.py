"""The ligand inside a complex file: which group is taken, and where its bonds come from."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest
from molecules import atom_line, peptide, posed
from rdkit import Chem
from rdkit.Chem import AllChem

from binding.errors import LigandError, StructureError
from binding.io.atoms import AtomTable
from binding.io.hetero import ligand_of_groups
from binding.io.structure import read_complex, read_protein
from binding.structures import ResidueKind


def group(smiles: str, name: str, number: str, *, chain: str = "A", at: tuple[float, float, float] = (4, 4, 0)) -> str:
    """HETATM lines of a molecule centred ``at``, with names that say nothing about bonds."""
    mol = posed(smiles, hydrogens=False)
    xyz = mol.GetConformer().GetPositions()
    xyz = xyz - xyz.mean(axis=0) + np.array(at)
    return "".join(
        atom_line(f"{a.GetSymbol()}{k}", name, chain, number, tuple(xyz[k]), element=a.GetSymbol(), record="HETATM")
        for k, a in enumerate(mol.GetAtoms())
    )


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "complex.pdb") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


DRUG = "CC(=O)Nc1ccc(O)cc1"
OTHER = "Cc1ccc(C(=O)O)cc1N"


@pytest.mark.parametrize(
    ("example", "name", "smiles"),
    [
        ("4cup_complex.cif.gz", "A:ZYB:2971", "N/C(=N/O)c1ccc(F)cc1"),
        ("6wqa_complex.cif.gz", "A:ZMA:1202", "Nc1nc(NCCc2ccc(O)cc2)nc2nc(-c3ccco3)nn12"),
    ],
)
def test_auto_on_real_complexes(examples, example, name, smiles):
    protein, (ligand,) = read_complex(examples / example)
    assert ligand.name == name
    assert Chem.MolToSmiles(ligand.mol) == Chem.CanonSmiles(smiles)
    assert f"took {name} as the ligand" in ligand.notes
    whole = read_protein(examples / example)
    assert name not in protein.residue_ids
    assert protein.num_residues == whole.num_residues - 1


def test_auto_passes_over_cofactors_buffers_and_what_touches_nothing(write):
    far = group("c1ccc2c(c1)ccc1ccccc12", "FAR", "400", at=(60, 60, 60))
    heme = group("Nc1ncnc2c1ncn2C1OC(CO)C(O)C1O", "NAD", "401", at=(8, -5, 0))
    glycol = group("OCCOCCOCCOCCOCCO", "1PE", "402", at=(12, -5, 0))
    path = write(peptide() + far + heme + glycol + group(DRUG, "TYL", "301"))
    protein, (ligand,) = read_complex(path)
    assert ligand.name == "A:TYL:301"
    assert Chem.MolToSmiles(ligand.mol) == Chem.CanonSmiles(DRUG)
    assert "bond orders perceived from geometry" in ligand.notes
    assert sorted(protein.residue_names[protein.residue_kinds == ResidueKind.COFACTOR]) == ["FAR", "NAD"]


def test_auto_takes_the_first_of_several_copies(write):
    second = group(DRUG, "TYL", "301", chain="B", at=(18, 4, 0))
    _, (ligand,) = read_complex(write(peptide() + group(DRUG, "TYL", "301") + second))
    assert ligand.name == "A:TYL:301"
    assert "took A:TYL:301 as the ligand, the first of 2 copies" in ligand.notes


def test_auto_with_two_ligands_of_like_size_asks(write):
    path = write(peptide() + group(DRUG, "TYL", "301") + group(OTHER, "XYZ", "302", at=(18, 4, 0)))
    with pytest.raises(LigandError) as caught:
        read_complex(path)
    assert caught.value.code == "several_ligands"
    assert "A:TYL:301" in caught.value.hint
    assert "A:XYZ:302" in caught.value.hint


def test_auto_takes_the_clearly_larger_of_two(write):
    path = write(peptide() + group("c1ccccc1", "BNZ", "301") + group(DRUG, "TYL", "302", at=(18, 4, 0)))
    _, (ligand,) = read_complex(path)
    assert ligand.name == "A:TYL:302"


def test_auto_without_a_candidate_lists_what_is_there(write):
    path = write(peptide() + group("OCC(O)CO", "GOL", "301"))
    with pytest.raises(LigandError) as caught:
        read_complex(path)
    assert caught.value.code == "ligand_not_found"
    assert "A:GOL:301" in caught.value.hint


def test_a_buffer_can_be_named(write):
    protein, (ligand,) = read_complex(write(peptide() + group("OCC(O)CO", "GOL", "301")), "A:GOL:301")
    assert Chem.MolToSmiles(ligand.mol) == "OCC(O)CO"
    assert "GOL" not in protein.residue_names


def test_a_name_stands_for_every_group_of_it(write):
    copies = group(DRUG, "TYL", "301") + group(DRUG, "TYL", "301", chain="B", at=(18, 4, 0))
    protein, ligands = read_complex(write(peptide() + copies), "TYL")
    assert [ligand.name for ligand in ligands] == ["A:TYL:301", "B:TYL:301"]
    assert "TYL" not in protein.residue_names
    protein, ligands = read_complex(write(peptide() + copies), "B:TYL:301")
    assert [ligand.name for ligand in ligands] == ["B:TYL:301"]
    assert protein.residue_names.tolist().count("TYL") == 1


@pytest.mark.parametrize("wanted", ["LIG", "A:LIG:301", "A:TYL:302", "b:TYL:301", "A:TYL:301:2", ""])
def test_wrong_names_list_what_is_there(write, wanted):
    with pytest.raises(LigandError) as caught:
        read_complex(write(peptide() + group(DRUG, "TYL", "301")), wanted)
    assert caught.value.code == "ligand_not_found"
    assert "A:TYL:301" in caught.value.hint


def test_template_gives_the_bond_orders(write):
    path = write(peptide() + group(DRUG, "TYL", "301"))
    _, (ligand,) = read_complex(path, "TYL", template=DRUG)
    assert Chem.MolToSmiles(ligand.mol) == Chem.CanonSmiles(DRUG)
    assert "bond orders perceived from geometry" not in ligand.notes
    with pytest.raises(LigandError) as caught:
        read_complex(path, "TYL", template="CCO")
    assert caught.value.code == "template_mismatch"


def test_groups_bonded_to_each_other_are_one_ligand(write):
    mol = posed("CC(=O)Nc1ccc(Oc2ccccc2)cc1", hydrogens=False)
    xyz = mol.GetConformer().GetPositions() + np.array([6.0, 6.0, 0.0])
    lines = [
        atom_line(f"{a.GetSymbol()}{k}", "AAA" if k < 10 else "BBB", "A", "301" if k < 10 else "302", tuple(xyz[k]),
                  element=a.GetSymbol(), record="HETATM")
        for k, a in enumerate(mol.GetAtoms())
    ]  # fmt: skip
    path = write(peptide() + "".join(lines))
    protein, (ligand,) = read_complex(path)
    assert ligand.name == "A:AAA:301+A:BBB:302"
    assert ligand.num_atoms == mol.GetNumAtoms()
    assert protein.num_residues == 6
    _, (named,) = read_complex(path, "A:AAA:301+A:BBB:302")
    assert Chem.MolToSmiles(named.mol) == Chem.MolToSmiles(ligand.mol)


def test_a_free_amino_acid_can_be_the_ligand_but_a_modified_residue_is_not(write):
    free = posed("NC(Cc1ccc(O)cc1)C(=O)O", hydrogens=False)
    names = ["N", "CA", "CB", "CG", "CD1", "CE1", "CZ", "OH", "CE2", "CD2", "C", "O", "OXT"]
    xyz = free.GetConformer().GetPositions() + np.array([6.0, 7.0, 0.0])
    tyrosine = "".join(
        atom_line(name, "TYR", "A", "301", tuple(xyz[k]), record="HETATM") for k, name in enumerate(names)
    )
    protein, (ligand,) = read_complex(write(peptide() + tyrosine))
    assert ligand.name == "A:TYR:301"
    assert protein.num_residues == 6


def test_complex_without_protein(write):
    with pytest.raises(StructureError) as caught:
        read_complex(write(group(DRUG, "TYL", "301")), "TYL")
    assert caught.value.code == "no_protein"


def test_names_with_primes_in_the_dictionary_of_the_file(tmp_path):
    """Atom names of sugars are quoted in mmCIF; the quotes go and the prime stays."""
    lines = [
        "data_made", "loop_", "_chem_comp_bond.comp_id", "_chem_comp_bond.atom_id_1", "_chem_comp_bond.atom_id_2",
        "_chem_comp_bond.value_order", """LIG "C1'" "O1'" DOUB""", """LIG "C1'" "C2'" SING""", "LIG C2' N3 SING",
    ]  # fmt: skip
    table = AtomTable(
        name="made",
        positions=np.array([[0.0, 0.0, 0.0], [1.45, 0.0, 0.0], [-0.75, 1.3, 0.0], [-2.2, 1.3, 0.0]]),
        elements=np.array([6, 8, 6, 7], dtype=np.int16),
        atom_names=np.array(["C1'", "O1'", "C2'", "N3"]),
        groups=np.zeros(4, dtype=np.int32),
        group_names=np.array(["LIG"]),
        chain_ids=np.array(["A"]),
        numbers=np.array([1], dtype=np.int32),
        insertion_codes=np.array([""]),
        hetero=np.array([True]),
        block=gemmi.cif.read_string("\n".join(lines) + "\n").sole_block(),
    )
    ligand = ligand_of_groups(table, np.array([0]), None, [])
    assert Chem.MolToSmiles(ligand.mol) == "NCC=O"  # by its distances it would be an alcohol
    assert ligand.notes == ()


def made_table(names: list[str], elements: list[int], positions: list[list[float]], dictionary: list[str]) -> AtomTable:
    """A file of one group, with its dictionary."""
    return AtomTable(
        name="made",
        positions=np.array(positions),
        elements=np.array(elements, dtype=np.int16),
        atom_names=np.array(names),
        groups=np.zeros(len(names), dtype=np.int32),
        group_names=np.array(["LIG"]),
        chain_ids=np.array(["A"]),
        numbers=np.array([1], dtype=np.int32),
        insertion_codes=np.array([""]),
        hetero=np.array([True]),
        block=gemmi.cif.read_string("\n".join(["data_made", *dictionary, ""])).sole_block(),
    )


BONDS = ["loop_", *(f"_chem_comp_bond.{name}" for name in ("comp_id", "atom_id_1", "atom_id_2", "value_order"))]
CHARGES = ["loop_", *(f"_chem_comp_atom.{name}" for name in ("comp_id", "atom_id", "charge"))]


def test_aromatic_bonds_and_charges_of_the_dictionary_of_the_file():
    mol = posed("c1cc[n+](C)cc1", hydrogens=False)
    names = [f"{atom.GetSymbol()}{atom.GetIdx()}" for atom in mol.GetAtoms()]
    orders = {Chem.BondType.AROMATIC: "delo", Chem.BondType.SINGLE: "SING"}
    bonds = [
        f"LIG {names[b.GetBeginAtomIdx()]} {names[b.GetEndAtomIdx()]} {orders[b.GetBondType()]}" for b in mol.GetBonds()
    ]
    charges = [
        *(f"LIG {name} {int(name[0] == 'N')}" for name in names),
        "LIG N3X 1",
        "LIG C0 ?",
        "LIG C0 --1",
        "XXX C0 1",
    ]
    table = made_table(
        names,
        [atom.GetAtomicNum() for atom in mol.GetAtoms()],
        mol.GetConformer().GetPositions().tolist(),
        [*BONDS, *bonds, *CHARGES, *charges],
    )
    ligand = ligand_of_groups(table, np.array([0]), None, [])
    assert Chem.MolToSmiles(ligand.mol) == "C[n+]1ccccc1"
    assert ligand.notes == ()


def test_a_damaged_dictionary_of_the_file_names_a_bond_twice_or_an_atom_beside_itself():
    bonds = ["LIG C1 O1 DOUB", "LIG O1 C1 SING", "LIG C1 C1 SING", "LIG C1 C2 SING", "LIG C1 C9 SING", "XXX C2 O1 SING"]
    positions = [[0.0, 0.0, 0.0], [1.45, 0.0, 0.0], [-0.75, 1.3, 0.0]]
    table = made_table(["C1", "O1", "C2"], [6, 8, 6], positions, [*BONDS, *bonds])
    assert Chem.MolToSmiles(ligand_of_groups(table, np.array([0]), None, []).mol) == "CC=O"


def test_an_atom_of_no_known_element_inside_a_structure():
    table = made_table(["C1", "X1"], [6, 0], [[0.0, 0.0, 0.0], [1.5, 0.0, 0.0]], [])
    with pytest.raises(LigandError, match="atoms of no known element") as caught:
        ligand_of_groups(table, np.array([0]), None, [])
    assert caught.value.code == "unknown_element"


def test_a_part_of_a_joined_ligand_must_be_one_group(write):
    path = write(peptide(5) + group(DRUG, "TYL", "301") + group(DRUG, "TYL", "302", at=(9, 9, 9)))
    with pytest.raises(LigandError, match="TYL stands for 2 groups") as caught:
        read_complex(path, "A:TYL:301+TYL")
    assert caught.value.code == "several_ligands"


def test_a_file_of_amino_acids_alone_says_so(write):
    with pytest.raises(LigandError) as caught:
        read_complex(write(peptide(5)), "LIG")
    assert "amino acids and waters only" in caught.value.hint


def with_peptide(examples: Path, write) -> Path:
    """A protein with a tripeptide as chain P beside it."""
    text = gemmi.read_structure(str(examples / "1ia1_protein.pdb.gz"))
    lines = text.make_pdb_string().replace("END   ", "").splitlines()
    mol = Chem.AddHs(Chem.MolFromSequence("DFR"))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    mol = Chem.RemoveHs(mol)
    places = mol.GetConformer().GetPositions()
    mol.GetConformer().SetPositions(places - places.mean(axis=0) + (90.0, 90.0, 90.0))
    peptide_lines = [line[:21] + "P" + line[22:] for line in Chem.MolToPDBBlock(mol, flavor=4).splitlines()]
    kept = [line for line in lines if not line.startswith(("END", "CONECT", "MASTER"))]
    return write("\n".join([*kept, *(line for line in peptide_lines if line[:4] == "ATOM"), "END", ""]))


def test_a_chain_is_one_ligand(examples, write):
    protein, (ligand,) = read_complex(with_peptide(examples, write), "P:")
    assert ligand.name == "P:ASP:1+P:PHE:2+P:ARG:3"
    assert Chem.MolToSmiles(ligand.mol, isomericSmiles=False) == Chem.CanonSmiles(
        "NC(CC(=O)O)C(=O)NC(Cc1ccccc1)C(=O)NC(CCCNC(=N)N)C(=O)O"
    )
    assert "P" not in protein.chain_ids


def test_a_chain_that_is_not_there_or_is_the_protein(examples, write):
    path = with_peptide(examples, write)
    with pytest.raises(LigandError) as caught:
        read_complex(path, "Q:")
    assert caught.value.code == "ligand_not_found"
    assert "named P:" in caught.value.hint
    with pytest.raises(LigandError) as caught:
        read_complex(path, "A:")
    assert caught.value.code == "too_large"


def test_one_link_of_a_longer_molecule_is_told(examples, write):
    _, (ligand,) = read_complex(with_peptide(examples, write), "P:PHE:2")
    assert "P:PHE:2 is bonded to P:ASP:1, P:ARG:3, which the ligand leaves out" in ligand.notes
    _, (whole,) = read_complex(with_peptide(examples, write), "P:")
    assert not any("bonded" in note for note in whole.notes)

"""Lists of compounds: each line, row or record is a compound or a reason."""

from __future__ import annotations

import gzip

import pytest
from molecules import posed
from rdkit import Chem
from rdkit.Chem import AllChem

from binding.errors import FileError, TableError
from binding.io.ligand import BadRecord
from binding.io.series import Compound, compound_from_smiles, compounds_from, read_series


def smiles(items) -> list[str]:
    return [Chem.MolToSmiles(item.mol) if isinstance(item, Compound) else item.error.code for item in items]


def test_smiles_list_with_a_header_names_and_comments(tmp_path):
    path = tmp_path / "list.smi"
    path.write_text("SMILES name\nCCO ethanol, absolute\n\n# made up\nc1ccccc1\nC1CC(\tbroken\n")
    found = list(read_series(path))
    assert [item.name for item in found] == ["ethanol, absolute", "list_2", "broken"]
    assert smiles(found) == ["CCO", "c1ccccc1", "bad_smiles"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CN(C)(C)C", "sanitization_failed"),
        ("c1cccc1", "sanitization_failed"),
        ("*CCO", "unknown_element"),
        ("[H][H]", "no_atoms"),
    ],
)
def test_smiles_that_are_no_compound(tmp_path, text, code):
    path = tmp_path / "one.smi"
    path.write_text(f"{text} x\nCCO y\n")
    first, second = read_series(path)
    assert isinstance(first, BadRecord)
    assert first.error.code == code
    assert second.name == "y"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["SMILES", "Canonical_Smiles", "smiles"])
def test_table_whatever_the_column_is_called(tmp_path, separator, header):
    path = tmp_path / "series.csv"
    lines = [["ligand_id", header, "pk"], ["a", "CCO", "6.1"], ["b", "OCC(=O)[O-].[Na+]", "7.2"]]
    path.write_text("\n".join(separator.join(line) for line in lines))
    first, second = read_series(path)
    assert (first.name, first.properties) == ("a", {"pk": "6.1"})
    assert Chem.MolToSmiles(second.mol) == "O=C([O-])CO"
    assert "dropped 1 further fragment" in second.notes[0]


def test_a_row_that_does_not_fit_costs_no_other(tmp_path):
    path = tmp_path / "series.csv"
    path.write_text("sep=;\n\nid;Isomeric_SMILES;pk\na;CCO;6,5\nb;CCN\n;CCC;1;2\nd;CCS;7,5\n")
    found = list(read_series(path))
    assert [item.name for item in found] == ["a", "b", "series_3", "d"]
    assert smiles(found) == ["CCO", "bad_row", "bad_row", "CCS"]
    assert "line 5: 2 cells for 3 columns" in found[1].error.message
    assert [item.properties for item in (found[0], found[3])] == [{"pk": "6.5"}, {"pk": "7.5"}]


def test_table_without_smiles(tmp_path):
    path = tmp_path / "series.csv"
    path.write_text("id,name\n1,aspirin\n")
    with pytest.raises(TableError):
        list(read_series(path))


def test_drawing_keeps_the_stereo_of_its_wedges(tmp_path):
    mol = Chem.MolFromSmiles("C[C@H](N)C(=O)O")
    AllChem.Compute2DCoords(mol)
    mol.SetProp("_Name", "alanine")
    path = tmp_path / "drawn.sdf.gz"
    path.write_bytes(gzip.compress((Chem.MolToMolBlock(mol) + "$$$$\n").encode()))
    (found,) = read_series(path)
    assert found.name == "alanine"
    assert Chem.MolToSmiles(found.mol) == "C[C@H](N)C(=O)O"


def test_posed_record_between_broken_ones_loses_its_pose_and_keeps_its_stereo(tmp_path):
    mol = posed("C[C@H](N)C(=O)O")
    path = tmp_path / "posed.sdf"
    path.write_text(f"junk\n$$$$\n{Chem.MolToMolBlock(mol)}>  <pk>\n5.5\n\n$$$$\n\n$$$$\n")
    broken, found, empty = read_series(path)
    assert isinstance(broken, BadRecord)
    assert isinstance(empty, BadRecord)
    assert found.mol.GetNumConformers() == 0
    assert found.properties == {"pk": "5.5"}
    assert Chem.MolToSmiles(found.mol) == "C[C@H](N)C(=O)O"


def test_files_that_are_no_series(tmp_path):
    (tmp_path / "x.smi").write_text("# nothing\n")
    (tmp_path / "x.docx").write_text("CCO")
    with pytest.raises(FileError):
        read_series(tmp_path / "x.smi")
    with pytest.raises(FileError):
        read_series(tmp_path / "x.docx")
    with pytest.raises(FileError):
        read_series(tmp_path / "missing.smi")


def test_compounds_in_memory():
    mol = Chem.MolFromSmiles("CCO")
    mol.SetProp("_Name", "ethanol")
    found = list(compounds_from(["CCN", mol, "C("]))
    assert [item.name for item in found] == ["compound_1", "ethanol", "compound_3"]
    assert smiles(found) == ["CCN", "CCO", "bad_smiles"]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("C[C@H](N)O |&1:1| two words", "two words"),
        ("C[C@H](N)O |&1:1|", "s_1"),
        ("C[C@H](N)O\t|$A;B;;$,(0,0,;1,1,;2,2,;3,3,)|\tname", "name"),
        ("C[C@H](N)O |nonsense| name", "name"),
        ("C[C@H](N)O a|b|c", "a|b|c"),
    ],
)
def test_cxsmiles(tmp_path, line, name):
    path = tmp_path / "s.smi"
    path.write_text(line + "\n")
    (compound,) = read_series(path)
    assert (compound.name, Chem.MolToSmiles(compound.mol)) == (name, "C[C@H](N)O")


def test_a_drawing_with_a_bond_of_no_known_order_is_refused(tmp_path):
    mol = Chem.MolFromSmiles("CCO")
    AllChem.Compute2DCoords(mol)
    path = tmp_path / "drawn.sdf"
    path.write_text(Chem.MolToMolBlock(mol).replace("  1  2  1  0", "  1  2  8  0") + "$$$$\n")
    (item,) = read_series(path)
    assert item.error.code == "bad_record"
    assert "of no known order" in item.error.message


def test_of_the_parts_of_a_salt_the_organic_one_is_the_compound():
    compound = compound_from_smiles("CC.[O-]S(=O)(=O)[O-].[NH4+]", "salt")
    assert Chem.MolToSmiles(compound.mol) == "CC"
    assert "dropped 2 further fragments" in compound.notes[0]


def test_a_record_keeps_its_own_error(tmp_path):
    """Only a drawing in an SD file is read without coordinates."""
    path = tmp_path / "list.sdf"
    path.write_text("a\n\n\n  9  9  0  0  0  0  0  0  0  0999 V2000\nM  END\n$$$$\n")
    assert smiles(read_series(path)) == ["bad_record"]
    path = tmp_path / "list.mol2"
    atoms = "".join(f"{row} C{row} 0.0 0.0 0.0 C.3\n" for row in (1, 2))
    path.write_text(
        f"@<TRIPOS>MOLECULE\nx\n2 1 0 0 0\nSMALL\nNO_CHARGES\n@<TRIPOS>ATOM\n{atoms}@<TRIPOS>BOND\n1 1 2 1\n"
    )
    assert smiles(read_series(path)) == ["no_coordinates"]

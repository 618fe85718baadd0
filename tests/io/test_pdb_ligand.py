"""Ligands in PDB files: alternate locations, serials, elements, CONECT, damaged lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from molecules import peptide
from rdkit import Chem
from test_records import ASPIRIN, pdb_atoms, pdbqt

from binding.errors import LigandError
from binding.io.ligand import BadRecord, read_ligands
from binding.io.pdb_ligand import mol_from_pdb
from binding.structures import Ligand


@pytest.fixture
def read(tmp_path: Path):
    def read(text: str, name: str = "l.pdb") -> Ligand | BadRecord:
        path = tmp_path / name
        path.write_text(text)
        (item,) = read_ligands(path)
        return item

    return read


def smiles(item: Ligand | BadRecord) -> str:
    assert isinstance(item, Ligand), item.error
    return Chem.MolToSmiles(item.mol, isomericSmiles=False)


def code(item: Ligand | BadRecord) -> str:
    assert isinstance(item, BadRecord)
    assert item.error.hint
    return item.error.code


def with_altlocs(rows: range, *, shift: float, a: float = 0.6) -> str:
    """Aspirin with some atoms in two places."""
    lines = []
    for row, line in enumerate(pdb_atoms(ASPIRIN).splitlines()):
        if row in rows:
            x = float(line[30:38]) + shift
            lines.append(line[:16] + "A" + line[17:54] + f"{a:6.2f}" + line[60:])
            lines.append(line[:16] + "B" + line[17:30] + f"{x:8.3f}" + line[38:54] + f"{1 - a:6.2f}" + line[60:])
        else:
            lines.append(line)
    return "\n".join(lines) + "\nEND\n"


@pytest.mark.parametrize("shift", [0.1, 0.9, 3.0])
@pytest.mark.parametrize("rows", [range(4, 9), range(13)])
def test_one_alternate_location_is_kept(read, shift, rows):
    item = read(with_altlocs(rows, shift=shift))
    assert smiles(item) == Chem.CanonSmiles(ASPIRIN)
    assert item.notes[0] == "kept altloc A of 1 residue"
    assert read(with_altlocs(rows, shift=shift, a=0.3)).notes[0] == "kept altloc B of 1 residue"


def test_alternate_locations_called_by_numbers(read):
    text = with_altlocs(range(4, 9), shift=0.9)
    text = "\n".join(
        line[:16] + {"A": "1", "B": "2"}.get(line[16:17], line[16:17]) + line[17:] for line in text.split("\n")
    )
    item = read(text)
    assert smiles(item) == Chem.CanonSmiles(ASPIRIN)
    assert item.notes[0] == "kept altloc 1 of 1 residue"


def test_names_of_five_letters_are_no_alternate_locations(read):
    lines = pdb_atoms("C1CCCCC1").splitlines()
    text = "\n".join(f"{line[:12]}C100{row}{line[17:]}" for row, line in enumerate(lines))
    assert smiles(read(text)) == "C1CCCCC1"


@pytest.mark.parametrize("serial", ["*****", "A000{}", "186a{}", "    {}", "     "])
def test_serials_need_not_be_numbers(read, serial):
    lines = pdb_atoms("c1ccccc1").splitlines()
    text = "\n".join(line[:6] + serial.format(row) + line[11:] for row, line in enumerate(lines))
    assert smiles(read(text)) == "c1ccccc1"


def test_hybrid_serials_serve_conect(read):
    lines = pdb_atoms("CC").splitlines()
    far = lines[1][:30] + f"{float(lines[1][30:38]) + 0.5:8.3f}" + lines[1][38:]
    text = f"{lines[0][:6]}A0000{lines[0][11:]}\n{far[:6]}A0001{far[11:]}\nCONECTA0000A0001\n"
    assert smiles(read(text)) == "CC"


def test_serials_of_six_digits(read):
    lines = pdb_atoms("c1ccccc1").splitlines()
    assert smiles(read("\n".join(f"HETATM10000{row}{line[12:]}" for row, line in enumerate(lines)))) == "c1ccccc1"


@pytest.mark.parametrize("name", ["CL1 ", " CL1", "Cl1 ", " Cl1", "CL  ", " CL ", "CL12"])
def test_chlorine_without_an_element_column(read, name):
    text = "\n".join(
        (line[:12] + name + line[16:] if line[76:78] == "CL" else line)[:66]
        for line in pdb_atoms("Clc1ccccc1").splitlines()
    )
    assert smiles(read(text)) == "Clc1ccccc1"


@pytest.mark.parametrize("name", ["CA  ", " CA ", "CD1 ", "C1  ", "CE12", "CO1 ", "CM  ", "CS  "])
def test_carbons_without_an_element_column(read, name):
    lines = [line[:66] for line in pdb_atoms("c1ccccc1").splitlines()]
    assert smiles(read("\n".join(line[:12] + name + line[16:] for line in lines))) == "c1ccccc1"


@pytest.mark.parametrize("name", ["HG21", "HE  ", "HO2 ", "HF  ", "HG  ", " D1 ", "1HB ", "HN  "])
def test_hydrogens_without_an_element_column(read, name):
    hydrogen = f"HETATM   50 {name} LIG A 900      50.000  50.000  50.000  1.00 20.00\n"
    item = read(pdb_atoms("c1ccccc1") + hydrogen)
    assert smiles(item) == "c1ccccc1"
    assert not any("dropped" in note for note in item.notes)


def test_a_stale_conect_line_is_passed_over(read):
    item = read(pdb_atoms(ASPIRIN) + "CONECT    1   11\nEND\n")
    assert smiles(item) == Chem.CanonSmiles(ASPIRIN)
    assert "passed over 1 CONECT bond longer than any bond" in item.notes


def test_a_full_list_of_conect_lines_is_the_list_of_bonds(read):
    """Two ends as near as a bond, where the file says that there is none."""
    ring = pdb_atoms("C1CCCCC1")
    chain = "".join(f"CONECT{row:5d}{row + 1:5d}\n" for row in range(1, 6))
    assert smiles(read(ring)) == "C1CCCCC1"
    assert smiles(read(ring + chain)) == "CCCCCC"
    assert smiles(read(ring + chain[:-34])) == "C1CCCCC1"  # two of the bonds are left to the distance


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (slice(30, 38), "1  12.34"),
        (slice(38, 46), " 2-12.34"),
        (slice(38, 46), "********"),
        (slice(46, 54), "        "),
        (slice(46, 54), "     nan"),
        (slice(29, 38), "-112.340 "),
    ],
)
def test_coordinates_that_slipped_are_refused(read, field, value):
    lines = pdb_atoms("c1ccccc1").splitlines()
    lines[2] = lines[2][: field.start] + value + lines[2][field.stop :]
    assert code(read("\n".join(lines))) in ("nan_coordinates", "bad_record")


def test_a_whole_line_one_column_to_the_right(read):
    lines = pdb_atoms("c1ccccc1", shift=20).splitlines()
    lines[3] = lines[3][:22] + " " + lines[3][22:]
    assert code(read("\n".join(lines))) == "nan_coordinates"


def test_a_collapsed_ligand_is_no_pose(read):
    lines = [line[:30] + "  12.340  12.340  12.340" + line[54:] for line in pdb_atoms("c1ccccc1").splitlines()]
    assert code(read("\n".join(lines))) == "no_coordinates"


def test_columns_73_to_80_of_old_files(read):
    text = "\n".join(f"{line[:72]}1IA1{row:4d}" for row, line in enumerate(pdb_atoms("c1ccccc1O").splitlines(), 1010))
    assert smiles(read(text)) == "Oc1ccccc1"


def test_an_element_column_that_says_nothing_known(read):
    lines = pdb_atoms("c1ccccc1O").splitlines()
    assert code(read("\n".join([*lines[:-1], lines[-1][:76] + "Xx"]))) == "unknown_element"


@pytest.mark.parametrize(
    "change",
    [
        ("IDX 1 1", "IDX 1 99"),  # an atom that is not there
        ("IDX 1 1", "IDX 99 1"),  # a place beyond the molecule
        ("IDX 1 1 2 2", "IDX 1 1 2 3"),  # another element
        ("REMARK SMILES C", "REMARK SMILES (C"),
        ("IDX 1 1", "IDX 1"),
    ],
)
def test_remarks_of_a_docking_program_that_do_not_fit_are_passed_over(read, change):
    text = pdbqt("CCO")
    assert change[0] in text
    item = read(text.replace(*change), "l.pdbqt")
    assert smiles(item) == "CCO"
    assert "bond orders perceived from geometry" in item.notes
    assert "bond orders perceived from geometry" not in read(text, "l.pdbqt").notes


def test_an_occupancy_that_is_none_counts_as_whole(read):
    text = pdb_atoms(ASPIRIN).replace("  1.00 20.00", "  x.xx 20.00")
    assert smiles(read(text)) == Chem.CanonSmiles(ASPIRIN)


def test_deuterium_is_hydrogen(read):
    first, *rest = pdb_atoms("CCO").splitlines()
    heavy = f"HETATM   99  D1  LIG A 900    {float(first[30:38]) + 0.6:8.3f}{float(first[38:46]) + 0.6:8.3f}"
    heavy += f"{float(first[46:54]) + 0.6:8.3f}  1.00 20.00           D"
    item = read("\n".join([first, *rest, heavy, ""]))
    assert smiles(item) == "CCO"


def test_numbers_without_a_blank_between_them(read):
    lines = [f"{line[:38]}{float(line[38:46]) - 123.0:8.3f}{line[46:]}" for line in pdb_atoms(ASPIRIN).splitlines()]
    assert any(line[38] == "-" for line in lines)
    item = read("\n".join([*lines, ""]))
    assert smiles(item) == Chem.CanonSmiles(ASPIRIN)
    assert item.positions[:, 1].max() < -100.0


def test_pseudo_atoms_of_open_rings_are_no_atoms(read):
    text = pdbqt("CCO", remarks=False)
    last = text.splitlines()[-3]
    pseudo = f"{last[:6]}   99  G   LIG A 900    {9.0:8.3f}{9.0:8.3f}{9.0:8.3f}  1.00 20.00    {0.0:6.3f} G0"
    item = read(text.replace("ENDROOT", pseudo + "\nENDROOT"), "l.pdbqt")
    assert smiles(item) == "CCO"


def test_a_protein_without_side_chains_in_the_ligands_place(read):
    with pytest.raises(LigandError) as caught:
        mol_from_pdb(peptide(41), "peptide")
    assert caught.value.code == "too_large"


def test_coordinates_that_fill_their_columns(read):
    lines = [
        f"{line[:30]}{float(line[30:38]) - 123:8.3f}{float(line[38:46]) - 123:8.3f}{float(line[46:54]) - 123:8.3f}"
        + line[54:]
        for line in pdb_atoms("c1ccccc1").splitlines()
    ]
    item = read("\n".join(lines))
    assert smiles(item) == "c1ccccc1"
    assert item.positions.min() > -130.0
    assert item.positions.max() < -116.0


def test_hydrogens_alone_are_no_ligand():
    lines = [f"{line[:12]} H{row} {line[16:76]} H" for row, line in enumerate(pdb_atoms("CCCC").splitlines())]
    with pytest.raises(LigandError) as caught:
        mol_from_pdb("\n".join(lines), "hydrogens")
    assert caught.value.code == "no_atoms"
    assert "no heavy atoms" in caught.value.message


def test_an_atom_bonded_to_itself_by_conect(read):
    item = read(pdb_atoms("CCO") + "CONECT    1    1    2\nCONECT    2    2    1    3\n")
    assert smiles(item) == "CCO"
    assert not any("CONECT" in note for note in item.notes)


def test_scores_of_vina_are_properties(read):
    text = "REMARK VINA RESULT:    -9.123      0.000      0.000\n" + pdbqt("CCO")
    assert read(text, "l.pdbqt").properties == {"dock_score": "-9.123"}
    assert read(pdbqt("CCO"), "l.pdbqt").properties == {}


def test_an_occupancy_that_fills_its_columns(read):
    text = pdb_atoms("CCO")
    item = read(text.replace("  1.00 20.00", "100.00 20.00"))
    assert item.positions.tolist() == read(text).positions.tolist()

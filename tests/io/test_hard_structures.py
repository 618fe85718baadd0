"""Structure files as programs and people really write them: the same protein comes out, or a reason."""

from __future__ import annotations

import contextlib
import gzip
import re
from pathlib import Path

import gemmi
import numpy as np
import pytest
from molecules import atom_line, peptide, residue_lines
from rdkit import Chem
from test_records import ASPIRIN, pdb_atoms

from binding.errors import StructureError
from binding.graph.site import PocketSpec, select_pocket
from binding.io.structure import read_complex, read_protein
from binding.structures import Ligand, Protein, ResidueKind


@pytest.fixture(scope="module")
def lines(examples) -> list[str]:
    """The atom lines of a real structure."""
    text = gzip.decompress((examples / "1ia1_protein.pdb.gz").read_bytes()).decode()
    return [line for line in text.splitlines() if line.startswith(("ATOM", "HETATM"))]


@pytest.fixture
def read(tmp_path: Path):
    def read(text: str | list[str], name: str = "protein.pdb") -> Protein:
        path = tmp_path / name
        path.write_text(text if isinstance(text, str) else "\n".join(text) + "\n")
        return read_protein(path)

    return read


def same(one: Protein, other: Protein) -> None:
    np.testing.assert_array_equal(one.positions, other.positions)
    for field in ("elements", "atom_names", "residue_names", "residue_kinds", "residue_numbers"):
        assert getattr(one, field).tolist() == getattr(other, field).tolist(), field


# ---------------------------------------------------------------- END and models


def test_atoms_after_end_are_read(read):
    first, second = peptide(3), peptide(3, chain="B").replace("0.000", "9.000")
    assert read(first + "END\n" + second + "END\n").num_residues == 6
    assert read(first + "TER\nEND   \n" + second).num_residues == 6


def test_a_complex_joined_from_two_files(tmp_path):
    path = tmp_path / "complex.pdb"
    path.write_text(peptide(6) + "TER\nEND\n" + pdb_atoms(ASPIRIN) + "END\n")
    protein, (ligand,) = read_complex(path, "auto")
    assert (protein.num_residues, ligand.num_atoms) == (6, 13)


@pytest.mark.parametrize("between", ["END\n", "ENDMDL\nMODEL        2\n"])
def test_frames_are_models(read, between):
    moved = peptide(4).replace("0.000", "0.400")
    head = "MODEL        1\n" if "MODEL" in between else ""
    protein = read(head + peptide(4) + between + moved + "END\n")
    assert protein.num_residues == 4
    assert protein.warnings == ("took the first of 2 models",)
    assert protein.select(np.ones(4, dtype=bool)).warnings == protein.warnings


@pytest.mark.parametrize("chain", ["A", "B"])
def test_an_assembly_in_models_is_taken_whole(read, chain):
    other = "".join(residue_lines(number=str(k + 1), chain=chain, shift=3.8 * k + 60) for k in range(4))
    protein = read(f"MODEL        1\n{peptide(4)}ENDMDL\nMODEL        2\n{other}ENDMDL\n")
    assert protein.num_residues == 8
    assert sorted(set(protein.chain_ids.tolist())) == (["A", "A-2"] if chain == "A" else ["A", "B"])
    assert protein.warnings == ("took all 2 models as one assembly",)


# ---------------------------------------------------------------- elements


def test_a_real_structure_without_element_columns(read, lines):
    with_column = read(lines)
    same(with_column, read([line[:66] for line in lines]))
    same(with_column, read([line[:72] + "PROT" for line in lines]))
    same(with_column, read([f"{line[:72]}1IA1{row % 10000:4d}" for row, line in enumerate(lines)]))


@pytest.mark.parametrize("column", ["", "IONS", "          {}"])
@pytest.mark.parametrize("pad", ["{} ", " {}"])
@pytest.mark.parametrize(
    ("name", "element"),
    [("SOD", 11), ("POT", 19), ("CES", 55), ("LIT", 3), ("RUB", 37), ("BAR", 56), ("CAD", 48), ("CAL", 20)],
)
def test_ions_by_charmm_names(read, name, element, pad, column):
    symbol = {11: "NA", 19: "K", 55: "CS", 3: "LI", 37: "RB", 56: "BA", 48: "CD", 20: "CA"}[element]
    line = atom_line("X", name, number="9", xyz=(20, 0, 0), record="HETATM")
    tail = column.format(f"{symbol:>2}") if column.startswith(" ") else f"      {column}"
    protein = read(peptide(3) + f"{line[:12]}{pad.format(name)}{line[16:66]}{tail}\n")
    assert protein.residue_kinds[-1] == ResidueKind.METAL
    assert protein.elements[-1] == element


@pytest.mark.parametrize(
    ("atom", "residue", "element"),
    [(" FE ", "FE2", 26), ("FE  ", "FE2", 26), ("ZN  ", "ZN2", 30), (" ZN ", " ZN", 30), ("MG+2", "MG2", 12),
     ("NA+ ", "NA+", 11), (" CA ", " CA", 20), ("CA  ", " CA", 20), (" K+ ", " K+", 19)],
)  # fmt: skip
def test_ions_without_an_element_column(read, atom, residue, element):
    line = atom_line("X", residue, number="9", xyz=(20, 0, 0), record="HETATM")
    protein = read(peptide(3) + f"{line[:12]}{atom}{line[16:66]}\n")
    assert protein.elements[-1] == element


@pytest.mark.parametrize("name", ["CLA ", " CLA", "CL- ", " CL "])
def test_chloride_by_any_name_is_left_out(read, name):
    line = atom_line("X", name.strip(), number="9", xyz=(20, 0, 0), record="HETATM")
    protein = read(peptide(3) + f"{line[:12]}{name}{line[16:66]}\n")
    assert protein.num_residues == 3
    assert "halide" in protein.notes[0]


@pytest.mark.parametrize("name", ["HG21", "HE  ", "HO2 ", "HF1 ", "HG  ", "1HB ", " H1 ", " D1 ", "HAA ", "HN'A"])
def test_hydrogens_of_a_cofactor_without_an_element_column(read, name):
    cofactor = pdb_atoms(ASPIRIN, shift=20)
    hydrogen = f"HETATM   50 {name} LIG A 900      20.000  20.000  20.000  1.00 20.00\n"
    protein = read(peptide(3) + "".join(line[:66] + "\n" for line in cofactor.splitlines()) + hydrogen)
    assert set(protein.elements.tolist()) == {6, 7, 8}
    assert protein.num_atoms == 15 + 13


# ---------------------------------------------------------------- coordinates


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("start", [12, 17, 22, 26])
def test_columns_that_slipped_are_refused(read, lines, side, start):
    for row in (5, 60, 300):
        line = lines[row]
        moved = line[:start] + " " + line[start:] if side == "right" else line[:start] + line[start + 1 :]
        with contextlib.suppress(StructureError):
            protein = read([*lines[:row], moved, *lines[row + 1 :]])
            # the numbers are still whole
            assert np.isclose(protein.positions, [float(line[k : k + 8]) for k in (30, 38, 46)]).all(axis=1).any()


@pytest.mark.parametrize("text", ["2  52.24", "5  ", "12.3-4.5", "1.2.3   ", "   -    ", "        ", "  1e3   "])
def test_a_field_that_is_not_one_number_is_refused(read, lines, text):
    damaged = [*lines]
    damaged[7] = damaged[7][:38] + text.ljust(8) + damaged[7][46:]
    if text == "5  ":
        assert read(damaged).num_residues == read(lines).num_residues  # "5" is a number
        return
    with pytest.raises(StructureError) as caught:
        read(damaged)
    assert caught.value.code == "nan_coordinates"
    assert "31-54" in caught.value.hint


def test_coordinates_in_nm_are_refused(read, lines):
    small = [
        line[:30] + "".join(f"{float(line[k : k + 8]) / 10:8.3f}" for k in (30, 38, 46)) + line[54:] for line in lines
    ]
    with pytest.raises(StructureError) as caught:
        read(small)
    assert caught.value.code == "not_angstrom"


# ---------------------------------------------------------------- names


def as_cif(lines: list[str], **names: str) -> str:
    structure = gemmi.read_pdb_string("\n".join(lines))
    structure.setup_entities()
    for chain in structure[0]:
        chain.name = names.get("chain", chain.name)
        for residue in chain:
            if residue.name == "NDP":
                residue.name = names.get("residue", "NDP")
            residue.subchain = names.get("chain", residue.subchain)
    return structure.make_mmcif_document().as_string()


@pytest.mark.parametrize("length", [7, 8, 9, 20])
def test_long_names_in_mmcif(tmp_path, read, lines, length):
    chain, residue = ("receptor-chain-of-the-target")[:length], ("LIGAND-OF-THE-LIBRARY-1")[:length]
    plain = read(as_cif(lines), "plain.cif")
    for names in ({"chain": chain}, {"residue": residue}, {"chain": chain, "residue": residue}):
        protein = read(as_cif(lines, **names), "long.cif")
        np.testing.assert_array_equal(protein.positions, plain.positions)
        if "chain" in names:
            assert set(protein.chain_ids.tolist()) == {chain}
        if "residue" in names:
            assert residue in protein.residue_names
            row = protein.residue_names.tolist().index(residue)
            _, (ligand,) = read_complex(tmp_path / "long.cif", protein.residue_ids[row])
            assert ligand.num_atoms == 48


def test_residues_without_a_number_get_one(tmp_path, read):
    cif = (
        "data_x\nloop_\n_atom_site.group_PDB\n_atom_site.id\n_atom_site.type_symbol\n_atom_site.label_atom_id\n"
        "_atom_site.label_comp_id\n_atom_site.label_asym_id\n_atom_site.label_seq_id\n_atom_site.Cartn_x\n"
        "_atom_site.Cartn_y\n_atom_site.Cartn_z\n"
    )
    for number, line in enumerate(peptide(3).splitlines(), start=1):
        xyz = " ".join(line[k : k + 8].strip() for k in (30, 38, 46))
        cif += f"ATOM {number} {line[76:78].strip()} {line[12:16].strip()} ALA A {line[22:26].strip()} {xyz}\n"
    for number, line in enumerate(pdb_atoms(ASPIRIN).splitlines(), start=50):
        xyz = " ".join(line[k : k + 8].strip() for k in (30, 38, 46))
        cif += f"HETATM {number} {line[76:78].strip()} {line[12:16].strip()} LIG C . {xyz}\n"
    protein = read(cif, "model.cif")
    assert protein.residue_ids[-1] == "C:LIG:1"
    _, (ligand,) = read_complex(tmp_path / "model.cif", "C:LIG:1")
    assert ligand.num_atoms == 13


@pytest.mark.parametrize(
    ("standard", "names"),
    [
        ("HIS", ["HID", "HIE", "HIP", "HSD", "HSE", "HSP", "HIN", "HISD", "HISE", "HISH", "NHIE", "CHIS", "CHIP"]),
        ("CYS", ["CYX", "CYM", "CYSH", "CYS2", "NCYX", "CCYS"]),
        ("ASP", ["ASH", "ASPH", "ASPP", "NASP", "CASP"]),
        ("GLU", ["GLH", "GLUH", "GLUP", "NGLU"]),
        ("LYS", ["LYN", "LSN", "LYSH", "CLYS"]),
        ("TYR", ["TYM", "NTYR"]),
        ("ARG", ["ARN", "CARG"]),
        ("PHE", ["NPHE", "CPHE"]),
        ("ALA", ["NALA", "CALA"]),
    ],
)
def test_protonation_and_chain_ends_are_not_seen(read, lines, standard, names):
    plain = read(lines)
    if standard not in plain.residue_names:
        lines = [*lines, *residue_lines(standard, number="999").splitlines()]
        plain = read(lines)
    for name in names:
        field = f"{name:>3} " if len(name) == 3 else name
        same(plain, read([line[:17] + field + line[21:] if line[17:20] == standard else line for line in lines]))


def test_chain_names_of_two_letters_are_not_residue_names(read):
    protein = read("".join(line[:20] + "D1" + line[22:] + "\n" for line in peptide(3).splitlines()))
    assert set(protein.residue_names.tolist()) == {"ALA"}
    text = peptide(3) + residue_lines("HIS", number="4", shift=12)
    protein = read("".join(line[:20] + "D1" + line[22:] + "\n" for line in text.splitlines()))
    assert set(protein.chain_ids.tolist()) == {"D1"}


def test_a_phosphohistidine_is_not_a_protonated_histidine(read):
    extra = atom_line("P", "HIP", number="1", xyz=(3, 3, 3), element="P")
    assert read(residue_lines("HIP") + extra).residue_names.tolist() == ["HIP"]
    assert read(residue_lines("HIP")).residue_names.tolist() == ["HIS"]


# ---------------------------------------------------------------- one molecule under one residue id


@pytest.mark.parametrize("name", [" C  ", "C   ", " X1 ", "LIGA"])
def test_atoms_of_one_name_are_one_ligand(tmp_path, name):
    """Every atom of the ligand has the same name."""
    ligand = [line[:12] + name + line[16:] for line in pdb_atoms(ASPIRIN, shift=3).splitlines()]
    path = tmp_path / "complex.pdb"
    path.write_text(peptide(6) + "\n".join(ligand) + "\nEND\n")
    for choice in ("A:LIG:900", "LIG", "auto"):
        _, ligands = read_complex(path, choice)
        assert [found.num_atoms for found in ligands] == [13]


def test_two_molecules_under_one_id_stay_two(tmp_path):
    path = tmp_path / "complex.pdb"
    path.write_text(peptide(6) + pdb_atoms(ASPIRIN, shift=3) + pdb_atoms(ASPIRIN, shift=23))
    _, ligands = read_complex(path, "A:LIG:900")
    assert [found.num_atoms for found in ligands] == [13, 13]


def test_lines_of_two_molecules_that_alternate_are_sorted(tmp_path):
    path = tmp_path / "complex.pdb"
    pairs = zip(pdb_atoms(ASPIRIN, shift=3).splitlines(), pdb_atoms(ASPIRIN, shift=23).splitlines(), strict=True)
    path.write_text(peptide(6) + "\n".join(line for pair in pairs for line in pair) + "\n")
    _, ligands = read_complex(path, "A:LIG:900")
    assert [found.num_atoms for found in ligands] == [13, 13]


def test_chain_names_may_hold_colons(read, lines):
    protein = read(re.sub(r"\bB\b", "B", as_cif(lines, chain="A:1")), "colon.cif")
    assert protein.residue_ids[0].startswith("A:1:")


@pytest.mark.parametrize("names", [("OT1", "OT2"), ("OC1", "OC2"), ("O1", "O2")])
def test_oxygens_of_the_chain_end(read, names):
    standard = residue_lines("ALA", number="1", names=("N", "CA", "C", "CB"))
    ends = [(0.186, 2.398, 0.0), (-1.8, 1.5, 0.0)]
    plain = standard + "".join(atom_line(n, xyz=xyz) for n, xyz in zip(("O", "OXT"), ends, strict=True))
    other = standard + "".join(atom_line(n, xyz=xyz) for n, xyz in zip(names, ends, strict=True))
    same(read(plain), read(other))


def test_a_pocket_may_list_residues_by_the_names_of_the_file(read, lines):
    renamed = read([line[:17] + "HIE" + line[20:] if line[17:20] == "HIS" else line for line in lines])
    number = int(renamed.residue_numbers[renamed.residue_names == "HIS"][0])
    row = renamed.residue_names.tolist().index("HIS")
    chain = renamed.chain_ids[row]
    ligand = Ligand("x", Chem.MolFromSmiles("C"), np.zeros((1, 3)))
    for name in ("HIS", "HIE"):
        pocket = select_pocket(renamed, ligand, PocketSpec(residues=(f"{chain}:{name}:{number}",)))
        assert pocket.residue_ids == [f"{chain}:HIS:{number}"]

"""What is kept of a structure file, and why a file is refused."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import gemmi
import numpy as np
import pytest
from molecules import atom_line, peptide, residue_lines

from binding.errors import FileError, StructureError
from binding.io.atoms import read_atoms
from binding.io.structure import read_protein
from binding.structures import Protein, ResidueKind


@pytest.fixture
def read(tmp_path: Path):
    def read(text: str, name: str = "protein.pdb") -> Protein:
        path = tmp_path / name
        path.write_text(text)
        return read_protein(path)

    return read


def names_of(protein: Protein, row: int) -> list[str]:
    return protein.atom_names[protein.atom_residue == row].tolist()


# ---------------------------------------------------------------- formats


def test_pdb_mmcif_and_gzip_give_the_same_protein(tmp_path, examples):
    source = examples / "4cup_complex.cif.gz"
    structure = gemmi.read_structure(str(source))
    pdb = tmp_path / "x.ent"
    pdb.write_text(structure.make_pdb_string())
    packed = tmp_path / "x.pdb.gz"
    packed.write_bytes(gzip.compress(pdb.read_bytes()))
    misnamed = tmp_path / "x.pdb"  # mmCIF under a PDB name: the content decides
    misnamed.write_bytes(gzip.decompress(source.read_bytes()))
    old_mac = []
    for path in (pdb, misnamed):
        old_mac.append(tmp_path / f"mac_{path.name}")
        old_mac[-1].write_bytes(path.read_bytes().replace(b"\n", b"\r"))
    first = read_protein(source)
    for other in map(read_protein, (pdb, packed, misnamed, *old_mac)):
        np.testing.assert_allclose(other.positions, first.positions, atol=5e-4)
        assert other.atom_names.tolist() == first.atom_names.tolist()
        assert other.residue_ids == first.residue_ids
        assert other.residue_kinds.tolist() == first.residue_kinds.tolist()


@pytest.mark.parametrize("example", ["1ia1_protein.pdb.gz", "1s2g_protein.pdb.gz", "5ht1b_protein.pdb.gz"])
def test_biopython_reads_the_same_heavy_atoms(examples, tmp_path, example):
    from Bio.PDB import PDBParser
    from Bio.PDB.PDBExceptions import PDBConstructionWarning

    plain = tmp_path / "plain.pdb"
    plain.write_bytes(gzip.decompress((examples / example).read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PDBConstructionWarning)
        model = next(iter(PDBParser(QUIET=True).get_structure("x", plain)))
    protein = read_protein(examples / example)
    # Biopython decides nothing about waters and buffers: compare the residues that we keep.
    ours = {}
    for row, (chain, number, icode) in enumerate(
        zip(protein.chain_ids, protein.residue_numbers, protein.insertion_codes, strict=True)
    ):
        ours[(chain or " ", int(number), icode or " ")] = row
    seen = 0
    for residue in model.get_residues():
        row = ours.get((residue.get_parent().id, residue.id[1], residue.id[2]))
        if row is None:
            continue
        heavy = [atom for atom in residue if atom.element not in ("H", "D")]
        mine = protein.atom_residue == row
        assert len(heavy) == mine.sum(), residue
        np.testing.assert_allclose(protein.positions[mine], [atom.coord for atom in heavy], atol=1e-3)
        seen += len(heavy)
    assert seen == protein.num_atoms


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b" \n\n", "empty_file"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "wrong_format"),
        (b"\n<html><head></head></html>", "wrong_format"),
        (b"id,protein\n1,x\n", "wrong_format"),
        (b"mol\n  x\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n$$$$\n", "wrong_format"),
        (b"data_x\n_cell.length_a 10\n", "wrong_format"),
        (gzip.compress(peptide().encode(), mtime=0)[:-40], "unreadable"),
    ],
    ids=["empty", "blank", "html", "html-after-newline", "csv", "sdf", "cif-without-atoms", "truncated-gzip"],
)
def test_what_is_no_structure_is_refused_with_a_hint(tmp_path, content, code):
    path = tmp_path / "protein.pdb"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_protein(path)
    assert caught.value.code == code
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileError) as caught:
        read_protein(tmp_path / "nothing.pdb")
    assert caught.value.code == "file_not_found"
    with pytest.raises(FileError) as caught:
        read_protein(tmp_path)
    assert caught.value.code == "unreadable"


# ---------------------------------------------------------------- atoms


def test_hydrogens_and_deuterium_are_dropped(read):
    extra = atom_line("H", number="1", xyz=(2, 0, 0)) + atom_line("D", number="1", xyz=(2, 1, 0), element="D")
    protein = read(residue_lines() + extra)
    assert set(protein.elements.tolist()) == {6, 7, 8}
    assert protein.num_atoms == 5


def test_altloc_of_highest_total_occupancy_whole_residue(read):
    def rotamer(label: str, occupancies: list[float], shift: float) -> str:
        return "".join(
            atom_line(name, "SER", xyz=(shift, i, 0), altloc=label, occupancy=occupancy)
            for i, (name, occupancy) in enumerate(zip(("CB", "OG"), occupancies, strict=True))
        )

    # B's OG alone is better occupied, but A is in sum: one residue never mixes two locations.
    backbone = residue_lines("SER", names=("N", "CA", "C", "O"))
    protein = read(backbone + rotamer("A", [0.7, 0.4], 5.0) + rotamer("B", [0.3, 0.5], 9.0))
    assert names_of(protein, 0) == ["N", "CA", "C", "O", "CB", "OG"]
    assert protein.positions[-2:, 0].tolist() == [5.0, 5.0]
    assert "kept altloc A of 1 residue" in protein.notes


def test_altloc_ties_go_to_the_first_label(read):
    backbone = residue_lines("SER", names=("N", "CA", "C", "O"))
    lines = [atom_line("CB", "SER", xyz=(x, 0, 0), altloc=label, occupancy=0.5) for label, x in (("B", 5), ("A", 9))]
    assert read(backbone + "".join(lines)).positions[-1, 0] == 5.0


def test_microheterogeneity_keeps_one_residue(read):
    serine = residue_lines("SER", altloc="A", occupancy=0.4)
    threonine = residue_lines("THR", altloc="B", occupancy=0.6, shift=0.3)
    protein = read(serine + threonine + residue_lines(number="2", shift=3.8))
    assert protein.residue_names.tolist() == ["THR", "ALA"]


def test_first_of_several_models(read):
    protein = read(f"MODEL        1\n{peptide(2)}ENDMDL\nMODEL        2\n{peptide(5)}ENDMDL\nEND\n")
    assert protein.num_residues == 2
    assert "took the first of 2 models" in protein.notes


def test_zero_occupancy_is_kept(read):
    assert read(residue_lines(occupancy=0.0)).num_atoms == 5


def test_copies_of_atoms_are_dropped_and_distant_ones_are_another_group(read):
    protein = read(residue_lines() + atom_line("CB", xyz=(-0.529, -0.774, 1.205)))
    assert protein.num_atoms == 5
    assert "dropped 1 atom of a name and place that the file has twice" in protein.notes
    nearly = read(residue_lines() + atom_line("CB", xyz=(-0.529, -0.774, 1.305)))
    assert nearly.num_atoms == 5
    assert any("repeat another" in note for note in nearly.notes)
    twice = read(residue_lines() + residue_lines(shift=8.0))  # two residues under one id
    assert twice.num_residues == 2
    assert twice.residue_ids == ["A:ALA:1", "A:ALA:1"]


def test_a_chain_that_the_file_holds_twice_is_read_once(examples, tmp_path):
    once = gzip.open(examples / "1s2g_protein.pdb.gz", "rt").read()
    atoms = "".join(line for line in once.splitlines(True) if line.startswith("ATOM"))
    path = tmp_path / "chains_appended_to_themselves.pdb"
    path.write_text(atoms + atoms)
    protein, single = read_protein(path), read_protein(examples / "1s2g_protein.pdb.gz")
    assert protein.residue_ids == single.residue_ids
    np.testing.assert_array_equal(protein.positions, single.positions)
    assert any("that the file has twice" in note for note in protein.notes)


def test_elements_from_names_where_the_column_is_blank_or_wrong(read):
    text = residue_lines(element="")
    left = "".join(
        line[:12] + line[12:16].strip().ljust(4) + line[16:]
        for line in residue_lines(number="2", element="", shift=4.0).splitlines(True)
    )  # CA written in columns 13-14 is calcium by the letter of the format
    protein = read(text + left)
    assert protein.elements.tolist() == [7, 6, 6, 8, 6] * 2


def test_left_aligned_serine_hydrogen_is_no_mercury(read):
    line = atom_line("HG", "SER", element="", xyz=(3, 0, 0))
    misplaced = line[:12] + "HG  " + line[16:]
    protein = read(residue_lines("SER") + misplaced)
    assert protein.num_atoms == 5


@pytest.mark.parametrize("bad", ["     nan", "********", "  1.2x4 ", "        "])
def test_coordinates_that_are_no_numbers(read, bad):
    line = atom_line("CB", xyz=(1, 1, 1))
    with pytest.raises(StructureError) as caught:
        read(residue_lines() + line[:30] + bad + line[38:])
    assert caught.value.code == "nan_coordinates"


@pytest.mark.parametrize(
    "columns",
    ["    1.000   2.000   3.00", "   7.137 2  52.2  17.165", "  -7.137-2-52.24  17.165"],
)
def test_numbers_whose_columns_slipped(read, columns):
    """gemmi reads what stands before the blank."""
    line = atom_line("CB", xyz=(1, 1, 1))
    with pytest.raises(StructureError) as caught:
        read(residue_lines() + line[:30] + columns + line[54:])
    assert caught.value.code == "nan_coordinates"


@pytest.mark.parametrize(
    "columns", ["1.0     2.0     3.0     ", "   1.000-100.000-200.000", "     1.0    -2.5     +3."]
)
def test_numbers_that_are_written_in_another_way(read, columns):
    line = atom_line("CB", xyz=(1, 1, 1))
    assert read(residue_lines(names=("N", "CA", "C", "O")) + line[:30] + columns + line[54:]).num_atoms == 5


def test_atoms_at_the_origin_are_refused(read):
    """Many programs write zeros where they know no coordinates; a single atom may be there."""
    nowhere = "".join(atom_line(name, number="2", xyz=(0, 0, 0)) for name in ("CB", "CG"))
    near = residue_lines(shift=3.0)
    assert read(near + nowhere.splitlines(True)[0]).num_residues == 2
    with pytest.raises(StructureError) as caught:
        read(near + nowhere)
    assert caught.value.code == "no_coordinates"
    assert "2 atoms at 0, 0, 0" in caught.value.message


def test_a_protein_in_nm_is_refused(tmp_path, examples):
    structure = gemmi.read_structure(str(examples / "1s2g_protein.pdb.gz"))
    for atom in (site.atom for site in structure[0].all()):
        atom.pos = gemmi.Position(*(x * 0.1 for x in atom.pos.tolist()))
    path = tmp_path / "nm.cif"
    structure.make_mmcif_document().write_file(str(path))
    with pytest.raises(StructureError) as caught:
        read_protein(path)
    assert caught.value.code == "not_angstrom"
    assert "nm by 10" in caught.value.hint


def test_unknown_element(read):
    with pytest.raises(StructureError) as caught:
        read(residue_lines() + atom_line("XX", "LIG", number="9", element="Xx", record="HETATM", xyz=(9, 0, 0)))
    assert caught.value.code == "unknown_element"
    assert "A:LIG:9" in caught.value.message


def test_unknown_elements_of_left_out_groups_do_not_matter(read):
    virtual = atom_line("M", "HOH", number="9", element="X", record="HETATM", xyz=(9, 0, 0))
    assert read(residue_lines() + virtual).num_residues == 1


# ---------------------------------------------------------------- residues and ids


def test_insertion_codes_negative_numbers_and_chain_names(read):
    text = (
        residue_lines(number="-3")
        + residue_lines(number="52", shift=4)
        + residue_lines(number="52", icode="A", shift=8)
        + residue_lines(chain="a", number="1", shift=12)
        + residue_lines(chain=" ", number="1", shift=16)
        + residue_lines(chain="1", number="1", shift=20)
    )
    protein = read(text)
    assert protein.residue_ids == ["A:ALA:-3", "A:ALA:52", "A:ALA:52A", "a:ALA:1", ":ALA:1", "1:ALA:1"]


def test_hybrid_36_numbers(read):
    protein = read(residue_lines(number="9999") + residue_lines(number="A000", serial="A0000", shift=4))
    assert protein.residue_numbers.tolist() == [9999, 10000]


def test_more_than_99999_atoms(read):
    text = []
    for k in range(20_100):
        serial = str(k * 5 % 100_000)
        number, chain = str(k % 9999), "ABC"[k // 9999]
        text.append(
            residue_lines(number=number, chain=chain, shift=3.8 * (k % 900), rise=9.0 * (k // 900), serial=serial)
        )
    protein = read("".join(text))
    assert protein.num_atoms == 100_500
    assert protein.num_residues == 20_100


def test_missing_atoms_are_tolerated_and_noted(read):
    protein = read(residue_lines() + residue_lines(number="2", shift=4, names=("N", "C", "O")))
    assert protein.num_residues == 2
    assert "1 residue lacks backbone atoms" in protein.notes


# ---------------------------------------------------------------- what a group is


@pytest.mark.parametrize("name", ["HOH", "WAT", "DOD", "SOL"])
def test_waters_are_left_out_and_counted(read, name):
    water = "".join(atom_line("O", name, number=str(k), record="HETATM", xyz=(k, 9, 9)) for k in (101, 102))
    protein = read(residue_lines() + water)
    assert protein.num_residues == 1
    assert "left out 2 waters" in protein.notes


def test_four_letter_water_names(read):
    line = atom_line("OH2", "TIP", number="7", xyz=(9, 9, 9))
    protein = read(residue_lines() + line[:20] + "3" + line[21:])
    assert protein.num_residues == 1


@pytest.mark.parametrize(
    "name",
    [
        "MSE",
        "SEP",
        "TPO",
        "PTR",
        "CSO",
        "KCX",
        "LLP",
        "HID",
        "HIE",
        "HIP",
        "HSD",
        "CYX",
        "ASH",
        "GLH",
        "LYN",
        "ACE",
        "NME",
    ],
)
@pytest.mark.parametrize("record", ["ATOM", "HETATM"])
def test_modified_residues_and_variants_are_amino_acids(read, name, record):
    protein = read(residue_lines() + residue_lines(name, number="2", shift=3.8, record=record))
    assert protein.residue_kinds.tolist() == [ResidueKind.AMINO_ACID] * 2


def test_unlisted_residue_with_a_backbone_is_an_amino_acid(read):
    protein = read(residue_lines() + residue_lines("ZZ9", number="2", shift=3.8, record="HETATM"))
    assert protein.residue_kinds[1] == ResidueKind.AMINO_ACID


def test_hetero_group_with_backbone_names_but_no_backbone_is_a_cofactor(read):
    atoms = "".join(
        atom_line(name, "ZZ9", number="2", record="HETATM", xyz=(5.0 * i, 8, 0))
        for i, name in enumerate(("N", "CA", "C", "O"))
    )
    assert read(residue_lines() + atoms).residue_kinds[1] == ResidueKind.COFACTOR


@pytest.mark.parametrize(
    ("atom", "residue", "element", "number"),
    [
        ("ZN", "ZN", "ZN", 30),
        ("ZN1", "ZN1", "ZN", 30),
        ("FE", "FE2", "FE", 26),
        ("M", "UNL", "MG", 12),
        ("NA", "NA", "NA", 11),
    ],
)
def test_metals_are_told_by_element(read, atom, residue, element, number):
    protein = read(
        residue_lines() + atom_line(atom, residue, number="9", element=element, record="HETATM", xyz=(9, 0, 0))
    )
    assert protein.residue_kinds[1] == ResidueKind.METAL
    assert protein.elements[-1] == number


def test_metal_ion_with_a_truncated_element_column(read):
    protein = read(residue_lines() + atom_line("PT", "PT", number="9", element="P", record="HETATM", xyz=(9, 0, 0)))
    assert protein.elements[-1] == 78
    assert protein.residue_kinds[1] == ResidueKind.METAL


def test_metals_under_one_id_are_single_ions(read):
    ions = "".join(atom_line("ZN", "ZN", " ", "9", (x, 0, 0), element="ZN", record="HETATM") for x in (9, 14, 19))
    protein = read(residue_lines() + ions)
    assert (protein.residue_kinds == ResidueKind.METAL).sum() == 3


def test_buffers_and_halides_are_left_out_and_named(read):
    sulfate = "".join(
        atom_line(name, "SO4", number="9", record="HETATM", xyz=(i, 9, 9))
        for i, name in enumerate(("S", "O1", "O2", "O3", "O4"))
    )
    chloride = atom_line("CL", "CL", number="10", element="CL", record="HETATM", xyz=(0, 20, 0))
    protein = read(residue_lines() + sulfate + chloride)
    assert protein.num_residues == 1
    assert "left out 2 buffer or halide groups (CL, SO4)" in protein.notes


def test_cofactors_and_nucleotides_are_kept(examples, read):
    nadph = read_protein(examples / "1ia1_protein.pdb.gz")
    assert "NDP" in nadph.residue_names[nadph.residue_kinds == ResidueKind.COFACTOR]
    dna = "".join(atom_line(name, "DG", number="5", xyz=(i, 9, 9)) for i, name in enumerate(("P", "C1'", "N9")))
    assert read(residue_lines() + dna).residue_kinds.tolist() == [ResidueKind.AMINO_ACID, ResidueKind.NUCLEOTIDE]


def test_file_without_protein(read):
    with pytest.raises(StructureError) as caught:
        read(atom_line("O", "HOH", record="HETATM"))
    assert caught.value.code == "no_protein"
    assert "HOH" in caught.value.message


def test_arrays_have_the_promised_types(examples):
    protein = read_protein(examples / "1s2g_protein.pdb.gz")
    assert protein.positions.dtype == np.float64
    assert protein.elements.dtype == np.int16
    assert protein.atom_residue.dtype == np.int32
    assert (np.diff(protein.atom_residue) >= 0).all()
    assert protein.atom_residue.max() == protein.num_residues - 1
    assert protein.residue_kinds.dtype == np.int8
    assert protein.residue_numbers.dtype == np.int32


def test_pdbqt_receptor(read):
    """AutoDock types stand where PDB has elements: A is aromatic carbon, NA is nitrogen, not sodium."""
    typed = [("N", "N"), ("CA", "C"), ("C", "C"), ("O", "OA"), ("CB", "C"), ("CG", "A"), ("ND1", "NA"), ("HD1", "HD")]
    lines = [
        atom_line(name, "HIS", xyz=(1.4 * k, 0, 0))[:66] + f"    {0.0:6.3f} {kind:<2}\n"
        for k, (name, kind) in enumerate(typed)
    ]
    zinc = (
        atom_line("ZN", "ZN", number="9", xyz=(20, 0, 0), element="ZN", record="HETATM")[:66] + f"    {0.0:6.3f} Zn\n"
    )
    protein = read("".join(lines) + zinc, "receptor.pdbqt")
    assert protein.elements.tolist() == [7, 6, 6, 8, 6, 6, 7, 30]
    assert protein.residue_kinds.tolist() == [ResidueKind.AMINO_ACID, ResidueKind.METAL]


def test_models_that_end_without_their_own_mark(read):
    model = "MODEL        1\n" + peptide(4) + "END\nMODEL        2\n" + peptide(4) + "END\n"
    assert read(model).num_residues == 4
    marked = model.replace("END\n", "ENDMDL\nEND\n")
    assert read(marked).num_residues == 4


def test_residues_without_numbers_get_the_next_ones(read):
    blank = [line[:22] + "    " + line[26:] for line in peptide(3).splitlines()]
    assert read("\n".join([*blank, "END", ""])).residue_numbers.tolist() == [1, 1, 1]
    third = [line[:22] + "    " + line[26:] for line in residue_lines(shift=20.0).splitlines()]
    half = [*peptide(2).splitlines(), *third]
    assert read("\n".join([*half, "END", ""])).residue_numbers.tolist() == [1, 2, 3]


def test_four_letters_that_no_alphabet_of_names_has(tmp_path):
    path = tmp_path / "p.pdb"
    path.write_bytes(peptide(3).encode().replace(b"ALA A   2", b"\xc3\xa4LAA   2"))
    assert read_protein(path).num_residues == 3


def test_models_that_end_with_end(tmp_path):
    path = tmp_path / "p.pdb"
    model = residue_lines() + residue_lines(number="2", shift=3.8)
    path.write_text("".join(f"MODEL     {k:4d}\n{model}END\n" for k in (1, 2, 3)))
    table = read_atoms(path)
    assert len(table.positions) == 10
    assert any("3 models" in note for note in table.notes), table.notes


def test_residues_without_numbers_are_told_apart_by_their_names(tmp_path):
    """Names that differ in one letter, or are the same."""
    path = tmp_path / "p.pdb"
    names = ("ALA", "VAL", "VAL", "ASP", "ASN", "GLU")
    path.write_text(
        "".join(residue_lines(name, number="", shift=3.8 * row, chain="A") for row, name in enumerate(names)) + "END\n"
    )
    table = read_atoms(path)
    assert table.group_names.tolist() == list(names)
    assert table.numbers.tolist() == [1, 2, 3, 4, 5, 6]


def test_atoms_in_small_letters_in_residues_in_capitals(tmp_path):
    path = tmp_path / "p.pdb"
    lines = (residue_lines() + residue_lines(number="2", shift=3.8)).splitlines()
    path.write_text("\n".join(line[:12] + line[12:16].lower() + line[16:] for line in lines) + "\nEND\n")
    assert set(read_atoms(path).atom_names.tolist()) == {"N", "CA", "C", "O", "CB"}


def test_ions_under_one_number_are_groups_of_their_own(tmp_path):
    path = tmp_path / "p.pdb"
    ions = "".join(
        atom_line(name, "MG", "A", "9", (9.0 + 4 * k, 9.0, 9.0), element=name, record="HETATM")
        for k, name in enumerate(("MG", "ZN", "MN"))
    )
    path.write_text(residue_lines() + ions + "END\n")
    assert read_atoms(path).group_names.tolist() == ["ALA", "MG", "MG", "MG"]

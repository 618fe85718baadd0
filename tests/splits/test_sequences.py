"""Sequences of chains: declared ones first, else the residues, with X where numbers are missing."""

from __future__ import annotations

import gzip

import pytest
from Bio.PDB import MMCIFParser, PDBParser
from Bio.SeqUtils import seq1

from binding.errors import FileError, StructureError
from binding.io.sequences import read_sequences

from .conftest import backbone


@pytest.fixture
def read(tmp_path):
    def of(text, name="made.pdb"):
        path = tmp_path / name
        path.write_text(text)
        return read_sequences(path)

    return of


def test_residues_give_the_sequence(read):
    (chain,) = read(backbone("MKTAYIAKQR"))
    assert (chain.letters, chain.declared, chain.fragments, chain.known) == ("MKTAYIAKQR", False, False, 10)


def test_missing_numbers_are_unknown_residues(read):
    (chain,) = read(backbone("MKTXXXIAKXQR"))
    assert chain.letters == "MKTXXXIAKXQR"
    assert chain.known == 8
    assert chain.fragments


def test_a_jump_of_the_numbering_is_not_a_thousand_residues(read):
    text = backbone("MKTA").replace("TER\n", "") + backbone("YIAK", first=1501)
    assert read(text)[0].letters == "MKTAXYIAK"


def test_insertion_codes_leave_no_gap(read):
    lines = backbone("MKT").splitlines()
    lines = [line if " K" not in line and "LYS" not in line else line[:22] + "   1A" + line[27:] for line in lines]
    lines = [line.replace("THR A   3", "THR A   2") for line in lines]
    assert read("\n".join(lines) + "\n")[0].letters == "MKT"


def test_seqres_is_preferred_and_whole(read):
    text = "SEQRES   1 A    6  MET LYS THR ALA TYR ILE\n" + backbone("MKT")
    (chain,) = read(text)
    assert (chain.letters, chain.declared, chain.fragments) == ("MKTAYI", True, False)


def test_seqres_of_dna_is_no_protein(read):
    text = "SEQRES   1 B    3   DA  DC  DG\n" + backbone("MKT")
    (chain,) = read(text)
    assert (chain.letters, chain.declared) == ("MKT", False)


def test_modified_residues_are_their_parents(read):
    text = backbone("MKSAH")
    for standard, modified in (("MET", "MSE"), ("LYS", "KCX"), ("SER", "SEP"), ("HIS", "HID")):
        text = text.replace(f" {standard} A", f" {modified} A")
    assert read(text)[0].letters == "MKSAH"


def test_equal_chains_count_once_and_the_longest_is_first(read):
    text = backbone("MKTA", "A") + backbone("MKTA", "B") + backbone("GGSGGSW", "C")
    assert [chain.letters for chain in read(text)] == ["GGSGGSW", "MKTA"]


def test_mmcif_entity_sequence_against_biopython(examples, tmp_path):
    path = examples / "4cup_complex.cif.gz"
    (chain,) = read_sequences(path)
    assert chain.declared
    plain = tmp_path / "4cup.cif"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    model = MMCIFParser(QUIET=True).get_structure("4cup", plain)[0]
    seen = "".join(seq1(r.resname) for r in next(iter(model)) if r.id[0] == " ")
    assert seen in chain.letters or chain.letters in seen


def test_pdb_residues_against_biopython(examples, tmp_path):
    path = examples / "1s2g_protein.pdb.gz"
    plain = tmp_path / "1s2g.pdb"
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    model = PDBParser(QUIET=True).get_structure("1s2g", plain)[0]
    expected = {"".join(seq1(r.resname) for r in chain if r.id[0] == " ") for chain in model}
    assert {chain.letters.replace("X", "") for chain in read_sequences(path)} == expected - {""}


def test_what_cannot_be_read(tmp_path, read):
    with pytest.raises(FileError) as caught:
        read_sequences(tmp_path / "none.pdb")
    assert caught.value.code == "file_not_found"
    with pytest.raises(StructureError):
        read("HETATM    1 ZN    ZN A   1       0.000   0.000   0.000  1.00  0.00          ZN\n")

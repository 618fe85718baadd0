"""Chains that share a name stay apart: as GROMACS, tleap and merging scripts write a dimer."""

from __future__ import annotations

import gzip
from pathlib import Path

import gemmi
import numpy as np
import pytest

from binding.domain.words import protein_words
from binding.io.sequences import read_sequences
from binding.io.structure import read_protein

EXAMPLES = Path(__file__).resolve().parents[2] / "data" / "examples"
FIRST, SECOND = "MKTAYIAKQRQISFVK", "GSHMLEDPVWNACTYQ"


def chain(sequence: str, name: str = "A", shift: float = 0.0, first: int = 1, hetero: str = "") -> str:
    """ATOM lines of a straight backbone; ``X`` is a residue that is missing, letters in ``hetero`` are HETATM."""
    lines = []
    for place, letter in enumerate(sequence):
        if letter == "X":
            continue
        residue = "MSE" if letter in hetero else gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA)
        record = "HETATM" if letter in hetero else "ATOM  "
        for atom, offset, element in (("N", 0.0, "N"), ("CA", 1.2, "C"), ("C", 2.4, "C")):
            lines.append(
                f"{record}{len(lines) + 1:5d}  {atom:<3} {residue} {name}{first + place:4d}    "
                f"{3.8 * place + offset:8.3f}{shift:8.3f}{0.0:8.3f}  1.00  0.00          {element:>2}\n"
            )
    return "".join(lines)


@pytest.fixture
def letters(tmp_path):
    """Sequences that are read from a PDB text."""

    def of(text: str, name: str = "made.pdb") -> list[str]:
        path = tmp_path / name
        path.write_text(text)
        return [sequence.letters for sequence in read_sequences(path)]

    return of


@pytest.mark.parametrize("name", [" ", "A"], ids=["nameless", "both_A"])
@pytest.mark.parametrize("between", ["", "TER\n"], ids=["no_TER", "TER"])
def test_two_copies_of_one_chain_are_one_sequence(letters, name, between):
    text = chain(FIRST, name) + between + chain(FIRST, name, shift=40.0) + "TER\nEND\n"
    assert letters(text) == [FIRST]


@pytest.mark.parametrize("between", ["", "TER\n"], ids=["no_TER", "TER"])
def test_different_chains_of_one_name_stay_apart(letters, between):
    # one residue of the same name and number is enough for gemmi to move it to the first chain
    other = FIRST[0] + SECOND
    assert sorted(letters(chain(FIRST) + between + chain(other, shift=40.0))) == sorted([FIRST, other])


def test_a_residue_that_only_the_second_copy_has_stays_with_it(letters):
    gap = FIRST[:6] + "XX" + FIRST[8:]
    assert letters(chain(gap) + chain(FIRST, shift=40.0)) == [FIRST, gap]


def test_a_copy_that_begins_with_a_modified_residue(letters):
    text = chain(FIRST, hetero="M") + chain(FIRST, shift=40.0, hetero="M")
    assert letters(text) == [FIRST]


def test_many_copies(letters):
    assert letters("".join(chain(FIRST, " ", shift=30.0 * copy) for copy in range(60))) == [FIRST]


def test_copies_in_mmcif(letters):
    structure = gemmi.read_pdb_string(chain(FIRST) + "TER\n" + chain(FIRST, shift=40.0), split_chain_on_ter=True)
    for number, atom in enumerate((cra.atom for cra in structure[0].all()), start=1):
        atom.serial = number
    block = structure.make_mmcif_document().sole_block()
    for name in ("_entity_poly_seq.", "_entity_poly.", "_entity."):
        block.find_mmcif_category(name).erase()
    assert letters(block.as_string(), "made.cif") == [FIRST]


def test_declared_sequences_of_nameless_chains(letters):
    lines = "SEQRES   1      3  MET LYS THR\n" * 2
    assert letters(lines + chain("MK")) == ["MKT"]


def test_numbers_that_go_on_are_one_chain(letters):
    assert letters(chain(FIRST) + chain(SECOND, shift=80.0, first=len(FIRST) + 1)) == [FIRST + SECOND]


def test_conformers_without_a_label_are_no_second_chain(tmp_path):
    doubled = chain(FIRST).splitlines(keepends=True)
    moved = [line[:38] + f"{0.9:8.3f}" + line[46:] for line in doubled[12:15]]
    (tmp_path / "made.pdb").write_text("".join(doubled[:15] + moved + doubled[15:]))
    assert read_protein(tmp_path / "made.pdb").residue_numbers.tolist() == [*range(1, len(FIRST) + 1)]


@pytest.mark.parametrize("name", [" ", "A"], ids=["nameless", "both_A"])
def test_a_dimer_holds_its_chains_one_after_the_other(tmp_path, name):
    text = gzip.decompress((EXAMPLES / "1ia1_protein.pdb.gz").read_bytes()).decode()
    atoms = [line for line in text.splitlines() if line.startswith("ATOM  ")]
    atoms = [line[:21] + name + line[22:] for line in atoms if line[21] == atoms[0][21]]
    moved = [f"{line[:30]}{float(line[30:38]) + 80.0:8.3f}{line[38:]}" for line in atoms]
    for stem, lines in (("mono", atoms), ("dimer", [*atoms, *moved])):
        (tmp_path / f"{stem}.pdb").write_text("\n".join([*lines, "END", ""]))
    mono, dimer = (read_protein(tmp_path / f"{stem}.pdb") for stem in ("mono", "dimer"))
    np.testing.assert_array_equal(dimer.residue_names, np.tile(mono.residue_names, 2))
    np.testing.assert_array_equal(dimer.positions[: mono.num_atoms], mono.positions)
    np.testing.assert_array_equal(protein_words(dimer), protein_words(mono))
    assert read_sequences(tmp_path / "dimer.pdb") == read_sequences(tmp_path / "mono.pdb")


@pytest.mark.parametrize("name", ["made.pdb", "made.cif"])
@pytest.mark.parametrize("missing", [range(0), range(60, 66)], ids=["whole", "with a gap"])
def test_a_dimer_whose_chains_alternate_residue_by_residue(tmp_path, name, missing):
    text = gzip.decompress((EXAMPLES / "1ia1_protein.pdb.gz").read_bytes()).decode()
    atoms = [line for line in text.splitlines() if line.startswith("ATOM  ")]
    atoms = [line[:21] + "A" + line[22:] for line in atoms if line[21] == atoms[0][21]]
    atoms = [line for line in atoms if int(line[22:26]) not in missing]
    moved = [f"{line[:30]}{60 - float(line[30:38]):8.3f}{80 - float(line[38:46]):8.3f}{line[46:]}" for line in atoms]
    residues: dict[str, list[str]] = {}
    for line in [*atoms, *moved]:
        residues.setdefault(line[22:27], []).append(line)
    merged = "\n".join([*(line for held in residues.values() for line in held), "END", ""])
    if name.endswith("cif"):
        merged = gemmi.read_pdb_string(merged).make_mmcif_document().as_string()
    (tmp_path / "mono.pdb").write_text("\n".join([*atoms, "END", ""]))
    (tmp_path / name).write_text(merged)
    assert read_sequences(tmp_path / name) == read_sequences(tmp_path / "mono.pdb")

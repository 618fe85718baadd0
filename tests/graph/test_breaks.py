"""Where residues of a chain are missing near a ligand, and where a chain merely ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from binding.graph.breaks import NEAR, chain_breaks
from binding.io.ligand import read_ligands
from binding.io.structure import read_protein
from binding.structures import Protein


@pytest.fixture(scope="module")
def whole(examples) -> Protein:
    return read_protein(examples / "1ia1_protein.pdb.gz")


def without(protein: Protein, number: int, count: int = 1) -> Protein:
    """The protein without some residues of its first chain."""
    chain = protein.chain_ids == protein.chain_ids[0]
    lost = chain & (protein.residue_numbers >= number) & (protein.residue_numbers < number + count)
    assert lost.sum() == count
    return protein.select(~lost)


def warned(protein: Protein, positions: np.ndarray) -> list[str]:
    return chain_breaks(protein).near(positions, np.ones(protein.num_residues, dtype=bool))


def ends(protein: Protein, number: int) -> np.ndarray:
    """(1, 3) Å, C of a residue of the first chain."""
    row = np.flatnonzero((protein.chain_ids == protein.chain_ids[0]) & (protein.residue_numbers == number))[0]
    return protein.positions[(protein.atom_residue == row) & (protein.atom_names == "C")]


def test_a_whole_chain_has_no_break(whole):
    assert not len(chain_breaks(whole).before)


def test_an_example_lacks_a_residue_beside_its_ligand(examples):
    protein = read_protein(examples / "1s2g_protein.pdb.gz")
    ligand = next(iter(read_ligands(examples / "1s2g_ligand.sdf")))
    assert warned(protein, ligand.positions) == ["residues missing near the ligand: between A:ASP:46 and A:GLY:48"]


def test_missing_residues_are_told_near_a_ligand_and_not_far_from_it(whole):
    cut = without(whole, 50, 3)
    (said,) = warned(cut, ends(cut, 49) + (0.0, 0.0, NEAR - 0.1))
    assert "missing near the ligand" in said
    assert f"{cut.chain_ids[0]}:" in said
    assert ":49 and " in said
    assert ":53" in said
    assert warned(cut, cut.positions.max(axis=0)[None] + 2 * NEAR) == []


def test_a_break_outside_the_pocket_is_not_told(whole):
    cut = without(whole, 50)
    assert chain_breaks(cut).near(ends(cut, 49), np.zeros(cut.num_residues, dtype=bool)) == []


def test_residues_in_another_order_are_one_chain(whole):
    order = np.argsort(-whole.residue_numbers, kind="stable")
    turned = replace(
        whole.select(np.ones(whole.num_residues, dtype=bool)),
        residue_names=whole.residue_names[order],
        residue_kinds=whole.residue_kinds[order],
        chain_ids=whole.chain_ids[order],
        residue_numbers=whole.residue_numbers[order],
        insertion_codes=whole.insertion_codes[order],
        atom_residue=np.argsort(order)[whole.atom_residue].astype(np.int32),
    )
    assert not len(chain_breaks(turned).before)


def test_numbers_left_out_between_bonded_residues_are_no_break(whole):
    later = np.where(whole.residue_numbers > 50, whole.residue_numbers + 10, whole.residue_numbers)
    assert not len(chain_breaks(replace(whole, residue_numbers=later.astype(np.int32))).before)


def test_missing_residues_are_told_where_the_numbers_do_not_show_them(whole):
    cut = without(whole, 50, 3)
    numbers = np.where(cut.residue_numbers > 50, cut.residue_numbers - 3, cut.residue_numbers).astype(np.int32)
    (said,) = warned(replace(cut, residue_numbers=numbers), ends(cut, 49))
    assert ":49 and " in said
    assert said.endswith(":50")


def test_a_second_chain_of_the_same_name_is_no_break(whole):
    row = np.flatnonzero((whole.chain_ids == whole.chain_ids[0]) & (whole.residue_numbers == 49))[0]
    cut = without(whole, 50, 3)
    names = cut.atom_names.copy()
    names[np.flatnonzero((cut.atom_residue == row) & (cut.atom_names == "CB"))] = "OXT"
    assert not len(chain_breaks(replace(cut, atom_names=names)).before)


def test_an_end_without_its_atom_is_left_to_the_check_of_backbones(whole):
    cut = without(whole, 50)
    row = np.flatnonzero((cut.chain_ids == cut.chain_ids[0]) & (cut.residue_numbers == 49))[0]
    atom = np.flatnonzero((cut.atom_residue == row) & (cut.atom_names == "C"))
    names = cut.atom_names.copy()
    names[atom] = "CX"
    assert not len(chain_breaks(replace(cut, atom_names=names)).before)


def test_more_than_three_breaks_are_not_all_named(whole):
    cut = whole
    for number in (40, 50, 60, 70):
        cut = without(cut, number)
    (said,) = warned(cut, cut.positions)
    assert said.endswith(", ...")
    assert said.count("between") == 3

"""Shared cores and the ways in which they lie on each other."""

from __future__ import annotations

import pytest
from rdkit import Chem

from binding.poses.core import find_mappings

QUINAZOLINE = "Nc1nc(N)c2c(Sc3ccccc3)cccc2n1"


def mappings(reference: str, ligand: str):
    return find_mappings(Chem.MolFromSmiles(reference), Chem.MolFromSmiles(ligand))


def test_a_molecule_lies_on_itself():
    found = mappings(QUINAZOLINE, QUINAZOLINE)
    assert found[0].size == 19
    assert all(found[0].alike)


def test_a_larger_ligand_keeps_the_whole_reference():
    assert mappings(QUINAZOLINE, "Nc1nc(N)c2c(Sc3ccc(CCO)cc3)cccc2n1")[0].size == 19


def test_another_element_in_a_ring_is_part_of_the_core():
    found = mappings(QUINAZOLINE, "Nc1nc(N)c2c(Sc3ccncc3)cccc2n1")
    assert found[0].size == 19


def test_both_ways_to_lay_a_substituted_ring_are_tried():
    """A meta methyl can point to either side of the reference's bare ring; a para methyl cannot."""
    meta = [m for m in mappings(QUINAZOLINE, "Nc1nc(N)c2c(Sc3cccc(C)c3)cccc2n1") if m.size == 19]
    para = [m for m in mappings(QUINAZOLINE, "Nc1nc(N)c2c(Sc3ccc(C)cc3)cccc2n1") if m.size == 19]
    assert (len(meta), len(para)) == (2, 1)


def test_rings_are_taken_whole_or_not_at_all():
    found = mappings("c1ccc2ccccc2c1", "CCCCC1CCCC1")
    assert all(m.size < 5 or not Chem.MolFromSmiles("CCCCC1CCCC1").GetAtomWithIdx(4).IsInRing() for m in found)
    for mapping in mappings("CCc1ccccc1", "CCCc1ccncc1"):
        rings = [a for a in mapping.ligand if a >= 3]
        assert len(rings) in (0, 6)


def test_a_far_smaller_core_of_equal_elements_is_not_tried():
    """An oxygen for the sulfur and a quinoline: most atoms if elements may differ, few if not."""
    found = mappings(QUINAZOLINE, "Nc1cc(C)c2c(Oc3ccccc3)cncc2c1")
    assert found[0].size >= 17
    assert all(mapping.size >= 0.7 * found[0].size for mapping in found)


def test_no_core_is_no_mapping():
    assert mappings(QUINAZOLINE, "CCCC") == []


def test_a_small_ligand_may_lie_on_it_whole():
    assert mappings("CCOCCN", "OCC")[0].size == 3


def test_the_search_is_repeatable():
    pair = ("O=C(Nc1ccc(F)cc1)c1cc2c(s1)CCN(C(=O)c1ccco1)C2", "O=C(Nc1cccnc1)c1cc2c(s1)CCN(Cc1ccsc1)C2")
    assert mappings(*pair) == mappings(*pair)


@pytest.mark.parametrize("smiles", ["FC(F)(F)c1cc(C(F)(F)F)cc(Sc2cccc3nc(N)nc(N)c23)c1"])
def test_symmetry_does_not_multiply_the_work(smiles):
    assert len([m for m in mappings(QUINAZOLINE, smiles) if m.size == 19]) == 1

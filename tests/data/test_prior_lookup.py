"""Ligands by SMILES and sites by a complex's name."""

from __future__ import annotations

import numpy as np
import pytest

from binding.data.prior_lookup import LigandsBySmiles, SitesByComplex
from binding.errors import LigandError, TableError


def test_a_ligand_that_occurs_again_is_the_same_object():
    ligands = LigandsBySmiles()
    aspirin = ligands.graph("CC(=O)Oc1ccccc1C(=O)O", "aspirin")
    assert aspirin.num_atoms == 13
    assert ligands.graph("CC(=O)Oc1ccccc1C(=O)O", "another name") is aspirin


def test_a_ring_that_is_not_closed_is_told_by_its_name():
    with pytest.raises(LigandError, match="unclosed"):
        LigandsBySmiles().graph("c1ccccc", "unclosed")


def test_the_site_of_a_complex_has_the_words_of_its_row(prepared, cache):
    for row, name in enumerate(cache.table["id"]):
        words = SitesByComplex([prepared.path]).words(name, "row")
        np.testing.assert_array_equal(words, cache.site_words(row))


def test_a_site_that_is_not_known_has_no_words():
    assert not len(SitesByComplex([]).words("", "row"))


def test_an_unknown_complex_is_refused_with_the_row_that_names_it(prepared):
    with pytest.raises(TableError, match=r"row 7.*no_such_complex") as refused:
        SitesByComplex([prepared.path]).words("no_such_complex", "row 7")
    assert refused.value.code == "unknown_site"

"""Files say what their features are, and a difference is told by name."""

from __future__ import annotations

import pytest

from binding.constants import AMINO_ACIDS
from binding.graph import fields, vocabulary
from binding.graph.vocabulary import difference, full_vocabulary, ligand_vocabulary


def swapped(categories: dict[str, int]) -> dict[str, int]:
    names = list(categories)
    one, other = names.index("donor"), names.index("acceptor")
    names[one], names[other] = names[other], names[one]
    return {name: categories[name] for name in names}


def test_the_same_features_differ_in_nothing():
    assert difference(full_vocabulary(), full_vocabulary()) == ""
    assert difference(full_vocabulary(), ligand_vocabulary()) == "", "weights say more than a cache must"


def test_files_without_features_are_of_the_first_version(monkeypatch):
    """Not to be mended by new digests: files that do not name their features would be read wrongly."""
    assert difference(None, full_vocabulary()) == ""
    monkeypatch.setattr(vocabulary, "ATOM_CATEGORIES", swapped(fields.ATOM_CATEGORIES))
    assert difference(None, full_vocabulary()) == "it has the atom_categories of version 0.1"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "ATOM_CATEGORIES",
            swapped(fields.ATOM_CATEGORIES),
            "of atom_categories it has donor:2 where this version has acceptor:2",
        ),
        ("ATOM_CATEGORIES", fields.ATOM_CATEGORIES | {"halogen": 2}, "of atom_categories it lacks halogen:2"),
        (
            "ATOM_CATEGORIES",
            fields.ATOM_CATEGORIES | {"degree": 7},
            "of atom_categories it lacks degree:7 and has degree:6",
        ),
        ("DESCRIPTORS", fields.DESCRIPTORS[:-1], "of descriptors it has halogens"),
        ("RESIDUE_SCALARS", (*fields.RESIDUE_SCALARS, "charge"), "of residue_scalars it lacks charge"),
        ("NEIGHBOURS", 16, "of residue_edges it lacks nearest:16 and has nearest:12"),
    ],
)
def test_a_difference_is_named(monkeypatch, name, value, words):
    held = full_vocabulary()
    monkeypatch.setattr(vocabulary, name, value)
    assert difference(held, full_vocabulary()) == words


@pytest.mark.parametrize("held", ["donor", [1], {"atom_categories": "donor"}, {"atom_categories": [1, 2]}, {}])
def test_what_cannot_be_read_is_a_difference(held):
    assert difference(held, full_vocabulary())


def test_every_group_is_there():
    held = full_vocabulary()
    assert set(ligand_vocabulary()) < set(held)
    assert held["residue_types"][: len(AMINO_ACIDS)] == list(AMINO_ACIDS)


def test_a_name_that_comes_twice_is_told():
    theirs = full_vocabulary()
    theirs["descriptors"] = [*theirs["descriptors"], theirs["descriptors"][0]]
    assert difference(theirs, full_vocabulary()) == "it names one of its descriptors twice"

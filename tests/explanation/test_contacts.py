"""How residues touch a ligand: what crystallographers say of the examples, and distances that are made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from networks import example_complex, example_graph
from transforms import moved_graph, permuted_ligand_graph, random_motions

from binding.constants import ANIONIC_O, AROMATIC_C, METAL_ION
from binding.explanation.contacts import contact_kinds
from binding.graph.fields import ATOM_CATEGORIES

COLUMN = {name: column for column, name in enumerate(ATOM_CATEGORIES)}


def kinds_by_name(name: str, pose: int = 0) -> dict[str, tuple[str, ...]]:
    graph, pocket = example_graph(name, pose), example_complex(name, pose).pocket
    found = contact_kinds(graph, np.arange(pocket.num_residues))
    return dict(zip(pocket.residue_ids, found, strict=True))


def test_zm241385_in_the_adenosine_receptor():
    """Jaakola et al. 2008 (doi:10.1126/science.1164772): hydrogen bonds to Asn253 and Glu169, stacking on Phe168."""
    kinds = kinds_by_name("6wqa")
    assert "hydrogen bond" in kinds["A:ASN:253"]
    assert "hydrogen bond" in kinds["A:GLU:169"]
    assert kinds["A:PHE:168"] == ("aromatic",)
    assert kinds["A:LEU:249"] == ("hydrophobic",)


def test_ergotamine_in_the_serotonin_receptor():
    """Wang et al. 2013 (doi:10.1126/science.1232807): a salt bridge of the ergoline's amine with Asp129."""
    assert "salt bridge" in kinds_by_name("5ht1b")["A:ASP:129"]


def one_pair(distance: float, protein_class: int, **marks: int):
    """A graph of one ligand atom, carbon with some marks, and one protein atom that far from it."""
    graph = example_graph("4cup")
    categories = np.zeros_like(graph.ligand.atom_categories[:1])
    for name, value in marks.items():
        categories[0, COLUMN[name]] = value
    ligand = replace(graph.ligand, positions=np.zeros((1, 3)), atom_categories=categories)
    pocket = replace(
        graph.pocket,
        atom_positions=np.array([[distance, 0.0, 0.0]]),
        atom_classes=np.array([protein_class], dtype=np.uint8),
        atom_residue=np.array([2], dtype=np.int32),
    )
    return replace(graph, ligand=ligand, pocket=pocket)


@pytest.mark.parametrize(
    ("distance", "protein_class", "marks", "expected"),
    [
        (2.7, METAL_ION, {"acceptor": 1}, ("metal",)),
        (2.9, METAL_ION, {"acceptor": 1}, ()),
        (1.9, METAL_ION, {"acceptor": 1}, ("metal",)),  # a bond to a metal is no clash
        (2.7, METAL_ION, {"donor": 1}, ()),
        (3.9, ANIONIC_O, {"basic": 1}, ("salt bridge",)),
        (2.8, ANIONIC_O, {"basic": 1}, ("salt bridge", "hydrogen bond")),
        (2.8, ANIONIC_O, {"donor": 1}, ("hydrogen bond",)),
        (2.8, ANIONIC_O, {"donor": 1, "acceptor": 1, "acidic": 1}, ()),  # two carboxylates have no proton between them
        (3.6, ANIONIC_O, {"donor": 1}, ()),
        (3.8, AROMATIC_C, {"aromatic": 1}, ("aromatic",)),
        (3.8, AROMATIC_C, {"hydrophobic": 1}, ("hydrophobic",)),
        (4.1, AROMATIC_C, {"aromatic": 1, "hydrophobic": 1}, ()),
        (1.5, AROMATIC_C, {}, ("overlap",)),
    ],
)
def test_each_kind_by_its_distance(distance, protein_class, marks, expected):
    found = contact_kinds(one_pair(distance, protein_class, **marks), [2, 1])
    assert found == [expected, ()]


def test_residues_come_in_the_order_that_is_asked_for():
    graph = example_graph("6wqa")
    rows = np.arange(graph.pocket.num_residues)
    forth, back = contact_kinds(graph, rows), contact_kinds(graph, rows[::-1])
    assert forth == back[::-1]
    assert any(forth)
    assert contact_kinds(graph, []) == []


@pytest.mark.parametrize("name", ["1s2g", "1ia1", "4cup", "6wqa", "5ht1b"])
def test_a_hundred_motions_change_no_kind(name):
    graph = example_graph(name)
    rows = np.arange(graph.pocket.num_residues)
    expected = contact_kinds(graph, rows)
    for motion in random_motions(100, seed=8):
        assert contact_kinds(moved_graph(graph, motion), rows) == expected


def test_atoms_in_another_order_change_no_kind():
    graph, generator = example_graph("6wqa"), np.random.default_rng(9)
    rows = np.arange(graph.pocket.num_residues)
    other = replace(graph, ligand=permuted_ligand_graph(graph.ligand, generator))
    assert contact_kinds(other, rows) == contact_kinds(graph, rows)

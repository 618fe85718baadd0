"""Sides: whole groups, shares kept, the same again with the same seed."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from rdkit import Chem

from binding.errors import TableError
from binding.splits.assign import Assignment, by_column, by_group, by_time, separate_ligands
from binding.splits.similarity import fingerprints, scaffold, tanimoto_rows

TENTHS = {"test": 0.1, "validation": 0.1}


@pytest.fixture
def groups():
    draw = random.Random(0)
    return {f"r{k:03d}": f"g{int(draw.paretovariate(1.0))}" for k in range(400)}


def counted(assignment: Assignment) -> Counter:
    return Counter(assignment.sides.values())


@pytest.mark.parametrize("seed", range(4))
def test_groups_stay_whole_and_shares_are_kept(groups, seed):
    assignment = by_group(groups, TENTHS, seed)
    sides_of = {}
    for name, side in assignment.sides.items():
        sides_of.setdefault(groups[name], set()).add(side)
    assert all(len(sides) == 1 for sides in sides_of.values())
    assert set(assignment.sides) == set(groups)
    counts = counted(assignment)
    assert 35 <= counts["test"] <= 40
    assert 35 <= counts["validation"] <= 40


def test_the_largest_group_trains(groups):
    largest = Counter(groups.values()).most_common(1)[0][0]
    assignment = by_group(groups, TENTHS, seed=1)
    assert {assignment.sides[name] for name, group in groups.items() if group == largest} == {"train"}


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_rows(groups):
    first = by_group(groups, TENTHS, seed=0).sides
    assert by_group(dict(reversed(groups.items())), TENTHS, seed=0).sides == first
    assert by_group(groups, TENTHS, seed=1).sides != first


def test_names_of_groups_do_not_matter(groups):
    renamed = {name: f"other {group}" for name, group in groups.items()}
    assert by_group(renamed, TENTHS, 3).sides == by_group(groups, TENTHS, 3).sides


def test_a_side_gets_the_smallest_group_where_none_fits():
    groups = {f"a{k}": "a" for k in range(10)} | {f"b{k}": "b" for k in range(5)} | {f"c{k}": "c" for k in range(4)}
    assignment = by_group(groups, TENTHS, seed=0)
    assert counted(assignment) == {"train": 10, "validation": 5, "test": 4}


def test_many_small_groups_leave_one_to_train():
    assignment = by_group({"a": "a", "b": "b", "c": "c"}, {"test": 0.45, "validation": 0.45}, seed=0)
    assert counted(assignment) == {"train": 1, "validation": 1, "test": 1}


@pytest.mark.parametrize(("fractions", "count"), [(TENTHS, 2), ({"test": 0.2, "validation": 0.0}, 1)])
def test_too_few_groups_are_told(fractions, count):
    groups = {f"r{k}": f"g{k % count}" for k in range(20)}
    with pytest.raises(TableError, match="too few"):
        by_group(groups, fractions, seed=0)


def test_no_share_no_side(groups):
    assert set(by_group(groups, {"test": 0.2, "validation": 0.0}, 0).sides.values()) == {"train", "test"}


def test_the_newest_test_and_years_stay_together():
    years = {f"r{k}": str(2000 + k // 10) for k in range(100)} | {"odd": "unknown", "blank": ""}
    assignment = by_time(years, {"test": 0.2, "validation": 0.1})
    assert {years[name] for name in assignment.on("test")} == {"2008", "2009"}
    assert {years[name] for name in assignment.on("validation")} == {"2007"}
    assert len(assignment.on("train")) == 70
    assert assignment.reasons == {"odd": ("no_date", "no date: 'unknown'"), "blank": ("no_date", "no date: ''")}


def test_dates_of_several_forms():
    dates = {"a": "2011-03-04", "b": "2012", "c": "2012-06-01T00:00:00Z", "d": "2013.0"}
    assignment = by_time(dates, {"test": 0.25, "validation": 0.25})
    assert assignment.sides == {"a": "train", "b": "train", "c": "validation", "d": "test"}


def test_a_great_last_year_is_taken_whole():
    years = dict.fromkeys([f"new{k}" for k in range(60)], "2020") | {f"old{k}": str(1990 + k) for k in range(20)}
    counts = counted(by_time(years, TENTHS))
    assert counts["test"] == 60
    assert counts["validation"] == 8
    assert counts["train"] == 12


def test_each_later_side_keeps_a_date():
    assert by_time({"a": "2000", "b": "2001", "c": "2002"}, {"test": 0.45, "validation": 0.45}).sides == {
        "a": "train", "b": "validation", "c": "test",
    }  # fmt: skip
    with pytest.raises(TableError, match="2 date"):
        by_time({"a": "2000", "b": "2001"}, TENTHS)


def test_a_column_of_sides():
    values = {"a": "train", "b": "test", "c": "validation", "d": "", "e": "left_out"}
    assignment = by_column(values, {"test": (), "validation": ()})
    assert [assignment.sides[name] for name in values] == ["train", "test", "validation", "left_out", "left_out"]
    assert assignment.reasons["d"][0] == "blank"


def test_a_column_of_other_values():
    values = {"a": "kinase", "b": "protease", "c": "lectin", "d": ""}
    assignment = by_column(values, {"test": ("protease",), "validation": ()})
    assert assignment.sides == {"a": "train", "b": "test", "c": "train", "d": "left_out"}
    with pytest.raises(TableError, match="'kinase' names no side") as caught:
        by_column(values, {"test": (), "validation": ()})
    assert "--test-value" in caught.value.hint
    with pytest.raises(TableError, match="No row has the value 'oxidase'"):
        by_column(values, {"test": ("oxidase",), "validation": ()})


SMILES = {
    "phenol": "Oc1ccccc1",
    "anisole": "COc1ccccc1",
    "indole": "c1ccc2[nH]ccc2c1",
    "methylindole": "Cc1ccc2[nH]ccc2c1",
    "leucine": "CC(C)C[C@H](N)C(=O)O",
    "d-leucine": "CC(C)C[C@@H](N)C(=O)O",
    "isoleucine": "CC[C@H](C)[C@H](N)C(=O)O",
    "morpholine": "C1COCCN1",
}


@pytest.fixture
def ligands():
    mols = {name: Chem.MolFromSmiles(smiles) for name, smiles in SMILES.items()}
    prints = dict(zip(mols, fingerprints(list(mols.values())), strict=True))
    return {name: scaffold(mol) for name, mol in mols.items()}, prints


def test_scaffolds(ligands):
    scaffolds, _ = ligands
    assert scaffolds["phenol"] == scaffolds["anisole"] == "c1ccccc1"
    assert scaffolds["indole"] == scaffolds["methylindole"] != "c1ccccc1"
    assert scaffolds["leucine"] == scaffolds["d-leucine"], "stereo does not make another scaffold"
    assert scaffolds["leucine"] != scaffolds["isoleucine"], "acyclic molecules are not all one scaffold"


def test_tanimoto_against_rdkit(ligands, monkeypatch):
    from rdkit.Chem import rdFingerprintGenerator
    from rdkit.DataStructs import TanimotoSimilarity

    monkeypatch.setattr("binding.splits.similarity._ROWS", 3)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    known = [generator.GetFingerprint(Chem.MolFromSmiles(smiles)) for smiles in SMILES.values()]
    packed = np.stack(list(ligands[1].values()))
    found = np.concatenate([block for _, block in tanimoto_rows(packed, packed)])
    expected = np.array([[TanimotoSimilarity(a, b) for b in known] for a in known])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_no_two_sides_share_a_ligand(ligands):
    scaffolds, prints = ligands
    assignment = Assignment(
        {"phenol": "test", "anisole": "train", "indole": "validation", "methylindole": "train", "leucine": "test",
         "d-leucine": "validation", "isoleucine": "train", "morpholine": "train"}
    )  # fmt: skip
    separate_ligands(assignment, scaffolds, prints, similarity=0.4)
    assert assignment.on("test") == ["leucine", "phenol"]
    assert assignment.on("validation") == ["indole"]
    assert assignment.on("train") == ["morpholine"]
    assert assignment.reasons["anisole"] == ("scaffold", "scaffold of phenol")
    assert assignment.reasons["d-leucine"] == ("scaffold", "scaffold of leucine")
    assert assignment.reasons["methylindole"] == ("scaffold", "scaffold of indole")
    kind, detail = assignment.reasons["isoleucine"]
    assert kind == "similarity"
    assert detail.endswith("to leucine")

"""Which rows are held out: whole groups, the same ones whatever else is in the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from binding.config import SourceConfig, ValidationConfig
from binding.data.holdout import filter_rows, groups_of, split_rows
from binding.errors import ConfigError

SOURCE = SourceConfig(cache=Path("x.npz"))


@pytest.fixture
def tables():
    generator = np.random.default_rng(0)
    first = pd.DataFrame(
        {"id": [f"a{k}" for k in range(300)], "uniprot": [f"P{k}" for k in generator.integers(0, 60, 300)]}
    )
    second = pd.DataFrame(
        {"id": [f"b{k}" for k in range(200)], "uniprot": [f"P{k}" for k in generator.integers(30, 90, 200)]}
    )
    first.loc[:9, "uniprot"] = None
    return [first, second]


def values(table: pd.DataFrame, rows: pd.Index) -> set[str]:
    return set(table.loc[rows, "uniprot"].dropna())


@pytest.mark.parametrize("fold", range(5))
def test_no_group_is_on_both_sides(tables, fold):
    train, held_out = split_rows(tables, ValidationConfig(fold=fold))
    seen = set.union(*(values(table, rows) for table, rows in zip(tables, train, strict=True)))
    kept = values(tables[0], held_out[0])
    assert kept
    assert not seen & kept
    assert len(held_out[1]) == 0, "only the validating source validates"
    assert len(train[0]) + len(held_out[0]) == 300
    assert len(train[1]) < 200, "the other source loses the rows that share a group"


def test_folds_cover_every_row_once(tables):
    parts = [split_rows(tables, ValidationConfig(fold=fold))[1][0] for fold in range(5)]
    assert sorted(np.concatenate(parts)) == list(range(300))


def test_fold_of_a_group_does_not_depend_on_the_other_rows(tables):
    whole = values(tables[0], split_rows(tables, ValidationConfig())[1][0])
    part = tables[0].sample(frac=0.5, random_state=1)
    assert values(part, split_rows([part], ValidationConfig())[1][0]) == whole & values(part, part.index)


def test_fold_of_a_group_is_the_same_on_every_machine_and_day():
    table = pd.DataFrame(
        {"id": list("abcdef"), "uniprot": ["P00918", "P00734", "P07900", "Q9Y233", "P24941", "P00533"]}
    )
    folds = [set(split_rows([table], ValidationConfig(folds=3, fold=fold))[1][0].tolist()) for fold in range(3)]
    assert folds == [{1, 5}, {2, 3}, {0, 4}], "a change here mixes what older runs held out"


def test_rows_without_a_value_stand_alone(tables):
    """Ten blanks in a row are not one group of ten."""
    sides = [split_rows(tables, ValidationConfig(fold=fold))[1][0] for fold in range(5)]
    assert sum(bool(set(side) & set(range(10))) for side in sides) > 1


def test_a_whole_number_is_one_group_whether_its_column_has_blanks_or_not():
    whole = pd.DataFrame({"id": ["a", "b", "c"], "cluster": [1, 2, 30]})
    gaps = pd.DataFrame({"id": ["d", "e", "f", "g"], "cluster": [30, np.nan, 2.5, 1]})
    text = pd.DataFrame({"id": ["h", "i"], "cluster": ["1", "0012"]})
    assert gaps["cluster"].dtype == float
    assert groups_of(whole, "cluster").tolist() == ["1", "2", "30"]
    assert groups_of(gaps, "cluster").tolist() == ["30", "row e", "2.5", "1"]
    assert groups_of(text, "cluster").tolist() == ["1", "0012"]


def test_blank_rows_on_one_receptor_stay_together():
    names = [f"{k // 4}abc" for k in range(80)]
    table = pd.DataFrame({"id": [f"x{k}" for k in range(80)], "uniprot": None, "protein": names})
    for fold in range(5):
        train, held_out = split_rows([table], ValidationConfig(fold=fold))
        assert held_out[0].size
        assert not set(table["protein"][train[0]]) & set(table["protein"][held_out[0]])


def test_a_blank_row_has_the_value_of_its_receptor_where_that_has_one():
    table = pd.DataFrame(
        {
            "id": list("abcdefg"),
            "uniprot": ["P1", None, "P2", "P3", None, None, None],
            "protein": ["1abc", "1abc", "2abc", "2abc", "2abc", None, "3abc"],
        }
    )
    assert groups_of(table, "uniprot").tolist() == ["P1", "P1", "P2", "P3", "row 2abc", "row f", "row 3abc"]


def test_poses_on_a_receptor_stay_with_its_crystal_complex():
    crystal = pd.DataFrame({"id": ["11gs", "1a0q"], "uniprot": [None, None]})
    posed = pd.DataFrame({"id": ["11gs_7", "11gs_8"], "uniprot": [None, None], "protein": ["11gs", "11gs"]})
    assert set(groups_of(posed, "uniprot")) == {groups_of(crystal, "uniprot")[0]}


def test_without_validation_all_rows_train(tables):
    train, held_out = split_rows(tables, None)
    assert [len(rows) for rows in train] == [300, 200]
    assert [len(rows) for rows in held_out] == [0, 0]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fold": 5}, "Fold 5 of 5"),
        ({"source": 2}, "source 2"),
        ({"column": "family"}, "family"),
    ],
)
def test_splits_that_cannot_be(tables, changes, named):
    with pytest.raises(ConfigError, match=named):
        split_rows(tables, ValidationConfig(**changes))


def test_a_side_that_is_empty_is_refused():
    one = pd.DataFrame({"id": ["a", "b"], "uniprot": ["P1", "P1"]})
    for fold in range(2):
        with pytest.raises(ConfigError, match="empty"):
            split_rows([one], ValidationConfig(folds=2, fold=fold))


def test_where_keeps_the_rows_and_their_numbers(tables):
    kept = filter_rows(tables[0], SOURCE.model_copy(update={"where": "id in ['a3', 'a7']"}))
    assert kept.index.tolist() == [3, 7]
    assert filter_rows(tables[0], SOURCE) is tables[0]


@pytest.mark.parametrize(
    ("where", "named"), [("no_such == 1", "id, uniprot"), ("id ==", "where"), ("id == 'z'", "no row")]
)
def test_where_that_cannot_be_used(tables, where, named):
    with pytest.raises(ConfigError) as caught:
        filter_rows(tables[0], SOURCE.model_copy(update={"where": where}))
    assert named in caught.value.message + caught.value.hint

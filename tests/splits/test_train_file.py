"""A split's file in a training run: held-out rows are never trained on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from binding.config import TrainConfig, ValidationConfig
from binding.data.holdout import read_split, split_rows
from binding.errors import ConfigError, FileError, TableError

SIDES = {"a": "train", "b": "validation", "c": "test", "d": "left_out", "e": "train", "f": "validation"}


@pytest.fixture
def split_file(tmp_path):
    def write(sides=None, text=None) -> ValidationConfig:
        path = tmp_path / "split.csv"
        path.write_text(text or "id,split\n" + "".join(f"{k},{v}\n" for k, v in (sides or SIDES).items()))
        return ValidationConfig(file=path)

    return write


@pytest.fixture
def tables():
    return [pd.DataFrame({"id": list("abcd")}), pd.DataFrame({"id": list("ef")}, index=[10, 20])]


def test_only_training_rows_train_and_the_source_validates(tables, split_file):
    train, held_out = split_rows(tables, split_file())
    assert [rows.tolist() for rows in train] == [[0], [10]]
    assert [rows.tolist() for rows in held_out] == [[1], []]


def test_another_source_may_validate(tables, split_file):
    _, held_out = split_rows(tables, split_file().model_copy(update={"source": 1}))
    assert [rows.tolist() for rows in held_out] == [[], [20]]


def test_ids_that_look_like_numbers(split_file):
    table = pd.DataFrame({"id": ["1e66", "0012", "3"]})
    train, held_out = split_rows([table], split_file({"1e66": "train", "0012": "validation", "3": "test"}))
    assert (train[0].tolist(), held_out[0].tolist()) == ([0], [1])


def test_without_validation_rows_nothing_is_held_out(tables, split_file):
    train, held_out = split_rows(tables, split_file({name: "train" if name < "d" else "test" for name in "abcdef"}))
    assert [len(rows) for rows in train] == [3, 0]
    assert [len(rows) for rows in held_out] == [0, 0]


def test_a_row_that_the_file_does_not_name_is_refused(tables, split_file):
    with pytest.raises(ConfigError, match=r"1 of 2 rows of sources\.1 .*'f'"):
        split_rows(tables, split_file(dict.fromkeys("abcde", "train")))


def test_sides_that_are_empty_are_told(tables, split_file):
    with pytest.raises(ConfigError, match="no row to train on"):
        split_rows(tables, split_file(dict.fromkeys("abcdef", "test")))
    with pytest.raises(ConfigError, match=r"No row of sources\.0 is under validation"):
        split_rows(tables, split_file({**dict.fromkeys("abcde", "train"), "f": "validation"}))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("id,side\na,train\n", "'split'"),
        ("entry,split\na,train\n", "'id'"),
        ("id,split\na,train\nb\n", "line 3: 1 cell for 2 columns"),
        ("id,split\na,training\n", "'training'"),
        ("id,split\na,train\na,test\n", "more than once"),
    ],
)
def test_files_that_are_no_split(split_file, text, named):
    with pytest.raises(TableError) as caught:
        read_split(split_file(text=text).file)
    assert named in caught.value.message
    assert caught.value.hint


def test_a_split_that_a_spreadsheet_wrote(split_file):
    text = "sep=;\r\nid;split\r\n1e66;train\r\nNA;test\r\n"
    assert read_split(split_file(text=text).file) == {"1e66": "train", "NA": "test"}


def test_a_missing_file(tmp_path):
    with pytest.raises(FileError):
        read_split(tmp_path / "none.csv")


@pytest.mark.parametrize("other", [{"column": "family"}, {"folds": 10}, {"fold": 1}])
def test_a_file_and_folds_exclude_each_other(other):
    with pytest.raises(ValidationError, match="exclude each other"):
        ValidationConfig(file=Path("split.csv"), **other)


def test_settings_of_older_runs_are_still_read():
    older = {
        "sources": [{"cache": "a.npz"}],
        "output": "runs/x",
        "validation": {"column": "uniprot", "folds": 10, "fold": 3, "source": 0},
    }
    config = TrainConfig.model_validate(older)
    assert config.validation is not None
    assert config.validation.file is None
    again = TrainConfig.model_validate(config.model_dump(mode="json"))
    assert again == config


def test_a_run_from_before_a_setting_existed_goes_on(tmp_path):
    """The resolved settings beside an older run lack what is new; that is no change of settings."""
    import yaml

    from binding.training.keep import keep_settings
    from binding.training.run import _FREE, _settings_before

    config = TrainConfig.model_validate({"sources": [{"cache": "a.npz"}], "output": str(tmp_path)})
    older = config.model_dump(mode="json")
    del older["validation"]["file"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(older))
    keep_settings(config, tmp_path, _FREE, _settings_before)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**older, "seed": 5}))
    with pytest.raises(ConfigError, match="seed"):
        keep_settings(config, tmp_path, _FREE, _settings_before)

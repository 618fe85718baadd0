"""``binding split`` as a user calls it."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
from typer.testing import CliRunner

from binding.cli.main import app


@pytest.fixture
def split():
    return lambda *args: CliRunner().invoke(app, ["split", *map(str, args)], prog_name="binding")


def test_table_summary_and_counts(split, tree, tmp_path):
    output = tmp_path / "splits" / "protein.csv"
    result = split(tree.folder, "-o", output, "--by", "protein", "--test", 0.2, "--validation", 0.2)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(output)
    counts = json.loads(output.with_suffix(".json").read_text())["counts"]
    assert table["split"].value_counts().to_dict() == {k: v for k, v in counts.items() if v}
    assert "24 rows: " in result.stderr
    assert "6 protein clusters, the largest with 4 rows" in result.stderr
    assert "24 read off the residues" in result.stderr
    assert not result.stdout


def test_the_report_is_printed_and_written(split, tree, tmp_path):
    output = tmp_path / "random.csv"
    result = split(tree.folder, "-o", output, "--report", "--test", 0.2, "--validation", 0.2)
    assert result.exit_code == 0, result.output
    rows = pd.read_csv(tmp_path / "random.report.csv")
    tested = rows[rows["split"] == "test"]
    assert "Share of held-out rows that training knows" in result.stdout
    assert all(name in result.stdout for name in tested["id"])
    share = json.loads((tmp_path / "random.json").read_text())["report"]["shares"]["test"]["close_protein"]
    assert share == pytest.approx(tested["close_protein"].mean())
    assert list(pd.read_csv(tmp_path / "random.lookup.csv").columns) == [
        "id",
        "nearest_neighbour",
        "nearest_5_weighted",
    ]


def test_unreadable_rows_end_with_3_and_are_in_the_table(split, tree, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tree.folder, copy)
    (copy / "oxidase3" / "oxidase3_protein.pdb").write_text("")
    result = split(copy, "-o", tmp_path / "s.csv", "--by", "protein")
    assert result.exit_code == 3
    assert "1 rows cannot be read" in result.stderr
    row = pd.read_csv(tmp_path / "s.csv").set_index("id").loc["oxidase3"]
    assert row["split"] == "left_out"
    assert row["reason"].startswith("empty_file: ")


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["--by", "nonsense"], "nonsense"),
        (["--by", "time", "--column", "month"], "month"),
        (["--index", "a.csv", "--index", "b.csv"], "1 folder(s) but 2 --index"),
        (["--test", "1.5"], "below 1"),
    ],
)
def test_wrong_use_ends_with_2(split, tree, tmp_path, args, named):
    result = split(tree.folder, "-o", tmp_path / "s.csv", *args)
    assert result.exit_code == 2
    assert named in result.stderr
    assert "hint: " in result.stderr or "below 1" in named
    assert not (tmp_path / "s.csv").exists()


def test_another_ending_is_refused(split, tree, tmp_path):
    result = split(tree.folder, "-o", tmp_path / "s.json")
    assert result.exit_code == 2
    assert ".csv" in result.stderr


def test_quiet_says_nothing(split, tree, tmp_path):
    result = split(tree.folder, "-o", tmp_path / "s.csv", "--report", "-q")
    assert (result.exit_code, result.output) == (0, "")


def test_an_index_elsewhere(split, tree, tmp_path):
    index = tmp_path / "half.csv"
    index.write_text("".join((tree.folder / "index.csv").read_text().splitlines(keepends=True)[:13]))
    result = split(tree.folder, "-o", tmp_path / "s.csv", "--index", index)
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(tmp_path / "s.csv")) == 12


def test_the_measured_affinities_are_never_written_over(split, tree):
    index = tree.folder / "index.csv"
    before = index.read_bytes()
    result = split(tree.folder, "-o", index)
    assert result.exit_code == 2
    assert "is also an input" in result.stderr
    assert index.read_bytes() == before

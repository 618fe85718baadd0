"""``binding top`` as it is typed."""

from __future__ import annotations

import csv
import io

import pytest
from typer.testing import CliRunner

from binding.cli.main import app
from binding.screening.store import RESULT_COLUMNS, finalise


@pytest.fixture
def typed():
    return lambda *words: CliRunner().invoke(app, ["top", *map(str, words)], prog_name="binding")


def test_csv_in_a_pipe(typed, made_run):
    finalise(made_run.folder, top=0)
    done = typed(made_run.folder, "-n", 2, "--where", "pk_ligand_only < 6")
    assert done.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert tuple(rows[0]) == RESULT_COLUMNS
    assert [(row["rank"], row["compound"], row["pk"]) for row in rows] == [
        ("1", "fluconazole", "8.1250"),
        ("4", "aspirin", "6.2500"),
    ]
    assert done.stderr == "2 compounds\n"


def test_table(typed, made_run):
    finalise(made_run.folder, top=0)
    done = typed(made_run.folder, "--print", "table", "--sort-by", "gain_over_ligand_only")
    shown = [line.split()[:3] for line in done.stdout.splitlines() if line.split()[:1] and line.split()[0].isdigit()]
    assert shown[0] == ["1", "fluconazole", "8.12"]
    assert [words[0] for words in shown] == ["1", "4", "2", "3", "5"]
    assert "higher = tighter" in done.stdout


def test_by_another_column(typed, made_run):
    done = typed(made_run.folder, "--by", "pose", "-n", 1, "--print", "csv")
    assert "aspirin" in done.stdout
    done = typed(made_run.folder, "--by", "smiles")
    assert (done.exit_code, "hint: Use one of pk, " in done.stderr) == (2, True)


def test_to_a_file(typed, made_run, tmp_path):
    finalise(made_run.folder, top=0)
    done = typed(made_run.folder, "-o", tmp_path / "best.sdf", "-n", 3)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"3 compounds; written to {tmp_path / 'best.sdf'}\n"
    assert (tmp_path / "best.sdf").read_text().count("$$$$") == 3


def test_a_run_under_way_says_so(typed, made_run):
    done = typed(made_run.folder, "--print", "none", "--where", "pk > 20")
    assert done.exit_code == 0
    assert "not finished" in done.stderr
    assert "no compound meets the condition" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--where", "pk_ligandonly < 7"], "columns: rank, compound"),
        (["--where", "plausible"], "Screen with --checks fast."),
        (["-o", "best.xls"], ".csv, .tsv, .parquet, .xlsx, .sdf"),
        (["-o", "nowhere/best.csv"], "Make it first"),
    ],
)
def test_wrong_commands_exit_2_with_a_hint(typed, made_run, words, said):
    done = typed(made_run.folder, *words)
    assert done.exit_code == 2
    assert said in done.stderr


def test_no_run(typed, tmp_path):
    done = typed(tmp_path)
    assert done.exit_code == 2
    assert "binding screen -o" in done.stderr


@pytest.mark.parametrize("ending", ["csv", "parquet", "sdf"])
def test_a_place_that_cannot_be_written_is_told_before_anything_is_computed(typed, made_run, tmp_path, ending):
    finalise(made_run.folder, top=0)
    (tmp_path / f"best.{ending}").mkdir()
    done = typed(made_run.folder, "-o", tmp_path / f"best.{ending}")
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr
    assert not list(tmp_path.glob("*.partial"))

"""``binding place``: one row a compound, poses and table beside each other, exit codes."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import yaml
from rdkit import Chem

import binding
from binding.graph.plausibility import read_thresholds
from binding.poses.series import COLUMNS

SERIES = """smiles,id,pk
Nc1nc(N)c2c(Sc3ccc(C)cc3)cccc2n1,tolyl,7.1
CCCC,butane,2.0
C1CC(,broken,
Nc1nc(N)c2c(Sc3ccccc3)cccc2n1,tolyl,6.5
Nc1nc(N)c2c(Sc3ccncc3)cccc2n1.Cl,salt,6.0
"""


@pytest.fixture
def series(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "series.csv"
    path.write_text(SERIES)
    return path


def run(binding_, examples, *more, reference="1ia1_ligand.sdf"):
    return binding_("place", "-p", examples / "1ia1_protein.pdb.gz", "--reference", examples / reference, *more)


def table(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_compound_is_a_row(binding_, examples, series):
    done = run(binding_, examples, "-l", series, "-o", "poses.sdf", "--workers", 0)
    assert done.exit_code == 3, done.output
    rows = table("poses.csv")
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["id"], row["status"], row["error_code"]) for row in rows] == [
        ("tolyl", "ok", ""),
        ("butane", "failed", "no_common_core"),
        ("broken", "failed", "bad_smiles"),
        ("tolyl~2", "ok", ""),
        ("salt", "ok", ""),
    ]
    assert "dropped 1 further fragment" in rows[4]["warnings"]
    assert float(rows[3]["core_coverage"]) == 1.0
    assert "3 of 5 placed" in done.stderr
    assert "[no_common_core]" in done.stderr


def test_poses_carry_their_tags_and_can_be_scored(binding_, examples, series, scorer):
    run(binding_, examples, "-l", series, "-o", "poses.sdf", "--workers", 0)
    poses = list(Chem.SDMolSupplier("poses.sdf"))
    assert [mol.GetProp("_Name") for mol in poses] == ["tolyl", "tolyl~2", "salt"]
    assert poses[0].GetProp("pk") == "7.1"
    assert poses[0].GetProp("place_core_coverage") == "0.950"
    assert all(mol.GetConformer().Is3D() for mol in poses)
    done = binding_("predict", "-p", examples / "1ia1_protein.pdb.gz", "-l", "poses.sdf", "-o", "scores.csv")
    assert done.exit_code == 0, done.output
    assert [row["ligand"] for row in table("scores.csv")] == ["tolyl", "tolyl~2", "salt"]


def test_workers_change_nothing(binding_, examples, series):
    run(binding_, examples, "-l", series, "-o", "here.sdf", "--workers", 0)
    run(binding_, examples, "-l", series, "-o", "there.sdf", "--workers", 2)
    for ending in ("sdf", "csv"):
        assert open(f"here.{ending}").read() == open(f"there.{ending}").read()


def test_a_compound_that_hangs_is_a_failed_row(binding_, examples, series, monkeypatch):
    monkeypatch.setattr("binding.poses.series._PLACER", "tests.hanging:place_in_worker")
    series.write_text("smiles,id\nCCCC,butane\nCCCCC,hangs\nCCCCCC,hexane\n")
    done = run(binding_, examples, "-l", series, "-o", "poses.sdf", "--time-limit", 3)
    assert done.exit_code == 4, done.output
    codes = [(row["id"], row["error_code"]) for row in table("poses.csv")]
    assert codes == [("butane", "no_common_core"), ("hangs", "time_limit"), ("hexane", "no_common_core")]
    assert "The work on hangs was ended after 3 s." in done.stderr


def test_poses_are_checked_on_request(binding_, examples, series):
    series.write_text("smiles,id\nNc1nc(N)c2c(Sc3ccccc3)cccc2n1,phenyl\nCCCC,butane\n")
    done = run(binding_, examples, "-l", series, "-o", "poses.sdf", "--workers", 0, "--checks", "fast")
    assert done.exit_code == 3, done.output
    phenyl, butane = table("poses.csv")
    assert list(phenyl)[len(COLUMNS) :][:2] == ["plausible", "failed_checks"]
    assert (phenyl["plausible"], phenyl["failed_checks"], phenyl["check_bond_lengths"]) == ("yes", "", "yes")
    assert (butane["plausible"], butane["check_bond_lengths"]) == ("", "")
    assert next(iter(Chem.SDMolSupplier("poses.sdf"))).GetProp("place_plausible") == "yes"
    strict = "thresholds.yaml"
    limits = dict(read_thresholds()) | {"protein_distance": 2.0}
    open(strict, "w").write(yaml.safe_dump(limits))
    more = ("--checks", "fast", "--check-thresholds", strict)
    done = run(binding_, examples, "-l", series, "-o", "strict.sdf", "--workers", 0, *more)
    assert table("strict.csv")[0]["failed_checks"].startswith("minimum_distance_to_protein; ")


def test_reference_named_in_the_complex_file(binding_, examples, series):
    series.write_text("smiles\nCC(=O)Nc1ccc(O)cc1\n")
    complex_file = examples / "6wqa_complex.cif.gz"
    done = binding_("place", "-p", complex_file, "--reference", "A:ZMA:1202", "-l", series, "-o", "p.sdf")
    assert done.exit_code in (0, 4), done.output
    assert table("p.csv")[0]["id"] == "series_1"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("-o", "poses.csv", "does not end in .sdf"),
        ("-o", "missing/poses.sdf", "cannot be written"),
        ("-l", "missing.smi", "There is no file"),
        ("--reference", "missing.sdf", "There is no file"),
        ("-p", "missing.pdb", "There is no file"),
    ],
)
def test_a_wrong_command_ends_before_anything_is_placed(binding_, examples, series, option, value, said):
    options = {
        "-p": examples / "1ia1_protein.pdb.gz",
        "--reference": examples / "1ia1_ligand.sdf",
        "-l": series,
        "-o": "poses.sdf",
    } | {option: value}
    done = binding_("place", *[item for pair in options.items() for item in pair])
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert not list(series.parent.glob("poses.*"))


def test_reference_of_another_protein_touches_nothing(binding_, examples, series):
    done = run(binding_, examples, "-l", series, "-o", "poses.sdf", reference="1s2g_ligand.sdf")
    assert done.exit_code == 2
    assert "frame of reference" in done.stderr


def test_none_placed(binding_, examples, series):
    series.write_text("smiles,id\nCCCC,butane\n")
    assert run(binding_, examples, "-l", series, "-o", "poses.sdf", "--quiet").exit_code == 4


def test_from_python(examples):
    rows = binding.place(
        examples / "1ia1_protein.pdb.gz",
        examples / "1ia1_ligand.sdf",
        ["Nc1nc(N)c2c(Sc3ccccc3)cccc2n1", "CCCC"],
    )
    assert rows["status"].tolist() == ["ok", "failed"]
    assert rows["mol"][0].GetNumConformers() == 1
    assert rows["mol"][0].GetProp("_Name") == "compound_1"
    assert rows["mol"][1] is None
    assert np.isnan(rows["score"][1])
    assert rows["clashes"].isna().tolist() == [False, True]


def test_a_table_beside_the_poses_never_replaces_the_series(binding_, examples, series):
    result = run(binding_, examples, "-l", series, "-o", "series.sdf", "--workers", 0)
    assert result.exit_code == 3, result.output
    assert "all rows in series.placed.csv" in result.stderr
    assert len(table("series.placed.csv")) == 5
    assert series.read_text() == SERIES


def test_poses_that_cannot_be_opened_are_told_before_any_work(binding_, examples, series, monkeypatch):
    """As on a file system that is mounted read-only, which the permissions do not tell."""
    monkeypatch.setattr(
        "binding.files.partial_path", lambda path, shared=False: path.parent / "no_such_folder" / path.name
    )
    done = run(binding_, examples, "-l", series, "-o", "poses.sdf", "--workers", 0)
    assert done.exit_code == 2, done.output
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr

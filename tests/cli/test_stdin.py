"""Ligands from standard input, and compounds on the command line."""

from __future__ import annotations

import csv

import pytest
from rdkit import Chem
from typer.testing import CliRunner

from binding.cli.main import app
from binding.cli.stdin import ending_of


def run(*words, sent=None):
    return CliRunner().invoke(app, list(map(str, words)), input=sent, prog_name="binding")


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("\n  x\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n$$$$\n", ".sdf"),
        ("@<TRIPOS>MOLECULE\n", ".mol2"),
        ("MODEL 1\nATOM      1  C\n", ".pdbqt"),
        ("id,SMILES\na,CCO\n", ".csv"),
        ("CCO ethanol\n", ".smi"),
    ],
)
def test_the_content_tells_what_it_is(text, ending):
    assert ending_of(text) == ending


def test_predict_reads_poses_from_a_pipe(examples, tmp_path):
    text = (examples / "1s2g_ligand.sdf").read_text()
    done = run("predict", "-p", examples / "1s2g_protein.pdb.gz", "-l", "-", "--print", "csv", sent=text)
    assert done.exit_code == 0, done.stderr
    (row,) = csv.DictReader(done.stdout.splitlines())
    assert row["id"] == "stdin"
    assert row["status"] == "ok"
    done = run("predict", "-p", examples / "1s2g_protein.pdb.gz", "-l", "-", sent="")
    assert (done.exit_code, "Standard input is empty" in done.stderr) == (2, True)


def test_predict_says_how_smiles_get_a_pose(examples, tmp_path):
    (tmp_path / "series.csv").write_text("smiles,id\nCCO,a\n")
    done = run("predict", "-p", examples / "1s2g_protein.pdb.gz", "-l", tmp_path / "series.csv")
    assert done.exit_code == 2
    assert "binding place" in done.stderr
    assert "binding screen --place-on" in done.stderr


def test_place_takes_compounds_from_the_command_line_and_a_table_beside_its_poses(examples, tmp_path):
    files = ("-p", examples / "1ia1_protein.pdb.gz", "--reference", examples / "1ia1_ligand.sdf")
    asked = ("--smiles", "Nc1nc(N)c2c(SC)cccc2n1 methyl", "--smiles", "Nc1nc(N)c2c(SCC)cccc2n1")
    done = run("place", *files, *asked, "-o", tmp_path / "a.sdf")
    assert done.exit_code == 0, done.stderr
    assert [mol.GetProp("_Name") for mol in Chem.SDMolSupplier(str(tmp_path / "a.sdf"))] == ["methyl", "compound_2"]
    series = "smiles,id\nNc1nc(N)c2c(SC)cccc2n1,methyl\n"
    (tmp_path / "series.csv").write_text(series)
    done = run("place", *files, "-l", tmp_path / "series.csv", "-o", tmp_path / "series.sdf")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "series.csv").read_text() == series
    assert "methyl" in (tmp_path / "series.placed.csv").read_text()
    done = run("place", *files, "-o", tmp_path / "b.sdf")
    assert (done.exit_code, "--smiles" in done.stderr) == (2, True)


def test_a_screen_does_not_read_a_pipe(examples, tmp_path):
    done = run("screen", "-p", examples / "1s2g_protein.pdb.gz", "-l", "-", "-o", tmp_path / "run", sent="CCO\n")
    assert (done.exit_code, "Save it to a file" in done.stderr) == (2, True)


def test_a_wide_table_has_every_column_and_no_end(examples):
    files = ("-p", examples / "1s2g_protein.pdb.gz", "-l", examples / "1s2g_ligand.sdf")
    done = run("predict", *files, "--print", "wide")
    assert "nearest_protein" in done.stdout
    assert "pk_high" in done.stdout
    assert max(map(len, done.stdout.splitlines())) > 160


def test_the_shell_completes():
    done = run("--show-completion", "bash")
    assert "complete" in done.stdout.lower()

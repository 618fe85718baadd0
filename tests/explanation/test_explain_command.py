"""``binding explain``: ways in, the table, the folder, exit codes."""

from __future__ import annotations

import csv
import errno
import gzip
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from networks import EXAMPLES, example_complex
from rdkit import Chem
from transforms import v2000_record, write_pdb
from typer.testing import CliRunner

from binding.cli.main import app
from binding.explanation.rows import ATOM_COLUMNS, PAIR_COLUMNS, PART_COLUMNS, RESIDUE_COLUMNS
from binding.reports.explanation_folder import FILES, ExplanationFolder

BROKEN = "broken\n  made by the tests\n\n  2  1  0  0  0  0  0  0  0  0999 V2000\nnot an atom\nM  END\n$$$$\n"


@pytest.fixture
def explain(random_weights, tmp_path, monkeypatch):
    """Runs the verb in an empty folder with random weights."""
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(
        app, ["explain", *map(str, args), "--model", str(random_weights), "--device", "cpu"], prog_name="binding"
    )


@pytest.fixture(scope="module")
def protein(tmp_path_factory) -> Path:
    """The receptor of 1ia1, near its ligand."""
    return write_pdb(tmp_path_factory.mktemp("protein") / "dhfr.pdb", example_complex("1ia1", cutoff=13.0).pocket)


@pytest.fixture(scope="module")
def library(protein) -> Path:
    """A good record, a broken one, one that is far away, and the good one again."""
    ligand = example_complex("1ia1").ligand
    far = Chem.Mol(ligand.mol)
    far.GetConformer().SetPositions(ligand.positions + 80.0)
    far.SetProp("_Name", "far")
    path = protein.parent / "library.sdf"
    path.write_text(v2000_record(ligand) + BROKEN + Chem.MolToMolBlock(far) + "$$$$\n" + v2000_record(ligand))
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_one_complex_is_shown_with_its_residues_and_atoms(explain, protein):
    result = explain(protein, EXAMPLES / "1ia1_ligand.sdf", "--top", 3)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("1ia1_ligand: pK ")
    assert "above zero binds tighter" in result.stdout
    assert "prior:" not in result.stdout, "these weights have none"
    assert "3 of 19 ligand atoms" in result.stdout
    assert result.stdout.count("B:") == 3, "the strongest residues"
    assert "1 of 1 scored" in result.stderr


def test_all_that_can_be_asked_for_is_shown_and_written(explain, protein):
    asked = ("--attention", "--gradients", "--occlusion")
    result = explain(protein, EXAMPLES / "1ia1_ligand.sdf", "--top", 2, "-o", "why", *asked)
    assert result.exit_code == 0, result.stderr
    for said in ("attention", "gradient", "deleted", "piece of the ligand", "Deleting residues one at a time"):
        assert said in result.stdout
    for row in rows_of(Path("why/pairs.csv")):
        assert all(row.values())
    (page,) = (row for row in rows_of(Path("why/residues.csv")) if row["residue"] == "PHE" and row["number"] == "36")
    assert all(page[name] for name in ("attention", "pk_gradient", "pk_occlusion"))


def test_gradients_without_captum_name_the_extra(explain, protein, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    result = explain(protein, EXAMPLES / "1ia1_ligand.sdf", "--gradients", "-o", "why")
    assert result.exit_code == 2
    assert "captum, which is not installed" in result.stderr
    assert "pip install 'binding[explain]'" in result.stderr


@pytest.mark.parametrize("top", [0, 2])
def test_the_tables_of_a_single_complex_are_as_long_as_asked_for(explain, protein, top):
    result = explain("-p", protein, "-l", EXAMPLES / "1ia1_ligand.sdf", "--top", top, "-q")
    assert result.stdout.count("B:") == top
    assert result.stderr == ""


def test_a_ligand_inside_a_complex_is_named_as_for_predict(explain):
    result = explain(EXAMPLES / "4cup_complex.cif.gz", "A:ZYB:2971", "-q")
    assert result.exit_code == 0, result.stderr
    assert "4cup_complex_A_ZYB_2971" in result.stdout


def test_every_record_has_a_row_and_only_scored_ones_have_more(explain, protein, library):
    result = explain(protein, library, "-o", "why")
    assert result.exit_code == 3, result.stderr
    assert sorted(path.name for path in Path("why").iterdir()) == sorted(FILES)
    parts = rows_of(Path("why/parts.csv"))
    assert [row["id"] for row in parts] == [f"library:{number}" for number in range(1, 5)]
    assert [row["error_code"] for row in parts] == ["", "bad_record", "no_contact", ""]
    assert [row["status"] for row in parts] == ["ok", "failed", "failed", "ok"]
    assert tuple(parts[0]) == PART_COLUMNS
    tables = {"residues.csv": RESIDUE_COLUMNS, "atoms.csv": ATOM_COLUMNS, "pairs.csv": PAIR_COLUMNS}
    for name, columns in tables.items():
        rows = rows_of(Path("why") / name)
        assert tuple(rows[0]) == columns
        assert {row["id"] for row in rows} == {"library:1", "library:4"}
    assert "[no_contact]" in result.stderr
    assert "library:1" in result.stdout
    assert "library:4" in result.stdout


def test_the_ligands_carry_a_number_for_each_atom(explain, protein, library):
    explain(protein, library, "-o", "why", "-q")
    mols = [*Chem.SDMolSupplier("why/ligands.sdf")]
    atoms = pd.read_csv("why/atoms.csv")
    assert [mol.GetProp("binding_id") for mol in mols] == ["library:1", "library:4"]
    for mol in mols:
        shares = [float(word) for word in mol.GetProp("pk_contributions").split()]
        own = atoms[atoms["id"] == mol.GetProp("binding_id")]
        assert [atom.GetSymbol() for atom in mol.GetAtoms()] == own["element"].tolist()
        assert shares == own["pk"].tolist()
        assert mol.GetConformer().GetPositions() == pytest.approx(own[["x", "y", "z"]].to_numpy(), abs=1e-3)


def test_a_ligand_far_away_leaves_empty_tables(explain, protein, library, tmp_path):
    far = tmp_path / "far.sdf"
    far.write_text(library.read_text().split("$$$$\n")[2] + "$$$$\n")
    result = explain(protein, far, "-o", "why")
    assert result.exit_code == 4
    assert [row["error_code"] for row in rows_of(Path("why/parts.csv"))] == ["no_contact"]
    assert rows_of(Path("why/residues.csv")) == rows_of(Path("why/atoms.csv")) == []
    assert Path("why/ligands.sdf").read_text() == ""
    assert "no_contact" in Path("why/report.html").read_text(encoding="utf-8")


def test_the_pocket_is_chosen_as_for_predict(explain, protein):
    few = ("--pocket-residues", "B:PHE:36,B:ILE:112")
    result = explain(protein, EXAMPLES / "1ia1_ligand.sdf", *few, "-o", "why", "-q")
    assert result.exit_code == 0, result.stderr
    assert {row["number"] for row in rows_of(Path("why/residues.csv"))} == {"36", "112"}
    assert "small pocket" in rows_of(Path("why/parts.csv"))[0]["warnings"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "nothing to explain"),
        (("missing.pdb", "ligand.sdf"), "no file"),
        ((EXAMPLES / "1s2g_protein.pdb.gz", "missing.sdf"), "no ligand file"),
        ((EXAMPLES / "1s2g_protein.pdb.gz", EXAMPLES / "1s2g_ligand.sdf", "--pocket-residues", ""), "empty"),
    ],
)
def test_what_cannot_be_begun_exits_2_and_writes_nothing(explain, args, message):
    result = explain(*args, "-o", "why")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not Path("why").exists()


def test_an_input_is_not_written_over(explain, protein, tmp_path):
    own = tmp_path / "why"
    own.mkdir()
    ligands = own / "ligands.sdf"
    ligands.write_bytes((EXAMPLES / "1ia1_ligand.sdf").read_bytes())
    before = ligands.read_bytes()
    result = explain(protein, ligands, "-o", own)
    assert result.exit_code == 2
    assert "also an input" in result.stderr
    assert ligands.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_told(explain, protein, tmp_path):
    (tmp_path / "taken").write_text("a file")
    result = explain(protein, EXAMPLES / "1ia1_ligand.sdf", "-o", "taken")
    assert result.exit_code == 2
    assert "cannot be made" in result.stderr
    assert (tmp_path / "taken").read_text() == "a file"


def test_an_interrupted_run_leaves_an_earlier_one_as_it_was(tmp_path):
    for name in FILES:
        (tmp_path / name).write_text("earlier")

    def interrupted() -> None:
        with ExplanationFolder(tmp_path):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(FILES, "earlier")


def test_a_full_disk_is_told_and_leaves_what_was_there(explain, protein, monkeypatch):
    def full(_) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = explain(protein, EXAMPLES / "1ia1_ligand.sdf", "-o", "pages", "--workers", 0, "-q")
    assert result.exit_code == 2, result.output
    assert "the disk is full" in result.stderr
    assert "Free some space" in result.stderr
    assert not any(Path("pages", name).exists() for name in FILES)


def test_a_table_of_pairs_with_worker_processes_gives_the_same_rows(explain, tmp_path):
    """Processes send pockets by pickling; names of residues have to come with them."""
    table = tmp_path / "pairs.csv"
    table.write_text(
        "id,protein,ligand\n"
        f"a,{EXAMPLES}/1s2g_protein.pdb.gz,{EXAMPLES}/1s2g_ligand.sdf\n"
        f"b,{EXAMPLES}/4cup_complex.cif.gz,A:ZYB:2971\n"
    )
    assert explain(table, "-o", "here", "--workers", 0, "-q").exit_code == 0
    assert explain(table, "-o", "there", "--workers", 1, "-q").exit_code == 0
    for name in ("parts.csv", "residues.csv", "atoms.csv"):
        assert Path("here", name).read_text() == Path("there", name).read_text()


def test_altlocs_and_a_compressed_file_are_read_as_for_predict(explain, protein, tmp_path):
    """The side chain of Phe 36 in two places: the first is kept, and the same shares come out."""
    lines = protein.read_text().splitlines()
    doubled = []
    for line in lines:
        if line[17:26] == "PHE B  36" and line[12:16].strip() not in ("N", "CA", "C", "O"):
            other = f"{line[:16]}B{line[17:30]}{float(line[30:38]) + 1:8.3f}{line[38:54]}  0.40{line[60:]}"
            doubled += [f"{line[:16]}A{line[17:54]}  0.60{line[60:]}", other]
        else:
            doubled.append(line)
    assert len(doubled) > len(lines)
    path = tmp_path / "altlocs.pdb.gz"
    path.write_bytes(gzip.compress("\n".join([*doubled, ""]).encode()))
    ligand = EXAMPLES / "1ia1_ligand.sdf"
    assert explain(protein, ligand, "-o", "one", "-q").exit_code == 0
    assert explain(path, ligand, "-o", "two", "-q").exit_code == 0
    one, two = (pd.read_csv(f"{name}/residues.csv") for name in ("one", "two"))
    assert np.abs(one["pk"] - two["pk"]).max() < 1e-6

"""`binding predict`: every way in, every way out, every exit code."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from binding.io.results import COLUMNS
from binding.io.structure import read_protein


def rows_of(result):
    return list(csv.DictReader(io.StringIO(result.stdout)))


def in_order(text, *parts):
    places = [text.index(part) for part in parts]
    return places == sorted(places)


# ---------------------------------------------------------------- ways in


@pytest.mark.parametrize("name", ["series.csv", "series.smi"])
def test_smiles_name_the_commands_that_make_poses(binding_, made, tmp_path, name):
    (tmp_path / name).write_text("smiles,id\nCCO,ethanol\n" if name.endswith("csv") else "CCO ethanol\n")
    result = binding_("predict", "-p", made.protein, "-l", tmp_path / name)
    assert result.exit_code == 2
    assert "`binding place`, `binding screen --place-on` or `binding screen --dock`" in result.stderr


def test_one_protein_and_one_ligand_give_one_row_with_every_column(binding_, made):
    result = binding_("predict", "-p", made.protein, "-l", made.ligands["aspirin"])
    assert result.exit_code == 0, result.stderr
    (row,) = rows_of(result)
    assert tuple(row) == COLUMNS
    assert (row["id"], row["protein"], row["ligand"]) == ("aspirin", "peptide.pdb", "aspirin")
    assert (row["pk"], row["heavy_atoms"], row["status"], row["model"]) == ("3.2500", "13", "ok", "fake")
    assert float(row["dg_kcal_mol"]) == pytest.approx(-3.25 * 1.36423, abs=1e-3)
    assert float(row["ligand_efficiency"]) == pytest.approx(3.25 * 1.36423 / 13, abs=1e-3)
    assert "1 of 1 scored" in result.stderr


def test_the_docking_crowds_names_work(binding_, made):
    result = binding_("predict", "-r", made.protein, "-l", made.library, "--autobox_ligand", made.ligands["aspirin"])
    assert result.exit_code == 0, result.stderr
    assert [row["id"] for row in rows_of(result)] == ["library:1", "library:2", "library:3"]
    assert [row["ligand"] for row in rows_of(result)] == ["aspirin", "paracetamol", "caffeine"]


def test_ligands_may_be_repeated_and_keep_their_order(binding_, made):
    names = ["caffeine", "aspirin", "caffeine"]
    args = [part for name in names for part in ("-l", made.ligands[name])]
    result = binding_("predict", "-p", made.protein, *args)
    assert [row["id"] for row in rows_of(result)] == ["caffeine", "aspirin", "caffeine~2"]


def test_a_positional_structure_with_a_ligand_file_is_the_protein(binding_, made):
    result = binding_("predict", made.protein, "-l", made.ligands["aspirin"])
    assert result.exit_code == 0
    assert rows_of(result)[0]["id"] == "aspirin"


@pytest.fixture
def complex_file(made, tmp_path):
    mol = Chem.Mol(made.mols["aspirin"])
    for number, atom in enumerate(mol.GetAtoms(), start=1):
        info = Chem.AtomPDBResidueInfo(f" {atom.GetSymbol()}{number:<2d}"[:4], residueName="AIN", residueNumber=301)
        info.SetIsHeteroAtom(True)
        info.SetChainId("B")
        atom.SetMonomerInfo(info)
    lines = [line for line in made.protein.read_text().splitlines() if line.startswith("ATOM")]
    lines += [line for line in Chem.MolToPDBBlock(mol).splitlines() if line.startswith("HETATM")]
    path = tmp_path / "complex.pdb"
    path.write_text("\n".join([*lines, "END", ""]))
    return path


@pytest.mark.parametrize("choice", [[], ["--ligand", "auto"], ["-l", "B:AIN:301"], ["-l", "AIN"]])
def test_a_ligand_inside_a_complex_file(binding_, complex_file, choice):
    result = binding_("predict", complex_file, *choice, "--template", "CC(=O)Oc1ccccc1C(=O)O")
    assert result.exit_code == 0, result.output
    (row,) = rows_of(result)
    assert row["heavy_atoms"] == "13"
    assert row["id"].startswith("complex")


def test_a_ligand_that_is_not_in_the_complex_is_a_failed_row(binding_, complex_file):
    result = binding_("predict", complex_file, "-l", "B:XYZ:9")
    assert result.exit_code == 4
    assert rows_of(result)[0]["error_code"] == "ligand_not_found"


def test_a_table_of_pairs_keeps_ids_order_and_pockets(binding_, made, tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text(
        "id,protein,ligand,pocket\n"
        f"second,{made.protein},{made.ligands['caffeine']},8\n"
        f"first,{made.protein},{made.ligands['aspirin']},\n"
        f'far,{made.protein},{made.ligands["aspirin"]},"900, 900, 900, 5"\n'
        f"odd,{made.protein},{made.ligands['aspirin']},nonsense\n"
    )
    result = binding_("predict", table)
    assert result.exit_code == 3
    rows = rows_of(result)
    assert [row["id"] for row in rows] == ["second", "first", "far", "odd"]
    assert [row["error_code"] for row in rows] == ["", "", "no_contact", "usage"]


def test_a_folder_in_pdbbind_layout(binding_, made, tmp_path):
    for name in ("1abc", "2xyz"):
        folder = tmp_path / "set" / name
        folder.mkdir(parents=True)
        (folder / f"{name}_protein.pdb").write_bytes(made.protein.read_bytes())
        (folder / f"{name}_ligand.sdf").write_bytes(made.ligands["aspirin"].read_bytes())
    result = binding_("predict", tmp_path / "set")
    assert result.exit_code == 0
    assert [row["id"] for row in rows_of(result)] == ["1abc", "2xyz"]


def test_a_ligand_cannot_be_chosen_in_a_table(binding_, made, tmp_path):
    (tmp_path / "pairs.csv").write_text(f"id,protein,ligand\na,{made.protein},{made.ligands['aspirin']}\n")
    result = binding_("predict", "pairs.csv", "-l", "A:LIG:301")
    assert result.exit_code == 2
    assert "column ligand" in result.stderr


def test_what_reading_the_protein_decided_is_told_once(binding_, made, tmp_path):
    water = "HETATM 9001  O   HOH A 901      90.000  90.000  90.000  1.00  0.00           O  \n"
    path = tmp_path / "wet.pdb"
    path.write_text(water + made.protein.read_text())
    result = binding_("predict", "-p", path, "-l", made.library)
    assert result.exit_code == 0
    assert result.stderr.count("note: wet.pdb: left out 1 water") == 1
    assert "note:" not in binding_("predict", "-p", path, "-l", made.library, "--quiet").stderr


# ---------------------------------------------------------------- pockets


def test_pocket_options_choose_the_residues(binding_, made, scorer, monkeypatch):
    seen = []
    score = scorer.score
    monkeypatch.setattr(
        scorer, "score", lambda graphs: (seen.extend(g.pocket.num_residues for g in graphs), score(graphs))[1]
    )
    base = ("predict", "-p", made.protein, "-l", made.ligands["aspirin"])
    x, y, z = made.mols["aspirin"].GetConformer().GetPositions().mean(axis=0)
    residues = read_protein(made.protein).residue_ids
    assert binding_(*base, "--pocket-cutoff", "5").exit_code == 0
    assert binding_(*base, "--pocket-cutoff", "30").exit_code == 0
    assert binding_(*base, "--center", x, y, z, "--radius", "60").exit_code == 0
    assert binding_(*base, "--pocket-residues", ",".join(residues)).exit_code == 0
    assert seen[0] < seen[1] == seen[2] == seen[3] == len(residues)


@pytest.mark.parametrize(
    "options",
    [
        ["--center", "1", "2", "3"],
        ["--radius", "5"],
        ["--pocket-cutoff", "-1"],
        ["--pocket-cutoff", "5", "--center", "1", "2", "3", "--radius", "4"],
        ["--pocket-residues", " , "],
        ["--template", "this is no smiles"],
        ["-o", "out.xyz"],
        ["-o", "no/such/folder/out.csv"],
        ["--batch-size", "0"],
        ["--print", "poem"],
    ],
)
def test_options_that_make_no_sense_exit_2_before_anything_is_scored(binding_, made, scorer, options):
    result = binding_("predict", "-p", made.protein, "-l", made.ligands["aspirin"], *options)
    assert result.exit_code == 2, result.output
    assert "rror" in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert scorer.batches == []


# ---------------------------------------------------------------- ways out


def test_csv_jsonl_and_parquet_agree(binding_, made, tmp_path):
    frames = {}
    for ending in ("csv", "jsonl", "parquet"):
        path = tmp_path / f"out.{ending}"
        result = binding_("predict", "-p", made.protein, "-l", made.library, "-o", path)
        assert result.exit_code == 0, result.stderr
        assert f"written to {path}" in result.stderr
    frames["csv"] = pd.read_csv(tmp_path / "out.csv")
    frames["jsonl"] = pd.read_json(tmp_path / "out.jsonl", lines=True)
    frames["parquet"] = pd.read_parquet(tmp_path / "out.parquet")
    for frame in frames.values():
        assert tuple(frame.columns) == COLUMNS
        assert frame["id"].tolist() == ["library:1", "library:2", "library:3"]
        np.testing.assert_allclose(frame["pk"], [3.25, 2.75, 3.5], atol=1e-4)


def test_sdf_output_carries_the_scores_and_the_coordinates(binding_, made, tmp_path):
    path = tmp_path / "out.sdf"
    assert binding_("predict", "-p", made.protein, "-l", made.library, "-o", path).exit_code == 0
    written = list(Chem.SDMolSupplier(str(path)))
    assert [float(mol.GetProp("binding_pk")) for mol in written] == [3.25, 2.75, 3.5]
    for mol, name in zip(written, made.mols, strict=True):
        before = made.mols[name].GetConformer().GetPositions()
        np.testing.assert_allclose(mol.GetConformer().GetPositions(), before, atol=2e-4)


@pytest.mark.parametrize("name", ["library.sdf", "link to the library.sdf", "pairs.csv"])
def test_an_output_that_is_an_input_is_refused_and_left_as_it_was(binding_, made, tmp_path, scorer, name):
    library = tmp_path / "library.sdf"
    library.write_bytes(made.library.read_bytes())
    (tmp_path / "link to the library.sdf").symlink_to(library)
    (tmp_path / "pairs.csv").write_text(f"id,protein,ligand\na,{made.protein},library.sdf\n")
    before = (tmp_path / name).read_bytes()
    asked = ("pairs.csv",) if name == "pairs.csv" else ("-p", made.protein, "-l", "library.sdf")
    result = binding_("predict", *asked, "-o", name)
    assert result.exit_code == 2
    assert "is also an input" in result.stderr
    assert (tmp_path / name).read_bytes() == before
    assert not scorer.batches


def test_a_dash_is_csv_on_stdout_and_the_table_names_its_units(binding_, made):
    base = ("predict", "-p", made.protein, "-l", made.ligands["aspirin"])
    assert len(rows_of(binding_(*base, "-o", "-"))) == 1
    table = binding_(*base, "--print", "table").stdout
    for word in ("-log10(K/M)", "higher = tighter", "kcal/mol", "aspirin", "3.25"):
        assert word in table
    assert binding_(*base, "--print", "none").stdout == ""


def test_a_long_table_is_cut_when_the_rows_are_in_a_file(binding_, made, tmp_path):
    library = tmp_path / "many.sdf"
    library.write_text(made.library.read_text() * 20)
    result = binding_("predict", "-p", made.protein, "-l", library, "-o", "out.csv", "--print", "table")
    assert "20 more rows in out.csv" in result.stdout
    assert len(pd.read_csv("out.csv")) == 60
    assert "more rows" not in binding_("predict", "-p", made.protein, "-l", library, "--print", "table").stdout


# ---------------------------------------------------------------- exit codes and bad input


def test_nothing_to_score_is_a_usage_error_with_an_example(binding_, made):
    result = binding_("predict")
    assert result.exit_code == 2
    assert in_order(result.stderr, "error: ", "hint: Try: binding predict -p")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no file"),
        ("", "empty"),
        ("<!DOCTYPE html><html><body>404</body></html>", "HTML"),
        ("hello\n", "no atom"),
    ],
)
def test_a_protein_that_is_none_stops_the_run(binding_, made, tmp_path, content, said):
    path = tmp_path / "bad.pdb"
    if content is not None:
        path.write_text(content)
    result = binding_("predict", "-p", path, "-l", made.ligands["aspirin"])
    assert result.exit_code == 2
    assert in_order(result.stderr, "error: ", said, "hint: ")
    assert "Traceback" not in result.output


def test_a_protein_with_nan_coordinates_stops_the_run(binding_, made, tmp_path):
    lines = made.protein.read_text().splitlines()
    lines[3] = lines[3][:30] + "     nan" + lines[3][38:]
    path = tmp_path / "nan.pdb"
    path.write_text("\n".join(lines))
    result = binding_("predict", "-p", path, "-l", made.ligands["aspirin"])
    assert result.exit_code == 2
    assert "error: " in result.stderr


def test_a_missing_ligand_file_stops_the_run(binding_, made):
    result = binding_("predict", "-p", made.protein, "-l", "missing.sdf")
    assert result.exit_code == 2
    assert "missing.sdf" in result.stderr


@pytest.mark.parametrize("content", ["", "<html><body>not found</body></html>"])
def test_a_ligand_file_that_is_none_exits_2_alone_and_3_in_company(binding_, made, tmp_path, content):
    path = tmp_path / "bad.sdf"
    path.write_text(content)
    alone = binding_("predict", "-p", made.protein, "-l", path)
    assert alone.exit_code == 2
    assert "error: bad: [" in alone.stderr
    assert rows_of(alone)[0]["status"] == "failed"
    company = binding_("predict", "-p", made.protein, "-l", path, "-l", made.ligands["aspirin"])
    assert company.exit_code == 3
    assert [row["status"] for row in rows_of(company)] == ["failed", "ok"]


def bad_ligands(made):
    aspirin = made.mols["aspirin"]
    far = Chem.Mol(aspirin)
    far.GetConformer().SetPositions(aspirin.GetConformer().GetPositions() + 200.0)
    block = Chem.MolToMolBlock(aspirin).split("\n")
    atom = block[4]
    nan = "\n".join([*block[:4], "       nan" + atom[10:], *block[5:]])
    unknown = "\n".join([*block[:4], atom[:31] + "Qq " + atom[34:], *block[5:]])
    flat = Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)O")
    from rdkit.Chem import AllChem

    AllChem.Compute2DCoords(flat)
    huge = Chem.MolFromSmiles("C" * 500)
    conformer = Chem.Conformer(500)
    start = aspirin.GetConformer().GetPositions()[0]
    for number in range(500):
        conformer.SetAtomPosition(
            number, (start + np.array([1.2 * number, 0.8 * (number % 2), 0.1 * (number % 3)])).tolist()
        )
    conformer.Set3D(True)
    huge.AddConformer(conformer)
    return {
        "no_contact": Chem.MolToMolBlock(far),
        "nan_coordinates": nan,
        "unknown_element": unknown,
        "no_coordinates": Chem.MolToMolBlock(flat),
        "too_large": Chem.MolToMolBlock(huge),
        "bad_record": "broken\n\n\n this is no counts line\n",
    }


@pytest.mark.parametrize(
    "code", ["no_contact", "nan_coordinates", "unknown_element", "no_coordinates", "too_large", "bad_record"]
)
def test_a_bad_ligand_is_a_row_without_a_number_that_says_why(binding_, made, tmp_path, code):
    path = tmp_path / "bad.sdf"
    path.write_text(bad_ligands(made)[code] + "\n$$$$\n")
    result = binding_("predict", "-p", made.protein, "-l", path)
    assert result.exit_code == 4, result.output
    (row,) = rows_of(result)
    assert (row["status"], row["error_code"], row["pk"]) == ("failed", code, "")
    assert row["message"]
    assert "Traceback" not in result.output


def test_a_malformed_record_between_good_ones_costs_only_itself(binding_, made, tmp_path):
    good = made.ligands["aspirin"].read_text()
    path = tmp_path / "mixed.sdf"
    path.write_text(good + bad_ligands(made)["bad_record"] + "$$$$\n" + good)
    result = binding_("predict", "-p", made.protein, "-l", path, "-o", "out.jsonl")
    assert result.exit_code == 3
    with open("out.jsonl") as lines:
        rows = [json.loads(line) for line in lines]
    assert [(row["id"], row["status"]) for row in rows] == [("mixed:1", "ok"), ("mixed:2", "failed"), ("mixed:3", "ok")]


def test_a_ligand_that_overlaps_the_protein_is_scored_and_warned_about(binding_, made, tmp_path):
    aspirin = Chem.Mol(made.mols["aspirin"])
    positions = aspirin.GetConformer().GetPositions()
    aspirin.GetConformer().SetPositions(positions - positions[0] + read_protein(made.protein).positions[20] + 0.3)
    path = tmp_path / "inside.sdf"
    path.write_text(Chem.MolToMolBlock(aspirin) + "$$$$\n")
    result = binding_("predict", "-p", made.protein, "-l", path)
    assert result.exit_code == 0
    assert rows_of(result)[0]["warnings"] != ""
    assert "1 with warnings" in result.stderr
    assert "warning: inside:" in result.stderr


@pytest.mark.parametrize(
    "text", ["id,protein\na,b\n", "id;protein;ligand\n", "id,protein,ligand\na,p.pdb,l.sdf\na,p.pdb,l.sdf\n", ""]
)
def test_a_table_that_is_none_exits_2(binding_, made, tmp_path, text):
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    result = binding_("predict", path)
    assert result.exit_code == 2
    assert in_order(result.stderr, "error: ", "hint: ")


def test_missing_files_in_a_table_are_failed_rows(binding_, made, tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text(f"id,protein,ligand\na,nowhere.pdb,{made.ligands['aspirin']}\nb,{made.protein},nowhere.sdf\n")
    result = binding_("predict", path)
    assert result.exit_code == 4
    assert [row["error_code"] for row in rows_of(result)] == ["file_not_found", "file_not_found"]


def test_a_broken_protein_in_a_table_fails_its_rows(binding_, made, tmp_path):
    (tmp_path / "page.pdb").write_text("<!DOCTYPE html><html></html>")
    path = tmp_path / "pairs.csv"
    path.write_text(f"id,protein,ligand\na,page.pdb,{made.library}\nb,page.pdb,{made.ligands['aspirin']}\n")
    result = binding_("predict", path)
    assert result.exit_code == 4
    rows = rows_of(result)
    assert [row["id"] for row in rows] == ["a:1", "a:2", "a:3", "b"]
    assert {row["error_code"] for row in rows} == {"wrong_format"}
    assert [row["ligand"] for row in rows] == [*made.mols, "aspirin"]


def test_ctrl_c_keeps_the_finished_rows_and_exits_130(binding_, made, tmp_path, scorer, monkeypatch):
    library = tmp_path / "many.sdf"
    library.write_text(made.library.read_text() * 4)
    score, calls = scorer.score, []

    def interrupted_later(graphs):
        calls.append(1)
        if len(calls) > 8:
            raise KeyboardInterrupt
        return score(graphs)

    monkeypatch.setattr(scorer, "score", interrupted_later)
    result = binding_(
        "predict", "-p", made.protein, "-l", library, "-o", "out.csv", "--batch-size", "1", "--workers", "0"
    )
    assert result.exit_code == 130
    assert "8 rows were finished and are in out.csv.partial" in result.stderr
    assert len(pd.read_csv("out.csv.partial")) == 8
    assert not (tmp_path / "out.csv").exists()


def test_a_pipe_or_a_device_is_no_ligand_and_holds_up_nothing(binding_, made, tmp_path):
    os.mkfifo(tmp_path / "fifo.pdb")
    for name in ("fifo.pdb", "/dev/null", "/dev/zero"):
        result = binding_("predict", "-p", made.protein, "-l", name, "--workers", "0")
        assert result.exit_code == 2
        assert f"The ligand {name} is a pipe or a device" in result.stderr
    result = binding_("predict", "-p", "fifo.pdb", "-l", made.library, "--workers", "0")
    assert result.exit_code == 2
    assert "fifo.pdb is empty" in result.stderr


def killed_at(moment, score_rows):
    """``score_rows``, whose process is killed before the row of this place."""

    def cut(*args, **kwargs):
        for place, row in enumerate(score_rows(*args, **kwargs)):
            if place == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            yield row

    return cut


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jsonl"])
def test_a_kill_leaves_what_was_there_and_can_be_repeated(binding_, made, tmp_path, name):
    """After ``kill -9`` the table of the run before stands as it was, and the same command gives the whole table."""
    library = tmp_path / "many.sdf"
    library.write_text(made.library.read_text() * 4)
    command = [
        "predict",
        "-p",
        str(made.protein),
        "-l",
        str(library),
        "-o",
        name,
        "--batch-size",
        "1",
        "--workers",
        "0",
    ]
    assert binding_(*command).exit_code == 0
    whole = (tmp_path / name).read_bytes()
    for moment in (1, 7):
        child = os.fork()
        if not child:
            from binding import api

            api.predict_rows = killed_at(moment, api.predict_rows)
            binding_(*command)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        assert (tmp_path / name).read_bytes() == whole
    assert binding_(*command).exit_code == 0
    assert (tmp_path / name).read_bytes() == whole
    assert not list(tmp_path.glob("*.partial*"))


def test_a_defect_of_ours_exits_1_with_one_line_and_a_log(binding_, made, tmp_path, monkeypatch):
    from binding import api

    def broken(*args, **kwargs):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(api, "predict_rows", broken)
    result = binding_("predict", "-p", made.protein, "-l", made.ligands["aspirin"])
    assert result.exit_code == 1
    assert "ZeroDivisionError: a defect" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in (tmp_path / "error.log").read_text()
    shown = binding_("predict", "-p", made.protein, "-l", made.ligands["aspirin"], "--debug")
    assert shown.exit_code == 1
    assert "Traceback" in shown.stderr


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_real_ctrl_c_ends_the_program_and_its_workers(made, tmp_path, workers):
    """The signal goes to the whole process group, as a terminal sends it."""
    library = tmp_path / "many.sdf"
    library.write_text(made.library.read_text() * 100)
    program = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from conftest import FakeScorer
from binding.model import weights as checkpoint
from binding.cli.main import main
class Slow(FakeScorer):
    def score(self, graphs):
        time.sleep(0.05)
        return super().score(graphs)
checkpoint.load_model = lambda *args, **kwargs: Slow()
sys.argv = ["binding", "predict", "-p", {str(made.protein)!r}, "-l", "many.sdf", "-o", "out.csv",
            "--batch-size", "1", "--workers", {workers!r}]
main()
"""
    child = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, start_new_session=True)
    partial = tmp_path / "out.csv.partial"
    deadline = time.monotonic() + 60
    while not (partial.exists() and len(partial.read_text().splitlines()) > 4) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    _, stderr = child.communicate(timeout=30)
    assert child.returncode == 130, stderr
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    assert 4 <= len(pd.read_csv(partial)) < 300
    with pytest.raises(ProcessLookupError):  # nobody of the group is left
        os.killpg(child.pid, 0)


def test_a_narrow_terminal_gets_fewer_columns(binding_, made, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    table = binding_("predict", "-p", made.protein, "-l", made.library, "--print", "table").stdout
    assert max(len(line) for line in table.splitlines()) <= 80
    assert "library:3" in table
    assert "pK = -log10(K / M)" in table
    assert "kcal/mol/atom" not in table

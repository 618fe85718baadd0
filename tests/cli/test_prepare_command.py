"""`binding prepare` as a command: its three forms, its summary and its exit codes."""

import sys
from pathlib import Path

import numpy as np
import pytest

from binding.cli.progress import Lines

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "invariance"))

from complexes import write_library, write_many


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_many(tmp_path / "tree", 4)
    return tmp_path / "tree"


def test_all_well(binding_, tree):
    result = binding_("prepare", "tree", "-o", "out/x.npz", "--workers", 0)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == ["4 of 4 complexes in out/x.npz"]
    again = binding_("prepare", "tree", "-o", "out/x.npz", "--workers", 0)
    assert again.stderr.splitlines() == ["4 of 4 complexes in out/x.npz, 4 of them unchanged since an earlier run"]


def test_counts_and_reasons_are_told(binding_, tree):
    for name in ("c001", "c002"):
        (tree / name / f"{name}_ligand.sdf").unlink()
    (tree / "c003" / "c003_ligand.sdf").write_text("broken\n$$$$\n")
    result = binding_("prepare", "tree", "-o", "x.npz", "--workers", 0)
    assert result.exit_code == 3
    lines = result.stderr.splitlines()
    assert lines[:2] == ["1 of 4 complexes in x.npz", "3 rejected; each with its reason in x.rejected.csv"]
    assert lines[2].startswith("rejected: 2 x file_not_found, first c001: tree/c001 has no c001_ligand")
    assert lines[3].startswith("rejected: 1 x bad_record, first c003: ")
    quiet = binding_("prepare", "tree", "-o", "x.npz", "--workers", 1, "-q")
    assert (quiet.exit_code, quiet.output) == (3, "")


def test_nothing_left_exits_4(binding_, tree):
    for path in tree.glob("*/*_ligand.sdf"):
        path.unlink()
    result = binding_("prepare", "tree", "-o", "x.npz", "--workers", 0)
    assert result.exit_code == 4
    assert "None of 4 complexes can be used: 4 x file_not_found" in result.stderr
    assert not Path("x.npz").exists()


def test_one_protein_with_a_library(binding_, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_library(tmp_path, ["a", "b"])
    result = binding_("prepare", "-p", "receptor.pdb", "-l", "ligands.sdf", "--index", "index.csv", "-o", "x.npz")
    assert result.exit_code == 0, result.output
    assert "2 of 2 complexes" in result.stderr


def test_a_table_of_paths(binding_, tree):
    Path("set.csv").write_text(
        "id,protein,ligand,affinity\na,tree/c000/c000_protein.pdb,tree/c000/c000_ligand.sdf,Ki=12nM\n"
    )
    result = binding_("prepare", "set.csv", "-o", "x.npz")
    assert result.exit_code == 0, result.output
    assert "1 of 1 complexes" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "x.npz"), "nothing to prepare"),
        (("-p", "p.pdb", "-o", "x.npz"), "nothing to prepare"),
        (("tree", "-p", "p.pdb", "-o", "x.npz"), "exclude each other"),
        (("tree",), "Missing option"),
        (("tree", "-o", "x.npz", "--pocket-cutoff", "-1"), "positive length"),
        (("spaces.csv", "-o", "x.npz"), "no column 'id'"),
        (("tree", "--index", "unlabelled.csv", "-o", "x.npz"), "no column of affinities"),
    ],
)
def test_what_cannot_be_begun_exits_2(binding_, tree, arguments, said):
    Path("spaces.csv").write_text("id protein ligand pk\na p.pdb l.sdf 5\n")
    Path("unlabelled.csv").write_text("id,year\nc000,2001\n")
    result = binding_("prepare", *arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert not Path("x.npz").exists()


def test_a_full_disk_exits_2_and_the_same_command_goes_on(binding_, tree, monkeypatch):
    def full(stream, **arrays):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "savez_compressed", full)
        result = binding_("prepare", "tree", "-o", "x.npz", "--workers", 0)
    assert result.exit_code == 2
    assert "error: x.npz cannot be written: the disk is full." in result.stderr
    assert "give the same command again: it continues where it stopped" in result.stderr
    assert "4 of them unchanged" in binding_("prepare", "tree", "-o", "x.npz", "--workers", 0).stderr


def test_an_interrupt_says_that_the_same_command_goes_on(binding_, tree, monkeypatch):
    from binding.data import prepare

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare, "make_piece", interrupted)
    result = binding_("prepare", "tree", "-o", "x.npz", "--workers", 0)
    assert result.exit_code == 130
    assert "the same command resumes it" in result.stderr


def test_lines_of_progress_come_now_and_then(capsys, monkeypatch):
    clock = iter([0.0, 10.0, 40.0, 50.0, 100.0])
    monkeypatch.setattr("binding.cli.progress.time.monotonic", lambda: next(clock))
    lines = Lines("preparing", seconds=30.0)
    for done in (5, 80, 90, 320):
        lines(done, 1000)
    said = [line.split(" ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert said == [
        "preparing: 80 of 1000, 2.0/s, about 0:07:40 left",
        "preparing: 320 of 1000, 4.0/s, about 0:02:50 left",
    ]


def test_warnings_are_counted_and_listed(binding_, tree):
    path = tree / "c000" / "c000_ligand.sdf"
    lines = path.read_text().splitlines()
    atoms = int(lines[3][:3])
    for row in range(4, 4 + atoms):  # 2.5 Å towards the protein
        lines[row] = f"{float(lines[row][:10]) + 2.5:10.4f}{lines[row][10:]}"
    path.write_text("\n".join([*lines, ""]))
    result = binding_("prepare", "tree", "-o", "x.npz")
    assert result.exit_code == 0, result.output
    assert "1 with warnings; each in x.warnings.csv" in result.stderr
    assert "warning: 1 x ligand overlaps the protein, first c000: ligand overlaps the protein: " in result.stderr
    assert Path("x.warnings.csv").read_text().startswith("id,warning\nc000,")
    assert "warnings" not in binding_("prepare", "tree", "-o", "x.npz", "--quiet").stderr

"""Outputs that cannot be written: a name that is too long, or a full disk, is one clear error in every command."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONG = "n" * 304
TREE = ROOT / "data" / "examples"


def made_screen():
    path = ROOT / "tests" / "screening_results" / "made_screen.py"
    spec = importlib.util.spec_from_file_location("made_screen", path)
    module = sys.modules["made_screen"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def inputs(made, tmp_path):
    """What the commands below read, in the current folder."""
    for name, path in made.ligands.items():
        (tmp_path / "tree" / name).mkdir(parents=True)
        (tmp_path / "tree" / name / f"{name}_protein.pdb").write_bytes(made.protein.read_bytes())
        (tmp_path / "tree" / name / f"{name}_ligand.sdf").write_bytes(path.read_bytes())
    (tmp_path / "tree" / "index.csv").write_text("id,pk\naspirin,5\nparacetamol,6\ncaffeine,7\n")
    (tmp_path / "truth.csv").write_text("id,pk\n" + "".join(f"c{n},{4 + n % 4}\n" for n in range(20)))
    (tmp_path / "found.csv").write_text("id,pk\n" + "".join(f"c{n},{4 + n % 5}\n" for n in range(20)))
    (tmp_path / "ids.csv").write_text("pdb_id\n4cup\n")
    (tmp_path / "series.smi").write_text("CC(=O)Nc1ccc(O)cc1 paracetamol\n")
    drugs = {"CCO": 4, "CCN": 5, "c1ccccc1O": 6, "CC(=O)O": 5, "CCCC": 4, "Cc1ccccc1": 5}
    rows = "".join(f"{n},{smiles},{pk},P{n}\n" for n, (smiles, pk) in enumerate(drugs.items()))
    (tmp_path / "ligands.csv").write_text("id,smiles,pk,uniprot\n" + rows)
    (tmp_path / "train.yaml").write_text("sources: [{cache: set.npz}]\nvalidation: null\noutput: run\n")
    (tmp_path / "pretrain.yaml").write_text(f"ligand: {{molecules: [{{file: {made.library}}}]}}\noutput: run\n")
    return made


COMMANDS = {
    "predict csv": "predict -p {protein} -l {aspirin} -o {long}.csv",
    "predict sdf": "predict -p {protein} -l {aspirin} -o {long}.sdf",
    "predict parquet": "predict -p {protein} -l {aspirin} -o {long}.parquet",
    "explain": "explain -p {protein} -l {aspirin} -o {long}",
    "screen": "screen -p {protein} -l {library} -o {long} --workers 0",
    "place": "place -p {protein} --reference {aspirin} -l series.smi -o {long}.sdf",
    "prepare": "prepare tree -o {long}.npz --workers 1",
    "prepare, pieces": "prepare tree -o {shorter}.npz --workers 1",
    "split": "split tree -o {long}.csv",
    "prior": "prior ligands.csv -o {long}.npz --column uniprot",
    "train": "train train.yaml -o {long}",
    "pretrain": "pretrain pretrain.yaml -o {long}",
    "evaluate": "evaluate found.csv --truth truth.csv -o {long}",
    "fetch": "fetch ids.csv -o {long}",
    "top": "top {run} -o {long}.csv",
    "report": "report {run} -o {long}.html",
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_name_that_is_too_long_is_refused_with_a_hint(binding_, inputs, tmp_path, command):
    run = made_screen().make_run(tmp_path).folder if "{run}" in command else ""
    words = [
        word.format(
            protein=inputs.protein,
            aspirin=inputs.ligands["aspirin"],
            library=inputs.library,
            run=run,
            long=LONG,
            shorter="n" * 246,
        )
        for word in command.split()
    ]
    done = binding_(*words)
    assert done.exit_code == 2, done.output
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert "too long" in errors[0]
    assert len(errors[0]) < 250, "the whole name helps nobody"
    assert "hint: Choose a shorter one" in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith("nnn")]
    assert not Path("error.log").exists()


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, {bytes}))
from binding.cli.main import main
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
@pytest.mark.parametrize(
    ("command", "size", "then"),
    [
        ("explain -p {protein} -l {ligand} -o out", 2000, "starts from the beginning"),
        ("predict -p {protein} -l {ligand} -o out.csv", 100, "starts from the beginning"),
        ("predict -p {protein} -l {ligand} -o out.parquet", 100, "starts from the beginning"),
        ("screen -p {protein} -l {ligand} -o out --workers 0", 2000, "continues where it stopped"),
    ],
    ids=["explain", "predict csv", "predict parquet", "screen"],
)
def test_a_full_disk_says_what_the_same_command_does_next(examples, tmp_path, command, size, then):
    files = {"protein": examples / "1ia1_protein.pdb.gz", "ligand": examples / "1ia1_ligand.sdf"}
    words = [word.format(**files) for word in command.split()]
    program = [sys.executable, "-c", LIMITED.format(bytes=size), *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(program, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300)
    assert done.returncode == 2, done.stderr
    assert "the disk is full" in done.stderr
    assert f"give the same command again: it {then}" in done.stderr
    assert "internal error" not in done.stderr

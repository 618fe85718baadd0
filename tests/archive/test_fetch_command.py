"""``binding fetch`` as a program: exit codes, what it says, and being killed and called again."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from archive_server import cut_off, hang, status

import binding

NAMES = [f"{k}cup" for k in range(1, 7)]


@pytest.fixture
def command(server, tmp_path):
    def command(text: str, *options: str) -> list[str]:
        (tmp_path / "ids.csv").write_text(text)
        addresses = [f"--{name.replace('_', '-')}={url}" for name, url in server.addresses.items()]
        return [
            sys.executable,
            "-m",
            "binding",
            "fetch",
            "ids.csv",
            "-o",
            "tree",
            *addresses,
            "--timeout",
            "1",
            *options,
        ]

    return command


@pytest.fixture
def call(command, tmp_path):
    def call(text: str, *options: str) -> subprocess.CompletedProcess:
        return subprocess.run(command(text, *options), cwd=tmp_path, capture_output=True, text=True, timeout=120)

    return call


def statuses(tree: Path) -> Counter[str]:
    with (tree / "report.csv").open(newline="") as stream:
        return Counter(row["status"] for row in csv.DictReader(stream))


def test_all_rows(call, tmp_path):
    done = call("pdb_id,ligand_code,affinity\n4cup,ZYB,Kd=30uM\n6wqa,ZMA,Ki=1nM\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "2 of 2 complexes in tree\n"
    assert statuses(tmp_path / "tree") == {"written": 2}


def test_some_rows(call, tmp_path):
    done = call("pdb_id,ligand_code\n4cup,ZYB\n4cup,ZYB\n9zzz,ZMA\n")
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert lines[0] == "1 of 3 complexes in tree"
    assert {"left out: 1 x duplicate_id", "left out: 1 x not_in_archive"} <= set(lines)
    assert f"every row with its reason: {Path('tree', 'report.csv')}" in lines
    assert "no affinities" in lines[-1]
    again = call("pdb_id,ligand_code\n4cup,ZYB\n", "--quiet")
    assert (again.returncode, again.stderr) == (0, "")


def test_no_row(call, tmp_path):
    done = call("pdb_id\n9zzz\n")
    assert done.returncode == 4
    assert "9zzz.cif.gz does not exist (HTTP 404)" in done.stderr
    assert (tmp_path / "tree" / "index.csv").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("entry\n4cup\n", [], "no column 'id'"),
        ("pdb_id\n4cup\n", ["--jobs", "99"], "99 downloads at a time"),
        ("pdb_id\n4cup\n", ["--jobs", "many"], "Invalid value for"),
        ("", [], "is empty"),
    ],
)
def test_wrong_use(call, tmp_path, text, options, said):
    done = call(text, *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "tree").exists()


def wait_until(true, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_run_that_is_broken_off_goes_on_where_it_was(command, call, server, served, tmp_path, how):
    for name in NAMES:
        server.files[f"/mmCIF/cu/{name}.cif.gz"] = served["/mmCIF/cu/4cup.cif.gz"]
    server.faults[f"/mmCIF/cu/{NAMES[0]}.cif.gz"] = [cut_off]
    server.faults[f"/mmCIF/cu/{NAMES[3]}.cif.gz"] = [hang] * 3
    text = "pdb_id,pk\n" + "".join(f"{name},5.0\n" for name in NAMES)
    tree = tmp_path / "tree"
    with subprocess.Popen(
        command(text, "--jobs", "1", "--timeout", "60"), cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as first:
        wait_until(lambda: server.asked[f"/mmCIF/cu/{NAMES[3]}.cif.gz"])
        wait_until(lambda: (tree / NAMES[2] / f"{NAMES[2]}_source.json").is_file())
        os.kill(first.pid, how)
        said = first.communicate(timeout=20)[1]
    if how == signal.SIGINT:
        assert first.returncode == 130
        assert "interrupted" in said
        assert "Traceback" not in said
        assert statuses(tree) == {"written": 3, "not_reached": 3}
    else:
        assert first.returncode == -signal.SIGKILL
        assert not (tree / "report.csv").exists()
    server.faults.clear()
    server.faults[f"/mmCIF/cu/{NAMES[5]}.cif.gz"] = [status(503, Retry_After="0")]
    done = call(text)
    assert (done.returncode, done.stderr) == (0, "6 of 6 complexes in tree (3 from earlier runs)\n")
    assert statuses(tree) == {"kept": 3, "written": 3}
    assert [server.asked[f"/mmCIF/cu/{name}.cif.gz"] for name in NAMES] == [2, 1, 1, 2, 1, 2]
    assert server.asked["/ligands/ZYB.cif"] == 1


def test_from_python(server, tmp_path):
    (tmp_path / "ids.csv").write_text("pdb_id,ligand_code\n4cup,ZYB\n9zzz,ZMA\n")
    report = binding.fetch(tmp_path / "ids.csv", tmp_path / "tree", attempts=1, **server.addresses)
    assert (report.asked, report.usable, report.count("left_out")) == (2, 1, 1)

"""The benchmark of a GPU runs through on the CPU, also where RDKit is not installed, and prints all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scripts.bench.gpu import _covered

ROOT = Path(__file__).resolve().parents[2]
#: A Python without RDKit, as a program.
BARE = """
import importlib.util, runpy, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "rdkit" else find(name, *rest)
runpy.run_module("scripts.bench.gpu", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    from dataset import write_dataset

    return write_dataset(tmp_path_factory.mktemp("data")).path


def test_it_needs_no_chemistry_but_for_reading(cache, tmp_path):
    output = tmp_path / "found.json"
    arguments = [str(cache), "--device", "cpu", "--seconds", "0.1", "--at-once", "4", "--batch-atoms", "60"]
    done = subprocess.run(
        [sys.executable, "-c", BARE, *arguments, "-o", str(output)],
        cwd=ROOT, env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert found["training"][0]["complexes_per_second"] > 0
    assert found["network"]["poses_per_second"] > 0
    assert found["scoring"]["poses_per_second"] > 0
    assert found["scoring"]["prior"] is False
    assert found["end_to_end"] == "left out: RDKit is not installed"
    shown = json.loads(done.stdout)
    assert shown == {name: found[name] for name in shown}


def test_spans_that_overlap_are_counted_once():
    assert _covered(np.array([[0.0, 2.0], [1.0, 3.0], [1.5, 1.8], [5.0, 6.0]])) == 4.0
    assert _covered(np.zeros((0, 2))) == 0.0

"""Every program in scripts/ says what it takes: it can be imported, and ``--help`` ends well."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
#: What a program needs that `pip install binding[test]` does not bring.
EXTRA = {"measure_forest.py": "sklearn"}
# All in one process, since most of the time goes into importing torch.
ASK = """
import contextlib, io, json, os, runpy, sys, traceback
sys.path.insert(0, os.path.dirname(sys.argv[1]))
found, programs = {}, sys.argv[1:]
for path in programs:
    said = io.StringIO()
    sys.argv = [path, "--help"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            runpy.run_path(path, run_name="__main__")
            code = "no exit"
        except SystemExit as end:
            code = end.code
        except BaseException:
            code = traceback.format_exc()
    found[os.path.basename(path)] = [code, said.getvalue()]
print(json.dumps(found))
"""


def is_program(path: Path) -> bool:
    return any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    )


def imported(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


PROGRAMS = sorted(path for path in SCRIPTS.glob("*.py") if is_program(path))


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, tuple[int | str | None, str]]:
    """Exit code (or traceback) and text of each program, asked in an empty folder."""
    asked = [str(path) for path in PROGRAMS if find_spec(EXTRA.get(path.name, "sys")) is not None]
    folder = tmp_path_factory.mktemp("asked")
    done = subprocess.run([sys.executable, "-c", ASK, *asked], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    return {name: tuple(answer) for name, answer in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_help(answers, program):
    if program.name not in answers:
        pytest.skip(f"{program.name} needs {EXTRA[program.name]}, which is not installed")
    code, said = answers[program.name]
    assert code in (0, None), said or code
    assert said.startswith("usage: ")
    assert "options:" in said


def test_what_is_no_program_is_used_by_one():
    modules = {path.stem for path in SCRIPTS.glob("*.py") if path not in PROGRAMS}
    assert modules <= set().union(*map(imported, PROGRAMS))

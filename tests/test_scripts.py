"""Every program in scripts/ says what it takes: it can be imported, and ``--help`` ends well."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
FOLDERS = {"release", "measure", "bench", "tables", "fuzz", "quality"}
#: What a program needs that `pip install binding[test]` does not bring.
EXTRA = {"scripts.measure.forest": "sklearn"}
# All in one process, since most of the time goes into importing torch.
ASK = """
import contextlib, io, json, runpy, sys, traceback, warnings
warnings.simplefilter("ignore", RuntimeWarning)  # a program that another one has imported already
sys.path.insert(0, sys.argv[1])
found, programs = {}, sys.argv[2:]
for name in programs:
    said = io.StringIO()
    sys.argv = [name, "--help"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
            code = "no exit"
        except SystemExit as end:
            code = end.code
        except BaseException:
            code = traceback.format_exc()
    found[name] = [code, said.getvalue()]
print(json.dumps(found))
"""


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def is_program(path: Path) -> bool:
    return any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    )


def imported(path: Path) -> set[str]:
    """Modules, and what is taken from them, which may be modules."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]
    return {f"{node.module}.{name.name}" for node in nodes for name in node.names} | {str(n.module) for n in nodes}


FILES = sorted(SCRIPTS.rglob("*.py"))
PROGRAMS = [path for path in FILES if is_program(path)]


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, tuple[int | str | None, str]]:
    """Exit code (or traceback) and text of each program, asked in an empty folder."""
    names = [module(path) for path in PROGRAMS]
    asked = [name for name in names if find_spec(EXTRA.get(name, "sys")) is not None]
    folder = tmp_path_factory.mktemp("asked")
    command = [sys.executable, "-c", ASK, str(ROOT), *asked]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    return {name: tuple(answer) for name, answer in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.mark.parametrize("program", [module(path) for path in PROGRAMS])
def test_help(answers, program):
    if program not in answers:
        pytest.skip(f"{program} needs {EXTRA[program]}, which is not installed")
    code, said = answers[program]
    assert code in (0, None), said or code
    assert said.startswith("usage: ")
    assert "options:" in said


def test_what_is_no_program_is_used_by_another_file():
    modules = {module(path) for path in FILES if path not in PROGRAMS and path.parent != SCRIPTS}
    assert modules <= set().union(*map(imported, FILES))


def test_a_program_is_in_the_folder_of_what_it_is_for():
    at_top = {path.name for path in SCRIPTS.iterdir() if path.suffix == ".py"}
    assert at_top == {"__init__.py", "figures.py"}
    assert {path.parent.name for path in FILES if path.parent != SCRIPTS} == FOLDERS

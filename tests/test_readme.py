"""The commands of the README and the docs are run.

A line before every ```console block says how: ``<!-- runs -->``; ``<!-- runs with complexes -->``, where the folder
holds what the page takes for the reader's own data (tests/documents.py); ``<!-- not run: why -->``. Lines that start
with ``$ `` are commands. Those of a page run one after the other, as a reader gives them, in one folder that sees
``data/`` and ``configs/`` of the repository. A command exits 0, unless its comment says otherwise: ``# exits 3``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import PAGES, ROOT, write_complexes, write_ligands
from typer.testing import CliRunner

MARKED = re.compile(r"<!-- runs( with complexes)? -->\s*\n```console\n(.*?)\n```", re.DOTALL)
RUN = [page for page in PAGES if MARKED.search(page.read_text(encoding="utf-8"))]


def commands(page: Path) -> Iterator[tuple[str, int]]:
    """(command, expected exit code) of each ``$`` line of the page's marked blocks."""
    for _, block in MARKED.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                said = re.search(r"#\s*exits (\d+)", line)
                yield line[2:], int(said[1]) if said else 0


def by_shell(command: str) -> tuple[int, str]:
    """Exit code and output of a command as a reader gives it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", command], env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def in_this_process(command: str) -> tuple[int, str]:
    """The same for a plain ``binding`` command, without starting Python and importing torch for it."""
    from binding.cli.main import app

    words = shlex.split(command, comments=True)
    if words[0] != "binding" or set("|>;&") & set(command):
        return by_shell(command)
    done = CliRunner().invoke(app, words[1:])
    return done.exit_code, done.output


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_commands_of_the_docs_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    if "<!-- runs with complexes -->" in page.read_text(encoding="utf-8"):
        write_complexes(tmp_path)
        write_ligands(tmp_path)
    for command, expected in commands(page):
        code, output = in_this_process(command)
        assert code == expected, f"{command}\n{output}"


def test_every_block_of_commands_says_whether_it_is_run() -> None:
    unmarked = []
    for page in PAGES:
        lines = page.read_text(encoding="utf-8").splitlines()
        unmarked += [
            f"{page.relative_to(ROOT)}:{number}"
            for number, line in enumerate(lines, start=1)
            if line == "```console"
            and not re.match(r"<!-- (runs|runs with complexes|not run: .+) -->", lines[number - 2])
        ]
    assert unmarked == []


def test_the_readme_is_a_page_long() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert len(text.split()) <= 1200
    assert len(MARKED.findall(text)) == 4, "a recipe for each: score, place, screen, train"
    shown = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert shown
    assert max(len(line) for line in shown[1].splitlines()) <= 80

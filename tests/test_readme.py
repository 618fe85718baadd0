"""The commands of the README and the docs are run: every ```console block after a line ``<!-- runs -->``.

Lines that start with ``$ `` are commands, run one after the other in one folder that sees ``data/`` and
``configs/`` of the repository. A command exits 0, unless its comment says otherwise: ``# exits 3``.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARKED = re.compile(r"<!-- runs -->\s*\n```console\n(.*?)\n```", re.DOTALL)
BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(MARKED.findall(page.read_text(encoding="utf-8")), start=1)
]


def commands(block):
    """(command, expected exit code) of each ``$`` line."""
    for line in block.splitlines():
        if line.startswith("$ "):
            said = re.search(r"#\s*exits (\d+)", line)
            yield line[2:], int(said[1]) if said else 0


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS)
def test_commands_of_the_docs_run(block, tmp_path):
    for name in ("data", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ran = 0
    for command, expected in commands(block):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == expected, f"{command}\n{done.stdout}\n{done.stderr}"
        ran += 1
    assert ran, "a block that is marked to run holds no command"


def test_the_readme_shows_commands_that_are_run():
    assert MARKED.search((ROOT / "README.md").read_text(encoding="utf-8"))

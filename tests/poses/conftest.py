"""Puts the helpers of ``tests/io`` and ``tests/invariance`` within reach of the tests of this folder."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "io"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "invariance"))


@pytest.fixture
def script(monkeypatch):
    """A script as from the command line, or as a module where no arguments are given: what it defines."""
    monkeypatch.syspath_prepend(str(SCRIPTS))

    def run(name: str, *arguments: object) -> dict:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        return runpy.run_path(str(SCRIPTS / name), run_name="__main__" if arguments else "module")

    return run

"""Programs of scripts/ as from the command line, and the helpers of ``tests/invariance`` within reach."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "invariance"))
sys.path.insert(0, str(ROOT / "tests" / "training"))
sys.path.insert(0, str(ROOT / "tests" / "prior"))


@pytest.fixture(scope="session")
def program():
    """Runs a program in this process, since importing torch again would cost seconds: name, then its arguments."""

    def run(name: str, *arguments: object) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [name, *map(str, arguments)])
            importlib.import_module(f"scripts.{name}").main()

    return run

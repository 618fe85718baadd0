"""Fixtures that every test may use: the example complexes and the evaluation data folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "data" / "examples"
sys.path.insert(0, str(Path(__file__).parent))  # documents.py


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of the example complexes."""
    return EXAMPLES


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The evaluation data folder (``BINDING_SHARED``, default ``../shared``); skips where it is absent."""
    root = Path(os.environ.get("BINDING_SHARED", ROOT.parent / "shared"))
    if not (root / "data" / "casf2016" / "index.csv").is_file():
        pytest.skip(f"no evaluation data in {root}; set BINDING_SHARED to the folder that holds data/casf2016")
    return root / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that use the evaluation data carry the marker ``shared``, so that they can be picked or left out."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared)


@pytest.fixture(autouse=True)
def any_width(monkeypatch):
    """Commands print to a pipe without a width, unless a test sets one; the test runner's processes have one."""
    monkeypatch.delenv("COLUMNS", raising=False)

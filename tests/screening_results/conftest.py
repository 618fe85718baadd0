"""A run folder with parts, without an engine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture
def made_run(tmp_path):
    from made_screen import make_run

    return make_run(tmp_path)

"""Puts the helpers of ``tests/invariance`` and of ``tests/prior`` within reach of the tests of this folder."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "invariance"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "prior"))

import pytest


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """The report of preparing the examples; its folder holds the tree and the cache."""
    from dataset import write_dataset

    return write_dataset(tmp_path_factory.mktemp("data"))


@pytest.fixture
def cache(prepared):
    from binding.data.cache import ComplexCache

    return ComplexCache(prepared.path)

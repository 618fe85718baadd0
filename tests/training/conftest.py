"""Puts the helpers of this folder and of ``tests/invariance`` within reach; small runs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "invariance"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import pytest
import torch


@pytest.fixture(autouse=True)
def _threads():
    """A run sets the number of threads of the process; other tests keep theirs."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """The report of preparing the examples; its folder holds the tree and the cache."""
    from dataset import write_dataset

    return write_dataset(tmp_path_factory.mktemp("data"))


@pytest.fixture
def cache(prepared):
    from binding.data.cache import ComplexCache

    return ComplexCache(prepared.path)


@pytest.fixture
def settings(prepared, tmp_path):
    """Settings of a small run; see ``train_runs.small_run``."""
    from train_runs import small_run

    def make(output: str = "run", **changes):
        return small_run(prepared.path, tmp_path / output, **changes)

    return make


@pytest.fixture(scope="session")
def whole(prepared, tmp_path_factory):
    """A finished run with the settings as they are, and its result."""
    from train_runs import run, small_run

    config = small_run(prepared.path, tmp_path_factory.mktemp("runs") / "run")
    return config, run(config)

"""Tests that need a GPU. ``BINDING_CUDA_TESTS=cpu`` runs them on the CPU instead, to test the tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch

TESTS = Path(__file__).resolve().parents[1]
for _helpers in ("invariance", "training"):
    sys.path.insert(0, str(TESTS / _helpers))

DEVICE = os.environ.get("BINDING_CUDA_TESTS", "cuda")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of this folder carry the marker ``cuda``; where there is no GPU they are skipped."""
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.fspath).parents:
            item.add_marker(pytest.mark.cuda)
            if DEVICE == "cuda" and not torch.cuda.is_available():
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device, and torch finds none"))


@pytest.fixture(scope="session")
def device() -> str:
    return DEVICE


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """The report of preparing the examples; its folder holds the tree and the cache."""
    from dataset import write_dataset

    return write_dataset(tmp_path_factory.mktemp("data"))


@pytest.fixture
def settings(prepared, tmp_path):
    """Settings of a small run in 32 bits without dropout, whose random numbers differ between devices."""
    from train_runs import MODEL, small_run

    def make(output: str, **changes):
        base = {"model": MODEL | {"dropout": 0.0}, "precision": "fp32"}
        return small_run(prepared.path, tmp_path / output, **base | changes)

    return make

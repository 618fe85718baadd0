"""Puts the helpers of ``tests/invariance`` within reach; scorers with random weights and with the shipped ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "invariance"))


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory) -> Path:
    """Two small networks without a prior."""
    from networks import write_random_weights

    return write_random_weights(tmp_path_factory.mktemp("weights") / "random.safetensors")


@pytest.fixture(scope="session")
def shipped():
    """The default weights, which have a prior and three networks."""
    from binding.model.weights import load_model

    return load_model(device="cpu")

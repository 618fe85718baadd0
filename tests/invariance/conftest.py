"""Scorers with random and with the shipped weights, in both precisions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture(scope="session")
def load(tmp_path_factory):
    """Loads one of the two sets of weights in one of the two precisions, once.

    The shipped weights are part of the package: where they are missing, the tests that need them fail.
    """
    from networks import write_random_weights

    from binding.model.weights import Scorer, load_model

    random = write_random_weights(tmp_path_factory.mktemp("weights") / "random.safetensors")
    loaded: dict[tuple[str, str], Scorer] = {}

    def get(weights: str, dtype: str) -> Scorer:
        if (weights, dtype) not in loaded:
            loaded[weights, dtype] = load_model(random if weights == "random" else None, device="cpu", dtype=dtype)
        return loaded[weights, dtype]

    return get


@pytest.fixture(params=["random", "shipped"])
def weights(request):
    return request.param


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def scorer(load, weights, dtype):
    return load(weights, dtype)

"""Harmonics and linear maps of vectors against e3nn, which defines their conventions."""

from __future__ import annotations

import pytest
import torch
from e3nn import o3

from binding.model.layers.harmonics import VectorLinear, both_degrees, first_degree


def directions() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.logspace(-3, 3, 200, dtype=torch.float64).unsqueeze(-1)
    return torch.randn(200, 3, generator=generator, dtype=torch.float64) * lengths


@pytest.mark.parametrize(("mine", "irreps"), [(first_degree, "1x1o"), (both_degrees, "1x1o+1x2e")])
def test_harmonics_are_those_of_e3nn(mine, irreps):
    theirs = o3.spherical_harmonics(o3.Irreps(irreps), directions(), normalize=True, normalization="component")
    assert torch.allclose(mine(directions()), theirs, rtol=0, atol=1e-12)


def test_no_direction_has_no_harmonics():
    assert not first_degree(torch.zeros(1, 3)).any()
    assert not both_degrees(torch.zeros(1, 3)).any()


def test_vectors_are_mixed_as_by_e3nn_with_the_weights_of_its_layer():
    torch.manual_seed(0)
    theirs = o3.Linear("6x1o", "6x1o")
    mine = VectorLinear(6)
    mine.load_state_dict(theirs.state_dict())  # also holds a bias and a mask, which are constants
    vectors = torch.randn(20, 6, 3)
    assert torch.allclose(mine(vectors).flatten(1), theirs(vectors.flatten(1)), atol=1e-6)
    assert set(mine.state_dict()) == {"weight"}


def test_unknown_weights_are_still_refused():
    with pytest.raises(RuntimeError, match="Unexpected key"):
        VectorLinear(2).load_state_dict({"weight": torch.zeros(4), "other": torch.zeros(1)})

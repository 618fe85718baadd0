"""Distances as smooth features."""

from __future__ import annotations

import torch

from binding.model.layers.radial import GaussianBasis, envelope


def test_each_gaussian_is_one_at_its_centre():
    basis = GaussianBasis(2.0, 6.0, 5).double()
    values = basis(torch.tensor([2.0, 3.0, 4.0, 5.0, 6.0], dtype=torch.float64))
    assert torch.allclose(values.diagonal(), torch.ones(5, dtype=torch.float64))
    assert torch.allclose(values[0, 1], torch.tensor(0.5, dtype=torch.float64).neg().exp())


def test_envelope_is_flat_then_falls_to_nothing_twice_differentiable():
    x = torch.tensor([0.0, 4.0, 5.25, 6.5, 9.0], dtype=torch.float64)
    assert envelope(x, 4.0, 6.5).tolist() == [1.0, 1.0, 0.5, 0.0, 0.0]
    edges = torch.tensor([4.0 + 1e-4, 6.5 - 1e-4], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(envelope(edges, 4.0, 6.5).sum(), edges, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), edges)
    assert float(first.detach().abs().max()) < 1e-6
    assert float(second.abs().max()) < 1e-2
    inside = torch.linspace(4.0, 6.5, 100, dtype=torch.float64)
    assert (envelope(inside, 4.0, 6.5).diff() < 0).all()

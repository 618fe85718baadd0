"""Distances as smooth features."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GaussianBasis(nn.Module):
    """Distances in Gaussians of fixed centres and a common width.

    Args:
        start: Centre of the first Gaussian, Å.
        stop: Centre of the last Gaussian, Å.
        size: Number of Gaussians; their width is their spacing.
    """

    centres: Tensor

    def __init__(self, start: float, stop: float, size: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.linspace(start, stop, size), persistent=False)
        self.width = (stop - start) / (size - 1)

    def forward(self, distance: Tensor) -> Tensor:
        """(...) Å -> (..., size)."""
        return torch.exp(-0.5 * ((distance.unsqueeze(-1) - self.centres) / self.width) ** 2)


def envelope(distance: Tensor, start: float, cutoff: float) -> Tensor:
    """One up to ``start``, zero from ``cutoff``, with two continuous derivatives between (Å)."""
    x = ((distance - start) / (cutoff - start)).clamp(0.0, 1.0)
    return 1.0 - x**3 * (10.0 - 15.0 * x + 6.0 * x**2)

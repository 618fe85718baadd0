"""Directions as real spherical harmonics of degree 1 and 2, and linear maps of vectors.

The conventions are those of e3nn (order of components, ``component`` normalisation), and the tests hold every
number here to e3nn's. The two pieces are written out because importing ``e3nn.o3`` brings in the whole of
``torch._dynamo``, which is nearly a third of the time that a single prediction takes.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

#: Components of degree 1 and of degrees 1 and 2 together.
DEGREE_1, DEGREES_1_AND_2 = 3, 8


def first_degree(vectors: Tensor) -> Tensor:
    """Degree 1 of the direction of (..., 3) vectors: (..., 3), mean square one; zero for a zero vector."""
    return math.sqrt(3.0) * nn.functional.normalize(vectors, dim=-1)


def both_degrees(vectors: Tensor) -> Tensor:
    """Degrees 1 and 2 of the direction of (..., 3) vectors: (..., 8), each degree with mean square one.

    Order within a degree as in e3nn: x, y, z; then xz, xy, 2y^2 - x^2 - z^2, yz, z^2 - x^2.
    """
    x, y, z = nn.functional.normalize(vectors, dim=-1).unbind(-1)
    square_x, square_y, square_z = x * x, y * y, z * z
    root_3, root_5, root_15 = math.sqrt(3.0), math.sqrt(5.0), math.sqrt(15.0)
    return torch.stack(
        [
            root_3 * x,
            root_3 * y,
            root_3 * z,
            root_15 * x * z,
            root_15 * x * y,
            root_5 * (square_y - 0.5 * (square_x + square_z)),
            root_15 * y * z,
            0.5 * root_15 * (square_z - square_x),
        ],
        dim=-1,
    )


class VectorLinear(nn.Module):
    """Mixes the channels of vectors, as ``e3nn.o3.Linear`` of ``channels x 1o`` on itself does: no bias, which would
    be a direction out of nowhere.

    Args:
        channels: Number of vectors.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.weight = nn.Parameter(torch.randn(channels * channels))
        self.register_load_state_dict_pre_hook(_drop_constants)

    def forward(self, vectors: Tensor) -> Tensor:
        """(n, channels, 3) -> (n, channels, 3)."""
        weight = self.weight.view(self.channels, self.channels) / math.sqrt(self.channels)
        return torch.einsum("ncx,cd->ndx", vectors, weight)


def _drop_constants(module: nn.Module, state: dict[str, Any], prefix: str, *_: object) -> None:
    """Weights of format 1 were saved from e3nn's layer, whose state also holds two constants."""
    for name in ("bias", "output_mask"):
        state.pop(prefix + name, None)

"""Means over an epoch, summed on the device: nothing is read from it until the epoch ends."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Averages:
    """Weighted means of figures that come step by step, always under the same names."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._sums: Tensor | None = None
        self._size = 0

    def add(self, figures: Mapping[str, Tensor], size: int = 1) -> None:
        """Takes figures, scalars on a device, with the weight ``size``."""
        values = torch.stack([figure.detach().float() for figure in figures.values()]) * size
        self._names = tuple(figures)
        self._sums = values if self._sums is None else self._sums + values
        self._size += size

    def sums(self) -> list[Tensor]:
        """What was summed, one tensor, on its device; nothing before the first step."""
        return [] if self._sums is None else [self._sums]

    def means(self) -> dict[str, float]:
        """The means by name; the host waits for the device."""
        if self._sums is None:
            return {}
        return dict(zip(self._names, (self._sums / self._size).tolist(), strict=True))

    def clear(self) -> None:
        """Starts over."""
        self._sums, self._size = None, 0

"""A readout in closed form: affinity from geometric sums, by likeness to the complexes of a training set.

    pk(x) = constant + sum over training complexes m of weight_m * k(x, x_m)

is the mean of a Gaussian process (Rasmussen & Williams 2006, chapter 2). The covariance ``k`` is a sum over blocks of
standardised groups of sums, each linear or Matern-3/2 in its block. In training, complexes of one protein family also
share an offset of their own, so that what a family has in common is not laid to its contacts; a new complex gets none.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from binding.config import GeometryConfig, KernelBlock
from binding.errors import TrainingError
from binding.model.geometric_sums import GROUPS, Sums

_FARTHEST = 4.0  # standard deviations of a number from its mean; beyond, it counts as so many
_ARRAYS: Final = ("support", "means", "scales", "weights", "constant", "learned")


@dataclass(frozen=True, eq=False)
class _Columns:
    """Where each group that a readout reads stands in its support.

    Attributes:
        names: The groups, in the order of ``GROUPS``.
        places: Columns of each.
        width: Of all.
    """

    names: tuple[str, ...]
    places: Mapping[str, slice]
    width: int

    @classmethod
    def of(cls, config: GeometryConfig) -> _Columns:
        read: set[str] = {name for block in config.blocks for name in block.groups}
        names = tuple(name for name in GROUPS if name in read)
        ends = np.cumsum([GROUPS[name] for name in names]).tolist()
        places = {name: slice(end - GROUPS[name], end) for name, end in zip(names, ends, strict=True)}
        return cls(names, places, ends[-1])

    def block(self, standard: Tensor, block: KernelBlock) -> Tensor:
        """(n, width of the block), of standardised numbers (n, width), over the root of its width and its length."""
        joined = torch.cat([standard[:, self.places[name]] for name in block.groups], dim=1)
        return joined / (math.sqrt(joined.shape[1]) * block.length)


class KernelReadout:
    """A fitted readout.

    Args:
        config: Its blocks.
        support: (m, width) float16, standardised groups of the training complexes.
        means, scales: (width,) float64, of the groups of the training complexes.
        weights: (m,) float64, pK.
        constant: pK.
        learned: How many of the last training complexes have no part in the linear blocks; see ``learned_from``.

    Raises:
        ValueError: The arrays do not fit the blocks or each other.
    """

    def __init__(
        self,
        config: GeometryConfig,
        support: np.ndarray,
        means: np.ndarray,
        scales: np.ndarray,
        weights: np.ndarray,
        constant: float,
        learned: int = 0,
    ) -> None:
        self.config = config
        self._columns = _Columns.of(config)
        width = self._columns.width
        if support.shape != (len(weights), width) or means.shape != (width,) or scales.shape != (width,):
            raise ValueError("the support of the geometry's readout does not fit its blocks")
        self.support, self.means, self.scales = support, means, scales
        self.weights, self.constant, self.learned = weights, constant, learned
        self._place(torch.device("cpu"), torch.float32)

    def _place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Makes what is computed with."""
        self._device = device
        self._means, self._scales, self._alpha = (
            torch.from_numpy(array).to(device) for array in (self.means, self.scales, self.weights)
        )
        known = torch.from_numpy(self.support.astype(np.float64)).to(device)
        fitted = len(self) - self.learned
        #: For each block: the direction (d,) of a linear one, in 64 bits; else its support (d, m) and squared lengths
        #: (m,), in 32 bits unless more are asked for: that leaves less than 0.00001 pK open.
        self._known: list[tuple[Tensor, Tensor | None]] = []
        for block in self.config.blocks:
            rows = self._columns.block(known, block)
            if block.kernel == "linear":
                self._known.append((rows[:fitted].t() @ self._alpha[:fitted], None))
            else:
                self._known.append((rows.t().to(dtype).contiguous(), (rows * rows).sum(1).to(dtype)))

    def __len__(self) -> int:
        return len(self.weights)

    def to(self, device: torch.device | str, dtype: torch.dtype = torch.float32) -> Self:
        """A copy that computes on a device, the kernels in some type."""
        moved = copy.copy(self)
        moved._place(torch.device(device), dtype)
        return moved

    def __call__(self, sums: Sums) -> Tensor:
        """(B,) pK, float64, of the sums of B complexes."""
        return self.judge(sums)[0]

    def judge(self, sums: Sums) -> tuple[Tensor, Tensor]:
        """What is said of B complexes, and how near to what is known.

        Returns:
            (B,) pK and (B,) nearness of the nearest support, the blocks' Matern covariances over their amplitudes: 1
            for a complex with the same sums, about 0 for one unlike all others. Both float64.
        """
        standard = self._standard(sums.to(self._device).double().groups())
        total = standard.new_full((len(standard),), self.constant)
        covariance: Tensor | None = None
        for block, (known, squares) in zip(self.config.blocks, self._known, strict=True):
            rows = self._columns.block(standard, block)
            if squares is None:
                total = total + block.amplitude * (rows @ known)
            else:
                found = block.amplitude * _matern(rows.to(known.dtype), known, squares)
                covariance = found if covariance is None else covariance + found
        if covariance is None:
            return total, torch.zeros_like(total)
        size = sum(block.amplitude for block in self.config.blocks if block.kernel != "linear")
        return total + covariance.double() @ self._alpha, covariance.amax(dim=1).double() / size

    def learned_from(self, sums: Sums, pk: np.ndarray, noise: np.ndarray) -> Self:
        """The readout corrected by complexes of one's own: what it misses on them, it learns for those like them.

        Without the linear blocks, which would carry the correction to complexes that have nothing in common with them.

        Args:
            sums: Of n complexes.
            pk: (n,) measured, exact.
            noise: (n,) as for ``fit``.

        Raises:
            TrainingError: ``not_fitted``.
        """
        standard = self._standard(sums.to(self._device).double().groups()).cpu()
        added = standard.numpy().astype(np.float16)
        covariance = _covariance(self.config, self._columns, torch.from_numpy(added.astype(np.float64)), linear=False)
        covariance[np.diag_indices(len(pk))] += noise
        missed = np.asarray(pk, dtype=np.float64) - self(sums).cpu().numpy()
        weights = scipy.linalg.cho_solve(_factor(covariance), missed)
        return type(self)(
            self.config,
            np.concatenate([self.support, added]),
            self.means,
            self.scales,
            np.concatenate([self.weights, weights]),
            self.constant,
            self.learned + len(pk),
        )

    def _standard(self, groups: Mapping[str, Tensor]) -> Tensor:
        joined = torch.cat([groups[name] for name in self._columns.names], dim=1)
        return ((joined - self._means) / self._scales).clamp(-_FARTHEST, _FARTHEST)

    def arrays(self) -> dict[str, np.ndarray]:
        """What a file holds; see ``from_arrays``."""
        return {name: np.asarray(getattr(self, name)) for name in _ARRAYS}

    @classmethod
    def from_arrays(cls, config: GeometryConfig, arrays: Mapping[str, np.ndarray]) -> Self:
        """A readout from ``arrays``.

        Raises:
            KeyError, ValueError: One is missing, or they do not fit.
        """
        support, means, scales, weights, constant = (arrays[name] for name in _ARRAYS[:5])
        return cls(config, support, means, scales, weights, float(constant), int(arrays.get("learned", 0)))

    @classmethod
    def fit(
        cls,
        config: GeometryConfig,
        sums: Sums,
        pk: np.ndarray,
        families: Sequence[str],
        noise: np.ndarray,
    ) -> Self:
        """Solves for the weights; time grows with the cube of the number of complexes, 10 s for 5,000 of them.

        Args:
            config: The blocks.
            sums: Of n training complexes.
            pk: (n,) measured.
            families: (n,) protein family of each; what is blank has a family of its own.
            noise: (n,) variance of the measurement and of what no sum says, in units of the kernels' amplitudes.

        Raises:
            TrainingError: ``not_fitted``, the covariance cannot be inverted.
        """
        columns = _Columns.of(config)
        groups = sums.double().groups()
        values = torch.cat([groups[name] for name in columns.names], dim=1)
        means, scales = values.mean(0), values.std(0, correction=0) + 1e-6
        standard = ((values - means) / scales).clamp(-_FARTHEST, _FARTHEST)
        support = standard.numpy().astype(np.float16)  # fitted as it is stored: the rounding costs nothing
        covariance = _covariance(config, columns, torch.from_numpy(support.astype(np.float64)))
        numbers: dict[str, int] = {}
        named = [name or f"\0{place}" for place, name in enumerate(families)]
        family = np.array([numbers.setdefault(name, len(numbers)) for name in named])
        covariance += config.family_variance * (family[:, None] == family)
        covariance[np.diag_indices(len(pk))] += noise
        factor = _factor(covariance)
        right = np.stack([np.ones(len(pk)), np.asarray(pk, dtype=np.float64)], axis=1)
        ones, measured = scipy.linalg.cho_solve(factor, right).T
        constant = float(measured.sum() / ones.sum())
        return cls(config, support, means.numpy(), scales.numpy(), measured - constant * ones, constant)


def _factor(covariance: np.ndarray) -> tuple[np.ndarray, bool]:
    """The Cholesky factor, in the covariance's place."""
    try:
        return scipy.linalg.cho_factor(covariance, lower=True, overwrite_a=True, check_finite=True)
    except (np.linalg.LinAlgError, ValueError):
        raise TrainingError(
            "The geometry's readout cannot be fitted to these complexes.", "Look for odd structures.", "not_fitted"
        ) from None


def _covariance(config: GeometryConfig, columns: _Columns, standard: Tensor, linear: bool = True) -> np.ndarray:
    """(n, n) of the standardised groups of n complexes, with the linear blocks or without them."""
    total = np.zeros((len(standard), len(standard)))
    for block in config.blocks:
        rows = columns.block(standard, block)
        if block.kernel != "linear":
            found = _matern(rows, rows.t(), (rows * rows).sum(1))
        elif linear:
            found = rows @ rows.t()
        else:
            continue
        total += block.amplitude * found.numpy()
    return total


def _matern(rows: Tensor, known: Tensor, squares: Tensor) -> Tensor:
    """Matern-3/2 covariance (n, m) of unit length and amplitude.

    Args:
        rows: (n, d).
        known: (d, m).
        squares: (m,) squared lengths of the known.
    """
    square = torch.addmm(squares, rows, known, alpha=-2.0) + (rows * rows).sum(1, keepdim=True)
    scaled = (3.0 * square.clamp_min(1e-12)).sqrt()
    return (1.0 + scaled) * torch.exp(-scaled)

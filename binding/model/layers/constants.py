"""Numbers that lie on a device before they are needed there: to send them makes the host wait for it."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor


@cache
def constant(numbers: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    """(numbers,) on a device, sent there once; not to be changed."""
    with torch.inference_mode(False):  # what an inference has made could not be kept for a backward pass
        return torch.tensor(numbers, dtype=dtype, device=device)

"""Counts what a device would be asked to do, by operation, on a CPU."""

from __future__ import annotations

from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode

#: Operations whose result has a shape that follows from values: a GPU's host waits for it.
SHAPES = ("nonzero.default", "masked_select", "unique", "_unique", "bincount", "repeat_interleave.Tensor")
#: Operations that start no kernel.
VIEWS = ("view", "_unsafe_view", "reshape", "t.", "transpose", "expand", "slice", "select.", "unsqueeze", "squeeze",
         "permute", "detach", "alias", "as_strided", "split", "unbind", "chunk", "diagonal", "empty", "_local_scalar",
         "lift_fresh", "unfold", "new_empty")  # fmt: skip


def is_kernel(function) -> bool:
    """Whether an operation computes or copies."""
    return not function.__name__.startswith(VIEWS)


def is_sized_by_values(function, arguments, keywords) -> bool:
    """Whether an operation's result has a shape that follows from values."""
    name = function.__name__
    by_mask = name.startswith("index.") and any(
        index is not None and index.dtype == torch.bool for index in arguments[1]
    )
    sized = name.startswith("repeat_interleave") and keywords.get("output_size") is not None
    return (name.startswith(SHAPES) and not sized) or by_mask


class Dispatches(TorchDispatchMode):
    """What happens inside its block.

    Attributes:
        waits: Names of operations for whose result the host waits, but for reads.
        reads: Names of reads by the host: one number (``item``, ``bool``), or a whole tensor (``tolist``, ``cpu``).
        bytes_to_host: Bytes of these.
        kernels: Operations that compute or copy.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.reads: list[str] = []
        self.bytes_to_host = self.kernels = 0
        self._patches = [self._noting(name) for name in ("tolist", "cpu")]

    def _noting(self, name: str):
        """A patch: on a CPU these reach no operation."""
        original = getattr(torch.Tensor, name)

        def note(tensor: torch.Tensor, *arguments, **keywords):
            if not self._inside:
                self._read(name, tensor)
            self._inside += 1
            try:
                return original(tensor, *arguments, **keywords)
            finally:
                self._inside -= 1

        return patch.object(torch.Tensor, name, note)

    def _read(self, name: str, tensor: torch.Tensor) -> None:
        self.reads.append(name)
        self.bytes_to_host += tensor.nbytes

    def __enter__(self):
        self._inside = 0
        for each in self._patches:
            each.start()
        return super().__enter__()

    def __exit__(self, *error):
        for each in self._patches:
            each.stop()
        return super().__exit__(*error)

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        keywords = keywords or {}
        if function.__name__.startswith("_local_scalar_dense"):
            self._read("item", arguments[0])
        elif is_sized_by_values(function, arguments, keywords):
            self.waits.append(function.__name__)
        self.kernels += is_kernel(function)
        return function(*arguments, **keywords)

"""A device that is not the host, on a machine without a GPU: its tensors hold those of the CPU, and mixing is an error.

It is called ``meta``, as torch has a device of that name everywhere. All that asks a tensor for its device sees that it
is not a CPU, and takes the way of a GPU; numbers are computed by the CPU, and can be compared with its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from dispatches import is_kernel, is_sized_by_values
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

DEVICE = torch.device("meta")
_COPIES = ("aten._to_copy.default", "aten.copy_.default")  # the only operations that may see both devices


class MixedDevices(RuntimeError):
    """An operation was given tensors of both devices."""


class OnDevice(torch.Tensor):
    """A tensor that says it is on the device.

    Attributes:
        inner: Its content, on the CPU.
    """

    inner: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> OnDevice:
        made = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
        )
        made.inner = inner
        return made

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def new_tensor(self, data: Any, dtype: torch.dtype | None = None) -> torch.Tensor:
        return torch.tensor(data, dtype=dtype or self.dtype).to(DEVICE)

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        raise AssertionError("only within SimulatedDevice")


class SimulatedDevice(TorchDispatchMode):
    """The block in which the device is there.

    Attributes:
        to_host, to_device: Bytes of each copy from one to the other, in order.
        waits: Operations whose result has a shape that follows from values.
        unordered: Operations that a GPU does in any order, and for which torch has no other way.
        kernels: Operations that compute or copy.
    """

    def __init__(self) -> None:
        super().__init__()
        self.to_host: list[int] = []
        self.to_device: list[int] = []
        self.waits: list[str] = []
        self.unordered: list[str] = []
        self.kernels = 0
        self._stack = ExitStack()

    def clear(self) -> None:
        """Counts from zero."""
        for counts in (self.to_host, self.to_device, self.waits, self.unordered):
            counts.clear()
        self.kernels = 0

    def __enter__(self) -> SimulatedDevice:
        # Torch knows no mixed precision on this device, and fuses no optimizer for it.
        real = torch.autocast
        autocast = lambda kind, *a, **k: nullcontext() if kind == DEVICE.type else real(kind, *a, **k)  # noqa: E731
        self._stack.enter_context(patch.object(torch, "autocast", autocast))
        for name in ("tensor", "as_tensor"):  # of numbers, they would make torch's own tensors without content
            self._stack.enter_context(patch.object(torch, name, _sent(getattr(torch, name))))
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._stack.close()

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        keywords = dict(keywords or {})
        tensors = [leaf for leaf in tree_leaves((arguments, keywords)) if isinstance(leaf, torch.Tensor)]
        on_device = any(isinstance(tensor, OnDevice) for tensor in tensors)
        if any(not isinstance(tensor, OnDevice) and tensor.is_meta for tensor in tensors):
            raise AssertionError(f"{function} of a tensor without content")
        # A number is taken from the host as it is; everything else has to be where the rest is.
        on_host = any(not isinstance(tensor, OnDevice) and tensor.dim() > 0 for tensor in tensors)
        name = str(function)
        if on_device and on_host and name not in _COPIES:
            shapes = [(type(tensor).__name__, tuple(tensor.shape)) for tensor in tensors]
            raise MixedDevices(f"{name} of tensors on both devices: {shapes}")
        asked = keywords.get("device")
        there = on_device if asked is None else torch.device(asked).type == DEVICE.type
        if asked is not None and there:
            keywords["device"] = torch.device("cpu")
        if on_device or there:
            self.kernels += is_kernel(function)
            self.waits += [name] if is_sized_by_values(function, arguments, keywords) else []
            self.unordered += [name] if _is_unordered(name, arguments, keywords) else []
            self._note(name, tensors, on_device, there)
        inner_arguments, inner_keywords = tree_map_only(OnDevice, lambda tensor: tensor.inner, (arguments, keywords))
        result = function(*inner_arguments, **inner_keywords)
        if function._schema.is_mutable:
            return _mutated(arguments, result)
        if name == "aten._to_copy.default" and not there and result is inner_arguments[0]:
            result = result.clone()
        return tree_map_only(torch.Tensor, OnDevice, result) if there else result

    def _note(self, name: str, tensors: list[torch.Tensor], on_device: bool, there: bool) -> None:
        if name == "aten._local_scalar_dense.default" and on_device:
            self.to_host.append(tensors[0].element_size())
        elif name == "aten._to_copy.default" and on_device != there:
            (self.to_device if there else self.to_host).append(tensors[0].numel() * tensors[0].element_size())


def _is_text(argument: Any) -> bool:
    return isinstance(argument, str)


def _is_unordered(name: str, arguments: Any, keywords: Any) -> bool:
    """Whether ``torch.use_deterministic_algorithms`` stops at it on a GPU, by its documentation (torch 2.13)."""
    operation = name.removeprefix("aten.").partition(".")[0].rstrip("_")
    if operation == "cumsum":
        return bool(arguments[0].is_floating_point())
    if operation == "scatter_reduce":
        return not {"amin", "amax"} & {*filter(_is_text, (*arguments, *keywords.values()))}
    return operation in ("put", "histc", "kthvalue", "median", "nanmedian", "_embedding_bag_dense_backward")


def _sent(make: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A function that makes a tensor of numbers, which sends it where it is asked for."""

    def made(data: Any, *arguments: Any, device: Any = None, **keywords: Any) -> torch.Tensor:
        tensor = make(data, *arguments, **keywords)
        return tensor if device is None else tensor.to(device)

    return made


def _mutated(arguments: Any, result: Any) -> Any:
    """The arguments that an operation has changed, in place of what they hold."""
    outer = {id(leaf.inner): leaf for leaf in tree_leaves(arguments) if isinstance(leaf, OnDevice)}
    return tree_map_only(torch.Tensor, lambda tensor: outer.get(id(tensor), tensor), result)

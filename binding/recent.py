"""Values that are found once and kept as long as they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The last values by their keys; what has not been asked for longest is forgotten.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, Value] = OrderedDict()  # the last asked for at the end

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: bytes) -> bool:
        return key in self._kept

    def __getitem__(self, key: bytes) -> Value:
        """A value that is kept; this does not count as asking for it."""
        return self._kept[key]

    def of(self, key: bytes, find: Callable[[], Value]) -> Value:
        """The value of a key, found now where it is not kept."""
        if key not in self._kept:
            self.keep(key, find())
        self._kept.move_to_end(key)
        return self._kept[key]

    def keep(self, key: bytes, value: Value) -> None:
        """Take a value that was found elsewhere, as the last that was asked for."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()

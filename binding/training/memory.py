"""What a step on a CPU frees is kept for the next one."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

#: Numbers of ``mallopt`` in glibc's malloc.h, and the most that each takes: bytes free at the top of the heap from
#: which they are given back, and bytes of an array from which it gets pages of its own.
_MOST: Final = {-1: 2**31 - 1, -3: 32 * 2**20}


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Within the block the C library keeps freed memory, and gives it back to the system at the end.

    Else every step gives some back and asks for it again, page by page and each filled with zeros: an eighth of its
    time. Does nothing where the C library is not glibc.
    """
    library = _glibc()
    if library is None:
        yield
        return
    for parameter, most in _MOST.items():
        library.mallopt(parameter, most)
    try:
        yield
    finally:
        library.malloc_trim(0)


def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None

"""Arrays out of ``.npz`` files that may come from strangers."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, Final

import numpy as np

_MOST_INFLATED: Final = 1032  # times its size is the most that deflate can make of anything


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of a file; nothing in it is run, and no more memory is taken than its size allows.

    An array's header states its shape, and NumPy takes the memory for that before it reads a single number. So each
    shape is first compared with how many bytes the file has for it.

    Args:
        path: The file.

    Raises:
        ValueError: A shape does not match the bytes that follow it, or the array holds objects.
        OSError, EOFError, zipfile.BadZipFile, zlib.error: The file is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > member.compress_size * _MOST_INFLATED + 1024:
                raise ValueError(f"{member.filename} claims more bytes than the file can hold")
            with archive.open(member) as stream:
                _check_shape(member.filename, stream, member.file_size)
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _check_shape(name: str, stream: IO[bytes], size: int) -> None:
    """Compare an array's header with the bytes that follow it.

    Raises:
        ValueError: They differ.
    """
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError(f"{name} holds objects")
    declared = dtype.itemsize
    for length in shape:
        declared *= length  # of Python's integers, which do not overflow
    if declared != size - stream.tell():
        raise ValueError(f"{name} says that it has {declared} bytes, and has {size - stream.tell()}")

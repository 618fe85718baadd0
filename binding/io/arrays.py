"""Arrays out of ``.npz`` files that may come from strangers."""

from __future__ import annotations

import os
import tokenize
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

import numpy as np

_MOST_INFLATED: Final = 1032  # times its size is the most that deflate can make of anything
_USUAL: Final = 32  # times the file is more than all arrays of a cache, a prior or a training set take: three times
_SMALL: Final = 256 << 20  # bytes that any file may fill
_KINDS: Final = {"integer": "iu", "number": "f", "number or nan": "f", "text": "U"}
#: The kind of an array, a key of ``_KINDS``, and its axes: lengths, or names of lengths.
Layout = tuple[str, tuple[int | str, ...]]


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of a file; nothing in it is run, and no more memory is taken than its size allows.

    An array's header states its shape, and NumPy takes the memory for that before it reads a single number. So each
    shape is first compared with how many bytes the file has for it.

    Args:
        path: The file.

    Raises:
        ValueError: A shape does not match the bytes that follow it, an array holds objects, or all take far more
            memory than a file of its size has reason to.
        OSError, EOFError, zipfile.BadZipFile, zlib.error: The file is damaged.
    """
    try:
        _check_archive(path)
    except RuntimeError as error:  # a version or a compression of zip that nobody has, or a password
        raise zipfile.BadZipFile(str(error)) from None
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _check_archive(path: str | Path) -> None:
    """Compare what an archive says of its arrays with its size; see ``read_arrays``."""
    with zipfile.ZipFile(path) as archive:
        inflated = sum(member.file_size for member in archive.infolist())
        if inflated > max(_SMALL, _USUAL * os.path.getsize(path)):
            raise ValueError(f"its arrays take {inflated >> 20} MB, far more than a file of its size holds")
        for member in archive.infolist():
            if member.file_size > member.compress_size * _MOST_INFLATED + 1024:
                raise ValueError(f"{member.filename} claims more bytes than the file can hold")
            with archive.open(member) as stream:
                _check_shape(member.filename, stream, member.file_size)


def _check_shape(name: str, stream: IO[bytes], size: int) -> None:
    """Compare an array's header with the bytes that follow it.

    Raises:
        ValueError: They differ.
    """
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, _, dtype = read(stream)
    except (tokenize.TokenError, SyntaxError) as error:  # the header is Python's notation of a dictionary
        raise ValueError(f"{name} has no header that can be read: {error}") from None
    if dtype.hasobject:
        raise ValueError(f"{name} holds objects")
    declared = dtype.itemsize
    for length in shape:
        declared *= length  # of Python's integers, which do not overflow
    if declared != size - stream.tell():
        raise ValueError(f"{name} says that it has {declared} bytes, and has {size - stream.tell()}")


def check_arrays(arrays: Mapping[str, np.ndarray], layout: Mapping[str, Layout], what: str) -> dict[int | str, int]:
    """Compare arrays of a file with what whoever uses them takes for granted.

    Args:
        arrays: By name; others than those of the layout do not matter.
        layout: Kind and shape of each array.
        what: What the arrays are, for messages.

    Returns:
        The length of each named axis.

    Raises:
        ValueError: An array is missing, of another kind or shape, or holds a number that is not finite.
    """
    if missing := [name for name in layout if name not in arrays]:
        raise ValueError(f"{what} lacks {', '.join(missing)}")
    lengths: dict[int | str, int] = {}
    for name, (kind, axes) in layout.items():
        array = arrays[name]
        fits = len(array.shape) == len(axes) and all(
            lengths.setdefault(axis, axis if isinstance(axis, int) else length) == length
            for axis, length in zip(axes, array.shape, strict=True)
        )
        if not fits or array.dtype.kind not in _KINDS[kind]:
            raise ValueError(f"the arrays of {what} do not fit together: {name} is {array.dtype} of {array.shape}")
        if kind == "number" and not np.isfinite(array).all():
            raise ValueError(f"{what} has numbers that are not finite, in {name}")
    return lengths


def check_range(arrays: Mapping[str, np.ndarray], name: str, lowest: int, above: int, what: str) -> None:
    """Compare an array of integers with what it may hold: ``lowest`` and more, less than ``above``.

    Raises:
        ValueError: It holds something else.
    """
    array = arrays[name]
    if array.size and (int(array.min()) < lowest or int(array.max()) >= above):
        raise ValueError(f"{what} has {name} that are not from {lowest} to {above - 1}")


def check_counts(
    arrays: Mapping[str, np.ndarray], counts: Mapping[str, str], lengths: Mapping[int | str, int], what: str
) -> None:
    """Compare arrays that say how many parts each thing has with how many parts there are.

    Args:
        arrays: By name.
        counts: The axis whose parts are counted, by the name of the array that counts them.
        lengths: Of the axes, as ``check_arrays`` gives them.
        what: What the arrays are, for messages.

    Raises:
        ValueError: A count is negative, or together they are not as many as there are.
    """
    for name, axis in counts.items():
        check_range(arrays, name, 0, lengths[axis] + 1, what)
        if int(arrays[name].sum(dtype=np.int64)) != lengths[axis]:
            raise ValueError(f"{name} does not count the {axis} of {what}")

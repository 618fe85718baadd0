"""Arrays of strangers: read whole, or refused before memory is taken."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from binding.io.arrays import read_arrays


def member(shape: tuple[int, ...], data: bytes = b"", dtype: str = "<f8") -> bytes:
    """An array's bytes with a header that may lie."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue() + data


def write(path, **members: bytes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


def test_what_is_written_is_read(tmp_path):
    arrays = {
        "a": np.arange(6.0).reshape(2, 3),
        "b": np.zeros(0, dtype=np.uint8),
        "c": np.array("text"),
        "d": np.array(3),
    }
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    found = read_arrays(tmp_path / "x.npz")
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    np.savez(tmp_path / "plain.npz", **arrays)
    assert set(read_arrays(tmp_path / "plain.npz")) == set(arrays)


@pytest.mark.parametrize("shape", [(10**12,), (10**9, 10**9, 10**9), (2,), (-1,), (2**31, 2**31)])
def test_a_shape_that_lies_is_refused_before_memory_is_taken(tmp_path, shape):
    path = write(tmp_path / "x.npz", good=member((1,), bytes(8)), bad=member(shape, bytes(24)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"bad\.npy|shape"):
            read_arrays(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_size_beyond_what_deflate_can_make_is_refused(tmp_path):
    path = write(tmp_path / "x.npz", bad=member((3,), bytes(24)))
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02") + 24  # the size that the directory claims
    data[place : place + 4] = (3_000_000_000).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    with pytest.raises((ValueError, zipfile.BadZipFile)):
        read_arrays(path)


def test_objects_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", bad=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="objects"):
        read_arrays(tmp_path / "x.npz")

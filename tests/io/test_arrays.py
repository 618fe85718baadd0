"""Arrays of strangers: read whole, or refused before memory is taken."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from binding.io.arrays import check_arrays, check_range, read_arrays


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


def test_a_header_that_cannot_be_read_is_refused(tmp_path):
    path = write(tmp_path / "x.npz", bad=member((3,), bytes(24)).replace(b"(3,), }", b"(3,),  "))
    with pytest.raises(ValueError, match=r"bad\.npy has no header"):
        read_arrays(path)


LAYOUT = {"a": ("integer", ("rows", 2)), "b": ("number", ("rows",)), "c": ("text", ()), "d": ("number or nan", (1,))}
WHOLE = {"a": np.ones((3, 2), np.uint8), "b": np.ones(3), "c": np.array("x"), "d": np.array([np.nan])}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"b": None}, "it lacks b"),
        ({"a": np.ones((3, 3), int)}, "do not fit together: a is int64 of"),
        ({"a": np.ones((3, 2, 1), int)}, "a is int64 of"),
        ({"b": np.ones(2)}, "b is float64 of"),
        ({"b": np.ones(3, int)}, "b is int64 of"),
        ({"b": np.array([0, np.nan, 0])}, "it has numbers that are not finite, in b"),
        ({"c": np.array(1)}, "c is int64 of"),
        ({"d": np.array(["x"])}, "d is <U1 of"),
    ],
)
def test_arrays_are_held_against_a_layout(changes, told):
    assert check_arrays(WHOLE, LAYOUT, "it")["rows"] == 3
    arrays = {name: array for name, array in (WHOLE | changes).items() if array is not None}
    with pytest.raises(ValueError, match=told):
        check_arrays(arrays, LAYOUT, "it")


def test_integers_are_held_against_a_range():
    arrays = {"a": np.array([0, 7], np.uint8), "none": np.zeros(0, int)}
    check_range(arrays, "a", 0, 8, "it")
    check_range(arrays, "none", 5, 5, "it")
    for lowest, above in ((1, 8), (0, 7)):
        with pytest.raises(ValueError, match=f"it has a that are not from {lowest} to {above - 1}"):
            check_range(arrays, "a", lowest, above, "it")


def test_objects_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", bad=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="objects"):
        read_arrays(tmp_path / "x.npz")

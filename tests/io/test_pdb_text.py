"""PDB text is mended alike whether its lines are looked at together or, with other ends of lines, one by one."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from binding.errors import StructureError
from binding.io.flat import strings
from binding.io.pdb_text import mended_pdb

EXAMPLE = Path(__file__).parents[2] / "data" / "examples" / "1ia1_protein.pdb.gz"
PATH = Path("some.pdb")


def lines() -> list[bytes]:
    return gzip.decompress(EXAMPLE.read_bytes()).split(b"\n")


def first_atom(text: list[bytes]) -> int:
    return next(row for row, line in enumerate(text) if line.startswith(b"ATOM"))


def changed(what: str) -> bytes:
    text = lines()
    row = first_atom(text)
    if what == "no element":
        text[row] = text[row][:76]
    elif what == "short line":
        text[row] = text[row][:66]
    elif what == "digits for the element":
        text[row] = text[row][:76] + b" 1" + text[row][78:]
    elif what == "four letters":
        text[row] = text[row][:17] + b"NALA" + text[row][21:]
    elif what == "END within":
        text.insert(row + 50, b"END")
    elif what == "no last line end":
        text = [line for line in text if line.startswith((b"ATOM", b"HETATM"))]
    elif what == "no atoms":
        text = [line for line in text if not line.startswith((b"ATOM", b"HETATM"))]
    return b"\n".join(text)


@pytest.mark.parametrize(
    "what",
    [
        "nothing",
        "no element",
        "short line",
        "digits for the element",
        "four letters",
        "END within",
        "no last line end",
        "no atoms",
    ],
)
def test_lines_looked_at_together_are_mended_as_one_by_one(what):
    data = changed(what)
    together = mended_pdb(PATH, data)
    one_by_one = mended_pdb(PATH, data.replace(b"\n", b"\r\n"))
    assert together == one_by_one.replace(b"\r\n", b"\n").replace(b"\r", b"")


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
@pytest.mark.parametrize("number", [b"   x.000", b"        ", b"1.0 2.0 ", b" 1.0.00 "])
def test_coordinates_that_are_no_numbers_are_refused_with_any_line_ends(number, ends):
    text = lines()
    mended_pdb(PATH, ends.join(text))
    row = first_atom(text)
    text[row] = text[row][:30] + number + text[row][38:]
    with pytest.raises(StructureError) as caught:
        mended_pdb(PATH, ends.join(text))
    assert caught.value.code == "nan_coordinates"


def test_names_of_letters_beyond_ascii_are_read_as_well():
    names = ["CA", "", "N\u00b5", "ABCDEFGH"]
    rows = np.zeros((len(names), 8), dtype=np.uint8)
    for row, name in zip(rows, names, strict=True):
        encoded = name.encode()
        row[: len(encoded)] = np.frombuffer(encoded, dtype=np.uint8)
    assert strings(rows.view(np.int8), "<U4").tolist() == names
    assert strings(rows[:2], "<U4").dtype == np.dtype("<U4")
    assert strings(rows[:2], "<U4").tolist() == names[:2]
    assert strings(rows[:0], "<U4").tolist() == []
    assert strings(rows[3:], "<U4").tolist() == ["ABCDEFGH"]

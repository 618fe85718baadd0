"""Files that are small and unpack to what would fill the memory, or hold text without end, are refused in time."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from binding.errors import FileError
from binding.io import arrays, files, records, spreadsheet
from binding.io.arrays import read_arrays
from binding.io.files import read_bytes
from binding.io.ligand import BadRecord, read_ligands
from binding.io.records import split_records, text_lines
from binding.io.spreadsheet import read_spreadsheet

MB = 1 << 20


@pytest.fixture
def peak():
    """Most memory that Python took since the test began, MB, when it is called."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1] / MB
    tracemalloc.stop()


def bomb(path: Path, megabytes: int, byte: bytes = b" ") -> Path:
    """A gzip file of so much of one byte."""
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for _ in range(megabytes):
            stream.write(byte * MB)
    assert path.stat().st_size < MB
    return path


def test_a_file_that_is_read_as_a_whole(tmp_path, monkeypatch, peak):
    monkeypatch.setattr(files, "MOST_BYTES", 4 * MB)
    path = bomb(tmp_path / "protein.pdb.gz", 64)
    with pytest.raises(FileError, match="holds more than 4 MB") as error:
        read_bytes(path)
    assert error.value.code == "unreadable"
    assert peak() < 16
    (tmp_path / "plain.pdb").write_bytes(b" " * 5 * MB)
    with pytest.raises(FileError, match="holds more than 4 MB"):
        read_bytes(tmp_path / "plain.pdb")


def test_a_line_without_end(tmp_path, monkeypatch, peak):
    monkeypatch.setattr(records, "_MOST_LINE", MB)
    path = bomb(tmp_path / "library.smi.gz", 64, b"C")
    with pytest.raises(FileError, match="a line of more than 1 MB"):
        list(text_lines(path))
    assert peak() < 16


def test_a_record_without_end_comes_after_the_good_ones(tmp_path, monkeypatch, examples):
    monkeypatch.setattr(records, "_MOST_RECORD", MB)
    good = (examples / "1ia1_ligand.sdf").read_bytes()
    path = tmp_path / "library.sdf.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write((good + b"$$$$\n") * 2)
        for _ in range(8):
            stream.write((b"a" * 1023 + b"\n") * 1024)
    with pytest.raises(FileError, match="a record of more than 1 MB"):
        list(split_records(path))
    first, second, last = read_ligands(path)
    assert isinstance(last, BadRecord)
    assert (first.num_atoms, last.error.code) == (second.num_atoms, "unreadable")


def test_many_good_records_are_no_long_one(tmp_path, monkeypatch, examples):
    good = (examples / "1ia1_ligand.sdf").read_text()
    monkeypatch.setattr(records, "_MOST_RECORD", 2 * len(good))
    (tmp_path / "library.sdf").write_text(good * 20)
    assert len(list(split_records(tmp_path / "library.sdf"))) == 20


def test_a_tag_of_very_many_lines_takes_no_time(tmp_path, examples):
    good = (examples / "1ia1_ligand.sdf").read_text()
    lines = "  1  2\n" * 200_000
    (tmp_path / "tagged.sdf").write_text(f"{good}> <numbers>\n{lines}\n$$$$\n{good}")
    begun = time.process_time()
    tagged, _ = split_records(tmp_path / "tagged.sdf")
    assert tagged.count("\n") > 200_000
    assert time.process_time() - begun < 20  # by looking back from each line: hours


@pytest.mark.parametrize("many", ["cells", "bytes"])
def test_a_spreadsheet(tmp_path, monkeypatch, many):
    path = tmp_path / "table.xlsx"
    pd.DataFrame({"smiles": ["C" * 1000] * 200}).to_excel(path, index=False)
    assert read_spreadsheet(path).count("\n") == 201
    if many == "bytes":
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/media/picture.bin", bytes(2 * MB))
        monkeypatch.setattr(spreadsheet, "MOST_BYTES", MB)
    else:
        monkeypatch.setattr(spreadsheet, "MOST_BYTES", 100_000)
        monkeypatch.setattr(spreadsheet, "_check_size", lambda path: None)
    with pytest.raises(FileError, match=r"holds (more|a table of more) than") as error:
        read_spreadsheet(path)
    assert error.value.code == "unreadable"


def test_arrays(tmp_path, monkeypatch):
    path = tmp_path / "cache.npz"
    np.savez_compressed(path, zeros=np.zeros(MB, dtype=np.uint8))
    assert read_arrays(path)["zeros"].size == MB
    monkeypatch.setattr(arrays, "_SMALL", MB // 2)
    with pytest.raises(ValueError, match="far more than a file of its size"):
        read_arrays(path)

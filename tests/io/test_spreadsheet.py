"""Spreadsheets as tables, in and out."""

from __future__ import annotations

import zipfile

import pandas as pd
import pytest

from binding.errors import FileError, UsageError
from binding.io.predictions import read_predictions
from binding.io.results import ResultRow, write_results
from binding.io.rows import read_rows
from binding.io.series import read_series
from binding.io.spreadsheet import read_spreadsheet
from binding.screening.library import Library
from binding.screening.library_digest import fingerprint


@pytest.fixture
def series(tmp_path):
    path = tmp_path / "series.xlsx"
    pd.DataFrame({"smiles": ["CCO", "CCN"], "id": ["a, b", None], "pk": [5.0, 6.25]}).to_excel(path, index=False)
    return path


def test_cells_are_as_they_would_be_in_a_csv_file(series):
    assert read_spreadsheet(series) == 'smiles,id,pk\nCCO,"a, b",5\nCCN,,6.25\n'
    assert [row.cells["id"] for row in read_rows(series, ("smiles",))] == ["a, b", ""]


def test_compounds_of_a_spreadsheet_can_be_placed_and_screened(series):
    assert [compound.name for compound in read_series(series)] == ["a, b", "series_2"]
    library = Library([series])
    assert library.has_smiles
    assert [(record.text, record.name) for record in library.records()] == [("CCO", "a, b"), ("CCN", "series:2")]
    assert fingerprint(library).records == 2


@pytest.mark.parametrize("name", ["rows.xlsx", "rows.tsv"])
def test_results_go_out_and_come_back(tmp_path, name):
    rows = [ResultRow("1e66", "p.pdb", "x\ty", pk=7.25, heavy_atoms=12, in_domain=True), ResultRow("b", "p.pdb", "z")]
    write_results(rows, tmp_path / name)
    back = read_predictions(tmp_path / name)
    assert back["id"].tolist() == ["1e66", "b"]
    assert back["ligand"].tolist() == ["x\ty", "z"]
    assert back["pk"].tolist()[0] == 7.25
    assert back["pk"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"</sheetData>", b""), (b'r="A1"', b'r="f"'), (b'Target="/xl/worksheets/sheet1.xml"', b'Target="/xl/none.xml"')],
)
def test_a_damaged_part_of_a_spreadsheet_is_refused(tmp_path, old, new):
    whole, path = tmp_path / "whole.xlsx", tmp_path / "damaged.xlsx"
    pd.DataFrame({"id": ["a"], "pk": [6.5]}).to_excel(whole, index=False)
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(path, "w") as damaged:
        parts = {name: archive.read(name) for name in archive.namelist()}
        assert sum(part.count(old) for part in parts.values()) == 1
        for name, part in parts.items():
            damaged.writestr(name, part.replace(old, new))
    with pytest.raises(FileError, match=r"damaged\.xlsx cannot be read as a spreadsheet") as caught:
        read_spreadsheet(path)
    assert caught.value.code == "wrong_format"


def test_what_is_no_spreadsheet_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.xlsx"
    path.write_text("smiles\nCCO\n")
    with pytest.raises(FileError, match="cannot be read as a spreadsheet"):
        read_spreadsheet(path)
    with pytest.raises(FileError, match="There is no file"):
        read_spreadsheet(tmp_path / "none.xlsx")
    monkeypatch.setattr("binding.io.spreadsheet.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="need openpyxl"):
        write_results([], tmp_path / "b.xlsx")

"""Tables of predictions: formats, separators, ids that look like numbers, what is a table of pairs."""

import gzip

import pandas as pd
import pytest

from binding.errors import FileError
from binding.io.predictions import holds_predictions, read_predictions

TABLE = pd.DataFrame({"id": ["1e66", "0012"], "pk": [6.5, 7.25]})


def write(path):
    if path.suffix == ".parquet":
        TABLE.to_parquet(path)
    elif path.suffix == ".jsonl":
        TABLE.to_json(path, orient="records", lines=True)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(TABLE.to_csv(index=False).encode()))
    else:
        TABLE.to_csv(path, index=False, sep={".tsv": "\t", ".txt": ";"}.get(path.suffix, ","))
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t.jsonl", "t.parquet", "t.csv.gz"])
def test_every_format_keeps_ids_as_text(tmp_path, name):
    path = write(tmp_path / name)
    table = read_predictions(path)
    assert table["id"].tolist() == ["1e66", "0012"]
    assert table["pk"].tolist() == [6.5, 7.25]
    assert holds_predictions(path)


@pytest.mark.parametrize("first", ["", "sep=;\n"])
def test_decimal_commas(tmp_path, first):
    path = tmp_path / "t.csv"
    path.write_text(f"{first}id;pk;vina;n\n1e66;6,5;-8,25;3\n0012;7;;4\n")
    table = read_predictions(path)
    assert table["id"].tolist() == ["1e66", "0012"]
    assert table["pk"].tolist() == [6.5, 7.0]
    assert table["vina"].fillna(0).tolist() == [-8.25, 0.0]
    assert holds_predictions(path)


@pytest.mark.parametrize("torn", ["b,p.pdb,7.", "b", "b,p.pdb,7.0,ok,x"])
def test_of_a_row_that_does_not_fit_only_the_id_is_there(tmp_path, torn):
    path = tmp_path / "t.csv"
    path.write_text(f"id,protein,pk,status\na,p.pdb,6.5,ok\n{torn}\nc,p.pdb,8.5,ok\n")
    table = read_predictions(path)
    assert table["id"].tolist() == ["a", "b", "c"]
    assert table["pk"].isna().tolist() == [False, True, False]
    assert table.drop(columns="id").isna().all(axis=1).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("id,protein,ligand", False),
        ("id;protein;ligand;pocket", False),
        ("receptor,ligand", False),
        ("id,protein,ligand,pk,status", True),
        ("id,pk", True),
        ("sep=;\nid;protein;ligand", False),
    ],
)
def test_a_table_of_pairs_is_told_from_predictions(tmp_path, header, expected):
    path = tmp_path / "t.csv"
    path.write_text(header + "\n")
    assert holds_predictions(path) is expected


def test_folders_and_structures_hold_no_predictions(tmp_path):
    assert not holds_predictions(tmp_path)
    assert not holds_predictions(tmp_path / "complex.cif")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("t.csv", b"", "empty_file"),
        ("t.csv", b"<html></html>", "wrong_format"),
        ("t.csv", b"\xff\xfe\xff", "wrong_format"),
        ("t.parquet", b"PAR1 not really", "wrong_format"),
        ("t.jsonl", b"{", "wrong_format"),
        ("t.jsonl", b'{"id": "a"}\n1\n', "wrong_format"),
        ("t.parquet", b"PAR1" + bytes(40) + b"PAR1", "wrong_format"),
        ("t.xlsx", b"PK", "wrong_format"),
        ("t.csv", None, "file_not_found"),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(tmp_path, name, content, code):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_predictions(path)
    assert caught.value.code == code
    assert caught.value.hint


def test_a_cell_beyond_what_a_table_may_hold_costs_its_row_alone(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"id,pk\na,6.5\nb,{'7' * 140_000}\nc,8.5\n")
    table = read_predictions(path)
    assert table["id"].tolist()[0] == "a"
    assert table["pk"].isna().tolist() == [False, True, False]


def test_other_files_are_no_predictions(tmp_path):
    with pytest.raises(FileError, match=r"complex\.cif is not a table of predictions") as caught:
        read_predictions(tmp_path / "complex.cif")
    assert caught.value.code == "wrong_format"

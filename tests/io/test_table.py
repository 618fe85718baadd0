from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from binding.errors import FileError, TableError
from binding.io.ligand import BadRecord
from binding.io.table import find_complex_files, read_folder, read_requests

PAIRS = "id,protein,ligand\na,p.pdb,l.sdf\nb,p.pdb,m.sdf\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


# ---------------------------------------------------------------- requests


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_separator_is_found_from_the_header(tmp_path, separator):
    requests = read_requests(write(tmp_path / "pairs.csv", PAIRS.replace(",", separator)))
    assert [(r.id, r.protein, r.ligand) for r in requests] == [
        ("a", tmp_path / "p.pdb", tmp_path / "l.sdf"),
        ("b", tmp_path / "p.pdb", tmp_path / "m.sdf"),
    ]


@pytest.mark.parametrize(
    ("ending", "encoding"),
    [("\r\n", "utf-8"), ("\r", "utf-8"), ("\n", "utf-8-sig"), ("\n", "utf-16"), ("\n\n", "utf-8"), (",,\n", "utf-8")],
)
def test_what_spreadsheets_write_is_read(tmp_path, ending, encoding):
    path = write(tmp_path / "pairs.csv", PAIRS.replace("\n", ending), encoding)
    assert [r.id for r in read_requests(path)] == ["a", "b"]


def test_gzipped_table(tmp_path):
    path = tmp_path / "pairs.csv.gz"
    path.write_bytes(gzip.compress(PAIRS.encode()))
    assert len(read_requests(path)) == 2


def test_relative_paths_start_at_the_table(tmp_path, monkeypatch):
    (tmp_path / "tables").mkdir()
    path = write(tmp_path / "tables" / "pairs.csv", "id,protein,ligand\na,../p.pdb,/abs/l.sdf\n")
    monkeypatch.chdir(tmp_path)
    (request,) = read_requests("tables/pairs.csv")
    assert request.protein.resolve() == (tmp_path / "p.pdb").resolve()
    assert request.ligand == Path("/abs/l.sdf")
    assert read_requests(path)[0].protein.resolve() == (tmp_path / "p.pdb").resolve()


def test_order_and_other_columns_are_kept(tmp_path):
    text = "ligand,pk,id,protein,Series Name\nl.sdf,6.4,z,p.pdb,one\nl.sdf,,a,p.pdb,two\n"
    requests = read_requests(write(tmp_path / "pairs.csv", text))
    assert [r.id for r in requests] == ["z", "a"]
    assert requests[0].extra == {"pk": "6.4", "Series Name": "one"}
    assert requests[1].extra == {"pk": "", "Series Name": "two"}


def test_receptor_is_another_word_for_protein(tmp_path):
    (request,) = read_requests(write(tmp_path / "t.csv", "Receptor,Ligand\np.pdb,l.sdf\n"))
    assert (request.id, request.protein) == (None, tmp_path / "p.pdb")


@pytest.mark.parametrize("cell", ["auto", "LIG", "A:LIG:301", "B:017:-5A", "A:NAG:1+A:NAG:2"])
def test_a_ligand_inside_the_complex_stays_a_selection(tmp_path, cell):
    (request,) = read_requests(write(tmp_path / "t.csv", f"id,protein,ligand\na,c.cif,{cell}\n"))
    assert request.ligand == cell


def test_a_file_named_like_a_selection_is_a_file(tmp_path):
    (tmp_path / "LIG").write_text("")
    (request,) = read_requests(write(tmp_path / "t.csv", "id,protein,ligand\na,c.cif,LIG\n"))
    assert request.ligand == tmp_path / "LIG"


def test_pocket_is_a_file_or_words(tmp_path):
    text = "id,protein,ligand,pocket\na,p.pdb,l.sdf,ref.sdf.gz\nb,p.pdb,l.sdf,\nc,p.pdb,l.sdf,A:25 A:30\n"
    requests = read_requests(write(tmp_path / "t.csv", text))
    assert [r.pocket for r in requests] == [tmp_path / "ref.sdf.gz", None, "A:25 A:30"]


def test_a_quoted_cell_may_hold_the_separator(tmp_path):
    (request,) = read_requests(write(tmp_path / "t.csv", 'id,protein,ligand\n"a,1","p,x.pdb",l.sdf\n'))
    assert (request.id, request.protein.name) == ("a,1", "p,x.pdb")


@pytest.mark.parametrize(
    ("text", "said", "hinted"),
    [
        ("id,protein\na,p.pdb\n", "no column 'ligand'", "Columns found: id, protein"),
        ("id protein ligand\na p.pdb l.sdf\n", "no column 'protein' and no column 'ligand'", "id protein ligand"),
        ("1abc,p.pdb,l.sdf\n", "no column 'protein'", "first line names the columns"),
        ("id,protein,ligand\na,p.pdb,l.sdf\na,q.pdb,l.sdf\n", "'a' is on line 2 and on line 3", "id of its own"),
        ("id,protein,ligand\na;p.pdb;l.sdf\n", "',' between the names of its columns, and no row has", "alike"),
        ("id,protein,ligand,pk,pk\na,p,l,1,2\n", "column 'pk' twice", "rename"),
        ("id,protein,ligand\n", "no row", "header"),
    ],
)
def test_a_wrong_table_says_what_is_wrong(tmp_path, text, said, hinted):
    with pytest.raises(TableError) as caught:
        read_requests(write(tmp_path / "pairs.csv", text))
    assert said in caught.value.message
    assert hinted in caught.value.hint


@pytest.mark.parametrize(
    ("row", "id", "code", "said", "hinted"),
    [
        ("a,p.pdb", "a", "bad_row", "line 3: 2 cells for 3 columns", "Columns: id, protein, ligand"),
        ("a", "a", "bad_row", "line 3: 1 cell for 3 columns", "needs its separator too"),
        ("a,p.pdb,l.sdf,x", "a", "bad_row", "line 3: 4 cells for 3 columns", "double quotes"),
        ("a,,l.sdf", "a", "bad_row", "line 3: the cell under 'protein' is empty", "Fill it in."),
        ("a,p.pdb,", "a", "bad_row", "line 3: the cell under 'ligand' is empty", "Fill it in."),
        (",p.pdb,l.sdf", "line 3", "bad_id", "line 3: the cell under 'id' is empty", "Fill it in."),
        (",p.pdb", "line 3", "bad_row", "line 3: 2 cells for 3 columns", "Columns"),
        ("z,p.pdb", "z", "bad_row", "line 3: 2 cells for 3 columns", "Columns"),  # the id of another row
    ],
)
def test_a_row_that_does_not_fit_is_one_bad_request(tmp_path, row, id, code, said, hinted):
    text = f"id,protein,ligand\ny,p.pdb,l.sdf\n{row}\nz,p.pdb,l.sdf\n"
    first, bad, last = read_requests(write(tmp_path / "pairs.csv", text))
    assert [first.id, bad.id, last.id] == ["y", id, "z"]
    assert isinstance(bad.ligand, BadRecord)
    assert bad.ligand.error.code == code
    assert said in bad.ligand.error.message
    assert hinted in bad.ligand.error.hint
    assert isinstance(first.ligand, Path)
    assert isinstance(last.ligand, Path)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "file_not_found"),
        (b"", "empty_file"),
        (b"  \n\n", "empty_file"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "wrong_format"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00\xb5\xd6", "wrong_format"),  # .xlsx
        (gzip.compress(PAIRS.encode(), mtime=0)[:-9], "unreadable"),
    ],
)
def test_what_is_no_table_is_told_from_a_wrong_one(tmp_path, content, code):
    path = tmp_path / "pairs.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_requests(path)
    assert caught.value.code == code


# ---------------------------------------------------------------- folders


def test_folder_in_pdbbind_layout(tmp_path):
    for name in (
        "2xyz/2xyz_pocket.pdb.gz",
        "2xyz/2xyz_ligand.mol2",
        "1abc/1abc_pocket.pdb",
        "1abc/1abc_protein.pdb",
        "1abc/1abc_ligand.mol2",
        "1abc/1abc_ligand.sdf",
        "3rec/3rec_pocket.pdb.gz",
        "3rec/3rec_ligands.sdf.gz",
        "4bad/4bad_protein.pdb",
        "index/INDEX_refined_data.2020",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    requests = read_folder(tmp_path)
    assert [(r.id, r.protein.name, r.ligand.name) for r in requests] == [
        ("1abc", "1abc_protein.pdb", "1abc_ligand.sdf"),
        ("2xyz", "2xyz_pocket.pdb.gz", "2xyz_ligand.mol2"),
        ("3rec", "3rec_pocket.pdb.gz", "3rec_ligands.sdf.gz"),
        ("4bad", "4bad_protein.pdb", "4bad_ligand.sdf"),  # missing: it will fail by name, it is not dropped
    ]


def test_folder_without_complexes_is_refused(tmp_path):
    (tmp_path / "notes").mkdir()
    with pytest.raises(TableError, match="No complex was found"):
        read_folder(tmp_path)


def test_folder_that_does_not_exist(tmp_path):
    with pytest.raises(FileError) as caught:
        read_folder(tmp_path / "nowhere")
    assert caught.value.code == "file_not_found"


def test_files_of_one_complex(tmp_path):
    folder = tmp_path / "1abc"
    folder.mkdir()
    (folder / "1abc_pocket.pdb.gz").touch()
    with pytest.raises(FileError, match=r"has no 1abc_ligand.sdf or .mol2\.$") as caught:
        find_complex_files(folder)
    assert caught.value.code == "file_not_found"
    (folder / "1abc_ligand.sdf.gz").touch()
    assert [path.name for path in find_complex_files(folder)] == ["1abc_pocket.pdb.gz", "1abc_ligand.sdf.gz"]


def test_evaluation_data(shared_data):
    assert len(read_folder(shared_data / "casf2016")) == 285

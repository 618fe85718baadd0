"""Rows from a folder, a table of paths, and one protein with its ligands; none is lost."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from complexes import write_complex, write_library

from binding import api
from binding.data.entries import dataset_rows, library_rows, read_complexes, read_content
from binding.errors import FileError, TableError, UsageError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def codes(rows) -> dict[str, str | None]:
    return {row.id: None if row.error is None else row.error.code for row in rows}


# ---------------------------------------------------------------- folders


def test_a_complex_is_named_by_its_receptor_or_by_its_id(tmp_path):
    write(tmp_path / "index.csv", "id,receptor,pk\na,rec,5\nb,rec,6\nc,,7\n")
    rows = dataset_rows(tmp_path)
    assert [(row.id, row.folder.name, row.ligand) for row in rows] == [
        ("a", "rec", None),
        ("b", "rec", None),
        ("c", "c", None),
    ]


def test_a_column_protein_may_hold_the_name_of_the_protein(tmp_path):
    write_complex(tmp_path, "a", "4cup")
    write(tmp_path / "index.csv", "id,protein,pk\na,Thrombin,5\n")
    (row,) = dataset_rows(tmp_path)
    assert row.files()[0] == tmp_path / "a" / "a_protein.pdb"


def test_a_complex_without_files_says_so_when_they_are_asked_for(tmp_path):
    write(tmp_path / "index.csv", "id,pk\na,5\n")
    (row,) = dataset_rows(tmp_path)
    assert row.error is None
    with pytest.raises(FileError) as caught:
        row.files()
    assert caught.value.code == "file_not_found"


def test_what_is_neither_folder_nor_table(tmp_path):
    with pytest.raises(FileError) as caught:
        dataset_rows(tmp_path / "nowhere")
    assert caught.value.code == "file_not_found"


# ---------------------------------------------------------------- tables of paths


def test_a_table_of_paths(tmp_path):
    table = write(
        tmp_path / "tables" / "set.csv",
        "ID;Receptor;Ligand;affinity;series\n"
        "a;../p.pdb;../a.sdf;Ki=12nM;one\n"
        "b;../p.pdb;/abs/b.sdf;IC50>10uM;one\n"
        "c;../c.cif;A:LIG:301;Kd~0.3 mM;two\n",
    )
    rows = dataset_rows(table)
    folder = tmp_path / "tables"
    assert [row.files() for row in rows] == [
        (folder / "../p.pdb", folder / "../a.sdf"),
        (folder / "../p.pdb", Path("/abs/b.sdf")),
        (folder / "../c.cif", "A:LIG:301"),
    ]
    assert [(round(row.entry.affinity.pk, 2), row.entry.affinity.relation) for row in rows] == [
        (7.92, "="),
        (5.0, "<"),
        (3.52, "~"),
    ]
    assert rows[2].entry.extra["series"] == "two"


def test_a_free_energy_is_an_affinity(tmp_path):
    table = write(tmp_path / "set.csv", "id,protein,ligand,dg_kcal_mol\na,p.pdb,a.sdf,-8.185\n")
    assert dataset_rows(table)[0].entry.affinity.pk == pytest.approx(6.0, abs=1e-3)


def test_a_row_that_names_no_file(tmp_path):
    table = write(tmp_path / "set.csv", "id,protein,ligand,pk\na,p.pdb,,5\nb,,b.sdf,5\nc,p.pdb,c.sdf,5\n")
    assert codes(dataset_rows(table)) == {"a": "bad_row", "b": "bad_row", "c": None}


def test_a_row_that_does_not_fit_costs_no_other(tmp_path):
    text = "id;protein;ligand;pocket;pk\na;p.pdb;a.sdf;;5,5\nb;p.pdb\nc;p.pdb;c.sdf;x;5,5;y\n;p.pdb\nd;p.pdb;d.sdf;;6\n"
    rows = dataset_rows(write(tmp_path / "set.csv", text))
    assert codes(rows) == {"a": None, "b": "bad_row", "c": "bad_row", "line 5": "bad_row", "d": None}
    assert [row.entry.affinity.pk for row in rows if row.error is None] == [5.5, 6.0]


def test_an_index_beside_a_table_is_refused(tmp_path):
    table = write(tmp_path / "set.csv", "id,protein,ligand,pk\na,p.pdb,a.sdf,5\n")
    with pytest.raises(UsageError, match="holds the affinities itself"):
        dataset_rows(table, table)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id protein ligand pk\na p.pdb a.sdf 5\n", "no column 'id'"),
        ("id,protein,ligand,pk\na;p.pdb;a.sdf;5\n", "',' between the names of its columns, and no row has"),
        ("id,protein,pk\na,p.pdb,5\n", "no column 'ligand'"),
        ("id,protein,ligand,year\na,p.pdb,a.sdf,2001\n", "no column of affinities"),
        ("id,protein,ligand,pk\n", "no row"),
        ("id,protein,ligand,pocket,pk\na,p.pdb,a.sdf,,5\nb,p.pdb,b.sdf,ref.sdf,5\n", "chooses a pocket for 'b'"),
    ],
)
def test_a_table_that_is_wrong_as_a_whole(tmp_path, text, said):
    with pytest.raises(TableError) as caught:
        dataset_rows(write(tmp_path / "set.csv", text))
    assert said in caught.value.message
    assert caught.value.hint


# ---------------------------------------------------------------- doubtful rows


def test_doubtful_rows_say_why_and_cost_no_other(tmp_path):
    write(
        tmp_path / "index.csv",
        "id,affinity,year\n"
        "good,Ki=12nM,2001\n"
        "unlabelled,,2001\n"
        "unit,Ki=12 furlongs,2001\n"
        "strong,Ki=1e-9fM,2001\n"
        "weak,Kd=500M,2001\n"
        ",Ki=1nM,2001\n"
        "same,Ki=1nM,2001\n"
        "same,Ki=1nM,2001\n"
        "other,Ki=1nM,2001\n"
        "other,Ki=2nM,2001\n"
        "last,Kd=1uM,2002\n",
    )
    rows = dataset_rows(tmp_path)
    assert [(row.id, None if row.error is None else row.error.code) for row in rows] == [
        ("good", None),
        ("unlabelled", "no_affinity"),
        ("unit", "bad_unit"),
        ("strong", "bad_affinity"),
        ("weak", "bad_affinity"),
        ("line 7", "bad_id"),
        ("same", None),
        ("same", "duplicate_id"),
        ("other", "duplicate_id"),
        ("other", "duplicate_id"),
        ("last", None),
    ]
    assert "lines 10, 11" in rows[8].error.message
    assert all(row.error is None or row.error.hint for row in rows)


def test_a_concentration_taken_for_a_pk_and_a_free_energy_of_the_wrong_sign(tmp_path):
    write(tmp_path / "index.csv", "id,pk,dg_kcal_mol\nnanomolar,350,\npositive,,8.5\nfine,6.2,\n")
    assert codes(dataset_rows(tmp_path)) == {"nanomolar": "bad_affinity", "positive": "bad_affinity", "fine": None}


def test_splitting_sees_one_row_an_id_and_why_it_cannot_be_used(tmp_path):
    for name in ("a", "b"):
        write_complex(tmp_path, name, "4cup")
    write(tmp_path / "index.csv", "id,pk\na,5\na,5\nb,\n")
    rows = read_complexes([tmp_path])
    assert codes(rows) == {"a": None, "b": "no_affinity"}
    content = read_content(rows, proteins=True, ligands=True)
    assert {name: error.code for name, error in content.failed.items()} == {"b": "no_affinity"}
    assert content.mols["a"].GetNumAtoms() == 11
    assert content.chains[tmp_path / "a"]


def test_a_ligand_inside_a_complex_is_read(examples, tmp_path):
    path = examples / "4cup_complex.cif.gz"
    table = write(tmp_path / "set.csv", f"id,protein,ligand,pk\na,{path},A:ZYB:2971,5\nb,{path},A:XXX:1,5\n")
    content = read_content(read_complexes([table]), proteins=False, ligands=True)
    assert content.mols["a"].GetNumAtoms() == 11
    assert content.failed["b"].code == "ligand_not_found"


def test_a_table_can_be_split(tmp_path):
    lines = [f"x{number},p.pdb,x{number}.sdf,{'' if number == 3 else 5}" for number in range(20)]
    table = write(tmp_path / "set.csv", "\n".join(["id,protein,ligand,pk", *lines, ""]))
    result = api.split([table], by="random")
    assert result.table["id"].tolist() == [f"x{number}" for number in range(20)]
    assert result.counts == {"train": 15, "validation": 2, "test": 2, "left_out": 1}
    assert result.table["reason"][3].startswith("no_affinity: ")


# ---------------------------------------------------------------- one protein with its ligands


def test_records_without_a_row_are_rows_without_an_affinity(tmp_path):
    protein, ligands, index = write_library(tmp_path, ["a", "b", "c", "d"])
    write(index, "id,pk\nc,6\na,5\nmissing,7\n")
    rows = library_rows(protein, [ligands], index)
    assert codes(rows) == {"c": None, "a": None, "missing": None, "b": "no_affinity", "d": "no_affinity"}
    assert {row.files() for row in rows if row.error is None} == {(protein, ligands)}


def test_ligands_in_several_files(tmp_path):
    protein, first, index = write_library(tmp_path, ["a", "b"])
    second = tmp_path / "more.sdf.gz"
    second.write_bytes(gzip.compress(first.read_bytes().replace(b"a\n", b"c\n", 1)))  # c, and b once more
    write(index, "id,pk\na,5\nb,6\nc,7\n")
    rows = library_rows(protein, [first, second], index)
    assert codes(rows) == {"a": None, "b": "several_ligands", "c": None}
    assert [row.ligand for row in rows if row.error is None] == [first, second]


@pytest.mark.parametrize("missing", ["protein", "ligands", "index"])
def test_a_file_that_is_not_there(tmp_path, missing):
    files = dict(zip(("protein", "ligands", "index"), write_library(tmp_path, ["a"]), strict=True))
    files[missing].unlink()
    with pytest.raises(FileError) as caught:
        library_rows(files["protein"], [files["ligands"]], files["index"])
    assert caught.value.code == "file_not_found"

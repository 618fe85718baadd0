"""Which complexes a table asks for: every row comes out, with a request or a refusal."""

from __future__ import annotations

import pytest

from binding.archive.ids import read_wanted
from binding.errors import TableError
from binding.io.index import read_index


@pytest.fixture
def read(tmp_path):
    def read(text: str):
        path = tmp_path / "ids.csv"
        path.write_text(text, encoding="utf-8")
        return read_wanted(path)

    return read


def test_ids_alone_are_enough(read):
    rows = read("pdb_id\n4CUP\n6wqa\npdb_00001ABC\n")
    assert [(row.id, row.pdb_id, row.ligand) for row in rows] == [
        ("4CUP", "4cup", "auto"),
        ("6wqa", "6wqa", "auto"),
        ("pdb_00001ABC", "pdb_00001abc", "auto"),
    ]
    assert all(row.refusal is None and row.columns == {} for row in rows)


def test_every_column(read):
    (row,) = read(
        "id,PDB_ID,ligand_code,chain,number,SMILES,affinity,target\nmine-1,4CUP,zyb,A,2971,CCO,Ki=12nM,BAZ2B\n"
    )
    assert row.id == "mine-1"
    assert row.request == {"pdb_id": "4cup", "ligand": "ZYB", "chain": "A", "number": "2971", "smiles": "CCO"}
    assert row.columns == {"affinity": "Ki=12nM", "target": "BAZ2B"}


def test_groups_in_one_cell(read):
    rows = read("pdb_id;ligand\n4cup;A:ZYB:2971\n4cuq;A:NAG:1+A:NAG:2\n4cur;AUTO\n")
    assert [row.ligand for row in rows] == ["A:ZYB:2971", "A:NAG:1+A:NAG:2", "auto"]
    assert [row.refusal for row in rows] == [None] * 3


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("../4cup,4cup,,,,5", "bad_id"),
        (".hidden,4cup,,,,5", "bad_id"),
        ("a/b,4cup,,,,5", "bad_id"),
        (",4cup,,,,5", "bad_id"),
        ("mine,P00533,,,,5", "bad_id"),
        ("mine,4cu,,,,5", "bad_id"),
        ("mine,4cup,3-mer,,,5", "bad_ligand_name"),
        ("mine,4cup,,A,,5", "bad_ligand_name"),
        ("mine,4cup,A:ZYB:2971,B,,5", "bad_ligand_name"),
        ("mine,4cup,ZYB,A,first,5", "bad_ligand_name"),
        ("mine,4cup,ZYB,,,5,5", "bad_row"),
        ("mine,4cup,ZYB,,,", "no_affinity"),
        ("mine,4cup,ZYB,,,strong", "bad_affinity"),
        ("MINE0,4cup,ZYB,,,5", "duplicate_id"),
    ],
)
def test_a_bad_row_is_refused_and_costs_no_other(read, row, code):
    rows = read(f"id,pdb_id,ligand_code,chain,number,pk\nmine0,4cup,ZYB,,,6.0\n{row}\nlast,6wqa,ZMA,,,7.0\n")
    assert [row.refusal is None for row in rows] == [True, False, True]
    assert rows[1].refusal.code == code
    assert rows[1].refusal.hint
    assert rows[1].columns["pk"] == row.rpartition(",")[2]


def test_a_column_that_would_name_the_folder_is_renamed(read):
    (row,) = read("id,protein\n4cup,BAZ2B\n")
    assert row.columns == {"protein_name": "BAZ2B"}


def test_a_table_without_ids(read):
    with pytest.raises(TableError, match="no column 'id'"):
        read("entry,pk\n4cup,5\n")


def test_an_index_of_pdbbind_keeps_the_published_signs(tmp_path):
    path = tmp_path / "INDEX"
    path.write_text(
        "# PDB code, resolution, release year, -logKd/Ki, Kd/Ki, reference, ligand name\n"
        "4cup  1.88  2014   4.52  Kd=30uM       // 4cup.pdf (ZYB)\n"
        "1abc  2.10  2009   3.70  IC50>200uM    // 1abc.pdf (3-mer)\n"
        "6wqa  2.00  2020   9.00  Ki~1nM        // 6wqa.pdf (ZMA)\n"
    )
    rows = read_wanted(path)
    assert [row.ligand for row in rows if row.refusal is None] == ["ZYB", "ZMA"]
    assert rows[1].refusal.code == "bad_ligand_name"
    assert rows[0].columns == {"pk": "4.52", "relation": "=", "measure": "Kd", "resolution": "1.88", "year": "2014"}
    index = tmp_path / "index.csv"
    names = ["pk", "relation", "measure"]
    index.write_text(
        "\n".join([f"id,{','.join(names)}", *(",".join([r.id, *(r.columns[n] for n in names)]) for r in rows)])
    )
    for given, read_back in zip(read_index(path), read_index(index), strict=True):
        assert given.affinity == read_back.affinity

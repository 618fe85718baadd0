"""Measured affinities in every form that people write them, and the rows that cannot be used."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from binding.errors import TableError
from binding.io.index import BadEntry, IndexEntry, read_index, read_index_rows
from binding.io.truth import read_truth
from binding.units import Affinity, pk_from_dg


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


PDBBIND = """# PDBbind refined set
# PDB code, resolution, release year, -logKd/Ki, Kd/Ki, reference, ligand name
2r58  2.00  2007   2.00  Kd=10mM       // 2r58.pdf (MLY)
3c2f   NMR  2008   5.00  IC50>10uM     // 3c2f.pdf (PRP) incomplete
1abc  1.85  2010  11.00  Ki<10pM       // 1abc.pdf (2-mer)
"""


def test_pdbbind_index(tmp_path):
    entries = read_index(write(tmp_path / "INDEX_refined_data.2020", PDBBIND))
    assert [(e.id, e.affinity.pk, e.affinity.relation, e.affinity.measure) for e in entries] == [
        ("2r58", 2.0, "=", "Kd"),
        ("3c2f", 5.0, "<", "IC50"),
        ("1abc", 11.0, ">", "Ki"),
    ]
    assert entries[1].extra == {"resolution": "NMR", "year": "2008", "ligand_code": "PRP"}


def test_pdbbind_index_without_the_logarithm(tmp_path):
    (entry,) = read_index(write(tmp_path / "INDEX_general_PL.2020", "3zzf  2.20  2012  Ki=400mM  // 3zzf.pdf (NLG)\n"))
    assert entry.affinity.pk == pytest.approx(0.39794, abs=1e-5)


def test_the_logarithm_of_an_index_is_kept_as_published(tmp_path):
    (entry,) = read_index(write(tmp_path / "INDEX", "3zzf  2.20  2012  4.26  Ki=55.1uM  // 3zzf.pdf (NLG)\n"))
    assert entry.affinity.pk == 4.26


def test_an_index_need_not_name_the_ligand(tmp_path):
    (entry,) = read_index(write(tmp_path / "INDEX", "3zzf  2.20  2012  4.26  Ki=55.1uM  // 3zzf.pdf\n"))
    assert entry.extra == {"resolution": "2.20", "year": "2012"}


def test_index_table_with_pk(tmp_path):
    text = "id,pk,relation,measure,year\n1abc,3.70,>,IC50,2004\n2abc,6.1,=,Kd,2005\n3abc,7,,,\n"
    entries = read_index(write(tmp_path / "index.csv", text))
    # IC50 > 200 uM is weaker than pk 3.7
    assert [(e.affinity.pk, e.affinity.relation, e.affinity.measure) for e in entries] == [
        (3.7, "<", "IC50"),
        (6.1, "=", "Kd"),
        (7.0, "=", "K"),
    ]
    assert entries[0].extra == {"year": "2004"}


def test_index_table_with_affinities_as_text(tmp_path):
    entries = read_index(write(tmp_path / "index.csv", "pdb_code;affinity\n1abc;Ki=12nM\n2abc;Kd<=100uM\n"))
    assert [(e.id, round(e.affinity.pk, 3), e.affinity.relation) for e in entries] == [
        ("1abc", 7.921, "="),
        ("2abc", 4.0, ">="),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,pk\n1abc,strong\n", "line 2: pk 'strong' is not a number"),
        ("id,pk\n1abc,\n", "'1abc' has no affinity"),
        ("id,year\n1abc,2004\n", "no column of affinities: '1abc' has no affinity"),
        ("id,pk\n1abc,nan\n", "not a number"),
        ("id,affinity\n1abc,Ki=12\n", "line 2"),
        ("id,pk,relation\n1abc,6.1,about\n", "line 2"),
        ("id,pk\n1abc,6.1\n1abc,6.2\n", "'1abc' is on line 2 and on line 3"),
        ("2r58  2.00  2007   2.00  Kd=10mM // x (MLY)\nbroken row\n", "line 2 is not a PDBbind index row"),
        ("2r58  2.00  2007   2.00  Kd=10 // x (MLY)\n", "no unit"),
    ],
)
def test_an_index_that_cannot_be_read_names_the_line(tmp_path, text, said):
    with pytest.raises(TableError) as caught:
        read_index(write(tmp_path / "index.csv", text))
    assert said in caught.value.message


def one(tmp_path, header: str, row: str) -> IndexEntry | BadEntry:
    ((_, entry),) = read_index_rows(write(tmp_path / "index.csv", f"id;{header}\nx;{row}\n"))
    return entry


@pytest.mark.parametrize(
    ("header", "row", "affinity"),
    [
        ("affinity", "Ki=12nM", Affinity(9 - math.log10(12), "=", "Ki")),
        ("affinity", "IC50>10uM", Affinity(5.0, "<", "IC50")),
        ("affinity", "Kd~0.3 mM", Affinity(3 - math.log10(0.3), "~", "Kd")),
        ("Affinity", "ic50 ≥ 10 µM", Affinity(5.0, "<=", "IC50")),
        ("affinity", "12 nM", Affinity(9 - math.log10(12), "=", "K")),
        ("affinity", "> 10 uM", Affinity(5.0, "<", "K")),
        ("affinity", "500nM", Affinity(9 - math.log10(500), "=", "K")),
        ("affinity", ".5 nmol/L", Affinity(9 - math.log10(0.5), "=", "K")),
        ("affinity;measure", "10 uM;IC50", Affinity(5.0, "=", "IC50")),
        ("affinity;relation", "10 uM;>", Affinity(5.0, "<", "K")),
        ("affinity;relation", ">10 uM;>", Affinity(5.0, "<", "K")),
        ("affinity;relation", "Ki<10 uM;", Affinity(5.0, ">", "Ki")),
        ("pK", "6.4", Affinity(6.4, "=", "K")),
        ("pK", "6,4", Affinity(6.4, "=", "K")),
        ("affinity", "Ki = 12,5 nM", Affinity(9 - math.log10(12.5), "=", "Ki")),
        ("dg_kcal_mol", "-8,5", Affinity(pk_from_dg(-8.5), "=", "K")),
        ("PK;Relation;Measure", "6.4;<;Kd", Affinity(6.4, ">", "Kd")),
        ("pk;affinity", "6.40;Ki=0.4uM", Affinity(6.40, "=", "Ki")),
        ("pk;affinity", ";Ki=1uM", Affinity(6.0, "=", "Ki")),
        ("dg_kcal_mol", "-8.5", Affinity(pk_from_dg(-8.5), "=", "K")),
        ("dg_kcal_mol;relation;measure", "-8.5;>;Kd", Affinity(pk_from_dg(-8.5), "<", "Kd")),
        ("pk;dg_kcal_mol", ";-8.5", Affinity(pk_from_dg(-8.5), "=", "K")),
    ],
)
def test_affinities_as_people_write_them(tmp_path, header, row, affinity):
    entry = one(tmp_path, header, row)
    assert isinstance(entry, IndexEntry)
    assert entry.affinity.pk == pytest.approx(affinity.pk)
    assert (entry.affinity.relation, entry.affinity.measure) == (affinity.relation, affinity.measure)
    assert entry.extra == {}


@pytest.mark.parametrize(
    ("header", "row", "code", "said"),
    [
        ("affinity", "Ki=12", "bad_unit", "no unit"),
        ("affinity", "12", "bad_unit", "no unit"),
        ("affinity", "Ki=12 MM", "bad_unit", "'MM' is not known"),
        ("affinity", "Ka=12 nM", "bad_affinity", "measure 'Ka'"),
        ("affinity", "strong", "bad_affinity", "not understood"),
        ("affinity", "Ki=0nM", "bad_affinity", "not a positive number"),
        ("pk", "1.006,4", "bad_affinity", "pk '1.006,4' is not a number"),
        ("affinity", "Ki=1,200 nM", "bad_affinity", "not understood"),
        ("dg_kcal_mol", "-8.5 kcal", "bad_affinity", "dg_kcal_mol '-8.5 kcal' is not a number"),
        ("pk;relation", "6.4;about", "bad_affinity", "'about'"),
        ("affinity;relation", "Ki<10 uM;>", "bad_affinity", "contradict"),
        ("pk;affinity", "6.4;Ki=12nM", "bad_affinity", "pk 6.4 (pK 6.40) and affinity Ki=12nM (pK 7.92) contradict"),
        ("pk;dg_kcal_mol", "6.4;8.5", "bad_affinity", "contradict"),
        ("pk;affinity;dg_kcal_mol", ";;", "no_affinity", "'x' has no affinity"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(tmp_path, header, row, code, said):
    entry = one(tmp_path, header, row)
    assert isinstance(entry, BadEntry)
    assert entry.error.code == code
    assert said in entry.error.message
    assert "line 2" in entry.error.message
    assert entry.error.hint


def test_a_bad_row_costs_no_other(tmp_path):
    text = "id,affinity,year\na,Ki=1nM,2001\nb,Ki=1,2002\n,Ki=1nM,2003\nc,Ki=2nM,2004\n"
    rows = read_index_rows(write(tmp_path / "index.csv", text))
    assert [(line, row.id, type(row)) for line, row in rows] == [
        (2, "a", IndexEntry),
        (3, "b", BadEntry),
        (4, "", BadEntry),
        (5, "c", IndexEntry),
    ]
    assert [row.extra["year"] for _, row in rows] == ["2001", "2002", "2003", "2004"]
    assert rows[2][1].error.code == "bad_id"


def test_a_row_that_does_not_fit_the_table_costs_no_other(tmp_path):
    rows = read_index_rows(write(tmp_path / "index.csv", "id;pk;year\na;6,5;2001\nb;6,5\nc;6;5;2003\nd;7;2004\n"))
    assert [(line, row.id, type(row)) for line, row in rows] == [
        (2, "a", IndexEntry),
        (3, "b", BadEntry),
        (4, "c", BadEntry),
        (5, "d", IndexEntry),
    ]
    assert [row.error.code for _, row in rows if isinstance(row, BadEntry)] == ["bad_row", "bad_row"]
    assert rows[0][1].affinity.pk == 6.5
    with pytest.raises(TableError, match="line 3: 2 cells for 3 columns"):
        read_index(tmp_path / "index.csv")


@pytest.mark.parametrize("text", ['id,pk\na,"6,4"\n', "id;pk\na;6,4\nb;6.4\n"])
def test_a_decimal_comma_that_is_not_read_says_which_are(tmp_path, text):
    with pytest.raises(TableError, match="pk '6,4' is not a number") as caught:
        read_index(write(tmp_path / "index.csv", text))
    assert "semicolons or tabs" in caught.value.hint


def test_a_bad_row_of_a_pdbbind_index_costs_no_other(tmp_path):
    text = PDBBIND + "4abc  1.85  2010  Ka=10M       // 4abc.pdf (XYZ)\nnot a row\n5abc  1.85  2010  Ki=1nM // (XYZ)\n"
    rows = [row for _, row in read_index_rows(write(tmp_path / "INDEX", text))]
    assert [row.id for row in rows] == ["2r58", "3c2f", "1abc", "4abc", "not", "5abc"]
    assert [row.error.code for row in rows if isinstance(row, BadEntry)] == ["bad_affinity", "bad_row"]
    assert rows[3].extra["ligand_code"] == "XYZ"


def test_evaluation_data(shared_data):
    assert len(read_index(shared_data / "casf2016" / "index.csv")) == 285
    relations = [e.affinity.relation for e in read_index(shared_data / "crystal" / "index.csv")]
    assert (len(relations), relations.count("<"), relations.count(">"), relations.count("~")) == (3966, 21, 23, 15)
    # Here the logarithm stands beside the text that it was made from: none contradicts the other.
    rows = [row for _, row in read_index_rows(shared_data / "ligands" / "index.csv")]
    assert (len(rows), sum(isinstance(row, BadEntry) for row in rows)) == (13336, 0)


def test_a_table_of_labels_may_lack_affinities(tmp_path):
    text = "id,label,pK,dg_kcal_mol,relation\na,1,6.2,,\nb,0,,,\nc,1,,-8.185,<\n"
    truth = read_truth(write(tmp_path / "truth.csv", text), ["label"], affinities=False)
    assert [round(entry.affinity.pk, 2) for entry in truth] == [6.2, pytest.approx(math.nan, nan_ok=True), 6.0]
    assert [entry.affinity.relation for entry in truth] == ["=", "=", ">"]
    assert [entry.extra for entry in truth] == [{"label": "1"}, {"label": "0"}, {"label": "1"}]
    with pytest.raises(TableError, match="'b' has no affinity"):
        read_truth(tmp_path / "truth.csv", ["label"])


@pytest.mark.parametrize("affinities", [True, False])
def test_an_id_twice_names_file_compound_and_lines(tmp_path, affinities):
    path = write(tmp_path / "labels.csv", "id,label,pk\naspirin,1,5\nibuprofen,0,5\naspirin,0,5\n")
    with pytest.raises(TableError, match=r"labels\.csv: the id 'aspirin' is on line 2 and on line 4") as caught:
        read_truth(path, ["label"], affinities=affinities)
    assert "Keep one of the two rows" in caught.value.hint

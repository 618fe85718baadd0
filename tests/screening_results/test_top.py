"""The best of a run: conditions, order, formats, and what an expression may not do."""

from __future__ import annotations

import csv

import pyarrow.parquet as pq
import pytest
from made_screen import make_run, write_parts
from rdkit import Chem

from binding import api
from binding.errors import FileError, UsageError
from binding.screening.parts import part_path, part_paths
from binding.screening.store import RESULT_COLUMNS, finalise
from binding.screening.top import find_top, write_top


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("screened")).folder
    finalise(run, top=0)
    return run


def compounds(*arguments, **options) -> list[str]:
    return find_top(*arguments, **options).rows["compound"].to_pylist()


def test_best_first_as_many_as_asked(finished):
    top = find_top(finished, 2)
    assert top.finished
    assert top.rows.column_names == list(RESULT_COLUMNS)
    assert top.rows["compound"].to_pylist() == ["fluconazole", "ibuprofen"]
    assert len(find_top(finished, 1000).rows) == 5


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("pk_ligand_only < 6 AND pose > 0.3", ["aspirin", "paracetamol"]),
        ("gain_over_ligand_only > 1.6", ["fluconazole", "aspirin"]),
        ("smiles LIKE '%F%'", ["fluconazole"]),
        ("warnings <> ''", ["caffeine"]),
        ("pk > (SELECT avg(pk) FROM results)", ["fluconazole", "ibuprofen", "caffeine"]),
        ("pk > 100", []),
    ],
)
def test_condition(finished, where, expected):
    assert compounds(finished, where=where) == expected


def test_rank_is_that_among_all_compounds(finished):
    assert find_top(finished, where="pk < 7.5").rows["rank"].to_pylist() == [4, 5]


def test_sorted_by_something_else(finished):
    names = compounds(finished, sort_by="pk - pk_ligand_only")
    assert names == ["fluconazole", "aspirin", "ibuprofen", "caffeine", "paracetamol"]
    assert compounds(finished, sort_by="-heavy_atoms", where="rank > 2") == ["paracetamol", "aspirin", "caffeine"]


def test_equal_values_keep_their_rank_and_missing_ones_come_last(finished):
    names = compounds(finished, sort_by="CASE WHEN pose > 0.5 THEN 1 END")
    assert names == ["ibuprofen", "caffeine", "paracetamol", "fluconazole", "aspirin"]


def test_each_compound_is_ranked_by_its_best_pose_by_a_column(finished):
    rows = find_top(finished, by="pose").rows
    assert list(zip(rows["compound"].to_pylist(), rows["record"].to_pylist(), strict=True)) == [
        ("aspirin", 7),
        ("caffeine", 4),
        ("paracetamol", 2),
        ("ibuprofen", 3),
        ("fluconazole", 8),
    ]
    assert rows["rank"].to_pylist() == [1, 2, 3, 4, 5]
    names = find_top(finished, by="dg_kcal_mol").rows["compound"].to_pylist()
    assert names == compounds(finished), "the most negative is the best"
    with pytest.raises(UsageError, match="cannot be ranked by 'smiles'"):
        find_top(finished, by="smiles")


def test_poses_are_ranked_and_filtered_by_what_made_them(tmp_path):
    made = make_run(tmp_path)
    for row, score in zip(made.rows, (-7.5, -6.0, None, -8.25, -5.0, -8.5, None, -9.0, -4.0, None), strict=True):
        row["dock_score"] = score
    write_parts(made.folder, made.rows, size=3)
    finalise(made.folder, top=0)
    rows = find_top(made.folder, by="dock_score").rows
    assert rows["compound"].to_pylist() == ["aspirin", "ibuprofen", "caffeine", "fluconazole", "paracetamol"]
    assert rows["dock_score"].to_pylist() == [-9.0, -8.5, -5.0, -4.0, None]
    assert compounds(made.folder, where="dock_score < -4.5") == ["ibuprofen", "caffeine", "aspirin"]


def test_a_run_of_an_earlier_version_has_its_new_columns_empty(tmp_path):
    run = make_run(tmp_path).folder
    finalise(run, top=0)
    for path in (*part_paths(run), run / "results.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.drop_columns(["dock_score", "place_clashes"]), path)
    top = find_top(run, 1)
    assert top.finished
    assert top.rows["dock_score"].to_pylist() == [None]
    assert find_top(run, 1, by="pose").rows["place_clashes"].to_pylist() == [None]


@pytest.mark.parametrize("option", ["where", "sort_by"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pk_ligandonly < 7", "pk_ligandonly"),
        ("pk <", "syntax error"),
        ("", "without selection list"),
        ("pk > 5, pk > 6", "single expression"),
        ("pk > 5; DROP VIEW results", "statement"),
        ("true) UNION SELECT (1", "syntax error"),
        ("smiles > 5.5", "explicit cast"),
        ("heavy_atoms = 'many'", "Could not convert"),
        ("abs(compound) < 3", "No function matches"),
        ("(SELECT count(*) FROM read_text('/etc/hostname')) > 0", "disabled by configuration"),
        ("(SELECT count(*) FROM 'results.csv') > 0", "disabled by configuration"),
    ],
)
def test_expression_that_cannot_be_used_is_refused_with_the_columns(finished, option, text, said, monkeypatch):
    monkeypatch.chdir(finished)
    with pytest.raises(UsageError, match="cannot be used") as caught:
        find_top(finished, **{option: text})
    assert said in caught.value.message
    assert len(caught.value.message) < 250  # no list of all overloads of a function
    assert "gain_over_ligand_only" in caught.value.hint
    assert len(find_top(finished).rows) == 5


def test_a_value_is_no_condition(finished):
    with pytest.raises(UsageError, match="no condition"):
        find_top(finished, where="pk")


def test_what_no_compound_has_ranks_none(finished):
    with pytest.raises(UsageError, match="No compound has a dock_score") as caught:
        find_top(finished, by="dock_score")
    assert "Docking" in caught.value.hint
    assert compounds(finished, by="dock_score", where="pk > 100") == []


def test_number_of_compounds_is_positive(finished):
    with pytest.raises(UsageError):
        find_top(finished, 0)


def test_a_run_under_way_answers_from_its_parts(made_run):
    top = find_top(made_run.folder)
    assert not top.finished
    assert top.rows["compound"].to_pylist() == ["fluconazole", "ibuprofen", "caffeine", "aspirin", "paracetamol"]
    for number in (2, 3):
        part_path(made_run.folder, number).unlink()
    assert compounds(made_run.folder, where="num_poses > 1") == ["ibuprofen", "aspirin"]


def test_results_of_other_parts_are_not_taken(made_run):
    finalise(made_run.folder, top=0)
    changed = [row | {"pk": 9.5} if row["row"] == 2 else row for row in made_run.rows]
    write_parts(made_run.folder, changed, size=3, key="another run")
    top = find_top(made_run.folder, 1)
    assert (top.finished, top.rows["compound"].to_pylist()) == (False, ["paracetamol"])


def test_damaged_results_are_made_anew_from_the_parts(made_run):
    finalise(made_run.folder, top=0)
    (made_run.folder / "results.parquet").write_bytes(b"PAR1 cut off")
    assert len(find_top(made_run.folder).rows) == 5


def test_written_as_csv_parquet_and_sdf(finished, tmp_path):
    top = find_top(finished, 3, where="pose > 0.3")
    for name in ("top.csv", "top.parquet", "top.sdf"):
        write_top(top, tmp_path / name)
    with (tmp_path / "top.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["compound"] for row in rows] == ["ibuprofen", "caffeine", "aspirin"]
    assert rows[0]["pk"] == "7.5000"
    assert pq.read_table(tmp_path / "top.parquet").equals(top.rows)
    names = [mol.GetProp("_Name") for mol in Chem.SDMolSupplier(str(tmp_path / "top.sdf"))]
    assert names == ["ibuprofen", "caffeine", "aspirin"]


def test_ending_that_names_no_format(finished, tmp_path):
    with pytest.raises(UsageError, match="no ending that names a format"):
        write_top(find_top(finished), tmp_path / "top.xls")
    with pytest.raises(FileError):
        find_top(tmp_path / "nothing")


def test_from_python(finished, tmp_path):
    table = api.top(finished, 2, where="pk < 8", output=tmp_path / "best.csv")
    assert table["compound"].tolist() == ["ibuprofen", "caffeine"]
    assert (tmp_path / "best.csv").read_text().count("\n") == 3

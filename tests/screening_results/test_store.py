"""Results from parts: which pose counts, what is ranked how, same bytes always, nothing lost."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_screen import failed_row, write_parts
from rdkit import Chem

from binding.errors import BindingError, FileError
from binding.screening import store, tables
from binding.screening.digest import compounds
from binding.screening.parts import SCHEMA, part_path
from binding.screening.store import FAILURE_COLUMNS, POSE_COLUMN, RESULT_COLUMNS, finalise, names_notes


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_best_pose_of_each_compound_ranked(made_run):
    finalise(made_run.folder)
    rows = read_csv(made_run.folder / "results.csv")
    assert tuple(rows[0]) == RESULT_COLUMNS
    shown = [(row["rank"], row["compound"], row["pk"], row["num_poses"], row["record"]) for row in rows]
    assert shown == [
        ("1", "fluconazole", "8.1250", "1", "8"),
        ("2", "ibuprofen", "7.5000", "2", "3"),  # its second pose has the same pk: the first in the library counts,
        ("3", "caffeine", "7.5000", "1", "4"),  # ... and stands before a compound of the same pk that comes later
        ("4", "aspirin", "6.2500", "3", "1"),
        ("5", "paracetamol", "4.7500", "1", "2"),
    ]
    assert rows[3]["gain_over_ligand_only"] == "1.7500"
    assert rows[4]["gain_over_ligand_only"] == "-0.2500"
    assert rows[2]["warnings"] == 'repaired, a "little"'
    assert rows[0]["warnings"] == ""


def test_compounds_rank_by_the_rank_score_where_there_is_one(made_run):
    """And each by its pose of the highest: here the order of ``pose``, which is not that of ``pk``."""
    judged = [row | {"rank_score": row["pose"]} if row["status"] == "ok" else row for row in made_run.rows]
    write_parts(made_run.folder, judged, size=3)
    finalise(made_run.folder)
    rows = read_csv(made_run.folder / "results.csv")
    best = {row["compound"]: max(r["pose"] for r in judged if r["compound"] == row["compound"]) for row in rows}
    assert [row["compound"] for row in rows] == sorted(best, key=lambda name: -best[name])
    assert [float(row["rank_score"]) for row in rows] == sorted(best.values(), reverse=True)
    assert rows[0]["compound"] != "fluconazole"  # the first by pk


@pytest.mark.parametrize("name", ["ligand", "UNL"])
def test_compounds_of_one_name_are_told_apart_by_their_atoms(made_run, name):
    """Two drugs of one title are two compounds, and all that is asked of one name has one answer."""
    before = finalise(made_run.folder)
    assert (before.mixed, before.split) == (0, 0)
    renamed = [
        row | {"compound": name} if row["compound"] in ("caffeine", "fluconazole") else row for row in made_run.rows
    ]
    write_parts(made_run.folder, renamed, size=3)
    after = finalise(made_run.folder)
    assert (after.compounds, after.mixed, after.split) == (before.compounds, 0, 1)
    rows = [row for row in read_csv(made_run.folder / "results.csv") if row["compound"] == name]
    assert len({row["smiles"] for row in rows}) == len(rows) == 2
    (found,) = compounds(made_run.folder, [name]).to_dict("records")
    assert found["pk"] == max(float(row["pk"]) for row in rows)


@pytest.mark.parametrize(
    "forms",
    [
        ["C[C@@H](N)C(=O)[O-]", "C[C@H]([NH3+])C(O)=O"],
        ["Oc1ccccn1", "O=c1cccc[nH]1"],
        ["Clc1ccccc1Br", "[2H]c1cccc(Br)c1Cl"],
    ],
    ids=["protomers", "tautomers", "labels"],
)
def test_forms_of_a_compound_are_one_compound(made_run, forms):
    held = [row for row in made_run.rows if row["status"] == "ok"]
    rows = [row | {"compound": "x", "smiles": form} for row, form in zip(held[:2], forms, strict=True)]
    write_parts(made_run.folder, rows, size=20, key="other")
    for path in sorted((made_run.folder / "parts").iterdir())[1:]:
        path.unlink()
    finalise(made_run.folder, top=0)
    assert sum(row["compound"] == "x" for row in read_csv(made_run.folder / "results.csv")) == 1


def test_structures_of_the_same_atoms_and_name_are_counted(made_run):
    """Isomers of one title; four poses of one drug, or stereoisomers made from one record, are no such name."""
    isomers = iter(("CCCO", "CC(C)O"))
    rows = [row | {"smiles": next(isomers, "CCCO")} if row["compound"] == "aspirin" else row for row in made_run.rows]
    write_parts(made_run.folder, rows, size=3)
    found = finalise(made_run.folder, top=0)
    assert (found.mixed, found.split) == (1, 0)
    (one, *_) = made_run.rows
    states = [one | {"smiles": "C[C@H](O)F"}, one | {"pose_number": 1, "smiles": "C[C@@H](O)F"}]
    write_parts(made_run.folder, [*states, *made_run.rows[1:]], size=20, key="other")
    for path in sorted((made_run.folder / "parts").iterdir())[1:]:
        path.unlink()
    assert finalise(made_run.folder, top=0).mixed == 0


def test_what_is_said_of_such_names(made_run):
    found = finalise(made_run.folder)
    assert names_notes(found, None) == ()
    (note,) = names_notes(replace(found, mixed=1), None)
    assert note.startswith("1 title stands for several different structures of the same atoms, and only the best")
    (note,) = names_notes(replace(found, split=3), None)
    assert note.startswith("3 titles stand for several compounds of different atoms, which are listed each")
    assert [note.split(" stand")[0] for note in names_notes(replace(found, mixed=2, split=1), "zinc_id")] == [
        "1 zinc_id tag",
        "2 zinc_id tags",
    ]


def test_csv_says_what_parquet_says(made_run):
    finalise(made_run.folder)
    table = pq.read_table(made_run.folder / "results.parquet").to_pylist()
    for exact, said in zip(table, read_csv(made_run.folder / "results.csv"), strict=True):
        assert exact.pop(POSE_COLUMN) is None  # the library has it
        for name, value in exact.items():
            expected = f"{value:.4f}" if isinstance(value, float) else "" if value is None else str(value)
            expected = expected.lower() if isinstance(value, bool) else expected
            assert said[name] == expected, name


def test_every_failure_is_told_and_counts_add_up(made_run):
    found = finalise(made_run.folder)
    assert (found.asked, found.scored, found.failed) == (10, 8, 2)
    assert (found.poses, found.compounds, found.warned) == (8, 5, 1)
    assert found.failures == {"<script>alert(1)</script>": 1, "no_contact": 1}
    rows = read_csv(made_run.folder / "failures.csv")
    assert tuple(rows[0]) == FAILURE_COLUMNS
    assert [(row["record"], row["message"]) for row in rows] == [
        ("6", 'It touches nothing, "really".'),
        ("9", 'It touches nothing, "really".'),
    ]


def test_poses_made_from_one_record_are_one_record_asked(made_run):
    first = made_run.rows[0]
    rows = [first, first | {"pose_number": 1, "pk": 9.0}, first | {"pose_number": 2, "pk": 3.0}]
    write_parts(made_run.folder, rows + made_run.rows[1:], size=100)
    for number in range(1, 4):
        part_path(made_run.folder, number).unlink()
    found = finalise(made_run.folder)
    assert (found.asked, found.scored, found.failed, found.poses) == (10, 8, 2, 10)
    best = read_csv(made_run.folder / "results.csv")[0]
    assert (best["compound"], best["pose_number"], best["num_poses"]) == ("aspirin", "1", "5")


def test_the_same_compound_on_another_receptor_is_another_result(made_run):
    rows = [*made_run.rows, made_run.rows[8] | {"row": 10, "receptor": "other.pdb", "pk": 3.0}]
    write_parts(made_run.folder, rows, size=3)
    finalise(made_run.folder)
    shown = [(r["compound"], r["receptor"]) for r in read_csv(made_run.folder / "results.csv")]
    assert len(shown) == 6
    assert shown[-1] == ("fluconazole", "other.pdb")


def test_same_rows_give_the_same_bytes_however_they_were_cut(made_run, monkeypatch):
    names = ("results.csv", "failures.csv", "top.sdf")
    finalise(made_run.folder)
    first = [(made_run.folder / name).read_bytes() for name in names]
    finalise(made_run.folder)
    assert [(made_run.folder / name).read_bytes() for name in names] == first
    other = made_run.folder.with_name("cut otherwise")
    write_parts(other, made_run.rows, size=4, key="other")
    monkeypatch.setattr(tables, "_THREADS", 1)
    finalise(other)
    assert [(other / name).read_bytes() for name in names] == first


def test_top_sdf_holds_the_records_as_given_with_our_tags(made_run):
    finalise(made_run.folder, top=3)
    records = (made_run.folder / "top.sdf").read_text().split("$$$$\n")[:-1]
    source = made_run.library.read_text().split("$$$$\n")
    assert len(records) == 3
    for record, number in zip(records, (8, 3, 4), strict=True):
        assert record.split("M  END")[0] == source[number].split("M  END")[0]  # hydrogens and all
    (mol, *_) = Chem.SDMolSupplier(str(made_run.folder / "top.sdf"), removeHs=False)
    tags = mol.GetPropsAsDict()
    assert tags["Vendor ID"] == "V-9"
    assert tags["Notes"] == "first line\nsecond line"
    assert (tags["binding_pk"], tags["binding_pk_std"], tags["binding_pk_ligand_only"]) == (8.125, 1.5, 5.5)
    assert (tags["binding_rank"], tags["binding_pose"], tags["binding_num_poses"]) == (1, 0.2, 1)
    assert records[0].count("<binding_pk>") == 1  # that of an earlier scoring is gone


def test_top_sdf_of_records_without_a_mol_block(made_run, tmp_path):
    library = tmp_path / "poses.pdb"
    mol = Chem.MolFromMolBlock(made_run.library.read_text().split("$$$$\n")[4])
    library.write_text(Chem.MolToPDBBlock(mol))
    write_parts(made_run.folder, [made_run.rows[4] | {"ligand_file": str(library), "record": 0, "row": 0}], size=3)
    for number in range(1, 4):
        part_path(made_run.folder, number).unlink()
    finalise(made_run.folder)
    (mol,) = Chem.SDMolSupplier(str(made_run.folder / "top.sdf"))
    assert mol.GetNumAtoms() == made_run.rows[4]["heavy_atoms"]


@pytest.mark.parametrize("change", ["another molecule", "shorter", "gone"])
def test_a_library_that_changed_is_told_after_the_tables_are_written(made_run, change):
    records = made_run.library.read_text().split("$$$$\n")
    if change == "another molecule":
        records[8] = records[0]
    made_run.library.write_text("$$$$\n".join(records[:5] if change == "shorter" else records))
    if change == "gone":
        made_run.library.unlink()
    with pytest.raises(FileError) as caught:
        finalise(made_run.folder)
    assert caught.value.code == ("file_not_found" if change == "gone" else "source_changed")
    assert len(read_csv(made_run.folder / "results.csv")) == 5
    assert not list(made_run.folder.glob("top.sdf*"))


def test_library_of_only_bad_records(made_run, tmp_path):
    run = tmp_path / "all failed"
    rows = [failed_row(n, f"bad {n}", made_run.library, n, "bad_record", "No mol block.") for n in range(5)]
    write_parts(run, rows, size=2)
    found = finalise(run)
    assert (found.asked, found.scored, found.failed, found.compounds) == (5, 0, 5, 0)
    assert (run / "results.csv").read_text() == ",".join(RESULT_COLUMNS) + "\n"
    assert len(read_csv(run / "failures.csv")) == 5
    assert (run / "top.sdf").read_text() == ""


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(FileError, match="holds no part") as caught:
        finalise(tmp_path)
    assert caught.value.code == "file_not_found"
    with pytest.raises(FileError, match="There is no folder"):
        finalise(tmp_path / "nothing")


def test_what_a_killed_process_left_behind_is_removed(made_run):
    (made_run.folder / "sorting").mkdir()
    (made_run.folder / "sorting" / "duckdb_temp_storage-0.tmp").write_bytes(b"x" * 1000)
    (made_run.folder / "results.csv.4711.partial").write_text("rank,comp")
    finalise(made_run.folder)
    written = {"results.parquet", "results.csv", "failures.csv", "top.sdf"}
    assert {path.name for path in made_run.folder.iterdir()} == {"parts", "run.json"} | written


def test_a_pose_that_no_ligand_file_holds_comes_from_the_parts(made_run):
    record = made_run.library.read_text().split("$$$$\n")[8] + "$$$$\n"
    made_run.library.unlink()
    write_parts(made_run.folder, [made_run.rows[8] | {"pose_block": record}], size=1)
    for number in range(1, 4):
        part_path(made_run.folder, number).unlink()
    finalise(made_run.folder)
    (mol,) = Chem.SDMolSupplier(str(made_run.folder / "top.sdf"))
    assert mol.GetProp("_Name") == "fluconazole"
    assert (mol.GetProp("Vendor ID"), mol.GetDoubleProp("binding_pk")) == ("V-9", 8.125)
    assert "pose_block" not in (made_run.folder / "results.csv").read_text()


def test_a_full_disk_is_told_and_nothing_half_written_stays(made_run):
    """The process may write 20 kB to a file: less than a part of this test's size, more than nothing."""
    rows = [made_run.rows[0] | {"row": n, "compound": os.urandom(400).hex(), "record": n} for n in range(200)]
    write_parts(made_run.folder, rows, size=1000)
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "from binding.errors import BindingError\n"
        "from binding.screening.store import finalise\n"
        "try: finalise(sys.argv[1])\n"
        "except BindingError as error: print(error.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(made_run.folder)], capture_output=True, text=True)
    assert done.stdout.strip() == "disk_full", done.stderr
    assert {path.name for path in made_run.folder.iterdir()} == {"parts", "run.json"}


def test_too_little_memory_is_told_and_the_scratch_folder_goes(made_run):
    with pytest.raises(BindingError) as caught:
        finalise(made_run.folder, memory_mb=1)
    assert caught.value.code == "out_of_memory"
    assert {path.name for path in made_run.folder.iterdir()} == {"parts", "run.json"}


def test_columns_are_those_of_the_parts():
    made = set(store._MADE)
    assert set(RESULT_COLUMNS) - made < set(SCHEMA.names)
    assert set(FAILURE_COLUMNS) < set(SCHEMA.names)

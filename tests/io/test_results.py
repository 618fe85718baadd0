from __future__ import annotations

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from binding.errors import FileError, LigandError, UsageError
from binding.files import partial_path
from binding.io.results import COLUMNS, ResultRow, open_writer, sdf_record, to_frame, write_results
from binding.structures import Ligand


def ligand(smiles: str, name: str, **properties: str) -> Ligand:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    mol = Chem.RemoveHs(mol)
    return Ligand(name, mol, np.asarray(mol.GetConformer().GetPositions()), properties=properties)


@pytest.fixture
def rows() -> list[ResultRow]:
    """Aspirin scored, a record that could not be read, caffeine scored with a pk of zero."""
    numbers = {"pk_std": 1.05, "pk_ligand_only": 5.5, "pose": 0.875, "model": "m1", "nearest_ligand": 0.5}
    bad = ResultRow.failed("b", "p.pdb", "broken", LigandError("record 2 is cut off", "write it again", "bad_record"))
    aspirin = ligand("CC(=O)Oc1ccccc1C(=O)O", "aspirin", source="made\n\nhere")
    return [
        ResultRow.scored("a", "p.pdb", aspirin, pk=6.123456789, warnings=["one", "two"], in_domain=True, **numbers),
        bad,
        ResultRow.scored(
            "c", "p.pdb", ligand("Cn1cnc2c1c(=O)n(C)c(=O)n2C", "caffeine"), pk=0.0, in_domain=False, **numbers
        ),
    ]


def test_columns_are_exactly_those_promised():
    assert COLUMNS == (
        "id", "protein", "ligand", "pose", "pk", "pk_std", "pk_low", "pk_high", "dg_kcal_mol", "pk_ligand_only",
        "pk_network", "pk_prior", "ligand_efficiency", "heavy_atoms", "binder", "rank_score", "in_domain",
        "nearest_ligand", "nearest_protein", "warnings", "model", "status", "error_code", "message",
    )  # fmt: skip


def test_derived_columns(rows):
    assert rows[0].dg_kcal_mol == pytest.approx(-8.3539, abs=1e-4)
    assert rows[0].heavy_atoms == 13
    assert rows[0].ligand_efficiency == pytest.approx(8.3539 / 13, abs=1e-4)
    assert rows[0].warnings == "one; two"


def test_a_failed_row_has_the_reason_and_no_number(rows):
    assert (rows[1].status, rows[1].error_code) == ("failed", "bad_record")
    assert rows[1].message == "record 2 is cut off (write it again)"
    assert all(math.isnan(getattr(rows[1], name)) for name in ("pk", "pk_std", "dg_kcal_mol", "pose"))


def test_csv(rows, tmp_path):
    write_results(rows, tmp_path / "out.csv")
    with open(tmp_path / "out.csv", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert list(found[0]) == list(COLUMNS)
    assert [row["id"] for row in found] == ["a", "b", "c"]
    assert found[0]["pk"] == "6.1235"
    assert found[1]["pk"] == found[1]["heavy_atoms"] == ""
    assert float(found[2]["pk"]) == 0.0  # zero is a number, not a gap
    assert [row["in_domain"] for row in found] == ["true", "", "false"]


def test_csv_on_standard_output(rows, capsys):
    write_results(rows, "-")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert len(lines) == 4


def test_json_lines_keep_full_precision_and_null(rows, tmp_path):
    write_results(rows, tmp_path / "out.jsonl")
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [tuple(row) for row in found] == [COLUMNS] * 3
    assert found[0]["pk"] == 6.123456789
    assert found[1]["pk"] is None
    assert found[1]["heavy_atoms"] is None
    assert [row["in_domain"] for row in found] == [True, None, False]


def test_parquet_keeps_types(rows, tmp_path):
    write_results(rows, tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert list(found.columns) == list(COLUMNS)
    assert found["pk"].dtype == np.float64
    assert found["pk"][0] == 6.123456789
    assert np.isnan(found["pk"][1])
    assert found["heavy_atoms"].tolist()[0] == 13
    assert found["in_domain"].dtype == "boolean"
    assert found["error_code"].tolist() == ["", "bad_record", ""]


def test_parquet_of_failures_only(rows, tmp_path):
    write_results(rows[1:2], tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet")["pk"].dtype == np.float64


def test_a_blank_tag_is_left_out_of_a_record():
    assert sdf_record("M  END\n", {"a": "1", "b": "", "c": " \n\n", "d": "2"}) == (
        "M  END\n>  <a>\n1\n\n>  <d>\n2\n\n$$$$\n"
    )


def test_sdf_holds_poses_with_their_numbers_and_the_failures_lie_beside(rows, tmp_path):
    write_results(rows, tmp_path / "out.sdf")
    found = list(Chem.SDMolSupplier(str(tmp_path / "out.sdf")))
    assert [mol.GetProp("_Name") for mol in found] == ["aspirin", "caffeine"]
    assert found[0].GetProp("binding_pk") == "6.1235"
    assert found[1].GetProp("binding_pk") == "0.0000"
    assert found[0].GetProp("source") == "made\nhere"  # a blank line would have cut the record
    assert np.allclose(found[0].GetConformer().GetPositions(), rows[0].record.positions, atol=1e-4)
    beside = pd.read_csv(tmp_path / "out.failures.csv")
    assert list(beside.columns) == list(COLUMNS)
    assert beside["id"].tolist() == ["b"]


def test_sdf_of_a_run_without_failures_leaves_no_list_of_an_earlier_one(rows, tmp_path):
    write_results(rows, tmp_path / "out.sdf")
    write_results([rows[0], rows[2]], tmp_path / "out.sdf")
    assert not (tmp_path / "out.failures.csv").exists()


def test_sdf_written_twice_replaces_its_own_tags(rows, tmp_path):
    old = replace(rows[0].record, properties={"binding_pk": "9.9", "source": "x"})
    write_results([replace(rows[0], record=old)], tmp_path / "out.sdf")
    (mol,) = Chem.SDMolSupplier(str(tmp_path / "out.sdf"))
    assert mol.GetProp("binding_pk") == "6.1235"


def test_a_tag_cannot_end_the_record(rows, tmp_path):
    nasty = replace(rows[0].record, properties={"note": "a\n$$$$\nb"})
    write_results([replace(rows[0], record=nasty), rows[2]], tmp_path / "out.sdf")
    assert [mol.GetProp("_Name") for mol in Chem.SDMolSupplier(str(tmp_path / "out.sdf"))] == ["aspirin", "caffeine"]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".sdf", ".parquet"])
def test_an_interrupted_run_keeps_its_rows_and_the_older_file(rows, tmp_path, ending):
    path = tmp_path / f"out{ending}"
    path.write_text("an earlier result")

    def interrupted() -> None:
        with open_writer(path) as writer:
            writer.write(rows[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "an earlier result"
    assert partial_path(path).stat().st_size > 100


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".sdf", ".parquet"])
def test_a_finished_run_leaves_only_its_file(rows, tmp_path, ending):
    write_results([rows[0]], tmp_path / f"out{ending}")
    assert [path.name for path in tmp_path.iterdir()] == [f"out{ending}"]


@pytest.mark.parametrize("name", ["out.xls", "out", "out.csv.gz"])
def test_unknown_ending_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="ending") as caught:
        open_writer(tmp_path / name)
    assert ".parquet" in caught.value.hint


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_computed(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for path in (tmp_path / "nowhere" / "out.csv", tmp_path / "folder.csv"):
        with pytest.raises(FileError) as caught:
            open_writer(path)
        assert caught.value.code == "not_writable"


def test_a_scored_row_without_its_pose_is_not_dropped_in_silence(rows, tmp_path):
    with pytest.raises(ValueError, match="no pose"):
        write_results([replace(rows[0], record=None)], tmp_path / "out.sdf")


def test_frame_of_nothing_has_the_columns():
    frame = to_frame([])
    assert list(frame.columns) == list(COLUMNS)
    assert frame["pk"].dtype == np.float64


def test_frame(rows):
    frame = to_frame(rows)
    assert frame["pk"].iloc[0] == 6.123456789
    assert frame["heavy_atoms"].tolist() == [13, pd.NA, 14]
    assert frame["in_domain"].tolist() == [True, pd.NA, False]
    assert frame["nearest_protein"].isna().all()
    assert frame["message"].tolist()[0] == ""
    assert "record" not in frame.columns


@pytest.mark.parametrize("ending", ["csv", "jsonl", "sdf", "parquet"])
def test_a_file_that_cannot_be_opened_is_told_before_the_first_row(tmp_path, ending):
    (tmp_path / f"out.{ending}.partial").mkdir()
    with pytest.raises(FileError) as caught, open_writer(tmp_path / f"out.{ending}"):
        pass
    assert caught.value.code == "not_writable"

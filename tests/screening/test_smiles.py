"""Libraries of SMILES: posed on a reference or docked, scored, accounted for."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest
from screen_runs import contents

import binding
from binding.cli.posing import DockSpeed, choice
from binding.errors import UsageError
from binding.graph.site import PocketSpec
from binding.poses.dock import docking_box
from binding.poses.poser import Posing, check_posing
from binding.score.options import resolve_pocket
from binding.score.plausibility import PoseChecks
from binding.screening.parts import part_paths
from binding.screening.run import screen
from binding.screening.score import posing_columns
from binding.screening.top import find_top

#: Names say what is odd; the first two share the reference's core.
SERIES = """\
Nc1nc(N)c2c(Sc3ccc(C)cc3)cccc2n1 tolyl
Nc1nc(N)c2c(SC(C)F)cccc2n1.Cl a salt with an open centre
c1ccccc unclosed ring
CCO shares no core
Nc1nc(N)c2c(Sc3ccccc3)cccc2n1 reference itself
"""
SHORT = """\
Nc1nc(N)c2c(SC)cccc2n1 methyl
c1ccccc unclosed ring
"""


@pytest.fixture
def series(tmp_path):
    path = tmp_path / "series.smi"
    path.write_text(SERIES)
    return path


@pytest.fixture
def short(tmp_path):
    path = tmp_path / "short.smi"
    path.write_text(SHORT)
    return path


@pytest.fixture
def made(plan, examples, series):
    """A plan on dihydrofolate reductase; keywords change it."""

    def make(library=series, **changes):
        pocket = resolve_pocket(examples / "1ia1_ligand.sdf")
        placing = Posing("place", examples / "1ia1_ligand.sdf")
        return plan(
            library,
            **{"protein": examples / "1ia1_protein.pdb.gz", "pocket": pocket, "posing": placing, **changes},
        )

    return make


def rows(run) -> pd.DataFrame:
    return pd.concat([pq.read_table(path).to_pandas() for path in part_paths(run)], ignore_index=True)


def test_placed_compounds_are_scored_and_others_say_why(made, tiny_model, examples):
    asked = made()
    result = screen(asked)
    assert (result.asked, result.scored, result.failed, result.exit_code) == (5, 3, 2, 3)
    table = rows(asked.output)
    assert table["row"].tolist() == [0, 1, 1, 2, 3, 4]
    assert table["pose_number"].tolist() == [0, 0, 1, 0, 0, 0]
    assert table["error_code"].tolist() == ["", "", "", "bad_smiles", "no_common_core", ""]
    assert table["compound"].tolist()[1:3] == ["a salt with an open centre"] * 2
    assert "dropped 1 further fragment (Cl)" in table["warnings"][1]
    assert "isomer 2 of 2 tried" in table["warnings"][2]
    assert table["place_core_coverage"][[0, 1, 5]].between(0.5, 1).all()
    assert (table["place_score"][[0, 1, 2, 5]] < 0).all()
    assert table["place_clashes"].notna().tolist() == [True, True, True, False, False, True]
    assert table["dock_score"].isna().all()
    best = pd.read_csv(asked.output / "results.csv")
    assert sorted(best["compound"]) == ["a salt with an open centre", "reference itself", "tolyl"]
    # The poses in top.sdf are those that were scored, to the last digit.
    top = asked.output / "top.sdf"
    again = binding.predict(asked.protein, top, pocket=examples / "1ia1_ligand.sdf", model=tiny_model, device="cpu")
    assert again["pk"].to_numpy() == pytest.approx(best["pk"].to_numpy(), abs=1e-4)
    assert again["ligand"].tolist() == best["compound"].tolist()
    assert top.read_text().count("<place_core_coverage>") == 3


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_of_smiles_give_the_same(made, short, tmp_path, suffix):
    asked = made(short)
    screen(asked)
    frame = pd.DataFrame([line.split(" ", 1) for line in SHORT.splitlines()], columns=["SMILES", "id"])
    path = tmp_path / f"series{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    other = made(path, output=tmp_path / "other")
    screen(other)
    columns = ["compound", "pose_number", "pk", "status", "error_code", "smiles"]
    pd.testing.assert_frame_equal(rows(other.output)[columns], rows(asked.output)[columns])


def test_placed_poses_are_checked(made, short):
    plan_ = made(short)
    assert screen(replace(plan_, scoring=replace(plan_.scoring, checks=PoseChecks("fast")))).complete
    table = rows(plan_.output)
    assert table["plausible"].tolist() == [True, None]
    assert table["check_volume_overlap_with_protein"].tolist() == [True, None]


def test_docked_compounds_keep_their_best_poses(made, examples, tmp_path):
    pytest.importorskip("vina", reason="binding[dock] is not installed")
    small = tmp_path / "small.smi"
    small.write_text("Nc1ncccn1 aminopyrimidine\n[U] uranium\nCC(F)C=O open centre\n")
    posing = Posing("dock", poses=2, exhaustiveness=1)
    reference = resolve_pocket(examples / "1ia1_ligand.sdf").reference
    x, y, z = reference.mean(axis=0).tolist()
    settings = {"posing": posing, "pocket": PocketSpec(center=(x, y, z), radius=8.0), "top": 3}
    asked = made(small, **settings)
    assert screen(asked).exit_code == 3
    table = rows(asked.output)
    assert table["error_code"].unique().tolist() == ["", "docking_failed"]
    assert table[table["compound"] == "open centre"]["warnings"].str.contains("isomer 2 of 2").any()
    assert table["compound"].value_counts()["aminopyrimidine"] <= 2
    assert (asked.output / "top.sdf").read_text().count("<dock_score>") == 2
    assert (table["dock_score"] < 0).tolist() == (table["status"] == "ok").tolist()
    best = find_top(asked.output, by="dock_score").rows
    assert best["dock_score"].to_pylist() == sorted(table.groupby("compound")["dock_score"].min().dropna())
    # Docked again, in other parts, the poses are the same.
    other = made(small, output=tmp_path / "other", part_size=1, **settings)
    screen(other)
    pd.testing.assert_frame_equal(rows(other.output), table, atol=1e-5)


def test_docked_poses_are_checked(made, examples, tmp_path):
    """The columns beside docked poses are those that a reading of the poses in the file of hits gives."""
    pytest.importorskip("vina", reason="binding[dock] is not installed")
    small = tmp_path / "small.smi"
    small.write_text("Nc1ncccn1 aminopyrimidine\n[U] uranium\n")
    x, y, z = resolve_pocket(examples / "1ia1_ligand.sdf").reference.mean(axis=0).tolist()
    posing = Posing("dock", poses=2, exhaustiveness=1)
    pocket = PocketSpec(center=(x, y, z), radius=8.0)
    plan_ = made(small, posing=posing, pocket=pocket, top=3)
    plan_ = replace(plan_, scoring=replace(plan_.scoring, checks=PoseChecks("fast")))
    screen(plan_)
    table = rows(plan_.output)
    docked = table[table["status"] == "ok"]
    checks = [name for name in table.columns if name.startswith("check_")]
    assert len(checks) > 10
    assert docked[["plausible", *checks]].notna().all(axis=None)
    assert table[table["status"] != "ok"][["plausible", *checks]].isna().all(axis=None)
    sound = ["check_bond_lengths", "check_bond_angles", "check_internal_steric_clash", "check_aromatic_ring_flatness"]
    assert docked[sound].astype(bool).all(axis=None)
    again = binding.predict(
        plan_.protein, plan_.output / "top.sdf", pocket=pocket, checks="fast", model=plan_.scoring.model
    )
    best = docked.sort_values("pk", ascending=False).drop_duplicates("compound")
    assert (
        again[["plausible", *checks]].astype(bool).to_numpy().tolist()
        == best[["plausible", *checks]].astype(bool).to_numpy().tolist()
    )


@pytest.mark.parametrize(
    ("tags", "columns"),
    [
        ({"dock_score": "-7.5", "place_clashes": "2"}, {"dock_score": -7.5, "place_clashes": 2}),
        ({"minimizedAffinity": "-6.25"}, {"dock_score": -6.25}),
        ({"dock_score": "none", "r_i_docking_score": "-5"}, {"dock_score": -5.0}),
        ({"dock_score": "nan", "supplier": "7"}, {}),
    ],
)
def test_what_other_programs_say_of_a_pose_becomes_columns(tags, columns):
    assert posing_columns(tags) == columns


@pytest.mark.parametrize("workers", [0, 1])
def test_progress_goes_by_compound(made, tmp_path, workers, monkeypatch):
    monkeypatch.setattr("binding.screening.score._TOLD_SECONDS", 0.0)
    path = tmp_path / "many.smi"
    path.write_text("Nc1nc(N)c2c(SC)cccc2n1 methyl\n" * (40 if workers else 4))
    told = []
    asked = made(path, part_size=1024, workers=workers)
    screen(asked, progress=lambda news: told.append((news.done, news.expected)))
    done = [number for number, _ in told]
    assert done == sorted(done)
    assert len(set(done)) > 2, "not only none and all"
    assert {expected for _, expected in told} == {40 if workers else 4}


def test_a_run_of_another_seed_is_another_run(made, short):
    screen(made(short))
    before = contents(made(short).output)
    with pytest.raises(UsageError, match="how poses are made"):
        screen(made(short, posing=replace(made(short).posing, seed=1)))
    assert screen(made(short)).exit_code == 3
    assert contents(made(short).output) == before


def test_smiles_without_a_way_to_pose_them_name_both(made):
    with pytest.raises(UsageError) as caught:
        screen(made(posing=None))
    assert caught.value.code == "no_posing"
    assert "--place-on" in caught.value.hint
    assert "--dock" in caught.value.hint


def test_a_way_to_pose_poses_is_refused(made, examples):
    with pytest.raises(UsageError, match="holds poses"):
        screen(made(examples / "1ia1_ligand.sdf"))


def test_the_speed_of_docking_is_its_number_of_searches():
    speeds = {speed: choice(None, True, 3, 4, None, 0, speed).exhaustiveness for speed in DockSpeed}
    assert speeds == {"fast": 2, "normal": 8, "thorough": 32}
    assert choice(None, True, 3, 4, 5, 0, DockSpeed.fast).exhaustiveness == 5


def test_docking_takes_its_box_from_the_pocket(examples):
    reference = resolve_pocket(examples / "1ia1_ligand.sdf")
    assert docking_box(reference).center == pytest.approx(
        ((reference.reference.min(axis=0) + reference.reference.max(axis=0)) / 2).tolist()
    )
    assert docking_box(PocketSpec(center=(1.0, 2.0, 3.0), radius=11.0)).size == (22.0, 22.0, 22.0)
    for spec in (PocketSpec(), PocketSpec(residues=("A:25",))):
        with pytest.raises(UsageError, match="needs a box"):
            docking_box(spec)


@pytest.mark.parametrize("setting", ["poses", "isomers", "exhaustiveness"])
def test_settings_below_one_are_refused(examples, setting):
    posing = Posing("place", examples / "1ia1_ligand.sdf", **{setting: 0})
    with pytest.raises(UsageError, match=f"--{setting} is 0"):
        check_posing(posing, PocketSpec())

"""Screens from files to results: same numbers as predict, same bytes however they are run, nothing lost."""

from __future__ import annotations

import html
import json
import shutil
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from rdkit import Chem
from screen_runs import contents, write

import binding
from binding import api
from binding.errors import BindingError, FileError, UsageError
from binding.graph.plausibility import read_thresholds
from binding.graph.site import PocketSpec
from binding.io.columns import names
from binding.score.plausibility import PoseChecks
from binding.screening.folder import RunFolder
from binding.screening.parts import COLUMNS, SCHEMA, part_paths, read_info
from binding.screening.plan import EngineOptions, Shard
from binding.screening.run import screen
from binding.screening.store import RESULT_COLUMNS
from binding.screening.top import find_top


def rows(run) -> pd.DataFrame:
    return pd.concat([pq.read_table(path).to_pandas() for path in part_paths(run)], ignore_index=True)


@pytest.fixture(scope="module")
def finished(make_plan, poses, tmp_path_factory):
    """A finished screen, run once."""
    folder = tmp_path_factory.mktemp("finished")
    made = make_plan(folder, write(folder / "library.sdf", poses))
    return made, screen(made)


@pytest.fixture
def done(finished, tmp_path):
    """The finished screen in a folder of the test's own."""
    made, result = finished
    shutil.copytree(made.output, tmp_path / "run")
    return replace(made, output=tmp_path / "run"), result


@pytest.fixture
def library(finished):
    """That the finished screen is of."""
    return finished[0].library[0]


def test_every_record_has_its_row_in_order(done):
    made, result = done
    assert (result.asked, result.scored, result.complete, result.exit_code) == (40, 40, True, 0)
    table = rows(made.output)
    assert list(table.columns) == list(COLUMNS)
    assert table["row"].tolist() == list(range(40))
    assert table["record"].tolist() == list(range(40))
    assert table["id"].tolist() == [f"library:{number}" for number in range(1, 41)]
    assert table["compound"].tolist() == [f"compound {number // 2}" for number in range(40)]


def test_numbers_are_those_of_predict(done, library, receptor, reference, tiny_model):
    table = rows(done[0].output)
    expected = binding.predict(receptor, library, pocket=reference, model=tiny_model, device="cpu")
    for column in ("pk", "pk_std", "pk_ligand_only", "dg_kcal_mol", "ligand_efficiency", "pose"):
        assert table[column].to_numpy() == pytest.approx(expected[column].to_numpy(), abs=1e-4), column
    assert table["heavy_atoms"].tolist() == expected["heavy_atoms"].tolist()


def test_checks_of_the_poses_are_those_of_predict(plan, poses, receptor, reference, tiny_model, tmp_path):
    library = write(tmp_path / "library.sdf", poses[:4])
    made = plan(library, checks=PoseChecks("fast"), part_size=2)
    assert screen(made).complete
    expected = binding.predict(receptor, library, pocket=reference, model=tiny_model, device="cpu", checks="fast")
    checked = list(names(PoseChecks("fast").columns))
    table = rows(made.output)
    assert list(table.columns) == [*COLUMNS, *checked]
    assert table[checked].astype(str).to_numpy().tolist() == expected[checked].astype(str).to_numpy().tolist()
    results = pd.read_csv(made.output / "results.csv")
    assert list(results.columns) == [*RESULT_COLUMNS, *checked]
    assert len(find_top(made.output, where="plausible").rows) == results["plausible"].sum()
    assert find_top(made.output, by="pk").rows.column_names == list(results.columns)
    assert ">  <binding_plausible>" in (made.output / "top.sdf").read_text()
    assert screen(made).complete
    (tmp_path / "limits.yaml").write_text(yaml.safe_dump({**read_thresholds(), "protein_distance": 0.7}))
    for other in (None, PoseChecks("fast", tmp_path / "limits.yaml")):
        with pytest.raises(UsageError, match="what differs: checks"):
            screen(replace(made, scoring=replace(made.scoring, checks=other)))


def test_pairs_with_receptors_of_their_own_are_those_of_predict(plan, examples, tiny_model):
    made = plan(examples / "pairs.csv", protein=None, pocket=PocketSpec())
    assert screen(made).complete
    table = rows(made.output)
    expected = binding.predict(examples / "pairs.csv", model=tiny_model, device="cpu")
    assert table["id"].tolist() == expected["id"].tolist()
    assert table["pk"].to_numpy() == pytest.approx(expected["pk"].to_numpy(), abs=1e-4)
    inside = table["pose_block"].notna()
    assert inside.any()
    assert all("M  END" in block for block in table["pose_block"][inside])


def test_a_row_of_pairs_that_does_not_fit_is_a_failed_row(plan, examples, tmp_path):
    header, first, *_ = (examples / "pairs.csv").read_text().splitlines()
    name, protein, ligand = first.split(",")
    path = tmp_path / "pairs.csv"
    path.write_text(
        f"{header}\nshort,{examples}/{protein}\n{name},{examples}/{protein},{examples}/{ligand}\nlong,gone.pdb,a.sdf,x\n"
    )
    made = plan(path, protein=None, pocket=PocketSpec())
    result = screen(made)
    assert (result.asked, result.scored, result.failed, result.exit_code) == (3, 1, 2, 3)
    assert rows(made.output)[["id", "receptor", "error_code"]].to_numpy().tolist() == [
        ["short", protein, "bad_row"],
        [name, f"{examples}/{protein}", ""],
        ["long", "gone.pdb", "bad_row"],
    ]


def test_a_table_of_mol_blocks_gives_the_same_numbers(plan, poses, finished, tmp_path):
    path = tmp_path / "poses.parquet"
    names = [f"mine {number}" for number in range(6)]
    pq.write_table(pa.table({"id": names, "molblock": poses[:6]}), path)
    made = plan(path)
    assert screen(made).scored == 6
    table, known = rows(made.output), rows(finished[0].output)
    assert table["compound"].tolist() == names
    assert table["pk"].to_numpy() == pytest.approx(known["pk"][:6].to_numpy(), abs=1e-5)
    assert (made.output / "top.sdf").read_text().count("$$$$") == 5


def test_best_pose_of_each_compound_is_ranked(done):
    made, _ = done
    results = pd.read_csv(made.output / "results.csv")
    best = rows(made.output).groupby("compound")["pk"].max().sort_values(ascending=False)
    assert results["compound"].tolist() == best.index.tolist()
    assert results["rank"].tolist() == list(range(1, 21))
    assert (made.output / "top.sdf").read_text().count("$$$$") == 5
    assert (made.output / "top.sdf").read_text().count("<supplier>") == 5


def test_run_file_says_what_was_done(done, library):
    made, _ = done
    said = json.loads((made.output / "run.json").read_text())
    assert said["state"] == "complete"
    assert said["counts"] == {"asked": 40, "scored": 40, "failed": 0}
    assert said["parts"] == {"count": 10, "done": 10}
    assert said["model"]["name"] == "tiny"
    assert said["library"]["records"] == 40
    assert {read_info(path).key for path in part_paths(made.output)} == {said["key"]}
    spent = said["stages"]
    assert set(spent) == {"read", "featurize", "network", "write", "results", "wall"}
    assert min(spent.values()) >= 0
    assert min(spent["featurize"], spent["network"]) > 0
    assert sum(spent.values()) - spent["wall"] <= spent["wall"] + 0.01  # one process: one thing after the other


def test_worker_processes_write_the_same_bytes(done, plan, library, tmp_path):
    made, _ = done
    other = plan(library, output=tmp_path / "workers", workers=2)
    assert screen(other).exit_code == 0
    assert contents(other.output) == contents(made.output)


def test_stopped_and_resumed_it_writes_the_same_bytes(done, plan, library, tmp_path):
    other = plan(library, output=tmp_path / "stopped")
    seen = []
    first = screen(other, stopping=lambda: len(part_paths(other.output)) >= 3, progress=seen.append)
    assert (first.interrupted, first.complete, first.exit_code) == (True, False, 130)
    assert first.asked == 12
    assert not (other.output / "results.csv").exists()
    again = screen(other, progress=seen.append)
    assert again.complete
    assert seen[-1].done == 40
    assert seen[-1].now == 28
    assert contents(other.output) == contents(done[0].output)


def test_shards_together_make_the_same_bytes(done, plan, library, tmp_path):
    shared = [plan(library, output=tmp_path / "shards", shard=Shard(index, 3)) for index in (1, 2, 3)]
    results = [screen(one) for one in shared]
    assert [result.complete for result in results] == [False, False, True]
    assert sum(result.asked for result in results) == 40
    assert contents(tmp_path / "shards") == contents(done[0].output)


def test_a_shard_does_not_touch_the_parts_of_another(plan, library, tmp_path):
    first = plan(library, output=tmp_path / "shards", shard=Shard(1, 2))
    screen(first)
    torn = first.output / "parts" / "part-000000.parquet"
    torn.write_bytes(b"not seen whole yet, over a slow network")
    assert not screen(replace(first, shard=Shard(2, 2))).complete
    assert torn.exists()
    assert screen(first).complete


def test_a_changed_input_is_refused_and_named(done, poses, tmp_path):
    made, _ = done
    before = contents(made.output)
    scoring = made.scoring
    for changed, word in (
        (replace(made, scoring=replace(scoring, batch_size=3)), "--batch-size"),
        (replace(made, compound_tag="supplier"), "--compound-tag"),
        (replace(made, scoring=replace(scoring, pocket=replace(scoring.pocket, cutoff=8.0))), "pocket"),
    ):
        with pytest.raises(UsageError, match=word) as refused:
            screen(changed)
        assert refused.value.code == "run_changed"
    other = replace(made, library=[write(tmp_path / "other.sdf", poses[:9])])
    with pytest.raises(UsageError, match="what differs: the library"):
        screen(other)
    assert contents(made.output) == before
    assert screen(replace(other, restart=True)).asked == 9
    assert len(rows(made.output)) == 9


def test_a_damaged_part_is_done_again(done):
    made, _ = done
    before = contents(made.output)
    (made.output / "parts" / "part-000004.parquet").write_bytes(b"PAR1 but no more")
    (made.output / "parts" / "part-000005.parquet").unlink()
    (made.output / "parts" / "part-000006.parquet.77.partial").write_bytes(b"cut off")
    assert screen(made).complete
    assert contents(made.output) == before


def test_a_folder_with_other_things_is_left_alone(plan, library, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("all of it")
    for restart in (False, True):
        with pytest.raises(FileError) as refused:
            screen(plan(library, restart=restart))
        assert refused.value.code == "folder_taken"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_an_unfinished_run_file_of_a_killed_process_is_removed(tmp_path):
    leftover = tmp_path / "run" / "run.json.12345.partial"
    with RunFolder(tmp_path / "run") as folder:
        leftover.write_text('{"format"')
        folder.begin({"library": "x"}, "key", {})
        assert folder.read()["key"] == "key"
    assert not leftover.exists()


def test_two_runs_in_one_folder_are_refused(plan, library, tmp_path):
    with RunFolder(tmp_path / "run"), pytest.raises(FileError, match="Another process works in") as refused:
        screen(plan(library))
    assert refused.value.code == "run_locked"
    with RunFolder(tmp_path / "run", Shard(1, 2)):
        with RunFolder(tmp_path / "run", Shard(2, 2)):
            pass
        with pytest.raises(FileError, match="Another process"):  # would do the shard's parts twice
            screen(plan(library))


def test_different_structures_of_one_title_are_told(plan, poses, reference, tmp_path):
    """Titles such as ``ligand``: compounds of other atoms are listed each, and the run says so."""
    mol = Chem.MolFromMolFile(str(reference))
    other = Chem.RWMol(mol)
    other.GetAtomWithIdx(next(atom.GetIdx() for atom in mol.GetAtoms() if atom.GetDegree() == 1)).SetAtomicNum(9)
    records = []
    for shape in (mol, other, mol):
        shape.SetProp("_Name", "ligand")
        records.append(Chem.MolToMolBlock(shape) + "$$$$\n")
    done = screen(plan(write(tmp_path / "titles.sdf", records)))
    assert (done.scored, len(pd.read_csv(done.folder / "results.csv"))) == (3, 2)
    (warning,) = done.warnings
    assert "1 title stands for several compounds of different atoms" in warning
    assert "--compound-tag" in warning
    assert warning in html.unescape(api.report(done.folder).read_text())
    assert screen(plan(write(tmp_path / "same.sdf", poses[:2]), restart=True)).warnings == ()


def test_the_tag_names_the_compounds(plan, library):
    made = plan(library, compound_tag="supplier")
    screen(made)
    assert sorted(pd.read_csv(made.output / "results.csv")["compound"]) == ["shelf 0", "shelf 1", "shelf 2"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protein": None}, "no receptor"),
        ({"batch_size": 0}, "batch_size must be 1 or more"),
        ({"part_size": 0}, "1 record or more"),
    ],
)
def test_options_that_do_not_fit_are_refused(plan, library, changes, message):
    with pytest.raises(BindingError, match=message):
        screen(plan(library, **changes))


def test_an_unknown_engine_is_refused():
    with pytest.raises(UsageError, match="no engine 'abacus'"):
        EngineOptions("abacus")


def test_a_loaded_model_is_refused(plan, library, tiny_model):
    """Each process loads the weights, and what identifies a run is their file."""
    with pytest.raises(UsageError, match="by name or path"):
        screen(plan(library, model=binding.load_model(tiny_model, device="cpu")))


def test_schema_is_what_the_parts_hold(done):
    assert all(pq.read_schema(path).remove_metadata().equals(SCHEMA) for path in part_paths(done[0].output))


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b"])
def test_shards_that_there_are_not(text):
    with pytest.raises(UsageError, match="shard"):
        Shard.parse(text)

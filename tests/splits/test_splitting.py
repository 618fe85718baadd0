"""Folders to sides: each rule keeps apart what it says, and no row is lost."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from binding import api
from binding.data.entries import read_complexes, read_content
from binding.data.holdout import read_split
from binding.errors import FileError, TableError, UsageError
from binding.splits.clusters import cluster_proteins
from binding.splits.similarity import fingerprints, scaffold, tanimoto_rows

from .conftest import Tree, backbone, ligand_block, random_sequence

SHARES = {"test": 0.2, "validation": 0.2}


@pytest.fixture(scope="session")
def content(tree):
    """The truth about the tree, found without any rule."""
    rows = read_complexes([tree.folder])
    found = read_content(rows, proteins=True, ligands=True)
    assert not found.failed
    clusters = cluster_proteins({row.id: found.chains[row.folder] for row in rows}).clusters
    mols = [found.mols[row.id] for row in rows]
    return rows, clusters, {row.id: scaffold(mol) for row, mol in zip(rows, mols, strict=True)}, fingerprints(mols)


def on(table: pd.DataFrame, side: str) -> set[str]:
    return set(table.loc[table["split"] == side, "id"])


def test_the_tree_has_six_families(content):
    rows, clusters, _, _ = content
    assert {row.id: clusters[row.id] for row in rows} == {row.id: f"{row.id[:-1]}0" for row in rows}


@pytest.mark.parametrize("by", ["random", "time", "protein", "scaffold", "both"])
def test_every_row_has_a_side(tree, by):
    result = api.split([tree.folder], by=by, **SHARES)
    assert result.table["id"].tolist() == [row["id"] for row in tree.rows]
    assert sum(result.counts.values()) == len(tree.rows) == result.summary["rows"]
    assert result.counts["test"] > 0
    assert result.counts["validation"] > 0
    assert sum(result.summary["left_out"].values()) == result.counts["left_out"]
    assert result.failed == 0


@pytest.mark.parametrize("by", ["protein", "both"])
@pytest.mark.parametrize("seed", range(3))
def test_no_family_is_on_two_sides(tree, content, by, seed):
    table = api.split([tree.folder], by=by, seed=seed, **SHARES).table
    families = [{content[1][name] for name in on(table, side)} for side in ("train", "validation", "test")]
    assert all(families)
    assert sum(map(len, families)) == len(set.union(*families))


@pytest.mark.parametrize("seed", range(3))
def test_no_scaffold_is_on_two_sides(tree, content, seed):
    table = api.split([tree.folder], by="scaffold", seed=seed, **SHARES).table
    found = [{content[2][name] for name in on(table, side)} for side in ("train", "validation", "test")]
    assert sum(map(len, found)) == len(set.union(*found))


@pytest.mark.parametrize("seed", range(3))
def test_both_keeps_ligands_apart_too_and_counts_what_it_drops(tree, content, seed):
    rows, _, scaffolds, prints = content
    result = api.split([tree.folder], by="both", seed=seed, **SHARES)
    assert result.counts["left_out"] > 0, "each series binds two families"
    place = {row.id: k for k, row in enumerate(rows)}
    for held, seen in (("test", "train"), ("test", "validation"), ("validation", "train")):
        one, two = sorted(on(result.table, held)), sorted(on(result.table, seen))
        assert not {scaffolds[name] for name in one} & {scaffolds[name] for name in two}
        blocks = tanimoto_rows(prints[[place[n] for n in one]], prints[[place[n] for n in two]])
        assert max((float(block.max(initial=0.0)) for _, block in blocks), default=0.0) < 0.5
    dropped = result.table[result.table["split"] == "left_out"]
    assert dropped["reason"].str.contains("scaffold of|similarity").all()


def test_time_tests_on_the_newest(tree):
    table = api.split([tree.folder], by="time", **SHARES).table
    year = {row["id"]: int(row["year"]) for row in tree.rows}
    assert min(year[n] for n in on(table, "test")) > max(year[n] for n in on(table, "validation"))
    assert min(year[n] for n in on(table, "validation")) > max(year[n] for n in on(table, "train"))


def test_a_column_gives_the_sides(tree):
    table = api.split([tree.folder], by="column", column="part").table
    assert table["split"].tolist() == [row["part"] for row in tree.rows]
    table = api.split([tree.folder], by="column", column="target", test_values=("lectin",)).table
    assert on(table, "test") == {f"lectin{k}" for k in range(4)}
    assert on(table, "validation") == set()


def test_random_leaks_and_protein_does_not(tree):
    shares = {}
    for by in ("random", "protein"):
        shares[by] = api.split([tree.folder], by=by, report=True, **SHARES).report.shares["test"]
    assert shares["random"]["close_protein"] > 0.5
    assert shares["protein"]["close_protein"] == shares["protein"]["close_analogue"] == 0.0


def test_the_same_files_again(tree, tmp_path):
    for name in ("a", "b"):
        api.split([tree.folder], by="both", report=True, **SHARES).write(tmp_path / name / "split.csv")
    written = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert written == ["split.csv", "split.json", "split.lookup.csv", "split.report.csv"]
    for name in written:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_what_is_written(tree, tmp_path):
    result = api.split([tree.folder], by="protein", seed=5, report=True, **SHARES)
    result.write(tmp_path / "split.csv")
    assert read_split(tmp_path / "split.csv") == dict(zip(result.table["id"], result.table["split"], strict=True))
    summary = json.loads((tmp_path / "split.json").read_text())
    assert summary["rule"]["by"] == "protein"
    assert summary["rule"]["seed"] == 5
    assert summary["counts"] == result.counts
    assert summary["protein_clusters"] == {"count": 6, "largest": 4}
    assert summary["sequences"] == {
        "proteins": 24, "declared": 0, "from_residues": 24, "pocket_only": 0, "no_chain": 0,
    }  # fmt: skip
    lookup = pd.read_csv(tmp_path / "split.lookup.csv", dtype={"id": str})
    assert set(lookup["id"]) == on(result.table, "test") | on(result.table, "validation")


def test_the_look_up_is_a_peer_of_evaluate(tree, tmp_path):
    api.split([tree.folder], by="random", report=True, **SHARES).write(tmp_path / "split.csv")
    predictions = pd.DataFrame({"id": [row["id"] for row in tree.rows], "pk": np.linspace(3, 9, len(tree.rows))})
    found = api.evaluate(predictions, tree.folder / "index.csv", peers=tmp_path / "split.lookup.csv", resamples=50)
    names = {column.name: column.n for column in found.columns}
    lookup = pd.read_csv(tmp_path / "split.lookup.csv")
    assert names["nearest_neighbour"] == names["nearest_5_weighted"] == len(lookup)


@pytest.fixture
def broken(tree, tmp_path):
    copy = Tree(tmp_path / "broken", list(tree.rows))
    shutil.copytree(tree.folder, copy.folder)
    (copy.folder / "kinase0" / "kinase0_protein.pdb").write_text("<html><body>404</body></html>")
    (copy.folder / "lectin1" / "lectin1_ligand.sdf").unlink()
    return copy


def test_rows_that_cannot_be_read_are_left_out_with_their_reason(broken):
    result = api.split([broken.folder], by="both", **SHARES)
    assert result.failed == 2
    assert result.summary["left_out"]["unreadable"] == 2
    reasons = result.table.set_index("id")["reason"]
    assert reasons["kinase0"].startswith("wrong_format: ")
    assert reasons["lectin1"].startswith("file_not_found: ")
    assert len(result.table) == 24


def test_a_rule_reads_no_more_than_it_needs(broken):
    assert api.split([broken.folder], by="random", **SHARES).failed == 0


def test_two_folders_are_split_as_one(tree, tmp_path):
    other = Tree(tmp_path)
    other.add("late", random_sequence(120, seed=1), "CCO", pk=5.0, part="test", batch="new")
    other.write_index()
    result = api.split([tree.folder, other.folder], by="protein", **SHARES)
    clusters = result.table.set_index("id")["protein_cluster"]
    assert clusters["late"] == clusters["kinase0"], "the same protein in another folder"
    result = api.split([tree.folder, other.folder], by="column", column="part")
    assert result.counts == {"train": 12, "validation": 6, "test": 7, "left_out": 0}
    with pytest.raises(TableError, match="no row to train on"):  # the first folder has no such column
        api.split([tree.folder, other.folder], by="column", column="batch", test_values=("new",))


def test_many_ligands_of_one_receptor(tmp_path):
    """The layout of modelled poses: one protein file and one file of records, by the column ``receptor``."""
    folder = tmp_path / "rec"
    folder.mkdir()
    (folder / "rec_protein.pdb").write_text(backbone(random_sequence(120, seed=1)))
    series = {"m1": "CCOc1ccccc1", "m2": "C1CCNCC1", "m3": "c1ccc2[nH]ccc2c1"}
    (folder / "rec_ligands.sdf").write_text("".join(ligand_block(smiles, name) for name, smiles in series.items()))
    lines = ["id,receptor,pk", *(f"{name},rec,6.0" for name in [*series, "m4"])]
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n")
    result = api.split([tmp_path], by="scaffold", test=0.3, validation=0.0, report=True)
    assert result.failed == 1
    assert result.table["reason"].iloc[3].startswith("ligand_not_found")
    assert result.table["protein_cluster"].tolist() == ["m1", "m1", "m1", ""]
    assert (result.counts["train"], result.counts["test"]) == (2, 1)
    assert result.report.rows["protein_identity"].tolist() == [1.0]


def test_an_id_in_two_folders_is_refused(tree):
    with pytest.raises(TableError, match="more than one index"):
        api.split([tree.folder, tree.folder])


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"by": "family"}, "family"),
        ({"test": 0.7, "validation": 0.3}, "below 1"),
        ({"test": -0.1}, "at least 0"),
        ({"by": "protein", "identity": 0.1}, "identity"),
        ({"similarity": 50}, "similarity"),
        ({"by": "column"}, "name of a column"),
        ({"by": "random", "column": "year"}, "reads no column"),
        ({"by": "random", "test_values": ("a",)}, "rule column"),
    ],
)
def test_rules_that_cannot_be(tree, settings, named):
    with pytest.raises(UsageError) as caught:
        api.split([tree.folder], **settings)
    assert named in caught.value.message


def test_a_column_that_is_not_there(tree):
    with pytest.raises(TableError, match="released") as caught:
        api.split([tree.folder], by="time", column="released")
    assert "year" in caught.value.hint


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileError):
        api.split([tmp_path / "none"])

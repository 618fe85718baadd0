"""The cache gives back what the files gave, and a damaged one is told from a good one."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from dataset import POSES, ROWS, SINGLES
from networks import random_member

from binding.data.cache import ComplexCache
from binding.data.encode import write_cache
from binding.data.prepare import prepare_dataset
from binding.domain.words import pocket_words
from binding.errors import CacheError
from binding.graph import vocabulary
from binding.graph.fields import ATOM_CATEGORIES
from binding.graph.site import PocketSpec
from binding.graph.vocabulary import ligand_vocabulary
from binding.model.weights import Scorer
from binding.score.featurize import Featurized, featurize
from binding.score.jobs import Job

RESOLUTION = 1e-3  # Å


def graphs_from_files(folder) -> dict:
    graphs = {}
    for name in (*SINGLES, "5ht1b"):
        ligand = folder / name / f"{name}_ligand{'s' if name == '5ht1b' else ''}.sdf"
        for found in featurize(Job(folder / name / f"{name}_protein.pdb", ligand, PocketSpec())):
            assert isinstance(found, Featurized), found.error
            graphs[found.ligand.name if name == "5ht1b" else name] = found.graph
    return graphs


def test_every_row_of_the_index_is_there(prepared, cache):
    assert (prepared.asked, prepared.cached, prepared.rejected) == (ROWS, ROWS, [])
    assert len(cache) == ROWS
    assert cache.table["id"].tolist() == [*SINGLES, *(f"5ht1b-{k}" for k in range(POSES))]
    assert cache.table["pk"].tolist()[:4] == [5.25, 6.25, 7.25, 8.25]
    assert set(cache.table["source"]) == {"examples"}
    assert cache.table["uniprot"].nunique() == 5
    assert cache.settings == {"pocket_cutoff": 10.0}


def test_the_words_of_a_site_are_those_of_the_graph(prepared, cache, tmp_path):
    """Also where pockets were cut larger: a site is what is within 10 Å."""
    wide = prepare_dataset(prepared.path.parent / "tree", None, tmp_path / "wide.npz", pocket_cutoff=13.0, workers=0)
    larger = ComplexCache(wide.path)
    for row in range(ROWS):
        graph, words = cache.graph(row), cache.site_words(row)
        assert len(words) >= 20
        assert words.tolist() == pocket_words(graph.pocket, graph.ligand.positions).tolist()
        assert words.tolist() == larger.site_words(row).tolist()
    graph = larger.graph(0)
    assert len(pocket_words(graph.pocket)) > len(larger.site_words(0))


def test_graphs_are_those_of_the_files(prepared, cache):
    """Positions within 0.001 Å, relative to each other; everything that is no position exactly."""
    from_files = graphs_from_files(prepared.path.parent / "tree")
    for row, name in enumerate(cache.table["id"]):
        cached, direct = cache.graph(row), from_files[name]
        ligand, pocket = cached.ligand, cached.pocket
        for field in ("atom_categories", "bonds", "bond_categories", "descriptors", "radii"):
            assert np.array_equal(getattr(ligand, field), getattr(direct.ligand, field)), field
        for field in ("residue_types", "atom_classes", "atom_residue", "edge_offset", "edge_index"):
            assert np.array_equal(getattr(pocket, field), getattr(direct.pocket, field)), field
        shift = direct.pocket.atom_positions.mean(axis=0) - pocket.atom_positions.mean(axis=0)
        assert np.linalg.norm(ligand.positions + shift - direct.ligand.positions, axis=1).max() < RESOLUTION
        for field in ("atom_positions", "anchors", "centroids"):
            off = getattr(pocket, field) + shift - getattr(direct.pocket, field)
            assert np.linalg.norm(off, axis=1).max() < RESOLUTION, field
        assert np.abs(pocket.residue_scalars - direct.pocket.residue_scalars).max() < 5e-3
        assert cache.num_ligand_atoms()[row] == ligand.num_atoms


def test_scores_are_those_of_the_files(prepared, cache):
    from_files = graphs_from_files(prepared.path.parent / "tree")
    scorer = Scorer("x", {}, [random_member()])
    cached = scorer.score([cache.graph(row) for row in range(len(cache))]).pk
    direct = scorer.score([from_files[name] for name in cache.table["id"]]).pk
    assert np.abs(cached - direct).max() < 0.05


def test_what_cannot_be_read_is_reported_and_the_rest_kept(prepared, tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(prepared.path.parent / "tree", tree)
    (tree / "1s2g" / "1s2g_ligand.sdf").write_text("not a molecule\n$$$$\n")
    (tree / "4cup" / "4cup_protein.pdb").unlink()
    ligands = tree / "5ht1b" / "5ht1b_ligands.sdf"
    ligands.write_text(ligands.read_text().replace("5ht1b-4\n", "renamed\n", 1))
    report = prepare_dataset(tree, None, tmp_path / "x.npz", workers=0)
    assert report.asked == ROWS
    assert report.cached == ROWS - 3
    assert {r.id for r in report.rejected} == {"1s2g", "4cup", "5ht1b-4"}
    codes = {r.id: r.error_code for r in report.rejected}
    assert codes["4cup"] == "file_not_found"
    assert codes["5ht1b-4"] == "ligand_not_found"
    written = pd.read_csv(tmp_path / "x.rejected.csv")
    assert written["id"].tolist() == [r.id for r in report.rejected]
    assert len(ComplexCache(report.path)) == ROWS - 3


def test_nothing_left_is_an_error_and_leaves_no_file(prepared, tmp_path):
    with pytest.raises(CacheError, match="No complex"):
        write_cache(tmp_path / "x.npz", [], [], {})
    assert list(tmp_path.iterdir()) == []


def refuse(path) -> CacheError:
    with pytest.raises(CacheError) as caught:
        ComplexCache(path)
    assert caught.value.code == "bad_cache"
    assert caught.value.hint
    return caught.value


def test_a_missing_cache(tmp_path):
    assert "no cache" in refuse(tmp_path / "none.npz").message


@pytest.mark.parametrize("keep", [0, 3, 100, 0.5, 0.99])
def test_a_cache_that_breaks_off(prepared, tmp_path, keep):
    data = prepared.path.read_bytes()
    path = tmp_path / "x.npz"
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    refuse(path)


def test_a_cache_with_altered_bytes(prepared, tmp_path):
    data = bytearray(prepared.path.read_bytes())
    data[200:260] = bytes(60)
    path = tmp_path / "x.npz"
    path.write_bytes(bytes(data))
    refuse(path)


def test_other_files_are_no_cache(tmp_path):
    path = tmp_path / "x.npz"
    path.write_text("id,pk\n")
    refuse(path)
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    refuse(path)
    np.savez(path, something=np.zeros(3))
    refuse(path)
    np.savez(path, objects=np.array([{"a": 1}], dtype=object))
    refuse(path)


def spoiled(array: np.ndarray, value: float) -> np.ndarray:
    """The array with another last number."""
    array = array.copy()
    array.reshape(-1)[-1] = value
    return array


@pytest.mark.parametrize(
    ("name", "spoil", "told"),
    [
        ("bonds", lambda array: None, "lacks bonds"),
        ("positions", lambda array: array[:-1], "do not fit together"),
        ("positions", lambda array: array.astype(np.float32), "do not fit together"),
        ("descriptors", lambda array: array[:, :-1], "do not fit together"),
        ("descriptors", lambda array: spoiled(array, np.nan), "not finite"),
        ("ligand_step", lambda array: spoiled(array, np.inf), "not finite"),
        ("ligand_step", lambda array: spoiled(array, 0.0), "ligand_step that are no lengths"),
        ("protein_step", lambda array: spoiled(array, 1e300), "protein_step that are no lengths"),
        ("ligand_atoms", lambda array: spoiled(array, array[-1] - 1), "ligand_atoms does not count the atoms"),
        ("ligand_bonds", lambda array: spoiled(array, -1), "ligand_bonds that are not from 0"),
        ("ligand_pocket", lambda array: spoiled(array, 0), "ligand_pocket does not count the pocket rows"),
        ("protein_residues", lambda array: array[::-1], "residues of the cache do not hold its atoms"),
        ("residue_sizes", lambda array: spoiled(array, array[-1] + 1), "residue_sizes does not count"),
        ("ligand_group", lambda array: spoiled(array, 99), "ligand_group that are not from 0 to"),
        ("protein_elements", lambda array: spoiled(array, 119), "protein_elements that are not from 0 to 118"),
        ("protein_atom_names", lambda array: spoiled(array, 9999), "protein_atom_names that are not from 0 to"),
        ("residue_names", lambda array: spoiled(array, 9999), "residue_names that are not from 0 to"),
        ("residue_kinds", lambda array: spoiled(array, 4), "residue_kinds that are not from 0 to 3"),
        ("atom_categories", lambda array: spoiled(array, 255), "atom_categories that mean nothing"),
        ("bond_categories", lambda array: spoiled(array, 255), "bond_categories that mean nothing"),
        ("bonds", lambda array: spoiled(array, 9999), "bonds beyond those of a complex"),
        ("pocket_rows", lambda array: spoiled(array, 9999), "pocket_rows beyond those of a complex"),
        ("table", lambda array: array[: array.tobytes().index(b"\n5ht1b-8") + 1], "13 complexes and 12 rows"),
        ("table", lambda array: array[:0], "no cache"),
        ("table", lambda array: np.frombuffer(b"name\n" + b"a\n" * 13, dtype=np.uint8), "no cache"),
        ("meta", lambda array: np.frombuffer(b"[1]", dtype=np.uint8), "no cache"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(prepared, tmp_path, name, spoil, told):
    arrays = dict(np.load(prepared.path))
    array = spoil(arrays.pop(name))
    arrays |= {} if array is None else {name: array}
    np.savez(tmp_path / "x.npz", **arrays)
    assert told in refuse(tmp_path / "x.npz").message


@pytest.mark.parametrize("change", [{"version": 0}, {"version": 99}, {"descriptors": ["other"]}])
def test_a_cache_of_another_version(prepared, tmp_path, change):
    arrays = dict(np.load(prepared.path))
    meta = json.loads(arrays["meta"].tobytes()) | change
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    assert "another version" in refuse(tmp_path / "x.npz").message


def with_meta(prepared, path, **change):
    """The cache with other words about itself; None takes an entry out."""
    arrays = dict(np.load(prepared.path))
    meta = json.loads(arrays["meta"].tobytes()) | change
    meta = {name: value for name, value in meta.items() if value is not None}
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    np.savez_compressed(path, **arrays)
    return path


def test_a_cache_of_other_features_is_refused_by_name(prepared, tmp_path, monkeypatch):
    """Two features that changed places would be read as each other."""
    features = ligand_vocabulary()
    names = features["atom_categories"]
    one, other = names.index("donor:2"), names.index("acceptor:2")
    names[one], names[other] = names[other], names[one]
    error = refuse(with_meta(prepared, tmp_path / "x.npz", features=features))
    assert "of atom_categories it has acceptor:2 where this version has donor:2" in error.message
    assert "binding prepare" in error.hint
    monkeypatch.setattr(vocabulary, "ATOM_CATEGORIES", ATOM_CATEGORIES | {"halogen": 2})
    assert "lacks halogen:2" in refuse(prepared.path).message


def test_a_cache_that_does_not_name_its_features_is_of_the_first_version(prepared, tmp_path, monkeypatch):
    path = with_meta(prepared, tmp_path / "x.npz", features=None)
    assert len(ComplexCache(path)) == len(ComplexCache(prepared.path))
    monkeypatch.setattr(vocabulary, "ATOM_CATEGORIES", ATOM_CATEGORIES | {"halogen": 2})
    assert "atom_categories of version 0.1" in refuse(path).message


def test_a_cache_whose_settings_are_none(prepared, tmp_path):
    for settings in (3, {"pocket_cutoff": [10.0]}, {"pocket_cutoff": "10"}):
        assert "no cache" in refuse(with_meta(prepared, tmp_path / "x.npz", settings=settings)).message


def test_a_cache_without_version(prepared, tmp_path):
    arrays = dict(np.load(prepared.path))
    arrays["meta"] = np.frombuffer(b"{}", dtype=np.uint8)
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    refuse(tmp_path / "x.npz")


def test_size_on_real_data(shared_data, tmp_path):
    """A cache of 10,000 complexes is to fit in 60 MB: 6 kB each."""
    index = pd.read_csv(shared_data / "crystal" / "index.csv").iloc[:40]
    index.to_csv(tmp_path / "index.csv", index=False)
    report = prepare_dataset(shared_data / "crystal", tmp_path / "index.csv", tmp_path / "x.npz", workers=0)
    assert report.cached >= 38
    assert report.path.stat().st_size / report.cached < 6_000

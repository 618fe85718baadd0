"""Files of molecules: every record is there or rejected, and what was read is kept as long as it is true."""

from __future__ import annotations

import numpy as np
import pytest

from binding.errors import CacheError, FileError, TableError, WriteError
from binding.graph.ligand import build_ligand_graph
from binding.io.ligand import read_ligands
from binding.pretraining import molecules as module
from binding.pretraining.molecules import MoleculeSet, read_molecules

from .conftest import MOLECULES

NAMES = [name for name, *_ in MOLECULES]


def assert_same(first: MoleculeSet, second: MoleculeSet) -> None:
    assert first.names == second.names
    assert first.rejected == second.rejected
    for name, array in first.arrays.items():
        assert array.dtype == second.arrays[name].dtype
        assert np.array_equal(array, second.arrays[name]), name


def test_records_become_their_graphs(library):
    found = read_molecules(library / "molecules.sdf", workers=1)
    assert found.names == NAMES
    for row, ligand in enumerate(read_ligands(library / "molecules.sdf")):
        graph, batch = build_ligand_graph(ligand), found.batch([row])
        assert np.array_equal(batch.atom_categories.numpy(), graph.atom_categories)
        assert np.array_equal(batch.bond_index.numpy(), np.concatenate([graph.bonds, graph.bonds[:, ::-1]]).T)
        assert np.array_equal(batch.bond_categories.numpy(), np.concatenate([graph.bond_categories] * 2))


@pytest.fixture
def broken(library, tmp_path):
    """The third of nine records is no molecule."""
    blocks = (library / "molecules.sdf").read_text().split("$$$$\n")
    path = tmp_path / "broken.sdf"
    path.write_text("$$$$\n".join([*blocks[:2], "nonsense\n\n\n 7  x\n", *blocks[2:]]))
    return path


def test_a_broken_record_is_rejected_and_no_other(broken, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 2)
    found = read_molecules(broken, workers=1)
    assert found.names == NAMES
    assert [item.id for item in found.rejected] == ["nonsense"]
    assert found.rejected[0].error_code == "bad_record"


def test_workers_change_nothing(broken, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 2)
    assert_same(read_molecules(broken, workers=2), read_molecules(broken, workers=1))


def test_nothing_usable_is_told(tmp_path):
    path = tmp_path / "nothing.sdf"
    path.write_text("nonsense\n\n\n 7  x\n$$$$\n")
    with pytest.raises(TableError, match="no record"):
        read_molecules(path, workers=1)
    with pytest.raises(FileError):
        read_molecules(tmp_path / "none.sdf", workers=1)


def test_what_was_read_is_kept_until_the_file_changes(broken, tmp_path, monkeypatch):
    kept = tmp_path / "kept" / "molecules.npz"
    first = read_molecules(broken, kept, workers=1)
    reads = []
    run = module._run
    monkeypatch.setattr(module, "_run", lambda *args: reads.append(1) or run(*args))
    assert_same(read_molecules(broken, kept, workers=1), first)
    assert reads == []
    broken.write_text(broken.read_text().replace("aspirin", "acetylsalicylate"))
    assert read_molecules(broken, kept, workers=1).names[0] == "acetylsalicylate"
    assert reads == [1]
    assert read_molecules(broken, kept, workers=1).names[0] == "acetylsalicylate"
    assert reads == [1]


def test_a_file_that_is_no_cache_is_not_overwritten(library, tmp_path):
    other = tmp_path / "mine.npz"
    other.write_text("precious")
    with pytest.raises(CacheError, match="no cache of molecules"):
        read_molecules(library / "molecules.sdf", other, workers=1)
    assert other.read_text() == "precious"


def test_a_full_disk_leaves_no_half_cache(library, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(WriteError, match="the disk is full"):
        read_molecules(library / "molecules.sdf", tmp_path / "kept.npz", workers=1)
    assert list(tmp_path.iterdir()) == []

"""Files of molecules: every record is there or rejected."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from binding.errors import FileError, TableError
from binding.graph.ligand import build_ligand_graph
from binding.io.ligand import read_ligands
from binding.pretraining import molecules as module
from binding.pretraining.molecules import MoleculeSet, read_molecules

from .conftest import MOLECULES

NAMES = [name for name, *_ in MOLECULES]


def assert_same(first: MoleculeSet, second: MoleculeSet) -> None:
    assert first.names == second.names
    assert first.rejected == second.rejected
    for one, two in zip(first.graphs, second.graphs, strict=True):
        assert all(np.array_equal(getattr(one, part.name), getattr(two, part.name)) for part in fields(one))


def test_records_become_their_graphs(library):
    found = read_molecules(library / "molecules.sdf", workers=1)
    assert found.names == NAMES
    expected = [build_ligand_graph(ligand) for ligand in read_ligands(library / "molecules.sdf")]
    assert_same(found, MoleculeSet(NAMES, expected))


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
    with pytest.raises(TableError, match="No record"):
        read_molecules(path, workers=1)
    with pytest.raises(FileError):
        read_molecules(tmp_path / "none.sdf", workers=1)

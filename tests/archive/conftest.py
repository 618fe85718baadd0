"""A small archive on 127.0.0.1 that serves files of the PDB's form, and fails in the ways that servers fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from binding.archive.download import Manners

sys.path.insert(0, str(Path(__file__).parent))

from archive_server import ArchiveServer, component_of, entry_without_bonds


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="session")
def served(examples) -> dict[str, bytes]:
    """Two real entries without the ligand's bonds, as the archive's older files are, and the two components."""
    files = {}
    for pdb_id, code in (("4cup", "ZYB"), ("6wqa", "ZMA")):
        path = examples / f"{pdb_id}_complex.cif.gz"
        files[f"/mmCIF/{pdb_id[1:3]}/{pdb_id}.cif.gz"] = entry_without_bonds(path)
        files[f"/ligands/{code}.cif"] = component_of(path, code)
    return files


@pytest.fixture
def server(served):
    with ArchiveServer(dict(served)) as running:
        yield running


@pytest.fixture
def manners() -> Manners:
    """Patience of a test."""
    return Manners(attempts=3, timeout=0.5, deadline=5.0, backoff=0.01, longest_wait=5.0)

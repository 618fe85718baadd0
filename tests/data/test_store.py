"""Built graphs are kept on the disk: the same graph comes back, in this process and in a forked one."""

from __future__ import annotations

import dataclasses
import os
import pickle
import tempfile

import numpy as np
import pytest

from binding.data.cache import ComplexCache
from binding.data.store import GraphStore


def arrays_of(graph):
    parts = (graph.ligand, graph.pocket)
    return {f.name: getattr(part, f.name) for part in parts for f in dataclasses.fields(part)}


def assert_same(first, second):
    one, two = arrays_of(first), arrays_of(second)
    assert one.keys() == two.keys()
    for name in one:
        assert one[name].dtype == two[name].dtype, name
        assert np.array_equal(one[name], two[name]), name


def test_a_graph_comes_back_as_it_was(cache):
    store = GraphStore()
    graphs = {row: cache.graph(row) for row in (0, 3, 5)}
    for row, graph in graphs.items():
        store.put(row, graph)
    assert len(store) == 3
    assert store.get(1) is None
    for row in (5, 0, 3, 0):
        assert_same(store.get(row), graphs[row])


def test_a_cache_builds_each_graph_once(prepared, monkeypatch):
    cache = ComplexCache(prepared.path)
    built = []
    build = cache._build
    monkeypatch.setattr(cache, "_build", lambda row: built.append(row) or build(row))
    first = [cache.graph(row) for row in (2, 0, 2, 2, 0)]
    assert built == [2, 0]
    assert_same(first[0], first[2])


def test_a_full_disk_costs_time_and_no_graph(cache, monkeypatch, caplog):
    def full(**_):
        raise OSError(28, "No space left on device")

    graphs = [cache.graph(row) for row in (0, 1)]
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    store = GraphStore()
    for row, graph in enumerate(graphs):
        store.put(row, graph)
    assert store.get(0) is None
    assert len(caplog.records) == 1, "told once"
    assert "No space left" in caplog.text


def test_what_goes_to_another_process_begins_anew(cache):
    store = GraphStore()
    store.put(0, cache.graph(0))
    other = pickle.loads(pickle.dumps(store))
    assert other.get(0) is None
    other.put(0, cache.graph(0))
    assert_same(other.get(0), store.get(0))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_disturbs_nobody(cache):
    """It reads what was kept before, and what it keeps does not land in the parent's file."""
    store = GraphStore()
    store.put(0, cache.graph(0))
    child = os.fork()
    if child == 0:
        try:
            assert_same(store.get(0), cache.graph(0))
            store.put(7, cache.graph(7))
            assert_same(store.get(7), cache.graph(7))
            os._exit(0)
        finally:  # whatever went wrong, nothing of pytest goes on here
            os._exit(1)
    store.put(1, cache.graph(1))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get(7) is None
    for row in (0, 1):
        assert_same(store.get(row), cache.graph(row))

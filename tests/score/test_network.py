"""Batches of graphs: how many go at once, and what becomes of a batch that fails."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from binding.errors import BindingError
from binding.model.ensemble import Scores
from binding.score.network import complexes_at_once, launch_graphs


class Stub:
    """A scorer that fails where a graph is bad, or where more than ``room`` come at once."""

    interval, binder = 1.6, None

    def __init__(self, device: str = "cpu", room: int = 1000) -> None:
        self.device, self.room = torch.device(device), room
        self.calls: list[int] = []

    def launch(self, graphs) -> SimpleNamespace:
        """Numbers that are there at once."""
        self.calls.append(len(graphs))
        if len(graphs) > self.room:
            raise MemoryError("no room")
        if any(graph.bad for graph in graphs):
            raise ValueError("bad")
        pk = np.array([graph.pk for graph in graphs])
        rest = {name: pk for name in Scores.__dataclass_fields__ if name != "pk"}
        scores = Scores(pk=pk, **rest)
        return SimpleNamespace(read=lambda: scores)


def graphs(count: int, bad: tuple[int, ...] = ()) -> list[SimpleNamespace]:
    sizes = {"ligand": SimpleNamespace(num_atoms=20), "pocket": SimpleNamespace(num_residues=50)}
    return [SimpleNamespace(pk=5.0 + place / 100, bad=place in bad, **sizes) for place in range(count)]


def test_a_gpu_takes_many_batches_at_once():
    assert complexes_at_once(Stub("cpu"), 128) == 128
    assert complexes_at_once(Stub("cuda"), 128) == 1024
    scorer = Stub("cuda")
    assert len(launch_graphs(graphs(500), scorer, 128)()) == 500
    assert scorer.calls == [500]


def test_a_gpu_is_filled_by_atoms():
    """Twice as many small ligands as large ones go at once; where memory would be short, fewer."""
    for atoms, residues, expected in ((10, 50, [3276, 724]), (20, 50, [1638, 1638, 724]), (20, 300, [512] * 3 + [64])):
        scorer, some = Stub("cuda", room=10_000), graphs(sum(expected))
        for graph in some:
            graph.ligand.num_atoms, graph.pocket.num_residues = atoms, residues
        assert len(launch_graphs(some, scorer, 128)()) == len(some)
        assert scorer.calls == expected


def test_all_is_begun_before_anything_is_read():
    """A GPU has the second batch to compute while the host reads the first."""
    scorer, read = Stub(), []
    launch = scorer.launch
    scorer.launch = lambda some: read.append(f"launch {len(some)}") or _noted(launch(some), read)
    launch_graphs(graphs(40), scorer, 32)()
    assert read == ["launch 32", "launch 8", "read", "read"]


def _noted(launched: SimpleNamespace, notes: list[str]) -> SimpleNamespace:
    return SimpleNamespace(read=lambda: notes.append("read") or launched.read())


def test_a_graph_that_fails_costs_no_other_its_row():
    found = launch_graphs(graphs(32, bad=(3, 20)), Stub(), 128)()
    assert [place for place, one in enumerate(found) if isinstance(one, BindingError)] == [3, 20]
    assert [one.pk for one in found if not isinstance(one, BindingError)] == pytest.approx(
        [graph.pk for graph in graphs(32) if graph.pk not in (5.03, 5.2)]
    )


def test_a_batch_that_is_too_large_is_cut():
    scorer = Stub("cuda", room=100)
    found = launch_graphs(graphs(400), scorer, 128)()
    assert not any(isinstance(one, BindingError) for one in found)
    assert scorer.calls == [400, 200, 100, 100, 200, 100, 100]

"""Batches of graphs: how many go at once, and what becomes of a batch that fails."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from binding.errors import BindingError
from binding.model.ensemble import Scores
from binding.score.network import complexes_at_once, score_graphs


class Stub:
    """A scorer that fails where a graph is bad, or where more than ``room`` come at once."""

    interval, binder = 1.6, None

    def __init__(self, device: str = "cpu", room: int = 1000) -> None:
        self.device, self.room = torch.device(device), room
        self.calls: list[int] = []

    def score(self, graphs) -> Scores:
        self.calls.append(len(graphs))
        if len(graphs) > self.room:
            raise MemoryError("no room")
        if any(graph.bad for graph in graphs):
            raise ValueError("bad")
        pk = np.array([graph.pk for graph in graphs])
        rest = {name: pk for name in Scores.__dataclass_fields__ if name != "pk"}
        return Scores(pk=pk, **rest)


def graphs(count: int, bad: tuple[int, ...] = ()) -> list[SimpleNamespace]:
    sizes = {"ligand": SimpleNamespace(num_atoms=20), "pocket": SimpleNamespace(num_residues=50)}
    return [SimpleNamespace(pk=5.0 + place / 100, bad=place in bad, **sizes) for place in range(count)]


def test_a_gpu_takes_many_batches_at_once():
    assert complexes_at_once(Stub("cpu"), 128) == 128
    assert complexes_at_once(Stub("cuda"), 128) == 1024
    scorer = Stub("cuda")
    assert len(score_graphs(graphs(500), scorer, 128)) == 500
    assert scorer.calls == [500]


def test_a_graph_that_fails_costs_no_other_its_row():
    found = score_graphs(graphs(32, bad=(3, 20)), Stub(), 32)
    assert [place for place, one in enumerate(found) if isinstance(one, BindingError)] == [3, 20]
    assert [one.pk for one in found if not isinstance(one, BindingError)] == pytest.approx(
        [graph.pk for graph in graphs(32) if graph.pk not in (5.03, 5.2)]
    )


def test_a_batch_that_is_too_large_is_cut():
    scorer = Stub("cuda", room=100)
    found = score_graphs(graphs(400), scorer, 128)
    assert not any(isinstance(one, BindingError) for one in found)
    assert scorer.calls == [400, 200, 100, 100, 200, 100, 100]

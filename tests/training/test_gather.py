"""What two processes exchange of a batch: labels on the hosts, predictions without a wait for the device."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from dispatches import Dispatches
from torch import distributed as dist

from binding.data.dataset import Labels
from binding.training.gather import SharedBatch, host_group, sum_over_processes

ROWS = (3, 2, 1)  # of the first process, of the second, and one more that only fills up
NAN = float("nan")


@dataclass
class Graphs:
    """In the place of graphs, which are not exchanged."""

    def to(self, device: str) -> Graphs:
        return self


def labels(rows: int, first: int, weight: float = 1.0) -> Labels:
    number = torch.arange(first, first + rows)
    real = number.float()
    return Labels(
        pk=real + 0.1, weight=torch.full((rows,), weight), relation=torch.zeros_like(number),
        decoy=torch.zeros(rows, dtype=torch.bool), near_native=torch.full((rows,), NAN), group=number // 2,
        poses_of=number + 2**40, start=real, alone=real,
    )  # fmt: skip


def one_of(rank: int, world: int, store: Path, pipe) -> None:
    """A process: what it finds of the whole batch goes back through the pipe."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
    assert host_group() is None, "that of the run is on the host"
    own = labels(ROWS[rank], sum(ROWS[:rank]), weight=float(rank < 2))
    shared = SharedBatch.of(Graphs(), own, "cpu")  # type: ignore[arg-type]
    predicted = torch.full((ROWS[rank], 2), float(rank), requires_grad=True)
    with Dispatches() as counted:
        whole = shared.share(predicted)
        sums = sum_over_processes(torch.tensor([float(rank), 1.0]))
    whole.sum().backward()
    assert predicted.grad is not None
    pipe.send(
        {
            "waits": counted.waits + counted.reads, "whole": whole.tolist(), "pk": shared.labels.pk.tolist(),
            "poses_of": shared.labels.poses_of.tolist(), "pairs": shared.chosen.pairs.tolist(),
            "filler": shared.is_filler, "gradient": predicted.grad.tolist(), "sums": sums.tolist(),
        }
    )  # fmt: skip
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each of three processes says."""
    context, store = multiprocessing.get_context("fork"), tmp_path_factory.mktemp("store") / "store"
    ends = [context.Pipe(duplex=False) for _ in ROWS]
    started = [
        context.Process(target=one_of, args=(rank, len(ROWS), store, ends[rank][1])) for rank in range(len(ROWS))
    ]
    for process in started:
        process.start()
    try:
        assert all(end.poll(120) for end, _ in ends), "a process did not answer"
        return [end.recv() for end, _ in ends]
    finally:
        for process in started:
            process.join(10)
            process.kill()


def test_every_process_has_the_whole_batch(found):
    for each in found:
        assert each["pk"] == pytest.approx([0.1, 1.1, 2.1, 3.1, 4.1])
        assert each["poses_of"] == [2**40 + row for row in range(5)], "exact in 64 bits"
        assert each["whole"] == [[0.0, 0.0]] * 3 + [[1.0, 1.0]] * 2, "the row that fills up is gone"
        assert each["pairs"] == [1, 13], "rows 0 and 1, 2 and 3: of one group in two processes"
        assert each["sums"] == [3.0, 3.0]
    assert [each["filler"] for each in found] == [False, False, True]


def test_gradients_flow_to_own_rows_alone(found):
    assert [each["gradient"] for each in found] == [[[1.0, 1.0]] * 3, [[1.0, 1.0]] * 2, [[0.0, 0.0]]]


def test_what_was_predicted_is_exchanged_without_a_wait(found):
    assert [each["waits"] for each in found] == [[], [], []]

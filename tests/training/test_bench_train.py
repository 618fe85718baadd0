"""The benchmark of training runs where there is a cache, and its line through the times is the line."""

from __future__ import annotations

import argparse

import pandas as pd
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from binding.config import SourceConfig
from binding.data.cache import ComplexCache
from binding.data.dataset import ComplexDataset
from scripts.bench import stages
from scripts.bench import train as bench
from scripts.figures import ROOT


def test_every_complex_is_timed(cache, prepared):
    data = ComplexDataset([cache], [SourceConfig(cache=prepared.path)], [[0, 1, 4, 5, 6]])
    found = bench.timed(data, batch_size=2, device="cpu", threads=1, precision="fp32", repeats=1)
    assert found["complexes"] == 5
    assert found["per_second"] > 0
    # On one thread no complex takes more CPU time than time on the clock.
    assert 0 < found["cpu_ms_each"] <= 1.05 * 1000 / found["per_second"]


def test_the_line_is_that_of_the_last_epochs():
    runs = [
        {
            "complexes": size,
            "epochs": [
                {"seconds": 99.0, "cpu_seconds": 99.0},
                {"seconds": 1.0 + 0.02 * size, "cpu_seconds": 0.01 * size},
            ],
        }
        for size in (1000, 2000, 4000, 8000)
    ]
    found = bench.fit(runs)
    assert found["seconds"] == {"ms_a_complex": 20.0, "offset_s": 1.0, "r2": 1.0}
    assert found["cpu_seconds"]["ms_a_complex"] == 10.0


def test_ratios_of_pairs_are_medians():
    """Twice as fast by the clock in two pairs of three, four times in one; CPU time halves in all."""
    old = {"per_second": 100.0, "cpu_ms_each": 10.0}
    pairs = [(old, {"per_second": speed, "cpu_ms_each": 5.0}) for speed in (200.0, 400.0, 200.0)]
    found = bench._ratios(pairs)
    assert found["clock"] == {"median": 2.0, "least": 2.0, "most": 4.0}
    assert found["cpu"] == {"median": 2.0, "least": 2.0, "most": 2.0}
    assert (found["cpu_ms_each_before"], found["cpu_ms_each_now"]) == (10.0, 5.0)
    assert (found["per_second_before"], found["per_second_now"]) == (100.0, 200.0)


def test_turns_are_taken(tmp_path, monkeypatch):
    """Each pair begins with the other of the two, so that a machine that slows down favours neither."""
    order = []

    def measured(checkout, options):
        order.append("before" if checkout == tmp_path else "now")
        return [{"device": "cpu", "threads": 1, "precision": "fp32", "batch_size": 32, "complexes": 9}
                | {"per_second": 50.0 if checkout == tmp_path else 60.0, "cpu_ms_each": 20.0}]  # fmt: skip

    monkeypatch.setattr(bench, "throughput_of", measured)
    monkeypatch.setattr(bench, "commit_of", lambda checkout: "abc")

    def log(checkout, cache):
        now = checkout == ROOT
        return pd.DataFrame(
            {"step": [5, 10], "train_pair": [2.0, 1.0 + now], "gradient_readouts": [3.0, 4.0 + 2 * now]}
        )

    monkeypatch.setattr(bench, "log_of", log)
    found = bench.compared(argparse.Namespace(against=tmp_path, pairs=3, caches=[tmp_path]))
    assert order == ["before", "now", "now", "before", "before", "now"]
    assert found["before"] == "abc"
    assert (found["steps"], found["losses_differ"], found["log_differs"]) == (10, 1.0, 2.0)
    assert found["ratios"][0]["clock"] == {"median": 1.2, "least": 1.2, "most": 1.2}


def test_stages_are_a_step(prepared):
    """Taken by themselves they do the products of matrices of a whole step, and no others."""
    options = argparse.Namespace(cache=prepared.path, complexes=4, batch_size=4)
    module, (batch,) = stages.prepared(options)
    found = stages.Stages(module)
    operations = found.operations([batch, batch])
    with FlopCounterMode(display=False) as counted:
        terms = module.losses(module.predict(module.member, batch), batch)
        torch.stack(list(terms.values())).sum().backward()
    total = batch.graphs.num_ligands * sum(operations.values())
    assert total == pytest.approx(counted.get_total_flops(), rel=1e-3)
    assert found.of([batch]).keys() == operations.keys()


@pytest.mark.slow
def test_a_run_of_two_processes_is_timed(prepared):
    """One of them speaks, of all complexes."""
    options = argparse.Namespace(caches=[prepared.path], epochs=1)
    found = bench.in_a_process(options, bench.PARTS, processes=2)
    assert (found["processes"], found["threads"], len(found["epochs"])) == (2, 1, 1)
    assert found["complexes"] == len(ComplexCache(prepared.path))
    assert found["per_second"] == pytest.approx(found["complexes"] / found["epochs"][0]["seconds"], rel=0.1)

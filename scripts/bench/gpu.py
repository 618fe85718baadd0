"""Measures what a GPU does in one run of about ten minutes: training, network, screening, memory, share of time.

    python -m scripts.bench.gpu cache/crystal.npz

Training is whole steps of `binding train` (batch gathered, noise drawn, network, losses, optimizer), with batches that
are filled by atoms, in 32 and in 16 bits. The network is timed on poses in one pocket that is encoded already; from end
to end, `binding predict` reads the poses of an SDF file in 1, 4 and 8 processes. The share is the time in which the
device computes, of the time on the clock. Figures go to docs/figures/bench_gpu.json; without a GPU nothing is written
there unless `-o` names a file (`--device cpu` tests the program).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

import binding
from binding.config import SourceConfig, TrainConfig
from binding.data.datamodule import ComplexDataModule
from binding.model.weights import load_model
from binding.score.featurize import Featurized, featurize
from binding.score.jobs import Job
from binding.score.network import complexes_at_once, score_graphs
from binding.score.options import DEFAULT_BATCH_SIZE
from binding.training.largest import largest_batch
from binding.training.module import TrainingModule
from scripts.bench.screen import RECEPTOR, REFERENCE, write_library
from scripts.figures import FIGURES, machine, write_figures

OUTPUT = FIGURES / "bench_gpu.json"
WARM_UP = 3  # steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, help="made by binding prepare")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--seconds", type=float, default=45.0, help="for each figure of training and of the network")
    parser.add_argument("--poses", type=int, default=20_000, help="read from end to end, by each number of readers")
    parser.add_argument("--readers", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--batch-atoms", type=int, help="of a training step; the largest that fits by default")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("torch finds no CUDA device; --device cpu tests the program")
    figures: dict[str, Any] = {"machine": machine(), "device": options.device}
    if options.device == "cuda":
        figures["machine"]["gpu"] = torch.cuda.get_device_name()
    with tempfile.TemporaryDirectory() as scratch:
        for name, part in (("training", training), ("network", network), ("end_to_end", end_to_end)):
            figures[name] = part(options, Path(scratch))
            sys.stderr.write(f"{name}: {json.dumps(figures[name])}\n")
    write_figures(options.output, figures)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


# ---------------------------------------------------------------- training


def training(options: argparse.Namespace, scratch: Path) -> list[dict[str, Any]]:
    """Complexes a second of whole steps, by precision."""
    config = TrainConfig(
        sources=(SourceConfig(cache=options.cache),), validation=None, output=scratch / "run", device=options.device
    )
    data = ComplexDataModule(config)
    atoms = options.batch_atoms or largest_batch(config, data.train_set, options.device == "cuda")
    data.config = config = config.model_copy(update={"batch_atoms": atoms, "graphs": "device"})
    resident = data.resident(torch.device(options.device))
    found = []
    for precision in ("fp32", "bf16") if options.device == "cuda" else ("fp32",):
        module = TrainingModule(config, 1000).to(options.device).train()
        module.resident = resident
        found.append({"precision": precision, "batch_atoms": atoms} | _steps(module, data, precision, options))
    return found


def _steps(
    module: TrainingModule, data: ComplexDataModule, precision: str, options: argparse.Namespace
) -> dict[str, Any]:
    device = torch.device(options.device)
    prepared: Any = module.configure_optimizers()
    optimizer = prepared["optimizer"]
    loader: Iterator[Any] = iter(())
    seen = 0

    def step() -> None:
        nonlocal loader, seen
        batch = next(loader, None)
        if batch is None:
            loader = iter(data.train_dataloader())
            batch = next(loader)
        shared = module.transfer_batch_to_device(batch, device, 0)
        cast: AbstractContextManager = (
            torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
        )
        with cast:
            terms = module.losses(module.predict(module.member, shared), shared)
            loss = torch.stack(list(terms.values())).sum()
        loss.backward()
        module.clip()
        optimizer.step()
        optimizer.zero_grad()
        seen += shared.graphs.num_ligands

    for _ in range(WARM_UP):
        step()
    seen = 0
    clock = timed(step, options)
    return {"complexes_per_second": round(seen / clock.pop("wall"), 1), **clock}


# ---------------------------------------------------------------- scoring


def network(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Poses a second through the shipped weights, in a pocket that is encoded already."""
    scorer = load_model(device=options.device)
    library = scratch / "network.sdf.gz"
    count = complexes_at_once(scorer, DEFAULT_BATCH_SIZE)
    write_library(library, count)
    outcomes = featurize(Job(RECEPTOR, library, REFERENCE))
    graphs = [item.graph for item in outcomes if isinstance(item, Featurized)]
    score_graphs(graphs, scorer)
    calls = 0

    def work() -> None:
        nonlocal calls
        score_graphs(graphs, scorer)
        calls += 1

    clock = timed(work, options)
    return {"poses_per_second": round(calls * len(graphs) / clock.pop("wall"), 1), "batch": count, **clock}


def end_to_end(options: argparse.Namespace, scratch: Path) -> list[dict[str, Any]]:
    """Poses a second of `binding.predict`, from a file to a table, by the number of processes that read."""
    library = scratch / "library.sdf.gz"
    write_library(library, options.poses)
    scorer = load_model(device=options.device)
    found = []
    for readers in options.readers:
        start = time.perf_counter()
        table = binding.predict(RECEPTOR, library, pocket=REFERENCE, model=scorer, workers=readers)
        seconds = time.perf_counter() - start
        if not (table["status"] == "ok").all():
            raise SystemExit("some poses were not scored")
        found.append({"readers": readers, "poses_per_second": round(len(table) / seconds, 1)})
    return found


# ---------------------------------------------------------------- clock


def timed(work: Callable[[], None], options: argparse.Namespace) -> dict[str, Any]:
    """Repeats work for the seconds asked for: wall time, peak memory, and the share in which the device computed."""
    on_gpu = options.device == "cuda"
    if not on_gpu:
        start = time.perf_counter()
        while time.perf_counter() - start < options.seconds:
            work()
        return {"wall": time.perf_counter() - start}
    torch.cuda.reset_peak_memory_stats()
    torch.cuda.synchronize()
    start = time.perf_counter()
    while time.perf_counter() - start < options.seconds:
        work()
    torch.cuda.synchronize()
    wall = time.perf_counter() - start
    memory = torch.cuda.max_memory_allocated() / 2**20
    return {"wall": wall, "peak_mb": round(memory), "device_share": round(_share(work), 3)}


def _share(work: Callable[[], None], calls: int = 5) -> float:
    """Time in which kernels run over that on the clock, of some more calls."""
    activities = [torch.profiler.ProfilerActivity.CUDA]
    start = time.perf_counter()
    with torch.profiler.profile(activities=activities) as profile:
        for _ in range(calls):
            work()
        torch.cuda.synchronize()
        wall = time.perf_counter() - start
    spans = [
        (event.time_range.start, event.time_range.end)
        for event in profile.events()
        if str(event.device_type).endswith("CUDA")
    ]
    return _covered(np.array(sorted(spans), dtype=float).reshape(-1, 2)) * 1e-6 / wall


def _covered(spans: np.ndarray) -> float:
    """Length that spans (n, 2), sorted by their start, cover together."""
    if not len(spans):
        return 0.0
    ends = np.maximum.accumulate(spans[:, 1])
    begins = np.maximum(spans[:, 0], np.concatenate([[-np.inf], ends[:-1]]))
    return float(np.maximum(ends - begins, 0.0).sum())


if __name__ == "__main__":
    main()

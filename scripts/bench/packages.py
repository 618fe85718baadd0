"""What e3nn, PyTorch Geometric and Biopython cost, measured: the figures of docs/explanation/packages.md.

    python -m scripts.bench.packages FOLDER [--complexes 32] [--repeats 5]

All times are of the processor, on one thread, so that other programs disturb them little. Imports: the least of three
fresh processes. Collating and a training step: medians over the repeats, of one batch of complexes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch_geometric.data import Batch

from binding.config import ModelConfig
from binding.graph.batch import collate
from binding.graph.fields import ComplexGraph
from binding.graph.pyg import to_hetero_data
from binding.model.interaction import InteractionModel
from binding.model.layers.harmonics import VectorLinear, both_degrees
from binding.score.featurize import Featurized, featurize
from binding.score.jobs import Job

IMPORTS = {
    "binding.model.weights": "import binding.model.weights",
    "and e3nn.o3": "import binding.model.weights, e3nn.o3",
    "and torch_geometric.data": "import binding.model.weights, torch_geometric.data",
    "and Bio.Align": "import binding.model.weights, Bio.Align",
}


def seconds_of(code: str) -> float:
    """The least time of three processes that run the code."""
    times = []
    for _ in range(3):
        before = os.times()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        after = os.times()
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(times)


def median(work: Callable[[], object], repeats: int) -> float:
    """Milliseconds, after one run that does not count."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times)


def graphs_of(folder: Path, count: int) -> list[ComplexGraph]:
    """The first complexes of a folder in PDBbind's layout, each with a pocket of its own."""
    found: list[ComplexGraph] = []
    for home in sorted(path for path in folder.iterdir() if path.is_dir()):
        job = Job(home / f"{home.name}_protein.pdb", home / f"{home.name}_ligand.sdf", "10")
        found += [item.graph for item in featurize(job) if isinstance(item, Featurized)]
        if len(found) >= count:
            return found[:count]
    raise SystemExit(f"{folder} has {len(found)} complexes that can be read, not {count}")


def step(graphs: list[ComplexGraph], network: InteractionModel, extra: Callable[[], object]) -> Callable[[], None]:
    """One training step: collating, forward and backward pass, and what comes on top."""

    def work() -> None:
        extra()
        network.zero_grad()
        network(collate(graphs)).pk.square().mean().backward()

    return work


def harmonics(repeats: int) -> list[tuple[str, float, float]]:
    """The two pieces of e3nn, its own and those of this package, ms."""
    from e3nn import o3

    vectors, channels = torch.randn(200_000, 3), 6
    features = torch.randn(20_000, channels, 3)
    theirs = o3.Linear(f"{channels}x1o", f"{channels}x1o")
    flat = features.reshape(len(features), -1)
    mine = VectorLinear(channels)
    pair = ("harmonics of degree 1 and 2, 200,000 vectors", "maps of 6 vectors, 20,000 atoms")
    return [
        (
            pair[0],
            median(lambda: o3.spherical_harmonics("1x1o+1x2e", vectors, normalize=True), repeats),
            median(lambda: both_degrees(vectors), repeats),
        ),
        (pair[1], median(lambda: theirs(flat), repeats), median(lambda: mine(features), repeats)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of complexes in PDBbind's layout, such as casf2016/")
    parser.add_argument("--complexes", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name, code in IMPORTS.items():
        print(f"import {name}: {seconds_of(code):.2f} s")
    for name, theirs, mine in harmonics(options.repeats):
        print(f"{name}: e3nn {theirs:.1f} ms, this package {mine:.1f} ms")
    graphs = graphs_of(options.data, options.complexes)
    hetero = [to_hetero_data(graph) for graph in graphs]
    own, theirs = (
        median(lambda: collate(graphs), options.repeats),
        median(lambda: Batch.from_data_list(hetero), options.repeats),
    )
    print(f"collate {len(graphs)} complexes: graph/batch.py {own:.1f} ms, HeteroData {theirs:.1f} ms")
    made = median(lambda: [to_hetero_data(graph) for graph in graphs], options.repeats)
    print(f"make {len(graphs)} HeteroData of graphs: {made:.1f} ms")
    network = InteractionModel(ModelConfig())
    plain = median(step(graphs, network, lambda: None), options.repeats)
    more = median(step(graphs, network, lambda: Batch.from_data_list(hetero)), options.repeats)
    print(f"training step of {len(graphs)} complexes: {plain:.0f} ms; with a HeteroData batch made first {more:.0f} ms")


if __name__ == "__main__":
    main()

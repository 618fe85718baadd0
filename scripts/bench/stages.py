"""Shows where the CPU time of a training step goes, by stage, and what of it matrix products must take.

    python -m scripts.bench.stages cache/crystal.npz

Every stage of a step of the default model and its twin runs by itself, forward and backward, on one thread, over the
same batches. Its operations in matrix products are counted, and divided by the speed at which one of the model's own
shapes is multiplied: no arrangement of the same network is faster than that. Figures go to
docs/figures/bench_stages.json.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from binding.config import ModelConfig, SourceConfig, TrainConfig
from binding.data.cache import ComplexCache
from binding.data.dataset import BucketSampler, Collator, ComplexDataset
from binding.memory import freed_memory_kept
from binding.training.gather import SharedBatch
from binding.training.module import TrainingModule
from scripts.bench.train import load
from scripts.figures import FIGURES, machine, write_figures

OUTPUT = FIGURES / "bench_stages.json"
#: (rows, columns, columns) of the product whose speed is measured: pairs of a batch by channels by channels.
PRODUCT: Final = (10_000, 96, 96)
DEVICE = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, help="made by binding prepare")
    parser.add_argument("--complexes", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3, help="passes over them, of which the fastest is told")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    module, batches = prepared(options)
    stages = Stages(module)
    with freed_memory_kept():
        for batch in batches[:1]:  # what torch does once
            stages.run(batch)
        passes = [stages.of(batches) for _ in range(options.repeats)]
    operations = stages.operations(batches)
    rows = [
        {
            "stage": name,
            "ms": round(min(each[name] for each in passes), 3),
            "operations": operations.get(name, 0),
        }
        for name in passes[0]
    ]
    figures = {"machine": machine(), "load": load(), "complexes": options.complexes, "batch_size": options.batch_size}
    write_figures(options.output, figures | {"product_gflops": product_speed(), "stages": rows})
    sys.stdout.write(options.output.read_text(encoding="utf-8"))


def prepared(options: argparse.Namespace) -> tuple[TrainingModule, list[SharedBatch]]:
    """The default model in training, and batches of complexes drawn from the cache."""
    source = SourceConfig(cache=options.cache)
    cache = ComplexCache(source.cache)
    rows = np.sort(np.random.default_rng(0).permutation(len(cache))[: options.complexes])
    data = ComplexDataset([cache], [source], [rows])
    config = TrainConfig(sources=(source,), output=Path("unused"), model=ModelConfig(), device="cpu")
    module, join = TrainingModule(config, 1000).train(), Collator()
    joined = [join([data[row] for row in chosen]) for chosen in BucketSampler(data, options.batch_size)]
    return module, [module.transfer_batch_to_device(batch, DEVICE, 0) for batch in joined]


def product_speed(repeats: int = 30) -> float:
    """Thousand millions of operations a second in a product of matrices, the best of some."""
    rows, inner, columns = PRODUCT
    one, two = torch.randn(rows, inner), torch.randn(inner, columns)
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        one @ two
        spent.append(time.process_time() - start)
    return round(2 * rows * inner * columns / min(spent) / 1e9, 1)


class Stages:
    """A step of training, stage by stage: what goes into one comes out of those before, cut from their graph.

    Args:
        module: In training.
    """

    def __init__(self, module: TrainingModule) -> None:
        self.module = module
        prepared: Any = module.configure_optimizers()
        self.optimizer = prepared["optimizer"]
        module.trainer = None
        self._spent: dict[str, float] = {}

    def of(self, batches: list[SharedBatch]) -> dict[str, float]:
        """CPU ms a complex of each stage."""
        self._spent = {}
        for batch in batches:
            self.run(batch)
        return {name: 1000 * spent / _complexes(batches) for name, spent in self._spent.items()}

    def operations(self, batches: list[SharedBatch]) -> dict[str, int]:
        """Operations a complex in the matrix products of each stage."""
        found: dict[str, int] = {}
        timed = self._timed

        def counted(name: str, work: Callable[[], Any]) -> Any:
            with FlopCounterMode(display=False) as counter:
                result = timed(name, work)
            found[name] = found.get(name, 0) + counter.get_total_flops()
            return result

        self._timed = counted  # type: ignore[method-assign]
        try:
            for batch in batches:
                self.run(batch)
        finally:
            self._timed = timed  # type: ignore[method-assign]
        return {name: count // _complexes(batches) for name, count in found.items()}

    def run(self, batch: SharedBatch) -> None:
        """All stages of a step."""
        graphs, network = batch.graphs, self.module.member.interaction
        twin = self.module.member.ligand_only
        assert twin is not None, "the default model has a twin"
        geometry = self._timed("contacts and geometry", lambda: network.measure(graphs))
        contacts, smooth = geometry.contacts, geometry.pairs.smooth
        atoms, vectors = self._both("ligand encoder", lambda: network.encode_ligand(graphs, geometry))
        (residues,) = self._both("pocket encoder", lambda: network.encode_pocket(graphs, geometry.reach))
        (pairs,) = self._both(
            "pairs", lambda a, v, r: network._embed_pairs(geometry, a, v, r), atoms, vectors, residues
        )
        atom_states, sites = self._both(
            "cross-attention", lambda a, r, p: network._attend(geometry, a, r, p, False)[:2], atoms, residues, pairs
        )

        def readout(pairs: Tensor, before: Tensor, after: Tensor, sites: Tensor) -> tuple[Tensor, ...]:
            states, given = network.readout(pairs, after, sites, contacts.pair_atom, contacts.pair_site)
            given = given * smooth
            physics = network.vina_contributions(graphs, geometry)
            given = given if physics is None else given + physics
            output = network._read(graphs, contacts, before, after, states, geometry.pairs.vina, given, smooth, None)
            return output.pk, output.log_variance, output.pose_logit

        self._both("readout", readout, pairs, atoms, atom_states, sites)
        self._both("twin", lambda: twin(graphs))
        self._timed("clipping, optimizer, average", self._update)

    def _update(self) -> None:
        self.module.clip()
        self.optimizer.step()
        self.module.zero_grad()
        self.module.on_train_batch_end()

    def _both(self, name: str, work: Callable[..., Any], *given: Tensor) -> tuple[Tensor, ...]:
        """Runs a stage forward and backward; its results, cut from the graph."""
        inputs = [tensor.detach().requires_grad_() for tensor in given]

        def both() -> tuple[Tensor, ...]:
            found = work(*inputs)
            results: tuple[Tensor, ...] = found if isinstance(found, tuple) else (found,)
            learned = [result for result in results if result.requires_grad]
            torch.autograd.backward(learned, [torch.ones_like(result) for result in learned])
            return results

        return tuple(result.detach() for result in self._timed(name, both))

    def _timed(self, name: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        self._spent[name] = self._spent.get(name, 0.0) + time.process_time() - start
        return result


def _complexes(batches: list[SharedBatch]) -> int:
    return sum(batch.graphs.num_ligands for batch in batches)


if __name__ == "__main__":
    main()

"""Measures what a GPU does in one run of about ten minutes: training, network, screening, memory, share of time.

    python -m scripts.bench.gpu cache/crystal.npz

Training is whole steps of `binding train` (batch gathered, noise drawn, network, losses, optimizer), with batches that
are filled by atoms, in 32 and in 16 bits. Poses of one ligand in one pocket, which is encoded already, go through the
networks alone, and then as graphs through all that is scored, each batch begun before the one before it is read. The
prior compares ligands with all that it knows. From end to end, `binding predict` reads the poses of an SDF file in 1, 4
and 8 processes. The share is the time in which the device computes, of the time on the clock; kernels and waits of the
host are those of one step. Figures go to docs/figures/bench_gpu.json; without a GPU nothing is written there unless
`-o` names a file (`--device cpu` tests the program).

Where RDKit is not installed, a cache made elsewhere is enough for all but reading from end to end, which is left out
and said to be, and poses are then scored without what the prior says of their fingerprints. Beside torch and what is
usual with it (Lightning, pandas, SciPy, safetensors), that takes two small packages, pydantic and gemmi.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

#: Whether there is what reads ligands, which none of the rest needs: it is by far the largest package.
READS = importlib.util.find_spec("rdkit") is not None


class _Absent:
    """Stands for anything in a package that is not installed: it can be named, but nothing can be done with it."""

    sealed = False

    def __getattr__(self, name: str) -> _Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Absent()

    def __call__(self, *_: object, **__: object) -> _Absent:
        if _Absent.sealed:
            raise RuntimeError("RDKit is not installed, and was called after all")
        return _Absent()


class _StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Empty modules in the place of RDKit's, so that what imports them without using them can be imported."""

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] != "rdkit":
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        module.__getattr__ = _Absent().__getattr__  # type: ignore[method-assign]
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


if not READS:
    sys.meta_path.insert(0, _StandIns())

from binding.config import SourceConfig, TrainConfig  # noqa: E402
from binding.data.cache import ComplexCache  # noqa: E402
from binding.data.datamodule import ComplexDataModule  # noqa: E402
from binding.graph.batch import Batch, collate, collate_pockets  # noqa: E402
from binding.graph.fields import ComplexGraph  # noqa: E402
from binding.model.ensemble import Launched  # noqa: E402
from binding.model.prior_products import PriorProducts  # noqa: E402
from binding.model.weights import Member, load_model  # noqa: E402
from binding.prior.model import PriorPk  # noqa: E402
from binding.training.largest import largest_batch  # noqa: E402
from binding.training.module import TrainingModule  # noqa: E402
from scripts.figures import FIGURES, machine, write_figures  # noqa: E402

_Absent.sealed = True
OUTPUT = FIGURES / "bench_gpu.json"
WARM_UP = 3  # steps
EPOCH_OF = 50.0  # times that a GPU sees each row in an epoch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path, help="made by binding prepare")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--seconds", type=float, default=45.0, help="for each figure of training and of the network")
    parser.add_argument("--poses", type=int, default=20_000, help="read from end to end, by each number of readers")
    parser.add_argument("--readers", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--at-once", type=int, default=1024, help="poses that go through the networks together")
    parser.add_argument("--batch-atoms", type=int, help="of a training step; the largest that fits by default")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("torch finds no CUDA device; --device cpu tests the program")
    figures: dict[str, Any] = {"machine": machine(), "device": options.device, "torch": torch.__version__}
    if options.device == "cuda":
        figures["machine"]["gpu"] = torch.cuda.get_device_name()
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        for name, part in PARTS.items():
            figures[name] = part(options, Path(scratch))
            sys.stderr.write(f"{name}: {json.dumps(figures[name])}\n")
            figures["seconds"] = round(time.perf_counter() - begin)
            if options.device == "cuda" or options.output != OUTPUT:
                write_figures(options.output, figures)  # of a run that is stopped, what was measured stays
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


# ---------------------------------------------------------------- training


def training(options: argparse.Namespace, scratch: Path) -> list[dict[str, Any]]:
    """Complexes a second of whole steps, by precision."""
    on_gpu = options.device == "cuda"
    # An epoch that is seen many times over, so that the processes that draw poses are not started again and again.
    source = SourceConfig(cache=options.cache, repeat=EPOCH_OF if on_gpu else 1.0)
    config = TrainConfig(sources=(source,), validation=None, output=scratch / "run", device=options.device)
    data = ComplexDataModule(config)
    atoms = options.batch_atoms or largest_batch(config, data.train_set, on_gpu)
    data.config = config = config.model_copy(update={"batch_atoms": atoms, "graphs": "device"})
    resident = data.resident(torch.device(options.device))
    found = []
    for precision in ("fp32", "bf16") if on_gpu else ("fp32",):
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
    seen = steps = 0

    def step() -> None:
        nonlocal loader, seen, steps
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
        steps += 1

    for _ in range(WARM_UP):
        step()
    clock = timed(step, options)
    each = seen / steps  # of all steps, those that are counted and profiled included
    found = {"complexes_per_second": round(clock.pop("calls") * each / clock.pop("wall"), 1)}
    return found | {"complexes_a_step": round(each, 1), **clock}


# ---------------------------------------------------------------- scoring


def network(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Poses a second through the shipped networks alone, of a batch on the device, in a pocket that is encoded."""
    scorer, graphs = load_model(device=options.device), poses(options)
    batch = collate(graphs).to(options.device)
    pocket = collate_pockets([graphs[0].pocket]).to(options.device)
    with torch.inference_mode():
        residues = [member.interaction.encode_pocket(pocket) for member in scorer.members]

    @torch.inference_mode()
    def work() -> None:
        for member, states in zip(scorer.members, residues, strict=True):
            through(member, batch, states)

    return per_second(work, len(graphs), options) | {"networks": len(scorer.members)}


def through(member: Member, batch: Batch, residues: torch.Tensor) -> None:
    """One network: geometry, ligands and what joins them with the pocket."""
    interaction = member.interaction
    geometry = interaction.measure(batch)
    atoms, vectors = interaction.encode_ligand(batch, geometry)
    interaction.interact(batch, geometry, atoms, vectors, residues)


def scoring(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Poses a second from graphs on the host to numbers: batches joined, networks, geometry expert and prior.

    The prior reads fingerprints, and is left out where nothing can be read.
    """
    scorer, graphs = load_model(device=options.device), poses(options)
    starts = None if READS else PriorPk(np.zeros(len(graphs)), np.zeros(len(graphs)))
    begun: list[Launched] = []

    def work() -> None:
        begun.append(scorer.launch(graphs, starts))
        if len(begun) > 1:
            begun.pop(0).read()

    return per_second(work, len(graphs), options) | {"prior": READS}


def prior(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Ligands a second that the prior compares with all that it knows, at one site; some of its own are asked for."""
    scorer = load_model(device=options.device)
    known = scorer.prior
    assert known is not None, "the shipped weights start from a prior"
    products = scorer.products or PriorProducts(known, [], torch.device(options.device))
    features = known.features.take(np.arange(options.at_once) % len(known))
    sites, rows = [known.at_site.sites.split()[0]] * options.at_once, np.arange(options.at_once)
    found = per_second(lambda: products.predict(features, sites, rows).cpu(), options.at_once, options)
    return found | {"known_ligands": len(known)}


def poses(options: argparse.Namespace) -> list[ComplexGraph]:
    """Poses of the ligand of middle size in the cache, each a little off, in its pocket."""
    cache = ComplexCache(options.cache)
    sizes = cache.num_ligand_atoms()
    graph = cache.graph(int(np.argsort(sizes, kind="stable")[len(sizes) // 2]))
    generator = np.random.default_rng(0)
    moved = [graph.ligand.positions + generator.normal(0, 0.3, 3) for _ in range(options.at_once)]
    return [replace(graph, ligand=replace(graph.ligand, positions=positions)) for positions in moved]


def per_second(work: Callable[[], Any], poses: int, options: argparse.Namespace) -> dict[str, Any]:
    """Poses a second of work that does so many at once."""
    for _ in range(WARM_UP):
        work()
    clock = timed(work, options)
    return {"poses_per_second": round(clock.pop("calls") * poses / clock.pop("wall"), 1), "at_once": poses, **clock}


def end_to_end(options: argparse.Namespace, scratch: Path) -> list[dict[str, Any]] | str:
    """Poses a second of `binding.predict`, from a file to a table, by the number of processes that read."""
    if not READS:
        return "left out: RDKit is not installed"
    import binding
    from scripts.bench.screen import RECEPTOR, REFERENCE, write_library

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


PARTS: dict[str, Callable[[argparse.Namespace, Path], Any]] = {
    "training": training,
    "network": network,
    "scoring": scoring,
    "prior": prior,
    "end_to_end": end_to_end,
}


# ---------------------------------------------------------------- clock


def timed(work: Callable[[], None], options: argparse.Namespace) -> dict[str, Any]:
    """Repeats work for the seconds asked for: wall time, calls; of a GPU peak memory, share of time, kernels, waits."""
    on_gpu, calls = options.device == "cuda", 0
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
    start = time.perf_counter()
    while time.perf_counter() - start < options.seconds:
        work()
        calls += 1
    if on_gpu:
        torch.cuda.synchronize()
    found = {"wall": time.perf_counter() - start, "calls": calls}
    if not on_gpu:
        return found
    memory = torch.cuda.max_memory_allocated() / 2**20
    share, kernels = _share(work)
    return found | {"peak_mb": round(memory), "device_share": share, "kernels": kernels, "waits": len(waits_of(work))}


def _share(work: Callable[[], None], calls: int = 5) -> tuple[float, int]:
    """Time in which kernels run over that on the clock, and kernels a call, of some more calls."""
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
    covered = _covered(np.array(sorted(spans), dtype=float).reshape(-1, 2)) * 1e-6
    return round(covered / wall, 3), round(len(spans) / calls)


def waits_of(work: Callable[[], None]) -> list[str]:
    """Where the host waits for the device in one call, as torch tells it."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            work()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return [str(warning.message) for warning in caught if "synchroniz" in str(warning.message)]


def _covered(spans: np.ndarray) -> float:
    """Length that spans (n, 2), sorted by their start, cover together."""
    if not len(spans):
        return 0.0
    ends = np.maximum.accumulate(spans[:, 1])
    begins = np.maximum(spans[:, 0], np.concatenate([[-np.inf], ends[:-1]]))
    return float(np.maximum(ends - begins, 0.0).sum())


if __name__ == "__main__":
    main()

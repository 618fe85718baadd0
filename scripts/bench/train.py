"""Times training: forward and backward of the default model, epochs over 1,000 to 8,000 complexes, peak memory.

    python -m scripts.bench.train cache/crystal.npz cache/modelled.npz

Throughput is measured on complexes of the first cache, epochs on an eighth, a quarter, a half and all complexes of
all caches. Each epoch is a run of `binding train` in its own process. A GPU is used where there is one; else runs of an
eighth say what two cores do, as two threads of one process and as two processes. Figures go to
docs/figures/bench_train.json.

    python -m scripts.bench.train cache/crystal.npz --against ../old

compares with another checkout of this repository on the same machine in the same hour: throughput is measured in turns,
each in a process of its own, and the figures are the ratios of the pairs (docs/figures/bench_train_pairs.json). One
short run of `binding train` by both says by how much its log differs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch

from binding.config import ModelConfig, SourceConfig, TrainConfig
from binding.data.cache import ComplexCache
from binding.data.dataset import BucketSampler, Collator, ComplexDataset
from binding.memory import freed_memory_kept
from binding.training.module import TrainingModule
from binding.training.run import train
from scripts.figures import FIGURES, ROOT, machine, write_figures

OUTPUT = FIGURES / "bench_train.json"
PAIRS = FIGURES / "bench_train_pairs.json"
#: Some fifty steps with all losses, as they are in a release.
SHORT_RUN = """
model: {{hidden_channels: 64, dropout: 0.3, pose_readout: pairs}}
sources: [{{cache: '{cache}', where: index < 40, decoys: 0.4}}]
validation: null
geometry: false
output: '{output}'
epochs: 10
batch_size: 8
pair_weight: 1.0
threads: 1
device: cpu
"""
PARTS = 8  # every eighth complex, ... all
#: Processes and threads of each.
TWO_CORES = ((1, 2), (2, 1))
WARM_UP = 2  # batches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("caches", type=Path, nargs="+", help="made by binding prepare")
    parser.add_argument("--complexes", type=int, default=512, metavar="N", help="of the first cache, to time")
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="on the CPU; eightfold on a GPU")
    parser.add_argument("--repeats", type=int, default=3, help="passes over them, of which the median is told")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of the CPU; each is timed")
    parser.add_argument("--epochs", type=int, default=2, help="of each run; 0 for none")
    parser.add_argument("--largest", type=int, default=PARTS, help="eighths of the complexes in the largest run")
    parser.add_argument("--two-cores", action="store_true", help="time these alone, and keep what the file says else")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="compare throughput with that of older code")
    parser.add_argument("--pairs", type=int, default=6, help="measurements of each of the two")
    parser.add_argument("-o", "--output", type=Path, help=f"{OUTPUT.name}, or {PAIRS.name}, of docs/figures by default")
    # This process is one run of so many eighths, as so many processes of so many threads, in a folder.
    parser.add_argument("--one", type=int, nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        found = epochs(options.caches, options.folder, options.epochs, *options.one)
        if found is not None:
            sys.stdout.write(json.dumps(found) + "\n")
        return
    figures: dict[str, Any] = {"machine": machine()}
    if torch.cuda.is_available():
        figures["machine"]["gpu"] = torch.cuda.get_device_name()
    if options.against is not None:
        write_figures(options.output or PAIRS, figures | compared(options))
        return
    options.output = options.output or OUTPUT
    if options.two_cores:
        known = json.loads(options.output.read_text(encoding="utf-8"))
        write_figures(options.output, known | {"two_cores": two_cores(options)})
        return
    figures["throughput"] = throughput(options)
    write_figures(options.output, figures)
    if options.epochs and not torch.cuda.is_available():
        figures["two_cores"] = two_cores(options)
        write_figures(options.output, figures)
    for part in (1, 2, 4, 8):
        if options.epochs and part <= options.largest:
            figures.setdefault("runs", []).append(in_a_process(options, part))
            if part > 1:
                figures["fit"] = fit(figures["runs"])
            write_figures(options.output, figures)  # of a run that is stopped, what was measured stays


def load() -> float:
    """Processes that want to run, mean of the last minute; figures of a busy machine are too low."""
    return round(os.getloadavg()[0], 1)


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


# ---------------------------------------------------------------- forward + backward


def throughput(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Complexes a second, forward + backward with all losses, batches joined before."""
    source = SourceConfig(cache=options.caches[0])
    cache = ComplexCache(source.cache)
    rows = np.random.default_rng(0).permutation(len(cache))[: options.complexes]
    data = ComplexDataset([cache], [source], [np.sort(rows)])
    found = []
    for threads in options.threads:
        found.append(timed(data, options.batch_size, "cpu", threads, "fp32", options.repeats))
    if torch.cuda.is_available():
        for precision in ("fp32", "bf16"):
            found.append(timed(data, 8 * options.batch_size, "cuda", 1, precision, options.repeats))
    return found


def timed(
    data: ComplexDataset, batch_size: int, device: str, threads: int, precision: str, repeats: int
) -> dict[str, Any]:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    config = TrainConfig(sources=tuple(data.sources), output=Path("unused"), model=ModelConfig(), device=device)
    module = TrainingModule(config, 1000).to(device).train()
    join = Collator()
    joined = [join([data[row] for row in rows]) for rows in BucketSampler(data, batch_size)]
    batches = [module.transfer_batch_to_device(batch, torch.device(device), 0) for batch in joined]

    def step(batch: Any) -> None:
        cast: AbstractContextManager = torch.autocast(device, torch.bfloat16) if precision == "bf16" else nullcontext()
        with cast:
            terms = module.losses(module.predict(module.member, batch), batch)
            loss = torch.stack(list(terms.values())).sum()
        loss.backward()
        module.zero_grad()

    wall, cpu = [], []
    with freed_memory_kept():
        for batch in batches[:WARM_UP]:
            step(batch)
        for _ in range(repeats):
            synchronize(device)
            start, cpu_start = time.perf_counter(), time.process_time()
            for batch in batches:
                step(batch)
            synchronize(device)
            wall.append(time.perf_counter() - start)
            cpu.append(time.process_time() - cpu_start)
    result = {
        "device": device,
        "threads": threads,
        "precision": precision,
        "batch_size": batch_size,
        "complexes": len(data),
        "per_second": round(len(data) / float(np.median(wall)), 1),
        "cpu_ms_each": round(1000 * float(np.median(cpu)) / len(data), 2),
        "load": load(),
    }
    say(f"{device}, {threads} threads, {precision}: {result['per_second']} complexes/s")
    return result


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


# ---------------------------------------------------------------- against older code


def compared(options: argparse.Namespace) -> dict[str, Any]:
    """Throughput of both checkouts in turns, and of each kind of measurement the ratios, now over before."""
    before, now = options.against.resolve(), ROOT
    measured: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = []
    for pair in range(options.pairs):
        order = (before, now) if pair % 2 == 0 else (now, before)
        found = {checkout: throughput_of(checkout, options) for checkout in order}
        measured.append((found[before], found[now]))
        say(f"pair {pair + 1} of {options.pairs}")
    ratios = [
        {name: row[name] for name in ("device", "threads", "precision", "batch_size", "complexes")}
        | _ratios([(old[kind], new[kind]) for old, new in measured])
        for kind, row in enumerate(measured[0][1])
    ]
    logs = [log_of(checkout, options.caches[0]) for checkout in (before, now)]
    shared = [name for name in logs[0].columns if name in logs[1].columns]
    losses = [name for name in shared if not name.startswith("gradient_")]
    apart = {
        kind: float(f"{np.nanmax(np.abs(logs[0][names].to_numpy() - logs[1][names].to_numpy())):.1e}")
        for kind, names in (("log_differs", shared), ("losses_differ", losses))
    }
    told: dict[str, Any] = {"before": commit_of(before), "pairs": options.pairs, "load": load(), "ratios": ratios}
    return told | {"steps": int(logs[1]["step"].iloc[-1])} | apart


def log_of(checkout: Path, cache: Path) -> pd.DataFrame:
    """``metrics.csv`` of a short run by the code of a checkout: losses and gradient norms of ten epochs."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "short.yaml"
        settings.write_text(SHORT_RUN.format(cache=cache.resolve(), output=Path(folder) / "run"), encoding="utf-8")
        command = [sys.executable, "-m", "binding", "train", str(settings), "--quiet"]
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{checkout}: {done.stderr}")
        return pd.read_csv(Path(folder) / "run" / "metrics.csv")


def throughput_of(checkout: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The entry ``throughput`` that this program, as it is in a checkout, writes."""
    threads = map(str, options.threads)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "found.json"
        command = [sys.executable, "-m", "scripts.bench.train", str(options.caches[0].resolve()), "--epochs", "0"]
        command += ["--complexes", str(options.complexes), "--batch-size", str(options.batch_size)]
        command += ["--repeats", str(options.repeats), "--threads", *threads, "-o", str(output)]
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{checkout}: {done.stderr}")
        return json.loads(output.read_text(encoding="utf-8"))["throughput"]


def _ratios(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """How many times as fast the second of each pair is, by the clock and by CPU time: median, least, most."""
    found: dict[str, Any] = {}
    clock = [new["per_second"] / old["per_second"] for old, new in pairs]
    cpu = [old["cpu_ms_each"] / new["cpu_ms_each"] for old, new in pairs]
    for name, by in (("clock", clock), ("cpu", cpu)):
        found[name] = {"median": round(float(np.median(by)), 3), "least": round(min(by), 3), "most": round(max(by), 3)}
    for side, when in enumerate(("before", "now")):
        found[f"cpu_ms_each_{when}"] = round(float(np.median([pair[side]["cpu_ms_each"] for pair in pairs])), 2)
        found[f"per_second_{when}"] = round(float(np.median([pair[side]["per_second"] for pair in pairs])), 1)
    return found


def commit_of(checkout: Path) -> str:
    """The commit that is checked out there."""
    git = ["git", "-C", str(checkout), "rev-parse", "--short=12", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()


# ---------------------------------------------------------------- epochs


def two_cores(options: argparse.Namespace) -> dict[str, Any]:
    """Runs of an eighth by two threads and by two processes."""
    runs = [in_a_process(options, 1, *split) for split in TWO_CORES]
    return {"machine": machine(), "commit": commit_of(ROOT), "runs": runs}


def in_a_process(options: argparse.Namespace, part: int, processes: int = 1, threads: int = 1) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "scripts.bench.train", *(str(path.resolve()) for path in options.caches)]
        command += ["--one", str(part), str(processes), str(threads), "--epochs", str(options.epochs)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        done = subprocess.run(
            [*command, "--folder", folder], env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(done.stderr)
    result = json.loads(done.stdout.splitlines()[-1])
    told = f"{processes} of {threads} threads, {result['complexes']} complexes: {result['epochs']}"
    say(f"{told}, {result['per_second']} a second, {result['peak_mb']} MB")
    return result


def epochs(
    caches: list[Path], folder: Path, count: int, part: int, processes: int, threads: int
) -> dict[str, Any] | None:
    """Times of the epochs of one run, as `binding train` does them, and the most memory that the process held.

    None in all processes of the run but the first.
    """
    times: list[tuple[float, float]] = []

    def note(*_: Any) -> None:
        times.append((time.perf_counter(), time.process_time()))

    where = f"index % {PARTS} < {part}"
    config = TrainConfig(
        sources=tuple(SourceConfig(cache=cache, where=where) for cache in caches),
        validation=None,
        output=folder,
        epochs=count,
        devices=processes,
        threads=None if torch.cuda.is_available() else threads,
    )
    # The only door to the clock of an epoch from outside.
    start, end = (patch.object(TrainingModule, f"on_train_epoch_{what}", note) for what in ("start", "end"))
    with start, end:
        if train(config, progress=False).rank:
            return None
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    pairs = list(zip(times[::2], times[1::2], strict=True))
    spent = [(end[0] - start[0], end[1] - start[1]) for start, end in pairs]
    complexes = sum(card["rows"].values())
    return {
        "processes": processes,
        "threads": threads,
        "complexes": complexes,
        "epochs": [{"seconds": round(clock, 2), "cpu_seconds": round(cpu, 2)} for clock, cpu in spent],
        "per_second": round(complexes / spent[-1][0], 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "load": load(),
    }


def fit(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """A line through the time of the last epoch over the number of complexes, wall and CPU."""
    size = np.array([run["complexes"] for run in runs], dtype=float)
    found = {}
    for what in ("seconds", "cpu_seconds"):
        spent = np.array([run["epochs"][-1][what] for run in runs])
        slope, offset = np.polyfit(size, spent, 1)
        left = spent - (slope * size + offset)
        r2 = 1.0 - float((left**2).sum() / ((spent - spent.mean()) ** 2).sum())
        found[what] = {"ms_a_complex": round(1000 * slope, 3), "offset_s": round(offset, 2), "r2": round(r2, 5)}
        say(f"{what}: {found[what]['ms_a_complex']} ms a complex, offset {found[what]['offset_s']} s, R2 {r2:.4f}")
    return found


if __name__ == "__main__":
    main()

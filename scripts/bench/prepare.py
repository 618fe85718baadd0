"""Times `binding prepare`: from nothing, with nothing changed, and with ten rows added.

    python -m scripts.bench.prepare ../shared/data/crystal ../shared/data/casf2016

Each folder is in PDBbind layout with an ``index.csv``. Caches are written to a temporary folder, the figures to
docs/figures/bench_prepare.json. Wall time is that of the command, start-up included; CPU time is that of all its
processes, which is the better measure on a busy machine.
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
from pathlib import Path
from typing import Any

from binding.data.cache import ComplexCache
from binding.data.pieces import PIECES_SUFFIX
from scripts.figures import FIGURES, ROOT, machine, write_figures

OUTPUT = FIGURES / "bench_prepare.json"
ADDED = 10  # rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    figures: dict[str, Any] = {"machine": machine(), "workers": options.workers, "folders": []}
    for folder in options.folders:
        with tempfile.TemporaryDirectory() as scratch:
            figures["folders"].append(bench(folder, Path(scratch) / "bench.npz", options.workers))
        sys.stderr.write(json.dumps(figures["folders"][-1]) + "\n")
    write_figures(options.output, figures)


def bench(folder: Path, cache: Path, workers: int) -> dict[str, Any]:
    """A folder but for its last rows, the same once more, and all of it."""
    lines = (folder / "index.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    part = cache.with_name("index.csv")
    part.write_text("".join(lines[:-ADDED]), encoding="utf-8")
    load = os.getloadavg()[0]
    figures: dict[str, Any] = {
        "name": folder.name,
        "load": round(load, 1),
        "cold": prepare(folder, part, cache, workers),
        "complexes": len(ComplexCache(cache)),
        "cache_bytes": cache.stat().st_size,
        "pieces_bytes": cache.with_name(cache.name + PIECES_SUFFIX).stat().st_size,
        "again": prepare(folder, part, cache, workers),
        "added": prepare(folder, folder / "index.csv", cache, workers),
    }
    figures["rows_added"] = len(ComplexCache(cache)) - figures["complexes"]
    return figures


def prepare(folder: Path, index: Path, cache: Path, workers: int) -> dict[str, float]:
    """Wall and CPU seconds of the command."""
    command = [sys.executable, "-m", "binding", "prepare", str(folder), "--index", str(index), "-o", str(cache)]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([*command, "--workers", str(workers), "-q"], cwd=ROOT, check=False)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(command)} exited {done.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2)}


if __name__ == "__main__":
    main()

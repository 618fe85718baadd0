"""Fuzz every reader: damaged files go in, and only answers or errors with a code may come out.

Needs atheris (``pip install -e '.[fuzz]'``), which looks for inputs that reach lines not reached before. Each kind of
file gets a process of its own with 4 GB of memory and 30 s of the processor for an input; what it finds is written to
``<folder>/findings``, each fault once, the input beside its traceback:

    python -m scripts.fuzz --minutes 60
    python -m scripts.fuzz --only ligand_sdf --only table_csv --minutes 2
    python -m scripts.fuzz --minutes 0 --write docs/figures/fuzz.json

What was spent on each kind is added up in ``<folder>/spent.json``, and the kind with the least has the next turn;
``--write`` makes a figure of it.
Once a fault is mended, its input goes to ``tests/fuzz/findings/<kind>/``, where a test reads it from then on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]
_SECONDS: Final = 30  # of the processor for one input
_ASLEEP: Final = 20  # times that, by the clock, for an input that computes nothing and does not end
_MEGABYTES: Final = 4096
_TURN: Final = 150.0  # seconds by the clock, after which the kind with the least time behind it has its turn
_SPENT: Final = "spent.json"
#: Where reaching a new line makes an input worth keeping.
_READING: Final = [f"binding.{name}" for name in ("archive", "config", "data", "domain", "io", "prior", "units")]


def main(arguments: list[str] | None = None) -> int:
    """Runs the targets in turn; 1 where something was found."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="of the processor, of all kinds together (default 60)"
    )
    parser.add_argument("--only", action="append", metavar="KIND", help="a kind of file; may be given several times")
    parser.add_argument(
        "--folder", type=Path, default=_ROOT / "build" / "fuzz", help="of inputs and findings (default build/fuzz)"
    )
    parser.add_argument("--write", type=Path, help="write what was spent and found, all runs in the folder together")
    parser.add_argument("--child", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        _fuzz(options.only[0], options.folder, options.child)
    from scripts.fuzz.targets import TARGETS

    kinds = options.only or list(TARGETS)
    if unknown := sorted(set(kinds) - set(TARGETS)):
        parser.error(f"There is no kind {unknown[0]!r}; choose from {', '.join(TARGETS)}.")
    findings = options.folder / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    left = 60.0 * options.minutes
    while left > 0:  # by the processor: on a busy machine an hour of the clock is a few minutes of fuzzing
        spent = _spent(options.folder)
        kind = min(kinds, key=lambda kind: spent.get(kind, {}).get("processor_seconds", 0.0))
        used = _run(kind, options.folder, _TURN)
        _add(options.folder / _SPENT, kind, used)
        left -= max(used["processor_seconds"], 1.0)  # so that a kind that cannot be run does not go on for ever
    found = sorted(path for path in findings.iterdir() if path.suffix != ".txt")
    if options.write:
        _write(options.write, options.folder)
    print(f"{len(found)} findings in {findings}")
    for path in found:
        print(f"  {path.name}")
    return int(bool(found))


def _run(kind: str, folder: Path, seconds: float) -> dict[str, float]:
    """One process after the other, until the time is over: a crash ends a process, not the fuzzing.

    Returns:
        Seconds by the clock and of the processor, and how many inputs were read.
    """
    log = folder / f"{kind}.log"
    size = log.stat().st_size if log.is_file() else 0
    started, spent = time.monotonic(), _processor()
    ends = started + seconds
    while (left := ends - time.monotonic()) > 1.0:
        what = ["--child", f"{left:.0f}", "--only", kind, "--folder", str(folder)]
        command = [sys.executable, "-m", "scripts.fuzz", *what]
        began = time.monotonic()
        with log.open("ab") as stream:
            done = subprocess.run(command, cwd=_ROOT, stdout=stream, stderr=stream, env=_environment(), check=False)
        print(f"{kind}: {time.monotonic() - began:.0f} s, exit {done.returncode}", flush=True)
        if done.returncode and time.monotonic() - began < 5.0:
            print(f"{kind} cannot be run; see {log}", file=sys.stderr)
            break
    told = log.read_bytes()[size:].decode("utf-8", errors="replace")
    inputs = sum(map(int, re.findall(r"^stat::number_of_executed_units: (\d+)", told, flags=re.MULTILINE)))
    return {"seconds": time.monotonic() - started, "processor_seconds": _processor() - spent, "inputs": inputs}


def _processor() -> float:
    """Seconds that the processes ended so far have computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _spent(folder: Path) -> dict[str, dict[str, float]]:
    """What was spent on each kind in all runs so far."""
    path = folder / _SPENT
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _add(path: Path, kind: str, spent: dict[str, float]) -> None:
    """Adds what was spent on a kind to a file."""
    known = _spent(path.parent)
    before = known.get(kind, {})
    known[kind] = {name: before.get(name, 0) + value for name, value in spent.items()}
    path.write_text(json.dumps(known, indent=2), encoding="utf-8")


def _write(path: Path, folder: Path) -> None:
    """The figure: what was spent, by kind, and how many faults of each kind came out."""
    from scripts.figures import machine, write_figures

    spent = _spent(folder)
    found = Counter(file.name.split("--")[0] for file in (folder / "findings").iterdir() if file.suffix != ".txt")
    kinds = {kind: {**values, "findings": found[kind]} for kind, values in spent.items()}
    write_figures(path, {"kinds": kinds, "machine": machine()}, None)


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(_ROOT)}


def _fuzz(kind: str, folder: Path, seconds: float) -> None:
    """Fuzzes one kind; does not return."""
    import atheris

    with atheris.instrument_imports(include=_READING):
        from scripts.fuzz.targets import TARGETS, Fault
    from rdkit import rdBase

    rdBase.DisableLog("rdApp.*")
    target = TARGETS[kind]
    work = Path(tempfile.mkdtemp(prefix=f"fuzz-{kind}-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    path = target.prepare(work)
    seeds = target.seeds(kind, work)
    findings, corpus, first = folder / "findings", folder / kind, work / "seeds"
    for made in (corpus, first):
        made.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (first / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    kept = {file.name.split(".", 1)[0] for file in findings.glob(f"{kind}--*")}

    def one_input(data: bytes) -> None:
        path.write_bytes(data)
        began = time.process_time()
        faults = list(target.faults(path))
        if (taken := time.process_time() - began) > _SECONDS:
            faults.append(Fault("too-slow", f"{taken:.0f} s"))
        for fault in faults:
            name = f"{kind}--{fault.key}"[:200]
            if name not in kept:
                kept.add(name)
                (findings / f"{name}{path.suffix}").write_bytes(data)
                (findings / f"{name}.txt").write_text(fault.text, encoding="utf-8")

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        how = rng.random()
        if how < 0.15:
            return atheris.Mutate(data, most)
        if how < 0.2:
            other = rng.choice(seeds)
            return (data[: rng.randint(0, len(data))] + other[rng.randint(0, len(other)) :])[:most]
        return target.damage(data, rng)[:most]

    resource.setrlimit(resource.RLIMIT_AS, (_MEGABYTES << 20, _MEGABYTES << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    longest = 4 * max(map(len, seeds)) + 20_000
    switches = [
        *(f"-max_total_time={seconds:.0f}", f"-timeout={_ASLEEP * _SECONDS}", f"-rss_limit_mb={_MEGABYTES}"),
        *(
            f"-max_len={longest}",
            "-len_control=0",
            "-report_slow_units=600",
            "-print_final_stats=1",
            "-close_fd_mask=1",
        ),
        f"-artifact_prefix={findings}/{kind}--process-",
    ]
    atheris.Setup([sys.argv[0], *switches, str(corpus), str(first)], one_input, custom_mutator=mutate)
    try:
        atheris.Fuzz()
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

"""Fuzz every reader: damaged files go in, and only answers or errors with a code may come out.

Needs atheris (``pip install -e '.[fuzz]'``), which looks for inputs that reach lines not reached before. Each kind of
file gets a process of its own with 4 GB of memory and 30 s for an input; what it finds is written to
``<folder>/findings``, each fault once, the input beside its traceback:

    python -m scripts.fuzz --minutes 60
    python -m scripts.fuzz --only ligand_sdf --only table_csv --minutes 2

Once a fault is mended, its input goes to ``tests/fuzz/findings/<kind>/``, where a test reads it from then on.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]
_SECONDS: Final = 30  # for one input
_MEGABYTES: Final = 4096
#: Where reaching a new line makes an input worth keeping.
_READING: Final = [f"binding.{name}" for name in ("archive", "config", "data", "domain", "io", "prior", "units")]


def main(arguments: list[str] | None = None) -> int:
    """Runs the targets in turn; 1 where something was found."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="of all kinds together (default 60)")
    parser.add_argument("--only", action="append", metavar="KIND", help="a kind of file; may be given several times")
    parser.add_argument(
        "--folder", type=Path, default=_ROOT / "build" / "fuzz", help="of inputs and findings (default build/fuzz)"
    )
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
    share = 60.0 * options.minutes / len(kinds)
    rounds = max(1, int(share // 60))  # each kind is back after a while, with what was found before
    for _ in range(rounds):
        for kind in kinds:
            _run(kind, options.folder, share / rounds)
    found = sorted(path for path in findings.iterdir() if path.suffix != ".txt")
    print(f"{len(found)} findings in {findings}")
    for path in found:
        print(f"  {path.name}")
    return int(bool(found))


def _run(kind: str, folder: Path, seconds: float) -> None:
    """One process after the other, until the time is over: a crash ends a process, not the fuzzing."""
    log = folder / f"{kind}.log"
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 1.0:
        what = ["--child", f"{left:.0f}", "--only", kind, "--folder", str(folder)]
        command = [sys.executable, "-m", "scripts.fuzz", *what]
        began = time.monotonic()
        with log.open("ab") as stream:
            done = subprocess.run(command, cwd=_ROOT, stdout=stream, stderr=stream, env=_environment(), check=False)
        print(f"{kind}: {time.monotonic() - began:.0f} s, exit {done.returncode}", flush=True)
        if done.returncode and time.monotonic() - began < 5.0:
            print(f"{kind} cannot be run; see {log}", file=sys.stderr)
            return


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(_ROOT)}


def _fuzz(kind: str, folder: Path, seconds: float) -> None:
    """Fuzzes one kind; does not return."""
    import atheris

    with atheris.instrument_imports(include=_READING):
        from scripts.fuzz.targets import TARGETS
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
        for fault in target.faults(path):
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
        *(f"-max_total_time={seconds:.0f}", f"-timeout={_SECONDS}", f"-rss_limit_mb={_MEGABYTES}"),
        *(f"-max_len={longest}", "-len_control=0", "-report_slow_units=10", "-print_final_stats=1", "-close_fd_mask=1"),
        f"-artifact_prefix={findings}/{kind}--process-",
    ]
    atheris.Setup([sys.argv[0], *switches, str(corpus), str(first)], one_input, custom_mutator=mutate)
    try:
        atheris.Fuzz()
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

"""Times the results of a large screen: from parts to ranked results, and then `binding top` and `binding report`.

    python -m scripts.bench.top [--rows 10000000] [--part-size 1024] [--json docs/figures/bench_top.json]

The run is made up: two poses a compound, numbers spread as in a real screen, parts as the engine writes them. Each
step runs in its own process, whose peak memory is recorded. Files are read from the system's page cache.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from scripts.figures import write_figures

CHUNK = 1_000_000  # rows made at a time
CONDITION = "pk_ligand_only < 7"
STEPS = {
    "finalise": "from binding.screening.store import finalise; finalise({run!r}, top=0)",
    "top": "from binding.screening.top import find_top; assert len(find_top({run!r}, 100).rows) == 100",
    "top_where": (
        "from binding.screening.top import find_top\n"
        "rows = find_top({run!r}, 100, where={condition!r}).rows\n"
        "assert len(rows) == 100 and max(rows['pk_ligand_only'].to_pylist()) < 7"
    ),
    "top_sorted": "from binding.screening.top import find_top; find_top({run!r}, 100, sort_by='gain_over_ligand_only')",
    "report": "from binding.reports.screening import write_report; write_report({run!r})",
}
# Seconds are without the imports, CPU time and peak memory with them.
TIMED = """
import json, resource, sys, time
start = time.perf_counter()
import binding.screening.top, binding.reports.screening
ready = time.perf_counter()
{step}
done = time.perf_counter()
used = resource.getrusage(resource.RUSAGE_SELF)
peak = used.ru_maxrss / 1024
if sys.platform == "linux":  # there, a new program inherits ru_maxrss from the one that started it
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
print(json.dumps({{"seconds": done - ready, "cpu_seconds": used.ru_utime + used.ru_stime, "imports": ready - start,
    "peak_mb": peak}}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--part-size", type=int, default=1024)
    parser.add_argument("--keep", type=Path, help="Make the run here, and keep it.")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    home = options.keep or Path(tempfile.mkdtemp(prefix="bench-top-"))
    try:
        run = home / "run"
        if not run.is_dir():
            make_run(run, options.rows, options.part_size)
        figures = measure(run, options)
    finally:
        if options.keep is None:
            shutil.rmtree(home)
    show(figures)
    if options.json:
        write_figures(options.json, figures)


def make_run(run: Path, rows: int, part_size: int) -> None:
    """Parts with the engine's columns, metadata and sizes."""
    from binding.screening.parts import SCHEMA, PartInfo, parts_folder, write_part
    from binding.screening.records import part_length

    parts_folder(run).mkdir(parents=True)
    number = first = 0
    left = SCHEMA.empty_table()
    for start in range(0, rows, CHUNK):
        left = pa.concat_tables([left, made_up(start, min(CHUNK, rows - start))]).combine_chunks()
        while len(left) >= part_length(number, part_size) or (len(left) and start + CHUNK >= rows):
            table, left = left[: part_length(number, part_size)], left[part_length(number, part_size) :]
            write_part(run, table, PartInfo("bench", number, first, len(table), len(table)))
            number, first = number + 1, first + len(table)


def made_up(start: int, n: int) -> pa.Table:
    """Rows ``start`` to ``start + n``, always the same."""
    from binding.screening.parts import SCHEMA

    generator = np.random.default_rng(start)
    row = np.arange(start, start + n)
    atoms = generator.integers(15, 45, n // 2 + 1).repeat(2)[:n]
    alone = (4 + 0.06 * atoms + generator.normal(0, 0.5, n // 2 + 1).repeat(2)[:n]).astype(np.float32)
    pk = (0.5 * alone + 3 + generator.normal(0, 0.8, n)).astype(np.float32)
    tail = generator.integers(0, 10**9, n)
    with duckdb.connect() as connection:
        numbers = pa.table({"row": row, "atoms": atoms, "alone": alone, "pk": pk, "tail": tail})
        connection.register("numbers", numbers)
        table = connection.sql(
            """SELECT row, 0 AS pose_number, 'library:' || row + 1 AS id, printf('CPD%010d', row // 2) AS compound,
            'receptor.pdb' AS receptor, '/data/library.sdf.gz' AS ligand_file, row AS record,
            'CC(=O)Nc1ccc(cc1)C(=O)N' || tail AS smiles, pk, 1.5 AS pk_std, pk - 2.5 AS pk_low,
            pk + 2.5 AS pk_high, -1.364 * pk AS dg_kcal_mol,
            alone AS pk_ligand_only, 1.364 * pk / atoms AS ligand_efficiency, atoms AS heavy_atoms,
            (tail % 1000) / 1000 AS pose, tail % 3 > 0 AS in_domain, (tail % 997) / 997 AS nearest_ligand,
            0.4 AS nearest_protein, '' AS warnings, 'made-up' AS model, 'ok' AS status, '' AS error_code,
            '' AS message, NULL AS pose_block FROM numbers ORDER BY row"""
        ).to_arrow_table()
    return table.select(SCHEMA.names).cast(SCHEMA)


def measure(run: Path, options: argparse.Namespace) -> dict:
    figures: dict = {
        "rows": options.rows,
        "compounds": (options.rows + 1) // 2,
        "part_size": options.part_size,
        "condition": CONDITION,
        "machine": {
            "processor": cpu(),
            "cores": os.cpu_count(),
            "load_average": os.getloadavg()[0],
            "duckdb": duckdb.__version__,
        },
        "steps": {},
    }
    for name, step in STEPS.items():
        code = TIMED.format(step=step.format(run=str(run), condition=CONDITION))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr}")
        figures["steps"][name] = {key: round(value, 3) for key, value in json.loads(done.stdout).items()}
    parts = sum(path.stat().st_size for path in (run / "parts").iterdir())
    sizes = {"parts": parts, **{path.name: path.stat().st_size for path in run.iterdir() if path.is_file()}}
    figures["megabytes"] = {name: round(size / 1e6, 1) for name, size in sizes.items()}
    figures["parts"] = sum(1 for _ in (run / "parts").iterdir())
    return figures


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def show(figures: dict) -> None:
    machine = figures["machine"]
    title = f"{figures['rows']:,} poses, {figures['parts']:,} parts; load {machine['load_average']:.1f}"
    table = Table("step", "wall, s", "CPU, s", "peak, MB", title=title)
    for name, step in figures["steps"].items():
        table.add_row(name, *(f"{step[key]:.1f}" for key in ("seconds", "cpu_seconds", "peak_mb")))
    Console().print(table)


if __name__ == "__main__":
    main()

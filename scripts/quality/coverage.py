"""Line coverage of the rooms that read files, build graphs and make poses, by the tests that are for them.

    python -m scripts.quality.coverage              run the tests, print the figures and the lines that no test reaches
    python -m scripts.quality.coverage --write      and write docs/figures/coverage.json

Lines that only run in worker processes are not seen. 1 where a room has less than it should.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from scripts.figures import FIGURES, ROOT, write_figures

ROOMS: Final = ("io", "graph", "poses")
LEAST: Final = 0.95
#: The tests of the rooms, and those of others that are for code of these rooms.
TESTS: Final = (
    *(f"tests/{room}" for room in ROOMS),
    "tests/test_units.py",
    "tests/invariance/test_pyg.py",
    "tests/cli/test_place_command.py",
    "tests/screening/test_smiles.py",
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the tests under coverage and says what they reach."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.quality.coverage", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write docs/figures/coverage.json")
    options = parser.parse_args(arguments)
    report = measure()
    rooms = {room: share(report, room) for room in ROOMS}
    for room, (reached, lines) in rooms.items():
        print(f"binding/{room}: {reached} of {lines} lines, {reached / lines:.1%}")
        for name, found in sorted(report["files"].items()):
            if name.startswith(f"binding/{room}/") and found["missing_lines"]:
                print(f"  {name}: {', '.join(map(str, found['missing_lines']))}")
    if options.write:
        figures = {room: {"lines": lines, "reached": reached} for room, (reached, lines) in rooms.items()}
        write_figures(FIGURES / "coverage.json", {"rooms": figures, "tests": list(TESTS)})
    return int(any(reached < LEAST * lines for reached, lines in rooms.values()))


def measure() -> dict[str, Any]:
    """The report of the ``coverage`` package."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"COVERAGE_FILE": str(Path(folder) / "data"), "OMP_NUM_THREADS": "1"}
        source = ",".join(f"binding/{room}" for room in ROOMS)
        command = [sys.executable, "-m", "coverage", "run", f"--source={source}", "-m", "pytest", "-q", *TESTS]
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            raise SystemExit("the tests fail")
        path = Path(folder) / "report.json"
        command = [sys.executable, "-m", "coverage", "json", "-q", "-o", str(path)]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        return json.loads(path.read_text(encoding="utf-8"))


def share(report: dict[str, Any], room: str) -> tuple[int, int]:
    """Lines of a room that were reached, and all of them."""
    found = [file["summary"] for name, file in report["files"].items() if name.startswith(f"binding/{room}/")]
    return sum(file["covered_lines"] for file in found), sum(file["num_statements"] for file in found)


if __name__ == "__main__":
    sys.exit(main())

"""A screen from SMILES to its report on two cores -> docs/figures/start_to_report.json and screen_report.png.

    python -m scripts.bench.start_to_report [--count 1000] [--workers 2]

The library is enumerated: 2,4-diaminoquinazoline-5-thioethers of aryl, benzyl and alkyl groups, placed on the inhibitor
of dihydrofolate reductase in data/examples (1ia1), scored, ranked and reported by `binding screen --place-on --report`.
Wall time, CPU time of all processes and each stage are told beside the machine's load. The picture is the page as a
browser shows it; it is drawn where Chromium is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import combinations_with_replacement, islice, product
from pathlib import Path
from typing import Any

from scripts.figures import FIGURES, ROOT, machine, write_figures

EXAMPLES = ROOT / "data" / "examples"
CORE = "Nc1nc(N)c2c(S{})cccc2n1"
LINKS = {"": "", "methyl": "C", "ethyl": "CC"}
GROUPS = {
    "H": "",
    "Me": "C",
    "OMe": "OC",
    "F": "F",
    "Cl": "Cl",
    "CN": "C#N",
    "CF3": "C(F)(F)F",
    "Et": "CC",
    "NH2": "N",
    "NMe2": "N(C)C",
    "SO2Me": "S(C)(=O)=O",
    "CONH2": "C(N)=O",
    "iPr": "C(C)C",
}
RINGS = {"phenyl": "c3c{}cc{}cc3", "4-pyridyl": "c3c{}nc{}cc3", "thienyl": "c3c{}sc{}c3", "cyclohexyl": "C3C{}CC{}CC3"}
PICTURE, WIDTH, HEIGHT = FIGURES / "screen_report.png", 1280, 2930  # pixels
DRAWN = 4  # compounds in the picture, so that the 3D is in sight


def compounds() -> Iterator[tuple[str, str]]:
    """SMILES and name of 1,092 compounds: each ring with two groups, on each link."""
    pairs = [*combinations_with_replacement(GROUPS, 2)]
    for (link, chain), (one, other), (ring, pattern) in product(LINKS.items(), pairs, RINGS.items()):
        branches = [f"({GROUPS[group]})" if GROUPS[group] else "" for group in (one, other)]
        yield CORE.format(chain + pattern.format(*branches)), "-".join(filter(None, (link, ring, one, other)))


def screen(folder: Path, count: int, workers: int) -> dict[str, Any]:
    """Runs the command; what it cost, and what came out."""
    library = folder / "library.smi"
    library.write_text("".join(f"{smiles} {name}\n" for smiles, name in islice(compounds(), count)))
    words = ("-p", EXAMPLES / "1ia1_protein.pdb.gz", "-l", library, "--place-on", EXAMPLES / "1ia1_ligand.sdf")
    command = [sys.executable, "-m", "binding", "screen", *map(str, words), "-o", str(folder / "run"), "--report"]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*command, "--workers", str(workers)], check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 3):
        raise SystemExit(f"the screen exited {done.returncode}")
    about = json.loads((folder / "run" / "run.json").read_text())
    return {
        "compounds": count,
        "counts": about["counts"],
        "workers": workers,
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "stages": about["stages"],
        "machine": machine() | {"load": round(os.getloadavg()[0], 1)},
    }


def photograph(run: Path, picture: Path) -> None:
    """The report of the best few as Chromium shows it; nothing where that is not installed."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("no picture: Chromium is not installed")
        return
    page = run.parent / "picture.html"
    words = ("report", str(run), "--top", str(DRAWN), "-o", str(page), "--quiet")
    subprocess.run([sys.executable, "-m", "binding", *words], check=True)
    drawing = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--virtual-time-budget=8000"]
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={WIDTH},{HEIGHT}", *drawing]
    subprocess.run([browser, *options, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="compounds")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = screen(Path(folder), options.count, options.workers)
        write_figures(FIGURES / "start_to_report.json", found, None)
        photograph(Path(folder) / "run", PICTURE)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

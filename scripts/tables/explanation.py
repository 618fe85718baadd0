"""An explanation as the terminal and as a browser show it -> docs/figures/explain.txt and explain.png.

    python -m scripts.tables.explanation

Of an example complex, by the default weights. Needs Chromium, by whatever name it is found.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.figures import ROOT

OUTPUT = ROOT / "docs" / "figures" / "explain.png"
COMPLEX = ("data/examples/6wqa_complex.cif.gz", "A:ZMA:1202")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1180,1090", metavar="WIDTH,HEIGHT", help="of the window, pixels")
    options = parser.parse_args()
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"no browser: looked for {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as scratch:
        explain = [sys.executable, "-m", "binding", "explain", *COMPLEX, "--device", "cpu"]
        shown = subprocess.run(
            [*explain, "--top", "4", "-o", scratch],
            check=True, capture_output=True, text=True, cwd=ROOT, env=os.environ | {"COLUMNS": "100"},
        )  # fmt: skip
        lines = [line.rstrip() for line in shown.stdout.splitlines()]
        OUTPUT.with_suffix(".txt").write_text("\n".join(lines).strip("\n") + "\n", encoding="utf-8")
        switches = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={options.size}"]
        page = (Path(scratch) / "report.html").as_uri()
        command = [browser, *switches, f"--screenshot={OUTPUT}", page]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()

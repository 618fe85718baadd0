"""The report of an explanation as a browser shows it -> docs/figures/explain.png.

    python scripts/picture_explain.py

Of an example complex, by the default weights. Needs Chromium, by whatever name it is found.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

from binding import api

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "docs" / "figures" / "explain.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1180,1090", metavar="WIDTH,HEIGHT", help="of the window, pixels")
    options = parser.parse_args()
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"no browser: looked for {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as scratch:
        complex_file = ROOT / "data" / "examples" / "6wqa_complex.cif.gz"
        api.explain(complex_file, ligand="A:ZMA:1202", output=scratch, device="cpu")
        switches = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={options.size}"]
        page = (Path(scratch) / "report.html").as_uri()
        command = [browser, *switches, f"--screenshot={OUTPUT}", page]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()

"""Fills the tables of README.md and docs/ from the weights' card, docs/figures/ and the settings' own descriptions.

    python -m scripts.tables            rewrite what stands between <!-- table:NAME --> and <!-- /table -->
    python -m scripts.tables --check    exit 1, and name the block, where a file differs

No figure in those blocks is typed by hand. A block whose source is not there yet names the file it waits for.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from scripts.figures import ROOT
from scripts.tables import (
    accuracy,
    columns,
    long_days,
    model,
    poses,
    predict,
    quality,
    reliability,
    screening,
    training,
)
from scripts.tables.common import MissingError

BLOCK = re.compile(r"(<!-- table:(\w+) -->\n).*?(<!-- /table -->)", re.DOTALL)


PARTS = (accuracy, columns, long_days, model, poses, predict, quality, reliability, screening, training)
#: Name of a block -> what writes it.
BLOCKS = {name: block for part in PARTS for name, block in part.BLOCKS.items()}


def render(name: str) -> str:
    """The text of a block."""
    if name not in BLOCKS:
        raise SystemExit(f"there is no block {name!r}; there are {', '.join(sorted(BLOCKS))}")
    try:
        return BLOCKS[name]()
    except MissingError as missing:
        return f"*Not measured yet: this waits for `{missing}`, which `{missing.program}` writes.*"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    parser.add_argument("--pages", type=Path, default=ROOT, metavar="FOLDER", help="that holds README.md and docs/")
    options = parser.parse_args()
    stale = []
    for path in (options.pages / "README.md", *sorted((options.pages / "docs").rglob("*.md"))):
        page = path.relative_to(options.pages).as_posix()
        before = path.read_text(encoding="utf-8")
        if len(BLOCK.findall(before)) != before.count("<!-- table:"):
            raise SystemExit(f"{page}: a table marker is not closed")
        after = BLOCK.sub(lambda match: f"{match[1]}{render(match[2])}\n{match[3]}", before)
        if after == before:
            continue
        new = dict(zip([m[1] for m in BLOCK.findall(after)], [m.group() for m in BLOCK.finditer(after)], strict=True))
        old = dict(zip([m[1] for m in BLOCK.findall(before)], [m.group() for m in BLOCK.finditer(before)], strict=True))
        stale += [f"{page}: {name}" for name in new if new[name] != old[name]]
        if not options.check:
            path.write_text(after, encoding="utf-8")
    for block in stale:
        print(f"{'differs' if options.check else 'written'}: {block}")
    if options.check and stale:
        sys.exit(1)


if __name__ == "__main__":
    main()

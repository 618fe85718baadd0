"""Networks against those of an earlier release, on rows that both held out -> docs/figures/networks.json.

    python scripts/compare_runs.py --runs runs/base-0 runs/base-1 runs/base-2 --before runs/old-0 runs/old-1 runs/old-2

The runs of one place are two networks without a prior that held out the same families; the caches may have grown in
between, and only rows that both have are compared. No test set is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
from compare_settings import held_out, within_groups
from measure import ROOT, write_json

from binding.metrics import measure, paired_difference


def joined(run: Path, before: Path) -> pd.DataFrame:
    """The rows that both runs held out and that have an exact measurement."""
    both = held_out(run).merge(held_out(before)[["source", "id", "pk"]], on=["source", "id"], suffixes=("", "_before"))
    return both[both["relation"] == "="]  # a bound has no error


def figures(rows: pd.DataFrame) -> dict[str, Any]:
    """r, RMSE and Kendall's tau inside groups of both, and the differences."""
    truth = rows["pk_true"].to_numpy()
    gaps = paired_difference(rows["pk"].to_numpy(), rows["pk_before"].to_numpy(), truth)
    return {
        "n": len(rows),
        "difference": {metric: vars(value) for metric, value in gaps.items()},
    } | {
        name: {metric: vars(value) for metric, value in measure(rows[column].to_numpy(), truth).items()}
        | {"tau": within_groups(rows, column)}
        for name, column in (("now", "pk"), ("before", "pk_before"))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("--before", type=Path, nargs="+", required=True)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "figures" / "networks.json")
    options = parser.parse_args()
    if len(options.runs) != len(options.before):
        parser.error("--runs and --before name as many runs")
    pairs = zip(options.runs, options.before, strict=True)
    rows = pd.concat([joined(*pair).assign(fold=place) for place, pair in enumerate(pairs)])
    report = {str(source): figures(part) for source, part in rows.groupby("source", sort=False)}
    write_json(options.output, {"networks": len(options.runs), "sources": report})
    for source, found in report.items():
        print(source, found["n"], *(f"{k} r {found[k]['r']['value']:.3f} rmse {found[k]['rmse']['value']:.3f} "
                                    f"tau {found[k]['tau']['value']:.3f}" for k in ("now", "before")))  # fmt: skip


if __name__ == "__main__":
    main()

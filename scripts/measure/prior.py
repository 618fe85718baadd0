"""What the prior brings on rows that were held out -> docs/figures/prior.json.

    python -m scripts.measure.prior --runs runs/mixed/base-0 runs/mixed/base-1 runs/mixed/base-2 \\
        --without runs/base-0 runs/base-1 runs/base-2 --known runs/mixed/rows-0 --known-without runs/settings/rows-0

The first run of --runs is the first of --without joined with a prior (`scripts.release.stack join`), and so on. Runs of
--runs held out protein families; that of --known held out random rows, so that nearly all of their families are known
to it. All are single networks, and the prior's predictions are those made without the held-out rows. No test set is
read.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from binding.metrics import measure, paired_difference
from binding.model.weights import DEFAULT_MODEL
from scripts.figures import FIGURES, write_figures
from scripts.measure.settings import held_out, within_groups

#: Column -> what it is, for the page.
METHODS = {
    "pk": "prior and network",
    "pk_prior": "the prior at the site",
    "pk_ligand_only": "the prior of the ligand alone",
    "pk_without": "the network alone",
    "pk_ligand_only_without": "the twin that was trained with it",
}
RANKED = ("modelled", "posed_congeneric")  # sources whose rows are series of one protein


def joined(run: Path, without: Path) -> pd.DataFrame:
    """The rows that both runs held out, with what each says."""
    other = held_out(without)[["source", "id", "pk", "pk_ligand_only"]]
    return held_out(run).merge(other, on=["source", "id"], suffixes=("", "_without"))


def compared(rows: pd.DataFrame) -> dict[str, Any]:
    """Figures of every method on the rows of one source, and the lead of the first over each."""
    truth = rows["pk_true"].to_numpy()
    found: dict[str, Any] = {
        name: {metric: vars(value) for metric, value in measure(rows[name].to_numpy(), truth).items()}
        for name in METHODS
    }
    for name in METHODS:
        if name != "pk":
            gaps = paired_difference(rows["pk"].to_numpy(), rows[name].to_numpy(), truth)
            found[name]["lead"] = {metric: vars(value) for metric, value in gaps.items()}
    return {"n": len(rows), "methods": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("--without", type=Path, nargs="+", required=True)
    parser.add_argument("--known", type=Path)
    parser.add_argument("--known-without", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "prior.json")
    options = parser.parse_args()
    if len(options.runs) != len(options.without) or (options.known is None) != (options.known_without is None):
        parser.error("--runs and --without name as many runs, and so do --known and --known-without")
    pairs = zip(options.runs, options.without, strict=True)
    rows = pd.concat([joined(run, other).assign(fold=place) for place, (run, other) in enumerate(pairs)])
    rows = rows[rows["relation"] == "="]  # a bound has no error
    content: dict[str, Any] = {}
    for source, part in rows.groupby("source", sort=False):
        if source in RANKED:
            content[str(source)] = {"n": len(part), "tau": {name: within_groups(part, name) for name in METHODS}}
        else:
            content[str(source)] = compared(part)
    report: dict[str, Any] = {"titles": METHODS, "sources": content}
    if options.known is not None:
        rows = joined(options.known, options.known_without)
        report["known"] = compared(rows[(rows["relation"] == "=") & (rows["source"] == "crystal")])
    write_figures(options.output, report, DEFAULT_MODEL)


if __name__ == "__main__":
    main()

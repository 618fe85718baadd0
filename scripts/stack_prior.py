"""How much the prior and the networks weigh in pk, from rows that both held out -> docs/figures/stack.json.

    python scripts/stack_prior.py \\
        --runs runs/half/plain-2 runs/half/short-2 runs/half/dropout-2 \\
        --without runs/settings/plain-2 runs/settings/short-2 runs/settings/dropout-2 \\
        --runs runs/half/rows-0 --without runs/settings/rows-0

Each --runs names networks that held out the same rows, mixed with the prior in equal parts (mix_prior.py), and the
--without after it the same networks as they were trained. A line, pk = a prior + b network + c, is fitted by least
squares to the crystal rows of all of them together (stacked generalization, Wolpert 1992). What it brings is told by
lines that were fitted to the other groups of rows: no row is judged by a line that it helped to find. No test set is
read.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import ROOT, write_json

from binding.config import TrainConfig
from binding.metrics import measure, paired_difference

OUTPUT = ROOT / "docs" / "figures" / "stack.json"


def said(mixed: Path, alone: Path) -> pd.DataFrame:
    """By id: measured pK and what prior and network say of the rows that a run held out, where they are exact."""
    model = TrainConfig.from_yaml(mixed / "config.yaml").model
    rows = [pd.read_csv(run / "validation.csv", dtype={"id": str}).set_index("id") for run in (mixed, alone)]
    network = rows[1]["pk"].reindex(rows[0].index)
    prior = (rows[0]["pk"] - model.network_weight * network) / model.prior
    table = pd.DataFrame({"pk_true": rows[0]["pk_true"], "prior": prior, "network": network})
    return table[rows[0]["relation"] == "="]


def together(mixed: Sequence[Path], alone: Sequence[Path]) -> pd.DataFrame:
    """The same of networks that held out the same rows: their mean, as of an ensemble."""
    return pd.concat([said(*pair) for pair in zip(mixed, alone, strict=True)]).groupby(level=0).mean()


def fitted(rows: pd.DataFrame) -> np.ndarray:
    """Weights of prior and network, and what is added, pK."""
    features = np.column_stack([rows["prior"], rows["network"], np.ones(len(rows))])
    return np.linalg.lstsq(features, rows["pk_true"].to_numpy(), rcond=None)[0]


def by(line: np.ndarray, rows: pd.DataFrame) -> np.ndarray:
    """pK (rows,) by such a line."""
    return line[0] * rows["prior"].to_numpy() + line[1] * rows["network"].to_numpy() + line[2]


def compared(groups: Sequence[pd.DataFrame], names: Sequence[str]) -> list[dict[str, Any]]:
    """Of each group of rows: lines from the other groups and from all, a half of each, the prior and network alone."""
    found, of_all = [], fitted(pd.concat(groups))
    for place, rows in enumerate(groups):
        others = fitted(pd.concat([other for number, other in enumerate(groups) if number != place]))
        truth = rows["pk_true"].to_numpy()
        half = by(np.array([0.5, 0.5, 0.0]), rows)
        line = by(others, rows)
        values = {
            "stacked": line,
            "of_all": by(of_all, rows),
            "half": half,
            "prior": rows["prior"].to_numpy(),
            "network": rows["network"].to_numpy(),
        }
        found.append(
            {
                "rows": names[place],
                "n": len(rows),
                "line_of_the_others": [round(float(number), 3) for number in others],
                "own_line": [round(float(number), 3) for number in fitted(rows)],
                "methods": {
                    name: {metric: vars(value) for metric, value in measure(column, truth).items()}
                    for name, column in values.items()
                },
                "stacked_minus_half": {
                    metric: vars(value) for metric, value in paired_difference(line, half, truth).items()
                },
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", action="append", required=True)
    parser.add_argument("--without", type=Path, nargs="+", action="append", required=True)
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    if [len(runs) for runs in options.runs] != [len(runs) for runs in options.without] or len(options.runs) < 2:
        parser.error("--runs and --without name as many runs, two times or more")
    groups = [together(*pair) for pair in zip(options.runs, options.without, strict=True)]
    names = [" + ".join(run.name for run in runs) for runs in options.runs]
    prior, network, offset = (round(float(number), 3) for number in fitted(pd.concat(groups)))
    report: dict[str, Any] = {
        "prior": prior,
        "network": network,
        "offset": offset,
        "rows": sum(map(len, groups)),
        "groups": compared(groups, names),
    }
    write_json(options.output, report)
    for group in report["groups"]:
        rmse = {name: f"{figures['rmse']['value']:.3f}" for name, figures in group["methods"].items()}
        print(group["rows"], group["n"], group["own_line"], rmse)
    print({name: report[name] for name in ("prior", "network", "offset", "rows")})


if __name__ == "__main__":
    main()

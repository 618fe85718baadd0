"""How well pk_std and the 90 % interval fit the errors on held-out protein families -> docs/figures/calibration.json.

    python -m scripts.measure.calibration runs/base-0 runs/base-1 runs/base-2
    python -m scripts.measure.calibration runs/base-0 ... --together runs/a-0 runs/b-0 --together runs/a-1 runs/b-1

The rows of each network are those that it held out (``validation.csv``). The factor on its standard deviations is
fitted to the rows of the other networks, so that no row is judged by a factor that it helped to find. No row is
held out by every network of a released ensemble; ``--together`` names runs that held out the same rows, and
combines them as the networks of an ensemble are combined.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from binding.model.weights import DEFAULT_MODEL
from binding.training.finish import calibrate
from scripts.figures import FIGURES, write_figures

LEVELS = (0.5, 0.68, 0.8, 0.9, 0.95)
STEPS = np.arange(0.05, 1.0, 0.05)  # of the expected calibration error
RESAMPLES = 2000


def held_out(run: Path) -> pd.DataFrame:
    """Rows with an exact measurement; ``pk_std`` as the network gives it."""
    rows = pd.read_csv(run / "validation.csv", dtype={"id": str})
    return rows[rows["relation"] == "="].assign(run=run.name)


def combined(runs: Sequence[Path]) -> pd.DataFrame:
    """Rows that all runs held out, predicted by them as by one ensemble; see ``binding.model.ensemble``."""
    tables = [held_out(run).set_index("id") for run in runs]
    shared = sorted(set.intersection(*(set(table.index) for table in tables)))
    pk = np.array([table.loc[shared, "pk"] for table in tables])
    variance = np.array([table.loc[shared, "pk_std"] ** 2 for table in tables]).mean(axis=0) + pk.var(axis=0)
    truth = tables[0].loc[shared, "pk_true"].to_numpy()
    name = " + ".join(run.name for run in runs)
    return pd.DataFrame(
        {"id": shared, "pk": pk.mean(axis=0), "pk_std": np.sqrt(variance), "pk_true": truth, "run": name}
    )


def factors(rows: pd.DataFrame) -> dict[str, float]:
    """See ``binding.training.finish.calibrate``."""
    return calibrate((rows["pk"] - rows["pk_true"]).to_numpy(), rows["pk_std"].to_numpy())


def scaled(rows: pd.DataFrame, fitted_to: pd.DataFrame) -> pd.DataFrame:
    """``pk_std`` scaled, and half the 90 % interval, by what other rows say."""
    found = factors(fitted_to)
    std = rows["pk_std"] * found["std_scale"]
    return rows.assign(pk_std=std, half=std * found["interval_90"])


def figures(rows: pd.DataFrame) -> dict[str, Any]:
    """Coverage at each level by a normal law, the calibration error, sharpness, and coverage of pk_low to pk_high."""
    error = np.abs(rows["pk"] - rows["pk_true"]).to_numpy()
    std = rows["pk_std"].to_numpy()
    expected = np.array([(error < norm.ppf((1 + level) / 2) * std).mean() for level in STEPS])
    inside = error < rows["half"].to_numpy()
    draws = np.random.default_rng(0).integers(0, len(rows), (RESAMPLES, len(rows)))
    low, high = np.percentile(inside[draws].mean(axis=1), [2.5, 97.5])
    return {
        "n": len(rows),
        "coverage": {f"{level:g}": float((error < norm.ppf((1 + level) / 2) * std).mean()) for level in LEVELS},
        "interval_90": {"value": float(inside.mean()), "low": float(low), "high": float(high)},
        "ece": float(np.abs(expected - STEPS).mean()),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mean_std": float(std.mean()),
        "width_90": float(2 * rows["half"].mean()),
    }


def narrowing(together: Sequence[Sequence[Path]]) -> dict[str, float]:
    """What an ensemble's factors are beside those of its networks, from runs that held out the same rows.

    A mean errs less than a network does, and the spread between networks, which is added to its variance, is part of
    what a network's own factor accounts for: the factor of single networks makes an ensemble's intervals too wide.

    Returns:
        ``std_scale_ratio``, of the ensembles' factor to that of their networks; and the ensembles' ``interval_90``.
    """
    ensembles = [combined(runs) for runs in together]
    alone = pd.concat(
        [
            rows[rows["id"].isin(e["id"])]
            for e, runs in zip(ensembles, together, strict=True)
            for rows in map(held_out, runs)
        ]
    )
    both = [factors(pd.concat(ensembles)), factors(alone)]
    return {"std_scale_ratio": both[0]["std_scale"] / both[1]["std_scale"], "interval_90": both[0]["interval_90"]}


def of_ensembles(together: Sequence[Sequence[Path]]) -> dict[str, Any]:
    """Ensembles of runs that held out the same rows, by their networks' factors and by those of other ensembles."""
    if len(together) < 2:
        raise SystemExit("the factors of one ensemble are fitted to the others: give --together twice or more")
    ensembles = [combined(runs) for runs in together]
    wide, fitted = [], []
    for number, rows in enumerate(ensembles):
        wide.append(scaled(rows, pd.concat([held_out(run) for run in together[number]])))
        fitted.append(scaled(rows, pd.concat([other for place, other in enumerate(ensembles) if place != number])))
    return {
        "together": [[run.name for run in runs] for runs in together],
        "ensembles_by_their_networks": figures(pd.concat(wide)),
        "ensembles": figures(pd.concat(fitted)),
        "narrowing": narrowing(together),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--together", type=Path, nargs="+", action="append", default=[], metavar="RUN")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "calibration.json")
    options = parser.parse_args()
    if len(options.runs) < 2:
        parser.error("the factors of one run are fitted to the rows of others: name two runs or more")
    tables = {run.name: held_out(run) for run in options.runs}
    single = [
        scaled(rows, pd.concat([other for name, other in tables.items() if name != run]))
        for run, rows in tables.items()
    ]
    content: dict[str, Any] = {
        "networks": {rows["run"].iloc[0]: figures(rows) for rows in single},
        "pooled": figures(pd.concat(single)),
    }
    if options.together:
        content |= of_ensembles(options.together)
    write_figures(options.output, content, DEFAULT_MODEL)


if __name__ == "__main__":
    main()

"""Joins networks with a prior: pk becomes a weighted sum of both.

    python -m scripts.release.stack join --prior cache/prior_base.npz --runs runs/base-0 runs/base-1 -o runs/half
    python -m scripts.release.stack fit --runs runs/half/base-0 --without runs/base-0 \\
        --runs runs/half/rows-0 --without runs/rows-0
    python -m scripts.release.stack join --prior ... --runs ... -o runs/mixed --stack docs/figures/stack.json

``join`` trains nothing. Each run becomes a new run whose pk is the sum: a half of each, or with --stack the weights
that ``fit`` found, its constant added to the network's own. The new run's `validation.csv` and calibration hold the
sum, with the prior's predictions made without the held-out ligands; the prior replaces the ligand-only twin.

``fit`` finds the weights on rows that both held out. Each --runs names networks that held out the same rows, joined in
equal parts, and the --without after it the same networks as they were trained. A line, pk = a prior + b network + c,
is fitted by least squares to the crystal rows of all of them (stacked generalization, Wolpert 1992). The figures of
each group come from a line fitted to the other groups, so that no row is judged by a line that it helped to find. No
test set is read.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml

from binding.config import TrainConfig
from binding.data.datamodule import ComplexDataModule
from binding.metrics import measure, paired_difference
from binding.model.weights import Member, load_card, load_model
from binding.training.finish import finish
from scripts.figures import FIGURES, write_figures

OUTPUT = FIGURES / "stack.json"
SHARES = {"prior_weight": "prior", "network": "network"}  # settings of the model, by the names of the fit


def mixed(run: Path, prior: Path, output: Path, stack: dict[str, Any]) -> dict[str, float]:
    """Writes the run; r and RMSE of what it held out. ``stack``: the weights, empty for a half of each."""
    settings = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    if settings.get("prior"):
        raise SystemExit(f"{run} was trained with a prior")
    model = {name: value for name, value in settings["model"].items() if name not in SHARES}
    model |= {name: stack[fitted] for name, fitted in SHARES.items() if stack}
    config = TrainConfig.model_validate(settings | {"model": model, "prior": str(prior), "output": str(output)})
    trained = load_model(run, device="cpu").members[0].interaction.state_dict()
    member = Member(config.model)
    member.interaction.load_state_dict(trained)
    if stack:
        with torch.no_grad():
            member.interaction.bias.add_(stack["offset"] / stack["network"])
    output.mkdir(parents=True, exist_ok=True)
    content = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    (output / "config.yaml").write_text(content, encoding="utf-8")
    result = finish(config, member, ComplexDataModule(config), None)
    card = load_card(output) | {"commit": load_card(run)["commit"], "mixed": "trained without the prior"}
    result.weights.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return {name: card["validation"]["pk"][name] for name in ("r", "rmse")}


def said(mixed: Path, alone: Path) -> pd.DataFrame:
    """By id: measured pK and what prior and network say of the rows that a run held out, where they are exact."""
    model = TrainConfig.from_yaml(mixed / "config.yaml").model
    rows = [pd.read_csv(run / "validation.csv", dtype={"id": str}).set_index("id") for run in (mixed, alone)]
    network = rows[1]["pk"].reindex(rows[0].index)
    prior = (rows[0]["pk"] - model.network_weight * network) / model.prior_weight
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


def fit(options: argparse.Namespace) -> None:
    """The weights, and what they bring on rows that had no part in finding them."""
    if [len(runs) for runs in options.runs] != [len(runs) for runs in options.without] or len(options.runs) < 2:
        raise SystemExit("--runs and --without must name the same number of runs, two times or more.")
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
    write_figures(options.output, report)
    for group in report["groups"]:
        rmse = {name: f"{figures['rmse']['value']:.3f}" for name, figures in group["methods"].items()}
        print(group["rows"], group["n"], group["own_line"], rmse)
    print({name: report[name] for name in ("prior", "network", "offset", "rows")})


def join(options: argparse.Namespace) -> None:
    """A new run for each; one that is newer than what it is made of is left alone."""
    stack = json.loads(options.stack.read_text(encoding="utf-8")) if options.stack else {}
    for run in options.runs:
        output = options.output / run.name
        sources = [run / "model.safetensors", options.prior, *([options.stack] if options.stack else [])]
        written = output / "validation.csv"
        if written.is_file() and written.stat().st_mtime > max(path.stat().st_mtime for path in sources):
            continue
        print(run.name, mixed(run, options.prior, output, stack), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("join", help="write runs whose pk is a sum of prior and network")
    step.add_argument("--runs", type=Path, nargs="+", required=True, help="trained without a prior")
    step.add_argument("--prior", type=Path, required=True, help="fitted with the folds that the runs held out")
    step.add_argument("--stack", type=Path, help="weights written by `fit`; a half of each by default")
    step.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="of the new runs")
    step.set_defaults(call=join)
    step = steps.add_parser("fit", help="find the weights of prior and network")
    step.add_argument("--runs", type=Path, nargs="+", action="append", required=True, help="joined in equal parts")
    step.add_argument("--without", type=Path, nargs="+", action="append", required=True, help="the same, as trained")
    step.add_argument("-o", "--output", type=Path, default=OUTPUT)
    step.set_defaults(call=fit)
    options = parser.parse_args()
    options.call(options)


if __name__ == "__main__":
    main()

"""Networks that were trained on their own, and a prior: each pair as a run of its own whose pk is a sum of both.

    python scripts/mix_prior.py --prior cache/prior_base.npz --runs runs/base-0 runs/base-1 -o runs/half
    python scripts/mix_prior.py --prior cache/prior_base.npz --runs ... -o runs/mixed --stack docs/figures/stack.json

Without --stack each weighs a half; with it what stack_prior.py found, its constant put into the network's own.

Nothing is trained. The run's `validation.csv` and its calibration are of the mean, with what the prior says of these
ligands held out; its twin is left away, since the prior takes its place. To train with the prior in `pk` (`prior` in
the settings) is the other way.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
import yaml

from binding.config import TrainConfig
from binding.data.datamodule import ComplexDataModule
from binding.model.weights import Member, load_card, load_model
from binding.training.finish import finish

WEIGHTS = ("prior", "network")  # of the model's settings


def mixed(run: Path, prior: Path, output: Path, stack: dict[str, Any]) -> dict[str, float]:
    """Writes the run; r and RMSE of what it held out. ``stack``: the weights, empty for a half of each."""
    settings = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    if settings.get("prior"):
        raise SystemExit(f"{run} was trained with a prior")
    model = {name: value for name, value in settings["model"].items() if name not in WEIGHTS}
    model |= {name: stack[name] for name in WEIGHTS if stack}
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("--prior", type=Path, required=True, help="fitted by the rule by which the runs held out")
    parser.add_argument("--stack", type=Path, help="weights, written by stack_prior.py")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="of the new runs")
    options = parser.parse_args()
    stack = json.loads(options.stack.read_text(encoding="utf-8")) if options.stack else {}
    for run in options.runs:
        print(run.name, mixed(run, options.prior, options.output / run.name, stack), flush=True)


if __name__ == "__main__":
    main()

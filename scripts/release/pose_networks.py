"""Trains the networks that judge poses -> runs/pose/, and puts one into each of the released weights.

    python -m scripts.release.pose_networks ../shared/data --names binding-strict binding-base

Settings are those of configs/train/pose.yaml, rows the docked poses of scripts.release.decoys. For each set of weights
there is a network without each fold of the families, which judges the poses of that fold wherever something is fitted
to them (scripts.release.pose_odds, scripts.release.binder), and one of all complexes, which is shipped.
`binding-strict` learns from the complexes that PDBbind CleanSplit keeps for training. No test set is read.

--variants also trains networks without the fold for comparison: without attention, without angles. A run that is there
and complete is not repeated.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import torch

from binding.config import ModelConfig, TrainConfig
from binding.model.weights import Member, Scorer, load_card, load_model, save_weights
from binding.training.run import train
from scripts.figures import ROOT, commit
from scripts.release.families import FOLDS
from scripts.release.geometry import STRICT

SETTINGS: Final = ROOT / "configs" / "train" / "pose.yaml"
RUNS: Final = ROOT / "runs" / "pose"
#: Other settings of networks that stand beside the shipped one in the table.
VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "without_attention": {"model.num_layers": 0},
    "without_angles": {"model.angles": False},
}
ALL: Final = "all"  # no fold is left out


def run_of(name: str, fold: int | str, variant: str = "") -> Path:
    """Folder of a run."""
    return RUNS / "-".join(filter(None, (name.removeprefix("binding-"), variant, str(fold))))


def settings(name: str, fold: int | str, variant: str = "") -> TrainConfig:
    """The settings of a run."""
    rules = ["cleansplit_train == 1"] if name == STRICT else []
    rules += [] if fold == ALL else [f"fold != {fold}"]
    changes = {"output": str(run_of(name, fold, variant)), "threads": torch.get_num_threads()}
    changes |= {"sources.0.where": " and ".join(rules)} if rules else {}
    return TrainConfig.from_yaml(SETTINGS, changes | VARIANTS.get(variant, {}))


def trained(name: str, fold: int | str, variant: str = "") -> Path:
    """The folder of a run that is complete; it is trained first where it is not."""
    folder = run_of(name, fold, variant)
    if not (folder / "model.safetensors").is_file():
        train(settings(name, fold, variant), progress=False)
    return folder


def member_of(run: Path, released: ModelConfig) -> Member:
    """The network of a run as a member of released weights: its sizes, and pk joined as theirs."""
    theirs = {name: getattr(released, name) for name in ("prior_weight", "network", "joining")}
    member = Member(ModelConfig.model_validate(load_card(run)["config"] | theirs))
    state = load_model(run, device="cpu").members[0].state_dict()
    member.load_state_dict({name: state[name] for name in member.state_dict()})
    return member


def without_folds(scorer: Scorer, name: str, variant: str = "") -> list[Scorer]:
    """The weights with the network that has not seen the families of a fold, for each fold.

    Args:
        scorer: Released weights.
        name: Theirs.
        variant: One of ``VARIANTS``, or the shipped settings.
    """
    runs = (trained(name, fold, variant) for fold in range(FOLDS))
    return [scorer.with_parts(members=[member_of(run, scorer.config).eval().requires_grad_(False)]) for run in runs]


def put(path: Path, runs: Iterable[Path]) -> None:
    """Puts the networks of runs into weights, in place of those that are there."""
    scorer, card, found = load_model(path, device="cpu"), dict(load_card(path)), list(runs)
    members = [member_of(run, scorer.config) for run in found]
    cards = [load_card(run) for run in found]
    card |= {
        "config": members[0].interaction.config.model_dump(mode="json"),
        "parameters_of_one_member": sum(tensor.numel() for tensor in members[0].state_dict().values()),
        "training": {name: value for name, value in cards[0]["training"].items() if name != "output"},
        "members": [
            {"run": run.name, "seed": of_run["training"]["seed"], "rows": of_run["rows"]}
            for run, of_run in zip(found, cards, strict=True)
        ],
        "num_members": len(members),
        "commit": sorted({*card["commit"], commit()}),
    }
    states = [member.state_dict() for member in members]
    save_weights(
        path, states, card, half=True, prior=scorer.prior, geometry=scorer.geometry, potential=scorer.potential
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", nargs="+", default=[STRICT, "binding-base"])
    parser.add_argument("--weights", type=Path, default=ROOT / "binding" / "weights")
    parser.add_argument("--variants", nargs="*", choices=sorted(VARIANTS), default=[])
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.names:
        for variant in ("", *options.variants):
            for fold in range(FOLDS):
                print(trained(name, fold, variant), flush=True)
        put(options.weights / f"{name}.safetensors", [trained(name, ALL)])


if __name__ == "__main__":
    main()

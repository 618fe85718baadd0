"""Trains the networks that judge poses -> runs/pose/, and puts one into each of the released weights.

    python -m scripts.release.pose_networks --names binding-strict binding-base --variants without_attention

For each set of weights there is a network without each fold of the families, which judges the poses of that fold
wherever something is fitted to them (scripts.release.pose_odds, scripts.release.binder), and one of all complexes,
which is shipped. `binding-strict` learns from the complexes that PDBbind CleanSplit keeps for training. --variants are
other settings, without the folds alone, for comparison. A network that is there is not trained again. No test set is
read.

Rows are the docked and minimized poses of scripts.release.decoys; crystal poses are left out, since they differ from
docked ones by how they were made. A step sees a few complexes, drawn at random, with up to nine poses of each. The loss
asks of each pose whether it is within 2 Å, right and wrong ones weighed evenly, and of each complex which of its poses
are. Networks are small, see residues without their neighbours, and stop after two epochs: larger ones and longer runs
say no more of other families (docs/log/2026-12.md).
"""

from __future__ import annotations

import argparse
import json
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from binding.config import ModelConfig
from binding.data.cache import ComplexCache
from binding.graph.batch import collate
from binding.graph.fields import ComplexGraph
from binding.memory import freed_memory_kept
from binding.model.interaction import InteractionModel
from binding.model.weights import Member, Scorer, load_card, load_model, save_weights
from binding.training.losses import pose_rank_loss
from scripts.figures import ROOT, commit
from scripts.release.families import FOLDS

STRICT: Final = "binding-strict"
RUNS: Final = ROOT / "runs" / "pose"
DOCKED: Final = ROOT / "cache" / "docked.npz"
MODEL: Final[dict[str, Any]] = {
    "hidden_channels": 32,
    "num_heads": 4,
    "num_layers": 1,
    "ligand_layers": 2,
    "pocket_layers": 0,
    "dropout": 0.3,
    "pose_readout": "pairs",
}
#: Other settings of networks that stand beside the shipped one in the table.
VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "without_attention": {"num_layers": 0},
}
ALL: Final = "all"  # no fold is left out
NEAR: Final = 2.0  # Å from the crystal pose: a right pose
EPOCHS: Final = 2
COMPLEXES: Final = 4  # of a step
POSES, MOST_RIGHT = 9, 4  # of a complex in a step
RATE: Final = 1e-3
LAST_RATE: Final = 0.02  # of it
WARMUP: Final = 0.1  # of the run
DECAY: Final = 0.02  # of AdamW, of matrices
AVERAGE: Final = 0.995  # decay of the running average of the weights, which is what is kept


@dataclass(frozen=True, eq=False)
class Poses:
    """Docked poses by complex.

    Attributes:
        docked: Their graphs.
        right: (poses,) bool.
        rows: The poses of each complex, right and wrong ones among them.
    """

    docked: ComplexCache
    right: np.ndarray
    rows: list[np.ndarray]

    @classmethod
    def of(cls, docked: ComplexCache, name: str, fold: int | str) -> Poses:
        """The complexes that a network learns from.

        Args:
            docked: That of scripts.release.decoys, with the folds of scripts.release.families.
            name: Of the weights; `binding-strict` keeps to its rule.
            fold: That is left out, or ``ALL``.
        """
        table = docked.table
        kept = (table["origin"] != "native").to_numpy()
        if fold != ALL:
            kept = kept & (table["fold"].astype(int) != fold).to_numpy()
        if name == STRICT:
            kept = kept & (table["cleansplit_train"].astype(int) == 1).to_numpy()
        right = table["rmsd"].to_numpy(dtype=float) < NEAR
        groups = table.reset_index(drop=True)[kept].groupby("native").indices
        places = np.flatnonzero(kept)
        rows = [places[found] for _, found in sorted(groups.items())]
        return cls(docked, right, [found for found in rows if 0 < right[found].sum() < len(found)])

    def steps(self, generator: np.random.Generator) -> Iterator[list[np.ndarray]]:
        """An epoch: for each step the poses of its complexes."""
        order = generator.permutation(len(self.rows))
        for start in range(0, len(order), COMPLEXES):
            yield [self._drawn(self.rows[place], generator) for place in order[start : start + COMPLEXES]]

    def _drawn(self, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        if len(rows) <= POSES:
            return rows
        right = generator.permutation(rows[self.right[rows]])[:MOST_RIGHT]
        return np.concatenate([right, generator.permutation(rows[~self.right[rows]])[: POSES - len(right)]])


def logits(network: InteractionModel, graphs: Sequence[ComplexGraph]) -> Tensor:
    """(n,) of near-native poses; whatever the network would say of pk is not computed."""
    batch = collate(graphs)
    geometry = network.measure(batch)
    atoms, vectors = network.encode_ligand(batch, geometry)
    residues = network.encode_pocket(batch, geometry.reach)
    return network.interact(batch, geometry, atoms, vectors, residues, need_pk=False).pose_logit


def loss_of(logit: Tensor, right: Tensor, complexes: Tensor, share_right: float) -> Tensor:
    """Each pose by itself, and the right ones among those of each complex, (n,) each; their sum."""
    weight = torch.where(right, 0.5 / share_right, 0.5 / (1.0 - share_right))
    alone = nn.functional.binary_cross_entropy_with_logits(logit, right.float(), weight=weight)
    known = complexes == complexes.unique().unsqueeze(1)
    return alone + pose_rank_loss(logit, known & right, known)


def train(poses: Poses, config: ModelConfig, seed: int = 0) -> InteractionModel:
    """A network, the running average of its weights.

    Args:
        poses: What it learns from.
        config: Its sizes.
        seed: Of its first weights, of the draws and of dropout.
    """
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    network, average = InteractionModel(config), InteractionModel(config)
    average.load_state_dict(network.state_dict())
    matrices = [one for one in network.parameters() if one.ndim > 1]
    others = [one for one in network.parameters() if one.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE)
    steps = EPOCHS * math.ceil(len(poses.rows) / COMPLEXES)

    def rate(step: int) -> float:
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(step / steps, 1.0)))
        return min(1.0, (step + 1) / (WARMUP * steps)) * (LAST_RATE + (1.0 - LAST_RATE) * cosine)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    share_right = float(poses.right[np.concatenate(poses.rows)].mean())
    step = 0
    for _ in range(EPOCHS):
        for drawn in poses.steps(generator):
            rows = np.concatenate(drawn)
            complexes = torch.from_numpy(np.repeat(np.arange(len(drawn)), [len(one) for one in drawn]))
            logit = logits(network, [poses.docked.graph(int(row)) for row in rows])
            loss = loss_of(logit, torch.from_numpy(poses.right[rows]), complexes, share_right)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            with torch.no_grad():
                kept = min(AVERAGE, (step + 1) / (step + 10))
                torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1.0 - kept)
    return average.eval().requires_grad_(False)


def file_of(name: str, fold: int | str, variant: str = "") -> Path:
    """Where a network lies."""
    return RUNS / ("-".join(filter(None, (name.removeprefix("binding-"), variant, str(fold)))) + ".safetensors")


def settings(variant: str = "") -> dict[str, Any]:
    """All that a network of this script is trained with, but its rows."""
    return {
        "model": MODEL | VARIANTS.get(variant, {}),
        "epochs": EPOCHS,
        "complexes_a_step": COMPLEXES,
        "poses_of_a_complex": POSES,
        "learning_rate": RATE,
        "weight_decay": DECAY,
        "ema_decay": AVERAGE,
    }


@cache
def redocked() -> ComplexCache:
    """The docked poses; their graphs are built once."""
    return ComplexCache(DOCKED)


def trained(name: str, fold: int | str, variant: str = "") -> Path:
    """The file of a network, which is trained first where there is none.

    Raises:
        SystemExit: It is older than its rows.
    """
    file = file_of(name, fold, variant)
    if file.is_file() and DOCKED.is_file() and DOCKED.stat().st_mtime > file.stat().st_mtime:
        raise SystemExit(f"{file} is older than {DOCKED}, which it was trained on: move it away.")
    if not file.is_file():
        poses = Poses.of(redocked(), name, fold)
        seed = zlib.crc32(file.stem.encode()) % 2**31
        network = train(poses, ModelConfig.model_validate(settings(variant)["model"]), seed)
        about = settings(variant) | {"seed": seed, "complexes": len(poses.rows), "commit": commit()}
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(network.state_dict(), file, metadata={"about": json.dumps(about)})
    return file


def member_of(file: Path, released: ModelConfig, variant: str = "") -> Member:
    """A network as a member of released weights: its own sizes, pk joined as theirs."""
    joined = {name: getattr(released, name) for name in ("prior_weight", "network", "joining")}
    member = Member(ModelConfig.model_validate(settings(variant)["model"] | joined))
    member.interaction.load_state_dict(load_file(file))
    return member.eval().requires_grad_(False)


def without_folds(scorer: Scorer, name: str, variant: str = "") -> list[Scorer]:
    """The weights with the network that has not seen the families of a fold, for each fold.

    Args:
        scorer: Released weights.
        name: Theirs.
        variant: One of ``VARIANTS``, or the shipped settings.
    """
    files = (trained(name, fold, variant) for fold in range(FOLDS))
    return [scorer.with_parts(members=[member_of(file, scorer.config, variant)]) for file in files]


def about(file: Path) -> dict[str, Any]:
    """What a network was trained with."""
    with safe_open(file, "pt") as opened:
        return json.loads(opened.metadata()["about"])


def described(file: Path, member: Member) -> dict[str, Any]:
    """What a card says of a network: its configuration, how it was trained, and on how many complexes."""
    told = about(file)
    seed, complexes = told.pop("seed"), told.pop("complexes")
    return {
        "config": member.interaction.config.model_dump(mode="json"),
        "parameters_of_one_member": sum(tensor.numel() for tensor in member.state_dict().values()),
        "training": told,
        "members": [{"run": file.stem, "seed": seed, "rows": {"cache/docked.npz": complexes}}],
    }


def put(path: Path, file: Path) -> None:
    """Puts a network into weights, in place of those that are there."""
    scorer, card = load_model(path, device="cpu"), dict(load_card(path))
    member = member_of(file, scorer.config)
    card |= described(file, member) | {"num_members": 1, "commit": sorted({*card["commit"], commit()})}
    states = [member.state_dict()]
    save_weights(
        path, states, card, half=True, prior=scorer.prior, geometry=scorer.geometry, potential=scorer.potential
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", nargs="+", default=[STRICT, "binding-base"])
    parser.add_argument("--weights", type=Path, default=ROOT / "binding" / "weights")
    parser.add_argument("--variants", nargs="*", choices=sorted(VARIANTS), default=[])
    parser.add_argument("--train-only", action="store_true", help="leave the weights as they are")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with freed_memory_kept():
        for name in options.names:
            shipped = trained(name, ALL)
            if not options.train_only:
                put(options.weights / f"{name}.safetensors", shipped)
            for variant in ("", *options.variants):
                for fold in range(FOLDS):
                    print(trained(name, fold, variant), flush=True)


if __name__ == "__main__":
    main()

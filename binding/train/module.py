"""What Lightning trains: both networks of a ``Member`` on the same batches, each with its own loss."""

from __future__ import annotations

import copy
import math
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from binding.checkpoint import Member
from binding.config import TrainConfig
from binding.data.dataset import Labels
from binding.graph.batch import Batch
from binding.models.interaction import Output
from binding.train.losses import affinity_loss, decoy_loss, pair_loss, pose_loss, variance_loss

_LAST_RATE = 0.02  # of the peak, at the end of the cosine


class TrainingModule(lightning.LightningModule):
    """The member in training and the running average of its weights, which is what is validated and kept.

    Args:
        config: The run.
        total_steps: Length of the learning rate's schedule.
    """

    def __init__(self, config: TrainConfig, total_steps: int) -> None:
        super().__init__()
        self.config = config
        self.total_steps = total_steps
        self.member = Member(config.model)
        self.average = copy.deepcopy(self.member).requires_grad_(False).eval()
        self._predictions: list[tuple[Tensor, Tensor, Tensor]] = []

    def losses(self, output: Output, twin: Tensor, labels: Labels) -> dict[str, Tensor]:
        """Each term of the loss, unweighted."""
        config, wrong = self.config, labels.decoy & (labels.near_native == 0)
        exact = labels.weight * (labels.relation == 0)  # a bound has neither an error nor a difference
        return {
            "affinity": affinity_loss(output.pk, labels.pk, labels.weight, labels.relation, config.huber_delta),
            "variance": variance_loss(output.pk, output.log_variance, labels.pk, exact),
            "pose": pose_loss(output.pose_logit, labels.near_native),
            "decoy": decoy_loss(output.pk, labels.pk, wrong),
            "pair": pair_loss(output.pk, labels.pk, exact, labels.group, config.huber_delta),
            "ligand_only": affinity_loss(twin, labels.pk, labels.weight, labels.relation, config.huber_delta),
        }

    def training_step(self, batch: tuple[Batch, Labels], batch_idx: int) -> Tensor:
        # Dropout is seeded by the place in the run, so that a resumed run draws as the unbroken one would have.
        torch.manual_seed(self.config.seed * 1_000_003 + self.global_step)
        graphs, labels = batch
        terms = self.losses(self.member.interaction(graphs), self.member.ligand_only(graphs), labels)
        weights = {
            "affinity": 1.0,
            "variance": self.config.variance_weight,
            "pose": self.config.pose_weight,
            "decoy": self.config.decoy_weight,
            "pair": self.config.pair_weight,
            "ligand_only": 1.0,
        }
        self.log_dict(
            {f"train_{name}": term.detach() for name, term in terms.items()},
            on_step=False,
            on_epoch=True,
            batch_size=graphs.num_ligands,
        )
        return torch.stack([weight * terms[name] for name, weight in weights.items() if weight > 0]).sum()

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Clips the two networks apart, so that neither scales the other's step."""
        for network in (self.member.interaction, self.member.ligand_only):
            torch.nn.utils.clip_grad_norm_(network.parameters(), self.config.gradient_clip)

    def on_train_batch_end(self, *_: Any) -> None:
        decay = min(self.config.ema_decay, (1 + self.global_step) / (10 + self.global_step))
        with torch.no_grad():
            for averaged, current in zip(self.average.parameters(), self.member.parameters(), strict=True):
                averaged.lerp_(current, 1.0 - decay)

    def validation_step(self, batch: tuple[Batch, Labels], batch_idx: int) -> None:
        graphs, labels = batch
        output = self.average.interaction(graphs)
        self._predictions.append((output.pk, self.average.ligand_only(graphs), labels.pk))

    def on_validation_epoch_end(self) -> None:
        if not self._predictions:
            return
        pk, twin, target = (torch.cat(parts) for parts in zip(*self._predictions, strict=True))
        self._predictions.clear()
        self.log_dict(
            {
                "val_rmse": (pk - target).square().mean().sqrt(),
                "val_r": _pearson(pk, target),
                "val_rmse_ligand_only": (twin - target).square().mean().sqrt(),
                "val_r_ligand_only": _pearson(twin, target),
            },
            prog_bar=True,
        )

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        return tuple(part.to(device) for part in batch)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        config = self.config
        optimizer = torch.optim.AdamW(
            self.member.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

        def rate(step: int) -> float:
            warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
            cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / max(1, self.total_steps))))
            return warm * (_LAST_RATE + (1.0 - _LAST_RATE) * cosine)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _pearson(first: Tensor, second: Tensor) -> Tensor:
    if len(first) < 2:
        return first.new_zeros(())
    return torch.corrcoef(torch.stack([first.float(), second.float()]))[0, 1].nan_to_num()

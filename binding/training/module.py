"""What Lightning trains: both networks of a ``Member`` on the same batches, each with its own loss."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.distributed import ProcessGroup

from binding.config import TrainConfig
from binding.data.datamodule import ComplexDataModule
from binding.data.resident import Poses, ResidentGraphs
from binding.errors import TrainingError
from binding.model.weights import Member
from binding.training import parts
from binding.training.attention import attention_entropy, entropy_sums, warn_of_collapse
from binding.training.averages import Averages
from binding.training.gather import SharedBatch, host_group, sum_over_processes, world_size
from binding.training.losses import (
    HUBER_DELTA,
    affinity_loss,
    decoy_loss,
    pair_loss,
    pose_loss,
    pose_rank_loss,
    variance_loss,
)

GRADIENT_CLIP = 1.0  # the largest gradient norm, of each of the two networks
_VARIANCE_WEIGHT = 0.1  # of the likelihood that trains pk_std
_POSE_WEIGHT = 0.2  # of near-native against wrong poses, each by itself
_WEIGHT_DECAY = 0.01  # of AdamW
_LAST_RATE = 0.02  # of the peak, at the end of the cosine
_CHECKED_EVERY = 50  # steps, whether gradients are finite: to look makes the host wait for the device
_LONGEST_WARMUP = 0.1  # of the run, so that a short one does not end before it has begun


@dataclass(frozen=True, eq=False)
class Predicted:
    """The inputs of the loss for the B complexes of a batch over all processes.

    Attributes:
        pk, log_variance, pose_logit: (B,), of the interaction model, see its ``Output``.
        ligand_only: (B,), pK, of the twin, or of the prior, which then sees the ligand alone.
    """

    pk: Tensor
    log_variance: Tensor
    pose_logit: Tensor
    ligand_only: Tensor


class TrainingModule(lightning.LightningModule):
    """The member in training and the running average of its weights, which is what is validated and kept.

    Args:
        config: The run.
        total_steps: Length of the learning rate's schedule.
        state: Weights to start from, by their names in a ``Member``; the others are initialised at random.
        peak: Highest learning rate; None for that of the settings.

    Attributes:
        resident: The graphs, where they lie on the device; set when a trainer begins.
    """

    def __init__(
        self,
        config: TrainConfig,
        total_steps: int,
        state: dict[str, Tensor] | None = None,
        peak: float | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.total_steps = total_steps
        self.peak = config.learning_rate if peak is None else peak
        self.resident: ResidentGraphs | None = None
        self.member = Member(config.model)
        if state is not None:
            self.member.load_state_dict(self.member.state_dict() | state)
        self.member.interaction.save_memory(config.checkpointing, config.attention_chunk)
        self.average = copy.deepcopy(self.member).requires_grad_(False).eval()
        if config.trainable == "readouts":
            parts.freeze_all_but_readouts(self.member)
        self._predictions: list[Tensor] = []
        self._terms, self._norms, self._attention = Averages(), Averages(), Averages()
        self._host_group: ProcessGroup | None = None

    def predict(self, member: Member, batch: SharedBatch, watch_attention: bool = False) -> Predicted:
        """Predictions of a batch, those of the other processes joined to them, in 32 bits.

        With ``watch_attention`` the entropy of the attention weights goes into the log.
        """
        output = member.interaction(batch.graphs, need_attention=watch_attention)
        if watch_attention:
            sums = entropy_sums(output)
            self._log_attention(sum_over_processes(sums * 0.0 if batch.is_filler else sums))
        alone = batch.own.alone if member.ligand_only is None else member.ligand_only(batch.graphs)
        model = self.config.model
        pk = model.network_weight * output.pk + model.prior_weight * batch.own.start
        own = [pk, output.log_variance, output.pose_logit, alone]
        return Predicted(*batch.share(torch.stack([column.float() for column in own], dim=1)).unbind(1))

    def losses(self, predicted: Predicted, batch: SharedBatch) -> dict[str, Tensor]:
        """Each term of the loss, unweighted."""
        labels, chosen = batch.labels, batch.chosen
        exact = labels.weight * (labels.relation == 0)  # a bound has neither an error nor a difference
        pk, twin = predicted.pk, predicted.ligand_only
        return {
            "affinity": affinity_loss(pk, labels.pk, labels.weight, labels.relation, HUBER_DELTA),
            "variance": variance_loss(pk, predicted.log_variance, labels.pk, exact),
            "pose": pose_loss(predicted.pose_logit, labels.near_native, chosen.posed),
            "pose_rank": pose_rank_loss(predicted.pose_logit, chosen.right, chosen.known),
            "decoy": decoy_loss(pk, labels.pk, chosen.wrong),
            "pair": pair_loss(pk, labels.pk, chosen.pairs, HUBER_DELTA),
            "ligand_only": affinity_loss(twin, labels.pk, labels.weight, labels.relation, HUBER_DELTA),
        }

    def training_step(self, batch: SharedBatch, batch_idx: int) -> Tensor:
        # Dropout is seeded by the place in the run, so that a resumed run draws as the unbroken one would have.
        torch.manual_seed((self.config.seed * 1_000_003 + self.global_step) * 1_009 + self.global_rank)
        terms = self.losses(self.predict(self.member, batch, watch_attention=batch_idx == 0), batch)
        weights = {
            "affinity": 1.0,
            "variance": _VARIANCE_WEIGHT,
            "pose": _POSE_WEIGHT,
            "pose_rank": self.config.pose_rank_weight,
            "decoy": self.config.decoy_weight,
            "pair": self.config.pair_weight,
            "ligand_only": 0.0 if self.member.ligand_only is None else 1.0,
        }
        self._terms.add({f"train_{name}": term for name, term in terms.items()}, len(batch.kept))
        total = torch.stack([weight * terms[name] for name, weight in weights.items() if weight > 0]).sum()
        return total * world_size()  # see SharedBatch.share

    def _log_attention(self, sums: Tensor) -> None:
        """The mean over all heads, and the head that chooses most narrowly, of the first batch of an epoch."""
        entropy = attention_entropy(sums)
        known = entropy[torch.isfinite(entropy)]
        if not len(known):  # no layers, or no pairs
            return
        self._attention.add({"attention_entropy": known.mean(), "attention_entropy_lowest": known.min()})
        if self.global_rank == 0:
            warn_of_collapse(entropy)

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Clips the two networks separately, so that neither scales the other's step; the log has the norms before."""
        self._norms.add(self.clip())
        if self.global_step % _CHECKED_EVERY == 0:
            self._refuse_divergence()

    def clip(self) -> dict[str, Tensor]:
        """Clips the gradients; norms before that, by part."""
        norms = parts.clip_gradients(self.member, GRADIENT_CLIP)
        return {f"gradient_{part}": norm for part, norm in norms.items()}

    def _refuse_divergence(self) -> None:
        """A norm that was not finite leaves no finite sum."""
        if not all(bool(torch.isfinite(sums).all()) for sums in self._norms.sums()):
            raise TrainingError(
                f"Training has diverged: a gradient was not finite in step {self.global_step} or shortly before.",
                "Lower learning_rate, or set precision: fp32.",
            )

    def epoch_means(self) -> dict[str, float]:
        """Means over the epoch so far: terms of the loss, gradient norms, and of its first batch the attention.

        Raises:
            TrainingError: ``diverged``.
        """
        self._refuse_divergence()
        return self._terms.means() | self._norms.means() | self._attention.means()

    def on_fit_start(self) -> None:
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, ComplexDataModule)
        self.resident = data.resident(self.trainer.strategy.root_device)
        self._host_group = host_group()

    def on_train_epoch_start(self) -> None:
        for averages in (self._terms, self._norms, self._attention):
            averages.clear()

    def on_train_epoch_end(self) -> None:
        self.log_dict(self.epoch_means())

    def on_train_batch_end(self, *_: Any) -> None:
        decay = min(self.config.ema_decay, (1 + self.global_step) / (10 + self.global_step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.member.parameters()), 1.0 - decay)

    def validation_step(self, batch: SharedBatch, batch_idx: int) -> None:
        predicted, labels = self.predict(self.average, batch), batch.labels
        exact = labels.relation == 0  # a bound has no error
        self._predictions.append(torch.stack([predicted.pk, predicted.ligand_only, labels.pk])[:, exact])

    def on_validation_epoch_end(self) -> None:
        if not self._predictions:
            return
        pk, twin, target = torch.cat(self._predictions, dim=1)
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

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> SharedBatch:
        graphs, labels = batch
        if isinstance(graphs, Poses):
            assert self.resident is not None, "poses alone come where the graphs are on the device"
            graphs = self.resident.batch(graphs)
        return SharedBatch.of(graphs, labels, device, self._host_group)

    def rate(self, step: int) -> float:
        """The learning rate of a step as a share of its peak: linear warm-up, then a cosine."""
        warmup = min(self.config.warmup_steps, int(_LONGEST_WARMUP * self.total_steps))
        warm = min(1.0, (step + 1) / max(1, warmup))
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / max(1, self.total_steps))))
        return warm * (_LAST_RATE + (1.0 - _LAST_RATE) * cosine)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        config = self.config
        groups = parts.optimizer_groups(self.member, self.peak, config.learning_rates)
        optimizer = torch.optim.AdamW(groups, weight_decay=_WEIGHT_DECAY, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _pearson(first: Tensor, second: Tensor) -> Tensor:
    if len(first) < 2:
        return first.new_zeros(())
    return torch.corrcoef(torch.stack([first.float(), second.float()]))[0, 1].nan_to_num()

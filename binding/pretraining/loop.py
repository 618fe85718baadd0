"""The loop of pre-training: epochs of one task, its log and its checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import torch

from binding.callbacks import Advance
from binding.data.dataset import chunks
from binding.errors import TrainingError
from binding.files import atomic
from binding.pretraining.tasks import Task
from binding.training.keep import save_checkpoint

_WARMUP: Final = 0.1  # of the steps
_START_RATE: Final = 25.0  # the peak over it
_LAST_RATE: Final = 0.02  # of the peak
_WEIGHT_DECAY: Final = 0.01
_GRADIENT_CLIP: Final = 1.0


class Loop:
    """A task in training.

    Args:
        task: The task to learn.
        seed: Seed of the run.
        device: Device to train on.
    """

    def __init__(self, task: Task, seed: int, device: torch.device) -> None:
        self.task, self.seed, self.device = task, seed, device
        self.network = task.network.to(device)
        self.steps = -(-len(task.train) // task.settings.batch_size)
        rate = task.settings.learning_rate
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=rate, weight_decay=_WEIGHT_DECAY)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            max_lr=rate,
            total_steps=max(2, task.settings.epochs * self.steps),
            pct_start=_WARMUP,
            div_factor=_START_RATE,
            final_div_factor=1.0 / (_LAST_RATE * _START_RATE),
            cycle_momentum=False,
        )
        self.log: list[dict[str, float]] = []

    def resume(self, checkpoint: Path) -> None:
        """Goes on from a checkpoint of ``keep``."""
        # weights_only: the checkpoint is our own file, and holds tensors and numbers only.
        kept = torch.load(checkpoint, map_location=self.device, weights_only=True)
        for name in ("network", "optimizer", "schedule"):
            getattr(self, name).load_state_dict(kept[name])
        self.log = kept["log"]

    def keep(self, checkpoint: Path, table: Path) -> None:
        """Writes the log and the checkpoint, each atomically."""
        with atomic(table, resumes=True) as partial:
            pd.DataFrame(self.log).to_csv(partial, index=False, float_format="%.6g")
        states = {name: getattr(self, name).state_dict() for name in ("network", "optimizer", "schedule")}
        save_checkpoint(checkpoint, states | {"log": self.log})

    def epoch(self, progress: Advance) -> None:
        """One pass over the rows, which adds a row to the log.

        Raises:
            TrainingError: ``diverged``.
        """
        number, total = len(self.log), len(self.task.train)
        # What an epoch draws depends on seed and epoch alone, so that a run that goes on draws as the unbroken one.
        torch.manual_seed(self.seed * 1_000_003 + number)
        generator = np.random.default_rng([self.seed, number])
        order = generator.permutation(total)
        self.network.train()
        row: dict[str, float] = {}
        for step, rows in enumerate(chunks(order, self.task.settings.batch_size), start=1):
            for name, value in self._step(rows, generator).items():
                row[f"train_{name}"] = row.get(f"train_{name}", 0.0) + value * len(rows) / total
            progress(step, self.steps)
        self.log.append({"epoch": float(number), **row, **self.figures()})

    def _step(self, rows: np.ndarray, generator: np.random.Generator) -> dict[str, float]:
        terms = self.task.terms(rows, generator, self.device)
        self.optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), _GRADIENT_CLIP)
        if not bool(torch.isfinite(norm)):
            raise TrainingError(
                f"Pre-training of the {self.task.name} encoder has diverged: a gradient is not finite.",
                "Lower its learning_rate.",
            )
        self.optimizer.step()
        self.schedule.step()
        return {name: float(term.detach()) for name, term in terms.items()}

    def figures(self) -> dict[str, float]:
        """Figures of the held-out rows; empty where there are none."""
        if not len(self.task.held_out):
            return {}
        self.network.eval()
        with torch.inference_mode():
            return self.task.measure(self.device)

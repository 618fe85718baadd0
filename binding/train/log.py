"""``metrics.csv``: what each epoch came to, kept over interruptions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import lightning
import pandas as pd
from lightning.pytorch.callbacks import Callback


class EpochLog(Callback):
    """Writes a row an epoch. Lightning's own CSV logger deletes the earlier rows where a run goes on.

    Args:
        path: The table; a run that goes on keeps the rows of the epochs before, a new one begins it anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: list[dict[str, Any]] = []

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._rows = []
        if trainer.current_epoch > 0 and self.path.is_file():
            before = pd.read_csv(self.path)
            kept = before[before["epoch"] < trainer.current_epoch]
            self._rows = [{str(name): value for name, value in row.items()} for row in kept.to_dict("records")]

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        figures = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        self._rows.append(
            {"epoch": trainer.current_epoch, "step": trainer.global_step, "learning_rate": rate, **figures}
        )
        partial = self.path.with_name(self.path.name + ".partial")
        pd.DataFrame(self._rows).to_csv(partial, index=False, float_format="%.6g")
        os.replace(partial, self.path)

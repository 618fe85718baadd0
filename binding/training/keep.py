"""What a run keeps while it runs, so that it can be stopped at any moment: ``metrics.csv`` and checkpoints."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import lightning
import pandas as pd
import torch
import yaml
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pydantic import BaseModel

from binding.errors import ConfigError
from binding.files import atomic, write_bytes, write_text
from binding.training.module import TrainingModule

LAST = "last"
BEST = "best"
_MONITORED = "val_rmse"


def save_checkpoint(path: Path, checkpoint: dict[str, Any]) -> None:
    """Writes a checkpoint whole or not at all.

    Raises:
        WriteError: ``disk_full`` or ``not_writable``.
    """
    content = io.BytesIO()  # written to a file, torch reports a full disk as an error of its own, without the reason
    torch.save(checkpoint, content)
    write_bytes(path, content.getvalue(), resumes=True)


def keep_settings(
    config: BaseModel, output: Path, free: Collection[str], before: Callable[[Path], Mapping[str, Any]] | None
) -> None:
    """Writes the resolved settings of a run, and refuses to go on with one that had others.

    Args:
        config: The settings.
        output: The run's folder; they are in its ``config.yaml``.
        free: Settings that may change when a run goes on.
        before: Reads the settings of the run that goes on; None where none does.

    Raises:
        ConfigError: Settings other than ``free`` have changed.
    """
    path = output / "config.yaml"
    settings = config.model_dump(mode="json")
    if before is not None and path.is_file():
        old = before(path)
        changed = [key for key in settings if key not in free and old.get(key) != settings[key]]
        if changed:
            raise ConfigError(
                f"{output} holds a run with other settings ({', '.join(changed)}).",
                "Name another output, or start over with --restart.",
            )
    write_text(path, yaml.safe_dump(settings, sort_keys=False), resumes=True)


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints atomically: a checkpoint is either complete or absent."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        save_checkpoint(Path(path), checkpoint)


class EpochLog(Callback):
    """Writes a row an epoch. Lightning's own CSV logger deletes the earlier rows where a run goes on.

    The row is written before the checkpoint of its epoch: a run that is killed between the two does the epoch again,
    and writes the row again.

    Args:
        path: The table; a resumed run keeps the rows of earlier epochs, a new run replaces it.
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
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, TrainingModule)
        found = {name: float(value) for name, value in trainer.callback_metrics.items()} | pl_module.epoch_means()
        figures = dict(sorted(found.items()))
        rate = pl_module.peak * pl_module.rate(trainer.global_step)
        self._rows.append(
            {"epoch": trainer.current_epoch, "step": trainer.global_step, "learning_rate": rate, **figures}
        )
        with atomic(self.path, resumes=True) as partial:
            pd.DataFrame(self._rows).to_csv(partial, index=False, float_format="%.8g")


class Patience(EarlyStopping):
    """Stops after so many epochs without a better validation; a run that had stopped stays stopped."""

    def __init__(self, epochs: int) -> None:
        super().__init__(_MONITORED, patience=epochs, check_on_train_epoch_end=True)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True


def checkpoints(folder: Path, best: bool) -> list[ModelCheckpoint]:
    """``last.ckpt`` of every epoch, to go on from, and ``best.ckpt``.

    ``last.ckpt`` is written last: it names the best epoch, so that epoch has to be on the disk before.

    Args:
        folder: Folder for the checkpoints.
        best: Whether to keep the best epoch too.
    """
    common: dict[str, Any] = {"dirpath": folder, "enable_version_counter": False, "save_on_train_epoch_end": True}
    last = ModelCheckpoint(filename=LAST, every_n_epochs=1, save_top_k=1, **common)
    if not best:
        return [last]
    return [ModelCheckpoint(filename=BEST, monitor=_MONITORED, save_weights_only=True, **common), last]

"""A training run from its settings to weights that `predict` can use."""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pandas as pd
import torch
import yaml
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar
from pydantic import ValidationError

from binding import __version__
from binding.checkpoint import Member, Scorer, save_weights
from binding.config import TrainConfig
from binding.data.datamodule import ComplexDataModule
from binding.data.dataset import BucketSampler, ComplexDataset
from binding.errors import ConfigError
from binding.metrics import regression_metrics
from binding.train.log import EpochLog
from binding.train.module import TrainingModule


@dataclass(frozen=True)
class TrainResult:
    """What a run left behind.

    Attributes:
        weights: ``model.safetensors``, its card beside it.
        predictions: CSV of the held-out rows, or None where nothing was held out.
        metrics: Of the held-out rows: the model and its ligand-only twin.
        interrupted: Whether it was stopped before its end; the same command goes on.
    """

    weights: Path
    predictions: Path | None
    metrics: dict[str, Any]
    interrupted: bool


def train(config: TrainConfig, *, progress: bool = True, restart: bool = False) -> TrainResult:
    """Trains, or goes on with a run that was stopped, and writes weights, card, log and held-out predictions.

    The folder ``config.output`` holds ``config.yaml``, ``last.ckpt``, ``metrics.csv``, ``model.safetensors`` with
    ``model.json``, and ``validation.csv``.

    Args:
        config: The run.
        progress: Whether to draw a progress bar.
        restart: Start anew even where a checkpoint exists.

    Raises:
        BindingError: A cache or a setting cannot be used, or the folder holds a run with other settings.
    """
    output = Path(config.output)
    output.mkdir(parents=True, exist_ok=True)
    checkpoint = output / "last.ckpt"
    if restart:
        checkpoint.unlink(missing_ok=True)
    _keep_settings(config, output, resumed=checkpoint.is_file())
    if config.threads:
        torch.set_num_threads(config.threads)
    lightning.seed_everything(config.seed, verbose=False)
    data = ComplexDataModule(config)
    steps = config.epochs * len(BucketSampler(data.train_set, config.batch_size))
    module = TrainingModule(config, steps)
    trainer = _trainer(config, output, progress, validates=len(data.validation_set) > 0)
    with warnings.catch_warnings():
        # The loaders have no workers on purpose: a batch takes a few ms to join, against some 300 to train on.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*`training_step`.*batch size.*")
        # What follows is meant: the folder of a run that goes on is not empty, the average is in evaluation mode, and
        # batches are of our own kind.
        warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
        warnings.filterwarnings("ignore", message=r"Found \d+ module\(s\) in eval mode")
        warnings.filterwarnings("ignore", message="You have overridden `transfer_batch_to_device`")
        warnings.filterwarnings("ignore", message="Total length of `list` across ranks is zero")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated")  # Lightning's use of torch
        _fit(trainer, module, data, checkpoint)
    if trainer.interrupted:
        return TrainResult(output / "model.safetensors", None, {}, interrupted=True)
    best = output / "best.ckpt"
    if config.patience is not None and best.is_file():
        module.load_state_dict(torch.load(best, weights_only=True)["state_dict"])
    return _finish(config, module, data, output)


def _fit(trainer: lightning.Trainer, module: TrainingModule, data: ComplexDataModule, checkpoint: Path) -> None:
    """Runs the trainer; an interrupt (Ctrl-C) comes back as ``trainer.interrupted``."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        # weights_only: the checkpoint is our own file, and holds tensors and numbers only.
        trainer.fit(module, data, ckpt_path=checkpoint if checkpoint.is_file() else None, weights_only=True)
    except SystemExit:
        # Lightning ends the whole process with 1 on an interrupt, and ignores further ones.
        if not trainer.interrupted:
            raise
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


def _keep_settings(config: TrainConfig, output: Path, resumed: bool) -> None:
    """Writes the resolved settings, and refuses to go on with a run that had others."""
    path = output / "config.yaml"
    settings = config.model_dump(mode="json")
    if resumed and path.is_file():
        before = _settings_before(path)
        free = {"threads", "output"}
        changed = [key for key in settings if key not in free and before.get(key) != settings[key]]
        if changed:
            raise ConfigError(
                f"{output} holds a run with other settings ({', '.join(changed)})",
                "name another output, or start anew with --restart",
            )
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")


def _settings_before(path: Path) -> dict[str, Any]:
    """The settings of a run that was stopped; those that are newer than the run have their defaults."""
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return TrainConfig.model_validate(settings).model_dump(mode="json")
    except ValidationError:  # a setting that is gone since: the comparison will name it
        return settings


def _trainer(config: TrainConfig, output: Path, progress: bool, validates: bool) -> lightning.Trainer:
    callbacks: list[Callback] = [
        EpochLog(output / "metrics.csv"),
        ModelCheckpoint(dirpath=output, filename="last", every_n_epochs=1, save_top_k=1, enable_version_counter=False),
    ]
    if progress:
        callbacks.append(TQDMProgressBar(refresh_rate=20))
    if config.patience is not None:
        if not validates:
            raise ConfigError("patience needs validation rows", "set validation, or leave patience empty")
        callbacks.append(EarlyStopping("val_rmse", patience=config.patience))
        callbacks.append(
            ModelCheckpoint(
                dirpath=output,
                filename="best",
                monitor="val_rmse",
                enable_version_counter=False,
                save_weights_only=True,
            )
        )
    precision = config.precision
    if precision == "auto":
        precision = "bf16-mixed" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "32-true"
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    return lightning.Trainer(
        max_epochs=config.epochs,
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=1,
        precision=precision,  # type: ignore[arg-type]
        gradient_clip_val=config.gradient_clip,
        callbacks=callbacks,
        logger=False,  # see EpochLog
        enable_progress_bar=progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=10**9,
        reload_dataloaders_every_n_epochs=1,
    )


def _finish(config: TrainConfig, module: TrainingModule, data: ComplexDataModule, output: Path) -> TrainResult:
    """Predictions of the held-out rows, the calibration that follows from them, weights and card."""
    card: dict[str, Any] = {
        "name": output.name,
        "version": __version__,
        "commit": _commit(),
        "config": config.model.model_dump(mode="json"),
        "training": config.model_dump(mode="json", exclude={"model", "threads"}),
        "rows": {str(s.cache): n for s, n in zip(config.sources, _rows_by_source(data.train_set), strict=True)},
    }
    predictions, metrics = None, {}
    if len(data.validation_set):
        predictions = output / "validation.csv"
        table = predict_rows(Scorer(output.name, {}, [_copy(module.average)]), data.validation_set)
        table.to_csv(predictions, index=False, float_format="%.5f")
        error = (table["pk"] - table["pk_true"]).to_numpy()
        scale = float(np.sqrt(np.mean((error / table["pk_std"].to_numpy()) ** 2)))
        card["calibration"] = {"std_scale": scale, "rows": len(table)}
        metrics = {
            "pk": regression_metrics(table["pk_true"].to_numpy(), table["pk"].to_numpy()),
            "pk_ligand_only": regression_metrics(table["pk_true"].to_numpy(), table["pk_ligand_only"].to_numpy()),
        }
        card["validation"] = {"rows": len(table), **metrics}
    weights = output / "model.safetensors"
    save_weights(weights, [module.average.state_dict()], card)
    return TrainResult(weights, predictions, metrics, interrupted=False)


def predict_rows(scorer: Scorer, rows: ComplexDataset, batch_size: int = 64) -> pd.DataFrame:
    """Scores rows of caches.

    Args:
        scorer: The model.
        rows: What to score.
        batch_size: Complexes a batch.

    Returns:
        One row each, in order: ``source``, ``id``, ``pk_true``, ``relation``, ``pk``, ``pk_std``,
        ``pk_ligand_only``, ``pose``, ``heavy_atoms``.
    """
    columns = ("pk", "pk_std", "pk_ligand_only", "pose")
    values = np.zeros((len(rows), len(columns)))
    for batch in BucketSampler(rows, batch_size, shuffle=False):
        scores = scorer.score([rows[index].graph for index in batch])
        values[batch] = np.stack([getattr(scores, name) for name in columns], axis=1)
    records = [rows.caches[source].table.iloc[row] for source, row in rows.items]
    head = pd.DataFrame(
        {
            "source": [record["source"] for record in records],
            "id": [record["id"] for record in records],
            "pk_true": [float(record["pk"]) for record in records],
            "relation": [record["relation"] for record in records],
        }
    )
    return head.join(pd.DataFrame(values, columns=columns)).assign(heavy_atoms=rows.sizes)


def _copy(member: Member) -> Member:
    """The same weights on the CPU, free of the trainer."""
    copy = Member(member.interaction.config)
    copy.load_state_dict(member.state_dict())
    return copy


def _rows_by_source(rows: ComplexDataset) -> list[int]:
    return np.bincount([source for source, _ in rows.items], minlength=len(rows.sources)).tolist()


def _commit() -> str:
    """The commit of the code that trains, where it runs from a checkout."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()

"""A training run from its settings to weights that `predict` can use."""

from __future__ import annotations

import errno
import importlib.util
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from lightning.pytorch.callbacks import Callback, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from pydantic import ValidationError

from binding.config import TrainConfig
from binding.data.datamodule import ComplexDataModule
from binding.errors import ConfigError, UsageError
from binding.files import FULL_DISK, make_folder, write_error
from binding.memory import freed_memory_kept
from binding.metrics import MIN_ROWS
from binding.model.ensemble import Member
from binding.training.encoders import load_encoders
from binding.training.finish import TrainResult, finish
from binding.training.keep import BEST, LAST, EpochLog, Patience, WholeCheckpoints, checkpoints, keep_settings
from binding.training.largest import largest_batch
from binding.training.module import GRADIENT_CLIP, TrainingModule
from binding.training.start import Start, load_start

#: Settings that may change when a run goes on: they say where and how it runs, not what it computes.
_FREE = {
    "threads",
    "output",
    "device",
    "devices",
    "tensorboard",
    "workers",
    "graphs",
    "checkpointing",
    "attention_chunk",
}
#: Files of a run. One that starts over removes them, so that no weights of other settings lie beside its own.
_MADE = (
    f"{LAST}.ckpt",
    f"{BEST}.ckpt",
    "metrics.csv",
    "model.safetensors",
    "model.json",
    "model.domain.npz",
    "model.evidence.npz",
    "validation.csv",
)
_PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed"}
_NOT_WRITTEN = {*FULL_DISK, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG}


def train(config: TrainConfig, *, progress: bool = True, restart: bool = False) -> TrainResult:
    """Trains, or goes on with a run that was stopped, and writes weights, card, log and held-out predictions.

    The folder ``config.output`` holds ``config.yaml``, ``last.ckpt``, ``metrics.csv``, ``model.safetensors`` with
    ``model.json``, and ``validation.csv``. With ``config.devices`` above one, the program that calls this is
    started again for each further device, with the same arguments.

    Args:
        config: The run.
        progress: Whether to draw a progress bar.
        restart: Start over: what an earlier run left in the folder is removed.

    Raises:
        BindingError: A cache, weights or a setting cannot be used, or the folder holds a run with other settings.
        TrainingError: ``diverged``.
        WriteError: The disk is full, or the folder cannot be written to.
    """
    try:
        return _train(config, progress, restart)
    except OSError as error:
        if error.errno not in _NOT_WRITTEN:
            raise
        raise write_error(Path(error.filename or config.output), error, resumes=True) from None


def _train(config: TrainConfig, progress: bool, restart: bool) -> TrainResult:
    start = load_start(config)
    if start is not None:
        config = config.model_copy(update={"model": start.model})
    output = Path(config.output)
    checkpoint = output / f"{LAST}.ckpt"
    trainer = _trainer(config, output, progress)
    if trainer.is_global_zero:
        make_folder(output, resumes=True)
        if restart:
            for name in _MADE:  # the checkpoint first: without it nothing goes on
                (output / name).unlink(missing_ok=True)
    weights = output / "model.safetensors"  # a run that trains no network has no checkpoint
    before = _settings_before if checkpoint.is_file() or weights.is_file() else None
    if config.threads:
        torch.set_num_threads(config.threads)
    lightning.seed_everything(config.seed, verbose=False)
    data = ComplexDataModule(config, None if start is None else start.prior)
    if start is not None and config.trainable == "none":
        return _taught(config, data, start, trainer, before)
    if config.batch_atoms == "auto":
        config = data.config = config.model_copy(update={"batch_atoms": _atoms(config, data, before)})
    if trainer.is_global_zero:
        keep_settings(config, output, _FREE, before)
    _check_patience(config, data)
    state = load_encoders(config.encoders, config.model) if start is None else start.state
    module = TrainingModule(config, data.total_steps(), state, data.peak_rate())
    with warnings.catch_warnings(), freed_memory_kept():
        _silence()
        _fit(trainer, module, data, checkpoint)
    result = TrainResult(weights, interrupted=trainer.interrupted, rank=trainer.global_rank)
    if result.interrupted or result.rank > 0:
        return result
    best = output / f"{BEST}.ckpt"
    if config.patience is not None and best.is_file():
        module.load_state_dict(torch.load(best, weights_only=True)["state_dict"])
    return finish(config, module.average, data, start)


def _taught(
    config: TrainConfig,
    data: ComplexDataModule,
    start: Start,
    trainer: lightning.Trainer,
    before: Callable[[Path], dict[str, Any]] | None,
) -> TrainResult:
    """The weights that the run starts from, their prior and geometry expert taught its rows; no network is trained.

    Raises:
        ConfigError: They have neither, or the run leaves the expert as it is too.
    """
    if start.prior is None and not (start.geometry is not None and config.geometry):
        raise ConfigError(
            f"trainable: none leaves nothing to learn: {config.init} has no prior, and no geometry expert that may.",
            "Set trainable: all or readouts.",
        )
    output = Path(config.output)
    if not trainer.is_global_zero:
        return TrainResult(output / "model.safetensors", rank=trainer.global_rank)
    keep_settings(config, output, _FREE, before)
    member = Member(config.model)
    member.load_state_dict(start.state)
    return finish(config, member, data, start)


def _atoms(config: TrainConfig, data: ComplexDataModule, before: Callable[[Path], dict[str, Any]] | None) -> int:
    """What ``batch_atoms: auto`` stands for: in a run that goes on, what it stood for before, whatever the device."""
    kept = None if before is None else before(Path(config.output) / "config.yaml").get("batch_atoms")
    return kept if isinstance(kept, int) else largest_batch(config, data.train_set, _on_gpu(config))


def _silence() -> None:
    """Silences Lightning's warnings about what is intended."""
    for message in (
        # On a CPU the loaders have no workers on purpose: a batch takes a few ms to join, against 300 to train on.
        ".*does not have many workers.*",
        ".*`training_step`.*batch size.*",
        # The folder of a run that goes on is not empty, the average is in evaluation mode, batches are of our own
        # kind, and what is logged is of all processes already.
        "Checkpoint directory .* exists and is not empty",
        r"Found \d+ module\(s\) in eval mode",
        "You have overridden `transfer_batch_to_device`",
        "Total length of `list` across ranks is zero",
        ".*sync_dist=True.*",
        ".*find_unused_parameters=True was specified.*",
        "The number of training batches .* is smaller than the logging interval",  # an epoch is what is logged
        ".*LeafSpec.*is deprecated",  # Lightning's use of torch
    ):
        warnings.filterwarnings("ignore", message=message)


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


def _settings_before(path: Path) -> dict[str, Any]:
    """The settings of a run that was stopped; those that are newer than the run have their defaults."""
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return TrainConfig.model_validate(settings).model_dump(mode="json")
    except ValidationError:  # a setting that is gone since: the comparison will name it
        return settings


def _check_patience(config: TrainConfig, data: ComplexDataModule) -> None:
    if config.patience is None:
        return
    exact = int((data.validation_set.relations == 0).sum())
    if exact < MIN_ROWS:
        raise ConfigError(
            f"patience needs at least {MIN_ROWS} validation rows with an exact measurement, and there are {exact}.",
            "Set validation, or leave patience empty.",
        )


def _trainer(config: TrainConfig, output: Path, progress: bool) -> lightning.Trainer:
    callbacks: list[Callback] = [EpochLog(output / "metrics.csv")]
    if progress:
        callbacks.append(TQDMProgressBar(refresh_rate=20))
    if config.patience is not None:
        callbacks.append(Patience(config.patience))
    callbacks.extend(checkpoints(output, best=config.patience is not None))
    on_gpu = _on_gpu(config)
    devices, machines = processes(config.devices)
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if on_gpu and torch.cuda.is_bf16_supported() else "fp32"
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    return lightning.Trainer(
        max_epochs=config.epochs,
        accelerator="gpu" if on_gpu else "cpu",
        devices=devices,
        num_nodes=machines,
        # Which parameters a batch reaches depends on the settings; buffers are constants.
        strategy=DDPStrategy(find_unused_parameters=True, broadcast_buffers=False)
        if devices * machines > 1
        else "auto",
        use_distributed_sampler=False,  # see Shards
        deterministic=config.deterministic,
        precision=_PRECISIONS[precision],  # type: ignore[arg-type]
        gradient_clip_val=GRADIENT_CLIP,
        callbacks=callbacks,
        plugins=[WholeCheckpoints()],
        logger=_tensorboard(output) if config.tensorboard else False,  # see EpochLog
        enable_progress_bar=progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=10**9,
        reload_dataloaders_every_n_epochs=1,
    )


def processes(devices: int) -> tuple[int, int]:
    """Processes on this machine, and machines: as torchrun or Slurm has started them, else ``devices`` on one.

    Raises:
        UsageError: Slurm runs another number of tasks on each machine.
    """
    found = os.environ
    if "TORCHELASTIC_RUN_ID" in found:
        here = int(found["LOCAL_WORLD_SIZE"])
        return here, int(found["WORLD_SIZE"]) // here
    tasks, machines = int(found.get("SLURM_NTASKS", 1)), int(found.get("SLURM_NNODES", 1))
    if "SLURM_PROCID" not in found or tasks == 1:
        return devices, 1
    if tasks % machines:
        raise UsageError(
            f"Slurm runs {tasks} tasks on {machines} machines, which is not the same number on each.",
            "Set --ntasks-per-node.",
        )
    return tasks // machines, machines


def _on_gpu(config: TrainConfig) -> bool:
    """Whether the run goes to GPUs.

    Raises:
        UsageError: There are fewer than were asked for, or several were asked for in an interactive session.
    """
    if config.devices > 1 and hasattr(sys, "ps1"):
        raise UsageError(
            "More than one device starts the program again for each, which an interactive session cannot do.",
            f"Run `binding train SETTINGS --devices {config.devices}` on the command line.",
        )
    there = torch.cuda.device_count()
    if config.device == "cpu" or (config.device == "auto" and not there):
        return False
    devices, _ = processes(config.devices)
    if devices > there:
        raise UsageError(
            f"device {config.device}, devices {devices}: there are {there} GPUs.",
            "Set devices to a number of GPUs that there are, or device: cpu.",
        )
    return True


def _tensorboard(output: Path) -> TensorBoardLogger:
    if importlib.util.find_spec("tensorboard") is None:
        raise ConfigError(
            "TensorBoard is not installed.", "Run pip install 'binding[tensorboard]', or set tensorboard: false."
        )
    return TensorBoardLogger(save_dir=output, name="tensorboard", version="")

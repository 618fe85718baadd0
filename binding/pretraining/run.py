"""Pre-training of the encoders, each on its own: from settings to files that training can start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd
import torch
import yaml

from binding import __version__
from binding.data.prepare import Rejected
from binding.errors import UsageError
from binding.files import atomic, make_folder
from binding.model.weights import pick_device
from binding.pretraining.config import PretrainConfig
from binding.pretraining.loop import Loop
from binding.pretraining.tasks import LigandLearning, PocketLearning, Task
from binding.training.encoders import encoder_file, save_encoder
from binding.training.keep import keep_settings

_KINDS: Final = ("ligand", "pocket")
_FREE: Final = ("threads", "output")  # settings that may change when a run goes on


@dataclass(frozen=True)
class PretrainResult:
    """What a run left behind.

    Attributes:
        encoders: The files, ``ligand_encoder.safetensors`` and ``pocket_encoder.safetensors`` as far as asked for.
        rows: Molecules or proteins that each learned from.
        figures: Figures of the held-out rows, by encoder; empty where nothing was held out.
        rejected: Records that could not be read; ``rejected.csv`` of the output folder has them.
    """

    encoders: list[Path]
    rows: dict[str, int]
    figures: dict[str, dict[str, float]]
    rejected: list[Rejected]


def pretrain(
    config: PretrainConfig | str | Path,
    overrides: dict[str, Any] | None = None,
    *,
    device: str = "auto",
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    restart: bool = False,
) -> PretrainResult:
    """Pre-trains the encoders that the settings name, or goes on with a run that was stopped.

    The output folder gets ``config.yaml``, and for each encoder its weights with their card, a log
    (``<encoder>_metrics.csv``) and a checkpoint (``<encoder>.ckpt``).

    Args:
        config: Settings, or their YAML file.
        overrides: Dotted names and values that replace those of the file.
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` ...
        workers: Processes that read molecules; all cores where None.
        progress: Called with what is being done and the numbers done and to do.
        restart: Start over: what an earlier run left in the folder is removed.

    Raises:
        BindingError: A file, a cache or a setting cannot be used, or the folder holds a run with other settings.
        TrainingError: ``diverged``.
    """
    if not isinstance(config, PretrainConfig):
        config = PretrainConfig.from_yaml(config, overrides)
    elif overrides:
        raise UsageError("Overrides go with a settings file.", "Change the settings object itself instead.")
    output = Path(config.output)
    make_folder(output, resumes=True)
    if restart:  # a run that starts over must not leave encoders of other settings beside its own
        for path in (path for kind in _KINDS for path in _made(output, kind)):
            path.unlink(missing_ok=True)
    resumed = any(_made(output, kind)[0].is_file() for kind in _KINDS)
    keep_settings(config, output, _FREE, (lambda path: yaml.safe_load(path.read_text("utf-8"))) if resumed else None)
    if config.threads:
        torch.set_num_threads(config.threads)
    told = progress or (lambda what, done, total: None)
    where = torch.device(pick_device(device))
    result = PretrainResult([], {}, {}, [])
    for kind in _KINDS:  # one is read, learned and let go before the next is read
        if getattr(config, kind) is None:
            continue
        torch.manual_seed(config.seed)  # of the first weights
        reading = partial(told, "reading")
        task = LigandLearning(config, workers, reading) if kind == "ligand" else PocketLearning(config)
        result.rejected.extend(task.rejected)
        _write_rejected(output / "rejected.csv", result.rejected)
        checkpoint, log, *_ = _made(output, kind)
        loop = Loop(task, config.seed, where)
        if checkpoint.is_file():
            loop.resume(checkpoint)
        while len(loop.log) < task.settings.epochs:
            loop.epoch(partial(told, f"{kind}, epoch {len(loop.log) + 1} of {task.settings.epochs}"))
            loop.keep(checkpoint, log)
        result.figures[kind], result.rows[kind] = loop.figures(), len(task.train)
        card = _card(task, config, result.figures[kind])
        result.encoders.append(save_encoder(output, kind, task.network.encoder.state_dict(), card))
    return result


def _made(output: Path, kind: str) -> tuple[Path, ...]:
    """What a run makes for an encoder; the checkpoint first, since nothing goes on without it."""
    weights = encoder_file(output, kind)
    return output / f"{kind}.ckpt", output / f"{kind}_metrics.csv", weights, weights.with_suffix(".json")


def _write_rejected(path: Path, rejected: list[Rejected]) -> None:
    table = pd.DataFrame([vars(item) for item in rejected], columns=["id", "error_code", "message"])
    with atomic(path, resumes=True) as whole:
        table.to_csv(whole, index=False)


def _card(task: Task, config: PretrainConfig, figures: dict[str, float]) -> dict[str, Any]:
    """What an encoder is, what it learned from, and how well."""
    return {
        "name": f"{config.output.name} {task.name} encoder",
        "version": __version__,
        "config": config.model.model_dump(mode="json"),
        "training": config.model_dump(mode="json", include={task.name, "validation", "seed"}),
        "rows": len(task.train),
        "rejected": len(task.rejected),
        "validation": {"rows": len(task.held_out), **figures},
    }

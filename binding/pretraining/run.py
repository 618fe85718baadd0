"""Pre-training of the encoders, each on its own: from settings to files that training can begin with."""

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

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class PretrainResult:
    """What a run left behind.

    Attributes:
        encoders: The files, ``ligand_encoder.safetensors`` and ``pocket_encoder.safetensors`` as far as asked for.
        rows: Molecules or proteins that each learned from.
        figures: Of what was held out, by encoder; empty where nothing was.
        rejected: Records that could not be read; ``rejected.csv`` of the output folder has them.
    """

    encoders: list[Path]
    rows: dict[str, int]
    figures: dict[str, dict[str, float]]
    rejected: list[Rejected]


def run(config: PretrainConfig | str | Path, overrides: dict[str, Any] | None = None, **how: Any) -> PretrainResult:
    """Pre-trains by settings or by their YAML file; see ``pretrain``.

    Args:
        config: Settings, or their file.
        overrides: Dotted names and values that replace those of the file.
        how: The other arguments of ``pretrain``.
    """
    if not isinstance(config, PretrainConfig):
        return pretrain(PretrainConfig.from_yaml(config, overrides), **how)
    if overrides:
        raise UsageError("Overrides go with a settings file; change the settings object itself instead.")
    return pretrain(config, **how)


def pretrain(
    config: PretrainConfig,
    *,
    device: str = "auto",
    workers: int | None = None,
    progress: Progress | None = None,
    restart: bool = False,
) -> PretrainResult:
    """Pre-trains the encoders that the settings name, or goes on with a run that was stopped.

    The folder ``config.output`` gets ``config.yaml``, and for each encoder its weights with their card, a log
    (``<encoder>_metrics.csv``) and, while it runs, ``<encoder>.ckpt``.

    Args:
        config: The run.
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` ...
        workers: Processes that read molecules; all cores where None.
        progress: Called with what is being done and the numbers done and to do.
        restart: Start anew: what an earlier run left in the folder is removed.

    Raises:
        BindingError: A file, a cache or a setting cannot be used, or the folder holds a run with other settings.
        TrainingError: ``diverged``.
    """
    output = Path(config.output)
    make_folder(output, resumes=True)
    if restart:
        _remove(output)
    resumed = any(_checkpoint(output, kind).is_file() for kind in _KINDS)
    keep_settings(config, output, _FREE, _settings_before if resumed else None)
    if config.threads:
        torch.set_num_threads(config.threads)
    told = progress or (lambda what, done, total: None)
    where = torch.device(pick_device(device))
    result = PretrainResult([], {}, {}, [])
    for make in _tasks(config, workers, told):
        torch.manual_seed(config.seed)  # of the first weights
        task = make()
        result.rejected.extend(task.rejected)
        _write_rejected(output / "rejected.csv", result.rejected)
        loop = Loop(task, config, where)
        checkpoint = _checkpoint(output, task.name)
        if checkpoint.is_file():
            loop.resume(checkpoint)
        while len(loop.log) < task.settings.epochs:
            loop.epoch(partial(told, f"{task.name}, epoch {len(loop.log) + 1} of {task.settings.epochs}"))
            loop.keep(checkpoint, _log(output, task.name))
        figures = loop.figures()
        result.encoders.append(
            save_encoder(output, task.name, task.network.encoder.state_dict(), _card(task, config, figures))
        )
        result.rows[task.name], result.figures[task.name] = task.rows, figures
    return result


def _tasks(config: PretrainConfig, workers: int | None, told: Progress) -> list[Callable[[], Task]]:
    """What makes each task: one is read, learned and let go before the next is read."""
    found: list[Callable[[], Task]] = []
    if config.ligand is not None:
        found.append(lambda: LigandLearning(config, workers, partial(told, "reading")))
    if config.pocket is not None:
        found.append(lambda: PocketLearning(config))
    return found


def _remove(output: Path) -> None:
    """What an earlier run made: a run that starts anew must not leave encoders of other settings beside its own."""
    for kind in _KINDS:  # the checkpoint first: without it nothing goes on
        weights = encoder_file(output, kind)
        for path in (_checkpoint(output, kind), weights, weights.with_suffix(".json"), _log(output, kind)):
            path.unlink(missing_ok=True)


def _log(output: Path, kind: str) -> Path:
    return output / f"{kind}_metrics.csv"


def _checkpoint(output: Path, kind: str) -> Path:
    return output / f"{kind}.ckpt"


def _settings_before(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def _write_rejected(path: Path, rejected: list[Rejected]) -> None:
    table = pd.DataFrame([vars(item) for item in rejected], columns=["id", "error_code", "message"])
    with atomic(path, resumes=True) as whole:
        table.to_csv(whole, index=False)


def _card(task: Task, config: PretrainConfig, figures: dict[str, float]) -> dict[str, Any]:
    """What an encoder is, what it learned from, and how well."""
    settings = config.model_dump(
        mode="json", include={task.name, "validation", "seed", "weight_decay", "gradient_clip"}
    )
    return {
        "name": f"{config.output.name} {task.name} encoder",
        "version": __version__,
        "config": config.model.model_dump(mode="json"),
        "training": settings,
        "rows": task.rows,
        "rejected": len(task.rejected),
        "validation": {"rows": task.held_out, **figures},
    }

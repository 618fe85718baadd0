"""A run that is killed, at whatever moment and however often, ends as one that was not."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from pathlib import Path

import pytest
import torch
import yaml
from train_runs import assert_same_logs, assert_same_weights, log_of, run

from binding.config import TrainConfig
from binding.errors import WriteError
from binding.files import atomic
from binding.training.module import TrainingModule

STEPS = 4  # of an epoch


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_until(config: TrainConfig, moment: str, count: int) -> None:
    """Runs in this process, which ends at a moment: before a step of the run, or before or after a file is in place.

    Args:
        config: The run.
        moment: ``step``, ``before NAME`` or ``after NAME`` of a file that is replaced.
        count: Which step, from 0; or how many times the file is replaced, from 0.
    """
    torch.set_num_threads(1)
    replace, seen = os.replace, []

    def watched(source, target) -> None:
        when, _, name = moment.partition(" ")
        hit = Path(target).name == name
        seen.extend([name] if hit else [])
        if hit and when == "before" and len(seen) > count:
            die()
        replace(source, target)
        if hit and when == "after" and len(seen) > count:
            die()

    def step(self, *_) -> None:
        if moment == "step" and self.global_step == count:
            die()

    os.replace = watched
    TrainingModule.on_train_batch_start = step  # type: ignore[method-assign]
    run(config)


def kill(config: TrainConfig, moment: str, count: int) -> None:
    """Runs in a process of its own and sees it killed."""
    process = multiprocessing.get_context("fork").Process(target=run_until, args=(config, moment, count))
    process.start()
    process.join(timeout=600)
    if process.exitcode is None:
        process.kill()
    assert process.exitcode == -signal.SIGKILL, f"{moment} {count}: the run was not killed there"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_again_and_again_a_run_ends_as_the_unbroken_one(settings):
    """Steps are drawn anew each time the test is run; the seed is in the message of a failure."""
    seed = random.SystemRandom().randrange(10**6)
    first, second = (random.Random(seed).randrange(start, start + STEPS) for start in (0, STEPS))
    whole, broken = (settings(name, epochs=3, patience=3, learning_rate=0.01) for name in ("whole", "broken"))
    run(whole)
    assert log_of(whole)["step"].tolist() == [STEPS, 2 * STEPS, 3 * STEPS]
    for moment, count in (
        ("before config.yaml", 0),
        ("step", first),
        ("before best.ckpt", 0),
        ("before last.ckpt", 0),  # the best epoch is on the disk, and the last does not know of it
        ("after last.ckpt", 0),
        ("step", second),
        ("after metrics.csv", 0),
        ("after last.ckpt", 1),
        ("before validation.csv", 0),
        ("before model.json", 0),
    ):
        kill(broken, moment, count)
    assert not (Path(broken.output) / "model.json").exists()
    run(broken)
    assert_same_weights(whole, broken, 1e-6)
    assert_same_logs(whole, broken, 1e-6)
    texts = [(Path(config.output) / "validation.csv").read_text() for config in (whole, broken)]
    assert texts[0] == texts[1], seed
    assert not list(Path(broken.output).glob("*.partial")), "what was half written has been written over"


def test_a_run_that_had_stopped_early_stays_stopped(settings):
    """Killed between its last checkpoint and its weights it must not train on."""
    changes = {"patience": 1, "epochs": 30, "learning_rate": 0.05, "ema_decay": 0.0, "noise": 0.0}
    config = settings(**changes)
    run(config)
    epochs = len(log_of(config))
    assert epochs < 30
    weights = Path(config.output) / "model.safetensors"
    before = weights.read_bytes()
    weights.unlink()
    run(config)
    assert len(log_of(config)) == epochs
    assert weights.read_bytes() == before


def test_what_is_replaced_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")

    def fails() -> None:
        with atomic(path) as partial:
            partial.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert path.read_text() == "before"
    with atomic(path) as partial:
        partial.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_and_the_run_goes_on(whole, settings, monkeypatch):
    """The second checkpoint finds no room; with room again the same call ends as if nothing had been."""
    config, write, count = settings(), Path.write_bytes, []

    def full(path, data) -> None:
        count.append(path)
        if len([path for path in count if path.name == "last.ckpt.partial"]) == 2:
            write(path, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(WriteError, match="the disk is full") as caught:
            run(config)
    assert caught.value.code == "disk_full"
    assert config.output.name in caught.value.message
    assert "continues where it stopped" in caught.value.hint
    assert yaml.safe_load((config.output / "config.yaml").read_text())["epochs"] == 2
    run(config)
    assert_same_weights(whole[0], config, 1e-6)
    assert_same_logs(whole[0], config, 1e-6)

"""``python -m scripts.release``: which steps are due, what they make is not made twice, and what fails ends it."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

import pytest

from scripts.measure import __main__ as measure
from scripts.release import __main__ as release


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    """A root of its own, and two steps of which each adds a line to a file."""
    monkeypatch.setattr(release, "ROOT", tmp_path)

    def line(name: str) -> release.Command:
        return release.Command(("-c", f"open({str(tmp_path / name)!r}, 'a').write('x')"))

    monkeypatch.setattr(release, "data_steps", lambda data: [release.Step("first", "one", (line("first"),))])
    monkeypatch.setattr(release, "training_steps", lambda *_: [release.Step("second", "two", (line("second"),))])
    monkeypatch.setattr(release, "release_steps", lambda *_: [])
    return tmp_path


def run(monkeypatch, tree: Path, *arguments: str) -> tuple[int, int]:
    """How often each step was carried out so far."""
    monkeypatch.setattr(sys, "argv", ["release", str(tree), *arguments])
    release.main()
    return tuple(len((tree / n).read_text()) if (tree / n).is_file() else 0 for n in ("first", "second"))


def test_a_step_is_carried_out_once_and_again_after_the_one_before_it(monkeypatch, tree):
    assert run(monkeypatch, tree, "--dry-run") == (0, 0)
    assert run(monkeypatch, tree) == (1, 1)
    assert run(monkeypatch, tree) == (1, 1)
    assert run(monkeypatch, tree, "--only", "first") == (2, 1)
    later = (tree / "cache" / "release" / "first.json").stat().st_mtime + 10
    os.utime(tree / "cache" / "release" / "first.json", (later, later))
    assert run(monkeypatch, tree) == (2, 2)


def test_what_is_already_made_is_kept_and_what_is_older_is_refused(tree):
    made = tree / "run" / "model.safetensors"
    made.parent.mkdir()
    made.touch()
    command = release.Command(("-c", "raise SystemExit(1)"), made)
    assert release.carry_out(command, made.stat().st_mtime - 1.0, threads=1)
    with pytest.raises(SystemExit, match="older than what it is made from"):
        release.carry_out(command, made.stat().st_mtime + 1.0, threads=1)


def test_a_command_that_fails_ends_the_release_and_leaves_no_mark(tree, capsys):
    step = release.Step("broken", "three", (release.Command(("-c", "raise SystemExit(7)"), log=tree / "broken.log"),))
    with pytest.raises(SystemExit):
        release.take(step, 0.0, jobs=1, threads=1)
    assert "exit code 7" in capsys.readouterr().err
    assert not step.mark.exists()


def test_every_network_is_trained_joined_and_released(tmp_path):
    """The weights are made of the runs that are trained, and no test set is read before."""
    steps = {step.name: step for step in release.training_steps(1, ["epochs=1"])}
    trained = {str(command.makes.parent.relative_to(release.ROOT)) for command in steps["train"].commands}
    assert trained == {*(f"runs/base-{k}" for k in range(3)), *(f"runs/strict-{k}" for k in range(5)), "runs/rows-0"}
    assert all("epochs=1" in command.arguments for command in steps["train"].commands)
    later = {step.name: step for step in release.release_steps(tmp_path, tmp_path / "test", tmp_path / "weights")}
    for command in later["weights"].commands:
        runs = command.arguments[command.arguments.index("--runs") + 1 : command.arguments.index("--output")]
        assert set(runs) <= {path.replace("runs/", "runs/mixed/") for path in trained}
    before = [*release.data_steps(tmp_path), *steps.values(), later["pose"], later["weights"]]
    assert not [step.name for step in before for c in step.commands if str(tmp_path / "test") in c.arguments]


class ParsedError(Exception):
    """A program has read its command line."""


def commands(folder: Path) -> list[tuple[str, ...]]:
    """What the release and the final figures call, of scripts/: name, then arguments."""
    steps = [
        *release.data_steps(folder),
        *release.training_steps(1, ()),
        *release.release_steps(folder, folder / "test", folder / "weights"),
    ]
    found = [command.arguments for step in steps for command in step.commands]
    found += [tuple(one.command) for one in measure.measurements(folder / "test", folder, folder / "runs")]
    return [arguments[1:] for arguments in found if arguments[1].startswith("scripts.")]


def test_every_command_is_one_that_its_program_takes(monkeypatch, tmp_path):
    read = argparse.ArgumentParser.parse_args

    def parse_args(parser: argparse.ArgumentParser) -> argparse.Namespace:
        read(parser)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
    asked = [line for line in commands(tmp_path) if line[0] != "scripts.measure.forest"]  # needs scikit-learn
    assert len(asked) > 20
    for name, *arguments in asked:
        try:
            module = importlib.import_module(name)
            main = module.main
        except AttributeError:  # a folder with a __main__
            main = importlib.import_module(f"{name}.__main__").main
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        with pytest.raises(ParsedError):
            main()

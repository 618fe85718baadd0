"""``python -m scripts.release``: which steps are due, and what fails ends it."""

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
    monkeypatch.setattr(release, "network_steps", lambda data: [release.Step("second", "two", (line("second"),))])
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


def test_a_command_that_fails_ends_the_release_and_leaves_no_mark(tree, capsys):
    step = release.Step("broken", "three", (release.Command(("-c", "raise SystemExit(7)")),))
    with pytest.raises(SystemExit):
        release.take(step, threads=1)
    assert "exit code 7" in capsys.readouterr().err
    assert not step.mark.exists()


def steps_of(folder: Path) -> dict[str, release.Step]:
    """All steps, in order."""
    found = [
        *release.data_steps(folder),
        *release.network_steps(folder),
        *release.release_steps(folder, folder / "test", folder / "weights"),
    ]
    return {step.name: step for step in found}


def test_the_whole_plan_is_printed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(release, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["release", str(tmp_path), "--dry-run"])
    release.main()
    said = capsys.readouterr().out
    for number, (name, step) in enumerate(steps_of(tmp_path).items(), 1):
        assert f"{number:2d}/14 {name}: {step.what}\n" in said
    assert "scripts.release.pose_networks --train-only" in said


def test_weights_are_packed_before_anything_loads_them(tmp_path):
    """Networks and priors are there by then, and no test set is read before the card's figures."""
    names = list(steps_of(tmp_path))
    place = {name: names.index(name) for name in names}
    assert max(place[name] for name in ("priors", "networks")) < place["weights"]
    assert place["weights"] < min(place[name] for name in ("pose", "activity", "geometry", "binder"))
    assert place["activity"] < place["geometry"], "the line of pk is that of the whole prior"
    reading = [
        name
        for name, step in steps_of(tmp_path).items()
        for command in step.commands
        if str(tmp_path / "test") in command.arguments
    ]
    assert reading == ["geometry", "figures"]


class ParsedError(Exception):
    """A program has read its command line."""


def commands(folder: Path) -> list[tuple[str, ...]]:
    """What the release and the final figures call, of scripts/: name, then arguments."""
    found = [command.arguments for step in steps_of(folder).values() for command in step.commands]
    found += [tuple(one.command) for one in measure.measurements(folder / "test", folder)]
    return [arguments[1:] for arguments in found if arguments[1].startswith("scripts.")]


def test_every_command_is_one_that_its_program_takes(monkeypatch, tmp_path):
    read = argparse.ArgumentParser.parse_args

    def parse_args(parser: argparse.ArgumentParser) -> argparse.Namespace:
        read(parser)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
    asked = commands(tmp_path)
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

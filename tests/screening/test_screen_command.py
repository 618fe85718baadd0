"""The command ``binding screen``: exit codes, what it says, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys

import pytest
from rich.console import Console
from screen_runs import Child, contents
from typer.testing import CliRunner

from binding.cli.main import app
from binding.cli.progress import LINE_SECONDS, make_bar
from binding.cli.screen import Meter, _tell, progress_line
from binding.screening.ledger import Progress
from binding.screening.parts import part_paths
from binding.screening.run import ScreenResult


@pytest.fixture
def words(library, receptor, reference, tiny_model, tmp_path):
    """The command line of a small screen in this process, in parts of four records."""
    return [
        *("screen", "-p", receptor, "-l", library, "--pocket-ligand", reference, "-o", tmp_path / "run"),
        *("--model", tiny_model, "--part-size", "4", "--workers", "0", "--top", "2", "--device", "cpu"),
    ]


def run(words):
    return CliRunner().invoke(app, [str(word) for word in words], prog_name="binding")


def test_it_says_how_many_and_where(words, tmp_path):
    done = run(words)
    assert done.exit_code == 0, done.stderr
    assert "40 of 40 scored" in done.stderr
    assert str(tmp_path / "run" / "results.csv") in done.stderr
    again = run([*words, "--quiet"])
    assert (again.exit_code, again.stderr) == (0, "")


def test_what_is_doubtful_about_the_results_is_told_at_the_end(capsys, tmp_path):
    result = ScreenResult(tmp_path, 3, 3, interrupted=False, complete=True, warnings=("1 title stands for two.",))
    _tell(result, 1.0, "again", quiet=False)
    assert capsys.readouterr().err.endswith("warning: 1 title stands for two.\n")


def test_a_bad_record_gives_exit_3_and_points_to_the_reasons(words, library, tmp_path):
    library.write_text(library.read_text() + "nonsense\n$$$$\n")
    done = run(words)
    assert done.exit_code == 3
    assert "40 of 41 scored, 1 failed" in done.stderr
    assert str(tmp_path / "run" / "failures.csv") in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--shard", "5/4"], "no shard 5/4"),
        (["--engine", "abacus"], "no engine 'abacus'"),
        (["--shard", "1/2", "--restart"], "all shards"),
        (["--center", "0", "0", "0", "--radius", "5"], "exclude each other"),
    ],
)
def test_what_does_not_fit_is_refused_with_exit_2(words, change, message):
    done = run([*words, *change])
    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_part_and_prints_how_to_go_on(words, tmp_path, capfd, monkeypatch, number):
    monkeypatch.setattr(sys, "argv", ["binding", *map(str, words)])
    folder = tmp_path / "run"
    child = Child(lambda: app(prog_name="binding"))
    assert child.signal_when(lambda: len(part_paths(folder)) >= 2, number) == 130
    said = capfd.readouterr().err
    assert "finishing the parts under way" in said
    assert f"binding screen -p {words[2]}" in said
    stopped = len(part_paths(folder))
    assert 2 <= stopped < 10
    assert not list(folder.rglob("*.partial"))
    assert not (folder / "results.csv").exists()
    whole = tmp_path / "whole"
    assert run(words).exit_code == 0
    assert run([*words, "-o", whole]).exit_code == 0
    assert contents(folder) == contents(whole)


def test_a_dry_run_says_what_it_will_cost_and_writes_nothing(words, tmp_path):
    done = run([*words, "--dry-run"])
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "records: about 40" or lines[0] == "records: 40"
    assert re.fullmatch(r"sample: 40 records, [0-9.]+ ms each on one core", lines[1])
    assert re.fullmatch(r"time: about [0-9.]+ m?s with 1 process", lines[2])
    assert not (tmp_path / "run").exists()


def test_the_log_says_how_each_process_began_and_ended(words, tmp_path):
    assert run(words).exit_code == 0
    assert run(words).exit_code == 0
    events = [line.split(" ", 1)[1] for line in (tmp_path / "run" / "run.log").read_text().splitlines()]
    assert [event.split(" by ")[0].split(":")[0] for event in events] == ["begun", "complete", "resumed", "complete"]
    assert events[1] == "complete: 40 records done, 0 failed"


def test_progress_says_rate_and_time_left():
    line = progress_line(Progress(done=600, failed=2, now=200, expected=1600), rate=20.0)
    assert line.endswith("600 of about 1600 records done, 2 failed, 20.0/s, about 0:00:50 left")
    assert progress_line(Progress(5, 0, 5, None), 0.0).endswith("5 records done, 0 failed, 0.0/s")
    assert os.linesep not in line


def test_on_a_terminal_there_is_a_bar_with_its_rate():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with make_bar(console) as bar:
        meter = Meter(bar, quiet=False)
        meter(Progress(done=600, failed=2, now=200, expected=550))  # more than was estimated
        bar.refresh()
        shown = console.file.getvalue()
    assert "600/600" in shown
    assert "/s" in shown


def test_the_rate_begins_with_the_first_records_and_not_with_the_model(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("binding.cli.screen.time.monotonic", lambda: clock[0])
    meter = Meter(None, quiet=False)
    for clock[0], done in ((1.0, 0), (101.0, 4), (111.0, 14)):
        meter(Progress(done=done, failed=0, now=done, expected=24))
    meter.remind()
    assert "14 of about 24 records done, 0 failed, 1.0/s, about 0:00:10 left" in capsys.readouterr().err


def test_without_a_terminal_a_line_comes_each_half_minute(capsys):
    meter = Meter(None, quiet=False)
    meter(Progress(done=6, failed=0, now=6, expected=None))
    meter.remind()
    assert capsys.readouterr().err == ""
    meter._told -= LINE_SECONDS
    meter.remind()
    meter.remind()
    assert capsys.readouterr().err.count("6 records done") == 1


def test_poses_are_judged_by_the_first_network_unless_all_are_asked_for(words, tmp_path):
    for more, judge in (([], "first network"), (["--all-networks"], "all networks")):
        folder = tmp_path / judge.replace(" ", "_")
        assert run([*words, "-o", folder, *more]).exit_code == 0
        assert json.loads((folder / "run.json").read_text())["pose"] == judge
        assert f"(pose: {judge})" in (folder / "run.log").read_text()

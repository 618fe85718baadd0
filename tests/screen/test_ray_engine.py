"""The Ray engine: same bytes as one process, a dead actor costs nothing, options that fit together."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest
from screen_runs import contents

from binding.screen import ray_engine
from binding.screen.engines import EngineOptions
from binding.screen.run import screen

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'binding[ray]'")

RAY = EngineOptions("ray", workers=2)


@pytest.fixture(scope="module")
def cluster():
    """One Ray on this machine for the module: starting it takes seconds."""
    options = replace(RAY, ray_address=None)
    with ray_engine._connected(ray, options):
        yield


@pytest.fixture
def alone(plan, library):
    """What one process writes."""
    made = plan(library)
    assert screen(made).exit_code == 0
    return contents(made.output)


def test_two_actors_write_the_bytes_of_one_process(cluster, alone, plan, library, tmp_path):
    other = plan(library, output=tmp_path / "ray", engine=RAY)
    assert screen(other).exit_code == 0
    assert contents(other.output) == alone


def test_actors_that_are_killed_cost_nothing(cluster, alone, plan, library, tmp_path, monkeypatch):
    pools, killed = [], []
    begin = ray_engine.ActorPool.__init__

    def remember(self, *arguments):
        begin(self, *arguments)
        pools.append(self)

    def kill_all(progress):
        if progress.now and not killed:
            for pid in pools[0].pids():
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    monkeypatch.setattr(ray_engine.ActorPool, "__init__", remember)
    other = plan(library, output=tmp_path / "ray", engine=RAY)
    assert screen(other, progress=kill_all).exit_code == 0
    assert len(killed) == 2
    assert contents(other.output) == alone

"""The Ray engine: same bytes as one process, a dead actor costs nothing, options that fit together."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from dataclasses import replace

import pytest
from screen_runs import contents

from binding.errors import BindingError, UsageError
from binding.screening import ray_engine
from binding.screening.plan import EngineOptions
from binding.screening.run import screen

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'binding[ray]'")

RAY = EngineOptions("ray")


@pytest.fixture(scope="module")
def cluster():
    """One Ray on this machine for the module: starting it takes seconds, and Ray's own limit is fifteen."""
    with ExitStack() as stack:
        try:
            stack.enter_context(ray_engine._connected(ray, RAY, 2))
        except UsageError as error:
            if error.code != "no_cluster":
                raise
            pytest.skip(f"a machine that is too busy for Ray, or forbids it: {error.message}")
        yield


def test_an_address_where_nobody_listens_is_said_at_once(plan, library, tmp_path):
    # Before any test has connected: a connection that is there would be used.
    asked = EngineOptions("ray", ray_address="127.0.0.1:1")
    with pytest.raises(UsageError, match=r"no Ray at 127\.0\.0\.1:1") as caught:
        screen(plan(library, output=tmp_path / "ray", engine=asked, workers=None))
    assert caught.value.code == "no_cluster"


@pytest.fixture
def alone(plan, library):
    """What one process writes."""
    made = plan(library)
    assert screen(made).exit_code == 0
    return contents(made.output)


def test_two_actors_write_the_bytes_of_one_process(cluster, alone, plan, library, tmp_path):
    other = plan(library, output=tmp_path / "ray", engine=RAY, workers=2)
    assert screen(other).exit_code == 0
    assert contents(other.output) == alone


def test_an_actor_that_is_killed_costs_nothing(cluster, alone, plan, library, tmp_path, monkeypatch):
    pools, killed = [], []
    begin = ray_engine.ActorPool.__init__

    def remember(self, *arguments):
        begin(self, *arguments)
        pools.append(self)

    def kill_one(progress):
        if progress.now and not killed:
            killed.append(pools[0].pids()[0])
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(ray_engine.ActorPool, "__init__", remember)
    other = plan(library, output=tmp_path / "ray", engine=RAY, workers=2)
    assert screen(other, progress=kill_one).exit_code == 0
    assert killed
    assert contents(other.output) == alone


@pytest.mark.parametrize(
    ("device", "share", "expected"),
    [
        ("auto", None, "cpu"),
        ("cpu", None, "cpu"),
        ("cuda:1", None, "cuda"),
        ("auto", 0.5, "cuda"),
        ("auto", 0.0, "cpu"),
    ],
)
def test_device_follows_the_share_of_a_gpu(device, share, expected):
    assert ray_engine.ray_device(device, replace(RAY, gpus_per_worker=share)) == expected


@pytest.mark.parametrize(("device", "share"), [("cpu", 0.5), ("cuda", 0.0), ("auto", 1.5), ("mps", None)])
def test_devices_that_ray_cannot_give_are_refused(device, share):
    with pytest.raises(UsageError):
        ray_engine.ray_device(device, replace(RAY, gpus_per_worker=share))


def test_a_share_of_a_gpu_that_is_nowhere_is_said(cluster, plan, library, tmp_path):
    asked = EngineOptions("ray", gpus_per_worker=0.5)
    with pytest.raises(UsageError, match=r"no room for a worker with 1 CPU and 0\.5 GPU"):
        screen(plan(library, output=tmp_path / "ray", engine=asked, device="auto", workers=None))


def test_missing_ray_is_said_before_anything_is_computed(plan, library, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_engine, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs Ray") as caught:
        screen(plan(library, output=tmp_path / "ray", engine=RAY, workers=2))
    assert caught.value.code == "missing_extra"


def test_another_version_on_the_cluster_is_refused(cluster, plan, library, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_engine, "__version__", "0.0.0")
    with pytest.raises(BindingError, match=r"this machine 0\.0\.0") as caught:
        screen(plan(library, output=tmp_path / "ray", engine=RAY, workers=1))
    assert caught.value.code == "version_mismatch"

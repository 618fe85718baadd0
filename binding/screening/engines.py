"""Engines: where the parts of a screen are worked on.

An engine takes jobs lazily and yields finished parts in any order. It may lose nothing: a job
whose process died is tried again, then record by record, so that only the culprit fails.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from binding.errors import UsageError
from binding.pool import Rescue, WorkerPool, run_jobs
from binding.screening.plan import ScreenTask
from binding.screening.records import PartJob
from binding.screening.score import FinishedPart, PartScorer, PreparedPart

ENGINES: Final = ("local", "ray")
_WHOLE: Final = "binding.screening.score:score_parts"
_PREPARED: Final = "binding.screening.score:prepare_parts"
_LOOKAHEAD: Final = 2  # jobs beside the one each worker does, so that none waits
_GPU_LOOKAHEAD: Final = 4  # prepared parts hold their graphs

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class EngineOptions:
    """Where parts are worked on; nothing here changes a number.

    Attributes:
        name: One of ``ENGINES``.
        workers: Processes; None for as many as there are cores, 0 for none but this one. With Ray, actors;
            None for as many as the cluster has room for.
        ray_address: Of a running cluster; None starts one on this machine.
        gpus_per_worker: Share of a GPU for each actor; None for a whole one where a GPU is asked for.
    """

    name: str = "local"
    workers: int | None = None
    ray_address: str | None = None
    gpus_per_worker: float | None = None


def run_parts(
    jobs: Iterator[PartJob], task: ScreenTask, options: EngineOptions, stopping: Callable[[], bool] = lambda: False
) -> Iterator[FinishedPart]:
    """Works on jobs and yields each part as it is finished, in any order.

    Args:
        jobs: Drawn lazily, a few ahead of what is finished, which bounds the memory.
        task: What every process needs besides a job.
        options: Which engine, and how many processes.
        stopping: True once no further job may be begun: parts under way are finished and yielded.

    Raises:
        BindingError: The weights or the receptor cannot be used, or the engine is not there.
    """
    if options.name == "ray":
        from binding.screening.ray_engine import run_ray

        return run_ray(jobs, task, options, stopping)
    if options.name != "local":
        raise UsageError(f"There is no engine {options.name!r}.", f"Use one of {', '.join(ENGINES)}.")
    workers = available_cores() if options.workers is None else options.workers
    if workers == 0:
        return _in_this_process(jobs, task, stopping)
    if task.device == "cpu":
        return _whole_parts(jobs, task, workers, stopping)
    return _network_here(jobs, task, workers, stopping)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_this_process(jobs: Iterator[PartJob], task: ScreenTask, stopping: Callable[[], bool]) -> Iterator[FinishedPart]:
    score = PartScorer(task)
    for job in jobs:
        yield score(job)
        if stopping():
            return


def _whole_parts(
    jobs: Iterator[PartJob], task: ScreenTask, workers: int, stopping: Callable[[], bool]
) -> Iterator[FinishedPart]:
    """On CPUs each process holds the model and does whole parts in one thread: nothing but rows is sent back."""
    with WorkerPool(_WHOLE, workers, setup=task) as pool:
        yield from work_through(pool.submit, FinishedPart.joined, jobs, workers * _LOOKAHEAD, stopping)


def _network_here(
    jobs: Iterator[PartJob], task: ScreenTask, workers: int, stopping: Callable[[], bool]
) -> Iterator[FinishedPart]:
    """On a GPU the processes read and build graphs, and the network runs in this one."""
    score = PartScorer(task)
    with WorkerPool(_PREPARED, workers, setup=task) as pool:
        for part in work_through(pool.submit, PreparedPart.joined, jobs, workers + _GPU_LOOKAHEAD, stopping):
            yield score.finish(part)


def work_through(
    submit: Callable[[PartJob], Future[Answer]],
    join: Callable[[list[Answer]], Answer],
    jobs: Iterator[PartJob],
    ahead: int,
    stopping: Callable[[], bool],
) -> Iterator[Answer]:
    """The answers to jobs as they are ready; of one that kills its process, only the culprits become failures.

    Args:
        submit: Gives the future of a job's answer, which raises ``WorkerDiedError`` where its process died.
        join: Makes one answer of the answers to a job's records done one by one.
        jobs: Drawn while fewer than ``ahead`` are under way.
        ahead: Jobs submitted and not yet answered.
        stopping: True once nothing further may be begun; jobs that wait are dropped, others finished.
    """
    rescue: Rescue[PartJob, Answer] = Rescue(
        split=_singles,
        failed=lambda job, error: submit(replace(job, lost=(job.first,))).result(),
        join=join,
        without=lambda job, lost: replace(job, lost=tuple(job.first + place for place in lost)),
    )
    for _, answer in run_jobs(submit, jobs, rescue, ahead=ahead, ordered=False, stopping=stopping):
        yield answer


def _singles(job: PartJob) -> list[PartJob]:
    return [replace(job, first=row, records=(record,)) for row, record in enumerate(job.records, job.first)]

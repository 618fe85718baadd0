"""Engines: where the parts of a screen are worked on.

An engine takes jobs lazily and yields finished parts in any order. It loses nothing: see ``binding.screening.rescue``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from binding.memory import freed_memory_kept
from binding.pool import WorkerPool, available_cores
from binding.score.pipeline import one_ahead
from binding.screening.plan import EngineOptions, ScreenTask
from binding.screening.ranking import RankTask, rank_parts
from binding.screening.ray_engine import run_ray
from binding.screening.records import PartJob
from binding.screening.rescue import ranking_limit, time_limit, work_through
from binding.screening.score import FinishedPart, PartScorer, PreparedPart

_WHOLE: Final = "binding.screening.score:score_parts"
_PREPARED: Final = "binding.screening.score:prepare_parts"
_RANKED: Final = "binding.screening.ranking:rank_parts"
_LOOKAHEAD: Final = 2  # jobs beside the one each worker does, so that none waits
_GPU_LOOKAHEAD: Final = 4  # prepared parts hold their graphs


def run_parts(
    jobs: Iterator[PartJob],
    task: ScreenTask,
    options: EngineOptions,
    stopping: Callable[[], bool] = lambda: False,
    told: Callable[[int], None] = lambda under_way: None,
) -> Iterator[FinishedPart]:
    """Works on jobs and yields each part as it is finished, in any order.

    Args:
        jobs: Drawn lazily, a few ahead of what is finished, which bounds the memory.
        task: Everything that a process needs besides a job.
        options: Choice and settings of the engine.
        stopping: True once no further job may be begun: parts under way are finished and yielded.
        told: Called now and then with the number of records of unfinished parts that are as good as done.

    Raises:
        BindingError: The weights or the receptor cannot be used, or the engine is not there.
    """
    if options.name == "ray":
        return run_ray(jobs, task, options, stopping)
    workers = available_cores() if task.scoring.workers is None else task.scoring.workers
    if workers == 0:
        return _in_this_process(jobs, task, stopping, told)
    if task.scoring.device == "cpu":
        return _whole_parts(jobs, task, workers, stopping, told)
    return _network_here(jobs, task, workers, stopping, told)


def run_ranking(
    jobs: Iterator[PartJob],
    task: RankTask,
    workers: int | None,
    stopping: Callable[[], bool] = lambda: False,
    told: Callable[[int], None] = lambda under_way: None,
) -> Iterator[FinishedPart]:
    """The same for ranking compounds without poses, which is done on the cores of this machine with any engine.

    Args:
        jobs, stopping, told: As of ``run_parts``.
        task: Everything that a process needs besides a job.
        workers: Processes; None takes as many as there are cores, 0 none but this one.
    """
    workers = available_cores() if workers is None else workers
    if not workers:
        rank = rank_parts(task)
        for job in jobs:
            yield rank(job)
            if stopping():
                return
        return
    limit = ranking_limit(task)
    with WorkerPool(_RANKED, workers, setup=task, time_limit=limit) as pool:
        watched = _watched(pool, stopping, told)
        yield from work_through(pool.submit, FinishedPart.joined, jobs, workers * _LOOKAHEAD, watched)


def _in_this_process(
    jobs: Iterator[PartJob], task: ScreenTask, stopping: Callable[[], bool], told: Callable[[int], None]
) -> Iterator[FinishedPart]:
    score = PartScorer(task, told=told)
    with freed_memory_kept():
        for job in jobs:
            yield score(job)
            if stopping():
                return


def _whole_parts(
    jobs: Iterator[PartJob],
    task: ScreenTask,
    workers: int,
    stopping: Callable[[], bool],
    told: Callable[[int], None] = lambda under_way: None,
) -> Iterator[FinishedPart]:
    """On CPUs each process holds the model and does whole parts in one thread: nothing but rows is sent back."""
    with WorkerPool(_WHOLE, workers, setup=task, time_limit=time_limit(task)) as pool:
        watched = _watched(pool, stopping, told)
        yield from work_through(pool.submit, FinishedPart.joined, jobs, workers * _LOOKAHEAD, watched)


def _watched(pool: WorkerPool, stopping: Callable[[], bool], told: Callable[[int], None]) -> Callable[[], bool]:
    """``stopping``, which is asked twice a second, and each time a word on how far the parts under way are."""

    def ask() -> bool:
        told(sum(pool.notes))
        return stopping()

    return ask


def _network_here(
    jobs: Iterator[PartJob],
    task: ScreenTask,
    workers: int,
    stopping: Callable[[], bool],
    told: Callable[[int], None] = lambda under_way: None,
) -> Iterator[FinishedPart]:
    """On a GPU the processes read and build graphs, and the network runs in this one."""
    score = PartScorer(task)
    with WorkerPool(_PREPARED, workers, setup=task, time_limit=time_limit(task)) as pool:
        watched = _watched(pool, stopping, told)
        parts = work_through(pool.submit, PreparedPart.joined, jobs, workers + _GPU_LOOKAHEAD, watched)
        for finish in one_ahead(map(score.launch, parts)):
            yield finish()

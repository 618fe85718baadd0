"""Recovery from records that kill their process, or hang: only their own rows are lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Final, TypeVar

from binding.pool import Rescue, TimeLimit, lost_item, run_jobs
from binding.score import limits
from binding.screening.plan import ScreenTask
from binding.screening.ranking import RankTask
from binding.screening.records import PartJob

_ALONE: Final = "try it alone with binding predict --workers 0"

Answer = TypeVar("Answer")


def time_limit(task: ScreenTask) -> Callable[[PartJob], TimeLimit]:
    """How long a process may be at a record of a job, and at the rest of it, before it is ended."""
    if task.posing is None:
        usual = limits.RECORD_SECONDS
    else:
        usual = limits.PLACE_SECONDS if task.posing.how == "place" else limits.DOCK_SECONDS
    return lambda job: limits.time_limit(usual, task.scoring.time_limit, len(job.records))


def ranking_limit(task: RankTask) -> Callable[[PartJob], TimeLimit]:
    """The same for ranking without poses."""
    return lambda job: limits.time_limit(limits.RECORD_SECONDS, task.time_limit, len(job.records))


def work_through(
    submit: Callable[[PartJob], Future[Answer]],
    join: Callable[[list[Answer]], Answer],
    jobs: Iterator[PartJob],
    ahead: int,
    stopping: Callable[[], bool],
) -> Iterator[Answer]:
    """The answers to jobs as they are ready; of one that kills its process or hangs, only the culprits fail.

    Args:
        submit: Gives the future of a job's answer, which raises ``WorkerDiedError`` where its process died.
        join: Makes one answer of the answers to a job's records done one by one.
        jobs: Drawn while fewer than ``ahead`` are under way.
        ahead: Jobs submitted and not yet answered.
        stopping: True once nothing further may be begun; jobs that wait are dropped, others finished.
    """
    rescue = Rescue[PartJob, Answer](
        split=_singles,
        failed=lambda job, error: submit(replace(job, lost={job.first: lost_item(error, alone=_ALONE)})).result(),
        join=join,
        without=lambda job, lost: replace(
            job, lost={job.first + place: lost_item(error, alone=_ALONE) for place, error in lost.items()}
        ),
    )
    for _, answer in run_jobs(submit, jobs, rescue, ahead=ahead, ordered=False, stopping=stopping):
        yield answer


def _singles(job: PartJob) -> list[PartJob]:
    return [replace(job, first=row, records=(record,)) for row, record in enumerate(job.records, job.first)]

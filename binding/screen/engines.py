"""Engines: where the parts of a screen are worked on.

An engine takes jobs lazily and yields finished parts in any order. It may lose nothing: a job
whose process died is tried again, then record by record, so that only the culprit fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from binding.screen.plan import ScreenTask
from binding.screen.records import PartJob
from binding.screen.score import FinishedPart


class Engine(Protocol):
    """Works on jobs.

    Args:
        jobs: Drawn lazily, a few ahead of what is finished, which bounds the memory.
        task: What every process needs besides a job.
        workers: Processes; None for the engine's default.
        stopping: True once no further job may be begun: parts under way are finished and yielded.
    """

    def __call__(
        self, jobs: Iterator[PartJob], task: ScreenTask, workers: int | None, stopping: Callable[[], bool]
    ) -> Iterator[FinishedPart]: ...

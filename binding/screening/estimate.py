"""What a screen will cost, from a timed sample of its records: ``binding screen --dry-run``. Nothing is written."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from itertools import islice
from typing import Final

from binding.pool import available_cores
from binding.screening.left_out import about_ranking
from binding.screening.library_digest import about_records
from binding.screening.parts import count_scored, iter_infos, parts_folder
from binding.screening.plan import ScreenPlan, ScreenTask
from binding.screening.ranking import rank_parts, ranking_task
from binding.screening.records import PartJob, Record
from binding.screening.run import resolve
from binding.screening.score import PartScorer

_DRAWN_FROM: Final = 5_000  # the first records of the library
_SAMPLE: Final = 320
_SECONDS: Final = 20.0  # after which no further record is tried
_TOGETHER: Final = 32  # poses scored in one go, as in a run; what has to be posed first is timed one by one
_SEED: Final = 0


@dataclass(frozen=True)
class ScreenEstimate:
    """What a screen will cost.

    Attributes:
        records: Records of the library, about; None where that is not known without reading it.
        done: Records that the folder holds already.
        sampled: Records that were tried.
        failed: Those of them that could not be scored.
        seconds_each: Seconds of one core for a record, posing included.
        seconds_before: Seconds until the first record: the model, and what its poser computes once.
        workers: Processes that will share the work.
        prefilter: How many get poses, where the others are left out.
        ranking_each: Seconds of one core that it takes to rank one without a pose; None where that is done, or is not
            to be done.
    """

    records: int | None
    done: int
    sampled: int
    failed: int
    seconds_each: float
    seconds_before: float
    workers: int
    prefilter: int | None = None
    ranking_each: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the screen will take from now; None where the number of records is not known."""
        if self.records is None:
            return None
        posed = self.records if self.prefilter is None else min(self.records, self.prefilter)
        ranking = 0.0 if self.ranking_each is None else self.records * self.ranking_each
        return self.seconds_before + (ranking + max(posed - self.done, 0) * self.seconds_each) / self.workers


def estimate_screen(plan: ScreenPlan) -> ScreenEstimate:
    """Times some records of a library as a run would work on them.

    Args:
        plan: The plan of the screen.

    Raises:
        BindingError: As for the screen itself.
    """
    library, task, _ = resolve(plan)
    drawn = list(islice(library.records(), _DRAWN_FROM))
    random.Random(_SEED).shuffle(drawn)
    together = _TOGETHER if plan.posing is None else 1
    score = PartScorer(task)
    begun = time.perf_counter()
    _ = score.scorer
    _try(score, drawn[:1])  # computes what is kept from then on; its own time is that of a record like others
    before = time.perf_counter() - begun
    sampled = scored = 0
    begun = time.perf_counter()
    for first in range(0, min(len(drawn), _SAMPLE), together):
        chunk = drawn[first : first + together]
        sampled, scored = sampled + len(chunk), scored + _try(score, chunk)
        if time.perf_counter() - begun > _SECONDS:
            break
    each = (time.perf_counter() - begun) / max(sampled, 1)
    ranking_each = None
    if plan.prefilter is not None and (plan.restart or about_ranking(plan.output) is None):
        ranking_each = _ranking_seconds(task, drawn[:_SAMPLE])
    infos = (info for _, info in iter_infos(plan.output)) if parts_folder(plan.output).is_dir() else iter(())
    return ScreenEstimate(
        records=library.about_records(about_records) if len(drawn) == _DRAWN_FROM else len(drawn),
        done=0 if plan.restart else sum(info.records for info in infos if info is not None),
        sampled=sampled,
        failed=sampled - scored,
        seconds_each=each,
        seconds_before=max(before - each, 0.0),
        workers=max(available_cores() if plan.scoring.workers is None else plan.scoring.workers, 1),
        prefilter=plan.prefilter,
        ranking_each=ranking_each,
    )


def _ranking_seconds(task: ScreenTask, records: list[Record]) -> float:
    """Seconds for ranking one of some records without a pose, the model loaded."""
    rank = rank_parts(ranking_task(task))
    begun = time.perf_counter()
    rank(PartJob(0, 0, tuple(records)))
    return (time.perf_counter() - begun) / max(len(records), 1)


def _try(score: PartScorer, records: list[Record]) -> int:
    """How many of some records get a score."""
    return count_scored(score(PartJob(0, 0, tuple(records))).table) if records else 0

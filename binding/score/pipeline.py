"""Requests in, rows out: in order, streaming, one row for every ligand record, even for those that fail.

Files are read and turned into graphs in worker processes while the network scores the graphs that are ready, in
batches of similar size. A second use of an id gets ``~2``, ``~3`` ...
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from binding.domain.index import UNKNOWN
from binding.errors import BindingError
from binding.io.results import ResultRow
from binding.io.table import Request
from binding.memory import freed_memory_kept
from binding.pool import Rescue, WorkerDiedError, WorkerPool, lost_item
from binding.score.featurize import Failed, Featurized, Outcome, featurize
from binding.score.jobs import Job, is_large, jobs_of, single_records
from binding.score.limits import RECORD_SECONDS, time_limit
from binding.score.network import Numbers, bound_warnings, complexes_at_once, launch_graphs
from binding.score.options import ScoringOptions

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from binding.model.weights import Scorer

Item = TypeVar("Item")
FEW_REQUESTS = 30  # up to here, starting workers costs more than it saves
DEFAULT_WORKERS = 2
_GPU_WINDOW = 4  # batches are formed within so many on a GPU, where one is computed while the next is made
_LOOKAHEAD_JOBS = 64
_READER = "binding.score.featurize:featurize_in_worker"


def predict_rows(requests: Iterable[Request], options: ScoringOptions | None = None) -> Iterator[ResultRow]:
    """Score requests; rows come in input order, as soon as a few batches are done.

    Args:
        requests: What to score; a request with N ligand records gives N rows.
        options: How; the defaults of ``ScoringOptions`` if None.

    Returns:
        One row a record. Failures are rows with ``status = "failed"``; nothing is raised for bad input.

    Raises:
        BindingError: Before the first row, where the model cannot be loaded.
    """
    options = options or ScoringOptions()
    requests = list(requests)
    if not _uses_helper(requests, options):
        return (row for _, row in score_requests(requests, options.load(), options))
    with _helper() as helper:
        helper.start()  # it is ready by the time that the model is loaded
        scorer = options.load()
    return (row for _, row in score_requests(requests, scorer, options))


def score_requests(
    requests: Iterable[Request], scorer: Scorer, options: ScoringOptions
) -> Iterator[tuple[Outcome, ResultRow]]:
    """Like ``predict_rows`` with a loaded model, and with the outcome behind each row."""
    requests = list(requests)
    workers = default_workers(requests) if options.workers is None else options.workers
    jobs = jobs_of(requests, options)
    if workers:
        outcomes = _in_workers(jobs, _pool(workers))
    elif _uses_helper(requests, options):
        outcomes = _in_workers(jobs, _helper())
    else:
        outcomes = _in_this_process(jobs)
    outcomes = _with_unique_ids(outcomes)
    with _network_threads(workers), freed_memory_kept():
        on_cpu = scorer.device.type == "cpu"
        rows = (1 if on_cpu else _GPU_WINDOW) * complexes_at_once(scorer, options.batch_size)
        windows = iter(lambda: list(islice(outcomes, rows)), [])
        begun = ((window, launch_rows(window, scorer, options.batch_size, options.evidence)) for window in windows)
        for window, wait in begun if on_cpu else one_ahead(begun):
            yield from zip(window, wait(), strict=True)


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Items, each drawn before the one before it is given: what drawing it begins goes on meanwhile."""
    waiting: list[Item] = []
    for item in items:
        waiting.append(item)
        if len(waiting) > 1:
            yield waiting.pop(0)
    yield from waiting


def launch_rows(
    outcomes: Sequence[Outcome], scorer: Scorer, batch_size: int, evidence: int = 0
) -> Callable[[], list[ResultRow]]:
    """Begins to score what became of some records: the one place where a graph and its numbers become a row.

    Args:
        outcomes: Any number; they are batched by size among themselves, so the same outcomes give the same bits.
        scorer: The model.
        batch_size: As for ``launch_graphs``.
        evidence: Measurements to list in each row.

    Returns:
        What waits for the numbers, and gives a row for each, in the order given; a GPU computes meanwhile.
    """
    graphs = [outcome.graph for outcome in outcomes if isinstance(outcome, Featurized)]
    finish = launch_graphs(graphs, scorer, batch_size)

    def wait() -> list[ResultRow]:
        numbers = iter(finish())
        return [
            _scored_row(outcome, next(numbers), scorer, evidence)
            if isinstance(outcome, Featurized)
            else _failed_row(outcome, scorer.name)
            for outcome in outcomes
        ]

    return wait


def default_workers(requests: Sequence[Request]) -> int:
    """How many worker processes pay for these requests."""
    if len(requests) <= FEW_REQUESTS and not any(is_large(request.ligand) for request in requests):
        return 0
    return min(DEFAULT_WORKERS, os.cpu_count() or 1)


# ---------------------------------------------------------------- jobs -> outcomes


def _in_this_process(jobs: Iterable[Job]) -> Iterator[Outcome]:
    for job in jobs:
        yield from featurize(job)


def _uses_helper(requests: Sequence[Request], options: ScoringOptions) -> bool:
    """Whether another process reads requests for which no workers are started."""
    return options.guarded and options.workers is None and not default_workers(requests)


@contextmanager
def _helper() -> Iterator[WorkerPool]:
    """The one process that reads few requests. It is kept, since starting it takes a second, unless the block fails."""
    try:
        yield _helper_of(os.getpid())
    except BaseException:  # also where nobody wants the rest: a job under way would hold up the end of this process
        _helper_of(os.getpid()).close()
        _helper_of.cache_clear()
        raise


@cache
def _helper_of(process: int) -> WorkerPool:
    """The helper of this process: a forked one must not write into the pipes of its parent's."""
    return _pool(1)


def _pool(workers: int) -> WorkerPool:
    return WorkerPool(_READER, workers, time_limit=lambda job: time_limit(RECORD_SECONDS, job.time_limit))


def _in_workers(jobs: Iterable[Job], workers: AbstractContextManager[WorkerPool]) -> Iterator[Outcome]:
    rescue = Rescue[Job, list[Outcome]](
        split=lambda job: list(single_records(job)),
        failed=_lost,
        join=lambda answers: [outcome for outcomes in answers for outcome in outcomes],
    )
    with workers as pool:
        for _, outcomes in pool.run(jobs, rescue, ahead=_LOOKAHEAD_JOBS):
            yield from outcomes


def _lost(job: Job, error: WorkerDiedError) -> list[Outcome]:
    reason = lost_item(error, alone="try it alone with --workers 0")
    return [Failed(job.row_id(0, 1), job.protein.name, job.id, reason)]


def _with_unique_ids(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """The outcomes, with ``~2``, ``~3`` ... behind ids that were used before."""
    used: set[str] = set()
    for outcome in outcomes:
        unique, copy = outcome.id, 1
        while unique in used:
            copy += 1
            unique = f"{outcome.id}~{copy}"
        used.add(unique)
        yield outcome if unique == outcome.id else replace(outcome, id=unique)


@contextmanager
def _network_threads(workers: int) -> Iterator[None]:
    """Leaves half the cores to the workers, if there are any, for as long as the rows are drawn."""
    torch = sys.modules.get("torch")  # a scorer has imported it; without one there is nothing to set
    if torch is None or not workers:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // 2))
    try:
        yield
    finally:
        torch.set_num_threads(before)


# ---------------------------------------------------------------- outcomes -> rows


def _scored_row(outcome: Featurized, result: Numbers | BindingError, scorer: Scorer, evidence: int = 0) -> ResultRow:
    if isinstance(result, BindingError):
        name, size = outcome.ligand.name, outcome.ligand.num_atoms
        return _failed_row(Failed(outcome.id, outcome.protein, name, result, size), scorer.name)
    near = UNKNOWN if scorer.domain is None else scorer.domain.judge(outcome.graph.ligand, outcome.words)
    numbers = result._asdict() | near.columns() | dict(outcome.checks)
    warnings = (*outcome.warnings, *near.warnings, *bound_warnings(result.pk))
    row = ResultRow.scored(outcome.id, outcome.protein, outcome.ligand, **numbers, model=scorer.name, warnings=warnings)
    if not evidence:
        return row
    from binding.score.evidence import evidence_in, evidence_values  # what a prior is fitted with: slow to import

    found = evidence_in(outcome.graph, scorer, evidence)
    return row if found is None else replace(row, more={**row.more, **evidence_values(found)})


def _failed_row(outcome: Failed, model: str) -> ResultRow:
    return ResultRow.failed(
        outcome.id, outcome.protein, outcome.name, outcome.error, model=model, heavy_atoms=outcome.heavy_atoms
    )

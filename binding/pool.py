"""Worker processes that lose no job: what kills its worker, or hangs, costs its own items and nothing else.

``concurrent.futures.ProcessPoolExecutor`` gives up every pending job when one process is killed, and spawned
processes run the caller's script again unless it is guarded. Here a worker is a fresh interpreter that speaks pickle
over its own pipes, or the copy of one (``binding.processes``), so that any script or notebook can call the package.
A worker ends within seconds of the process that started it, however that one ended.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from binding.errors import BindingError
from binding.processes import CAN_COPY, Child, FreshProcess, Original
from binding.worker import SHARED, Begun, working_folder

_POLL_SECONDS: Final = 0.5  # how soon a wish to stop is seen while jobs are under way
_TICK_SECONDS: Final = 1.0  # how often time limits are looked at

Job = TypeVar("Job")
Answer = TypeVar("Answer")
Process = TypeVar("Process", "_Worker", Original)
Submit = Callable[[Job], "Future[Answer]"]


class WorkerDiedError(Exception):
    """The process that held the job ended before it answered."""


@dataclass(frozen=True)
class TimeLimit:
    """How long a worker may be silent before it is ended; ``begin`` breaks the silence.

    Attributes:
        item: Seconds for one item of a job, and for what its items share.
        rest: Seconds for each stretch between items: loading, computing for many items at once.
    """

    item: float
    rest: float


class TimeLimitError(WorkerDiedError):
    """The job took longer than it may, and its process was ended.

    Args:
        seconds: The time limit.
        place: Which item of the job it was that took so long, from 0; ``SHARED`` for what its items share, None where
            that is not known.
    """

    def __init__(self, seconds: float, place: int | None = None) -> None:
        super().__init__(seconds, place)
        self.seconds = seconds
        self.place = place


def lost_item(error: WorkerDiedError, item: str = "this record", alone: str = "") -> BindingError:
    """The error for the row of an item that killed its process or hung.

    Args:
        error: How its process ended.
        item: Name of the item.
        alone: How to try it by itself, such as "try it alone with --workers 0".

    Returns:
        An error with the code ``worker_died`` or ``time_limit``.
    """
    look = f"Look at the record, or {alone}." if alone else "Look at the record."
    if isinstance(error, TimeLimitError):
        what = f"the receptor of {item}" if error.place == SHARED else item
        message = f"The work on {what} was ended after {error.seconds:g} s."
        return BindingError(message, "Look at the file, or allow more time with --time-limit.", "time_limit")
    message = f"The process that worked on {item} ended unexpectedly."
    return BindingError(message, f"It may have run out of memory. {look}", "worker_died")


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---------------------------------------------------------------- jobs, and the rescue of those that kill


@dataclass(frozen=True)
class Rescue(Generic[Job, Answer]):
    """How to recover from a job that killed its worker, or hung.

    An item that is known to have hung is lost at once, and the others are done without it. Else the job is tried again
    (unless it hung), then split into jobs of one item each, which are tried twice; an item that kills its worker both
    times, or hangs, is lost. Where what the items share hangs, all are lost.

    Attributes:
        split: The job's items as jobs of their own, in order.
        failed: The answer for a job of one item that is lost.
        join: One answer of the answers for all items, in order.
        without: The same job, given which items (by place) are lost and why; its answer has to account for these
            too. None where the answers for single items, joined, are just as good.
    """

    split: Callable[[Job], Sequence[Job]]
    failed: Callable[[Job, WorkerDiedError], Answer]
    join: Callable[[list[Answer]], Answer]
    without: Callable[[Job, Mapping[int, WorkerDiedError]], Job] | None = None

    @classmethod
    def single(cls, failed: Callable[[Job, WorkerDiedError], Answer]) -> Rescue[Job, Answer]:
        """For jobs that have one item each."""
        return cls(lambda job: [job], failed, lambda answers: answers[0])


def run_jobs(
    submit: Submit[Job, Answer],
    jobs: Iterable[Job],
    rescue: Rescue[Job, Answer],
    *,
    ahead: int,
    ordered: bool = True,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Job, Answer]]:
    """Jobs and their answers; none is lost.

    Args:
        submit: Gives the future of a job's answer, which raises ``WorkerDiedError`` where its process died.
        jobs: Drawn lazily.
        rescue: How to recover from jobs that kill their worker.
        ahead: Jobs under way or waiting for the consumer, which bounds the memory.
        ordered: Whether the answers come in the order of the jobs, or as soon as they are there.
        stopping: True once nothing further may be begun: jobs that wait are dropped, others finished.

    Raises:
        Exception: The exception that the function raised for a job.
    """
    source, pending = iter(jobs), dict[Future[Answer], Job]()
    while True:
        while len(pending) < ahead and not (ordered and _first_is_done(pending)) and not stopping():
            try:
                job = next(source)
            except StopIteration:
                break
            pending[submit(job)] = job
        if stopping():
            for future in [future for future in pending if future.cancel()]:
                del pending[future]
        if not pending:
            return
        awaited = [next(iter(pending))] if ordered else list(pending)
        for future in wait(awaited, _POLL_SECONDS, FIRST_COMPLETED).done:
            job, answer = pending.pop(future), _answer(future)
            yield job, _rescued(submit, job, rescue, answer) if isinstance(answer, WorkerDiedError) else answer


def _first_is_done(pending: Mapping[Future[Answer], Job]) -> bool:
    return bool(pending) and next(iter(pending)).done()


def _rescued(submit: Submit[Job, Answer], job: Job, rescue: Rescue[Job, Answer], error: WorkerDiedError) -> Answer:
    """The answer for a job whose first try killed its worker."""
    lost: dict[int, WorkerDiedError] = {}
    found: Answer | WorkerDiedError = error
    rest = job
    while isinstance(found, TimeLimitError) and found.place is not None and found.place not in lost:
        if found.place == SHARED:
            return rescue.join([rescue.failed(item, found) for item in rescue.split(job)])
        lost[found.place] = found
        if rescue.without is None:
            break
        rest = rescue.without(job, lost)
        found = _answer(submit(rest))
    if isinstance(found, WorkerDiedError):
        found = _again(submit, rest, found)
    if not isinstance(found, WorkerDiedError):
        return found
    items = rescue.split(job)
    if len(items) <= 1:
        return rescue.failed(items[0] if items else job, found)
    return _one_by_one(submit, job, items, rescue, lost)


def _one_by_one(
    submit: Submit[Job, Answer],
    job: Job,
    items: Sequence[Job],
    rescue: Rescue[Job, Answer],
    lost: dict[int, WorkerDiedError],
) -> Answer:
    """The answer for a job of which nobody knows which items end their worker, besides those that are ``lost``."""
    futures = {place: submit(item) for place, item in enumerate(items) if place not in lost}
    answers: list[Answer] = []
    for place, item in enumerate(items):
        found: Answer | WorkerDiedError
        if place in lost:
            found = lost[place]
        else:
            found = _answer(futures[place])
            if isinstance(found, WorkerDiedError):
                found = _again(submit, item, found)
        if isinstance(found, WorkerDiedError):
            lost[place] = found
            found = rescue.failed(item, found)
        answers.append(found)
    if rescue.without is not None and 0 < len(lost) < len(items):
        together = _answer(submit(rescue.without(job, lost)))
        if not isinstance(together, WorkerDiedError):
            return together
        # The rest dies too, though each item alone does not: there is no other way than one by one.
    return rescue.join(answers)


def _again(submit: Submit[Job, Answer], job: Job, error: WorkerDiedError) -> Answer | WorkerDiedError:
    """A second try, since a process may die of its neighbours' use of memory; hanging is the job's own fault."""
    if isinstance(error, TimeLimitError):
        return error
    future = submit(job)
    return _answer(future)


def _answer(future: Future[Answer]) -> Answer | WorkerDiedError:
    try:
        return future.result()
    except WorkerDiedError as error:
        return error


# ---------------------------------------------------------------- the processes


class _Silence:
    """What a worker was last heard to begin.

    Attributes:
        place: The item; None for none.
        heard: How often it was heard.
    """

    def __init__(self) -> None:
        self.place: int | None = None
        self.heard = 0

    def end(self, place: int | None) -> None:
        """The worker begins something."""
        self.place = place  # first, as the watcher looks at ``heard``
        self.heard += 1


class _Worker:
    """What does one job after the other in a process of its own."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def set_up(self, function: str, setup: Any = None) -> None:
        """Have the function loaded.

        Raises:
            BindingError: What it is set up with cannot be used.
            EOFError, OSError: The process ended.
        """
        self._send((function, setup))
        answer = pickle.load(self._child.answers)  # noqa: S301 - from our own child
        if isinstance(answer, Exception):
            raise answer

    def _send(self, thing: Any) -> None:
        self._child.jobs.write(pickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL))
        self._child.jobs.flush()

    def call(self, job: Any, limit: TimeLimit | None = None, told: Callable[[Any], None] = lambda note: None) -> Any:
        """Do one job in the child.

        Args:
            job: Argument of the function.
            limit: How long the child may be silent.
            told: Takes the notes that the function gives with ``tell``.

        Raises:
            WorkerDiedError: The child ended before it answered; ``TimeLimitError`` where it took too long.
            Exception: The exception that the function raised there.
        """
        with self._limited(limit) as silence:
            try:
                self._send((working_folder(), job))
                while True:
                    done, answer = pickle.load(self._child.answers)  # noqa: S301 - from our own child
                    if done is not None:
                        break
                    if isinstance(answer, Begun):
                        silence.end(answer.place)
                    else:
                        told(answer)
            except (EOFError, pickle.UnpicklingError, OSError) as error:  # cut off in the middle of an answer
                raise WorkerDiedError from error
        if not done:
            raise answer
        return answer

    @contextlib.contextmanager
    def _limited(self, limit: TimeLimit | None) -> Iterator[_Silence]:
        """Ends the child where it is silent for longer than it may be."""
        silence = _Silence()
        if limit is None:
            yield silence
            return
        answered = threading.Event()
        late: list[TimeLimitError] = []
        watcher = threading.Thread(
            target=self._watch, args=(limit, silence, answered, late), name="binding-time-limit", daemon=True
        )
        watcher.start()
        try:
            yield silence
        except WorkerDiedError as error:
            raise (late[0] if late else error) from None
        finally:
            answered.set()
            watcher.join()
        if late:  # the answer came as the child was being ended
            raise late[0]

    def _watch(
        self, limit: TimeLimit, silence: _Silence, answered: threading.Event, late: list[TimeLimitError]
    ) -> None:
        """Ends the child, and says so in ``late``, once it is late; returns when ``answered``."""
        heard, spent, before = silence.heard, 0.0, time.monotonic()
        while True:
            place = silence.place
            allowed = limit.rest if place is None else limit.item
            if answered.wait(max(min(_TICK_SECONDS, allowed - spent), 0.0)):
                return
            now = time.monotonic()
            spent += min(now - before, 2 * _TICK_SECONDS)  # while all of us were stopped (Ctrl-Z), nothing was late
            before = now
            if silence.heard != heard:
                heard, spent = silence.heard, 0.0
            elif spent >= allowed:
                late.append(TimeLimitError(allowed, place))
                self._child.end()
                return

    def close(self) -> None:
        """End the child at once: it keeps nothing between jobs."""
        self._child.end()
        for stream in (self._child.jobs, self._child.answers):
            with contextlib.suppress(OSError):  # bytes that the dead child never took
                stream.close()


class WorkerPool:
    """Runs one function over many jobs in worker processes, in the folder in which this process works by then.

    Args:
        function: ``module:name`` of a function of one pickleable argument.
        workers: Number of processes; they start with their first job.
        setup: Sent once to each process: ``function`` is then called with it there, and what it returns
            does the jobs. It may hold what takes long to load or to send.
        time_limit: How long the worker of a job may be silent, or a function that says so of each job; one that is
            silent for longer is ended. None sets no limit.
    """

    def __init__(
        self,
        function: str,
        workers: int,
        setup: Any = None,
        *,
        time_limit: TimeLimit | Callable[[Any], TimeLimit | None] | None = None,
    ) -> None:
        self._function = function
        self._setup = setup
        self._limit = time_limit if callable(time_limit) else lambda job: time_limit
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="binding-worker")
        self._local = threading.local()
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._copies = CAN_COPY and workers > 1  # one alone would only share with what it was copied from
        self._original: Original | None = None
        self._started: list[_Worker | Original] = []
        self._notes: dict[int, Any] = {}
        self._closed = False

    def start(self) -> None:
        """Start one of the workers, without waiting for it, so that it is ready for the first job."""
        self._threads.submit(self._worker)

    def submit(self, job: Any) -> Future:
        """The future of one job.

        It raises ``WorkerDiedError`` where the process died, ``TimeLimitError`` where it took too long,
        ``RuntimeError`` where no process can be started, and any exception of the function.
        """
        return self._threads.submit(self._do, job)

    def run(
        self,
        jobs: Iterable[Job],
        rescue: Rescue[Job, Answer],
        *,
        ahead: int,
        ordered: bool = True,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[Job, Answer]]:
        """Jobs and their answers; none is lost. See ``run_jobs``."""
        return run_jobs(self.submit, jobs, rescue, ahead=ahead, ordered=ordered, stopping=stopping)

    @property
    def notes(self) -> list[Any]:
        """The last note of each job under way that has given one; see ``tell``."""
        with self._lock:
            return list(self._notes.values())

    def _do(self, job: Any) -> Any:
        worker, thread = self._worker(), threading.get_ident()

        def told(note: Any) -> None:
            with self._lock:
                self._notes[thread] = note

        try:
            return worker.call(job, self._limit(job), told)
        except WorkerDiedError:
            self._local.worker = None
            worker.close()
            raise
        finally:
            with self._lock:
                self._notes.pop(thread, None)

    def _worker(self) -> _Worker:
        """The worker of this thread, which never outlives the thread; see ``binding.worker``."""
        worker: _Worker | None = getattr(self._local, "worker", None)
        if worker is None:
            if self._closed:
                raise WorkerDiedError("The pool is closed.")
            try:
                worker = self._copied() or self._fresh()
            except (EOFError, OSError) as error:
                what = f"A worker process cannot load {self._function}; see what it wrote to stderr."
                raise RuntimeError(what) from error
            self._local.worker = worker
        return worker

    def _copied(self) -> _Worker | None:
        """A worker that is a copy of one process; None where that cannot be."""
        with self._loading:  # all wait for the one that is loading
            if not self._copies:
                return None
            if self._original is not None:
                try:
                    return self._kept(_Worker(self._original.copy()))
                except (EOFError, OSError):  # it was killed, and with it all workers
                    self._original.close()
            original = self._original = self._kept(Original())
            try:
                self._copies = original.load(self._function, self._setup)
                return self._kept(_Worker(original.copy())) if self._copies else None
            except BaseException:
                self._original = None
                raise
            finally:
                if self._original is None or not self._copies:
                    original.close()

    def _fresh(self) -> _Worker:
        """A worker that loads for itself."""
        worker = self._kept(_Worker(FreshProcess()))
        worker.set_up(self._function, self._setup)
        return worker

    def _kept(self, process: Process) -> Process:
        """The same, which ends with the pool.

        Raises:
            WorkerDiedError: The pool is closed already.
        """
        with self._lock:
            if self._closed:
                process.close()
                raise WorkerDiedError("The pool is closed.")
            self._started.append(process)
        return process

    def close(self) -> None:
        """End the workers; jobs under way or waiting are dropped."""
        with self._lock:
            self._closed = True
            started, self._started = self._started, []
        for process in started:  # as long as the threads are there that started them, or the kernel ends some first
            process.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

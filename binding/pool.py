"""A pool of worker processes that loses no job when a worker dies.

``concurrent.futures.ProcessPoolExecutor`` gives up every pending job when one process is
killed, and spawned processes run the caller's script again unless it is guarded. Here a
worker is a fresh interpreter that speaks pickle over its own pipes: a crash in native code
costs the one job that caused it, and any script or notebook may call the package.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

_START = "import sys; sys.path[:0] = {path!r}; from binding.pool import serve; serve()"


class WorkerDiedError(Exception):
    """The process that held the job ended before it answered."""


class _Worker:
    """One child interpreter and the two pipes to it."""

    def __init__(self, function: str, setup: Any = None) -> None:
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        # The network has the cores; featurization is one thread a worker.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START.format(path=[here])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._send((function, setup))
        if not self._is_ready():
            self.close()
            raise RuntimeError(f"a worker process cannot load {function}; see what it wrote to stderr")

    def _is_ready(self) -> bool:
        assert self._process.stdout is not None
        try:
            return bool(pickle.load(self._process.stdout))  # noqa: S301 - from our own child
        except EOFError:
            return False

    def _send(self, thing: Any) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(pickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL))
            stdin.flush()
        except OSError as error:
            raise WorkerDiedError from error

    def call(self, job: Any) -> Any:
        """Do one job in the child.

        Raises:
            WorkerDiedError: The child ended before it answered.
            Exception: Whatever the function raised there.
        """
        self._send(job)
        stdout = self._process.stdout
        assert stdout is not None
        try:
            done, answer = pickle.load(stdout)  # noqa: S301 - from our own child
        except (EOFError, pickle.UnpicklingError, OSError) as error:  # cut off in the middle of an answer
            raise WorkerDiedError from error
        if not done:
            raise answer
        return answer

    def close(self) -> None:
        """End the child at once: it keeps nothing between jobs."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # bytes that the dead child never took
                if stream is not None:
                    stream.close()


class WorkerPool:
    """Runs one function over many jobs in worker processes.

    Args:
        function: ``module:name`` of a function of one pickleable argument.
        workers: Number of processes; they start with their first job.
        setup: Sent once to each process: ``function`` is then called with it there, and what it returns
            does the jobs. It may hold what is dear to load or to send.
    """

    def __init__(self, function: str, workers: int, setup: Any = None) -> None:
        self._function = function
        self._setup = setup
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="binding-worker")
        self._local = threading.local()
        self._lock = threading.Lock()
        self._started: list[_Worker] = []
        self._closed = False

    def submit(self, job: Any) -> Future:
        """The future of one job.

        It raises ``WorkerDiedError`` where the process died, ``RuntimeError`` where none can be
        started, and whatever the function raised.
        """
        return self._threads.submit(self._do, job)

    def _do(self, job: Any) -> Any:
        worker = getattr(self._local, "worker", None)
        if worker is None:
            with self._lock:
                if self._closed:
                    raise WorkerDiedError("the pool is closed")
                worker = self._local.worker = _Worker(self._function, self._setup)
                self._started.append(worker)
        try:
            return worker.call(job)
        except WorkerDiedError:
            self._local.worker = None
            worker.close()
            raise

    def map(self, jobs: Iterable[Any], lookahead: int) -> Iterator[tuple[Any, Future]]:
        """Jobs and their finished futures, in the order of ``jobs``.

        Args:
            jobs: Drawn lazily, at most ``lookahead`` ahead of what was taken.
            lookahead: Jobs under way or waiting for the consumer, which bounds the memory.
        """
        pending: deque[tuple[Any, Future]] = deque()
        for job in jobs:
            pending.append((job, self.submit(job)))
            while len(pending) >= lookahead or (pending and pending[0][1].done()):
                yield self._finished(pending)
        while pending:
            yield self._finished(pending)

    @staticmethod
    def _finished(pending: deque[tuple[Any, Future]]) -> tuple[Any, Future]:
        job, future = pending.popleft()
        future.exception()  # waits; the caller decides what an error means
        return job, future

    def close(self) -> None:
        """End the workers; jobs under way or waiting are dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._closed = True
            workers, self._started = self._started, []
        for worker in workers:
            worker.close()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# ---------------------------------------------------------------- in the worker process


class _ParentGoneError(Exception):
    """The pipes to the process that started this one are closed: it wants no more, or was killed."""


def serve() -> None:
    """What a worker process does: answer jobs from stdin until it is closed.

    A parent that was killed, even in the middle of a job's bytes, is no fault of this process, which then ends without
    a word.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    jobs = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever native code prints must not land among the answers
    try:
        _answer(jobs, answers)
    except _ParentGoneError:
        with contextlib.suppress(OSError):  # what nobody took
            answers.close()


def _answer(jobs: IO[bytes], answers: IO[bytes]) -> None:
    path, setup = _receive(jobs)
    module, _, name = path.partition(":")
    function: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
    if setup is not None:
        function = function(setup)
    _reply(answers, True)
    while True:
        job = _receive(jobs)
        try:
            answer = (True, function(job))
        except Exception as error:  # noqa: BLE001 - carried to the parent, which raises it
            answer = (False, error)
        _reply(answers, answer)


def _receive(jobs: IO[bytes]) -> Any:
    try:
        return pickle.load(jobs)  # noqa: S301 - from our own parent
    except (EOFError, pickle.UnpicklingError) as error:  # the end, or cut off in the middle
        raise _ParentGoneError from error


def _reply(answers: IO[bytes], thing: Any) -> None:
    data = pickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL)
    try:
        answers.write(data)
        answers.flush()
    except OSError as error:
        raise _ParentGoneError from error

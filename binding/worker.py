"""What runs in a worker process: it answers jobs; and the process of which workers are copies.

Loading a model takes seconds and hundreds of MB. Where a pool has several workers, one process loads for all, does
nothing else and stays the only thread of itself, so that it can be copied at any time (``fork``): a copy is there in
milliseconds and shares the memory that neither writes to.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from binding.errors import BindingError
from binding.memory import give_back

SHARED: Final = -1  # in place of an item: what all items of a job share, such as their receptor
FORK, END = "fork", "end"  # what a process of which workers are copies may be told
_TICK_SECONDS: Final = 1.0  # how often the process that started a worker is looked at
_PR_SET_PDEATHSIG: Final = 1  # Linux, <sys/prctl.h>
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Begun:
    """Message of a worker that it begins an item."""

    place: int | None


class _ParentGoneError(Exception):
    """The pipes to the process that started this one are closed: it wants no more, or was killed."""


# ---------------------------------------------------------------- from a job under way

_told: list[IO[bytes]] = []  # where notes go, in a worker process


def begin(place: int | None) -> None:
    """From a job under way: what takes its time from here on, so that it is named if it takes too long.

    Args:
        place: Item of the job, from 0; ``SHARED`` for what its items share, None for work on none in particular.
    """
    for stream in _told:
        _reply(stream, (None, Begun(place)))


def tell(note: Any) -> None:
    """From a job under way: a note on how far it is, which ``WorkerPool.notes`` shows until the next one or the end.

    Args:
        note: Anything that can be pickled; lost where this is no worker process.
    """
    for stream in _told:
        _reply(stream, (None, note))


def working_folder() -> str | None:
    """From which relative paths start; None where it was removed."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


# ---------------------------------------------------------------- a worker


def serve(parent: int | None = None) -> None:
    """Runs a worker process: answers jobs from stdin until it is closed.

    A parent that was killed, even in the middle of a job's bytes, is no fault of this process, which then ends without
    a word.

    Args:
        parent: Process id of the parent.
    """
    _end_with(os.getppid() if parent is None else parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of native code must not land among the answers
    with _until_nobody_listens(answers):
        try:
            function = _load(*_receive(jobs))
        except BindingError as error:
            _reply(answers, error)
            return
        _reply(answers, True)
        _answer_all(function, jobs, answers)


@contextlib.contextmanager
def _until_nobody_listens(answers: IO[bytes]) -> Iterator[None]:
    try:
        yield
    except _ParentGoneError:
        with contextlib.suppress(OSError):  # what nobody took
            answers.close()


def _end_with(parent: int) -> None:
    """See to it that this process ends with its parent, also in the middle of a job.

    On Linux the kernel does it. It does so when the *thread* ends that started this process; that is a thread of the
    pool, which lives as long as the pool, or the only one of a process of which workers are copies. Elsewhere a thread
    looks every second, which native code that keeps Python from running anything else can hold up.
    """
    die_with_parent()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_TICK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="binding-parent-watch", daemon=True).start()


def die_with_parent() -> None:
    """Have the kernel end this process when the thread that started it ends; Linux only.

    For what a worker starts in turn: ``subprocess.Popen(..., preexec_fn=die_with_parent)``.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _load(path: str, setup: Any) -> Callable[[Any], Any]:
    """The function of a pool, set up."""
    module, _, name = path.partition(":")
    function: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
    return function if setup is None else function(setup)


def _answer_all(function: Callable[[Any], Any], jobs: IO[bytes], answers: IO[bytes]) -> None:
    _told[:] = [answers]
    while True:
        folder, job = _receive(jobs)
        try:
            if folder is not None and folder != working_folder():
                os.chdir(folder)
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


# ---------------------------------------------------------------- a process of which workers are copies


def serve_copies(handle: int, parent: int) -> None:
    """Loads the function of a pool and is copied for each of its workers, until the pool closes the connection.

    Args:
        handle: Descriptor of the connection, on which come the function and its setup, and then orders. To the
            first is answered True, or False where this process has threads, which no copy would have; to
            ``(FORK, None)``, which two descriptors follow, with the worker's process id; to ``(END, id)``
            once that worker is gone.
        parent: Process id of the parent.
    """
    die_with_parent()
    if os.getppid() != parent:  # it went before the kernel was asked
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    os.dup2(2, 1)  # nobody reads what native code prints
    workers: set[int] = set()
    with Connection(handle) as orders, contextlib.suppress(EOFError, OSError):  # closed, or the parent is gone
        asked = orders.recv()
        try:
            function = _load(*asked)
        except BindingError as error:
            orders.send(error)
            return
        except Exception:  # noqa: BLE001 - said before the parent hears of the end
            traceback.print_exc()
            sys.stderr.flush()
            sys.exit(1)
        gc.collect()
        gc.freeze()  # else a copy's first collection writes to every object, and shares none of them
        give_back()
        orders.send(_is_one_thread())
        while True:
            order, which = orders.recv()
            if order == FORK:
                which = _copy(function, orders)
                workers.add(which)
            else:
                _end(which)
                workers.discard(which)
            orders.send(which)
    for worker in workers:
        _end(worker)  # so that what they used is counted to this process


def _is_one_thread() -> bool:
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


def _copy(function: Callable[[Any], Any], orders: Connection) -> int:
    """Starts a worker; its process id."""
    jobs, answers = recv_handle(orders), recv_handle(orders)
    here = os.getpid()
    worker = os.fork()
    if not worker:
        orders.close()
        _work(function, here, jobs, answers)
    os.close(jobs)
    os.close(answers)
    return worker


def _work(function: Callable[[Any], Any], parent: int, jobs: int, answers: int) -> NoReturn:
    """What a copy does, which must never come back to what it was copied from."""
    status = 1
    try:
        _end_with(parent)
        with open(jobs, "rb") as stream, open(answers, "wb") as out, _until_nobody_listens(out):
            _answer_all(function, stream, out)
        status = 0
    except BaseException:  # noqa: BLE001 - said here, as at the end of a process
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _end(worker: int) -> None:
    """Ends a worker of this process, which no other has waited for: its id is still its own."""
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)

"""How the processes of workers are started and ended: fresh interpreters, or copies of one that has loaded all.

See ``binding.worker`` for what runs in them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from multiprocessing.connection import Pipe
from multiprocessing.reduction import send_handle
from typing import IO, Any, Final, Protocol

from binding.worker import END, FORK

_SERVE: Final = "import sys; sys.path[:0] = {path!r}; from binding.worker import serve; serve({parent})"
_COPIED: Final = (
    "import sys; sys.path[:0] = {path!r}; from binding.worker import serve_copies; serve_copies({handle}, {parent})"
)
_CLOSING_SECONDS: Final = 5.0  # how long a process may take to end its copies before it is ended itself
#: Each worker is one thread, since there are as many as cores. The last one is a thread of Arrow's, which frees memory.
_ONE_THREAD: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
#: macOS has ``fork``, but its system libraries do not survive it.
CAN_COPY: Final = sys.platform == "linux"


class Child(Protocol):
    """A worker's process and the pipes to it."""

    @property
    def jobs(self) -> IO[bytes]:
        """Where jobs go."""

    @property
    def answers(self) -> IO[bytes]:
        """From where answers come."""

    def end(self) -> None:
        """End it at once, from any thread and as often as wanted; the pipes stay open."""


def _start(code: str, **more: Any) -> subprocess.Popen[bytes]:
    """An interpreter that knows this package."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    command = [sys.executable, "-c", code.format(path=[here], parent=os.getpid(), **more.pop("named", {}))]
    return subprocess.Popen(command, env=os.environ | _ONE_THREAD, **more)


class FreshProcess:
    """An interpreter of its own, which loads for itself."""

    def __init__(self) -> None:
        self._process = _start(_SERVE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @property
    def jobs(self) -> IO[bytes]:
        """Where jobs go."""
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def answers(self) -> IO[bytes]:
        """From where answers come."""
        assert self._process.stdout is not None
        return self._process.stdout

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


class Copy:
    """A copy of an ``Original``.

    Attributes:
        jobs: Where jobs go.
        answers: From where answers come.
    """

    def __init__(self, original: Original, process: int, jobs: IO[bytes], answers: IO[bytes]) -> None:
        self.jobs, self.answers = jobs, answers
        self._original, self._process = original, process

    def end(self) -> None:
        """End it at once."""
        self._original.end(self._process)


class Original:
    """A process that loads a function for all workers of a pool, which are copies of it; they end with it."""

    def __init__(self) -> None:
        self._orders, theirs = Pipe()
        with theirs:
            handle = theirs.fileno()
            self._process = _start(
                _COPIED,
                named={"handle": handle},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(handle,),
            )
        self._lock = threading.Lock()
        self._copies: set[int] = set()
        self._is_ready = False

    def load(self, function: str, setup: Any) -> bool:
        """Have the function loaded, and whether the process can be copied.

        Raises:
            BindingError: What the function is set up with cannot be used.
            EOFError, OSError: The process ended.
        """
        self._orders.send((function, setup))
        answer = self._orders.recv()
        if isinstance(answer, Exception):
            raise answer
        self._is_ready = True
        return bool(answer)

    def copy(self) -> Copy:
        """A worker.

        Raises:
            EOFError, OSError: The process ended.
        """
        with self._lock, contextlib.ExitStack() as broken:
            their_jobs, jobs = _pipe(broken)
            answers, their_answers = _pipe(broken)
            self._orders.send((FORK, None))
            send_handle(self._orders, their_jobs, self._process.pid)
            send_handle(self._orders, their_answers, self._process.pid)
            copy: int = self._orders.recv()
            self._copies.add(copy)
            broken.pop_all()
            for handle in (their_jobs, their_answers):
                os.close(handle)
            return Copy(self, copy, os.fdopen(jobs, "wb"), os.fdopen(answers, "rb"))

    def end(self, copy: int) -> None:
        """End a copy at once; the process does it that started it, so that no other can have got its id."""
        with self._lock:
            if copy in self._copies:
                self._copies.discard(copy)
                with contextlib.suppress(EOFError, OSError):  # all copies end with the process
                    self._orders.send((END, copy))
                    self._orders.recv()

    def close(self) -> None:
        """End the process and all copies of it at once."""
        if self._is_ready and self._lock.acquire(timeout=_CLOSING_SECONDS):
            try:
                self._copies.clear()
                self._orders.close()
            finally:
                self._lock.release()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_CLOSING_SECONDS)
        self._process.kill()
        self._process.wait()


def _pipe(broken: contextlib.ExitStack) -> tuple[int, int]:
    """Where to read and where to write; both are closed with ``broken``."""
    ends = os.pipe()
    for end in ends:
        broken.callback(os.close, end)
    return ends

"""Helpers of the tests of screening: libraries, forked screens, what a run has written."""

from __future__ import annotations

import gzip
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from binding.screening.plan import ScreenPlan
from binding.screening.run import screen


def write(path: Path, records: list[str]) -> Path:
    data = "".join(records).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


class Child:
    """A screen in a forked process: torch is loaded already, so that many can be begun and killed.

    Args:
        work: A plan, or a function whose ``SystemExit`` or return value is the exit code.
        before: Called first in the new process.
    """

    def __init__(self, work: ScreenPlan | Callable[[], object], before: Callable[[], None] = lambda: None) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            code = 99
            try:
                before()
                code = screen(work).exit_code if isinstance(work, ScreenPlan) else work()
            except SystemExit as end:
                code = end.code
            except BaseException as error:  # noqa: BLE001 - a forked child must not return into pytest
                code = getattr(error, "exit_code", 98)
                os.write(2, f"{error!r}\n".encode())
            finally:
                os._exit(code)

    def signal_when(self, there: Callable[[], bool], number: int) -> int:
        """Send a signal once something is there; the exit code."""
        while not there():
            time.sleep(0.001)
        os.kill(self.pid, number)
        return self.wait()

    def kill_when(self, there: Callable[[], bool], later: float) -> bool:
        """Kill -9 some seconds after something is there; False where it had ended by then."""
        blow = None
        while not os.waitpid(self.pid, os.WNOHANG)[0]:
            if blow is None and there():
                blow = time.monotonic() + later
            if blow is not None and time.monotonic() >= blow:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                return True
            time.sleep(0.001)
        return False

    def wait(self) -> int:
        """The exit code."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def contents(run: Path) -> dict[str, bytes]:
    """The files of a run that must not depend on how it was run."""
    names = ("results.csv", "failures.csv", "results.parquet", "top.sdf")
    files = [run / name for name in names] + sorted((run / "parts").iterdir())
    return {path.name: path.read_bytes() for path in files}

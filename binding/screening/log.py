"""The log of a run, ``run.log`` in its folder: how it was begun, went on and ended, one event a line."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from binding import __version__
from binding.errors import BindingError
from binding.screening.folder import now
from binding.screening.ledger import Progress
from binding.screening.plan import Shard

LOG_FILE: Final = "run.log"
_SECONDS: Final = 60.0  # between two lines of progress


class RunLog:
    """Appends to the log; shards of one run share it.

    Args:
        run: Folder of the run.
        shard: Shard of this process.
    """

    def __init__(self, run: Path, shard: Shard) -> None:
        self._path = run / LOG_FILE
        self._who = "" if shard.count == 1 else f"shard {shard.index}/{shard.count}: "
        self._told = time.monotonic()

    def write(self, event: str) -> None:
        """Append one line; a log that cannot be written, as on a full disk, stops no run."""
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(f"{now()} {self._who}{' '.join(event.split())}\n")
        except OSError:
            return

    def progress(self, progress: Progress) -> None:
        """Append a line on how far the run is, if the last one is a minute old."""
        if time.monotonic() - self._told >= _SECONDS:
            self._told = time.monotonic()
            self.write(progress.counts)

    @contextmanager
    def session(self, command: Sequence[str], done: int, judge: str) -> Iterator[None]:
        """Notes the beginning of a process, and how it ended where it ends by an exception.

        Args:
            command: As given.
            done: Records that earlier processes have done.
            judge: Which networks judge the poses.
        """
        how = "resumed" if done else "begun"
        self.write(f"{how} by binding {__version__} (pose: {judge}): {shlex.join(command)}")
        try:
            yield
        except BindingError as error:
            self.write(f"stopped: [{error.code}] {error.message}")
            raise
        except BaseException as error:
            self.write(f"stopped: {type(error).__name__} {error}")
            raise

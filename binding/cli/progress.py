"""How far a long command is: a bar with rate and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import typer

_LINE_SECONDS: Final = 30.0


@contextmanager
def shown(what: str, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A function to call with how many are done and how many there are; None where nothing is to be shown.

    Args:
        what: Stands before the bar and in each line.
        quiet: Show nothing.
    """
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():
        yield Lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.0f}/s" if task.speed else "")

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class Lines:
    """Writes a line to stderr every half minute.

    Args:
        what: Begins each line.
        seconds: Between two lines.
    """

    def __init__(self, what: str, seconds: float = _LINE_SECONDS) -> None:
        self._what, self._seconds = what, seconds
        self._told, self._done = time.monotonic(), 0

    def __call__(self, done: int, total: int) -> None:
        """Take news.

        Args:
            done: So far.
            total: In all.
        """
        now = time.monotonic()
        passed = now - self._told
        if passed < self._seconds:
            return
        rate = (done - self._done) / passed
        line = f"{time.strftime('%H:%M:%S')} {self._what}: {done} of {total}, {rate:.1f}/s"
        if rate > 0:
            left = int((total - done) / rate)
            line += f", about {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"
        typer.echo(line, err=True)
        self._told, self._done = now, done

"""Progress of long commands: a bar with rate and time left on a terminal, else a line every half minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

LINE_SECONDS: Final = 30.0  # between two lines


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
    with counter(what, shown=True) as advance:
        yield advance


@contextmanager
def counter(what: str, shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr and the function that moves it: called with how many are done and how many there are.

    Args:
        what: Stands before the bar.
        shown: False for none; there is no function then.
    """
    if not shown:
        yield None
        return
    with make_bar() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def make_bar(console: Console | None = None) -> Progress:
    """A progress bar with counts, rate and time left, which leaves nothing behind.

    The rate is that of the last updates, or what a task has in its field ``rate``.

    Args:
        console: To draw on; stderr where None.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            rate = task.fields.get("rate", task.speed)
            return Text(rate_text(rate, 0) if rate else "")

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    return Progress(*columns, console=console or Console(stderr=True), transient=True)


def rate_text(rate: float, decimals: int = 1) -> str:
    """``20.0/s``, or ``3.2 s each`` for what is slower than one a second.

    Args:
        rate: A second.
        decimals: Decimals of the first form.
    """
    return f"{1 / rate:.1f} s each" if 0 < rate < 1 else f"{rate:.{decimals}f}/s"


def rate_and_left(rate: float, left: int | None) -> str:
    """``20.0/s, about 0:00:50 left``, as far as it is known.

    Args:
        rate: A second.
        left: Still to do; None where that is not known.
    """
    text = rate_text(rate)
    if left is not None and rate > 0:
        text += f", about {_clock(left / rate)} left"
    return text


def duration(seconds: float) -> str:
    """``3.2 ms``, ``4.5 s`` or, from two minutes on, ``1:23:45``."""
    if seconds < 1:
        return f"{1000 * seconds:.1f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else _clock(seconds)


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


class Lines:
    """Writes a line to stderr every half minute.

    Args:
        what: Begins each line.
        seconds: Between two lines.
    """

    def __init__(self, what: str, seconds: float = LINE_SECONDS) -> None:
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
        line = f"{time.strftime('%H:%M:%S')} {self._what}: {done} of {total}, {rate_and_left(rate, total - done)}"
        typer.echo(line, err=True)
        self._told, self._done = now, done

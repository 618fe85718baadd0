"""How a command ends: friendly errors, exit codes, ``error.log``."""

from __future__ import annotations

import errno
import functools
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import typer

from binding import __version__
from binding.errors import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, BindingError
from binding.files import FULL_DISK, write_error

#: Errors caused by the user's choice of a file or folder, not by a defect of binding.
_OF_A_NAME: Final = (*FULL_DISK, errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.EROFS)


def guarded(command: Callable[..., int | None]) -> Callable[..., None]:
    """Turns what a command returns or raises into messages on stderr and an exit code.

    Args:
        command: The body of a verb; it returns an exit code, or None for 0. Its ``debug``
            argument, if true, shows tracebacks.
    """

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        debug = bool(kwargs.get("debug"))
        try:
            code = command(*args, **kwargs) or EXIT_OK
            sys.stdout.flush()
        except BindingError as error:
            if debug:
                traceback.print_exc()
            report(error)
            code = error.exit_code
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            code = EXIT_INTERRUPTED
        except BrokenPipeError:  # the reader of our stdout, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = EXIT_OK
        except OSError as error:
            if error.filename is None or error.errno not in _OF_A_NAME:
                code = EXIT_INTERNAL
                _report_defect(error, debug)
            else:
                code = EXIT_USAGE
                report(write_error(Path(os.fsdecode(error.filename)), error, what="{} cannot be used"))
        except Exception as error:  # noqa: BLE001 - the outermost frame: anything left is a defect of ours
            code = EXIT_INTERNAL
            _report_defect(error, debug)
        raise typer.Exit(code)

    return run


def report(error: BindingError) -> None:
    """Writes an error and its hint to stderr."""
    typer.echo(f"error: {error.message}", err=True)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)


def _report_defect(error: Exception, debug: bool) -> None:
    text = "".join(traceback.format_exception(error))
    if debug:
        typer.echo(text, err=True)
    typer.echo(f"error: internal error, {type(error).__name__}: {error}".splitlines()[0], err=True)
    where = _write_log(text)
    if where is not None:
        typer.echo(f"hint: This is a defect of binding; the details to report are in {where}.", err=True)


def _write_log(text: str) -> Path | None:
    """Writes ``error.log`` here, or where temporary files go if this folder cannot be written."""
    head = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, binding {__version__}, Python {sys.version.split()[0]}\n"
    head += "command: " + " ".join(sys.argv) + "\n\n"
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        try:
            path = folder / "error.log"
            path.write_text(head + text, encoding="utf-8")
        except OSError:
            continue
        return path
    return None

"""``binding train``: a settings file into weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from binding.cli import options
from binding.cli.errors import guarded
from binding.errors import EXIT_INTERRUPTED, EXIT_OK, UsageError


@guarded
def command(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Settings (YAML); configs/train/ has examples.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FOLDER", help="Output folder; replaces that of the settings."),
    ] = None,
    set_: options.Settings = None,
    init_encoders: Annotated[
        list[Path] | None,
        typer.Option(
            "--init-encoders",
            metavar="PATH",
            help="Start from pre-trained encoders: a file or the output folder of `binding pretrain`; may be repeated.",
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            "--init",
            metavar="NAME|PATH",
            help="Start from these weights: a shipped name, a file or the folder of a run.",
        ),
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option("--devices", metavar="N", min=1, help="Processes that share each batch, one per GPU."),
    ] = None,
    restart: options.Restart = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Train a model.

    A run that was stopped resumes with the same command.
    """
    from binding import api

    overrides = overrides_of(set_ or [])
    given = {"output": None if output is None else str(output), "init": init, "devices": devices}
    overrides |= {name: value for name, value in given.items() if value is not None}
    if init_encoders:
        overrides["encoders"] = [str(path) for path in init_encoders]
    result = api.train(config, overrides, progress=sys.stderr.isatty() and not quiet, restart=restart)
    if result.rank > 0:
        return EXIT_OK
    if result.interrupted:
        typer.echo("interrupted; the same command resumes from the last epoch", err=True)
        return EXIT_INTERRUPTED
    typer.echo(f"weights: {result.weights}", err=True)
    if result.predictions is not None:
        typer.echo(f"held-out predictions: {result.predictions}", err=True)
    return EXIT_OK


def overrides_of(items: list[str]) -> dict[str, Any]:
    """``a.b=1`` as a mapping; the value is read as YAML, so that numbers, booleans and null keep their type."""
    import yaml

    overrides = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {item!r} is not KEY=VALUE.", "Write it like --set model.angles=false.")
        try:
            overrides[name.strip()] = yaml.safe_load(value)
        except (yaml.YAMLError, RecursionError):
            raise UsageError(f"The value of --set {item!r} is not YAML.", "Put text in quotes.") from None
    return overrides

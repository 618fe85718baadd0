"""``binding pretrain``: encoders that training can begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from binding.cli import options, progress
from binding.cli.errors import guarded
from binding.cli.train import overrides_of
from binding.errors import EXIT_OK, EXIT_SOME_FAILED


@guarded
def command(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="Settings (YAML); configs/train/pretrain.yaml is an example.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FOLDER", help="Output folder; replaces that of the settings."),
    ] = None,
    set_: options.Settings = None,
    device: options.Device = "auto",
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", min=1, show_default="all cores", help="Processes that read molecules."),
    ] = None,
    restart: options.Restart = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Pre-train the ligand encoder, the pocket encoder or both.

    Each encoder is trained by itself. A run that was stopped resumes with the same command. Records that cannot be read
    are listed in rejected.csv of the output folder; exits 3 if there are any.
    """
    from binding import api

    overrides = overrides_of(set_ or [])
    if output is not None:
        overrides["output"] = str(output)
    with progress.counter("pre-training", shown=sys.stderr.isatty() and not quiet) as advance:
        result = api.pretrain(
            config,
            overrides=overrides,
            device=device,
            workers=workers,
            progress=None if advance is None else lambda what, done, total: advance(done, total),
            restart=restart,
        )
    for path, (kind, rows) in zip(result.encoders, result.rows.items(), strict=True):
        figures = ", ".join(f"{name} {value:.3f}" for name, value in result.figures[kind].items())
        held_out = f"; held out: {figures}" if figures else ""
        typer.echo(
            f"{kind} encoder: {path}, learned from {rows} {'molecules' if kind == 'ligand' else 'proteins'}{held_out}",
            err=True,
        )
    if result.rejected:
        typer.echo(
            f"rejected: {len(result.rejected)} records, see {result.encoders[0].parent / 'rejected.csv'}", err=True
        )
        return EXIT_SOME_FAILED
    return EXIT_OK

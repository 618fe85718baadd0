"""``binding info``: versions, and the card of a model."""

from __future__ import annotations

import json
from enum import StrEnum
from importlib import metadata
from typing import Annotated

import typer

from binding.cli import options
from binding.cli.errors import guarded

_PACKAGES = ("torch", "e3nn", "torch-geometric", "lightning", "rdkit", "gemmi", "numpy", "pandas")


class Topic(StrEnum):
    """What ``binding info`` can tell about."""

    versions = "versions"
    model = "model"


@guarded
def command(
    topic: Annotated[Topic, typer.Argument(help="versions, or the card of a model.")] = Topic.versions,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|PATH", help="The model; the shipped one by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
    debug: options.Debug = False,
) -> None:
    """Print versions, or what a model was trained on and how well it does."""
    if topic is Topic.versions:
        _print_versions()
        return
    from binding.api import model_card

    card = model_card(name)
    if as_json:
        typer.echo(json.dumps(card, indent=2, ensure_ascii=False))
    else:
        _print_card(card)


def _print_versions() -> None:
    import platform

    from binding import __version__

    typer.echo(f"binding {__version__}")
    typer.echo(f"python {platform.python_version()} ({platform.platform()})")
    for package in _PACKAGES:
        typer.echo(f"{package} {metadata.version(package)}")


def _print_card(card: dict) -> None:
    """Each key on a line, nested keys indented, lists of plain values on one line."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)

    def show(thing: object, depth: int) -> None:
        pad = "  " * depth
        items = (
            thing.items() if isinstance(thing, dict) else enumerate(thing, start=1) if isinstance(thing, list) else ()
        )
        for key, value in items:
            nested = isinstance(value, dict) or (
                isinstance(value, list) and any(isinstance(v, dict | list) for v in value)
            )
            label = f"{pad}[bold]{escape(str(key))}[/bold]"
            if nested:
                console.print(label)
                show(value, depth + 1)
            else:
                text = ", ".join(map(_plain, value)) if isinstance(value, list) else _plain(value)
                console.print(f"{label}: {escape(text)}")

    show(card, 0)


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

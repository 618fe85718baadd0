"""``binding info``: versions, and the card of a model with what its training set covers."""

from __future__ import annotations

import json
from enum import StrEnum
from importlib import metadata
from typing import Annotated, Any

import typer

from binding.cli import options
from binding.cli.errors import guarded

_PACKAGES = ("torch", "lightning", "rdkit", "gemmi", "numpy", "pandas")


class Topic(StrEnum):
    """What ``binding info`` can tell about."""

    versions = "versions"
    model = "model"


@guarded
def command(
    topic: Annotated[Topic, typer.Argument(help="versions, or model for the card of a model.")] = Topic.versions,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|PATH", help="Model; the shipped default if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
    debug: options.Debug = False,
) -> None:
    """Print versions, or the card of a model.

    The card says what the model was trained on and how well it does.
    """
    if topic is Topic.versions:
        _print_versions()
        return
    from binding.api import model_card
    from binding.domain.index import Domain, domain_path
    from binding.model.cards import resolve_weights

    card = model_card(name)
    weights, _ = resolve_weights(name)
    domain = Domain.load(weights)
    summary = None if domain is None else domain.summary()
    if as_json:
        typer.echo(json.dumps(card | {"domain": summary}, indent=2, ensure_ascii=False))
        return
    _print_card(card)
    if summary is not None:
        typer.echo(_domain(summary))
    elif "encoder" not in card:  # of which nothing is predicted
        typer.echo(f"training domain: not known, there is no {domain_path(weights).name} beside the weights")


def _print_versions() -> None:
    import platform

    from binding import __version__

    typer.echo(f"binding {__version__}")
    typer.echo(f"python {platform.python_version()} ({platform.platform()})")
    for package in _PACKAGES:
        typer.echo(f"{package} {metadata.version(package)}")


def _domain(summary: dict[str, Any]) -> str:
    """What the training set holds, and when a complex counts as like it."""
    fewest, most = summary["heavy_atoms"]
    return (
        f"training domain: {summary['ligands']:,} different ligands of {fewest} to {most} heavy atoms "
        f"({', '.join(summary['elements'])}) and {summary['proteins']:,} different proteins\n"
        f"in_domain is true from nearest_ligand {summary['nearest_ligand_from']:g} and nearest_protein "
        f"{summary['nearest_protein_from']:g} on, within these sizes and elements"
    )


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

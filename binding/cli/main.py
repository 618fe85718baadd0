"""``binding``: the program. Nothing here or in the verbs' modules imports torch or RDKit on the way in."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
import typer.core

from binding.cli import (
    evaluate,
    explain,
    fetch,
    info,
    place,
    predict,
    prepare,
    pretrain,
    prior,
    probe,
    report,
    screen,
    split,
    top,
    train,
)
from binding.errors import EXIT_INTERRUPTED
from binding.io.columns import PREDICTION, names

app = typer.Typer(
    name="binding",
    help="Predict how tightly small molecules bind a protein, from 3D complexes.\n\n"
    "pK = -log10(K / M); higher binds tighter.",
    epilog=(
        "Exit codes: 0 all rows scored, 1 internal error, 2 wrong usage or unusable input, 3 some rows failed, "
        "4 no row scored, 130 interrupted."
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class _Command(typer.core.TyperCommand):
    """A command whose help names its arguments without the types that Python has for them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for parameter in self.params:
            if parameter.param_type_name == "argument":
                parameter.display_type_rich = lambda ctx: None  # type: ignore[attr-defined]


def _print_version(wanted: bool) -> None:
    if wanted:
        from binding import __version__

        typer.echo(f"binding {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option("-V", "--version", is_eager=True, callback=_print_version, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


app.command("predict", cls=_Command, epilog=f"Columns of the rows: {', '.join(names(PREDICTION))}.")(predict.command)
app.command("explain", cls=_Command)(explain.command)
app.command("probe", cls=_Command)(probe.command)
app.command("screen", cls=_Command)(screen.command)
app.command("top", cls=_Command)(top.command)
app.command("report", cls=_Command)(report.command)
app.command("place", cls=_Command)(place.command)
app.command("fetch", cls=_Command)(fetch.command)
app.command("prepare", cls=_Command)(prepare.command)
app.command("split", cls=_Command)(split.command)
app.command("pretrain", cls=_Command)(pretrain.command)
app.command("prior", cls=_Command)(prior.command)
app.command("train", cls=_Command)(train.command)
app.command("evaluate", cls=_Command)(evaluate.command)
app.command("info", cls=_Command)(info.command)


def main() -> None:
    """The entry point of the ``binding`` program."""
    try:
        app(prog_name="binding")
    except KeyboardInterrupt:  # before a verb took over
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()

"""``binding``: the program. Nothing here or in the verbs' modules imports torch or RDKit on the way in."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

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


app.command("predict", epilog=f"Columns of the rows: {', '.join(names(PREDICTION))}.")(predict.command)
app.command("explain")(explain.command)
app.command("probe")(probe.command)
app.command("screen")(screen.command)
app.command("top")(top.command)
app.command("report")(report.command)
app.command("place")(place.command)
app.command("fetch")(fetch.command)
app.command("prepare")(prepare.command)
app.command("split")(split.command)
app.command("pretrain")(pretrain.command)
app.command("prior")(prior.command)
app.command("train")(train.command)
app.command("evaluate")(evaluate.command)
app.command("info")(info.command)


def main() -> None:
    """The entry point of the ``binding`` program."""
    try:
        app(prog_name="binding")
    except KeyboardInterrupt:  # before a verb took over
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()

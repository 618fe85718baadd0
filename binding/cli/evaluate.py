"""``binding evaluate``: predictions against measurements."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.cli import options, terminal
from binding.cli.errors import guarded
from binding.errors import EXIT_NONE_SCORED, EXIT_OK, EXIT_SOME_FAILED

if TYPE_CHECKING:
    import pandas as pd

    from binding.evaluate import Report
    from binding.metrics import Estimate

_METRICS = {"r": "r", "spearman": "Spearman", "rmse": "RMSE (pK)", "mae": "MAE (pK)"}


@guarded
def command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="Predictions (.csv, .jsonl, .parquet), or what `binding predict` takes: it is scored first.",
        ),
    ],
    truth: Annotated[
        Path,
        typer.Option(
            "--truth", metavar="FILE", help="Measured affinities: a table with id and pk, or a PDBbind index."
        ),
    ],
    column: Annotated[str, typer.Option("--column", help="The column of predictions to judge.")] = "pk",
    id_column: Annotated[
        str, typer.Option("--id-column", help="What of the predictions is matched with the truth's id, such as ligand.")
    ] = "id",
    peers: Annotated[
        Path | None,
        typer.Option("--peers", metavar="FILE", help="Other methods' predictions by id, for paired comparison."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FOLDER", help="Write metrics.json, metrics.csv, joined.csv here."),
    ] = None,
    resamples: Annotated[int, typer.Option("--resamples", min=0, help="Of the bootstrap behind the intervals.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", help="Of the bootstrap.")] = 0,
    model: options.Model = None,
    device: options.Device = "auto",
    workers: options.Workers = None,
    batch_size: options.BatchSize = 32,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Compare predictions with measured affinities, beside trivial baselines.

    Prints r, Spearman, RMSE and MAE with 95 % bootstrap intervals for the model, for heavy-atom counting
    and for the ligand-only twin.
    """
    from binding import api
    from binding.io.predictions import holds_predictions
    from binding.io.table import read_index

    read_index(truth)  # a bad table is told before anything is scored
    predictions: Path | pd.DataFrame = source
    if not holds_predictions(source):
        predictions = _predict(source, model, device, workers, batch_size, quiet)
    report = api.evaluate(
        predictions, truth, column=column, id_column=id_column, peers=peers, resamples=resamples, seed=seed
    )
    _print(report)
    if output is not None:
        report.write(output)
        if not isinstance(predictions, Path):
            predictions.to_csv(output / "predictions.csv", index=False)
        typer.echo(f"written to {output}", err=True)
    if report.counts.scored == 0:
        return EXIT_NONE_SCORED
    return EXIT_SOME_FAILED if report.counts.failed else EXIT_OK


def _predict(
    source: Path, model: str | None, device: str, workers: int | None, batch_size: int, quiet: bool
) -> pd.DataFrame:
    from binding import api
    from binding.io.results import to_frame

    requests = api.plan(source)
    rows = api.predict_rows(requests, model=model, device=device, workers=workers, batch_size=batch_size)
    return to_frame(terminal.progress(rows, len(requests), shown=sys.stderr.isatty() and not quiet))


def _print(report: Report) -> None:
    from rich.markup import escape
    from rich.table import Table

    counts = report.counts
    console = terminal.console()
    console.print(
        f"{counts.asked} measured: {counts.scored} scored, {counts.failed} failed, {counts.missing} missing, "
        f"{counts.censored} censored (left out)"
        + (f"; {counts.extra} predictions without a measurement" if counts.extra else "")
    )
    level = "95 % intervals" + (f", {report.resamples} resamples" if report.resamples else ": none")
    table = Table(title=f"Against the measured pK ({level})", title_justify="left")
    table.add_column("predicted by")
    table.add_column("n", justify="right")
    for header in _METRICS.values():
        table.add_column(header, justify="right", no_wrap=True)
    for scored in report.columns:
        cells = [_cell(scored.metrics[name]) for name in _METRICS]
        table.add_row(escape(scored.name), str(scored.n), *cells)
    console.print(table)
    for scored in report.columns:
        if scored.note:
            console.print(f"{scored.name}: {scored.note}", markup=False)
    if report.comparisons:
        first = report.model.name
        table = Table(title=f"{first} minus the other, same rows and resamples", title_justify="left")
        table.add_column("the other")
        table.add_column("n", justify="right")
        for header in _METRICS.values():
            table.add_column(f"Δ {header}", justify="right", no_wrap=True)
        for comparison in report.comparisons:
            cells = [_cell(comparison.differences[name], signed=True) for name in _METRICS]
            table.add_row(escape(comparison.name), str(comparison.n), *cells)
        console.print(table)
    for name, share in report.coverage.items():
        console.print(f"{name.replace('_', ' ')}: {100 * share:.0f} % of the measurements", markup=False)


def _cell(estimate: Estimate, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{estimate.value:{sign}.3f} \\[{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"

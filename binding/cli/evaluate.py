"""``binding evaluate``: predictions against measurements."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.cli import options, terminal
from binding.cli.errors import guarded
from binding.errors import EXIT_NONE_SCORED, EXIT_OK, EXIT_SOME_FAILED
from binding.files import atomic, check_name

if TYPE_CHECKING:
    import pandas as pd

    from binding.evaluation import Report


@guarded
@options.with_scoring(structures=False)
def command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="Predictions (.csv, .jsonl, .parquet), or an input of `binding predict`, which is scored first.",
        ),
    ],
    truth: Annotated[
        Path,
        typer.Option(
            "--truth", metavar="FILE", help="Measured affinities: a table with id and pk, or a PDBbind index."
        ),
    ],
    column: Annotated[str, typer.Option("--column", metavar="COLUMN", help="Predictions to evaluate.")] = "pk",
    id_column: Annotated[
        str,
        typer.Option("--id-column", metavar="COLUMN", help="Column of predictions to match with the id of --truth."),
    ] = "id",
    truth_id: Annotated[
        str, typer.Option("--truth-id", metavar="COLUMN", help="Column of --truth to match them with.")
    ] = "id",
    peers: Annotated[
        Path | None,
        typer.Option("--peers", metavar="FILE", help="Predictions of other methods by id, for a paired comparison."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", metavar="COLUMN", help="Column of --truth with targets: ranking within each."),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(
            "--series", metavar="COLUMN", help="Column of --truth with congeneric series: correlations within each."
        ),
    ] = None,
    compound: Annotated[
        str | None,
        typer.Option(
            "--compound",
            metavar="COLUMN",
            help="Column of --truth with the compound of each pose or protomer; the best one counts.",
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", metavar="COLUMN", help="Column of --truth with 1 (active) or 0 (inactive): enrichment."
        ),
    ] = None,
    rmsd: Annotated[
        str | None,
        typer.Option(
            "--rmsd",
            metavar="COLUMN",
            help="Column of --truth with the RMSD to the native pose, Å: docking power within each --group.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FOLDER", help="Write the figures (JSON, CSV) and plots to this folder."
        ),
    ] = None,
    resamples: Annotated[
        int, typer.Option("--resamples", metavar="N", min=0, help="Bootstrap resamples behind the intervals.")
    ] = 2000,
    seed: options.Seed = 0,
    *,
    scoring: options.Scoring,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> int:
    """Compare predictions with measured affinities.

    Prints r, Spearman, RMSE and MAE with 95 % bootstrap intervals for the model and, beside it, for the number of heavy
    atoms, the molecular weight and the ligand alone. Ranking, docking power and enrichment are added where --truth has
    the columns.
    """
    from binding import api
    from binding.cli.figures import print_report
    from binding.evaluation import TruthColumns
    from binding.io.predictions import holds_predictions
    from binding.io.truth import read_truth

    if output is not None:
        check_name(output)
    columns = TruthColumns(group=group, series=series, compound=compound, label=label, rmsd=rmsd)
    # A bad table is reported before anything is scored.
    read_truth(truth, list(columns.asked.values()), affinities=columns.needs_affinities, id_column=truth_id)
    predictions: Path | pd.DataFrame = source
    if not holds_predictions(source):
        predictions = _predict(source, scoring, quiet)
    report = api.evaluate(
        predictions,
        truth,
        column=column,
        id_column=id_column,
        truth_id=truth_id,
        peers=peers,
        resamples=resamples,
        seed=seed,
        **columns.asked,
    )
    print_report(report)
    if (known := report.known_to_weights) is not None:
        typer.echo(f"warning: {known}", err=True)
    if output is not None:
        _write(report, predictions, output)
    if report.counts.scored == 0 and report.counts.unmeasured == 0:
        return EXIT_NONE_SCORED
    return EXIT_SOME_FAILED if report.counts.failed else EXIT_OK


def _predict(source: Path, scoring: options.Scoring, quiet: bool) -> pd.DataFrame:
    from binding import api
    from binding.evaluation.baselines import MOL_WEIGHT, mol_weight
    from binding.io.results import to_frame

    requests = api.requests_from(source)
    found = api.predict_rows(requests, scoring.options())
    rows = list(terminal.progress(found, len(requests), shown=sys.stderr.isatty() and not quiet))
    weights = [float("nan") if row.record is None else mol_weight(row.record.mol) for row in rows]
    return to_frame(rows).assign(**{MOL_WEIGHT: weights})


def _write(report: Report, predictions: Path | pd.DataFrame, folder: Path) -> None:
    report.write(folder)
    if not isinstance(predictions, Path):
        with atomic(folder / "predictions.csv") as partial:
            predictions.to_csv(partial, index=False)
    if find_spec("matplotlib") is None:
        typer.echo("note: no pictures without Matplotlib; install it: pip install matplotlib", err=True)
    else:
        from binding.reports.evaluation import draw

        draw(report, folder)
    typer.echo(f"written to {folder}", err=True)

"""``binding predict``: score complexes."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from binding.cli import options, terminal
from binding.cli.errors import guarded
from binding.cli.options import PrintChoice
from binding.cli.stdin import with_stdin
from binding.errors import (
    EXIT_INTERRUPTED,
    EXIT_NONE_SCORED,
    EXIT_OK,
    EXIT_SOME_FAILED,
    EXIT_USAGE,
    UsageError,
)

if TYPE_CHECKING:
    from binding.io.results import ResultRow, ResultWriter
    from binding.io.table import Request


_FILE_CODES = {"file_not_found", "empty_file", "wrong_format", "unreadable"}


@guarded
@options.with_scoring()
def command(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="INPUT",
            help="A protein, a complex with its ligand (.pdb, .cif), a table (.csv: id, protein, ligand[, pocket]) or "
            "a folder in PDBbind layout.",
        ),
    ] = None,
    positional: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="LIGAND",
            help="Ligand files (SDF, MOL2, PDBQT, PDB or mmCIF, plain or .gz; - reads standard input), or which ligand "
            "of a complex to score: auto, LIG or A:LIG:301.",
        ),
    ] = None,
    protein: options.MaybeProtein = None,
    ligand: Annotated[
        list[str] | None,
        typer.Option(
            "-l",
            "--ligand",
            metavar="FILE|NAME",
            help="The same as LIGAND; may be repeated.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write rows to .csv, .tsv, .xlsx, .jsonl, .sdf or .parquet; - prints CSV.",
        ),
    ] = None,
    checks: options.Checks = None,
    check_thresholds: options.CheckThresholds = None,
    print_: options.Print = PrintChoice.auto,
    evidence: Annotated[
        int,
        typer.Option(
            "--evidence",
            metavar="N",
            min=0,
            max=100,
            help="Add columns of the N measurements that weigh most in the prior's part of pK.",
        ),
    ] = 0,
    *,
    scoring: options.Scoring,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    debug: options.Debug = False,
) -> int:
    """Score protein-ligand complexes.

    Gives pK = -log10(K / M), higher binds tighter: one row per ligand record, in input order. A record that cannot be
    scored is a row that says why.
    """
    named_ligands = [*(positional or []), *(ligand or [])]
    if source is None and protein is None and not named_ligands:
        raise UsageError("There is nothing to score.", "Try: binding predict -p protein.pdb -l ligand.sdf")
    start = time.perf_counter()

    from binding import api
    from binding.files import check_not_input, partial_path
    from binding.io.results import open_writer

    chosen = replace(scoring.options(), checks=options.pose_checks(checks, check_thresholds), evidence=evidence)
    with with_stdin(named_ligands) as ligands:
        requests = requests_of(source, protein, ligands)
        if not quiet:
            terminal.print_reading_notes(requests)
        target = "-" if output is None and _prints_csv(print_) else output
        writer = nullcontext() if target is None else open_writer(target, chosen.requested_columns)
        to_stdout = target == "-"
        saved_to = None if to_stdout else output
        if saved_to is not None:
            named = [request.protein for request in requests] + [request.ligand for request in requests]
            files = [item for item in (source, *scoring.files, *named) if isinstance(item, Path)]
            check_not_input(Path(saved_to), files)
        tally = Tally(
            keep=print_ is not PrintChoice.none and not to_stdout,
            limit=terminal.SHOWN_ROWS if saved_to else None,
            notes=None if verbose else terminal.SHOWN_NOTES,
        )
        try:
            rows = api.predict_rows(requests, chosen)
            _write(rows, writer, tally, total=len(requests), bar=sys.stderr.isatty() and not quiet)
        except KeyboardInterrupt:
            finished = tally.counts.total()
            where = f" and are in {partial_path(Path(saved_to))}" if saved_to and finished else ""
            typer.echo(f"interrupted; {finished} rows were finished{where}", err=True)
            return EXIT_INTERRUPTED
        tally.show(saved_to, wide=print_ is PrintChoice.wide, evidence=evidence)
        if not quiet:
            typer.echo(terminal.summary(tally.counts, tally.warned, time.perf_counter() - start, saved_to), err=True)
        return tally.exit_code(named_outright=bool(ligands))


def _write(
    rows: Iterator[ResultRow],
    writer: AbstractContextManager[ResultWriter | None],
    tally: Tally,
    *,
    total: int,
    bar: bool,
) -> None:
    """Draws the rows, writes and counts each; a single request may be a library, so its total is not known."""
    with writer as sink:
        for row in terminal.progress(rows, total if total > 1 else None, shown=bar):
            if sink is not None:
                sink.write(row)
            tally.add(row)


class Tally:
    """Counts the rows and keeps the few that will be shown.

    Args:
        keep: Whether a table will be shown at all.
        limit: How many rows of it; None for all.
        notes: How many warnings and failures are told; None for all.
    """

    def __init__(self, keep: bool, limit: int | None, notes: int | None = terminal.SHOWN_NOTES) -> None:
        self._keep = keep
        self._limit = limit
        self._notes = notes
        self._table: list[ResultRow] = []
        self._failures: list[ResultRow] = []
        self._warnings: list[ResultRow] = []
        self._codes: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.warned = 0

    def add(self, row: ResultRow) -> None:
        """Take one row."""
        self.counts[row.status] += 1
        if self._keep and (self._limit is None or len(self._table) < self._limit):
            self._table.append(row)
        if row.status != "ok":
            self._codes.add(row.error_code)
            if self._notes is None or len(self._failures) < self._notes:
                self._failures.append(row)
        elif row.warnings:
            self.warned += 1
            if self._notes is None or len(self._warnings) < self._notes:
                self._warnings.append(row)

    def show(self, saved_to: str | None, wide: bool = False, evidence: int = 0) -> None:
        """The table on stdout, and of its first rows so many measurements; then warnings and failures on stderr."""
        if self._table:
            terminal.print_table(self._table, self.counts.total(), saved_to, wide)
        for row in self._table[: terminal.SHOWN_NOTES] if evidence else ():
            terminal.print_evidence(row, evidence)
        terminal.print_warnings(self._warnings, self.warned)
        terminal.print_failures(self._failures, self.counts["failed"])

    def exit_code(self, *, named_outright: bool) -> int:
        """0, 3 or 4; 2 where the only ligand files named on the command line are no ligand files."""
        if not self.counts["failed"]:
            return EXIT_OK
        if self.counts["ok"]:
            return EXIT_SOME_FAILED
        return EXIT_USAGE if named_outright and self._codes <= _FILE_CODES else EXIT_NONE_SCORED


def _prints_csv(choice: PrintChoice) -> bool:
    return choice is PrintChoice.csv or (choice is PrintChoice.auto and not sys.stdout.isatty())


def requests_of(source: Path | None, protein: Path | None, ligands: list[str]) -> list[Request]:
    """What to score, from the ways to say it."""
    from binding import api

    if source is not None and protein is not None:
        raise UsageError("Give either INPUT or -p, not both.", "Try: binding predict -p protein.pdb -l ligand.sdf")
    structure = source if source is not None else protein
    if structure is None:
        raise UsageError("A ligand was given and no protein.", "Add -p protein.pdb.")
    if ligands:
        return api.requests_from(structure, ligands)
    if protein is not None:
        raise UsageError(
            "No ligand was given.",
            "Add -l ligand.sdf; for a ligand inside the protein's file, -l auto or -l A:LIG:301.",
        )
    return api.requests_from(structure)

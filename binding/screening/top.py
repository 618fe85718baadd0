"""The best of a run: the first compounds that meet a condition, as a table or with their poses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from binding.errors import UsageError
from binding.files import atomic
from binding.io.columns import ON_REQUEST, POSING
from binding.io.spreadsheet import SPREADSHEET, require_spreadsheets, write_spreadsheet
from binding.screening.left_out import left_out_of
from binding.screening.parts import POSE_COLUMN
from binding.screening.store import RANKED_BY, RESULT_COLUMNS, open_results, template_of
from binding.screening.tables import MEMORY_MB, as_text, write_csv

_BATCH: Final = 10_000  # rows whose structures are looked at before more are sorted out
_MADE: Final = frozenset(column.name for column in POSING)
FORMATS: Final = (".csv", ".tsv", ".parquet", SPREADSHEET, ".sdf")
_EXAMPLES: Final = 'such as "pk_ligand_only < 7 AND pose > 0.5" or "smiles LIKE \'%Br%\'"'


@dataclass(frozen=True, eq=False)
class Top:
    """The best compounds.

    Attributes:
        rows: Rows of the columns of the results, and of ``HIT_PROPERTIES`` where asked for, best first;
            ``rank`` is that among all compounds.
        finished: Whether the run is finished; if not, these are the best so far.
        pose_blocks: (rows,) poses that no ligand file holds, such as those made of SMILES; else null.
        template: SMILES that gave the poses their bond orders.
        left_out: Compounds that were never posed, since a prefilter left them out.
    """

    rows: pa.Table
    finished: bool
    pose_blocks: pa.ChunkedArray
    template: str | None = None
    left_out: int = 0


def find_top(
    run: str | Path,
    n: int = 100,
    *,
    by: str = RANKED_BY,
    where: str | None = None,
    sort_by: str | None = None,
    smarts: Sequence[str] = (),
    diverse: int | None = None,
    properties: bool = False,
    memory_mb: int = MEMORY_MB,
) -> Top:
    """The best compounds of a run, finished or under way.

    Args:
        run: Folder of the run.
        n: Maximum number of compounds.
        by: One of ``binding.screening.store.RANKING_COLUMNS``: each compound is represented by its best pose by this
            column, and ranked by it.
        where: An SQL condition on the columns of the results: only compounds whose best pose meets it.
        sort_by: An SQL expression on them to sort by, greatest first, instead of ``rank``; rows without a
            value come last.
        smarts: Substructures that a compound must have; after ``!`` one that it must not have.
        diverse: Choose as many that differ from the ``n``; see ``binding.screening.hits.diverse``.
        properties: Add ``binding.io.columns.HIT_PROPERTIES``.
        memory_mb: Memory limit, MB.

    Raises:
        FileError: There is no such run, or it has no part yet.
        UsageError: ``n`` or ``diverse`` is below 1, no compound has what they are ranked by, or an expression or a
            pattern cannot be used.
    """
    for number in (n, diverse):
        if number is not None and number < 1:
            raise UsageError(f"The number of compounds is {number}.", "It is 1 or more.")
    fits = _substructures(smarts) if smarts else None
    condition = None if where is None else _parsed(where, "--where")
    order = [duckdb.ColumnExpression("rank").asc()]
    if sort_by is not None:
        order.insert(0, _parsed(sort_by, "--sort-by").desc().nulls_last())
    with open_results(run, memory_mb, by=by) as results:
        rows = results.connection.view("results")
        if condition is not None:
            rows = _filtered(rows, condition, where or "")
        try:
            ordered = rows.sort(*order)
            found = ordered.limit(n).to_arrow_table() if fits is None else _first_that_fit(ordered, fits, n)
        except (duckdb.ProgrammingError, duckdb.DataError, duckdb.PermissionException) as error:
            raise _refused(" and ".join(filter(None, (where, sort_by))), "The expression", error) from error
        finished, columns = results.finished, results.columns
    if by in _MADE and len(found) and found[by].null_count == len(found):
        raise UsageError(f"No compound has a {by}.", "Docking and placing of SMILES bring it, or a tag of the poses.")
    if diverse is not None:
        from binding.screening import hits

        found = found.take(pa.array(hits.diverse(found["smiles"].to_pylist(), diverse), pa.int64()))
    shown = found.select(columns)
    if properties:
        from binding.screening import hits

        shown = hits.with_properties(shown)
    return Top(shown, finished, found[POSE_COLUMN], template_of(Path(run)), left_out_of(Path(run)))


def _substructures(smarts: Sequence[str]) -> Callable[[str | None], bool]:
    from binding.screening.hits import Substructures  # RDKit takes longer to load than the rows to find

    return Substructures(smarts)


def _first_that_fit(rows: duckdb.DuckDBPyRelation, fits: Callable[[str | None], bool], n: int) -> pa.Table:
    """The first ``n`` rows whose structure fits, read no further than needed."""
    reader, kept, left = rows.to_arrow_reader(_BATCH), list[pa.RecordBatch](), n
    for batch in reader:
        places = [place for place, smiles in enumerate(batch.column("smiles").to_pylist()) if fits(smiles)][:left]
        kept.append(batch.take(pa.array(places, pa.int64())))
        left -= len(places)
        if not left:
            break
    return pa.Table.from_batches(kept, reader.schema)


def write_top(top: Top, path: str | Path) -> None:
    """Writes compounds as ``.csv``, ``.tsv``, ``.parquet``, ``.xlsx`` or ``.sdf``, whole or not at all.

    SDF holds the poses, read again from the library's files; see ``binding.screening.poses``.

    Raises:
        UsageError: Unknown ending.
        FileError: It cannot be written, or a library file has been moved or changed.
    """
    path = Path(path)
    check_format(path)
    if path.suffix.lower() == ".sdf":
        from binding.screening.poses import write_poses  # RDKit takes longer to load than the rows to find

        write_poses(top.rows.append_column(POSE_COLUMN, top.pose_blocks), path, top.template)
    elif path.suffix.lower() == ".parquet":
        with atomic(path, shared=True) as partial:
            pq.write_table(top.rows, partial, compression="zstd")
    elif path.suffix.lower() == SPREADSHEET:
        with atomic(path, shared=True) as partial, partial.open("wb") as stream:
            write_spreadsheet(top.rows.to_pandas(), stream)
    else:
        with duckdb.connect(":memory:") as connection:
            connection.register("top", top.rows)
            separator = "\t" if path.suffix.lower() == ".tsv" else ","
            write_csv(connection, "SELECT * FROM top", path, separator=separator)


def csv_rows(top: Top) -> list[tuple[str, ...]]:
    """The compounds as ``write_top`` writes them to a CSV file, the header first."""
    with duckdb.connect(":memory:") as connection:
        cells = as_text(connection.from_arrow(top.rows)).fetchall()
    return [tuple(top.rows.column_names), *(tuple("" if c is None else str(c) for c in row) for row in cells)]


def check_format(path: Path) -> None:
    """Refuses a file that ``write_top`` could not write, before anything is computed.

    Raises:
        UsageError: Unknown ending, or no such folder.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path.name} has no ending that names a format.", f"Use one of {', '.join(FORMATS)}.")
    if path.suffix.lower() == SPREADSHEET:
        require_spreadsheets()
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}.", "Make it first.")


def _parsed(text: str, option: str) -> duckdb.Expression:
    """One expression; a second statement or a further clause is refused by the parser."""
    try:
        return duckdb.SQLExpression(text)
    except duckdb.Error as error:
        raise _refused(text, option, error) from error


def _filtered(rows: duckdb.DuckDBPyRelation, condition: duckdb.Expression, text: str) -> duckdb.DuckDBPyRelation:
    try:
        (kind,) = rows.select(condition).types
        kept = rows.filter(condition)
    except duckdb.Error as error:
        raise _refused(text, "--where", error) from error
    if str(kind) != "BOOLEAN":
        raise UsageError(f"--where {text!r} is a value and no condition.", f"Write a comparison, {_EXAMPLES}.")
    return kept


def _refused(text: str, what: str, error: duckdb.Error) -> UsageError:
    if any(column.name in text and column.name in str(error) for column in ON_REQUEST):
        return UsageError(f"{what} {text!r} asks for checks, which this screen lacks.", "Screen with --checks fast.")
    reason = str(error).split("\n\nLINE", 1)[0].split("\n\tCandidate functions", 1)[0].replace("\n", "; ").rstrip(".!")
    return UsageError(
        f"{what} {text!r} cannot be used: {reason}.",
        f"It is an SQL expression, {_EXAMPLES}; columns: {', '.join(RESULT_COLUMNS)}.",
    )

"""What a report of a screen shows, counted where the rows are: sizes do not grow with the library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from binding.screening.left_out import left_out_of, names_left_out
from binding.screening.parts import POSE_COLUMN
from binding.screening.store import RESULT_COLUMNS, Finalised, count, open_results
from binding.screening.tables import MEMORY_MB, only_row

POINTS: Final = 3000  # compounds up to which each is a point; more are counted in cells
_CELL_PK: Final = 0.1
_WIDTHS: Final = (0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
_BARS: Final = 50  # of a histogram, at most
_FEWEST_BARS: Final = 8  # of one of few compounds, at most


@dataclass(frozen=True)
class Spread:
    """``pk`` against another column, over the compounds.

    Attributes:
        x: Cell centres or points of the other column.
        y: Cell centres or points of ``pk``.
        n: Compounds in each cell; ones for points.
        cell: Width and height of a cell; None for points.
        r: Pearson's, over all compounds; NaN where a column is constant.
    """

    x: np.ndarray
    y: np.ndarray
    n: np.ndarray
    cell: tuple[float, float] | None
    r: float


@dataclass(frozen=True)
class Failure:
    """Failed rows of one kind.

    Attributes:
        code: Stable code.
        rows: Number of rows.
        id: Id of the first row.
        message: Message of the first row.
    """

    code: str
    rows: int
    id: str
    message: str


@dataclass(frozen=True, eq=False)
class Digest:
    """The figures of a run.

    Attributes:
        counts: Records, poses, compounds; those left out beside them.
        finished: Whether the run is complete.
        ranked_by: ``rank_score``; ``pk`` where the weights have no ``binder``.
        quantiles: Of ``pk`` over the compounds: least, quartiles and greatest; empty without compounds.
        edges: (k + 1,) of the histograms' bars, pK.
        bars: ``pk`` and ``pk_ligand_only``: (k,) compounds in each bar.
        by_size: Against ``heavy_atoms``.
        by_ligand: Against ``pk_ligand_only``.
        failures: Most frequent first.
        top: Best compounds, of ``RESULT_COLUMNS`` and ``POSE_COLUMN``.
    """

    counts: Finalised
    finished: bool
    ranked_by: str
    quantiles: tuple[float, ...]
    edges: np.ndarray
    bars: dict[str, np.ndarray]
    by_size: Spread
    by_ligand: Spread
    failures: list[Failure]
    top: pa.Table


def digest(run: str | Path, top: int, memory_mb: int = MEMORY_MB) -> Digest:
    """Counts a run, finished or under way.

    Args:
        run: Folder of the run.
        top: Best compounds that are listed.
        memory_mb: Memory limit, MB.

    Raises:
        FileError: There is no such run, or it has no part yet.
    """
    with open_results(run, memory_mb) as opened:
        connection = opened.connection
        counts = count(connection, left_out_of(Path(run)))
        edges = _edges(connection, counts.compounds)
        return Digest(
            counts=counts,
            finished=opened.finished,
            ranked_by=_ranked_by(connection),
            quantiles=_quantiles(connection, counts.compounds),
            edges=edges,
            bars={name: _bars(connection, name, edges) for name in ("pk", "pk_ligand_only")},
            by_size=_spread(connection, "heavy_atoms", 1.0, counts.compounds),
            by_ligand=_spread(connection, "pk_ligand_only", _CELL_PK, counts.compounds),
            failures=_failures(connection),
            top=connection.view("results")
            .filter(f"rank <= {top:d}")
            .sort("rank")
            .to_arrow_table()
            .select((*RESULT_COLUMNS, POSE_COLUMN)),
        )


def compounds(run: str | Path, names: Iterable[str], memory_mb: int = MEMORY_MB) -> pd.DataFrame:
    """The compounds with these ids that the run contains, of several with one id the best.

    Those that failed, or were left out by a prefilter, are empty.

    Returns:
        ``id`` (the compound), ``receptor``, ``rank_score``, ``pk``, ``pk_ligand_only``, ``heavy_atoms``, ``smiles``.
    """
    with open_results(run, memory_mb) as opened:
        opened.connection.register("wanted", pa.table({"id": pa.array(list(names), pa.string())}))
        opened.connection.register("left_out", names_left_out(Path(run)))
        return opened.connection.sql(
            """SELECT wanted.id, asked.receptor, rank_score, pk, pk_ligand_only, heavy_atoms, smiles FROM wanted
            JOIN (
                SELECT DISTINCT receptor, compound FROM parts
                UNION SELECT (SELECT any_value(receptor) FROM parts), compound FROM left_out
            ) AS asked ON asked.compound = wanted.id
            LEFT JOIN results ON results.compound = asked.compound AND results.receptor = asked.receptor
            QUALIFY row_number() OVER (PARTITION BY wanted.id, asked.receptor ORDER BY results.rank) = 1
            ORDER BY wanted.id, asked.receptor"""
        ).df()


def _ranked_by(connection: duckdb.DuckDBPyConnection) -> str:
    (judged,) = only_row(connection, "SELECT count(rank_score) FROM results")
    return "rank_score" if judged else "pk"


def _quantiles(connection: duckdb.DuckDBPyConnection, n: int) -> tuple[float, ...]:
    """Of ``pk``, which is not what compounds are ranked by."""
    if not n:
        return ()
    (found,) = only_row(connection, "SELECT quantile_disc(pk, [0, 0.25, 0.5, 0.75, 1]) FROM results")
    return tuple(found)


def _edges(connection: duckdb.DuckDBPyConnection, compounds: int) -> np.ndarray:
    """Round edges that hold both histograms; the fewer compounds there are, the wider the bars."""
    most = min(_BARS, max(_FEWEST_BARS, round(2 * compounds**0.5)))
    low, high = only_row(
        connection,
        "SELECT least(min(pk), min(pk_ligand_only)), greatest(max(pk), max(pk_ligand_only)) FROM results",
    )
    if low is None:
        return np.array([0.0, 1.0])
    width = next((w for w in _WIDTHS if (high - low) / w < most), (high - low) / most)
    first = np.floor(low / width)
    return width * np.arange(first, np.floor(high / width) + 2)


def _bars(connection: duckdb.DuckDBPyConnection, column: str, edges: np.ndarray) -> np.ndarray:
    bars = np.zeros(len(edges) - 1, dtype=np.int64)
    width = edges[1] - edges[0]
    query = f"SELECT floor(({column} - {edges[0]}) / {width})::INTEGER AS bar, count(*) FROM results GROUP BY bar"
    for bar, n in connection.execute(query).fetchall():
        if bar is not None:
            bars[min(max(bar, 0), len(bars) - 1)] += n  # the last digit of a division may be off
    return bars


def _spread(connection: duckdb.DuckDBPyConnection, column: str, width: float, n: int) -> Spread:
    (r,) = only_row(connection, f"SELECT corr(pk, {column}) FROM results")
    known = f"FROM results WHERE {column} IS NOT NULL"
    if n <= POINTS:
        found = connection.execute(f"SELECT {column}, pk, 1 {known} ORDER BY rank").fetchall()
        cell = None
    else:
        found = connection.execute(
            f"""SELECT (floor({column} / {width}) + 0.5) * {width} AS x,
            (floor(pk / {_CELL_PK}) + 0.5) * {_CELL_PK} AS y, count(*) {known} GROUP BY x, y ORDER BY x, y"""
        ).fetchall()
        cell = (width, _CELL_PK)
    x, y, counted = np.array(found, dtype=np.float64).reshape(-1, 3).T
    if cell is not None and column == "heavy_atoms":
        x = x - 0.5  # a number of atoms is in the middle of its cell
    return Spread(x, y, counted, cell, float("nan") if r is None else float(r))


def _failures(connection: duckdb.DuckDBPyConnection) -> list[Failure]:
    found = connection.execute(
        """SELECT error_code, count(*) AS n, arg_min(id, row), arg_min(message, row) FROM parts WHERE status <> 'ok'
        GROUP BY error_code ORDER BY n DESC, error_code"""
    ).fetchall()
    return [Failure(*row) for row in found]

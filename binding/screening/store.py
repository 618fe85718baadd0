"""The results of a run: best pose per compound, ranked; made from the parts in bounded memory.

``finalise`` writes ``results.parquet`` (what ``binding top`` reads), ``results.csv`` (the same for people),
``failures.csv`` and ``top.sdf``. The files depend on the rows alone, not on who worked on the parts, or when.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from binding.errors import FileError, UsageError
from binding.files import atomic
from binding.io.columns import POSE_BLOCK, SCREEN_RESULT, ColumnKind, OutputColumn, names, requested_among
from binding.screening.deal import write_ranked
from binding.screening.folder import RunFolder
from binding.screening.left_out import left_out_of
from binding.screening.parts import POSE_COLUMN, SCHEMA, arrow_schema, part_paths, parts_folder, read_info
from binding.screening.plan import TOP
from binding.screening.tables import MEMORY_MB, attach, database, lock, only_row, write_csv

RESULTS: Final = "results.parquet"
RESULTS_CSV: Final = "results.csv"
FAILURES_CSV: Final = "failures.csv"
TOP_SDF: Final = "top.sdf"
_SCRATCH: Final = "sorting"
_BATCH: Final = 100_000  # rows that are taken from DuckDB at a time

#: Columns of the results: one row a compound, its best pose by ``RANKED_BY``, best compound first; those that were
#: requested follow. The Parquet file also has ``POSE_COLUMN``: the poses that no ligand file holds, such as those made
#: of SMILES.
RESULT_COLUMNS: Final = names(SCREEN_RESULT)
FAILURE_COLUMNS: Final = (
    "id",
    "compound",
    "error_code",
    "message",
    "receptor",
    "ligand_file",
    "record",
    "pose_number",
    "heavy_atoms",
    "smiles",
)

#: Columns that compounds can be ranked by, by name.
RANKING_COLUMNS: Final = {c.name: c for c in SCREEN_RESULT if c.kind in (ColumnKind.NUMBER, ColumnKind.INTEGER)}
del RANKING_COLUMNS["pose_number"]
_MADE: Final = ("rank", "num_poses", "gain_over_ligand_only")  # of the results, in no part
_POSED: Final = pa.schema([(f.name, f.type) for f in SCHEMA])
#: The column that results, ``top.sdf`` and reports go by.
RANKED_BY: Final = "rank_score"
_GAIN: Final = "pk - pk_ligand_only"
#: What compounds are ranked by, where it is more than a column of the parts.
_MADE_OF: Final = {
    "gain_over_ligand_only": _GAIN,
    "rank_score": "coalesce(rank_score, pk)",  # weights of one's own have no `binder`
}
# The elements of a SMILES without hydrogen, in alphabetical order: alike for all poses, protomers and tautomers of a
# compound, in whatever form a file or a docking program has written it.
_ELEMENTS: Final = (
    "array_to_string(list_sort(string_split(lower(regexp_replace(smiles, '[^A-Za-z]|H', '', 'g')), '')), '')"
)
# A compound on another receptor is another result, and so is one of the same name that has other atoms: many files call
# all that they hold `ligand`. Equal values: the pose that comes first in the library.
_BEST: Final = f"""
    CREATE TEMP TABLE best AS
    SELECT row, pose_number, num_poses, gain_over_ligand_only,
        row_number() OVER (ORDER BY ranked_by {{order}}, row, pose_number) AS rank
    FROM (
        SELECT row, pose_number, {_GAIN} AS gain_over_ligand_only, {{value}} AS ranked_by,
            count(*) OVER (PARTITION BY receptor, compound, elements) AS num_poses,
            row_number() OVER (
                PARTITION BY receptor, compound, elements ORDER BY {{value}} {{order}}, row, pose_number
            ) AS place
        FROM (SELECT *, {_ELEMENTS} AS elements FROM parts WHERE status = 'ok')
    )
    WHERE place = 1
"""
_ROWS: Final = "SELECT {columns} FROM parts JOIN best ON parts.row = best.row AND parts.pose_number = best.pose_number"
# Records of one name and the same atoms, of different structures. The states of one record of SMILES are one structure.
_MIXED: Final = f"""
    SELECT count(*) FROM (
        SELECT receptor, compound, {_ELEMENTS} AS elements FROM (
            SELECT receptor, compound, row, min(smiles) AS smiles FROM parts WHERE status = 'ok' GROUP BY ALL
        )
        GROUP BY ALL HAVING count(DISTINCT smiles) > 1
    )
"""
_SPLIT: Final = """
    SELECT count(*) FROM (SELECT receptor, compound FROM results GROUP BY ALL HAVING count(*) > 1)
"""
_FAILURES: Final = f"SELECT {', '.join(FAILURE_COLUMNS)} FROM parts WHERE status <> 'ok' ORDER BY row, pose_number"


@dataclass(frozen=True)
class Finalised:
    """What the parts held.

    Attributes:
        asked: Records of the library.
        scored: Records with a scored pose.
        failed: Records without one.
        poses: Scored poses.
        compounds: Rows of the results.
        warned: Scored poses with warnings.
        mixed: Compounds whose records hold different structures of the same atoms, of which the best is listed.
        split: Names of several compounds, as where many share the title ``ligand``; each compound is listed.
        failures: Failed rows by error code, most frequent first.
        left_out: Further records of the library that a prefilter left out; not among ``asked``.
    """

    asked: int
    scored: int
    failed: int
    poses: int
    compounds: int
    warned: int
    mixed: int
    split: int
    failures: dict[str, int]
    left_out: int = 0


def finalise(run: str | Path, *, top: int = TOP, memory_mb: int = MEMORY_MB) -> Finalised:
    """Writes the results of a run from its parts; may be called again, and then writes the same bytes.

    One process at a time: the engine holds the run's lock while it calls this.

    Args:
        run: Folder of the run.
        top: Compounds in ``top.sdf``; 0 writes none. Their poses are read again from the library's files.
        memory_mb: What sorting may hold in memory, MB; the rest goes to the run's folder while it lasts.

    Returns:
        How many records, poses and compounds there are.

    Raises:
        FileError: There is no part, the disk is full, or a library file has been moved or changed. The tables
            are written before the poses are read.
    """
    run = Path(run)
    paths = _parts(run)
    for name in (RESULTS, RESULTS_CSV, FAILURES_CSV, TOP_SDF):
        for leftover in run.glob(f"{name}.*.partial"):  # of a process that was killed
            leftover.unlink(missing_ok=True)
    with database(run / _SCRATCH, memory_mb) as connection:
        attach(connection, "parts", paths, _POSED)
        connection.execute(_best(RANKED_BY))
        note = json.dumps(_origin(paths))
        schema = _schema(_requested(paths))
        _write_results(connection, paths, run, note, schema)
        attach(connection, "results", [run / RESULTS], schema)
        found = count(connection, left_out_of(run))
        listed = ", ".join(_shown(schema.names))
        write_csv(connection, f"SELECT {listed} FROM results", run / RESULTS_CSV, resumes=True)  # in its order
        write_csv(connection, _FAILURES, run / FAILURES_CSV, resumes=True)
        best = connection.view("results").filter(f"rank <= {top:d}").sort("rank").to_arrow_table()
    if top:
        from binding.screening.poses import write_poses  # RDKit takes longer to load than `binding top` may take

        write_poses(best, run / TOP_SDF, template_of(run), resumes=True)
    else:  # one of an earlier call would speak of other results
        (run / TOP_SDF).unlink(missing_ok=True)
    return found


def _requested(paths: list[Path]) -> tuple[OutputColumn, ...]:
    """Columns on request that the parts have."""
    return requested_among(pq.read_schema(paths[0]).names)


def _schema(requested: tuple[OutputColumn, ...]) -> pa.Schema:
    """Of the results."""
    return pa.schema([(f.name, f.type) for f in arrow_schema((*SCREEN_RESULT, *requested, POSE_BLOCK))])


def _shown(names: list[str]) -> tuple[str, ...]:
    """The columns of the results that are for people."""
    return tuple(name for name in names if name != POSE_COLUMN)


def _write_results(
    connection: duckdb.DuckDBPyConnection, paths: list[Path], run: Path, note: str, schema: pa.Schema
) -> None:
    """The best rows by rank; only their ranks are sorted by DuckDB, which runs out of memory on whole rows."""
    (total,) = only_row(connection, "SELECT count(*) FROM best")
    best = connection.sql("SELECT * FROM best ORDER BY row, pose_number")
    (run / _SCRATCH).mkdir(exist_ok=True)
    with (
        atomic(run / RESULTS, resumes=True, shared=True) as partial,
        pq.ParquetWriter(partial, schema.with_metadata({"binding": note}), compression="zstd") as writer,
    ):
        write_ranked(best.to_arrow_reader(_BATCH), total, paths, writer, run / _SCRATCH)
    connection.execute("DROP TABLE best")


@dataclass(frozen=True, eq=False)
class OpenResults:
    """Results that can be queried.

    Attributes:
        connection: With the views ``results`` (``RESULT_COLUMNS``) and ``parts`` (``binding.screening.parts.SCHEMA``);
            locked: it reads this run and nothing else.
        finished: Whether the run is finished; if not, the results are those of the parts so far.
        columns: ``RESULT_COLUMNS`` and those that were requested.
    """

    connection: duckdb.DuckDBPyConnection
    finished: bool
    columns: tuple[str, ...] = RESULT_COLUMNS


@contextmanager
def open_results(run: str | Path, memory_mb: int = MEMORY_MB, *, by: str = RANKED_BY) -> Iterator[OpenResults]:
    """Opens the results of a run, which may be unfinished.

    A finished run answers from ``results.parquet``, which is sorted; an unfinished one, one that has gone on since, or
    one that is to be ranked by another column, is grouped and ranked again from its parts.

    Args:
        run: Folder of the run.
        memory_mb: Memory limit, MB.
        by: One of ``RANKING_COLUMNS``: a compound is represented by its best pose by this column and ranked by it.

    Raises:
        FileError: ``file_not_found``: this is no run, or it has no part yet.
        UsageError: Compounds cannot be ranked by ``by``.
    """
    best = _best(by)
    run = Path(run)
    paths = _parts(run)
    finished = _origin_of_results(run) == _origin(paths)
    schema = _schema(_requested(paths))
    with database(memory_mb=memory_mb) as connection:
        attach(connection, "parts", paths, _POSED)
        if finished and by == RANKED_BY:
            attach(connection, "results", [run / RESULTS], schema)
        else:
            connection.execute(best)
            columns = (f"best.{name}" if name in _MADE else f"parts.{name}" for name in schema.names)
            connection.execute(f"CREATE VIEW results AS {_ROWS.format(columns=', '.join(columns))}")
        lock(connection, [parts_folder(run), run / RESULTS])
        yield OpenResults(connection, finished, _shown(schema.names))


def _best(by: str) -> str:
    """The query that finds each compound's best pose by a column and ranks the compounds."""
    column = RANKING_COLUMNS.get(by)
    if column is None:
        raise UsageError(f"Compounds cannot be ranked by {by!r}.", f"Use one of {', '.join(RANKING_COLUMNS)}.")
    order = f"{'ASC' if column.lower_is_better else 'DESC'} NULLS LAST"
    return _BEST.format(value=_MADE_OF.get(by, by), order=order)


def template_of(run: Path) -> str | None:
    """The SMILES that gave the run's poses their bond orders."""
    return ((RunFolder(run).read() or {}).get("decides") or {}).get("template")


def _parts(run: Path) -> list[Path]:
    if not run.is_dir():
        raise FileError(f"There is no folder {run}.", "Give the folder of a `binding screen`.", "file_not_found")
    paths = part_paths(run)
    if not paths:
        raise FileError(
            f"{run} holds no part of a screen.",
            "Give the folder that `binding screen -o` wrote to; the first part takes a moment.",
            "file_not_found",
        )
    return paths


def _origin(paths: list[Path]) -> dict[str, Any]:
    """What tells whether results are those of the parts that are there."""
    info = read_info(paths[0])
    return {"parts": len(paths), "key": "" if info is None else info.key}


def _origin_of_results(run: Path) -> dict[str, Any] | None:
    """``_origin`` of the parts that the results were made from; None where there are none that can be read."""
    try:
        metadata = pq.read_schema(run / RESULTS).metadata or {}
        return dict(json.loads(metadata[b"binding"]))
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None


def count(connection: duckdb.DuckDBPyConnection, left_out: int) -> Finalised:
    """The counts of the views ``parts`` and ``results``.

    Args:
        connection: With these views.
        left_out: Records that are in neither.
    """
    asked, scored, poses, warned, compounds = only_row(
        connection,
        """SELECT count(DISTINCT row), count(DISTINCT row) FILTER (status = 'ok'), count(*) FILTER (status = 'ok'),
        count(*) FILTER (status = 'ok' AND warnings <> ''), (SELECT count(*) FROM results) FROM parts""",
    )
    failures = connection.execute(
        "SELECT error_code, count(*) AS n FROM parts WHERE status <> 'ok' GROUP BY ALL ORDER BY n DESC, error_code"
    ).fetchall()
    (mixed,), (split,) = only_row(connection, _MIXED), only_row(connection, _SPLIT)
    return Finalised(asked, scored, asked - scored, poses, compounds, warned, mixed, split, dict(failures), left_out)


def names_notes(found: Finalised, compound_tag: str | None) -> tuple[str, ...]:
    """Warnings where one name stands for different compounds.

    Args:
        found: What the parts held.
        compound_tag: SD tag that names the compounds; None for the record's title.
    """
    notes = []
    for count_, what in (
        (found.split, "several compounds of different atoms, which are listed each by itself"),
        (found.mixed, "several different structures of the same atoms, and only the best of each is listed"),
    ):
        title, titles = ("title", "titles") if compound_tag is None else (f"{compound_tag} tag", f"{compound_tag} tags")
        names_ = f"1 {title} stands" if count_ == 1 else f"{count_} {titles} stand"
        if count_:
            notes.append(
                f"{names_} for {what}. Give each compound its own title, or name an SD tag that tells them apart with "
                "--compound-tag."
            )
    return tuple(notes)

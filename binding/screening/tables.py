"""Tables larger than memory: DuckDB with a limit to its memory, restricted to the files that it has to read.

DuckDB sorts and groups on disk where the limit is reached, so that the results of a million poses and
of a billion are made in the same memory.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from binding.errors import BindingError, FileError
from binding.files import FULL_DISK, atomic, write_error

MEMORY_MB: Final = 1024
_THREADS: Final = 4  # more need more memory each, and the disk is the limit by then
_DISK_FULL: Final = (*map(os.strerror, FULL_DISK), "max_temp_directory_size")  # DuckDB's messages in that case
_KINDS: Final = {
    pa.string(): "VARCHAR",
    pa.float32(): "FLOAT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.bool_(): "BOOLEAN",
}
_DECIMALS: Final = 4  # of a CSV file, as `binding predict` writes it


@contextmanager
def database(scratch: Path | None = None, memory_mb: int = MEMORY_MB) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, which spills into a folder that is removed at the end.

    Args:
        scratch: That folder, used by this process alone; its content is deleted. By default a new one among
            the system's temporary files.
        memory_mb: Memory limit of DuckDB, MB.

    Raises:
        FileError: ``disk_full``, or another error of the file system.
        BindingError: ``out_of_memory``.
    """
    spill = Path(tempfile.mkdtemp(prefix="binding-")) if scratch is None else scratch
    shutil.rmtree(spill, ignore_errors=True)  # of a process that was killed
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mb}MB",
        "threads": min(_THREADS, os.cpu_count() or 1),
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,  # nothing is fetched from a network
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(":memory:", config=settings) as connection:
            connection.execute("SET enable_progress_bar = false")
            yield connection
    except duckdb.Error as error:
        raise _in_our_words(error, spill.parent, resumes=scratch is not None) from error
    finally:
        shutil.rmtree(spill, ignore_errors=True)


def lock(connection: duckdb.DuckDBPyConnection, readable: Sequence[Path]) -> None:
    """From here on only these files and folders can be read, and no setting changed: expressions of users may run."""
    for setting, paths in (
        ("allowed_directories", [path for path in readable if path.is_dir()]),
        ("allowed_paths", [path for path in readable if not path.is_dir()]),
    ):
        connection.execute(f"SET {setting} = [{', '.join(quoted(str(path)) for path in paths)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def attach(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
    """Makes Parquet files of one run one view.

    Args:
        connection: Where the view is made.
        name: Of the view.
        files: All with the same columns.
        schema: What the view is to have: columns that the files of an earlier version lack are null.
    """
    listed = ", ".join(quoted(str(path)) for path in files)
    there = set(pq.read_schema(files[0]).names)
    lacking = [f"NULL::{_KINDS[field.type]} AS {field.name}" for field in schema if field.name not in there]
    connection.execute(f"CREATE VIEW {name} AS SELECT {', '.join(['*', *lacking])} FROM read_parquet([{listed}])")


def only_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The one row of an aggregate. All is fetched: a result that is left open keeps the connection busy."""
    (row,) = connection.execute(query).fetchall()
    return row


def write_csv(
    connection: duckdb.DuckDBPyConnection, query: str, path: Path, *, resumes: bool = False, separator: str = ","
) -> None:
    """The rows of a query, in its order, as CSV: four decimals, missing values empty; whole or not at all."""
    with atomic(path, resumes=resumes, shared=True) as partial:
        connection.execute(
            f"COPY ({as_text(connection.sql(query)).sql_query()}) TO {quoted(str(partial))} "
            f"(FORMAT csv, HEADER true, DELIMITER '{separator}', QUOTE '\"', ESCAPE '\"', NULLSTR '')"
        )


def as_text(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Rows in the text form of a CSV file."""
    return rows.project(", ".join(_cell(*column) for column in zip(rows.columns, map(str, rows.types), strict=True)))


def _cell(name: str, kind: str) -> str:
    """A column in the text form of a CSV file; an empty text is empty and not ``""``."""
    if kind in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN isfinite({name}) THEN printf('%.{_DECIMALS}f', {name}) END AS {name}"
    return f"nullif({name}, '') AS {name}" if kind == "VARCHAR" else name


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _in_our_words(error: duckdb.Error, scratch: Path, resumes: bool) -> BindingError | duckdb.Error:
    """An error that a user can mend, in our words; any other unchanged, since it is a defect of ours."""
    said = str(error)
    if any(mark in said for mark in _DISK_FULL):
        return write_error(scratch, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), resumes=resumes)
    if isinstance(error, duckdb.OutOfMemoryException):
        return BindingError(
            "The results do not fit into the memory that they are sorted in.",
            "Give more: binding.screening.store.finalise(run, memory_mb=4096).",
            "out_of_memory",
        )
    if isinstance(error, duckdb.IOException):
        return FileError(f"The files of {scratch} cannot be used: {said.splitlines()[0]}.", "Check the folder.")
    return error

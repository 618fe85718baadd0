"""The files that hold the rows of a screen.

A *part* is a contiguous range of the library's records and the unit of everything: of work, of
resuming, of shards and of what an engine hands back. It is a Parquet file,
``parts/part-000000.parquet``, whose metadata says which run it belongs to and which records it
holds. A part is written under a temporary name, synced and renamed: a part that exists is complete,
even after a power failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from binding.files import atomic
from binding.io.columns import POSE_BLOCK, SCREEN_PART, ColumnKind, OutputColumn, names, requested_among

_TYPES: Final = {
    ColumnKind.TEXT: pa.string(),
    ColumnKind.NUMBER: pa.float32(),
    ColumnKind.INTEGER: pa.int32(),
    ColumnKind.PLACE: pa.int64(),
    ColumnKind.FLAG: pa.bool_(),
}


#: Of the numbers among them.
_NUMBERS: Final = {pa.float32(): np.float32, pa.int32(): np.int32, pa.int64(): np.int64}
_MOST_LETTERS: Final = 2**31 - 1  # that one array of texts has room for


def arrow_schema(columns: Iterable[OutputColumn]) -> pa.Schema:
    """Columns as Arrow holds them; a number that is missing is null."""
    return pa.schema([pa.field(c.name, _TYPES[c.kind], nullable=not c.required) for c in columns])


def part_schema(requested: Iterable[OutputColumn] = ()) -> pa.Schema:
    """Of a part: one row a scored pose, or a failure. Rows are sorted by ``row`` and ``pose_number``.

    Args:
        requested: Columns that were asked for.
    """
    return arrow_schema((*SCREEN_PART, *requested))


#: Of a part without requested columns.
SCHEMA: Final = part_schema()
COLUMNS: Final = names(SCREEN_PART)
POSE_COLUMN: Final = POSE_BLOCK.name

_NAME: Final = re.compile(r"part-([0-9]{6,})\.parquet")
_META: Final = b"binding_part"


@dataclass(frozen=True)
class PartInfo:
    """The metadata of a part.

    Attributes:
        key: Key of the run that the part belongs to; see ``binding.screening.plan``.
        number: Its place among the parts, from 0.
        first: Row of its first record.
        records: How many records of the library it covers; each has one row or more.
        scored: Records with a scored pose; the others failed.
    """

    key: str
    number: int
    first: int
    records: int
    scored: int

    @property
    def failed(self) -> int:
        """Records without a scored pose."""
        return self.records - self.scored


def parts_folder(run: Path) -> Path:
    """Where the parts of a run lie."""
    return run / "parts"


def prefilter_folder(run: Path) -> Path:
    """Where the parts of a run's ranking without poses lie while it is under way."""
    return run / "prefilter"


def part_path(run: Path, number: int) -> Path:
    """The file of a part."""
    return parts_folder(run) / f"part-{number:06d}.parquet"


def part_paths(run: Path) -> list[Path]:
    """The parts that are there, in order."""
    folder = parts_folder(run)
    found = [(int(match[1]), path) for path in folder.glob("part-*.parquet") if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def part_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """The table of some rows; a cell that a row lacks is null.

    ``pa.Table.from_pylist`` makes the same, but asks pandas about each list and imports it for that, which takes each
    worker half a second and 26 MB.

    Args:
        rows: Their cells by the name of the column.
        schema: Of ``arrow_schema``.
    """
    columns = [_column([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _column(cells: list[Any], kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    there = np.array([cell is not None for cell in cells], dtype=bool)
    known = None if there.all() else _packed(there)
    if kind == pa.string():
        texts = [b"" if cell is None else cell.encode() for cell in cells]
        ends = np.cumsum([0, *map(len, texts)])
        if ends[-1] > _MOST_LETTERS:
            return pa.array(cells, kind)
        held = [pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(texts))]
    elif kind == pa.bool_():
        held = [_packed(np.array([bool(cell) for cell in cells], dtype=bool))]
    else:
        held = [pa.py_buffer(np.array([0 if cell is None else cell for cell in cells], dtype=_NUMBERS[kind]))]
    return pa.Array.from_buffers(kind, len(cells), [known, *held])


def _packed(flags: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def write_part(run: Path, table: pa.Table, info: PartInfo, schema: pa.Schema | None = None) -> Path:
    """Writes a part so that it is there as a whole or not at all, power cut included.

    Args:
        run: Folder of the run; ``parts/`` must exist.
        table: Rows of ``schema``.
        info: Metadata of the file.
        schema: ``part_schema`` with the columns on request that the table has, if None.

    Raises:
        WriteError: ``disk_full`` or ``not_writable``.
    """
    path = part_path(run, info.number)
    schema = part_schema(requested_among(table.column_names)) if schema is None else schema
    marked = table.cast(schema).replace_schema_metadata({_META: json.dumps(asdict(info)).encode()})
    with atomic(path, resumes=True, shared=True) as partial:
        pq.write_table(marked, partial, compression="zstd")
    return path


def read_info(path: Path) -> PartInfo | None:
    """The metadata of a part; None where the file is no complete part of this format."""
    try:
        schema = pq.read_schema(path)
        return PartInfo(**json.loads((schema.metadata or {})[_META]))
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return None


def count_scored(table: pa.Table) -> int:
    """How many records of a part's table have a scored pose."""
    rows = zip(table["status"].to_pylist(), table["row"].to_pylist(), strict=True)
    return len({row for status, row in rows if status == "ok"})


def iter_infos(run: Path) -> Iterator[tuple[Path, PartInfo | None]]:
    """Each part's file and metadata."""
    for path in part_paths(run):
        yield path, read_info(path)

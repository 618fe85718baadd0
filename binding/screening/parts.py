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
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
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


def part_path(run: Path, number: int) -> Path:
    """The file of a part."""
    return parts_folder(run) / f"part-{number:06d}.parquet"


def part_paths(run: Path) -> list[Path]:
    """The parts that are there, in order."""
    folder = parts_folder(run)
    found = [(int(match[1]), path) for path in folder.glob("part-*.parquet") if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def write_part(run: Path, table: pa.Table, info: PartInfo) -> Path:
    """Writes a part so that it is there as a whole or not at all, power cut included.

    Args:
        run: Folder of the run; ``parts/`` must exist.
        table: Rows of ``part_schema``.
        info: Metadata of the file.

    Raises:
        WriteError: ``disk_full`` or ``not_writable``.
    """
    path = part_path(run, info.number)
    schema = part_schema(requested_among(table.column_names))
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
    scored = table.filter(pc.equal(table["status"], "ok"))
    return len(pc.unique(scored["row"]))


def iter_infos(run: Path) -> Iterator[tuple[Path, PartInfo | None]]:
    """Each part's file and metadata."""
    for path in part_paths(run):
        yield path, read_info(path)

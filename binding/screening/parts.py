"""The one page of columns of a screen, and the files that hold them.

A *part* is a contiguous range of the library's records and the unit of everything: of work, of
resuming, of shards and of what an engine hands back. It is a Parquet file,
``parts/part-000000.parquet``, whose metadata says which run it belongs to and which records it
holds. A part is written beside its name, synced and renamed: a name that is there is a part that
is whole, whenever the power fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from binding.files import atomic

#: One row a scored pose, or a failure. Rows are sorted by ``row`` and ``pose_number``.
SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),  # the record's place in the whole library, from 0
        pa.field("pose_number", pa.int32(), nullable=False),  # of several poses made from one record; else 0
        pa.field("id", pa.string(), nullable=False),  # as `binding predict` names it: stem, or stem:number
        pa.field("compound", pa.string(), nullable=False),  # groups poses: the title, or the tag asked for
        pa.field("receptor", pa.string(), nullable=False),  # file name; with many, the path in the table
        pa.field("ligand_file", pa.string(), nullable=False),  # absolute path
        pa.field("record", pa.int64(), nullable=False),  # in that file, from 0
        pa.field("smiles", pa.string()),  # canonical, stereo from the pose; null where unreadable
        pa.field("pk", pa.float32()),  # -log10(K / M), higher binds tighter; null where failed, as all numbers
        pa.field("pk_std", pa.float32()),  # pK
        pa.field("pk_low", pa.float32()),  # to pk_high: holds 90 % of measurements
        pa.field("pk_high", pa.float32()),
        pa.field("dg_kcal_mol", pa.float32()),  # at 298.15 K
        pa.field("pk_ligand_only", pa.float32()),  # of a model that never sees the protein
        pa.field("ligand_efficiency", pa.float32()),  # kcal/mol per heavy atom
        pa.field("heavy_atoms", pa.int32()),  # null where unreadable
        pa.field("pose", pa.float32()),  # probability that the pose is near-native
        pa.field("in_domain", pa.bool_()),  # like what the weights were trained on; null where they do not say
        pa.field("nearest_ligand", pa.float32()),  # Tanimoto to the nearest training ligand; null where unknown
        pa.field("nearest_protein", pa.float32()),  # share of words of the nearest training protein; null as well
        pa.field("warnings", pa.string(), nullable=False),  # sentences joined by "; "
        pa.field("model", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),  # ok | failed
        pa.field("error_code", pa.string(), nullable=False),  # empty for ok
        pa.field("message", pa.string(), nullable=False),  # empty for ok
        # the scored pose and its tags, heavy atoms only, where it is no record of a ligand file: posed SMILES, a
        # ligand taken from a complex, a table's mol block; else null, and the pose is record `record` of `ligand_file`
        pa.field("pose_block", pa.string()),
    ]
)
COLUMNS: Final = tuple(SCHEMA.names)
POSE_COLUMN: Final = "pose_block"

_NAME: Final = re.compile(r"part-([0-9]{6,})\.parquet")
_META: Final = b"binding_part"


@dataclass(frozen=True)
class PartInfo:
    """What a part says of itself.

    Attributes:
        key: Of the run it belongs to; see ``binding.screening.plan``.
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
        table: Rows of ``SCHEMA``.
        info: Goes into the file's metadata.

    Raises:
        WriteError: ``disk_full`` or ``not_writable``.
    """
    path = part_path(run, info.number)
    marked = table.cast(SCHEMA).replace_schema_metadata({_META: json.dumps(asdict(info)).encode()})
    with atomic(path, resumes=True, shared=True) as partial:
        pq.write_table(marked, partial, compression="zstd")
    return path


def read_info(path: Path) -> PartInfo | None:
    """What a part says of itself; None where the file is no whole part of this format."""
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
    """Each part's file and what it says of itself."""
    for path in part_paths(run):
        yield path, read_info(path)

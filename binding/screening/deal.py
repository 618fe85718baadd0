"""The rows of a run brought into the order of their ranks in memory that does not grow with the run.

The ranks are known by then, so nothing has to be compared: the parts are read once, in order, and their best
rows dealt out to files by rank; each of those fits into memory, is put in order and appended to the results.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_KEY: Final = ("row", "pose_number")
_PILE: Final = 100_000  # rows of a pile, as long as that does not make too many
_PILES: Final = 256  # files that are open at once
_HELD: Final = 64 << 20  # bytes that wait in memory to be dealt out
_POSES: Final = 1 << 20  # more than any record has; row and pose number as one sortable number


def write_ranked(
    best: pa.RecordBatchReader, total: int, parts: Sequence[Path], writer: pq.ParquetWriter, scratch: Path
) -> None:
    """Writes the best rows by rank.

    Args:
        best: ``row``, ``pose_number``, ``rank`` (from 1, without gaps) and any further columns, in the order of
            the first two.
        total: Number of best rows.
        parts: Files whose rows are in that order too.
        writer: Its schema names what is written: columns of ``best`` and of the parts.
        scratch: Folder for files that are gone at the end.

    Raises:
        ValueError: A best row is in no part, or the parts are not in order.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        piles = _Piles(Path(folder), writer.schema, max(_PILE, -(-total // _PILES)))
        for table in _taken(best, parts, writer.schema):
            piles.add(table)
        for pile in piles.ordered():
            writer.write_table(pile)


def _taken(best: pa.RecordBatchReader, parts: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """The best rows of each part, with what is known of them."""
    batches = (pa.Table.from_batches([batch]) for batch in best)
    waiting = next(batches, None)
    known = [name for name in best.schema.names if name not in _KEY]
    columns = [*_KEY, *(name for name in schema.names if name not in (*known, *_KEY))]
    for path in parts:
        part = pq.read_table(path, columns=columns)
        keys = _keys(part)
        while waiting is not None and len(keys):
            wanted = _keys(waiting)
            here = int(np.searchsorted(wanted, keys[-1], side="right"))
            places = np.searchsorted(keys, wanted[:here])
            if not np.array_equal(keys[places], wanted[:here]):
                raise ValueError(f"{path} does not hold the rows that it was ranked with.")
            taken = part.take(places)
            for name in known:
                taken = taken.append_column(name, waiting.column(name).slice(0, here))
            yield taken.select(schema.names).cast(schema)
            if here < len(wanted):
                waiting = waiting.slice(here)
                break
            waiting = next(batches, None)
    if waiting is not None:
        raise ValueError("There are best rows that no part holds.")


def _keys(table: pa.Table) -> np.ndarray:
    row, pose = (table.column(name).to_numpy() for name in _KEY)
    return row * _POSES + pose


class _Piles:
    """Files of rows with neighbouring ranks."""

    def __init__(self, folder: Path, schema: pa.Schema, size: int) -> None:
        self._folder = folder
        self._schema = schema
        self._size = size
        self._held: list[pa.Table] = []
        self._bytes = 0
        self._files: dict[int, pa.RecordBatchFileWriter] = {}

    def add(self, table: pa.Table) -> None:
        """Take rows; they are dealt out when there are enough of them."""
        self._held.append(table)
        self._bytes += table.nbytes
        if self._bytes > _HELD:
            self._deal()

    def _deal(self) -> None:
        if not self._held:
            return
        table = pa.concat_tables(self._held)
        piles = (table.column("rank").to_numpy() - 1) // self._size
        order = np.argsort(piles, kind="stable")
        table, piles = table.take(order), piles[order]
        for pile in np.unique(piles):
            start, end = np.searchsorted(piles, [pile, pile + 1])
            if pile not in self._files:
                self._files[pile] = pa.ipc.new_file(self._path(pile), self._schema)
            self._files[pile].write_table(table.slice(start, end - start))
        self._held.clear()
        self._bytes = 0

    def ordered(self) -> Iterator[pa.Table]:
        """The piles, best first, each in order."""
        self._deal()
        for pile in sorted(self._files):
            self._files[pile].close()
            with pa.memory_map(str(self._path(pile))) as file:
                yield pa.ipc.open_file(file).read_all().sort_by("rank")
            self._path(pile).unlink()

    def _path(self, pile: int) -> Path:
        return self._folder / f"{pile}.arrow"

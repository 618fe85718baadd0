"""Graphs that were built are kept in a file without a name, so that memory does not grow with the number of them."""

from __future__ import annotations

import logging
import os
import pickle
import tempfile
from typing import IO, Any

from binding.graph.fields import ComplexGraph

_log = logging.getLogger(__name__)


class GraphStore:
    """Keeps graphs on the disk, where the operating system holds in memory what there is room for.

    Reading one back takes a fraction of a millisecond, building it a few. The file goes with the process; it lies where
    temporary files go (``TMPDIR``), about 75 kB a complex. Where the disk is full, graphs are no longer kept, and built
    each time.

    A process that was forked reads what was kept before, and keeps what it builds in a file of its own.
    """

    def __init__(self) -> None:
        self._places: dict[int, tuple[IO[bytes], int, int]] = {}
        self._file: IO[bytes] | None = None
        self._owner = 0
        self._end = 0
        self._full = False

    def __getstate__(self) -> dict[str, Any]:
        return {}  # open files cannot be sent: a store starts empty in another process

    def __setstate__(self, state: dict[str, Any]) -> None:
        GraphStore.__init__(self)

    def __len__(self) -> int:
        return len(self._places)

    def get(self, row: int) -> ComplexGraph | None:
        """The graph of a row, or None where none was kept."""
        place = self._places.get(row)
        if place is None:
            return None
        file, offset, size = place
        if hasattr(os, "pread"):  # does not move the file's position, which forked processes share
            data = os.pread(file.fileno(), size, offset)
        else:
            file.seek(offset)
            data = file.read(size)
        return pickle.loads(data)  # noqa: S301 - no other process can write to a file without a name

    def put(self, row: int, graph: ComplexGraph) -> None:
        """Keeps the graph of a row."""
        if self._full:
            return
        data = pickle.dumps(graph, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            if self._file is None or self._owner != os.getpid():
                self._file, self._owner, self._end = tempfile.TemporaryFile(buffering=0), os.getpid(), 0
            self._file.seek(self._end)
            written = self._file.write(data)
        except OSError as error:
            self._full = True
            _log.warning("No room for graphs in %s (%s): they are rebuilt each time.", tempfile.gettempdir(), error)
            return
        if written == len(data):
            self._places[row] = (self._file, self._end, len(data))
            self._end += len(data)

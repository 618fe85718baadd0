"""A library of SMILES ranked without poses, so that the best alone are docked or placed.

The ranking is a screen of its own with parts in ``prefilter/``: as resumable, and as independent of who works on it.
Its end is one table, ``prefilter.parquet``, with a row for each record of the library: those that are posed next, and
those that are left out, which have no other row.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from binding.files import atomic
from binding.screening.engines import run_ranking
from binding.screening.folder import RunFolder
from binding.screening.ledger import Ledger, Progress
from binding.screening.left_out import CHOSEN, LEFT_OUT, LEFT_OUT_CSV, META, NOT_RANKED, TABLE, about_ranking
from binding.screening.library import Library
from binding.screening.parts import PartInfo, part_paths, prefilter_folder, write_part
from binding.screening.plan import ScreenPlan, ScreenTask
from binding.screening.ranking import RANKING, ranking_task
from binding.screening.records import Record
from binding.screening.tables import attach, database, write_csv

_SCHEMA: Final = pa.schema([*RANKING, pa.field("prefilter_rank", pa.int64()), pa.field("status", pa.string())])
_PART_SIZE: Final = 4096  # records: a few seconds
_FAR: Final = 0.05  # of the nearest measurement of a whole library
_SHOWN: Final = "id, compound, prefilter_rank, nearest_measurement, smiles, ligand_file, record"


@dataclass(frozen=True, eq=False)
class ChosenCompounds:
    """The records of a library that are posed.

    Attributes:
        library: The library.
        rows: (n,) their places in it, ascending.
        left_out: How many there are besides.
        ranked: How many could be ranked.
        nearest: The greatest ``nearest_measurement`` of any.
    """

    library: Library
    rows: np.ndarray
    left_out: int
    ranked: int
    nearest: float

    def records(self) -> Iterator[Record]:
        """These records, in the library's order."""
        rows = iter(self.rows.tolist())
        wanted = next(rows, None)
        for row, record in enumerate(self.library.records()):
            if wanted is None:
                return
            if row == wanted:
                yield record
                wanted = next(rows, None)

    def notes(self, keep: int) -> tuple[str, ...]:
        """Warnings about the ranking.

        Args:
            keep: How many were to be posed.
        """
        found = []
        if not self.left_out:
            found.append(f"--prefilter {keep} left nothing out: {self.ranked} compounds could be ranked")
        elif self.nearest < _FAR:
            found.append(
                "nothing like these compounds was measured at a site like this one: what --prefilter chose is no "
                "better than what chance would have"
            )
        return tuple(found)


def choose(
    plan: ScreenPlan,
    task: ScreenTask,
    folder: RunFolder,
    key: str,
    library: Library,
    expected: int | None,
    stopping: Callable[[], bool],
    tell: Callable[[Progress], None],
) -> tuple[ChosenCompounds | None, Ledger | None]:
    """Ranks this shard's share of the library; once all shares are ranked, the best are chosen.

    Args:
        plan, task: Of the run.
        folder: Of the run.
        key: Of the run.
        library: The library.
        expected: About how many records it has; None where that is not known.
        stopping: True once no further part may be begun.
        tell: Called after each part.

    Returns:
        What is posed, None where it was stopped or other shards are still to rank; and how far this process is, None
        where nothing was left to rank.
    """
    assert plan.prefilter is not None
    stage = prefilter_folder(plan.output)
    if (finished := _finished(plan.output, folder, key, library)) is not None:
        return finished, None
    done = folder.done(key, stage)
    ledger = Ledger(plan.shard, _PART_SIZE, done, count=None, expected=expected, tell=tell, ranking=True)
    workers = task.scoring.workers if plan.engine.name == "local" else None
    for part in run_ranking(ledger.jobs(library), ranking_task(task), workers, stopping, ledger.look):
        scored = part.table.num_rows - part.table["nearest_measurement"].null_count
        info = PartInfo(key, part.number, part.first, part.records, scored)
        write_part(stage, part.table, info, RANKING)
        ledger.add(info, part.seconds)
    if not ledger.all_done:
        return None, ledger
    with folder.exclusive():
        if about_ranking(plan.output) is None and len(folder.done(key, stage)) == ledger.count:
            _write(plan.output, plan.prefilter, key)
    return _finished(plan.output, folder, key, library), ledger


def _finished(run: Path, folder: RunFolder, key: str, library: Library) -> ChosenCompounds | None:
    """What was chosen; None where not all of the library is ranked yet."""
    about = about_ranking(run)
    if about is None or about["key"] != key:
        return None
    with folder.exclusive():
        if not (run / LEFT_OUT_CSV).is_file():
            _write_left_out(run)
        shutil.rmtree(prefilter_folder(run), ignore_errors=True)  # all of it is in the table
    status = pq.read_table(run / TABLE, columns=["status"])["status"]
    rows = np.flatnonzero(np.asarray(status) != LEFT_OUT)
    return ChosenCompounds(library, rows, about["left_out"], about["ranked"], about["nearest"])


def _write(run: Path, keep: int, key: str) -> None:
    """The table of a library that is ranked: 24 bytes of memory a record, and one part at a time."""
    paths = part_paths(prefilter_folder(run))
    held = (pq.read_table(path, columns=["nearest_measurement"]) for path in paths)
    scores = np.concatenate([np.zeros(0), *(part["nearest_measurement"].to_numpy() for part in held)])
    ranked = int(np.isfinite(scores).sum())
    places = np.zeros(len(scores), dtype=np.int64)
    places[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)  # a NaN comes last; of equals the first
    about = {
        "key": key,
        "ranked": ranked,
        "left_out": max(ranked - keep, 0),
        "nearest": float(np.nanmax(scores, initial=0.0)),
    }
    with (
        atomic(run / TABLE, resumes=True, shared=True) as partial,
        pq.ParquetWriter(partial, _SCHEMA.with_metadata({META: json.dumps(about)}), compression="zstd") as writer,
    ):
        first = 0
        for path in paths:
            part = pq.read_table(path)
            here = places[first : first + len(part)]
            unknown = np.isnan(scores[first : first + len(part)])
            status = np.where(unknown, NOT_RANKED, np.where(here > keep, LEFT_OUT, CHOSEN))
            part = part.append_column("prefilter_rank", pa.array(here, mask=unknown)).append_column(
                "status", pa.array(status.tolist())
            )
            writer.write_table(part.cast(_SCHEMA))
            first += len(here)


def _write_left_out(run: Path) -> None:
    """The records that are left out, for people, in the library's order."""
    with database(run / "sorting") as connection:
        attach(connection, "ranking", [run / TABLE], _SCHEMA)
        query = f"SELECT {_SHOWN} FROM ranking WHERE status = '{LEFT_OUT}'"
        write_csv(connection, query, run / LEFT_OUT_CSV, resumes=True)

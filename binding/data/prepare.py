"""Rows of complexes -> a training cache, in parallel, resumable, the same whoever prepares it.

What becomes of some rows is a piece, which is kept: a run that was stopped goes on, and a row that is added later costs
itself alone.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from binding.callbacks import Advance
from binding.data.encode import write_cache
from binding.data.entries import MeasuredComplex, dataset_rows, library_rows
from binding.data.piece_job import PieceJob, make_piece
from binding.data.piece_plan import PiecePlan
from binding.data.pieces import PIECES_SUFFIX, Piece, Refusal, open_pieces
from binding.errors import NothingLeftError, UsageError
from binding.files import write_bytes
from binding.graph.site import PocketSpec
from binding.pool import Rescue, WorkerDiedError, WorkerPool, lost_item
from binding.score import limits

_FEW_ROWS: Final = 24  # to read, for which a second process costs more than it saves
_MAKER: Final = "binding.data.piece_job:make_piece"
_LOOKAHEAD: Final = 16  # jobs for each process


@dataclass(frozen=True)
class Rejected:
    """A row that did not get into the cache.

    Attributes:
        id: Id of the row.
        error_code, message, hint: Why, and what to do about it.
    """

    id: str
    error_code: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Doubt:
    """A warning about a complex that is in the cache.

    Attributes:
        id: Id of the row.
        warning: One sentence, as ``binding predict`` gives it.
    """

    id: str
    warning: str

    @property
    def kind(self) -> str:
        """The warning without its particulars, such as ``dropped N atoms``."""
        return re.sub(r"\d+", "N", re.split(r": | \(| with ", self.warning, maxsplit=1)[0])


@dataclass(frozen=True)
class PrepareReport:
    """Counts that add up: ``asked == cached + len(rejected)``.

    Attributes:
        path: The cache.
        asked: Rows of the index, and records that it does not name.
        cached: Complexes in the cache.
        rejected: In the order of the rows.
        kept: How many of the rows an earlier run had done.
        doubts: Warnings about complexes in the cache, in the order of the rows.
    """

    path: Path
    asked: int
    cached: int
    rejected: list[Rejected]
    kept: int = 0
    doubts: list[Doubt] = field(default_factory=list)

    @property
    def rejected_path(self) -> Path:
        """The table of rejected rows."""
        return rejected_table(self.path)

    @property
    def warnings_path(self) -> Path:
        """The table of warnings."""
        return warnings_table(self.path)


def rejected_table(output: Path) -> Path:
    """Where the rejected rows of a cache are listed."""
    return output.with_suffix(".rejected.csv")


def warnings_table(output: Path) -> Path:
    """Where the warnings about the complexes of a cache are listed."""
    return output.with_suffix(".warnings.csv")


def prepare(
    data: str | Path | None,
    output: str | Path,
    *,
    protein: str | Path | None = None,
    ligands: str | Path | Sequence[str | Path] | None = None,
    index: str | Path | None = None,
    **settings: Any,
) -> PrepareReport:
    """Prepares what is given: a folder or table (``prepare_dataset``), or a protein with ligands (``prepare_library``).

    Raises:
        UsageError: Both or neither are given, or one protein without ligands or index.
        BindingError: As for these two.
    """
    files = [] if ligands is None else [ligands] if isinstance(ligands, str | Path) else list(ligands)
    if data is not None:
        if protein is not None or files:
            raise UsageError(
                "Data and a protein with ligands exclude each other.", "Give a folder or table, or -p, -l and --index."
            )
        return prepare_dataset(data, index, output, **settings)
    if protein is None or not files or index is None:
        raise UsageError(
            "There is nothing to prepare.",
            "Give a folder or a table, or one protein with its ligands: "
            "binding prepare -p protein.pdb -l ligands.sdf --index affinities.csv -o cache.npz.",
        )
    return prepare_library(protein, files, index, output, **settings)


def prepare_dataset(
    data: str | Path,
    index: str | Path | None,
    output: str | Path,
    *,
    source: str | None = None,
    pocket_cutoff: float = 10.0,
    workers: int | None = None,
    time_limit: float | None = None,
    progress: Advance | None = None,
) -> PrepareReport:
    """Prepares a folder in PDBbind layout or a table of paths; see ``dataset_rows`` for their form.

    Args:
        data: The folder or the table.
        index: Measured affinities of a folder; ``<folder>/index.csv`` where None.
        output: The cache, ``.npz``; see ``prepare_rows`` for what is written.
        source: Name of this data in the column ``source``; the folder's or the table's where None.
        pocket_cutoff, workers, time_limit, progress: As for ``prepare_rows``.

    Raises:
        FileError, TableError: The data or the index cannot be read.
        UsageError, CacheError: As for ``prepare_rows``.
    """
    data = Path(data)
    rows = dataset_rows(data, index)
    source = source or (data.absolute().name if data.is_dir() else data.name.partition(".")[0])
    return prepare_rows(
        rows, output, source, pocket_cutoff=pocket_cutoff, workers=workers, time_limit=time_limit, progress=progress
    )


def prepare_library(
    protein: str | Path,
    ligands: Sequence[str | Path],
    index: str | Path,
    output: str | Path,
    *,
    source: str | None = None,
    pocket_cutoff: float = 10.0,
    workers: int | None = None,
    time_limit: float | None = None,
    progress: Advance | None = None,
) -> PrepareReport:
    """Prepares one protein with many ligands; a record that the index does not name is a rejected row.

    Args:
        protein: Structure file.
        ligands: Files of posed ligands, whose record titles are the index's ids.
        index: Measured affinities.
        output: The cache, ``.npz``; see ``prepare_rows`` for what is written.
        source: Name of this data in the column ``source``; the protein file's where None.
        pocket_cutoff, workers, time_limit, progress: As for ``prepare_rows``.

    Raises:
        FileError, TableError: A file or the index cannot be read.
        UsageError, CacheError: As for ``prepare_rows``.
    """
    rows = library_rows(protein, ligands, index)
    source = source or Path(protein).name.partition(".")[0]
    return prepare_rows(
        rows, output, source, pocket_cutoff=pocket_cutoff, workers=workers, time_limit=time_limit, progress=progress
    )


def prepare_rows(
    rows: Sequence[MeasuredComplex],
    output: str | Path,
    source: str,
    *,
    pocket_cutoff: float = 10.0,
    workers: int | None = None,
    time_limit: float | None = None,
    progress: Advance | None = None,
) -> PrepareReport:
    """Reads complexes and writes the cache and, beside it, ``<stem>.rejected.csv`` and ``<stem>.warnings.csv``.

    What is done is kept in ``<output>.pieces``: the same call goes on where it was stopped, and later reads only what
    is new or has changed. The cache does not depend on the number of processes, nor on how often it was stopped.

    Args:
        rows: The rows to prepare.
        output: The cache, ``.npz``.
        source: Name of this data in the column ``source``; an index's own column of that name wins.
        pocket_cutoff: Å, residues this close to the ligand are kept.
        workers: Processes; as many as there are cores where None, or one for few rows, and 0 for none but this one.
        time_limit: Seconds that a row may take in another process; by default 30.
        progress: Called with rows done and asked.

    Returns:
        What was cached and what was not.

    Raises:
        UsageError: The cutoff is no length.
        NothingLeftError: No complex can be used; the tables of rejected rows and of warnings are written.
        CacheError: Another run writes the same cache (``in_use``).
        WriteError: The disk is full, or the folder cannot be written to.
    """
    output = Path(output)
    PocketSpec(cutoff=pocket_cutoff)  # refused before anything is read
    limits.check_seconds(time_limit)
    with open_pieces(output.with_name(output.name + PIECES_SUFFIX)) as pieces:
        plan = PiecePlan(rows, pieces, pocket_cutoff, progress)
        _work(plan, workers, time_limit)
        table = plan.table(source)
        reasons = sorted(plan.refused.items())
        rejected = [Rejected(rows[at].id, why.code, why.message, why.hint) for at, why in reasons]
        doubts = [Doubt(rows[at].id, text) for at, texts in sorted(plan.warnings.items()) for text in texts]
        write_bytes(rejected_table(output), rejected_csv(rejected), resumes=True)
        write_bytes(
            warnings_table(output),
            _csv(("id", "warning"), ((doubt.id, doubt.warning) for doubt in doubts)),
            resumes=True,
        )
        if not table:
            raise _nothing_left(rejected, rejected_table(output))
        cached = write_cache(output, plan.groups(), table, {"pocket_cutoff": pocket_cutoff})
        pieces.keep_only(plan.keys)
    return PrepareReport(output, len(rows), cached, rejected, plan.kept, doubts)


def _work(plan: PiecePlan, workers: int | None, time_limit: float | None) -> None:
    """Fills the pieces that are missing."""
    jobs = plan.jobs()
    if workers == 0:
        for job in jobs:
            plan.pieces.put(job.key, make_piece(job))
            plan.advance(len(job.ids))
        return
    first: list[PieceJob] = []
    for job in jobs:
        first.append(job)
        if sum(len(job.ids) for job in first) > _FEW_ROWS:
            count = workers or os.cpu_count() or 1
            break
    else:
        count = 1
    if not first:
        return
    rescue = Rescue(PieceJob.singles, _lost, _none, _without)
    limit = limits.time_limit(limits.RECORD_SECONDS, time_limit)
    with WorkerPool(_MAKER, count, time_limit=limit) as pool:
        for job, piece in pool.run(chain(first, jobs), rescue, ahead=_LOOKAHEAD * count):
            plan.pieces.put(job.key, piece)
            plan.advance(len(job.ids))


def _lost(job: PieceJob, error: WorkerDiedError) -> Piece:
    """A row that ends its process or hangs."""
    return Piece(None, {0: _refusal(error, job.ids[0])}, lasting=False)


def _without(job: PieceJob, lost: Mapping[int, WorkerDiedError]) -> PieceJob:
    return replace(job, lost={place: _refusal(error, job.ids[place]) for place, error in lost.items()})


def _none(pieces: list[Piece]) -> Piece:
    """Rows that end their process together, though none does alone: pieces of one protein cannot be joined."""
    together = _refusal(WorkerDiedError(), "all rows of its protein")
    return Piece(None, {place: piece.refused.get(0, together) for place, piece in enumerate(pieces)}, lasting=False)


def _refusal(error: WorkerDiedError, name: str) -> Refusal:
    told = lost_item(error, name, "prepare with --workers 0")
    return Refusal(told.code, told.message, told.hint)


def _nothing_left(rejected: list[Rejected], path: Path) -> NothingLeftError:
    reasons = Counter(item.error_code for item in rejected).most_common()
    listed = ", ".join(f"{count} x {code}" for code, count in reasons)
    return NothingLeftError(
        f"None of {len(rejected)} complexes can be used: {listed}.",
        f"All are in {path}. The first: {rejected[0].message}",
    )


def rejected_csv(rejected: Iterable[Rejected]) -> bytes:
    """The table of rejected rows, as it is written."""
    header = ("id", "error_code", "message", "hint")
    return _csv(header, ((r.id, r.error_code, r.message, r.hint) for r in rejected))


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue().encode()

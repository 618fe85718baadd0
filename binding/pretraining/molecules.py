"""Molecules without a protein: the records of a file as bond graphs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from binding.callbacks import Advance
from binding.data.prepare import Rejected
from binding.errors import TableError
from binding.graph.fields import LigandGraph
from binding.graph.ligand import build_ligand_graph
from binding.io.ligand import BadRecord, parse_record, split_records
from binding.pool import Rescue, WorkerDiedError, WorkerPool, lost_item
from binding.score.limits import RECORD_SECONDS, time_limit
from binding.worker import begin

_CHUNK: Final = 64  # records a job
_LOOKAHEAD: Final = 4  # jobs a worker


@dataclass
class MoleculeSet:
    """The molecules of a file.

    Attributes:
        names: Titles of the M records; a title may occur more than once.
        graphs: Their bond graphs.
        rejected: Records that could not be read.
    """

    names: list[str] = field(default_factory=list)
    graphs: list[LigandGraph] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True)
class _Chunk:
    """Texts of some records of a file, the first of which is number ``start``."""

    path: Path
    start: int
    texts: tuple[str, ...]


_Answers = list[tuple[str, LigandGraph | Rejected]]


def read_molecules(path: Path, *, workers: int | None = None, progress: Advance | None = None) -> MoleculeSet:
    """Reads the records of a ligand file as bond graphs.

    Args:
        path: SDF or MOL2 of many records, also gzipped.
        workers: Processes; all cores where None. The result does not depend on it.
        progress: Called with the number of records done, twice: how many there are is not known before.

    Raises:
        FileError: The file is missing, empty, or of another format.
        TableError: None of its records can be used.
    """
    found = MoleculeSet()
    for answers in _read(_jobs(path), workers or os.cpu_count() or 1):
        for name, answer in answers:
            if isinstance(answer, Rejected):
                found.rejected.append(answer)
            else:
                found.names.append(name)
                found.graphs.append(answer)
        if progress is not None:
            done = len(found.names) + len(found.rejected)
            progress(done, done)
    if not found.names:
        raise TableError(f"No record of {path} can be used; the first: {found.rejected[0].message}", "Check the file.")
    return found


def _jobs(path: Path) -> Iterator[_Chunk]:
    records, start = split_records(path), 0
    while texts := tuple(islice(records, _CHUNK)):
        yield _Chunk(path, start, texts)
        start += len(texts)


def _read(jobs: Iterator[_Chunk], workers: int) -> Iterator[_Answers]:
    """Answers in the order of the jobs; a record that ends its worker costs itself alone."""
    if workers == 1:
        yield from map(read_chunk, jobs)
        return
    with WorkerPool("binding.pretraining.molecules:read_chunk", workers, time_limit=time_limit(RECORD_SECONDS)) as pool:
        rescue = Rescue(_singles, _lost, lambda answers: [answer for found in answers for answer in found])
        for _, answers in pool.run(jobs, rescue, ahead=_LOOKAHEAD * workers):
            yield answers


def _singles(job: _Chunk) -> list[_Chunk]:
    return [_Chunk(job.path, number, (text,)) for number, text in enumerate(job.texts, job.start)]


def _lost(job: _Chunk, error: WorkerDiedError) -> _Answers:
    name = f"{job.path.name}, record {job.start + 1}"
    told = lost_item(error, name)
    return [(name, Rejected(name, told.code, told.message))]


def read_chunk(job: _Chunk) -> _Answers:
    """The graph of each record, or why there is none."""
    answers: _Answers = []
    for place, text in enumerate(job.texts):
        begin(place)
        number = job.start + place
        ligand = parse_record(text, job.path, number)
        if isinstance(ligand, BadRecord):
            answers.append((ligand.name, Rejected(ligand.name, ligand.error.code, ligand.error.message)))
        else:
            answers.append((ligand.name, build_ligand_graph(ligand)))
    return answers

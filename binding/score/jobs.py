"""Requests to jobs: what one worker reads in one go, and how the rows that come of it are named.

A large ligand file is read by several jobs. Ids: as given, else the ligand file's stem; a file with several records
gives ``<id>:1``, ``<id>:2`` ...
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from binding.errors import BindingError
from binding.graph.site import PocketSpec
from binding.io.files import split_suffix
from binding.io.ligand import BadRecord, split_records
from binding.io.table import Request
from binding.score.options import ScoringOptions
from binding.score.plausibility import PoseChecks
from binding.structures import Ligand, Protein

CHUNK_RECORDS = 8  # records of a large file that one job takes
LARGE_FILE_BYTES = 64_000  # about fifteen records; a smaller file is one job


@dataclass(frozen=True)
class Job:
    """Ligands of one receptor, with their place among the rows.

    Attributes:
        protein: Structure file, or a protein in memory.
        source: A ligand file, the name of a ligand inside the protein's file (``auto``, ``LIG``, ``A:LIG:301``), or
            ligands in memory.
        pocket: A reference ligand's file, a pocket in words (see ``parse_pocket``) or a ``PocketSpec``.
        template: SMILES with the bond orders of a ligand that has none.
        id: Id of a single record; for several records, the prefix of their numbers.
        texts: Consecutive records of the file ``source``, as text; None for all of it.
        first: 0-based number of the first record in its file.
        several: Whether the file is known to hold more records than these.
        checks: The tests that each pose goes through; none if None.
        time_limit: Seconds that a record may take; None for the usual ones.
        pockets: Whether the atoms of the pockets are wanted, which are a fifth of what a pose holds in memory.
    """

    protein: Path | Protein
    source: Path | str | tuple[Ligand | BadRecord, ...]
    pocket: Path | str | PocketSpec
    template: str | None = None
    id: str = ""
    texts: tuple[str, ...] | None = None
    first: int = 0
    several: bool = False
    checks: PoseChecks | None = None
    time_limit: float | None = None
    pockets: bool = True

    @property
    def source_name(self) -> str:
        """What the ligands come from, for rows without a title."""
        if isinstance(self.source, tuple):
            return self.source[0].name if self.source else ""
        return self.source.name if isinstance(self.source, Path) else self.source

    def row_id(self, place: int, count: int) -> str:
        """The id of record ``place``, from 0, of the ``count`` records of this job."""
        return f"{self.id}:{self.first + place + 1}" if self.several or count > 1 else self.id


def jobs_of(requests: Iterable[Request], options: ScoringOptions) -> Iterator[Job]:
    """The jobs of requests, in order; large files are read and cut as they are drawn."""
    for request in requests:
        ligand = request.ligand
        source = (ligand,) if isinstance(ligand, Ligand | BadRecord) else ligand
        pocket = request.pocket or options.pocket
        job = Job(
            request.protein,
            source,
            pocket,
            options.template,
            _id(request),
            checks=options.checks,
            time_limit=options.time_limit,
        )
        if isinstance(ligand, Path) and is_large(ligand):
            yield from _cut(job, ligand, CHUNK_RECORDS)
        else:
            yield job


def single_records(job: Job) -> Iterator[Job]:
    """The same work, record by record."""
    if job.texts is not None:
        for place, text in enumerate(job.texts):
            yield replace(job, texts=(text,), first=job.first + place)
    elif isinstance(job.source, Path):
        yield from _cut(job, job.source, 1)
    else:
        yield job


def is_large(ligand: object) -> bool:
    """Whether a ligand is a file that is worth the work of several jobs."""
    if not isinstance(ligand, Path):
        return False
    try:
        size = ligand.stat().st_size
    except OSError:  # the reader will say what is wrong with it
        return False
    return size * (4 if ligand.suffix.lower() == ".gz" else 1) > LARGE_FILE_BYTES


def _id(request: Request) -> str:
    if request.id is not None:
        return request.id
    if isinstance(request.ligand, Path):
        return split_suffix(request.ligand)[0]
    if isinstance(request.ligand, Ligand | BadRecord):
        return request.ligand.name
    stem = request.protein.name if isinstance(request.protein, Protein) else split_suffix(request.protein)[0]
    return stem if request.ligand == "auto" else f"{stem}_{request.ligand.replace(':', '_')}"


def _cut(job: Job, path: Path, size: int) -> Iterator[Job]:
    """The same job as several of ``size`` records each; a file that breaks off ends in a failed record."""
    first, texts = 0, list[str]()

    def chunk(more: bool) -> Job:
        return replace(job, texts=tuple(texts), first=first, several=more or first > 0)

    broken: BindingError | None = None
    try:
        for text in split_records(path):
            if len(texts) == size:  # only now is it known that this is not the last one
                yield chunk(more=True)
                first, texts = first + size, []
            texts.append(text)
    except BindingError as error:
        broken = error
    if texts:
        yield chunk(more=len(texts) > 1 or broken is not None)
        first += len(texts)
    if broken is not None:
        name = f"{split_suffix(path)[0]}_{first + 1}" if first else path.name
        yield replace(job, source=(BadRecord(name, first, broken),), first=first, several=first > 0)

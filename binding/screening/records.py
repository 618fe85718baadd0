"""Records of a library and the jobs they are cut into. Text only: nothing is parsed here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from binding.errors import BindingError
from binding.io.files import split_suffix
from binding.screening.plan import PART_SIZE

_FIRST_SIZE = 64  # so that a small library is shared out too, and the first rows are safe soon
_STEP = 8  # parts of one size before the next are twice as large


class RecordKind(StrEnum):
    """What a record's ``text`` is."""

    POSE = "pose"  # a mol block, MOL2, PDB or PDBQT record, in the receptor's frame
    SMILES = "smiles"  # has to be posed first
    INSIDE = "inside"  # names a ligand inside the record's receptor file
    BROKEN = "broken"  # could not be read; ``error`` says why


@dataclass(frozen=True)
class Record:
    """One record of a library, which becomes one row, or the rows of its poses.

    Attributes:
        id: As ``binding predict`` would name it: the file's stem, with ``:number`` where a file holds several.
        stem: The file's path without ending, relative to the folder that was searched; what names untitled poses.
        file: File of the record, absolute.
        number: Place in that file, from 0.
        kind: Kind of ``text``.
        text: The record itself.
        name: Title, where the file has it outside of the record (a table's id column); else None.
        receptor: File of the receptor, where the library names one; None for the run's receptor.
        receptor_name: As shown, with ``receptor``.
        pocket: A reference ligand's file or a pocket in words, where the library names one.
        error: Error of a broken record; else None.
    """

    id: str
    stem: str
    file: str
    number: int
    kind: RecordKind
    text: str = ""
    name: str | None = None
    receptor: Path | None = None
    receptor_name: str = ""
    pocket: Path | str | None = None
    error: BindingError | None = None


def is_untitled(record: Record, name: str) -> bool:
    """Whether a ligand's name is only what the reader calls a record without a title."""
    return name == f"{split_suffix(Path(record.file))[0]}_{record.number + 1}"


@dataclass(frozen=True)
class PartJob:
    """The work of one part: all that it needs besides the run's ``ScreenTask``.

    Attributes:
        number: Place among the parts, from 0.
        first: Row of the first record.
        records: In library order.
        lost: By row (absolute), why the record is given up: it ended its process, or hung. It becomes a failure unread.
    """

    number: int
    first: int
    records: tuple[Record, ...]
    lost: Mapping[int, BindingError] = field(default_factory=dict)


def part_length(number: int, part_size: int = PART_SIZE) -> int:
    """How many records part ``number`` takes: 64 at first, doubled every eight parts up to ``part_size``."""
    return min(part_size, _FIRST_SIZE << min(number // _STEP, 40))


def cut_parts(
    records: Iterable[Record], part_size: int = PART_SIZE, wanted: Callable[[int], bool] = lambda number: True
) -> Iterator[PartJob | int]:
    """Cuts a library into jobs, lazily.

    Args:
        records: In order.
        part_size: Most records of a part.
        wanted: Whether a part is to be done here and now; of the others only the length is counted.

    Yields:
        A job for each wanted part, and for each other the number of its records.
    """
    source = iter(records)
    number = first = 0
    while True:
        keep, count, length = wanted(number), 0, part_length(number, part_size)
        kept: list[Record] = []
        for record in source:
            if keep:
                kept.append(record)
            count += 1
            if count == length:
                break
        if not count:
            return
        yield PartJob(number, first, tuple(kept)) if keep else count
        number, first = number + 1, first + count

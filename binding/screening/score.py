"""The work of one part: records to rows. A pure function of job and task, whichever process it runs in.

Scoring is that of ``binding.score``: a row here is a row of ``binding predict`` with the columns of a screen.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from rdkit import Chem

from binding.errors import UsageError
from binding.io.columns import POSING, POSING_TAGS, ColumnKind
from binding.io.formats import format_of_record
from binding.io.ligand import BadRecord, parse_record
from binding.io.results import RECORD_END, ResultRow, mol_block, sdf_record
from binding.memory import keep_freed_memory
from binding.score.featurize import Failed, Outcome, as_binding_error, featurize
from binding.score.jobs import Job
from binding.score.pipeline import launch_rows
from binding.screening.parts import part_schema, part_table
from binding.screening.plan import ScreenTask
from binding.screening.records import PartJob, Record, RecordKind, is_untitled
from binding.structures import Ligand, Protein
from binding.worker import begin, tell

if TYPE_CHECKING:
    from binding.model.weights import Scorer

_TOLD_SECONDS: Final = 0.25
Poser = Callable[[Record], list[Ligand | BadRecord]]


@dataclass(frozen=True, eq=False)
class FinishedPart:
    """The result of a job.

    Attributes:
        number: Of the part.
        first: Row of its first record.
        records: How many it covers.
        table: Its rows, of ``binding.screening.parts.part_schema``.
        seconds: Where the time went: ``featurize`` (reading included) and ``network``.
    """

    number: int
    first: int
    records: int
    table: pa.Table
    seconds: dict[str, float]

    @staticmethod
    def joined(parts: list[FinishedPart]) -> FinishedPart:
        """One part of consecutive pieces of it."""
        seconds: Counter[str] = Counter()
        for part in parts:
            seconds.update(part.seconds)
        table = pa.concat_tables(part.table for part in parts)
        return FinishedPart(parts[0].number, parts[0].first, sum(part.records for part in parts), table, dict(seconds))


@dataclass(frozen=True, eq=False)
class PreparedPart:
    """A part that has been read and turned into graphs; it can be pickled.

    Attributes:
        number: Of the part.
        first: Row of its first record.
        records: How many it covers.
        outcomes: Outcome of each pose, in order.
        columns: For each, the columns that a screen adds to the row of ``binding predict``.
        seconds: Time that this took.
    """

    number: int
    first: int
    records: int
    outcomes: list[Outcome]
    columns: list[dict[str, Any]]
    seconds: float

    @staticmethod
    def joined(parts: list[PreparedPart]) -> PreparedPart:
        """One part of consecutive pieces of it."""
        return PreparedPart(
            parts[0].number,
            parts[0].first,
            sum(part.records for part in parts),
            [outcome for part in parts for outcome in part.outcomes],
            [columns for part in parts for columns in part.columns],
            sum(part.seconds for part in parts),
        )


class PartScorer:
    """Scores parts in one process: holds the model and what else is loaded only once.

    Args:
        task: Task of the run.
        scorer: A loaded model to use; by default the task's is loaded when it is first needed.
        told: Called with the number of SMILES of the job under way that have been posed, a few times a second at most.
    """

    def __init__(
        self, task: ScreenTask, scorer: Scorer | None = None, told: Callable[[int], None] = lambda posed: None
    ) -> None:
        self._task = task
        self._scorer = scorer
        self._told = told
        self._posed, self._last_told = 0, 0.0
        self._poser: Poser | None = None
        self._checked = () if task.scoring.checks is None else task.scoring.checks.columns
        self._schema = part_schema(self._checked)

    @property
    def scorer(self) -> Scorer:
        """The model."""
        if self._scorer is None:
            self._scorer = self._task.scoring.load()
        return self._scorer

    def __call__(self, job: PartJob) -> FinishedPart:
        """Does all of a job."""
        return self.finish(self.prepare(job))

    def prepare(self, job: PartJob) -> PreparedPart:
        """Reads a job's records and builds their graphs; needs no torch."""
        start = time.perf_counter()
        self._posed = 0
        part = PreparedPart(job.number, job.first, len(job.records), [], [], 0.0)
        numbered = enumerate(job.records, start=job.first)
        for _, group in groupby(numbered, key=lambda item: _shared(item[1])):
            kept = list(group)
            asked = [(row - job.first, record) for row, record in kept if row not in job.lost]
            outcomes = self._outcomes([record for _, record in asked], [place for place, _ in asked])
            for row, record in kept:
                for number, outcome in enumerate(_given_up(job, row, record) or next(outcomes)):
                    outcome, compound = self._with_compound(record, outcome)
                    place = {"row": row, "pose_number": number, "compound": compound}
                    part.outcomes.append(outcome)
                    part.columns.append(place | self._columns(record, outcome))
        return replace(part, seconds=time.perf_counter() - start)

    def finish(self, part: PreparedPart) -> FinishedPart:
        """Scores a part's graphs and makes its table."""
        return self.launch(part)()

    def launch(self, part: PreparedPart) -> Callable[[], FinishedPart]:
        """Begins with scoring a part, and gives what waits for its numbers and makes its table.

        Meanwhile the next part may be begun: a GPU computes the one while the host joins the graphs of the other.
        """
        begin(None)
        start = time.perf_counter()
        with _one_thread(self._task.scoring.device):
            wait = launch_rows(part.outcomes, self.scorer, self._task.scoring.batch_size)
        spent = time.perf_counter() - start

        def finished() -> FinishedPart:
            again = time.perf_counter()
            with _one_thread(self._task.scoring.device):
                rows = wait()
            cells = [self._cells(row, columns) for row, columns in zip(rows, part.columns, strict=True)]
            table = part_table(cells, self._schema)
            seconds = {"featurize": part.seconds, "network": spent + time.perf_counter() - again}
            return FinishedPart(part.number, part.first, part.records, table, seconds)

        return finished

    def _cells(self, row: ResultRow, columns: dict[str, Any]) -> dict[str, Any]:
        """One row of the table; a number that is missing is null."""
        values = row.as_dict(self._checked) | columns
        names = self._schema.names
        return {name: None if value != value else value for name in names if (value := values.get(name)) is not None}

    # ---------------------------------------------------------------- records -> outcomes

    def _outcomes(self, records: list[Record], places: list[int]) -> Iterator[list[Outcome]]:
        """The outcomes of the poses of each of some records of one receptor and pocket, which have these places."""
        if not records:
            return
        sample = records[0]
        protein: Path | Protein | None = sample.receptor or self._task.receptor
        if protein is None:
            raise UsageError("The library names no receptor and the run has none.", "Add -p receptor.pdb.")
        pocket = self._task.scoring.pocket if sample.pocket is None else sample.pocket
        checks = self._task.scoring.checks
        if sample.kind is RecordKind.INSIDE:
            for place, record in zip(places, records, strict=True):
                job = Job(protein, record.text, pocket, self._task.scoring.template, checks=checks, pockets=False)
                yield featurize(job, _at([place]))
            return
        read = []
        for place, record in zip(places, records, strict=True):
            begin(place)
            read.append(self._read(record))
        ligands = tuple(ligand for found in read for ligand in found)
        their_places = [place for place, found in zip(places, read, strict=True) for _ in found]
        outcomes = iter(featurize(Job(protein, ligands, pocket, checks=checks, pockets=False), _at(their_places)))
        for found in read:
            yield [next(outcomes) for _ in found]

    def _read(self, record: Record) -> list[Ligand | BadRecord]:
        """The poses of a record; one at least, or a failure."""
        if record.error is not None:
            return [BadRecord(record.name or record.id, record.number, record.error)]
        if record.kind is RecordKind.SMILES:
            if self._poser is None:
                self._poser = _make_poser(self._task)
            found = self._poser(record)
            self._posed += 1
            if time.monotonic() - self._last_told >= _TOLD_SECONDS:
                self._last_told = time.monotonic()
                self._told(self._posed)
            return found
        try:
            return [parse_record(record.text, record.file, record.number, template=self._task.scoring.template)]
        except Exception as error:  # noqa: BLE001 - becomes the row of the record
            return [BadRecord(record.name or record.id, record.number, as_binding_error(error))]

    def _with_compound(self, record: Record, outcome: Outcome) -> tuple[Outcome, str]:
        """The name that groups the poses of a compound, and a warning where the tag asked for is missing."""
        if isinstance(outcome, Failed):
            return outcome, _compound(record, outcome.name)
        title = _compound(record, outcome.ligand.name)
        tag = self._task.compound_tag
        if tag is None:
            return outcome, title
        named = outcome.ligand.properties.get(tag, "").strip()
        if named:
            return outcome, named
        warning = f"has no tag {tag}: grouped by its title"
        return replace(outcome, warnings=(*outcome.warnings, warning)), title

    def _columns(self, record: Record, outcome: Outcome) -> dict[str, Any]:
        """The columns of a pose besides its score."""
        columns = {
            "id": record.id,
            "receptor": record.receptor_name or self._task.receptor_name,
            "ligand_file": record.file,
            "record": record.number,
        }
        if isinstance(outcome, Failed):
            return columns
        ligand = outcome.ligand
        in_file = record.kind is RecordKind.POSE and record.name is None
        block = None if in_file else sdf_record(mol_block(ligand), ligand.properties).removesuffix(RECORD_END)
        made = posing_columns(ligand.properties)
        return columns | made | {"smiles": Chem.MolToSmiles(ligand.mol), "pose_block": block}


def posing_columns(tags: Mapping[str, str]) -> dict[str, float | int]:
    """The columns ``POSING`` of a pose, as far as its tags have them and they are finite numbers.

    Args:
        tags: Of the pose.
    """
    found: dict[str, float | int] = {}
    for column in POSING:
        for name in (column.name, *POSING_TAGS.get(column.name, ())):
            value = _number(tags.get(name, ""))
            if value is not None:
                found[column.name] = round(value) if column.kind is ColumnKind.INTEGER else value
                break
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def score_parts(task: ScreenTask) -> PartScorer:
    """The function of an engine's worker processes, with the model loaded; see ``binding.pool.WorkerPool``."""
    keep_freed_memory()
    return PartScorer(task, task.scoring.load(), told=tell)


def prepare_parts(task: ScreenTask) -> Callable[[PartJob], PreparedPart]:
    """The same without the network, for engines whose network runs in another process."""
    return PartScorer(task, told=tell).prepare


def _make_poser(task: ScreenTask) -> Poser:
    if task.posing is None:
        raise UsageError("The library holds SMILES, which have no pose.", "Add --place-on ref.sdf or --dock.")
    from binding.screening.smiles import SmilesPoser

    return SmilesPoser(task, task.posing)


def _at(places: Sequence[int]) -> Callable[[int], None]:
    """Announces ligands that are read already, or one that is read here, by their records' places.

    What they share counts as the first record's: the receptor is read by then, but for one of the record's own.
    """
    return lambda place: begin(places[min(max(place, 0), len(places) - 1)])


def _shared(record: Record) -> tuple[object, ...]:
    """What records must share to be featurized together: receptor, pocket, and how they are read."""
    return record.receptor, record.pocket, record.kind is RecordKind.INSIDE


def _compound(record: Record, name: str) -> str:
    """The name that groups poses: the title; without one, the file of a PDBQT's models, else the record itself."""
    if record.name is not None:
        return record.name
    if record.kind is RecordKind.POSE and is_untitled(record, name):
        return record.id if format_of_record(record.text, record.file).titled else record.stem
    return name


def _given_up(job: PartJob, row: int, record: Record) -> list[Outcome]:
    """The failure of a record that ended its process or hung; nothing for the others."""
    error = job.lost.get(row)
    return [] if error is None else [Failed(record.id, record.receptor_name, record.name or record.id, error)]


@contextmanager
def _one_thread(device: str) -> Iterator[None]:
    """On a CPU, one thread: sums in another order would differ in their last bits, and rows with the engine."""
    torch = sys.modules.get("torch")  # a scorer has imported it; without one there is nothing to set
    if device != "cpu" or torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""The work of one part: records to rows. A pure function of job and task, whatever process it runs in."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from rdkit import Chem

from binding.errors import BindingError, UsageError
from binding.graph.fields import ComplexGraph
from binding.io.formats import format_of_record
from binding.io.ligand import BadRecord, parse_record
from binding.io.results import FAILED, OK, RECORD_END, mol_block, sdf_record
from binding.score.featurize import Failed, Featurized, Job, as_binding_error, featurize
from binding.score.pipeline import Numbers, judge, score_graphs
from binding.screening.parts import SCHEMA
from binding.screening.plan import ScreenTask
from binding.screening.records import Kind, PartJob, Record, is_untitled
from binding.structures import Ligand, Protein
from binding.units import dg_from_pk

if TYPE_CHECKING:
    from binding.model.weights import Scorer

Poser = Callable[[Record], list[Ligand | BadRecord]]


@dataclass(frozen=True, eq=False)
class FinishedPart:
    """What became of a job.

    Attributes:
        number: Of the part.
        first: Row of its first record.
        records: How many it covers.
        table: Its rows, of ``binding.screening.parts.SCHEMA``.
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
class Prepared:
    """A row to be: all its columns but the numbers, and the graph or the failure that they come from."""

    names: dict[str, Any]
    smiles: str | None
    pose_block: str | None
    heavy_atoms: int | None
    warnings: tuple[str, ...]
    result: ComplexGraph | BindingError
    words: np.ndarray | None = None  # of the chains around the pocket, where there is a graph


@dataclass(frozen=True, eq=False)
class PreparedPart:
    """A part that has been read and turned into graphs; it can be pickled.

    Attributes:
        number, first, records: As of ``FinishedPart``.
        rows: In order.
        seconds: How long that took.
    """

    number: int
    first: int
    records: int
    rows: list[Prepared]
    seconds: float

    @staticmethod
    def joined(parts: list[PreparedPart]) -> PreparedPart:
        """One part of consecutive pieces of it."""
        return PreparedPart(
            parts[0].number,
            parts[0].first,
            sum(part.records for part in parts),
            [row for part in parts for row in part.rows],
            sum(part.seconds for part in parts),
        )


class PartScorer:
    """Scores parts in one process: holds the model and whatever else is loaded once.

    Args:
        task: Of the run.
        scorer: A loaded model to use; by default the task's is loaded when it is first needed.
    """

    def __init__(self, task: ScreenTask, scorer: Scorer | None = None) -> None:
        self._task = task
        self._scorer = scorer
        self._poser: Poser | None = None

    @property
    def scorer(self) -> Scorer:
        """The model."""
        if self._scorer is None:
            from binding.model.weights import load_model

            self._scorer = load_model(self._task.model, device=self._task.device)
        return self._scorer

    def __call__(self, job: PartJob) -> FinishedPart:
        """Does all of a job."""
        return self.finish(self.prepare(job))

    def prepare(self, job: PartJob) -> PreparedPart:
        """Reads a job's records and builds their graphs; needs no torch."""
        start = time.perf_counter()
        lost = set(job.lost)
        rows: list[Prepared] = []
        numbered = enumerate(job.records, start=job.first)
        for _, group in groupby(numbered, key=lambda item: _shared(item[1])):
            kept = list(group)
            outcomes = self._outcomes([record for row, record in kept if row not in lost])
            for row, record in kept:
                found = [_died(record)] if row in lost else next(outcomes)
                rows += [self._prepared(row, number, record, outcome) for number, outcome in enumerate(found)]
        return PreparedPart(job.number, job.first, len(job.records), rows, time.perf_counter() - start)

    def finish(self, part: PreparedPart) -> FinishedPart:
        """Scores a part's graphs and makes its table."""
        start = time.perf_counter()
        graphs = [row.result for row in part.rows if isinstance(row.result, ComplexGraph)]
        scorer = self.scorer
        with _one_thread(self._task.device):
            numbers = iter(score_graphs(graphs, scorer, self._task.batch_size))
        columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
        for row in part.rows:
            result = next(numbers) if isinstance(row.result, ComplexGraph) else row.result
            for name, value in _cells(row, result, scorer).items():
                columns[name].append(value)
        table = pa.Table.from_pydict(columns, schema=SCHEMA)
        seconds = {"featurize": part.seconds, "network": time.perf_counter() - start}
        return FinishedPart(part.number, part.first, part.records, table, seconds)

    # ---------------------------------------------------------------- records -> outcomes

    def _outcomes(self, records: list[Record]) -> Iterator[list[Featurized | Failed]]:
        """For each of some records of one receptor and pocket, what its poses became."""
        if not records:
            return
        sample = records[0]
        protein: Path | Protein | None = sample.receptor or self._task.receptor
        if protein is None:
            raise UsageError("The library names no receptor and the run has none.", "Add -p receptor.pdb.")
        pocket = self._task.pocket if sample.pocket is None else sample.pocket
        if sample.kind is Kind.INSIDE:
            for record in records:
                yield featurize(Job(protein, record.text, pocket, self._task.template))
            return
        read = [self._read(record) for record in records]
        ligands = tuple(ligand for found in read for ligand in found)
        outcomes = iter(featurize(Job(protein, ligands, pocket)))
        for found in read:
            yield [next(outcomes) for _ in found]

    def _read(self, record: Record) -> list[Ligand | BadRecord]:
        """The poses of a record; one at least, or a failure."""
        if record.error is not None:
            return [BadRecord(record.name or record.id, record.number, record.error)]
        if record.kind is Kind.SMILES:
            if self._poser is None:
                self._poser = _make_poser(self._task)
            return self._poser(record)
        try:
            return [parse_record(record.text, record.file, record.number, template=self._task.template)]
        except Exception as error:  # noqa: BLE001 - becomes the row of the record
            return [BadRecord(record.name or record.id, record.number, as_binding_error(error))]

    def _prepared(self, row: int, number: int, record: Record, outcome: Featurized | Failed) -> Prepared:
        """A row to be, with its names."""
        ligand = outcome.ligand if isinstance(outcome, Featurized) else None
        warnings = outcome.warnings if isinstance(outcome, Featurized) else ()
        compound = _compound(record, outcome.ligand.name if isinstance(outcome, Featurized) else outcome.name)
        if self._task.compound_tag is not None and ligand is not None:
            tag = ligand.properties.get(self._task.compound_tag, "").strip()
            if tag:
                compound = tag
            else:
                warnings = (*warnings, f"has no tag {self._task.compound_tag}: grouped by its title")
        names = {
            "row": row,
            "pose_number": number,
            "id": record.id,
            "compound": compound,
            "receptor": record.receptor_name or self._task.receptor_name,
            "ligand_file": record.file,
            "record": record.number,
        }
        if isinstance(outcome, Failed):
            return Prepared(names, None, None, outcome.heavy_atoms, (), outcome.error)
        posed = outcome.ligand
        in_file = record.kind is Kind.POSE and record.name is None
        block = None if in_file else sdf_record(mol_block(posed), posed.properties).removesuffix(RECORD_END)
        return Prepared(
            names, Chem.MolToSmiles(posed.mol), block, posed.num_atoms, warnings, outcome.graph, outcome.words
        )


def score_parts(task: ScreenTask) -> PartScorer:
    """What a worker process of an engine does with each job; see ``binding.pool.WorkerPool``."""
    return PartScorer(task)


def prepare_parts(task: ScreenTask) -> Callable[[PartJob], PreparedPart]:
    """The same without the network, for engines whose network runs in another process."""
    return PartScorer(task).prepare


def _make_poser(task: ScreenTask) -> Poser:
    if task.posing is None:
        raise UsageError("The library holds SMILES, which have no pose.", "Add --place-on ref.sdf or --dock.")
    from binding.screening.smiles import make_poser

    return make_poser(task)


def _shared(record: Record) -> tuple[object, ...]:
    """What records must share to be featurized together: receptor, pocket, and how they are read."""
    return record.receptor, record.pocket, record.kind is Kind.INSIDE


def _compound(record: Record, name: str) -> str:
    """The name that groups poses: the title; without one, the file of a PDBQT's models, else the record itself."""
    if record.name is not None:
        return record.name
    if record.kind is Kind.POSE and is_untitled(record, name):
        return record.id if format_of_record(record.text, record.file).titled else record.stem
    return name


def _died(record: Record) -> Failed:
    error = BindingError(
        "The process that read or scored this record ended unexpectedly, twice.",
        "It may have run out of memory; look at the record, or try it alone with binding predict --workers 0.",
        "worker_died",
    )
    return Failed(record.name or record.id, error)


def _cells(row: Prepared, result: Numbers | BindingError, scorer: Scorer) -> dict[str, Any]:
    """One row of the table."""
    cells: dict[str, Any] = {**dict.fromkeys(SCHEMA.names), **row.names}
    cells |= {"smiles": row.smiles, "pose_block": row.pose_block, "heavy_atoms": row.heavy_atoms}
    cells |= {"model": scorer.name, "status": OK, "warnings": "; ".join(row.warnings), "error_code": "", "message": ""}
    if isinstance(result, BindingError):
        message = f"{result.message} ({result.hint})" if result.hint else result.message
        return cells | {"status": FAILED, "error_code": result.code, "message": message}
    if isinstance(row.result, ComplexGraph) and row.words is not None:
        near = judge(row.result, row.words, scorer)
        cells["warnings"] = "; ".join((*row.warnings, *near.warnings))
        cells |= {name: None if value != value else value for name, value in near.columns().items()}  # NaN is no number
    dg = dg_from_pk(result.pk)
    return cells | result._asdict() | {"dg_kcal_mol": dg, "ligand_efficiency": -dg / (row.heavy_atoms or 1)}


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

"""Requests in, rows out: in order, streaming, one row for every ligand record whatever happens.

Files are read and turned into graphs in worker processes while the network scores the graphs
that are ready, in batches of like size. Ids: as given; else the ligand file's stem. A file with
several records gives ``<id>:1``, ``<id>:2`` ...; a second use of an id gets ``~2``, ``~3`` ...
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from binding.domain.index import UNKNOWN, Nearness
from binding.errors import BindingError
from binding.graph.site import PocketSpec
from binding.io.files import split_suffix
from binding.io.ligand import BadRecord, split_records
from binding.io.results import ResultRow
from binding.io.table import Request
from binding.pool import Rescue, WorkerDiedError, WorkerPool, lost_item, run_jobs
from binding.score.featurize import Failed, Featurized, Job, RecordChunk, as_binding_error, featurize
from binding.structures import Ligand, Protein

if TYPE_CHECKING:
    from binding.graph.fields import ComplexGraph
    from binding.model.weights import Scorer

CHUNK_RECORDS = 8  # records of a large file that one job takes
LARGE_FILE_BYTES = 64_000  # about fifteen records; a smaller file is one job
FEW_REQUESTS = 30  # up to here, starting workers costs more than it saves
DEFAULT_WORKERS = 2
DEFAULT_BATCH_SIZE = 32
_WINDOW_BATCHES = 4  # batches are formed by size within so many, and rows wait no longer than that
_LOOKAHEAD_JOBS = 64
_PAIRS_PER_COMPLEX = 12_000  # atoms x residues of a large complex; what a full batch may hold on average

Outcome = Featurized | Failed


class Numbers(NamedTuple):
    """What the network says of one complex; see ``ResultRow`` for the units."""

    pk: float
    pk_std: float
    pk_low: float
    pk_high: float
    pk_ligand_only: float
    pose: float


@dataclass(frozen=True, eq=False)
class _Piece:
    """A job with its place among the rows."""

    job: Job
    base: str
    protein: str
    first: int = 0
    several: bool = False  # whether the file is known to hold more than this piece


@dataclass(frozen=True, eq=False)
class _Pending:
    """A row to be: its names, and what it will be made of."""

    id: str
    protein: str
    outcome: Outcome


def predict_requests(
    requests: Iterable[Request],
    scorer: Scorer,
    *,
    pocket: PocketSpec | None = None,
    template: str | None = None,
    workers: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> Iterator[ResultRow]:
    """Score requests; rows come in input order, as soon as a few batches are done.

    Args:
        requests: What to score; a request with N ligand records gives N rows.
        scorer: The model, as ``binding.load_model`` gives it.
        pocket: For requests that name no pocket of their own; 10 Å about the ligand by default.
        template: SMILES with the bond orders of ligands that have none (PDB, PDBQT).
        workers: Processes that read and featurize; 0 does it in this process. By default none for
            up to 30 requests and two above, as far as there are cores.
        batch_size: Complexes in one pass of the network.

    Returns:
        One row a record. Failures are rows with ``status = "failed"``; nothing is raised for bad input.
    """
    scored = score_requests(requests, scorer, pocket=pocket, template=template, workers=workers, batch_size=batch_size)
    for _, row in scored:
        yield row


def score_requests(
    requests: Iterable[Request],
    scorer: Scorer,
    *,
    pocket: PocketSpec | None = None,
    template: str | None = None,
    workers: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> Iterator[tuple[Outcome, ResultRow]]:
    """Like ``predict_requests``, with what each row was made of beside it."""
    requests = list(requests)
    count = default_workers(requests) if workers is None else workers
    pieces = _expand(requests, pocket or PocketSpec(), template)
    outcomes = _in_workers(pieces, count) if count else ((piece, featurize(piece.job)) for piece in pieces)
    pending = _named(outcomes)
    with _network_threads(count):
        while window := list(islice(pending, _WINDOW_BATCHES * batch_size)):
            rows = _score_window(window, scorer, batch_size)
            yield from zip((item.outcome for item in window), rows, strict=True)


def default_workers(requests: Sequence[Request]) -> int:
    """How many worker processes pay for these requests."""
    if len(requests) <= FEW_REQUESTS and not any(_is_large(request.ligand) for request in requests):
        return 0
    return min(DEFAULT_WORKERS, os.cpu_count() or 1)


@contextmanager
def _network_threads(workers: int) -> Iterator[None]:
    """Leaves half the cores to the workers, if there are any, for as long as the rows are drawn."""
    torch = sys.modules.get("torch")  # a scorer has imported it; without one there is nothing to set
    if torch is None or not workers:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // 2))
    try:
        yield
    finally:
        torch.set_num_threads(before)


# ---------------------------------------------------------------- requests -> pieces


def _expand(requests: Iterable[Request], pocket: PocketSpec, template: str | None) -> Iterator[_Piece]:
    for request in requests:
        ligand = request.ligand
        source = (ligand,) if isinstance(ligand, Ligand | BadRecord) else ligand
        job = Job(request.protein, source, request.pocket or pocket, template)
        piece = _Piece(job, _base_id(request), request.protein.name)
        if isinstance(ligand, Path) and _is_large(ligand):
            yield from _split(piece, ligand)
        else:
            yield piece


def _base_id(request: Request) -> str:
    if request.id is not None:
        return request.id
    if isinstance(request.ligand, Path):
        return split_suffix(request.ligand)[0]
    if isinstance(request.ligand, Ligand | BadRecord):
        return request.ligand.name
    stem = request.protein.name if isinstance(request.protein, Protein) else split_suffix(request.protein)[0]
    return stem if request.ligand == "auto" else f"{stem}_{request.ligand.replace(':', '_')}"


def _is_large(ligand: object) -> bool:
    if not isinstance(ligand, Path):
        return False
    try:
        size = ligand.stat().st_size
    except OSError:  # the reader will say what is wrong with it
        return False
    return size * (4 if ligand.suffix.lower() == ".gz" else 1) > LARGE_FILE_BYTES


def _split(piece: _Piece, path: Path, size: int = CHUNK_RECORDS) -> Iterator[_Piece]:
    """The same job as several, ``size`` records each; a file that breaks off ends in a failed record."""
    first, texts = 0, list[str]()

    def chunk(more: bool) -> _Piece:
        source = RecordChunk(path, first, tuple(texts))
        return replace(piece, job=replace(piece.job, source=source), first=first, several=more or first > 0)

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
        source = (BadRecord(name, first, broken),)
        yield replace(piece, job=replace(piece.job, source=source), first=first, several=first > 0)


# ---------------------------------------------------------------- pieces -> outcomes


def _in_workers(pieces: Iterable[_Piece], workers: int) -> Iterator[tuple[_Piece, list[Outcome]]]:
    rescue = Rescue(_singles, _lost, join=lambda found: [outcome for outcomes in found for outcome in outcomes])
    with WorkerPool("binding.score.featurize:featurize_in_worker", workers) as pool:
        yield from run_jobs(lambda piece: pool.submit(piece.job), pieces, rescue, ahead=_LOOKAHEAD_JOBS)


def _lost(piece: _Piece, error: WorkerDiedError) -> list[Outcome]:
    return [Failed(piece.base, lost_item(error, alone="try it alone with --workers 0"))]


def _singles(piece: _Piece) -> list[_Piece]:
    """The same job record by record."""
    source = piece.job.source
    if isinstance(source, Path):
        return list(_split(piece, source, size=1))
    if isinstance(source, RecordChunk):
        numbered = enumerate(source.texts, start=source.first)
        chunks = [RecordChunk(source.path, number, (text,)) for number, text in numbered]
        return [replace(piece, job=replace(piece.job, source=chunk)) for chunk in chunks]
    return [piece]


def _named(found: Iterable[tuple[_Piece, list[Outcome]]]) -> Iterator[_Pending]:
    """Gives each record its id; see the module's docstring for the rule."""
    used: set[str] = set()
    for piece, outcomes in found:
        for number, outcome in enumerate(outcomes, start=piece.first + 1):
            plain = f"{piece.base}:{number}" if piece.several or len(outcomes) > 1 else piece.base
            unique, copy = plain, 1
            while unique in used:
                copy += 1
                unique = f"{plain}~{copy}"
            used.add(unique)
            yield _Pending(unique, piece.protein, outcome)


# ---------------------------------------------------------------- outcomes -> rows


def _score_window(window: Sequence[_Pending], scorer: Scorer, batch_size: int) -> list[ResultRow]:
    """Rows of a window in its order."""
    ready = [item.outcome for item in window if isinstance(item.outcome, Featurized)]
    numbers = iter(score_graphs([outcome.graph for outcome in ready], scorer, batch_size))
    rows = []
    for item in window:
        outcome = item.outcome
        if isinstance(outcome, Featurized):
            rows.append(_row(item, outcome, next(numbers), scorer))
        else:
            rows.append(
                ResultRow.failed(
                    item.id,
                    item.protein,
                    outcome.name,
                    outcome.error,
                    model=scorer.name,
                    heavy_atoms=outcome.heavy_atoms,
                )
            )
    return rows


def score_graphs(
    graphs: Sequence[ComplexGraph], scorer: Scorer, batch_size: int = DEFAULT_BATCH_SIZE
) -> list[Numbers | BindingError]:
    """Scores graphs in batches of like size; what fails costs no other graph its numbers.

    Args:
        graphs: Any number; they are batched by size among themselves, so the same graphs give the same bits.
        scorer: The model.
        batch_size: Most complexes in one pass of the network; fewer of large ones.

    Returns:
        For each graph its numbers, or why there are none, in the order given.
    """
    results: dict[int, Numbers | BindingError] = {}
    for batch in _batches(graphs, batch_size):
        results.update(zip(batch, _score([graphs[place] for place in batch], scorer), strict=True))
    return [results[place] for place in range(len(graphs))]


def _pairs(graph: ComplexGraph) -> int:
    return graph.ligand.num_atoms * graph.pocket.num_residues


def _batches(graphs: Sequence[ComplexGraph], batch_size: int) -> Iterator[list[int]]:
    """Places of graphs, sorted by size and cut so that padding, and with it memory, stays bounded."""
    batch: list[int] = []
    for place in sorted(range(len(graphs)), key=lambda place: _pairs(graphs[place])):
        too_big = (len(batch) + 1) * _pairs(graphs[place]) > batch_size * _PAIRS_PER_COMPLEX
        if batch and (len(batch) >= batch_size or too_big):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _score(graphs: list[ComplexGraph], scorer: Scorer) -> list[Numbers | BindingError]:
    """Of one batch; where it fails, each graph is tried alone."""
    try:
        scores = scorer.score(graphs)
    except Exception as error:  # noqa: BLE001 - one graph must not cost the others their rows
        if len(graphs) > 1:
            return [result for graph in graphs for result in _score([graph], scorer)]
        return [as_binding_error(error)]
    half = scorer.interval * scores.pk_std
    columns = (scores.pk, scores.pk_std, scores.pk - half, scores.pk + half, scores.pk_ligand_only, scores.pose)
    table = np.stack(columns, axis=1)
    return [Numbers(*map(float, row)) if np.isfinite(row[0]) else _not_finite() for row in table]


def _not_finite() -> BindingError:
    return BindingError("The network gave no finite number for this complex.", code="not_finite")


def judge(graph: ComplexGraph, words: np.ndarray, scorer: Scorer) -> Nearness:
    """How near a complex is to what the weights were trained on; nothing is known where they do not say.

    Args:
        graph: The complex.
        words: Of the chains around its pocket; see ``Featurized``.
        scorer: The model.
    """
    return UNKNOWN if scorer.domain is None else scorer.domain.judge(graph.ligand, words)


def _row(item: _Pending, outcome: Featurized, result: Numbers | BindingError, scorer: Scorer) -> ResultRow:
    ligand, model = outcome.ligand, scorer.name
    if isinstance(result, BindingError):
        return ResultRow.failed(item.id, item.protein, ligand.name, result, model=model, heavy_atoms=ligand.num_atoms)
    near = judge(outcome.graph, outcome.words, scorer)
    warnings = (*outcome.warnings, *near.warnings)
    numbers = result._asdict() | near.columns()
    return ResultRow.scored(item.id, item.protein, ligand, **numbers, model=model, warnings=warnings)

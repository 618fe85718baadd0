"""From the files of a job to graphs: reading, pocket, checks, graph. No torch, so that workers start fast.

Nothing here raises for bad input: each record of a ligand file comes out as ``Featurized`` or ``Failed``, in file
order, and a file that cannot be read at all as one ``Failed``.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

from binding.errors import BindingError, FileError, UsageError
from binding.graph.checks import MOST_ATOMS, Meeting, check_ligand, check_pose, check_size
from binding.graph.fields import ComplexGraph, LigandGraph
from binding.graph.ligand import build_ligand_graph, build_ligand_graphs
from binding.io.ligand import BadRecord, parse_record, read_ligands
from binding.io.structure import read_complex, read_protein
from binding.score.jobs import Job
from binding.score.options import file_version, resolve_pocket
from binding.score.pockets import PocketMaker
from binding.structures import Complex, Ligand, Protein
from binding.worker import SHARED, begin

_CACHED_FILES = 8


@dataclass(frozen=True, eq=False)
class Featurized:
    """A record that is ready to be scored.

    Attributes:
        id: The id of its row.
        protein: The protein's file name.
        ligand: The pose.
        pocket: The pocket, its residues in the order of the graph; only explanations need it. None where the job does
            not want it.
        graph: What the network sees.
        warnings: Sentences about the structure and how it was read.
        words: Words of the chains around the pocket; see ``binding.domain.words``.
        checks: Values of the columns of the job's ``checks``.
    """

    id: str
    protein: str
    ligand: Ligand
    pocket: Protein | None
    graph: ComplexGraph
    warnings: tuple[str, ...]
    words: np.ndarray
    checks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Failed:
    """A record that cannot be scored.

    Attributes:
        id: The id of its row.
        protein: The protein's file name.
        name: The record's title, or the file's stem where there is none.
        error: Why.
        heavy_atoms: Number in the ligand; None where it could not be read.
    """

    id: str
    protein: str
    name: str
    error: BindingError
    heavy_atoms: int | None = None


Outcome = Featurized | Failed


def featurize(job: Job, at: Callable[[int], None] = begin) -> list[Outcome]:
    """All records of a job, in file order; at least one.

    Args:
        job: What to read.
        at: Told the place of each record before it is read, and again before its graph is built, and ``SHARED`` before
            the receptor is read.
    """
    protein: Path | Protein
    try:
        if isinstance(job.source, str):
            at(SHARED)
            protein, records = _complex(job.protein, job.source, job.template)
        else:
            protein, records = job.protein, list(_told(_records(job), at))
        if not records:
            raise FileError(f"{job.source_name} holds no ligand.", "Check the file.", "empty_file")
    except Exception as error:  # noqa: BLE001 - becomes the row of the request
        return [Failed(job.row_id(0, 1), job.protein.name, job.source_name, as_binding_error(error))]
    at(SHARED)
    try:
        protein = protein if isinstance(protein, Protein) else load_protein(protein)
        pockets: PocketMaker | BindingError = PocketMaker(protein, resolve_pocket(job.pocket))
    except Exception as error:  # noqa: BLE001 - becomes the row of each record
        pockets = as_binding_error(error)
    graphs = _ligand_graphs(records, at)
    outcomes: list[Outcome] = []
    for place, record in enumerate(records):
        at(place)
        name = job.row_id(place, len(records))
        outcomes.append(_featurize_one(name, job, pockets, record, graphs.get(place)))
    return outcomes


def _ligand_graphs(records: list[Ligand | BadRecord], at: Callable[[int], None]) -> dict[int, LigandGraph]:
    """Graphs of the ligands by their places; none where one cannot be built, which each by itself will tell."""
    ligands = {
        place: record
        for place, record in enumerate(records)
        if isinstance(record, Ligand) and record.num_atoms <= MOST_ATOMS
    }
    places = [*ligands]
    try:
        graphs = build_ligand_graphs([*ligands.values()], lambda row: at(places[row]))
    except Exception:  # noqa: BLE001 - whose fault it is comes out below
        return {}
    return dict(zip(places, graphs, strict=True))


def featurize_in_worker(job: Job) -> list[Outcome]:
    """``featurize`` in a process whose answers are pickled: RDKit would round coordinates to single precision."""
    options = Chem.PropertyPickleOptions
    Chem.SetDefaultPickleProperties(options.AllProps | options.CoordsAsDouble)
    return featurize(job)


def as_binding_error(error: BaseException) -> BindingError:
    """The error itself, or an ``internal_error`` that says where an unforeseen one arose."""
    if isinstance(error, BindingError):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return BindingError(
        f"{type(error).__name__}: {error}{where}",
        "This is a defect of binding; please report it with the input.",
        "internal_error",
    )


def load_protein(path: Path) -> Protein:
    """The protein of a file, parsed once for the requests that share it.

    Raises:
        FileError: The file cannot be read.
        StructureError: It holds no usable protein.
    """
    return _protein(path, file_version(path))


@lru_cache(maxsize=_CACHED_FILES)
def _protein(path: Path, version: tuple[int, int] | None) -> Protein:
    return read_protein(path)


def _complex(path: Path | Protein, choice: str, template: str | None) -> tuple[Protein, list[Ligand | BadRecord]]:
    if isinstance(path, Protein):
        raise UsageError(
            "A ligand can be chosen by name only in a complex that is read from a file.",
            "Give the path, or the ligand.",
        )
    protein, ligands = read_complex(path, choice, template=template)
    return protein, list(ligands)


def _records(job: Job) -> Iterator[Ligand | BadRecord]:
    if isinstance(job.source, tuple):
        yield from job.source
    elif isinstance(job.source, Path) and job.texts is not None:
        for number, text in enumerate(job.texts, start=job.first):
            yield parse_record(text, job.source, number, template=job.template)
    elif isinstance(job.source, Path):
        yield from read_ligands(job.source, template=job.template)


def _told(records: Iterable[Ligand | BadRecord], at: Callable[[int], None]) -> Iterator[Ligand | BadRecord]:
    """The records, each announced before it is read."""
    place = 0
    at(place)
    for place, record in enumerate(records, start=1):
        yield record
        at(place)


def _featurize_one(
    id_: str,
    job: Job,
    pockets: PocketMaker | BindingError,
    record: Ligand | BadRecord,
    ligand: LigandGraph | None,
) -> Outcome:
    """One record.

    Args:
        id_: Of its row.
        job: What it belongs to.
        pockets: An error where the receptor or its pocket cannot be used.
        record: The record.
        ligand: Its graph, where it is built already.
    """
    protein = job.protein.name
    if isinstance(record, BadRecord):
        return Failed(id_, protein, record.name, record.error)
    try:
        if isinstance(pockets, BindingError):
            raise pockets
        lengths = check_ligand(record, None if ligand is None else ligand.bonds)
        pocket, around = pockets.of(record)
        check_size(record)
        meeting = Meeting.of(record, pocket.receptor, around, pocket.keep)
        warnings = [*check_pose(record, lengths, meeting, pocket.residues), *pocket.gaps(record)]
        checked = {} if job.checks is None else job.checks.of(Complex(record.name, pocket.protein, record))
        ligand = build_ligand_graph(record) if ligand is None else ligand
        graph = ComplexGraph(ligand, pocket.graph, pocket.site_words(around))
        notes = tuple(dict.fromkeys((*record.notes, *pocket.receptor.warnings, *pocket.notes, *warnings)))
        atoms = pocket.protein if job.pockets else None
        return Featurized(id_, protein, record, atoms, graph, notes, pocket.words, checked)
    except Exception as error:  # noqa: BLE001 - becomes the row of the record
        return Failed(id_, protein, record.name, as_binding_error(error), record.num_atoms)

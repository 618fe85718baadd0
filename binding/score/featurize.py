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

from binding.domain.words import words_of_chains
from binding.errors import BindingError, FileError, UsageError
from binding.graph.checks import check_complex, check_ligand
from binding.graph.fields import ComplexGraph, PocketGraph
from binding.graph.ligand import build_ligand_graph
from binding.graph.pocket import build_pocket_graph
from binding.graph.site import PocketSpec, left_out, replaced_by, select_pocket
from binding.io.ligand import BadRecord, parse_record, read_ligands
from binding.io.structure import read_complex, read_protein
from binding.pool import SHARED, begin
from binding.score.jobs import Job
from binding.score.options import file_version, resolve_pocket
from binding.score.plausibility import PoseChecks
from binding.structures import Complex, Ligand, Protein, ResidueKind

_CACHED_FILES = 8


@dataclass(frozen=True, eq=False)
class Featurized:
    """A record that is ready to be scored.

    Attributes:
        id: The id of its row.
        protein: The protein's file name.
        ligand: The pose.
        pocket: The pocket, its residues in the order of the graph; only explanations need it. None if dropped.
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
        pockets: _PocketMaker | BindingError = _PocketMaker(protein, resolve_pocket(job.pocket))
    except Exception as error:  # noqa: BLE001 - becomes the row of each record
        pockets = as_binding_error(error)
    outcomes: list[Outcome] = []
    for place, record in enumerate(records):
        at(place)
        name = job.row_id(place, len(records))
        outcomes.append(_featurize_one(name, job.protein.name, pockets, record, job.checks))
    return outcomes


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
        raise UsageError("A ligand can be chosen by name only in a complex that is read from a file.")
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


@dataclass(frozen=True, eq=False)
class _Pocket:
    """A pocket and what is derived from it.

    Attributes:
        protein: The pocket's residues.
        graph: Theirs.
        words: Words of the chains around the pocket; see ``binding.domain.words``.
        notes: What was left out of it because of the ligand.
    """

    protein: Protein
    graph: PocketGraph
    words: np.ndarray
    notes: tuple[str, ...]


class _PocketMaker:
    """The pocket of each ligand; where the residues are fixed, one object for all ligands of a job.

    The network encodes a pocket object once for all the graphs of a batch that hold it. What lies where a ligand
    lies is left out for that ligand alone: no ligand's pocket depends on another ligand.
    """

    def __init__(self, protein: Protein, spec: PocketSpec) -> None:
        self._protein = protein
        self._spec = spec
        self._fixed = spec.reference is not None or spec.center is not None or spec.residues is not None
        self._made: dict[bytes, _Pocket] = {}  # by the residues that are left out
        self._receptors: dict[bytes, Protein] = {}  # the same

    def of(self, ligand: Ligand) -> _Pocket:
        """The pocket of one ligand."""
        replaced = replaced_by(self._protein, ligand.positions)
        key = replaced.tobytes()
        if key in self._made:
            return self._made[key]
        pocket = select_pocket(self._protein, ligand, self._spec)
        chains = np.unique(pocket.chain_ids[pocket.residue_kinds == ResidueKind.AMINO_ACID])
        receptor = self._protein
        if replaced.any():
            receptor = self._receptors.setdefault(key, self._protein.select(~replaced))
        words = words_of_chains(receptor, tuple(chains.tolist()))
        made = _Pocket(pocket, build_pocket_graph(pocket), words, left_out(self._protein, replaced))
        if self._fixed:
            self._made[key] = made
        return made


def _featurize_one(
    id_: str,
    protein: str,
    pockets: _PocketMaker | BindingError,
    record: Ligand | BadRecord,
    checks: PoseChecks | None,
) -> Outcome:
    """One record; ``pockets`` is an error where the receptor or its pocket cannot be used."""
    if isinstance(record, BadRecord):
        return Failed(id_, protein, record.name, record.error)
    try:
        if isinstance(pockets, BindingError):
            raise pockets
        lengths = check_ligand(record)
        pocket = pockets.of(record)
        cx = Complex(record.name, pocket.protein, record)
        warnings = check_complex(cx, lengths)
        checked = {} if checks is None else checks.of(cx)
        graph = ComplexGraph(ligand=build_ligand_graph(record), pocket=pocket.graph)
        notes = tuple(dict.fromkeys((*record.notes, *pocket.protein.warnings, *pocket.notes, *warnings)))
        return Featurized(id_, protein, record, pocket.protein, graph, notes, pocket.words, checked)
    except Exception as error:  # noqa: BLE001 - becomes the row of the record
        return Failed(id_, protein, record.name, as_binding_error(error), record.num_atoms)

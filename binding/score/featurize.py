"""From the files of a request to graphs: reading, pocket, checks, graph. No torch, so that workers start fast.

Nothing here raises for bad input: each record of a ligand file comes out as ``Featurized`` or
``Failed``, in file order, and a file that cannot be read at all as one ``Failed``.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from rdkit import Chem

from binding.domain.words import words_of_chains
from binding.errors import BindingError, FileError, LigandError, UsageError
from binding.graph.checks import check_complex
from binding.graph.fields import ComplexGraph, PocketGraph
from binding.graph.ligand import build_ligand_graph
from binding.graph.pocket import build_pocket_graph
from binding.graph.site import PocketSpec, replaced_by, select_pocket
from binding.io.ligand import BadRecord, parse_record, read_ligands
from binding.io.structure import read_complex, read_protein
from binding.structures import Complex, Ligand, Protein, ResidueKind

_CACHED_FILES = 8
_NUMBER = r"[-+]?[0-9]*\.?[0-9]+"


@dataclass(frozen=True)
class RecordChunk:
    """Some consecutive records of a large ligand file, as text.

    Attributes:
        path: The file.
        first: 0-based number of the first record.
        texts: The records.
    """

    path: Path
    first: int
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """What one worker does in one go.

    Attributes:
        protein: Structure file, or a protein in memory.
        source: A ligand file, some of its records, the name of a ligand inside the protein's file
            (``auto``, ``LIG``, ``A:LIG:301``), or ligands in memory.
        pocket: A reference ligand's file, a pocket in words (see ``parse_pocket``) or a ``PocketSpec``.
        template: SMILES with the bond orders of a ligand that has none.
    """

    protein: Path | Protein
    source: Path | RecordChunk | str | tuple[Ligand | BadRecord, ...]
    pocket: Path | str | PocketSpec
    template: str | None = None


@dataclass(frozen=True, eq=False)
class Featurized:
    """A record that is ready to be scored."""

    ligand: Ligand
    pocket: Protein  # its residues are those of the graph, in order
    graph: ComplexGraph
    warnings: tuple[str, ...]
    words: np.ndarray  # of the chains around the pocket; see binding.domain.words


@dataclass(frozen=True, eq=False)
class Failed:
    """A record that cannot be scored.

    Attributes:
        name: The record's title, or the file's stem where there is none.
        error: Why.
        heavy_atoms: Of the ligand, where it could be read.
    """

    name: str
    error: BindingError
    heavy_atoms: int | None = None


def featurize(job: Job) -> list[Featurized | Failed]:
    """All records of a job, in file order; at least one."""
    protein: Path | Protein
    try:
        if isinstance(job.source, str):
            protein, records = _complex(job.protein, job.source, job.template)
        else:
            protein, records = job.protein, list(_records(job))
        if not records:
            raise FileError(f"{_source_name(job)} holds no ligand.", "Check the file.", "empty_file")
    except Exception as error:  # noqa: BLE001 - becomes the row of the request
        return [Failed(_source_name(job), as_binding_error(error))]
    try:
        pockets = _Pockets(
            protein if isinstance(protein, Protein) else load_protein(protein), resolve_pocket(job.pocket)
        )
    except Exception as error:  # noqa: BLE001 - becomes the row of each record
        reason = as_binding_error(error)
        return [
            Failed(record.name, record.error if isinstance(record, BadRecord) else reason, _size(record))
            for record in records
        ]
    return [_featurize_one(pockets, record) for record in records]


def featurize_in_worker(job: Job) -> list[Featurized | Failed]:
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


def parse_pocket(text: str) -> PocketSpec:
    """A pocket in words.

    Args:
        text: ``8`` is a cutoff about the ligand in Å; ``12.5, -3, 40.1, 10`` a centre and a radius in Å;
            ``A:ASP:25, A:27`` a list of residues.

    Raises:
        UsageError: None of these.
    """
    items = [item for item in re.split(r"[,\s]+", text.strip()) if item]
    numbers = [float(item) for item in items if re.fullmatch(_NUMBER, item)]
    if items and len(numbers) == len(items):
        if len(numbers) == 1:
            return PocketSpec(cutoff=numbers[0])
        if len(numbers) == 4:
            return PocketSpec(center=(numbers[0], numbers[1], numbers[2]), radius=numbers[3])
    elif items and all(":" in item for item in items):
        return PocketSpec(residues=tuple(items))
    raise UsageError(
        f"the pocket {text!r} is not understood",
        "write a reference ligand's file, a cutoff (8), a centre and radius (x, y, z, r), or residues (A:ASP:25, A:27)",
    )


def resolve_pocket(pocket: Path | str | PocketSpec) -> PocketSpec:
    """The choice of residues, with the reference ligand read where one is named.

    Raises:
        UsageError: Words that say no pocket.
        FileError: The reference ligand's file cannot be read.
        LigandError: Its first record cannot be read.
    """
    if isinstance(pocket, PocketSpec):
        return pocket
    if isinstance(pocket, Path):
        return PocketSpec(reference=_reference(pocket, _version(pocket)))
    return parse_pocket(pocket)


def load_protein(path: Path) -> Protein:
    """The protein of a file, parsed once for the requests that share it.

    Raises:
        FileError: The file cannot be read.
        StructureError: It holds no usable protein.
    """
    return _protein(path, _version(path))


def _version(path: Path) -> tuple[int, int] | None:
    """Changes when the file does; None for a missing file, which the reader then reports."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=_CACHED_FILES)
def _protein(path: Path, version: tuple[int, int] | None) -> Protein:
    return read_protein(path)


@lru_cache(maxsize=_CACHED_FILES)
def _reference(path: Path, version: tuple[int, int] | None) -> np.ndarray:
    for record in read_ligands(path):
        if isinstance(record, BadRecord):
            raise record.error
        return record.positions
    raise LigandError(f"{path} holds no ligand to take the pocket from.", "Check the file.", "no_atoms")


def _complex(path: Path | Protein, choice: str, template: str | None) -> tuple[Protein, list[Ligand | BadRecord]]:
    if isinstance(path, Protein):
        raise UsageError("a ligand can be chosen by name only in a complex that is read from a file")
    protein, ligands = read_complex(path, choice, template=template)
    return protein, list(ligands)


def _size(record: Ligand | BadRecord) -> int | None:
    return record.num_atoms if isinstance(record, Ligand) else None


def _records(job: Job) -> Iterator[Ligand | BadRecord]:
    if isinstance(job.source, RecordChunk):
        chunk = job.source
        for number, text in enumerate(chunk.texts, start=chunk.first):
            yield parse_record(text, chunk.path, number, template=job.template)
    elif isinstance(job.source, Path):
        yield from read_ligands(job.source, template=job.template)
    elif isinstance(job.source, tuple):
        yield from job.source


class _Pockets:
    """The pocket of each ligand; where the residues are fixed, one object for all ligands of a job.

    The network encodes a pocket object once for all the graphs of a batch that hold it. A hetero group that lies
    where a ligand lies is left out for that ligand alone: no ligand's pocket hangs on another ligand.
    """

    def __init__(self, protein: Protein, spec: PocketSpec) -> None:
        self._protein = protein
        self._spec = spec
        self._fixed = spec.reference is not None or spec.center is not None or spec.residues is not None
        self._made: dict[bytes, tuple[Protein, PocketGraph, np.ndarray]] = {}  # by the groups that are left out

    def of(self, ligand: Ligand) -> tuple[Protein, PocketGraph, np.ndarray]:
        """The pocket, its graph, and the words of the chains around it."""
        left_out = replaced_by(self._protein, ligand.positions).tobytes() if self._fixed else b""
        if left_out in self._made:
            return self._made[left_out]
        pocket = select_pocket(self._protein, ligand, self._spec)
        chains = np.unique(pocket.chain_ids[pocket.residue_kinds == ResidueKind.AMINO_ACID])
        words = words_of_chains(self._protein, tuple(chains.tolist()))
        made = pocket, build_pocket_graph(pocket), words
        if self._fixed:
            self._made[left_out] = made
        return made


def _featurize_one(pockets: _Pockets, record: Ligand | BadRecord) -> Featurized | Failed:
    if isinstance(record, BadRecord):
        return Failed(record.name, record.error)
    try:
        pocket, pocket_graph, words = pockets.of(record)
        warnings = check_complex(Complex(record.name, pocket, record))
        graph = ComplexGraph(ligand=build_ligand_graph(record), pocket=pocket_graph)
        return Featurized(record, pocket, graph, tuple(dict.fromkeys((*record.notes, *warnings))), words)
    except Exception as error:  # noqa: BLE001 - becomes the row of the record
        return Failed(record.name, as_binding_error(error), record.num_atoms)


def _source_name(job: Job) -> str:
    if isinstance(job.source, RecordChunk):
        return job.source.path.name
    if isinstance(job.source, tuple):
        return job.source[0].name if job.source else ""
    return job.source.name if isinstance(job.source, Path) else job.source

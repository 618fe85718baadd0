"""Molecules without a protein: files of many records -> compact arrays to pre-train on, and batches of them."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from binding.data.prepare import Rejected
from binding.errors import CacheError, TableError
from binding.files import atomic, make_folder
from binding.graph.fields import ATOM_CATEGORIES, BOND_CATEGORIES, DESCRIPTORS, LigandGraph
from binding.graph.ligand import build_ligand_graph
from binding.io.arrays import read_arrays
from binding.io.files import read_bytes
from binding.io.ligand import BadRecord, parse_record, split_records
from binding.pool import Rescue, WorkerDiedError, WorkerPool, lost_item

if TYPE_CHECKING:
    from torch import Tensor

    from binding.pretraining.heads import MoleculeBatch

_VERSION: Final = 1
_CHUNK: Final = 64  # records a job
_LOOKAHEAD: Final = 4  # jobs a worker
_SECONDS: Final = 60.0  # that a job may take, on any machine


class MoleculeSet:
    """M molecules as bond graphs, A atoms and B bonds in all.

    Args:
        names: Titles of the records, (M,); a title may occur more than once.
        rejected: Records that could not be read.
        arrays: ``atoms`` (A, len(ATOM_CATEGORIES)) uint8, ``bonds`` (B, 2) int16, atoms counted within the molecule,
            ``bond_categories`` (B, len(BOND_CATEGORIES)) uint8, ``descriptors`` (M, len(DESCRIPTORS)) float32, and
            ``num_atoms`` and ``num_bonds``, (M,) int32.
    """

    def __init__(self, names: list[str], rejected: list[Rejected], arrays: dict[str, np.ndarray]) -> None:
        self.names, self.rejected, self.arrays = names, rejected, arrays
        self._atom_starts = np.concatenate([[0], np.cumsum(arrays["num_atoms"].astype(np.int64))])
        self._bond_starts = np.concatenate([[0], np.cumsum(arrays["num_bonds"].astype(np.int64))])

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of_graphs(cls, named: Sequence[tuple[str, LigandGraph]], rejected: list[Rejected]) -> MoleculeSet:
        """The set of some graphs, without their positions."""
        graphs = [graph for _, graph in named]

        def joined(parts: list[np.ndarray], columns: int, dtype: type) -> np.ndarray:
            return np.concatenate([np.zeros((0, columns), dtype=dtype), *parts], dtype=dtype)

        arrays = {
            "atoms": joined([g.atom_categories for g in graphs], len(ATOM_CATEGORIES), np.uint8),
            "bonds": joined([g.bonds for g in graphs], 2, np.int16),
            "bond_categories": joined([g.bond_categories for g in graphs], len(BOND_CATEGORIES), np.uint8),
            "descriptors": joined([g.descriptors[None] for g in graphs], len(DESCRIPTORS), np.float32),
            "num_atoms": np.array([g.num_atoms for g in graphs], dtype=np.int32),
            "num_bonds": np.array([len(g.bonds) for g in graphs], dtype=np.int32),
        }
        return cls([name for name, _ in named], rejected, arrays)

    @classmethod
    def joined(cls, sets: Sequence[MoleculeSet]) -> MoleculeSet:
        """Several sets as one, in order; at least one."""
        arrays = {name: np.concatenate([part.arrays[name] for part in sets]) for name in sets[0].arrays}
        rejected = [item for part in sets for item in part.rejected]
        return cls([name for part in sets for name in part.names], rejected, arrays)

    def batch(self, rows: Sequence[int] | np.ndarray) -> MoleculeBatch:
        """Some of the molecules as one batch, in the order of ``rows``."""
        import torch  # not above: the processes that read files do without

        from binding.pretraining.heads import MoleculeBatch

        atoms, owner = _ranges(self._atom_starts, rows)
        bonds, bond_owner = _ranges(self._bond_starts, rows)
        counts = self.arrays["num_atoms"][np.asarray(rows)]
        first = np.cumsum(counts) - counts  # place of each molecule's first atom in the batch
        index = (self.arrays["bonds"][bonds].astype(np.int64) + first[bond_owner, None]).T
        categories = self.arrays["bond_categories"][bonds]
        return MoleculeBatch(
            atom_categories=_whole(self.arrays["atoms"][atoms]),
            atom_molecule=_whole(owner),
            bond_index=_whole(np.concatenate([index, index[::-1]], axis=1)),
            bond_categories=_whole(np.concatenate([categories, categories])),
            descriptors=torch.from_numpy(self.arrays["descriptors"][np.asarray(rows)]),
        )


def _ranges(starts: np.ndarray, rows: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All places of the given rows, and for each place which of the rows it belongs to."""
    chosen = np.asarray(rows, dtype=np.int64)
    counts = starts[chosen + 1] - starts[chosen]
    owner = np.repeat(np.arange(len(chosen)), counts)
    return np.arange(counts.sum()) - (np.cumsum(counts) - counts - starts[chosen])[owner], owner


def _whole(array: np.ndarray) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64))


# ---------------------------------------------------------------- reading


def read_molecules(
    path: str | Path,
    cache: str | Path | None = None,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> MoleculeSet:
    """Reads the records of a ligand file as bond graphs.

    Args:
        path: SDF or MOL2 of many records, also gzipped.
        cache: ``.npz`` that keeps the graphs; used where it was made from the same bytes, else made anew.
        workers: Processes; all cores where None. The result does not depend on it.
        progress: Called with the number of records done, twice: how many there are is not known before.

    Raises:
        FileError: The file is missing, empty, or of another format.
        TableError: None of its records can be used.
        WriteError: The cache cannot be written.
    """
    path = Path(path)
    digest = hashlib.sha256(read_bytes(path)).hexdigest()
    if cache is not None and (known := _load(Path(cache), digest)) is not None:
        return known
    named: list[tuple[str, LigandGraph]] = []
    rejected: list[Rejected] = []
    for answers in _run(_jobs(path), workers):
        for name, answer in answers:
            if isinstance(answer, Rejected):
                rejected.append(answer)
            else:
                named.append((name, answer))
        if progress is not None:
            progress(len(named) + len(rejected), len(named) + len(rejected))
    if not named:
        raise TableError(f"no record of {path} can be used; the first: {rejected[0].message}", "check the file")
    molecules = MoleculeSet.of_graphs(named, rejected)
    if cache is not None:
        _save(Path(cache), digest, molecules)
    return molecules


@dataclass(frozen=True)
class _Chunk:
    """Texts of some records of a file, the first of which is number ``start``."""

    path: Path
    start: int
    texts: tuple[str, ...]


_Answers = list[tuple[str, LigandGraph | Rejected]]


def _jobs(path: Path) -> Iterator[_Chunk]:
    records, start = split_records(path), 0
    while texts := tuple(islice(records, _CHUNK)):
        yield _Chunk(path, start, texts)
        start += len(texts)


def _run(jobs: Iterable[_Chunk], workers: int | None) -> Iterator[_Answers]:
    """Answers in the order of the jobs; one that kills its worker costs its own records alone."""
    count = workers or os.cpu_count() or 1
    if count == 1:
        yield from map(read_chunk, jobs)
        return
    with WorkerPool("binding.pretraining.molecules:read_chunk", count, time_limit=_SECONDS) as pool:
        rescue = Rescue(_singles, _lost, lambda answers: [answer for found in answers for answer in found])
        for _, answers in pool.run(jobs, rescue, ahead=_LOOKAHEAD * count):
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
        ligand = parse_record(text, job.path, job.start + place)
        if isinstance(ligand, BadRecord):
            answers.append((ligand.name, Rejected(ligand.name, ligand.error.code, ligand.error.message)))
        else:
            answers.append((ligand.name, build_ligand_graph(ligand)))
    return answers


# ---------------------------------------------------------------- the cache


def _meta(digest: str) -> dict[str, object]:
    """What a cache must agree with to be used."""
    columns = {"atoms": ATOM_CATEGORIES, "bonds": BOND_CATEGORIES, "descriptors": list(DESCRIPTORS)}
    return {"molecules": _VERSION, "sha256": digest, **columns}


def _save(path: Path, digest: str, molecules: MoleculeSet) -> None:
    texts = {
        "meta": json.dumps(_meta(digest)),
        "names": json.dumps(molecules.names),
        "rejected": json.dumps([[item.id, item.error_code, item.message] for item in molecules.rejected]),
    }
    encoded = {name: np.frombuffer(text.encode(), dtype=np.uint8) for name, text in texts.items()}
    make_folder(path.parent)
    with atomic(path) as partial, partial.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **molecules.arrays, **encoded)


def _load(path: Path, digest: str) -> MoleculeSet | None:
    """The cache's molecules, or None where it has to be made anew."""
    if not path.is_file():
        return None
    try:
        arrays = read_arrays(path)
        meta, names, rejected = (json.loads(arrays.pop(name).tobytes()) for name in ("meta", "names", "rejected"))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise CacheError(f"{path} is no cache of molecules: {error}", "name another file, or remove it") from None
    if meta != _meta(digest):
        return None
    return MoleculeSet(names, [Rejected(*item) for item in rejected], arrays)

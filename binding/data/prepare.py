"""Folders of complexes and an index table -> a training cache."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from binding.data.cache import CachedComplex, CachedGroup, write_cache
from binding.errors import BindingError, FileError, LigandError
from binding.graph.fields import LigandGraph
from binding.graph.ligand import build_ligand_graph
from binding.io.index import IndexEntry, read_index
from binding.io.ligand import BadRecord, read_ligands
from binding.io.structure import read_protein
from binding.io.table import find_complex_files
from binding.pool import WorkerDiedError, WorkerPool
from binding.prepare.checks import check_complex
from binding.prepare.pocket import PocketSpec, pocket_mask
from binding.structures import Complex, Ligand

_FEW_TASKS = 8
_LOOKAHEAD = 16


@dataclass(frozen=True)
class Rejected:
    """A row of the index that did not get into the cache."""

    id: str
    error_code: str
    message: str


@dataclass(frozen=True)
class PrepareReport:
    """Counts that add up: ``asked == cached + len(rejected)``."""

    path: Path
    asked: int
    cached: int
    rejected: list[Rejected]


@dataclass(frozen=True)
class _Task:
    """All rows of the index that share a folder."""

    folder: Path
    entries: tuple[IndexEntry, ...]
    source: str
    pocket_cutoff: float


def prepare_dataset(
    folder: str | Path,
    index: str | Path | None,
    output: str | Path,
    *,
    source: str | None = None,
    pocket_cutoff: float = 10.0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PrepareReport:
    """Reads every complex that the index names, and writes the cache and a table of what was rejected.

    A complex is ``<folder>/<id>/<id>_pocket.pdb`` (or ``_protein``) with ``<id>_ligand.sdf``. Where the index has a
    column ``receptor``, the folder is ``<folder>/<receptor>/`` and the ligand is the record titled ``<id>`` of
    ``<receptor>_ligands.sdf``. The result does not depend on the number of workers.

    Args:
        folder: PDBbind-style tree.
        index: Index file or table; ``<folder>/index.csv`` where None.
        output: The cache, ``.npz``; ``<output stem>.rejected.csv`` is written beside it.
        source: Name of this data in the column ``source``; the folder's name where None.
        pocket_cutoff: Å, residues this close to the ligand are kept.
        workers: Processes; all cores where None.
        progress: Called with complexes done and asked.

    Returns:
        What was cached and what was not.

    Raises:
        FileError, TableError: The folder or the index cannot be read.
        CacheError: No complex was left, or the disk is full.
    """
    folder, output = Path(folder), Path(output)
    if not folder.is_dir():
        raise FileError(f"the folder {folder} does not exist", "check the path", "file_not_found")
    entries = read_index(index if index is not None else folder / "index.csv")
    by_folder: dict[str, list[IndexEntry]] = {}
    for entry in entries:
        by_folder.setdefault(entry.extra.get("protein", entry.id), []).append(entry)
    tasks = [
        _Task(folder / name, tuple(group), source or folder.name, pocket_cutoff) for name, group in by_folder.items()
    ]
    rejected: list[Rejected] = []

    def groups() -> Iterator[CachedGroup]:
        done = 0
        for task, (group, failures) in zip(tasks, _run(tasks, workers), strict=True):
            rejected.extend(failures)
            done += len(task.entries)
            if progress is not None:
                progress(done, len(entries))
            if group is not None:
                yield group

    settings = {"pocket_cutoff": pocket_cutoff}
    rejected_path = output.with_suffix(".rejected.csv")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        cached = write_cache(output, groups(), settings)
    finally:
        _write_rejected(rejected_path, rejected)
    return PrepareReport(output, len(entries), cached, rejected)


def _run(tasks: list[_Task], workers: int | None) -> Iterator[tuple[CachedGroup | None, list[Rejected]]]:
    """Answers in the order of the tasks; a folder that kills its worker costs the rows of that folder alone."""
    count = workers or os.cpu_count() or 1
    if count == 1 or len(tasks) < _FEW_TASKS:
        yield from map(prepare_group, tasks)
        return
    with WorkerPool("binding.data.prepare:prepare_group", count) as pool:
        for task, future in pool.map(tasks, _LOOKAHEAD * count):
            try:
                yield future.result()
            except WorkerDiedError:
                message = f"a worker process died while it read {task.folder}"
                yield None, [Rejected(entry.id, "worker_died", message) for entry in task.entries]


def prepare_group(task: _Task) -> tuple[CachedGroup | None, list[Rejected]]:
    """One folder: its protein once, then each of its ligands."""
    rejected: list[Rejected] = []
    try:
        protein_path, ligand_path = find_complex_files(task.folder)
        protein = read_protein(protein_path)
        ligands = list(read_ligands(ligand_path))
    except BindingError as error:
        return None, [Rejected(entry.id, error.code, error.message) for entry in task.entries]
    named = {ligand.name: ligand for ligand in ligands}
    masks: list[np.ndarray] = []
    accepted: list[tuple[IndexEntry, LigandGraph]] = []
    for entry in task.entries:
        try:
            ligand = pick_record(entry, ligands, named, alone=len(task.entries) == 1)
            mask = pocket_mask(protein, ligand, PocketSpec(cutoff=task.pocket_cutoff))
            check_complex(Complex(entry.id, protein.select(mask), ligand))
            accepted.append((entry, build_ligand_graph(ligand)))
            masks.append(mask)
        except BindingError as error:
            rejected.append(Rejected(entry.id, error.code, error.message))
    if not accepted:
        return None, rejected
    needed = np.any(masks, axis=0)
    place = np.cumsum(needed) - 1
    complexes = [
        CachedComplex(graph, place[np.flatnonzero(mask)], _row(entry, task.source))
        for (entry, graph), mask in zip(accepted, masks, strict=True)
    ]
    return CachedGroup(protein.select(needed), complexes), rejected


def pick_record(
    entry: IndexEntry, ligands: list[Ligand | BadRecord], named: dict[str, Ligand | BadRecord], alone: bool
) -> Ligand:
    """The record of an index row: the only one of a one-complex folder, else the one titled by its id."""
    record = ligands[0] if alone and len(ligands) == 1 else named.get(entry.id)
    if record is None:
        raise LigandError(f"no record titled {entry.id}", "titles must match the index's ids", "ligand_not_found")
    if isinstance(record, BadRecord):
        raise record.error
    return record


def _row(entry: IndexEntry, source: str) -> dict[str, Any]:
    affinity = entry.affinity
    known = {"id": entry.id, "pk": affinity.pk, "relation": affinity.relation, "measure": affinity.measure}
    return known | {"source": source} | {k: v for k, v in entry.extra.items() if k not in known}


def _write_rejected(path: Path, rejected: list[Rejected]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "error_code", "message"])
        writer.writerows([r.id, r.error_code, r.message] for r in rejected)

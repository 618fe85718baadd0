"""Which pieces a cache needs: rows that share a protein together, at most 64 at a time.

A piece is named by a digest of its files, its rows' ids, the settings and the code, and by nothing else: affinities and
other columns of the index are joined to it when the cache is written.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from binding.callbacks import Advance
from binding.data.encode import EncodedGroup, from_bytes
from binding.data.entries import MeasuredComplex
from binding.data.piece_job import PieceJob, code_version
from binding.data.pieces import Pieces, Refusal
from binding.data.records import LigandRecord, RecordFile
from binding.errors import BindingError, CacheError

MOST_POSES: Final = 64  # of one protein in one piece


@dataclass
class PiecePlan:
    """Which pieces the rows need, and what became of each row.

    Attributes:
        keys: Keys of the pieces asked for so far, with the positions of the rows in each.
        refused: Rows that cannot be used, by place.
        warnings: What is doubtful about rows that can be, by place.
        kept: Rows that an earlier run had done.
    """

    rows: Sequence[MeasuredComplex]
    pieces: Pieces
    pocket_cutoff: float
    progress: Advance | None
    keys: dict[str, list[int]] = field(default_factory=dict)
    refused: dict[int, Refusal] = field(default_factory=dict)
    warnings: dict[int, tuple[str, ...]] = field(default_factory=dict)
    kept: int = 0
    _done: int = 0

    def jobs(self) -> Iterator[PieceJob]:
        """What is still to be done, in the order of the rows; each file is read when its turn comes."""
        by_protein: dict[Path, list[int]] = {}
        for place, row in enumerate(self.rows):
            by_protein.setdefault(row.protein, []).append(place)
        for places in by_protein.values():
            for job, chunk in self._of_protein(places):
                self.keys[job.key] = chunk
                if job.key in self.pieces:
                    self.kept += len(chunk)
                    self.advance(len(chunk))
                else:
                    yield job

    def _of_protein(self, places: list[int]) -> Iterator[tuple[PieceJob, list[int]]]:
        files: dict[Path, RecordFile | BindingError] = {}
        found: dict[int, tuple[Path, Path | str]] = {}
        for place in places:
            try:
                found[place] = self.rows[place].files()
            except BindingError as error:
                self.refuse(place, error)
        # Rows that cannot be used count as well: what becomes of a row must not depend on the fate of another.
        users = Counter(self.rows[place].ligand for place in places)
        chunk: list[int] = []
        ligands: list[Path | LigandRecord | str] = []
        for place, (protein, ligand) in found.items():
            try:
                chosen = self._choose(place, protein, ligand, alone=users[self.rows[place].ligand] == 1, files=files)
            except CacheError:  # of the pieces: no fault of the row
                raise
            except BindingError as error:
                self.refuse(place, error)
                continue
            if isinstance(chosen, str):  # the protein is what the ligand leaves of the file: no other shares it
                yield self._job(protein, [place], [chosen]), [place]
                continue
            chunk, ligands = [*chunk, place], [*ligands, chosen]
            if len(chunk) == MOST_POSES:
                yield self._job(protein, chunk, ligands), chunk
                chunk, ligands = [], []
        if chunk:
            yield self._job(protein, chunk, ligands), chunk

    def _choose(
        self,
        place: int,
        protein: Path,
        ligand: Path | str,
        *,
        alone: bool,
        files: dict[Path, RecordFile | BindingError],
    ) -> Path | LigandRecord | str:
        """The ligand's own file, its record in a file of many, or its name in the protein's file."""
        self.pieces.digest(protein)  # a file that cannot be read is the row's reason
        if isinstance(ligand, str):
            return ligand
        if alone:
            self.pieces.digest(ligand)
            return ligand
        if ligand not in files:
            try:
                files[ligand] = RecordFile(ligand)
            except BindingError as error:
                files[ligand] = error
        file = files[ligand]
        if isinstance(file, BindingError):
            raise file
        return file.pick(self.rows[place].id)

    def _job(self, protein: Path, places: list[int], ligands: list[Path | LigandRecord | str]) -> PieceJob:
        ids = tuple(self.rows[place].id for place in places)
        identities = [self._identity(ligand) for ligand in ligands]
        what = [code_version(), self.pocket_cutoff, self.pieces.digest(protein), ids, identities]
        key = hashlib.sha256(json.dumps(what).encode()).hexdigest()
        return PieceJob(key, protein, ids, tuple(ligands), self.pocket_cutoff)

    def _identity(self, ligand: Path | LigandRecord | str) -> tuple[str, str]:
        if isinstance(ligand, LigandRecord):
            return "record", ligand.digest
        if isinstance(ligand, Path):
            return "file", self.pieces.digest(ligand)
        return "inside", ligand

    def refuse(self, place: int, error: BindingError) -> None:
        """Notes why a row cannot be used."""
        self.refused[place] = Refusal(error.code, error.message, error.hint)
        self.advance(1)

    def advance(self, count: int) -> None:
        """Reports how many rows are done."""
        self._done += count
        if self.progress is not None:
            self.progress(self._done, len(self.rows))

    def groups(self) -> Iterator[EncodedGroup]:
        """The complexes that can be used, in the order of the rows."""
        for key in self.keys:
            content = self.pieces.get(key).content
            if content is not None:
                yield from_bytes(content)

    def table(self, source: str) -> list[dict[str, Any]]:
        """The row of each complex of ``groups``."""
        table = []
        for key, places in self.keys.items():
            piece = self.pieces.get(key)
            self.refused.update((places[place], why) for place, why in piece.refused.items())
            self.warnings.update((places[place], texts) for place, texts in piece.warnings.items())
            table += [_columns(self.rows[at], source) for place, at in enumerate(places) if place not in piece.refused]
        return table


def _columns(row: MeasuredComplex, source: str) -> dict[str, Any]:
    affinity = row.entry.affinity
    known = {"id": row.id, "pk": affinity.pk, "relation": affinity.relation, "measure": affinity.measure}
    return known | {"source": source} | {k: v for k, v in row.entry.extra.items() if k not in known}

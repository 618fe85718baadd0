"""Ligands of one protein -> a piece of a cache. No torch, so that workers start fast."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from binding.data.encode import encode_group, to_bytes
from binding.data.fitness import refuse_unfit
from binding.data.pieces import Piece, Refusal
from binding.data.records import LigandRecord, ligand_inside, pick_record
from binding.errors import BindingError
from binding.graph.checks import check_complex, check_ligand
from binding.graph.fields import LigandGraph
from binding.graph.ligand import build_ligand_graph
from binding.graph.replaced import replaced_by
from binding.graph.site import PocketSpec, left_out, pocket_mask
from binding.io.ligand import BadRecord, parse_record, read_ligands
from binding.score.featurize import as_binding_error, load_protein
from binding.structures import Complex, Ligand, Protein
from binding.worker import SHARED, begin

_READERS: Final = ("rdkit", "gemmi", "numpy")
_CODE: Final = (  # a test holds that nothing is missing
    "io/*.py",
    "graph/around.py",
    "graph/checks.py",
    "graph/crippen.py",
    "graph/directions.py",
    "graph/fields.py",
    "graph/groups.py",
    "graph/ligand.py",
    "graph/molecule.py",
    "graph/molecules.py",
    "graph/replaced.py",
    "graph/site.py",
    "graph/vocabulary.py",
    "data/encode.py",
    "data/fitness.py",
    "data/piece_job.py",
    "data/records.py",
    "structures.py",
    "constants.py",
)


@dataclass(frozen=True)
class PieceJob:
    """Ligands of one protein.

    Attributes:
        key: Name of the resulting piece.
        protein: Structure file.
        ids: Ids of the rows.
        ligands: Ligand of each row: a file of its own, a record, or the name of a ligand in the protein's file, which
            then is the job's only one.
        pocket_cutoff: Å.
        lost: Why rows are refused whose reading ended its process, by place; they are not read again.
    """

    key: str
    protein: Path
    ids: tuple[str, ...]
    ligands: tuple[Path | LigandRecord | str, ...]
    pocket_cutoff: float
    lost: Mapping[int, Refusal] = field(default_factory=dict)

    def singles(self) -> list[PieceJob]:
        """The same as jobs of one row each."""
        return [
            replace(self, ids=(name,), ligands=(ligand,)) for name, ligand in zip(self.ids, self.ligands, strict=True)
        ]


@lru_cache(maxsize=1)
def code_version() -> str:
    """Digest of the code that computes features from files, and of the readers that it uses.

    A version number kept by hand would sooner or later be forgotten, and pieces of two kinds would be mixed.
    """
    root = Path(__file__).parents[1]
    digest = hashlib.sha256(repr([(name, version(name)) for name in _READERS]).encode())
    for path in sorted(path for pattern in _CODE for path in root.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make_piece(job: PieceJob) -> Piece:
    """Reads the protein once, then each ligand; faults in them are recorded, not raised."""
    refused: dict[int, Refusal] = {}
    warnings: dict[int, tuple[str, ...]] = {}
    accepted: list[tuple[LigandGraph, np.ndarray]] = []
    lasting = True
    protein: Protein | None = None
    for place, (name, source) in enumerate(zip(job.ids, job.ligands, strict=True)):
        if place in job.lost:
            refused[place], lasting = job.lost[place], False
            continue
        begin(SHARED)  # the receptor, which is read once
        try:
            if isinstance(source, str):
                protein, ligand = ligand_inside(job.protein, source)
            else:
                protein = load_protein(job.protein)
                begin(place)
                ligand = _read_ligand(name, source)
            check_ligand(ligand)
            mask = pocket_mask(protein, ligand, PocketSpec(cutoff=job.pocket_cutoff))
            cx = Complex(name, protein.select(mask), ligand)
            notes = (*ligand.notes, *left_out(protein, replaced_by(protein, ligand.positions)))
            doubts = tuple(dict.fromkeys((*notes, *check_complex(cx))))
            refuse_unfit(cx)
            accepted.append((build_ligand_graph(ligand), mask))
            if doubts:
                warnings[place] = doubts
        except Exception as unforeseen:  # noqa: BLE001 - one odd complex must not cost the others their rows
            error = as_binding_error(unforeseen)
            lasting &= isinstance(unforeseen, BindingError)
            refused[place] = Refusal(error.code, error.message, error.hint)
    if not accepted or protein is None:
        return Piece(None, refused, lasting=lasting)
    needed = np.any([mask for _, mask in accepted], axis=0)
    rows = np.cumsum(needed) - 1
    group = encode_group(protein.select(needed), [(graph, rows[np.flatnonzero(mask)]) for graph, mask in accepted])
    return Piece(to_bytes(group), refused, warnings, lasting)


def _read_ligand(name: str, source: Path | LigandRecord) -> Ligand:
    if isinstance(source, Path):
        return pick_record(name, list(read_ligands(source)), alone=True)
    found = parse_record(source.text, source.path, source.index)
    if isinstance(found, BadRecord):
        raise found.error
    return found

"""Ligand files to ``Ligand`` objects: one item a record, in order, a failure where one cannot be read."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase

from binding.errors import BindingError, FileError, LigandError
from binding.io.files import read_bytes, split_suffix
from binding.io.repair import sanitize
from binding.structures import Ligand

_REMOVE_ALL = Chem.RemoveHsParameters()
for _flag in dir(_REMOVE_ALL):
    if _flag.startswith("remove"):
        setattr(_REMOVE_ALL, _flag, True)
_REMOVE_ALL.showWarnings = False
_REMOVE_ALL.updateExplicitCount = False


@dataclass(frozen=True)
class BadRecord:
    """A record that could not be read.

    Attributes:
        name: Its title, or file stem and record number.
        index: Place in the file, from 0.
        error: Why, with code and hint.
    """

    name: str
    index: int
    error: BindingError


def read_ligands(path: str | Path, *, template: Chem.Mol | str | None = None) -> Iterator[Ligand | BadRecord]:
    """Read every record of a ligand file, in order.

    Args:
        path: SDF (also many records, also gzipped).
        template: SMILES or molecule that gives bond orders to records without them.

    Yields:
        A ``Ligand`` for each record that can be read, a ``BadRecord`` for each that cannot.

    Raises:
        FileError: Missing, empty, damaged, or of another format.
    """
    path = Path(path)
    stem, _ = split_suffix(path)
    text = read_bytes(path).decode("utf-8", errors="replace").replace("\r\n", "\n")
    blocks = text.split("$$$$\n")
    if not blocks[-1].strip():
        blocks.pop()
    for index, block in enumerate(blocks):
        name = block.split("\n", 1)[0].strip() or f"{stem}_{index + 1}"
        try:
            yield _read_sd_record(block, name)
        except BindingError as error:
            yield BadRecord(name, index, error)


def _read_sd_record(block: str, name: str) -> Ligand:
    with rdBase.BlockLogs():
        mol = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False, strictParsing=False)
    if mol is None:
        raise LigandError(f"Ligand {name} is no valid mol block.", "Check the record's counts line and atom block.", "bad_record")
    return prepare_ligand(mol, name)


def prepare_ligand(
    mol: Chem.Mol, name: str, *, notes: Sequence[str] = (), properties: dict[str, str] | None = None
) -> Ligand:
    """Sanitize with certain repairs, check the coordinates, drop counter-ions and hydrogens, set stereo from 3D.

    Args:
        mol: With one 3D conformer, Å; need not be sanitized.
        name: Title; must not be empty.
        notes: What was decided before.
        properties: SD tags to carry along.

    Raises:
        LigandError: With the codes that ``LigandError`` lists.
    """
    if mol.GetNumAtoms() == 0:
        raise LigandError(f"Ligand {name} has no atoms.", "Check the record.", "no_atoms")
    work = Chem.RWMol(mol)
    with rdBase.BlockLogs():
        repairs = sanitize(work, name)
        heavy = Chem.RemoveHs(work, _REMOVE_ALL, sanitize=True)
        Chem.AssignStereochemistryFrom3D(heavy)
    return Ligand(
        name=name,
        mol=heavy,
        positions=np.array(heavy.GetConformer().GetPositions(), dtype=np.float64),
        notes=(*notes, *repairs),
        properties=properties or {},
    )

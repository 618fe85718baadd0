"""Tables of requests, and folders in PDBbind layout.

A table of requests has the columns ``protein`` and ``ligand``, and may have ``id`` and
``pocket``; every other column is kept. Relative paths start at the table's folder.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from binding.errors import FileError, TableError
from binding.io.rows import TextRow, read_rows, refuse_duplicates

if TYPE_CHECKING:
    from binding.io.ligand import BadRecord
    from binding.structures import Ligand, Protein

_SELECTION: Final = re.compile(r"^(auto|[A-Za-z0-9]{1,5}|[^:/\\]+:|[^:/\\]*:[^:/\\]+:-?[0-9]+[A-Za-z]?(\+[^/\\]+)?)$")
_PROTEIN_ENDINGS: Final = tuple(
    f"_{what}{ending}" for what in ("protein", "pocket") for ending in (".pdb", ".pdb.gz", ".cif", ".cif.gz")
)
_FIRST_SUFFIXES: Final = (".sdf", ".mol2")  # of a folder that holds its ligand in several formats


@dataclass(frozen=True)
class Request:
    """One thing to score: a protein and a file of ligands, or a ligand inside the protein's file.

    Attributes:
        id: As given, or None where the rows are to be named after the files.
        protein: Structure file, which need not exist (a missing file becomes a failed row), or a protein in memory.
        ligand: A ``Path`` is a ligand file; a ``str`` names the ligand inside ``protein``: ``auto``, ``LIG``
            or ``A:LIG:301``; a ligand in memory is taken as it is.
        pocket: A ``Path`` is the file of a reference ligand, a ``str`` a pocket in words; None takes the
            residues around the ligand itself.
        extra: The table's other columns, as text.
    """

    id: str | None
    protein: Path | Protein
    ligand: Path | str | Ligand | BadRecord
    pocket: Path | str | None = None
    extra: dict[str, str] = field(default_factory=dict, hash=False)


def read_requests(path: str | Path) -> list[Request]:
    """Reads a table of requests.

    Args:
        path: ``.csv``, ``.tsv`` or ``.txt``, plain or gzipped; comma, tab, semicolon or bar, found from the header.

    Returns:
        One a row. The ligand of a row that cannot be used (too few or too many cells, or an empty one) is a
        ``BadRecord`` with the reason: ``bad_row``, or ``bad_id`` where the id is missing.

    Raises:
        FileError: ``file_not_found``, ``empty_file``, ``wrong_format`` or ``unreadable``.
        TableError: A column is missing, or an id occurs twice.
    """
    path = Path(path)
    rows = [(row, row.error or _empty_cell(path, row)) for row in read_rows(path, required=("protein", "ligand"))]
    refuse_duplicates(path, ((row.line, row.cells["id"]) for row, fault in rows if fault is None and "id" in row.cells))
    return [_request(path, row.cells) if fault is None else _refused(row, fault) for row, fault in rows]


def _empty_cell(path: Path, row: TextRow) -> TableError | None:
    for column in ("id", "protein", "ligand"):
        if row.cells.get(column) == "":
            message = f"{path.name}, line {row.line}: the cell under {column!r} is empty."
            return TableError(message, "Fill it in.", "bad_id" if column == "id" else "bad_row")
    return None


def _request(path: Path, cells: dict[str, str]) -> Request:
    return Request(
        id=cells.get("id"),
        protein=resolve_path(path.parent, cells["protein"]),
        ligand=ligand_cell(path.parent, cells["ligand"]),
        pocket=_pocket_cell(path.parent, cells.get("pocket", "")),
        extra=_extra(cells),
    )


def _refused(row: TextRow, fault: TableError) -> Request:
    """What stands for a row that cannot be used; it is named by its id, or else by its line."""
    from binding.io.ligand import BadRecord  # RDKit, which a valid table does not need

    cells = row.cells
    ligand = BadRecord(Path(cells["ligand"]).name, 0, fault)
    return Request(cells.get("id") or f"line {row.line}", Path(cells["protein"]), ligand, extra=_extra(cells))


def _extra(cells: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in cells.items() if name not in ("id", "protein", "ligand", "pocket")}


def read_folder(path: str | Path) -> list[Request]:
    """Expands a folder in PDBbind layout into requests, sorted by id.

    ``<id>/<id>_protein.pdb`` is preferred to ``<id>_pocket.pdb``, and ``<id>_ligand.sdf`` to ``.mol2`` and to
    ``<id>_ligands.sdf`` with many records; each may be gzipped, the protein may be ``.cif``. A subfolder that
    has a protein or a ligand but not both still gives a request, which then fails by the file's name.

    Raises:
        FileError: ``file_not_found``.
        TableError: No subfolder has such files.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileError(f"The folder {path} does not exist.", "Check the path.", code="file_not_found")
    requests = []
    for folder in sorted(child for child in path.iterdir() if child.is_dir()):
        protein = _first_file(folder, _PROTEIN_ENDINGS)
        ligand = _first_file(folder, _ligand_endings())
        if protein is None and ligand is None:
            continue
        requests.append(
            Request(
                id=folder.name,
                protein=protein or folder / f"{folder.name}{_PROTEIN_ENDINGS[0]}",
                ligand=ligand or folder / f"{folder.name}{_ligand_endings()[0]}",
            )
        )
    if not requests:
        raise TableError(
            f"No complex was found in {path}.",
            "The layout is <id>/<id>_protein.pdb with <id>/<id>_ligand.sdf (or _pocket.pdb, .mol2, .gz).",
        )
    return requests


def find_complex_files(folder: Path) -> tuple[Path, Path]:
    """The protein and the ligand file of one complex in PDBbind layout.

    Raises:
        FileError: ``file_not_found``, naming what is missing.
    """
    protein, ligand = _first_file(folder, _PROTEIN_ENDINGS), _first_file(folder, _ligand_endings())
    if protein is None or ligand is None:
        what = "_protein.pdb or _pocket.pdb" if protein is None else "_ligand.sdf or .mol2"
        raise FileError(f"{folder} has no {folder.name}{what}.", "Check the layout <id>/<id>_...", "file_not_found")
    return protein, ligand


def _ligand_endings() -> tuple[str, ...]:
    """What a ligand's file is called after its complex, in order of preference."""
    from binding.io.formats import ligand_suffixes

    suffixes = dict.fromkeys((*_FIRST_SUFFIXES, *ligand_suffixes(in_folders=True)))
    return tuple(f"_{stem}{suffix}{gz}" for stem in ("ligand", "ligands") for suffix in suffixes for gz in ("", ".gz"))


# ---------------------------------------------------------------- cells


def resolve_path(folder: Path, cell: str) -> Path:
    """A path of a table, which starts at the table's folder unless it is absolute."""
    return folder / Path(cell).expanduser()  # an absolute path stays as it is


def is_selection(text: str) -> bool:
    """Whether the text can name a ligand inside a structure file: ``auto``, ``LIG``, ``A:LIG:301`` or ``P:``."""
    return _SELECTION.match(text) is not None


def ligand_cell(folder: Path, cell: str) -> Path | str:
    """What a cell under ``ligand`` names: a file, or a ligand inside the protein's file (see ``is_selection``)."""
    path = resolve_path(folder, cell)
    return cell if is_selection(cell) and not os.path.isfile(path) else path


def _pocket_cell(folder: Path, cell: str) -> Path | str | None:
    if not cell:
        return None
    path = resolve_path(folder, cell)
    is_file_name = re.search(r"\.(sdf|mol|mol2|pdb|pdbqt|cif|ent)(\.gz)?$", cell, re.IGNORECASE)
    return path if is_file_name or os.path.isfile(path) else cell  # Path.is_file fails where the text is too long


def _first_file(folder: Path, endings: tuple[str, ...]) -> Path | None:
    return next((p for ending in endings if os.path.isfile(p := folder / f"{folder.name}{ending}")), None)

"""Tables of requests and of measured affinities, and folders in PDBbind layout.

A table of requests has the columns ``protein`` and ``ligand``, and may have ``id`` and
``pocket``; every other column is kept. Relative paths start at the table's folder.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from binding.errors import FileError, TableError, UsageError
from binding.io.files import read_bytes
from binding.units import Affinity, parse_affinity

if TYPE_CHECKING:
    from binding.io.ligand import BadRecord
    from binding.structures import Ligand, Protein

_SEPARATORS: Final = (",", "\t", ";", "|")
_ALIASES: Final = {"receptor": "protein", "name": "id", "pdb_id": "id", "pdb": "id", "pdb_code": "id"}
_SELECTION: Final = re.compile(r"^(auto|[A-Za-z0-9]{1,5}|[^:/\\]*:[^:/\\]+:-?[0-9]+[A-Za-z]?(\+[^/\\]+)?)$")
_PROTEIN_ENDINGS: Final = tuple(
    f"_{what}{ending}" for what in ("protein", "pocket") for ending in (".pdb", ".pdb.gz", ".cif", ".cif.gz")
)
_LIGAND_ENDINGS: Final = tuple(
    f"{stem}{ending}"
    for stem in ("_ligand.sdf", "_ligand.mol2", "_ligands.sdf", "_ligands.mol2")
    for ending in ("", ".gz")
)


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


@dataclass(frozen=True)
class IndexEntry:
    """A measured affinity of one complex.

    Attributes:
        id: PDB code or any other name.
        affinity: pK with its relation (on the pK) and measure.
        extra: The other fields, as text; PDBbind files give ``resolution``, ``year`` and ``ligand_code``.
    """

    id: str
    affinity: Affinity
    extra: dict[str, str] = field(default_factory=dict, hash=False)


def read_requests(path: str | Path) -> list[Request]:
    """Reads a table of requests.

    Args:
        path: ``.csv``, ``.tsv`` or ``.txt``, plain or gzipped; comma, tab, semicolon or bar, found from the header.

    Raises:
        FileError: ``file_not_found``, ``empty_file``, ``wrong_format`` or ``unreadable``.
        TableError: A column is missing, an id occurs twice, a cell is empty, or a row has too many or too few cells.
    """
    path = Path(path)
    rows = read_rows(path, required=("protein", "ligand"))
    if "id" in rows[0][1]:
        _refuse_duplicates(path, ((line, row["id"]) for line, row in rows))
    requests = []
    for line, row in rows:
        for column in ("id", "protein", "ligand"):
            if row.get(column) == "":
                raise TableError(f"{path.name}, line {line}: the cell under {column!r} is empty", "fill it in")
        requests.append(
            Request(
                id=row.get("id"),
                protein=_resolve(path.parent, row["protein"]),
                ligand=_ligand_cell(path.parent, row["ligand"]),
                pocket=_pocket_cell(path.parent, row.get("pocket", "")),
                extra={k: v for k, v in row.items() if k not in ("id", "protein", "ligand", "pocket")},
            )
        )
    return requests


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
        raise FileError(f"the folder {path} does not exist", "check the path", code="file_not_found")
    requests = []
    for folder in sorted(child for child in path.iterdir() if child.is_dir()):
        protein = _first_file(folder, _PROTEIN_ENDINGS)
        ligand = _first_file(folder, _LIGAND_ENDINGS)
        if protein is None and ligand is None:
            continue
        requests.append(
            Request(
                id=folder.name,
                protein=protein or folder / f"{folder.name}{_PROTEIN_ENDINGS[0]}",
                ligand=ligand or folder / f"{folder.name}{_LIGAND_ENDINGS[0]}",
            )
        )
    if not requests:
        raise TableError(
            f"no complex found in {path}",
            "the layout is <id>/<id>_protein.pdb with <id>/<id>_ligand.sdf (or _pocket.pdb, .mol2, .gz)",
        )
    return requests


def read_index(path: str | Path) -> list[IndexEntry]:
    """Reads measured affinities: a PDBbind ``INDEX_*`` file, or a table with ``id`` and ``pk`` or ``affinity``.

    In a table, the optional column ``relation`` holds the sign of the measured constant, as published
    (``IC50 > 200 uM`` is pk 3.7 with ``>``), and is flipped onto the pK here; ``measure`` is kept.

    Raises:
        FileError: The file is missing, empty or not text.
        TableError: A column is missing, an id occurs twice, or an affinity cannot be read (naming the line).
    """
    path = Path(path)
    text = _read_text(path)
    if _looks_like_pdbbind(text):
        entries = list(_pdbbind_entries(path, text))
    else:
        entries = [(line, table_entry(path, line, row)) for line, row in read_rows(path, required=("id",), text=text)]
    if not entries:
        raise TableError(f"{path.name} has no row", "it holds only a header or comments")
    _refuse_duplicates(path, ((line, entry.id) for line, entry in entries))
    return [entry for _, entry in entries]


def is_pdbbind_index(path: Path) -> bool:
    """Whether a file is a PDBbind ``INDEX_*`` file and not a table with a header.

    Raises:
        FileError: The file is missing, empty or not text.
    """
    return _looks_like_pdbbind(_read_text(path))


def find_complex_files(folder: Path) -> tuple[Path, Path]:
    """The protein and the ligand file of one complex in PDBbind layout.

    Raises:
        FileError: ``file_not_found``, naming what is missing.
    """
    protein, ligand = _first_file(folder, _PROTEIN_ENDINGS), _first_file(folder, _LIGAND_ENDINGS)
    if protein is None or ligand is None:
        what = "_protein.pdb or _pocket.pdb" if protein is None else "_ligand.sdf or .mol2"
        raise FileError(f"{folder} has no {folder.name}{what}", "check the layout <id>/<id>_...", "file_not_found")
    return protein, ligand


# ---------------------------------------------------------------- text and rows


def _read_text(path: Path) -> str:
    data = read_bytes(path)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        hint = "save it as CSV in UTF-8; spreadsheets (.xlsx) have to be exported first"
        raise FileError(f"{path} is not a text table", hint, code="wrong_format") from error
    if "\x00" in text:
        raise FileError(f"{path} is not a text table", "save it as CSV in UTF-8", code="wrong_format")
    return text


def read_rows(path: Path, required: tuple[str, ...], text: str | None = None) -> list[tuple[int, dict[str, str]]]:
    """The rows of any table by column name, each with its line number; blank lines are passed over.

    Args:
        path: Comma, tab, semicolon or bar, found from the header; plain or gzipped.
        required: Columns that must be there.
        text: The content, where it was read before.

    Raises:
        FileError: The file is missing, empty or not text.
        TableError: A column is missing or there twice, there is no row, or a row has too many or too few cells.
    """
    text = _read_text(path) if text is None else text
    header_line = next(line for line in text.splitlines() if line.strip())
    separator = max(_SEPARATORS, key=lambda s: len(set(_header(header_line, s)) & {*required, "id", "pk", "affinity"}))
    columns = _header(header_line, separator)
    missing = [name for name in required if name not in columns]
    if missing:
        raise TableError(
            f"{path.name} has no column {' and no column '.join(map(repr, missing))}",
            f"columns found: {', '.join(columns)}; the first line names the columns, separated by commas",
        )
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise TableError(f"{path.name} has the column {repeated[0]!r} twice", "remove or rename one of them")
    rows: list[tuple[int, dict[str, str]]] = []
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    seen_header = False
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if not seen_header:
            seen_header = True
            continue
        if len(cells) != len(columns):
            raise TableError(
                f"{path.name}, line {reader.line_num}: {len(cells)} cells for {len(columns)} columns",
                f"columns: {', '.join(columns)}; put a cell that holds a {separator!r} in double quotes",
            )
        rows.append((reader.line_num, {k: v.strip() for k, v in zip(columns, cells, strict=True)}))
    if not rows:
        raise TableError(f"{path.name} has no row", "it holds only a header")
    return rows


def _header(line: str, separator: str) -> list[str]:
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
    names = [
        cell.lower() if cell.lower() in {*_ALIASES, *_ALIASES.values(), "ligand", "pocket"} else cell for cell in cells
    ]
    return [_ALIASES[n] if n in _ALIASES and _ALIASES[n] not in names else n for n in names]


def _refuse_duplicates(path: Path, named: Iterable[tuple[int, str]]) -> None:
    first: dict[str, int] = {}
    for line, name in named:
        if name in first:
            raise TableError(
                f"{path.name}: the id {name!r} is on line {first[name]} and on line {line}",
                "give each row an id of its own, or leave the column out",
            )
        first[name] = line


# ---------------------------------------------------------------- cells


def _resolve(folder: Path, cell: str) -> Path:
    return folder / Path(cell).expanduser()  # an absolute path stays as it is


def is_selection(text: str) -> bool:
    """Whether the text can name a ligand inside a structure file: ``auto``, ``LIG`` or ``A:LIG:301``."""
    return _SELECTION.match(text) is not None


def _ligand_cell(folder: Path, cell: str) -> Path | str:
    path = _resolve(folder, cell)
    return cell if is_selection(cell) and not path.is_file() else path


def _pocket_cell(folder: Path, cell: str) -> Path | str | None:
    if not cell:
        return None
    path = _resolve(folder, cell)
    is_file_name = re.search(r"\.(sdf|mol|mol2|pdb|pdbqt|cif|ent)(\.gz)?$", cell, re.IGNORECASE)
    return path if is_file_name or path.is_file() else cell


def _first_file(folder: Path, endings: tuple[str, ...]) -> Path | None:
    return next((p for ending in endings if (p := folder / f"{folder.name}{ending}").is_file()), None)


# ---------------------------------------------------------------- measured affinities


_PDBBIND_ROW: Final = re.compile(
    r"^(?P<id>\S+)\s+(?P<resolution>\d+\.\d+|NMR|NA)\s+(?P<year>\d{4})\s+(?:(?P<pk>-?\d+\.\d+)\s+)?"
    r"(?P<affinity>\S+)(?P<rest>.*)$"
)


def _looks_like_pdbbind(text: str) -> bool:
    line = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return _PDBBIND_ROW.match(line) is not None


def _pdbbind_entries(path: Path, text: str) -> Iterable[tuple[int, IndexEntry]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _PDBBIND_ROW.match(line)
        if match is None:
            raise TableError(
                f"{path.name}, line {number} is not a PDBbind index row: {line.strip()[:60]!r}",
                "such a row reads: code resolution year [-logK] affinity // reference (ligand)",
            )
        affinity = _parse_cell(path, number, match["affinity"])
        if match["pk"] is not None:  # the index's own figure, rounded as published
            affinity = Affinity(float(match["pk"]), affinity.relation, affinity.measure)
        extra = {"resolution": match["resolution"], "year": match["year"]}
        ligand = re.search(r"\(([^()]*)\)", match["rest"])
        if ligand:
            extra["ligand_code"] = ligand[1]
        yield number, IndexEntry(match["id"], affinity, extra)


def table_entry(path: Path, line: int, row: dict[str, str]) -> IndexEntry:
    """The affinity of one row of ``read_rows``.

    Raises:
        TableError: It has none, or one that cannot be read.
    """
    extra = {k: v for k, v in row.items() if k not in ("id", "pk", "affinity", "relation", "measure")}
    if row.get("affinity"):
        affinity = _parse_cell(path, line, row["affinity"])
    else:
        sign = row.get("relation") or "="
        affinity = _parse_cell(path, line, f"K{sign}1M")  # checks the sign and flips it
        affinity = Affinity(math.nan, affinity.relation, row.get("measure") or "K")
    if row.get("pk"):
        try:
            pk = float(row["pk"])
        except ValueError:
            pk = math.nan
        if not math.isfinite(pk):
            raise TableError(f"{path.name}, line {line}: pk {row['pk']!r} is not a number", "write it as 6.40")
        affinity = Affinity(pk, affinity.relation, affinity.measure)
    if not math.isfinite(affinity.pk):
        columns = ", ".join(row)
        raise TableError(
            f"{path.name}, line {line}: {row['id']!r} has no affinity",
            f"columns found: {columns}; pk or affinity is needed",
        )
    return IndexEntry(row["id"], affinity, extra)


def _parse_cell(path: Path, line: int, text: str) -> Affinity:
    try:
        return parse_affinity(text)
    except UsageError as error:
        raise TableError(f"{path.name}, line {line}: {error.message}", error.hint) from error

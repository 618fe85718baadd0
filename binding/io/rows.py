"""Text tables: rows by column name, whatever the separator."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from binding.errors import FileError, TableError
from binding.io.files import read_bytes

_SEPARATORS: Final = (",", "\t", ";", "|")
_ALIASES: Final = {"receptor": "protein", "name": "id", "pdb_id": "id", "pdb": "id", "pdb_code": "id"}


def read_text(path: Path) -> str:
    """The text of a table, UTF-8 or UTF-16, decompressed where it is gzipped.

    Raises:
        FileError: Missing, empty or not text.
    """
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
    text = read_text(path) if text is None else text
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


def refuse_duplicates(path: Path, named: Iterable[tuple[int, str]]) -> None:
    """Refuses a table in which an id occurs twice.

    Args:
        path: Of the table.
        named: Line and id of each row.

    Raises:
        TableError: Naming both lines.
    """
    first: dict[str, int] = {}
    for line, name in named:
        if name in first:
            raise TableError(
                f"{path.name}: the id {name!r} is on line {first[name]} and on line {line}",
                "give each row an id of its own, or leave the column out",
            )
        first[name] = line

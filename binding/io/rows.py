"""Text tables: rows by column name, with any separator, line ends and decimal mark.

A row that does not fit the header is still a row, with its ``error``: it costs no other row.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from binding.errors import FileError, TableError
from binding.io.decimals import HINT as DECIMAL_HINT
from binding.io.decimals import with_points
from binding.io.files import decode_text, read_bytes, split_suffix
from binding.io.spreadsheet import SPREADSHEET, read_spreadsheet

_SEPARATORS: Final = (",", "\t", ";", "|")
_ALIASES: Final = {"receptor": "protein", "name": "id", "pdb_id": "id", "pdb": "id", "pdb_code": "id"}
_KNOWN: Final = frozenset((*_ALIASES, *_ALIASES.values(), "ligand", "pocket"))
_TELLING: Final = frozenset(("id", "pk", "affinity"))  # names that a header has when it is cut at the right places
#: At the ends of cells, from web pages and editors.
_INVISIBLE: Final = " \t\r\n\v\f\u00a0\u200b\u200c\u200d\u2060\ufeff"
_DECLARED: Final = re.compile(r'\s*"?sep=([^"\w ])"?\s*', re.IGNORECASE)  # Excel's own first line


@dataclass(frozen=True)
class Header:
    """The first line that names columns.

    Attributes:
        lines: How many lines of the text it ends, itself included.
        separator: The character that separates the cells.
        names: As written, without blanks at their ends; spreadsheets leave nameless ones at the end.
        declared: Whether a line ``sep=;`` stands before it.
    """

    lines: int
    separator: str
    names: tuple[str, ...]
    declared: bool = False


@dataclass(frozen=True)
class TextRow:
    """A row of a table.

    Attributes:
        line: On which it begins, from 1.
        cells: Text by column. A row that does not fit is filled from the left; the remaining cells are empty.
        error: Why it does not fit the header (``bad_row``); None where it does.
    """

    line: int
    cells: dict[str, str]
    error: TableError | None = None


def read_text(path: Path) -> str:
    """The text of a table, UTF-8 or UTF-16, or the first sheet of an ``.xlsx`` file.

    It is decompressed where it is gzipped, and its lines end in LF.

    Raises:
        FileError: Missing, empty or not text.
    """
    if split_suffix(path)[1] == SPREADSHEET:
        return read_spreadsheet(path)
    data = read_bytes(path)
    hint = "Save it as CSV in UTF-8, or as .xlsx."
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") and data[2:4] != b"\x00\x00":  # as Excel's "Unicode text" is
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise FileError(f"{path} is damaged: it is not UTF-16 throughout.", hint, "wrong_format") from error
    else:
        text = decode_text(path, data, hint)
    if "\x00" in text:
        raise FileError(f"{path} is not a text table.", hint, "wrong_format")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def read_rows(
    path: Path,
    required: tuple[str, ...],
    text: str | None = None,
    aliases: Mapping[str, str] | None = None,
    id_column: str = "id",
) -> list[TextRow]:
    """The rows of any table by column name; blank lines are passed over.

    Args:
        path: Comma, tab, semicolon or bar, found from the header or named by a first line ``sep=;``; plain or gzipped.
            Decimal commas become points where they can be nothing else; see ``binding.io.decimals``.
        required: Columns that must be there, in any case of their letters.
        text: The content, where it was read before.
        aliases: Further names, in lower case, of required columns.
        id_column: Column that is taken for ``id``; one of that name besides becomes ``id_given``.

    Raises:
        FileError: The file is missing, empty or not text.
        TableError: A column is missing or there twice, or there is no row.
    """
    text = read_text(path) if text is None else text
    known = _ALIASES | dict(aliases or {})
    header = find_header(io.StringIO(text), required, known)
    names = _trimmed(header.names)
    if id_column != "id":
        if id_column not in names:
            raise TableError(f"{path.name} has no column {id_column!r}.", f"Columns found: {', '.join(names)}.")
        names = tuple({id_column: "id", "id": "id_given"}.get(name, name) for name in names)
    columns = _renamed(names, required, known)
    missing = [name for name in required if name not in columns]
    if missing:
        raise TableError(
            f"{path.name} has no column {' and no column '.join(map(repr, missing))}.",
            f"Columns found: {', '.join(columns)}; the first line names the columns, separated by commas.",
        )
    return rows_below(path, text, replace(header, names=columns))


def find_header(lines: Iterable[str], required: Iterable[str] = (), aliases: Mapping[str, str] | None = None) -> Header:
    """The header of a table, and what separates its cells.

    Args:
        lines: The table's lines, from the first; only as many as needed are read.
        required: Columns that should be there.
        aliases: Other names of columns, in lower case; the usual ones where None.
    """
    known = _ALIASES if aliases is None else aliases
    required = tuple(required)
    declared = ""
    number = 0
    for number, line in enumerate(lines, start=1):
        found = None if declared else _DECLARED.fullmatch(line.rstrip("\n"))
        if found:
            declared = found[1]
        elif line.strip():
            separator = declared or max(_SEPARATORS, key=lambda mark: _telling(line, mark, required, known))
            return Header(number, separator, tuple(cells_of(line, separator)), bool(declared))
    return Header(number, declared or ",", (), bool(declared))


def rows_below(path: Path, text: str, header: Header) -> list[TextRow]:
    """The rows of a table whose header is known; see ``read_rows``.

    Args:
        path: The table's file, for messages.
        text: All of it, as ``read_text`` gives it.
        header: With the names to give the columns.

    Raises:
        TableError: A column is there twice, the rows are separated otherwise than the header, or there is none.
    """
    header = replace(header, names=_trimmed(header.names))
    names = header.names
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise TableError(f"{path.name} has the column {repeated[0]!r} twice.", "Remove or rename one of them.")
    lines = list(io.StringIO(text))[header.lines :]
    cut = [
        (header.lines + place + 1, [cell.strip(_INVISIBLE) for cell in cells], closed)
        for place, cells, closed in _cut(lines, header.separator, len(names))
        if any(cell.strip() for cell in cells)
    ]
    if not cut:
        raise TableError(f"{path.name} has no row.", "It holds only a header.")
    others = set(_SEPARATORS) - {header.separator}
    if len(names) > 1 and all(len(cells) == 1 and others.intersection(cells[0]) for _, cells, _ in cut):
        raise TableError(
            f"{path.name} has {header.separator!r} between the names of its columns, and no row has.",
            "Separate the cells of all lines alike.",
        )
    rows = [_row(path, header, line, cells, closed) for line, cells, closed in cut]
    return rows if header.separator == "," else _with_points(rows, names)


def cells_of(line: str, separator: str) -> list[str]:
    """The cells of one row, blanks at their ends taken off."""
    return [cell.strip(_INVISIBLE) for cell in _alone(line, separator)[0]]


def is_closed(lines: Iterable[str], separator: str) -> bool:
    """Whether lines are one row whose quotes are all closed where a cell ends."""
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    try:
        return next(reader, None) is not None and next(reader, None) is None
    except csv.Error:
        return False


def refuse_duplicates(
    path: Path,
    named: Iterable[tuple[int, str]],
    hint: str = "Give each row an id of its own, or leave the column out.",
) -> None:
    """Refuses a table in which an id occurs twice.

    Args:
        path: The table's file, for messages.
        named: Line and id of each row.
        hint: What to do about it.

    Raises:
        TableError: Naming both lines.
    """
    first: dict[str, int] = {}
    for line, name in named:
        if name in first:
            raise TableError(f"{path.name}: the id {name!r} is on line {first[name]} and on line {line}.", hint)
        first[name] = line


# ---------------------------------------------------------------- lines -> cells


def _cut(lines: list[str], separator: str, width: int) -> Iterator[tuple[int, list[str], bool]]:
    """The first line (from 0) and the cells of each row, and whether its quotes are closed.

    A quote that is opened and never closed would swallow all rows after it: where a row goes over several lines and
    is not as wide as it should be, each of the lines is a row.
    """
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    while (first := reader.line_num) < len(lines):
        cells: list[str] | None = None
        with suppress(csv.Error):  # a quote swallowed more than a cell can hold
            cells = next(reader)
        taken = lines[first : reader.line_num]
        inside = len(taken) == 1 and reader.line_num < len(lines)  # had a quote been left open, it would read on
        if cells is not None and (inside or (len(taken) > 1 and len(cells) == width and is_closed(taken, separator))):
            yield first, cells, True
        else:
            for place, line in enumerate(taken, start=first):
                yield place, *_alone(line, separator)


def _alone(line: str, separator: str) -> tuple[list[str], bool]:
    """The cells of one line, and whether its quotes are closed."""
    reader = csv.reader([line, ""], delimiter=separator, skipinitialspace=True)
    try:
        cells = next(reader)
    except csv.Error:
        return [line], False
    return cells, reader.line_num == 1


def _row(path: Path, header: Header, line: int, cells: list[str], closed: bool) -> TextRow:
    width = len(header.names)
    while len(cells) > width and not cells[-1]:  # spreadsheets fill up with empty cells
        cells.pop()
    if closed and len(cells) == width:
        return TextRow(line, dict(zip(header.names, cells, strict=True)))
    by_name = dict.fromkeys(header.names, "") | dict(zip(header.names, cells, strict=False))
    if not closed:
        what, hint = "a quote is opened and not closed", 'Close it, or write " twice where it belongs to the text.'
    else:
        what = f"{len(cells)} cell{'' if len(cells) == 1 else 's'} for {width} columns"
        hint = f"Columns: {', '.join(header.names)}; "
        if len(cells) < width:
            hint += "a cell without content needs its separator too."
        else:
            hint += f"put a cell that holds a {header.separator!r} in double quotes."
            hint += f" {DECIMAL_HINT}" if header.separator == "," else ""
    return TextRow(line, by_name, TableError(f"{path.name}, line {line}: {what}.", hint, "bad_row"))


def _with_points(rows: list[TextRow], names: tuple[str, ...]) -> list[TextRow]:
    """The rows, decimal commas become points."""
    sound = [row for row in rows if row.error is None]
    pointed = with_points({name: [row.cells[name] for row in sound] for name in names})
    if not pointed:
        return rows
    mended = iter([dict(zip(pointed, cells, strict=True)) for cells in zip(*pointed.values(), strict=True)])
    return [row if row.error is not None else replace(row, cells=row.cells | next(mended)) for row in rows]


# ---------------------------------------------------------------- names of columns


def _telling(line: str, separator: str, required: tuple[str, ...], aliases: Mapping[str, str]) -> tuple[int, int]:
    """How well a separator cuts a header: names that are then known, and how often it is there."""
    names = _renamed(tuple(cells_of(line, separator)), required, aliases)
    return len({*required, *_TELLING}.intersection(names)), line.count(separator)


def _trimmed(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names without nameless columns at the end."""
    return names[: max((place for place, name in enumerate(names, start=1) if name), default=0)]


def _renamed(names: Iterable[str], required: Iterable[str], aliases: Mapping[str, str]) -> tuple[str, ...]:
    """Names that have a meaning in lower case, and by the name that the package has for them."""
    meant = {*_KNOWN, *required, *aliases}
    lower = [name.lower() if name.lower() in meant else name for name in names]
    return tuple(aliases[name] if name in aliases and aliases[name] not in lower else name for name in lower)

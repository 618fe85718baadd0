"""Measured affinities: a PDBbind ``INDEX_*`` file, or a table with a column of affinities."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from binding.constants import MEASURED_PK
from binding.errors import TableError, UsageError
from binding.io.decimals import HINT as DECIMAL_HINT
from binding.io.rows import TextRow, read_rows, read_text, refuse_duplicates
from binding.units import Affinity, parse_affinity, pk_from_dg

AFFINITY_COLUMNS: Final = ("pk", "affinity", "dg_kcal_mol")
_MEASURED: Final = (*AFFINITY_COLUMNS, "relation", "measure")
_BARE_AMOUNT: Final = re.compile(r"\s*([=<>~≤≥≈]*)\s*[0-9.]")  # an affinity that names no measure: 12 nM, >10uM
#: What to do about an id that occurs twice.
DUPLICATE_HINT: Final = (
    "Keep one of the two rows, the right one where they differ; rows of several poses need ids of their own, and a "
    "column that names the compound."
)
_CONTRADICTION: Final = 0.2  # pK between two columns that should say the same; published logarithms are rounded


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


@dataclass(frozen=True)
class BadEntry:
    """A row of an index that has no usable affinity.

    Attributes:
        id: As given; may be empty.
        error: Why, naming file and line.
        extra: The other fields.
    """

    id: str
    error: TableError
    extra: dict[str, str] = field(default_factory=dict, hash=False)


def read_index(path: str | Path, id_column: str = "id") -> list[IndexEntry]:
    """Reads measured affinities: a PDBbind ``INDEX_*`` file, or a table with ``id`` and an affinity.

    The affinity is ``pk``, ``affinity`` (text such as ``Ki=12nM``) or ``dg_kcal_mol``; the first that a row fills
    counts. In a table, the optional column ``relation`` holds the sign of the measured constant, as published
    (``IC50 > 200 uM`` is pk 3.7 with ``>``), and is flipped onto the pK here; ``measure`` is kept.

    Args:
        path: The file.
        id_column: Column of a table that is taken for ``id``.

    Raises:
        FileError: The file is missing, empty or not text.
        TableError: A column is missing, an id occurs twice, or an affinity cannot be read (naming the line).
    """
    path = Path(path)
    rows = read_index_rows(path, id_column=id_column)
    entries = []
    for _, row in rows:
        if isinstance(row, BadEntry):
            raise row.error
        entries.append(row)
    refuse_duplicates(path, ((line, row.id) for line, row in rows), DUPLICATE_HINT)
    return entries


def read_index_rows(
    path: str | Path, required: tuple[str, ...] = (), *, id_column: str = "id"
) -> list[tuple[int, IndexEntry | BadEntry]]:
    """Like ``read_index``, but a row that cannot be used is one of the answers; each row has its line number.

    Args:
        path: As for ``read_index``.
        required: Further columns that have to be there; a PDBbind file has none.
        id_column: As for ``read_index``.

    Raises:
        FileError: The file is missing, empty or not text.
        TableError: The table as a whole is wrong: a column is missing.
    """
    path = Path(path)
    text = read_text(path)
    if not required and _looks_like_pdbbind(text):
        return list(_pdbbind_entries(path, text))
    rows = read_rows(path, required=("id", *required), text=text, id_column=id_column)
    columns = list(_measured(rows[0].cells))
    if not set(columns) & set(AFFINITY_COLUMNS):
        raise TableError(
            f"{path.name} has no column of affinities: {rows[0].cells['id']!r} has no affinity.",
            f"Columns found: {', '.join(columns)}; one of {', '.join(AFFINITY_COLUMNS)} is needed.",
            "no_affinity",
        )
    return [(row.line, _table_row(path, row)) for row in rows]


def is_pdbbind_index(path: Path) -> bool:
    """Whether a file is a PDBbind ``INDEX_*`` file and not a table with a header.

    Raises:
        FileError: The file is missing, empty or not text.
    """
    return _looks_like_pdbbind(read_text(path))


_PDBBIND_ROW: Final = re.compile(
    r"^(?P<id>\S+)\s+(?P<resolution>\d+\.\d+|NMR|NA)\s+(?P<year>\d{4})\s+(?:(?P<pk>-?\d+\.\d+)\s+)?"
    r"(?P<affinity>\S+)(?P<rest>.*)$"
)


def _looks_like_pdbbind(text: str) -> bool:
    line = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return _PDBBIND_ROW.match(line) is not None


def _pdbbind_entries(path: Path, text: str) -> Iterable[tuple[int, IndexEntry | BadEntry]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _PDBBIND_ROW.match(line)
        if match is None:
            error = TableError(
                f"{path.name}, line {number} is not a PDBbind index row: {line.strip()[:60]!r}.",
                "Such a row reads: code resolution year [-logK] affinity // reference (ligand).",
                "bad_row",
            )
            yield number, BadEntry(line.split()[0], error)
            continue
        extra = {"resolution": match["resolution"], "year": match["year"]}
        ligand = re.search(r"\(([^()]*)\)", match["rest"])
        if ligand:
            extra["ligand_code"] = ligand[1]
        try:
            affinity = _parse_cell(path, number, match["affinity"])
            if match["pk"] is not None:  # the index's own figure, rounded as published
                affinity = Affinity(float(match["pk"]), affinity.relation, affinity.measure)
            _check_range(f"{path.name}, line {number}", match["id"], affinity.pk)
        except TableError as error:
            yield number, BadEntry(match["id"], error, extra)
            continue
        yield number, IndexEntry(match["id"], affinity, extra)


def _measured(row: dict[str, str]) -> dict[str, str]:
    """The same row, its columns of the measurement in lower case: people write pK and Relation."""
    return {name.lower() if name.lower() in _MEASURED else name: text for name, text in row.items()}


def _table_row(path: Path, row: TextRow) -> IndexEntry | BadEntry:
    cells = _measured(row.cells)
    try:
        if row.error is None and not cells["id"]:
            raise TableError(f"{path.name}, line {row.line}: the cell under 'id' is empty.", "Fill it in.", "bad_id")
        return table_entry(path, row)
    except TableError as error:
        return BadEntry(cells["id"], error, _extra(cells))


def _extra(row: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in row.items() if name != "id" and name not in _MEASURED}


def table_entry(path: Path, source: TextRow, *, needed: bool = True) -> IndexEntry:
    """The affinity of one row of ``read_rows``.

    Args:
        path: The table's file, for messages.
        source: The row.
        needed: Whether it must have one; the pK is NaN where it has none and needs none.

    Raises:
        TableError: The row's own ``error``; it has no affinity (``no_affinity``), or one that cannot be read
            (``bad_affinity``, ``bad_unit``).
    """
    if source.error is not None:
        raise source.error
    row = _measured(source.cells)
    where = f"{path.name}, line {source.line}"
    sign, measure = row.get("relation") or "", row.get("measure") or "K"
    said = _flipped(where, sign)
    found: dict[str, Affinity] = {}
    if row.get("pk"):
        found["pk"] = Affinity(_number(where, row, "pk", "6.40"), said, measure)
    if row.get("affinity"):
        text = row["affinity"]
        affinity = _parse_cell(path, source.line, text, bare=True)
        if affinity.relation == "=":
            affinity = Affinity(affinity.pk, said, affinity.measure)
        elif sign and said != affinity.relation:
            raise TableError(
                f"{where}: the affinity {text!r} and the relation {sign!r} contradict each other.",
                "Leave the column relation empty where the affinity has a sign.",
                "bad_affinity",
            )
        found["affinity"] = Affinity(affinity.pk, affinity.relation, row.get("measure") or affinity.measure)
    if row.get("dg_kcal_mol"):
        found["dg_kcal_mol"] = Affinity(pk_from_dg(_number(where, row, "dg_kcal_mol", "-8.7")), said, measure)
    if not found:
        if not needed:
            return IndexEntry(row["id"], Affinity(math.nan, said, measure), _extra(row))
        raise TableError(
            f"{where}: {row['id']!r} has no affinity.",
            f"Columns found: {', '.join(row)}; one of {', '.join(AFFINITY_COLUMNS)} is needed.",
            "no_affinity",
        )
    values = [affinity.pk for affinity in found.values()]
    if max(values) - min(values) > _CONTRADICTION:
        listed = " and ".join(f"{name} {row[name]} (pK {affinity.pk:.2f})" for name, affinity in found.items())
        raise TableError(f"{where}: {listed} contradict each other.", "Correct one of them.", "bad_affinity")
    first = next(iter(found.values()))
    if "affinity" in found:  # the text says more of the measurement than a logarithm does
        first = Affinity(first.pk, found["affinity"].relation, found["affinity"].measure)
    _check_range(where, row["id"], first.pk)
    return IndexEntry(row["id"], first, _extra(row))


def _check_range(where: str, name: str, pk: float) -> None:
    """Refuse a pK that was never measured.

    Raises:
        TableError: ``bad_affinity``.
    """
    lowest, highest = MEASURED_PK
    if not lowest <= pk <= highest:
        raise TableError(
            f"{where}: the pK of {name!r} would be {pk:.4g}.",
            f"pK is -log10(K / M), {lowest:g} to {highest:g}; concentrations need a unit (12 nM), and a free "
            "energy of binding is negative.",
            "bad_affinity",
        )


def _flipped(where: str, sign: str) -> str:
    """The sign of a measured constant as one of its pK."""
    try:
        return parse_affinity(f"K{sign or '='}1M").relation
    except UsageError:
        raise TableError(
            f"{where}: the relation {sign!r} is not known.", "Use = ~ < > <= or >=.", "bad_affinity"
        ) from None


def _number(where: str, row: dict[str, str], column: str, example: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        hint = f"Write it as {example}." + (f" {DECIMAL_HINT}" if "," in row[column] else "")
        raise TableError(f"{where}: {column} {row[column]!r} is not a number.", hint, "bad_affinity")
    return value


def _parse_cell(path: Path, line: int, text: str, *, bare: bool = False) -> Affinity:
    """The affinity in a cell; where it is ``bare``, it may name no measure."""
    amount = _BARE_AMOUNT.match(text) if bare else None
    written = text if amount is None else f"K{'' if amount[1] else '='}{text.strip()}"
    try:
        return parse_affinity(written)
    except UsageError as error:
        hint = f"{error.hint} {DECIMAL_HINT}" if "," in text else error.hint
        message = error.message.replace(repr(written), repr(text))
        raise TableError(f"{path.name}, line {line}: {message}", hint, error.code) from error

"""Tables that hold a library in a column: mol blocks or SMILES, in CSV or Parquet, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from binding.errors import BindingError, FileError, TableError, reason_of
from binding.io.files import split_suffix
from binding.io.names import one_line
from binding.io.records import text_lines
from binding.io.rows import Header, cells_of, find_header, is_closed, rows_below
from binding.io.spreadsheet import SPREADSHEET, read_spreadsheet
from binding.screening.records import RecordKind

TABLE_SUFFIXES: Final = (".csv", ".tsv", SPREADSHEET, ".parquet")
_KINDS: Final = {
    "molblock": RecordKind.POSE,
    "mol_block": RecordKind.POSE,
    "smiles": RecordKind.SMILES,
    "canonical_smiles": RecordKind.SMILES,
    "isomeric_smiles": RecordKind.SMILES,
}
_NAMES: Final = ("id", "name", "title", "ligand", "ligand_id", "compound", "compound_id")
_RECEPTORS: Final = ("protein", "receptor")
_BLOCK_BYTES: Final = 8 << 20  # of CSV, read at a time; one mol block is some kB
_BATCH_ROWS: Final = 1024  # of Parquet


@dataclass(frozen=True)
class Table:
    """A table with a library.

    Attributes:
        path: The file.
        kind: Kind of the column's content.
        column: Column of mol blocks or SMILES.
        name_column: Column of names; None where there is none.
        header: Header of a text file; None for Parquet.
    """

    path: Path
    kind: RecordKind
    column: str
    name_column: str | None
    header: Header | None = None

    def rows(self) -> Iterator[tuple[str, str | BindingError]]:
        """Name (empty where there is none) and text of each row, in order; for a row that does not fit, the reason.

        Raises:
            FileError: ``unreadable``, after the rows before the damage.
        """
        columns = [self.column] if self.name_column is None else [self.column, self.name_column]
        torn = _Torn(self)
        try:
            for batch in self._batches(columns, torn):
                texts = batch.column(self.column).to_pylist()
                names = [None] * len(texts) if self.name_column is None else batch.column(self.name_column).to_pylist()
                for name, text in zip(names, texts, strict=True):
                    yield from torn.next_ones()
                    torn.passed += 1
                    yield _title(name), _block(text)
            yield from torn.next_ones()
        except (pa.ArrowException, OSError) as error:
            reason = reason_of(error)
            raise FileError(f"{self.path} cannot be read on: {reason}.", "Mend that row.", "unreadable") from None

    def _batches(self, columns: list[str], torn: _Torn) -> Iterator[pa.RecordBatch]:
        if self.header is None:
            with pq.ParquetFile(self.path) as file:
                yield from file.iter_batches(batch_size=_BATCH_ROWS, columns=columns)
            return
        if split_suffix(self.path)[1] == SPREADSHEET:
            rows = rows_below(self.path, read_spreadsheet(self.path), self.header)
            yield pa.RecordBatch.from_pydict({name: [row.cells[name] for row in rows] for name in columns})
            return
        reader = pa_csv.open_csv(
            self.path,
            read_options=pa_csv.ReadOptions(
                block_size=_BLOCK_BYTES,
                use_threads=False,
                column_names=list(self.header.names),
                skip_rows=self.header.lines,
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self.header.separator, newlines_in_values=True, invalid_row_handler=torn.meet
            ),
            convert_options=pa_csv.ConvertOptions(
                include_columns=columns,
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=False,
            ),
        )
        with reader:
            yield from reader


class _Torn:
    """Rows of too few or too many cells, which Arrow reports before it hands out the rows around them."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._found: dict[int, tuple[str, BindingError]] = {}  # by their place among all rows, from 0
        self.passed = 0  # rows handed out

    def meet(self, row: pa_csv.InvalidRow) -> str:
        """Keeps a row for its place; where a quote was left open, nobody knows how many rows it swallowed."""
        table, header = self._table, self._table.header
        assert header is not None
        if not is_closed(row.text.splitlines(keepends=True), header.separator):
            return "error"
        place = row.number - header.lines - 1
        cells = dict(zip(header.names, cells_of(row.text, header.separator), strict=False))
        error = TableError(
            f"{table.path.name}, row {place + 1}: {row.actual_columns} cells for {row.expected_columns} columns.",
            f"Columns: {', '.join(header.names)}; put a cell that holds a {header.separator!r} in double quotes.",
            "bad_row",
        )
        self._found[place] = _title(cells.get(table.name_column or "")), error
        return "skip"

    def next_ones(self) -> Iterator[tuple[str, BindingError]]:
        """The rows that come before the next good one."""
        while self.passed in self._found:
            yield self._found.pop(self.passed)
            self.passed += 1


def open_table(path: Path) -> Table | None:
    """The library in a table, found by its columns; None for pairs of protein and ligand.

    Raises:
        FileError: It cannot be read.
        TableError: It has none of the columns that are understood.
    """
    suffix = split_suffix(path)[1]
    lines = read_spreadsheet(path).splitlines() if suffix == SPREADSHEET else text_lines(path)
    header = None if suffix == ".parquet" else find_header(lines, _KINDS)
    names = _parquet_columns(path) if header is None else list(header.names)
    lower = {name.strip().lower(): name for name in reversed(names)}
    for wanted, kind in _KINDS.items():
        if wanted in lower:
            name = next((lower[column] for column in _NAMES if column in lower), None)
            return Table(path, kind, lower[wanted], name, header)
    if "ligand" in lower and any(name in lower for name in _RECEPTORS):
        return None
    raise TableError(
        f"{path.name} has no column of ligands that is understood.",
        f"Columns found: {', '.join(names)}; needed: molblock, or smiles, or protein and ligand.",
    )


def _parquet_columns(path: Path) -> list[str]:
    try:
        return pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        reason = reason_of(error)
        raise FileError(f"{path} is no Parquet file: {reason}.", "Check the file.", "wrong_format") from None


def _title(name: object) -> str:
    return "" if name is None else one_line(str(name))


def _block(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n")

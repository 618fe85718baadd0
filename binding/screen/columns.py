"""Tables that hold a library in a column: mol blocks or SMILES, in CSV or Parquet, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from binding.errors import FileError, TableError
from binding.io.files import split_suffix
from binding.io.records import text_lines
from binding.screen.records import Kind

TABLE_SUFFIXES: Final = (".csv", ".tsv", ".parquet")
_KINDS: Final = {
    "molblock": Kind.POSE,
    "mol_block": Kind.POSE,
    "smiles": Kind.SMILES,
    "canonical_smiles": Kind.SMILES,
    "isomeric_smiles": Kind.SMILES,
}
_NAMES: Final = ("id", "name", "title", "ligand", "ligand_id", "compound", "compound_id")
_RECEPTORS: Final = ("protein", "receptor")
_SEPARATORS: Final = (",", "\t", ";", "|")
_BLOCK_BYTES: Final = 8 << 20  # of CSV, read at a time; one mol block is some kB
_BATCH_ROWS: Final = 1024  # of Parquet


@dataclass(frozen=True)
class Table:
    """A table with a library.

    Attributes:
        path: The file.
        kind: What the column holds.
        column: Of mol blocks or SMILES.
        name_column: Of names; None where there is none.
        separator: Of CSV.
    """

    path: Path
    kind: Kind
    column: str
    name_column: str | None
    separator: str = ","

    def rows(self) -> Iterator[tuple[str, str]]:
        """Name (empty where there is none) and text of each row, in order.

        Raises:
            FileError: ``unreadable``, after the rows before the damage.
        """
        columns = [self.column] if self.name_column is None else [self.column, self.name_column]
        try:
            for batch in self._batches(columns):
                texts = batch.column(self.column).to_pylist()
                names = [None] * len(texts) if self.name_column is None else batch.column(self.name_column).to_pylist()
                for name, text in zip(names, texts, strict=True):
                    yield " ".join(str(name).split()) if name is not None else "", _block(text)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise FileError(f"{self.path} cannot be read on: {reason}.", "Mend that row.", "unreadable") from None

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        if split_suffix(self.path)[1] == ".parquet":
            with pq.ParquetFile(self.path) as file:
                yield from file.iter_batches(batch_size=_BATCH_ROWS, columns=columns)
            return
        reader = pa_csv.open_csv(
            self.path,
            read_options=pa_csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
            parse_options=pa_csv.ParseOptions(delimiter=self.separator, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                include_columns=columns,
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=False,
            ),
        )
        with reader:
            yield from reader


def open_table(path: Path) -> Table | None:
    """What a table's columns say; None for pairs of protein and ligand.

    Raises:
        FileError: It cannot be read.
        TableError: It has none of the columns that are understood.
    """
    header, separator = _header(path)
    lower = {name.strip().lower(): name for name in reversed(header)}
    for wanted, kind in _KINDS.items():
        if wanted in lower:
            name = next((lower[column] for column in _NAMES if column in lower), None)
            return Table(path, kind, lower[wanted], name, separator)
    if "ligand" in lower and any(name in lower for name in _RECEPTORS):
        return None
    raise TableError(
        f"{path.name} has no column of ligands that is understood.",
        f"Columns found: {', '.join(header)}; needed: molblock, or smiles, or protein and ligand.",
    )


def _header(path: Path) -> tuple[list[str], str]:
    """Column names and separator."""
    if split_suffix(path)[1] == ".parquet":
        try:
            return pq.read_schema(path).names, ""
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise FileError(f"{path} is no Parquet file: {reason}.", "Check the file.", "wrong_format") from None
    line = next(text_lines(path)).removeprefix("\ufeff")
    separator = max(_SEPARATORS, key=line.count)
    return [cell.strip().strip('"') for cell in line.split(separator)], separator


def _block(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n")

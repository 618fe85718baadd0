"""Tables of predictions, as ``binding predict`` or any other program wrote them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

from binding.errors import BindingError, FileError, reason_of
from binding.io.files import read_bytes, split_suffix
from binding.io.rows import Header, find_header, read_text, rows_below

if TYPE_CHECKING:
    import pandas as pd

_TEXT_TABLES: Final = (".csv", ".tsv", ".txt", ".xlsx")
_FORMATS: Final = (*_TEXT_TABLES, ".jsonl", ".parquet")
_AS_TEXT: Final = {"id": str, "ligand": str}  # 1e66 is a PDB code, not a number


def read_predictions(path: str | Path) -> pd.DataFrame:
    """A table of predictions by ``id``.

    Args:
        path: ``.csv``, ``.tsv``, ``.txt`` or ``.xlsx`` (separator and decimal commas as for
            ``binding.io.rows.read_rows``), ``.jsonl`` or ``.parquet``; text may be gzipped.

    Returns:
        Its rows; one that does not fit the header has only its ``id``.

    Raises:
        FileError: Missing, empty, or no such table.
        TableError: A column is there twice, or there is no row.
    """
    path = Path(path)
    suffix = split_suffix(path)[1]
    if suffix not in _FORMATS:
        raise FileError(
            f"{path.name} is not a table of predictions.", f"Use one of {', '.join(_FORMATS)}.", "wrong_format"
        )
    try:
        return _read(path, suffix)
    except BindingError:
        raise
    except Exception as error:
        reason = reason_of(error)
        raise FileError(f"{path} cannot be read as a table: {reason}.", "Write it again.", "wrong_format") from error


def _read(path: Path, suffix: str) -> pd.DataFrame:
    import pandas as pd

    if suffix == ".parquet":
        return pd.read_parquet(io.BytesIO(read_bytes(path)))
    text = read_text(path)
    if suffix == ".jsonl":
        return pd.read_json(io.StringIO(text), lines=True, dtype=_AS_TEXT)
    header = find_header(io.StringIO(text))
    text = text if _is_plain(text, header) else _plain(path, text, header)
    return pd.read_csv(io.StringIO(text), dtype=_AS_TEXT, skipinitialspace=True)


def holds_predictions(path: str | Path) -> bool:
    """Whether a path holds predictions already, and not complexes that have to be scored first.

    A table with the columns ``protein`` and ``ligand`` but no ``status`` is a table of pairs.

    Raises:
        FileError: It should be a table and cannot be read.
    """
    path = Path(path)
    suffix = split_suffix(path)[1]
    if path.is_dir() or suffix not in _FORMATS:
        return False
    if suffix not in _TEXT_TABLES:
        return True
    names = {name.lower() for name in find_header(io.StringIO(read_text(path))).names}
    return "status" in names or not names & {"protein", "receptor"} or "ligand" not in names


def _is_plain(text: str, header: Header) -> bool:
    """Whether a table is as pandas takes it, who would fill short rows up without a word."""
    if header.separator != "," or header.declared:
        return False
    try:
        lengths = {len(cells) for cells in csv.reader(io.StringIO(text), skipinitialspace=True)}
    except csv.Error:
        return False
    return lengths <= {0, len(header.names)}


def _plain(path: Path, text: str, header: Header) -> str:
    """The same table with commas between the cells and points in the numbers; of a row that does not fit, its id alone.

    Such a row then counts among the failed ones.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    rows = rows_below(path, text, header)
    writer.writerow(rows[0].cells)
    for row in rows:
        writer.writerow(cell if row.error is None or name == "id" else "" for name, cell in row.cells.items())
    return stream.getvalue()

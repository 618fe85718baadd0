"""Tables of predictions, as ``binding predict`` or any other program wrote them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

from binding.errors import FileError
from binding.io.files import read_bytes, split_suffix

if TYPE_CHECKING:
    import pandas as pd

_TEXT_TABLES: Final = (".csv", ".tsv", ".txt")
_FORMATS: Final = (*_TEXT_TABLES, ".jsonl", ".parquet")
_SEPARATORS: Final = ",\t;|"
_AS_TEXT: Final = {"id": str, "ligand": str}  # 1e66 is a PDB code, not a number


def read_predictions(path: str | Path) -> pd.DataFrame:
    """A table of predictions by ``id``.

    Args:
        path: ``.csv``, ``.tsv`` or ``.txt`` (the separator is told from the header), ``.jsonl`` or
            ``.parquet``; text may be gzipped.

    Raises:
        FileError: Missing, empty, or no such table.
    """
    import pandas as pd

    path = Path(path)
    suffix = split_suffix(path)[1]
    if suffix not in _FORMATS:
        raise FileError(
            f"{path.name} is no table of predictions.", f"Use one of {', '.join(_FORMATS)}.", "wrong_format"
        )
    data = read_bytes(path)
    try:
        if suffix == ".parquet":
            return pd.read_parquet(io.BytesIO(data))
        text = data.decode("utf-8-sig")
        if suffix == ".jsonl":
            return pd.read_json(io.StringIO(text), lines=True, dtype=_AS_TEXT)
        return pd.read_csv(io.StringIO(text), sep=_separator(text), dtype=_AS_TEXT)
    except (ValueError, UnicodeDecodeError) as error:  # what pandas and pyarrow raise for damaged tables
        reason = str(error).splitlines()[0]
        raise FileError(f"{path} cannot be read as a table: {reason}", "Write it again.", "wrong_format") from error


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
    header = read_bytes(path).decode("utf-8-sig", errors="replace").split("\n", 1)[0]
    columns = {name.strip().strip('"').lower() for name in header.split(_separator(header))}
    return "status" in columns or not columns & {"protein", "receptor"} or "ligand" not in columns


def _separator(text: str) -> str:
    header = text.split("\n", 1)[0]
    return max(_SEPARATORS, key=header.count)

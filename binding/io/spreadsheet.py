"""Spreadsheets (``.xlsx``) as text tables and back; openpyxl is an extra, ``binding[xlsx]``."""

from __future__ import annotations

import csv
import io
import zipfile
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from binding.errors import FileError, UsageError
from binding.io.files import MOST_BYTES, open_error, too_long

if TYPE_CHECKING:
    import pandas as pd

SPREADSHEET: Final = ".xlsx"


def require_spreadsheets() -> None:
    """Check that spreadsheets can be read and written, before anything is computed.

    Raises:
        UsageError: ``missing_extra``.
    """
    if find_spec("openpyxl") is None:
        raise UsageError(
            "Spreadsheets need openpyxl.", "Install with pip install 'binding[xlsx]', or use CSV.", "missing_extra"
        )


def read_spreadsheet(path: Path) -> str:
    """The first sheet as CSV: values, not formulas, whole numbers without a decimal point.

    Raises:
        FileError: Missing, empty or no spreadsheet.
        UsageError: ``missing_extra``.
    """
    require_spreadsheets()
    from openpyxl import load_workbook

    _check_size(path)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    try:
        with closing(load_workbook(path, read_only=True, data_only=True)) as book:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # some programs write wrong ones
            for row in sheet.iter_rows(values_only=True):
                writer.writerow(map(_text, row))
                if stream.tell() > MOST_BYTES:
                    raise too_long(path, f"a table of more than {MOST_BYTES >> 20} MB")
    except FileError:
        raise
    except OSError as error:
        raise open_error(path, error) from None
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever the parser of the damaged part raises
        raise FileError(f"{path} cannot be read as a spreadsheet: {error}.", "Save it again.", "wrong_format") from None
    text = stream.getvalue()
    if not text.strip(', \n"'):
        raise FileError(f"{path} is empty.", "Its first sheet has to hold the table.", "empty_file")
    return text


def _check_size(path: Path) -> None:
    """Refuse a spreadsheet whose parts, each read as a whole, would fill the memory; a damaged one is told later."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (OSError, zipfile.BadZipFile, NotImplementedError):  # the last one of a version that nobody has
        return
    if size > MOST_BYTES:
        raise too_long(path, f"more than {MOST_BYTES >> 20} MB")


def write_spreadsheet(frame: pd.DataFrame, file: Path | IO[bytes]) -> None:
    """Writes a table as the only sheet; missing values are empty cells.

    Raises:
        UsageError: ``missing_extra``.
    """
    require_spreadsheets()
    import pandas as pd

    with pd.ExcelWriter(file, engine="openpyxl") as writer:
        frame.to_excel(writer, index=False, sheet_name="binding", freeze_panes=(1, 0))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)

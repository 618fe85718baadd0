"""Groups of rows that are held out together, and the fold that each group falls into."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def fold_of(value: str, folds: int) -> int:
    """The fold of a group: a hash of its name, so that it never depends on what else is in the data."""
    return zlib.crc32(value.encode()) % folds


def group_name(value: object) -> str:
    """The name of a group, the same in every table: a column with blanks holds whole numbers as 1.0, others as 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def groups_of(table: pd.DataFrame, column: str) -> pd.Series:
    """The group of each row.

    Where the column is blank, rows on one receptor (column ``protein``) stay together: they take the value of its
    other rows if these agree on one, and otherwise the receptor's name, which is also the ``id`` of its own crystal
    complex. Without a receptor a row is a group of its own.

    Args:
        table: With ``id``, its columns typed as a cache's are; a blank is NaN.
        column: May be absent.
    """
    import pandas as pd  # half of the start-up of a process that reads ligands, which needs none

    known = table[column] if column in table.columns else pd.Series(index=table.index, dtype=object)
    own = table["id"].astype(str)
    if "protein" in table.columns:
        of_receptor = known.groupby(table["protein"])
        known = known.where(known.notna() | (of_receptor.transform("nunique") != 1), of_receptor.transform("first"))
        own = own.where(table["protein"].isna(), table["protein"].map(group_name))
    return known.astype(object).map(group_name, na_action="ignore").where(known.notna(), "row " + own)

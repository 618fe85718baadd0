"""Tables that predictions are judged by: measured affinities, labels of actives, RMSDs of poses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from binding.errors import TableError
from binding.io.index import DUPLICATE_HINT, IndexEntry, is_pdbbind_index, read_index, table_entry
from binding.io.rows import read_rows, refuse_duplicates

if TYPE_CHECKING:
    import pandas as pd


def read_truth(
    path: str | Path, columns: Sequence[str] = (), *, affinities: bool = True, id_column: str = "id"
) -> list[IndexEntry]:
    """Reads what ``binding evaluate`` compares with.

    Args:
        path: As ``read_index`` takes it.
        columns: Others that have to be there; they are in ``IndexEntry.extra``.
        affinities: Whether each row needs one. If not, a row without has the pK NaN: an inactive compound
            or a docked pose may have none.
        id_column: Column of a table that is taken for ``id``.

    Raises:
        FileError: The file is missing, empty or not text.
        TableError: A column is missing, an id occurs twice, or an affinity is missing or cannot be read.
    """
    path = Path(path)
    if affinities or is_pdbbind_index(path):
        entries = read_index(path, id_column)
    else:
        rows = read_rows(path, required=("id",), id_column=id_column)
        entries = [table_entry(path, row, needed=False) for row in rows]
        refuse_duplicates(path, ((row.line, row.cells["id"]) for row in rows), DUPLICATE_HINT)
    for name in columns:
        if name not in entries[0].extra:
            found = ", ".join(entries[0].extra) or "none besides id and affinity"
            raise TableError(f"{path.name} has no column {name!r}.", f"Columns found: {found}.")
    return entries


def truth_frame(entries: Sequence[IndexEntry]) -> pd.DataFrame:
    """One row an entry, by ``id``: ``pk``, ``relation`` (on the pK) and the other columns as text.

    Raises:
        TableError: An id occurs twice.
    """
    import pandas as pd

    rows = [{**e.extra, "id": e.id, "pk": e.affinity.pk, "relation": e.affinity.relation} for e in entries]
    table = pd.DataFrame(rows).set_index("id")
    twice = table.index[table.index.duplicated()]
    if len(twice):
        raise TableError(f"The truth has the id {twice[0]!r} more than once.", "Give each row an id of its own.")
    return table

"""Decimal commas: numbers as spreadsheets write them where a comma stands before the fraction.

A comma may also group thousands. It is read as a point only where the cells leave no other reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

HINT: Final = (
    "Write decimals with a point; a decimal comma is read where semicolons or tabs separate the columns, unless the "
    "column also has decimal points, or its commas could all group thousands (6,500)."
)
_TEXT: Final = frozenset(("id", "protein", "ligand", "pocket", "smiles"))  # a comma there belongs to a name or a list
_NUMBERS: Final = frozenset(("pk", "dg_kcal_mol"))  # in any company; never in the thousands
_AMOUNTS: Final = frozenset(("affinity",))  # a number within text: Ki=12,5 nM
_NUMBER: Final = re.compile(r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?")
_COMMA: Final = re.compile(r"(?<![\d.,])(\d*),(\d+)(?![\d.,])")
_POINT: Final = re.compile(r"(?<![\d.,])\d*\.\d+(?![\d.,])")
_THOUSANDS: Final = re.compile(r"[1-9]\d{0,2},\d{3}")


def with_points(columns: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The columns whose commas are certainly decimal, with points in their place.

    Args:
        columns: Text by column name, of a table whose columns are not separated by commas. A column counts that
            is one of numbers throughout (empty cells aside), or that holds affinities by its name.

    Returns:
        Only the columns that differ. None does where each comma of the table could group thousands.
    """
    found = {name: cells for name, cells in columns.items() if name.lower() not in _TEXT and _has_commas(name, cells)}
    commas = (match.group() for cells in found.values() for cell in cells for match in _COMMA.finditer(cell))
    sure = any(name.lower() in _NUMBERS for name in found) or not all(map(_THOUSANDS.fullmatch, commas))
    return {name: [_pointed(name, cell) for cell in cells] for name, cells in found.items()} if sure else {}


def _has_commas(name: str, cells: Sequence[str]) -> bool:
    """Whether a column of numbers has decimal commas, and no decimal point beside them."""
    filled = [cell for cell in cells if cell]
    if name.lower() in _AMOUNTS:
        return any(map(_COMMA.search, filled)) and not any(map(_POINT.search, filled))
    numbers = [cell for cell in filled if _NUMBER.fullmatch(cell)]
    if len(numbers) < len(filled) and name.lower() not in _NUMBERS:
        return False
    return any("," in cell for cell in numbers) and not any("." in cell for cell in numbers)


def _pointed(name: str, cell: str) -> str:
    if name.lower() not in _AMOUNTS and not _NUMBER.fullmatch(cell):
        return cell
    return _COMMA.sub(r"\1.\2", cell)

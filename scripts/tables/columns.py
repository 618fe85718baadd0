"""Reference tables of the output columns, from their one list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from binding.io.columns import CHECK_COLUMNS, HIT_PROPERTIES, PREDICTION, SCREEN_OWN, ColumnKind, OutputColumn
from scripts.tables.common import table


def columns(chosen: Sequence[OutputColumn]) -> Callable[[], str]:
    """Name, type, unit and meaning of some columns."""

    def block() -> str:
        rows = [
            (f"`{c.name}`", ColumnKind.INTEGER if c.kind is ColumnKind.PLACE else c.kind, c.unit, c.text)
            for c in chosen
        ]
        return table(("column", "type", "unit", "meaning"), rows)

    return block


BLOCKS: dict[str, Callable[[], str]] = {
    "columns_predict": columns(PREDICTION),
    "columns_checks": columns(CHECK_COLUMNS),
    "columns_screen": columns(SCREEN_OWN),
    "columns_hits": columns(HIT_PROPERTIES),
}

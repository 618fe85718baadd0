"""Names that files give to records and compounds."""

from __future__ import annotations

_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])


def one_line(name: str) -> str:
    """A name as one line without control characters, which would recolour a terminal or end a row of a table."""
    name = " ".join(name.split())
    return name if name.isprintable() else name.translate(_CONTROLS)

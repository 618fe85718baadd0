"""What a prefilter left out of a run, which has rows of its own; light, since `binding top` asks for it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

#: All records of the library with their ranks without poses, and the same of those that are left out, for people.
TABLE: Final = "prefilter.parquet"
LEFT_OUT_CSV: Final = "left_out.csv"
META: Final = b"binding_prefilter"
#: ``status`` of a record: it is posed, it is left out, or it goes on since it cannot be ranked, as a broken SMILES.
CHOSEN, LEFT_OUT, NOT_RANKED = "chosen", "left_out", "not_ranked"


def about_ranking(run: Path) -> dict[str, Any] | None:
    """What the table of a ranking says of itself; None where there is none that can be read."""
    with suppress(OSError, pa.ArrowException, KeyError, ValueError):
        return dict(json.loads((pq.read_schema(run / TABLE).metadata or {})[META]))
    return None


def left_out_of(run: Path) -> int:
    """How many records of a run were left out by its prefilter; 0 without one."""
    return int((about_ranking(run) or {}).get("left_out", 0))


def names_left_out(run: Path) -> pa.Table:
    """The column ``compound`` of the records that were left out; no row without a prefilter."""
    if not left_out_of(run):
        return pa.table({"compound": pa.array([], pa.string())})
    return pq.read_table(run / TABLE, columns=["compound"], filters=[("status", "=", LEFT_OUT)])

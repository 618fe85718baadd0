"""The table of a part is what Arrow makes of the same rows, made without pandas."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from binding.screening import parts

SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        ("title", pa.string()),
        ("pk", pa.float32()),
        ("atoms", pa.int32()),
        ("clashes", pa.bool_()),
    ]
)
ROWS = [
    {"row": 0, "title": "Ångström", "pk": 6.123456789, "atoms": 21, "clashes": True},
    {"row": 2**40, "title": "", "pk": float("inf"), "atoms": -1, "clashes": False, "not asked for": 3},
    {"row": 2, "pk": np.float32(0.1), "clashes": None},
    {"row": 3, "title": "last", "atoms": 0},
]


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS * 5, []], ids=["with gaps", "one", "many", "none"])
def test_a_table_is_what_arrow_makes_of_the_rows(rows):
    made = parts.part_table(rows, SCHEMA)
    made.validate(full=True)
    assert made.equals(pa.Table.from_pylist(rows, schema=SCHEMA))


def test_texts_beyond_what_one_array_holds_are_several(monkeypatch):
    monkeypatch.setattr(parts, "_MOST_LETTERS", 3)
    assert parts.part_table(ROWS, SCHEMA).equals(pa.Table.from_pylist(ROWS, schema=SCHEMA))


def test_numbers_that_have_no_room_are_refused():
    with pytest.raises(OverflowError):
        parts.part_table([{"row": 0, "atoms": 2**31}], SCHEMA)


def test_a_table_needs_no_pandas():
    program = (
        "import sys\nfrom binding.screening.parts import SCHEMA, count_scored, part_table\n"
        "table = part_table([{'row': 0, 'status': 'ok', 'pk': 6.0}, {'row': 1, 'status': 'failed'}], SCHEMA)\n"
        "print(count_scored(table), 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["1", "False"]

"""Rows by rank through files: nothing lost, nothing twice, in order, whatever fits into memory."""

from __future__ import annotations

import csv

import numpy as np
import pyarrow.parquet as pq
import pytest
from made_screen import failed_row, write_parts

from binding.screening import deal, store
from binding.screening.parts import part_path
from binding.screening.store import finalise


@pytest.fixture
def many(made_run, tmp_path):
    """400 records: two poses of most compounds, every seventh record failed, many equal pk."""
    generator = np.random.default_rng(5)
    rows = []
    for n in range(400):
        if n % 7 == 3:
            rows.append(failed_row(n, f"bad {n}", made_run.library, n, "bad_record", "No."))
        else:
            pk = float(generator.integers(40, 60)) / 8
            rows.append(made_run.rows[0] | {"row": n, "record": n, "compound": f"c{n // 2}", "pk": pk})
    run = tmp_path / "many"
    write_parts(run, rows, size=37)
    return run, rows


def expected(rows):
    best = {}
    for row in rows:
        if row["status"] == "ok" and (row["compound"] not in best or row["pk"] > best[row["compound"]]["pk"]):
            best[row["compound"]] = row
    return [row["row"] for row in sorted(best.values(), key=lambda row: (-row["pk"], row["row"]))]


@pytest.mark.parametrize(("pile", "held"), [(100_000, 64 << 20), (16, 3000), (1, 1), (64, 1 << 20)])
def test_best_rows_by_rank(many, monkeypatch, pile, held):
    run, rows = many
    monkeypatch.setattr(deal, "_PILE", pile)
    monkeypatch.setattr(deal, "_HELD", held)
    monkeypatch.setattr(store, "_BATCH", 50)
    finalise(run, top=0)
    table = pq.read_table(run / "results.parquet")
    assert table["rank"].to_pylist() == list(range(1, len(table) + 1))
    assert table["record"].to_pylist() == expected(rows)
    with (run / "results.csv").open(newline="") as stream:
        assert [int(row["record"]) for row in csv.DictReader(stream)] == expected(rows)
    assert not (run / "sorting").exists()


def test_parts_that_are_not_those_that_were_ranked_are_no_silent_mix(many, monkeypatch):
    run, _ = many
    ranked = store.write_ranked

    def meanwhile(best, total, parts, writer, scratch):
        part_path(run, 2).unlink()
        ranked(best, total, [path for path in parts if path.exists()], writer, scratch)

    monkeypatch.setattr(store, "write_ranked", meanwhile)
    with pytest.raises(ValueError, match="does not hold the rows"):
        finalise(run, top=0)
    assert {path.name for path in run.iterdir()} == {"parts"}

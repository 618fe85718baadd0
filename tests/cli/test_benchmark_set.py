"""All of CASF-2016 through the command: reading, pockets and graphs by workers, rows in order."""

import pandas as pd
import pytest


@pytest.mark.slow
def test_every_complex_of_the_benchmark_is_a_scored_row(binding_, shared_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = binding_("predict", shared_data / "casf2016", "-o", "out.csv")
    assert result.exit_code == 0, result.stderr
    rows = pd.read_csv("out.csv", dtype={"id": str})
    truth = pd.read_csv(shared_data / "casf2016" / "index.csv", dtype={"id": str})
    assert len(rows) == 285
    assert sorted(rows["id"]) == sorted(truth["id"])
    assert (rows["status"] == "ok").all()
    assert rows["id"].is_monotonic_increasing

"""The benchmark of training runs where there is a cache, and its line through the times is the line."""

from __future__ import annotations

from binding.config import SourceConfig
from binding.data.dataset import ComplexDataset
from scripts.bench import train as bench


def test_every_complex_is_timed(cache, prepared):
    data = ComplexDataset([cache], [SourceConfig(cache=prepared.path)], [[0, 1, 4, 5, 6]])
    found = bench.timed(data, batch_size=2, device="cpu", threads=1, precision="fp32", repeats=1)
    assert found["complexes"] == 5
    assert found["per_second"] > 0
    # On one thread no complex takes more CPU time than time on the clock.
    assert 0 < found["cpu_ms_each"] <= 1.05 * 1000 / found["per_second"]


def test_the_line_is_that_of_the_last_epochs():
    runs = [
        {
            "complexes": size,
            "epochs": [
                {"seconds": 99.0, "cpu_seconds": 99.0},
                {"seconds": 1.0 + 0.02 * size, "cpu_seconds": 0.01 * size},
            ],
        }
        for size in (1000, 2000, 4000, 8000)
    ]
    found = bench.fit(runs)
    assert found["seconds"] == {"ms_a_complex": 20.0, "offset_s": 1.0, "r2": 1.0}
    assert found["cpu_seconds"]["ms_a_complex"] == 10.0

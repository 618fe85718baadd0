"""Notebooks run from top to bottom, in order, in their own folder. Their outputs are not stored: those go stale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import binding.model.weights as checkpoint

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def code_cells(path: Path) -> list[dict]:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["nbformat"] == 4
    return [cell for cell in content["cells"] if cell["cell_type"] == "code"]


def run(path: Path) -> dict:
    """The names that the notebook leaves behind."""
    names: dict = {"__name__": "__main__"}
    for number, cell in enumerate(code_cells(path), start=1):
        exec(compile("".join(cell["source"]), f"{path.name}, code cell {number}", "exec"), names)
    return names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_not_stored(path):
    cells = code_cells(path)
    assert cells
    assert [cell["outputs"] for cell in cells] == [[]] * len(cells)


@pytest.mark.skipif(not checkpoint.available_models(), reason="no weights are shipped with this tree")
def test_first_steps(monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    plt.switch_backend("Agg")
    monkeypatch.chdir(FOLDER)
    try:
        names = run(FOLDER / "first_steps.ipynb")
        drawn = sum(len(container[0].get_xdata()) for container in names["ax"].containers)
    finally:
        plt.close("all")
    rows, moved = names["rows"], names["moved"]
    assert len(rows) == drawn == 13
    assert (rows["status"] == "ok").all()
    assert moved["status"].tolist() == ["ok", "failed"]
    assert moved["error_code"].tolist() == ["", "no_contact"]
    assert moved["pk"].isna().tolist() == [False, True]

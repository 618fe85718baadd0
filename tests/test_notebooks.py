"""Notebooks run from top to bottom in their own folder; what they keep is what their code gave."""

from __future__ import annotations

import json
import re

import pytest

import binding.model.weights as checkpoint
from scripts.release.notebooks import FOLDER, code_cells, digest, run

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [path.name for path in NOTEBOOKS]


def content_of(name: str) -> dict:
    content = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert content["nbformat"] == 4
    return content


@pytest.fixture
def left_by(monkeypatch):
    """Runs a notebook; the names it leaves behind, and its content with fresh outputs."""
    plt = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    plt.switch_backend("Agg")
    monkeypatch.chdir(FOLDER)
    if not checkpoint.available_models():
        pytest.skip("no weights are shipped with this tree")

    def found(name: str) -> tuple[dict, dict]:
        content = content_of(name)
        return run(content, name), content

    yield found
    plt.close("all")


def test_there_are_six():
    assert [name[:2] for name in NAMES] == ["01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_kept_and_belong_to_the_code(name):
    """Remake them with: python -m scripts.release.notebooks."""
    content = content_of(name)
    assert content["metadata"].get("code") == digest(content), "the code has changed since it was run"
    kept = [output for cell in code_cells(content) for output in cell["outputs"]]
    assert len(kept) >= 4
    text = json.dumps(kept)
    assert not re.search(r"/tmp/|/work/|/home/|Traceback|error:", text)
    assert len(text) < 800_000


@pytest.mark.parametrize("name", NAMES)
def test_each_names_the_next(name):
    text = json.dumps(content_of(name))
    following = [other for other in NAMES if other > name][:1]
    assert all(other in text for other in following)


def test_predict(left_by):
    names, _ = left_by("01_predict.ipynb")
    rows, moved = names["rows"], names["moved"]
    assert len(rows) == 13
    assert sum(len(container[0].get_xdata()) for container in names["ax"].containers) == 13
    assert (rows["status"] == "ok").all()
    assert moved["error_code"].tolist() == ["", "no_contact"]
    assert moved["pk"].isna().tolist() == [False, True]


@pytest.mark.slow
def test_screen(left_by):
    names, _ = left_by("02_screen.ipynb")
    assert set(names["failures"]["compound"]) == {"broken"}
    assert "tolyl" in set(names["hits"]["compound"])


@pytest.mark.slow
def test_train(left_by):
    names, _ = left_by("03_train.ipynb")
    assert names["errors"]["after"] < names["errors"]["before"]
    assert str(names["new"]["evidence_1"]).startswith("compound-")
    assert names["own"].weights.is_file()


@pytest.mark.slow
def test_explain_and_probe(left_by):
    names, _ = left_by("04_explain_and_probe.ipynb")
    parts, off = names["parts"], names["off"]
    assert float(parts[names["names"]].sum()) == pytest.approx(float(parts["pk"]), abs=1e-3)
    assert off.loc["vina", "attention_moved"] == 0.0
    assert abs(off.loc["vina", "network_change"]) > 0.1
    assert off.loc["attention-choice", "attention_moved"] > 0.2
    assert abs(off.loc["attention-choice", "network_change"]) < 0.1


@pytest.mark.slow
def test_invariance(left_by):
    names, _ = left_by("05_invariance.ipynb")
    assert abs(names["changes"]).max() < 1e-8
    assert abs(names["shuffled"] - names["here"]) < 1e-8
    assert names["same"]
    assert abs(names["reflected"] - names["here"]) > 1e-3


def test_pytorch(left_by):
    names, content = left_by("06_pytorch.ipynb")
    assert names["losses"][-1] < 0.2 * names["losses"][0]
    assert names["gap"] < 1e-5
    assert "operators" in json.dumps(content)

"""The best poses of a screen in 3D: what is drawn, and when there is nothing to draw."""

from __future__ import annotations

import json
import re

import pytest
from made_screen import make_run

from binding.files import file_sha256
from binding.reports import screening
from binding.reports.screening import write_report
from binding.reports.screening_scenes import scenes

EVIL = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def about(examples):
    path = examples / "1ia1_protein.pdb.gz"
    return {"receptor": {"file": str(path), "sha256": file_sha256(path)}, "key": "k", "decides": {}}


@pytest.fixture(scope="module")
def pose(examples):
    return (examples / "1ia1_ligand.sdf").read_text()


def test_a_scene_has_the_pocket_and_the_polar_contacts(about, pose):
    found = scenes(about, ["one", "none", "two"], [pose, "", pose])
    assert [hit["name"] for hit in found["hits"]] == ["one", "two"]
    one, two = found["hits"]
    assert one["places"] == two["places"], "the residues of both are one"
    assert len(one["ligand"]["elements"]) == 19
    labels = {found["pool"][row]["label"] for row, place in one["places"] if place is not None}
    assert "B:GLU:32" in labels
    texts = [line["text"] for line in one["lines"]]
    assert any(text.startswith("B:GLU:32 2.") for text in texts), "the salt bridge of every antifolate"
    assert all(float(text.split()[1]) <= 3.5 for text in texts)


def test_there_is_none_of_a_receptor_that_is_not_what_it_was(about, pose, tmp_path):
    named = about["receptor"]
    assert scenes(about | {"receptor": named | {"sha256": "other"}}, ["one"], [pose]) is None
    assert scenes(about | {"receptor": named | {"file": str(tmp_path / "moved.pdb")}}, ["one"], [pose]) is None
    assert scenes(about | {"receptor": None}, ["one"], [pose]) is None
    assert scenes(about, ["one"], [""]) is None


def test_the_page_holds_what_it_draws(about, pose, tmp_path, monkeypatch):
    made = make_run(tmp_path)
    (made.folder / "run.json").write_text(json.dumps(about))
    monkeypatch.setattr(screening, "_poses", lambda run, found: [pose] * len(found.top))
    monkeypatch.setattr(screening, "scenes", lambda about, names, poses: scenes(about, [EVIL, *names[1:]], poses))
    text = write_report(made.folder, top=2).read_text(encoding="utf-8")
    assert EVIL not in text
    (data,) = re.findall(r'<script type="application/json" id="scenes">(.*?)</script>', text)
    assert [hit["name"] for hit in json.loads(data)["hits"]] == [EVIL, "ibuprofen"]
    assert "$3Dmol" in text
    assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="(?!#|data:)', text)

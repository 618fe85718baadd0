"""The report of explanations: what it says and draws, and that nothing of a file is code in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from networks import example, joined_scorer
from rdkit import Chem

from binding import api
from binding.io.table import Request
from binding.reports import explanation as report
from binding.reports import explanation_folder as explaining
from binding.reports.drawing import draw_atoms
from binding.reports.viewer import as_json

EVIL = '<script>alert(1)</script>"\' onload="x'


class Tags(HTMLParser):
    """Elements of a page, its text, its scripts and its data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.feed(text)
        self.data = json.loads(self.scripts[0])

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "script":
            self.scripts.append("")
        self.attributes += [(name, value or "") for name, value in attributes]

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        else:
            self.text += data


def page_of(folder) -> Tags:
    return Tags((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(tmp_path_factory, shipped):
    """A pose with an evil name, one with an evil id, and one that is far away."""
    protein, poses = example("5ht1b")
    evil = replace(poses[0], name=EVIL)
    far = replace(poses[1], positions=poses[1].positions + 90.0, name=EVIL)
    folder = tmp_path_factory.mktemp("report")
    named = replace(protein, name=EVIL)
    requests = [Request("first", named, evil), Request(EVIL, protein, poses[1]), Request("far", protein, far)]
    api.explain(requests, model=shipped, output=folder)
    return page_of(folder)


def test_units_direction_and_limits_are_said(page):
    text = re.sub(r"\s+", " ", page.text)
    for said in ("higher binds tighter", "above zero binds tighter", "not what its mutation would do"):
        assert said in text
    assert "2 complexes, 1 record without a number" in text


def test_parts_residues_atoms_and_pairs_add_up(page):
    first, _ = page.data["complexes"]
    assert sum(part["pk"] for part in first["parts"]) == pytest.approx(first["pk"], abs=1e-3)
    assert first["parts"][0]["label"] == "prior: the ligand at any site"
    assert "hydrogen bond" in {kind for row in first["residues"] for kind in row["contacts"].split(", ")}
    pairs = first["pairs"]
    for name, rows in (("atom", first["atoms"]), ("residue", first["residues"])):
        sums = np.bincount(pairs[name], weights=pairs["pk"], minlength=len(rows))
        assert sums == pytest.approx([row["pk"] for row in rows], abs=5e-3)
    assert page.data["failed"][0]["error_code"] == "no_contact"


def test_residues_are_where_the_page_draws_them(page):
    first, second = page.data["complexes"]
    pool = page.data["pool"]
    for found in (first, second):
        near = {place: pool[row] for row, place in found["places"] if place is not None}
        assert [near[place]["label"] for place in range(len(near))] == [row["label"] for row in found["residues"]]
        ligand = np.reshape(found["ligand3d"]["xyz"], (-1, 3))
        for place, row in enumerate(found["residues"]):
            own = np.reshape(near[place]["xyz"], (-1, 3))
            nearest = np.linalg.norm(own[:, None] - ligand, axis=2).min()
            assert nearest == pytest.approx(row["distance"], abs=0.03)
    assert len(pool) < len(first["places"]) + len(second["places"]), "residues that both have stand there once"
    assert first["drawing"] == second["drawing"], "poses of one ligand share a drawing"


def test_a_line_ends_at_the_strongest_pair_of_a_residue(page):
    first = page.data["complexes"][0]
    strongest = max(first["residues"], key=lambda row: abs(row["pk"]))
    line = first["lines"][0]
    assert first["residues"][line["residue"]] == strongest
    own = [k for k, place in enumerate(first["pairs"]["residue"]) if place == line["residue"]]
    assert line["atom"] == first["pairs"]["atom"][max(own, key=lambda k: abs(first["pairs"]["pk"][k]))]
    assert line["text"].endswith(f"{strongest['pk']:+.2f}")


def test_it_needs_no_network_and_runs_its_own_scripts_only(page):
    assert page.tags.count("script") == 4, "data, 3Dmol.js and two of ours"
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert [value for name, value in page.attributes if name in ("src", "href")] == []
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-")
    for script in page.scripts[1:]:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_hostile_names_are_data(page):
    first, second = page.data["complexes"]
    assert (first["protein"], first["ligand"], second["id"]) == (EVIL, EVIL, EVIL)
    assert EVIL in page.data["failed"][0]["message"]
    assert EVIL not in page.text
    assert "<" not in page.scripts[0]


def test_json_in_a_page_cannot_end_its_element():
    text = as_json({"a": "</script><!--\u2028&"})
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"a": "</script><!--\u2028&"}


def test_attention_is_on_the_page_by_head_where_there_is_room(random_weights, tmp_path, monkeypatch):
    protein, poses = example("5ht1b")
    found = api.explain(protein, poses[:2], model=random_weights, device="cpu", attention=True)
    explanation = found.complexes[0]
    pairs = explanation.reasons.contributions
    weights = explanation.attention.weights[1, 0, 0, 1, pairs.pair_atom, pairs.pair_residue]

    def packed(room: int) -> dict:
        monkeypatch.setattr(report, "LARGEST", room)
        return report.page_data(found.complexes, [], 0)["complexes"][0]["attention"]

    full = packed(2_200_000)
    read = np.frombuffer(base64.b64decode(full["weights"]), np.uint8).reshape(*full["shape"], -1)
    assert (read[1, 0, 0, 1] / 255) ** 2 == pytest.approx(weights, abs=0.004)
    assert packed(10)["shape"] == (1, 1, 2, 1)


def test_heads_of_the_geometry_and_burial_are_on_the_page():
    protein, poses = example("5ht1b")
    found = api.explain(protein, poses[:1], model=joined_scorer())
    shares = found.complexes[0].reasons.contributions
    on_page = report.page_data(found.complexes, [], 0)["complexes"][0]
    heads = on_page["heads"]
    values = heads["step"] * np.frombuffer(base64.b64decode(heads["values"]), "<i2").reshape(len(heads["names"]), -1)
    assert values == pytest.approx(shares.heads, abs=heads["step"])
    assert [row["burial"] for row in on_page["residues"]] == pytest.approx(shares.burial[shares.pocket_rows], abs=1e-4)


def test_a_page_stays_small_enough_to_be_sent(random_weights, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "LARGEST", 60_000)
    protein, poses = example("5ht1b")
    api.explain(protein, poses, model=random_weights, device="cpu", output=tmp_path)
    page = page_of(tmp_path)
    shown = len(page.data["complexes"])
    assert 1 <= shown < len(poses)
    assert f"The first {shown} of {len(poses)} complexes are drawn" in re.sub(r"\s+", " ", page.text)


def test_only_the_first_are_drawn_and_the_others_are_counted(tmp_path, random_weights, monkeypatch):
    monkeypatch.setattr(explaining, "DRAWN", 2)
    protein, poses = example("5ht1b")
    found = api.explain(protein, poses[:4], model=random_weights, device="cpu", output=tmp_path)
    page = page_of(tmp_path)
    assert len(found.parts) == 4
    assert len(page.data["complexes"]) == 2
    assert "The first 2 of 4 complexes are drawn" in re.sub(r"\s+", " ", page.text)


def test_labels_of_a_file_are_not_drawn():
    plain, labelled = Chem.MolFromSmiles("c1ccncc1O"), Chem.MolFromSmiles("c1ccncc1O")
    labelled.GetAtomWithIdx(0).SetProp("atomLabel", EVIL)
    labelled.GetAtomWithIdx(1).SetProp("atomNote", EVIL)
    labelled.GetAtomWithIdx(2).SetAtomMapNum(77)
    labelled.GetBondWithIdx(0).SetProp("bondNote", EVIL)
    names = [f"A{k}" for k in range(7)]
    assert draw_atoms(labelled, names)[0] == draw_atoms(plain, names)[0]


def test_a_drawing_says_where_its_atoms_are():
    text, (width, height), places = draw_atoms(Chem.MolFromSmiles("CCO"), ["C1", "C2", "O3"])
    assert "currentColor" in text
    assert "#000000" not in text, "it follows the colours of the page"
    assert (places > 0).all()
    assert (places < [width, height]).all()
    apart = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert apart[0] == pytest.approx(apart[1], rel=0.01)


def test_a_ring_that_cannot_be_kekulized_is_drawn_all_the_same():
    mol = Chem.MolFromSmiles("c1ccccc1", sanitize=False)
    mol.UpdatePropertyCache(strict=False)
    mol = Chem.RWMol(mol)
    mol.RemoveAtom(0)  # five aromatic carbons in a row
    Chem.FastFindRings(mol)
    assert "<path" in draw_atoms(mol.GetMol(), ["C"] * 5)[0]

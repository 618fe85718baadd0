"""The report of explanations: what it says and draws, and that nothing of a file is code in it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from networks import example
from rdkit import Chem

from binding import api
from binding.io.table import Request
from binding.reports import explanation_folder as explaining
from binding.reports.drawing import TIGHTER, WEAKER, colour, draw_shares

EVIL = '<script>alert(1)</script>"\' onload="x'


class Tags(HTMLParser):
    """Elements of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attributes]

    def handle_data(self, data):
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


def test_parts_residues_and_atoms_are_shown(page):
    assert page.text.count("contacts: what was learned") == 2
    assert page.text.count("prior: the ligand at any site") == 2
    assert page.text.count("Strongest: ") == 2
    assert "B:PHE:330" in page.text
    assert "hydrogen bond" in page.text
    assert page.tags.count("section") == 3
    assert "no_contact" in page.text


def test_it_needs_no_network_and_runs_nothing(page):
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    outside = [value for name, value in page.attributes if name in ("src", "href")]
    assert outside == []
    assert page.text.count(EVIL) == 4, (
        "protein and name of the first, id of the second, name of the third in its reason"
    )


def test_only_the_first_are_drawn_and_the_others_are_counted(tmp_path, random_weights, monkeypatch):
    monkeypatch.setattr(explaining, "DRAWN", 2)
    protein, poses = example("5ht1b")
    found = api.explain(protein, poses[:4], model=random_weights, device="cpu", output=tmp_path)
    page = page_of(tmp_path)
    assert len(found.parts) == 4
    assert page.tags.count("section") == 2
    assert "The first 2 of 4 complexes are drawn" in re.sub(r"\s+", " ", page.text)


def test_colours_go_from_orange_over_white_to_blue():
    assert colour(0.0) == (1.0, 1.0, 1.0)
    assert colour(1.0) == pytest.approx(TIGHTER)
    assert colour(-1.0) == pytest.approx(WEAKER)
    assert colour(5.0) == colour(1.0)
    assert colour(0.25)[0] > colour(0.75)[0]


def test_an_atom_has_the_colour_of_its_share():
    mol = Chem.MolFromSmiles("CCO")
    drawing = draw_shares(mol, np.array([0.5, -0.5, 0.0]), 0.5)
    hexes = re.findall(r"<ellipse[^>]*fill:(#[0-9A-F]{6})", drawing)
    expected = ["#" + "".join(f"{round(255 * part):02X}" for part in end) for end in (TIGHTER, WEAKER, (1.0, 1.0, 1.0))]
    channels = [[int(one[k : k + 2], 16) for k in (1, 3, 5)] for one in hexes]
    wanted = [[int(one[k : k + 2], 16) for k in (1, 3, 5)] for one in expected]
    assert channels == [pytest.approx(rgb, abs=1) for rgb in wanted]


def test_labels_of_a_file_are_not_drawn():
    plain, labelled = Chem.MolFromSmiles("c1ccncc1O"), Chem.MolFromSmiles("c1ccncc1O")
    labelled.GetAtomWithIdx(0).SetProp("atomLabel", EVIL)
    labelled.GetAtomWithIdx(1).SetProp("atomNote", EVIL)
    labelled.GetAtomWithIdx(2).SetAtomMapNum(77)
    labelled.GetBondWithIdx(0).SetProp("bondNote", EVIL)
    shares = np.linspace(-1, 1, 7)
    assert draw_shares(labelled, shares, 1.0) == draw_shares(plain, shares, 1.0)


def test_a_ring_that_cannot_be_kekulized_is_drawn_all_the_same():
    mol = Chem.MolFromSmiles("c1ccccc1", sanitize=False)
    mol.UpdatePropertyCache(strict=False)
    mol = Chem.RWMol(mol)
    mol.RemoveAtom(0)  # five aromatic carbons in a row
    Chem.FastFindRings(mol)
    assert "<path" in draw_shares(mol.GetMol(), np.zeros(5), 1.0)

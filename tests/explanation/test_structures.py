"""Explained complexes for other programs: PDB with contributions as B-factors, scripts, JSON; and for notebooks."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import gemmi
import numpy as np
import pytest
from networks import example

import binding
from binding import api
from binding.errors import LigandError
from binding.explanation.rows import Explained, Explanation
from binding.io.results import ResultRow
from binding.reports.structures import chimerax_script, pdb_text, pymol_script

EVIL = '<script>alert(1)</script>"\n' + "n" * 500


@pytest.fixture(scope="module")
def explained(random_weights, tmp_path_factory):
    """Three poses in one site, with attention, and their folder."""
    protein, poses = example("5ht1b")
    folder = tmp_path_factory.mktemp("structures")
    named = [poses[0], replace(poses[1], name=EVIL), poses[2]]
    return api.explain(protein, named, model=random_weights, device="cpu", attention=True, output=folder), folder


def test_the_pdb_holds_contributions_as_b_factors(explained):
    found, folder = explained
    structure = gemmi.read_pdb(str(folder / "complexes.pdb"))
    assert len(structure) == 3
    for model, item in zip(structure, found.complexes, strict=True):
        residues = {f"{row['chain']}:{row['residue']}:{row['number']}": row["pk"] for row in item.residues()}
        ligand = []
        for chain in model:
            for residue in chain:
                if residue.name == "LIG":
                    ligand += [(atom.b_iso, atom.element.name, atom.pos.tolist()) for atom in residue]
                    continue
                share = residues.pop(f"{chain.name}:{residue.name}:{residue.seqid.num}", 0.0)
                assert [atom.b_iso for atom in residue] == pytest.approx([share] * len(residue), abs=6e-4)
        assert residues == {}, "every residue within reach is there"
        assert [b for b, _, _ in ligand] == pytest.approx([row["pk"] for row in item.atoms()], abs=6e-4)
        assert [element for _, element, _ in ligand] == [row["element"] for row in item.atoms()]
        assert np.array([place for _, _, place in ligand]) == pytest.approx(item.reasons.ligand.positions, abs=1e-3)


def test_lines_of_the_pdb_fit_the_format_whatever_names_there_are(explained):
    found, _ = explained
    item = found.complexes[0]
    pocket = item.reasons.pocket
    odd = replace(pocket, chain_ids=np.array(["AAA", *pocket.chain_ids[1:]], dtype="<U8"),
                  residue_names=np.array(["LONGNAME", *pocket.residue_names[1:]], dtype="<U8"))  # fmt: skip
    text = pdb_text([replace(item, row=replace(item.row, id=EVIL), reasons=replace(item.reasons, pocket=odd))])
    assert max(map(len, text.splitlines())) <= 80
    assert {line[:6].strip() for line in text.splitlines()} == {
        "REMARK", "MODEL", "ATOM", "HETATM", "CONECT", "ENDMDL", "END",
    }  # fmt: skip
    first = next(line for line in text.splitlines() if line.startswith("ATOM"))
    assert first[17:20] == "LON"
    assert first[21] not in set(pocket.chain_ids.tolist()), "a chain with a long name gets a free letter"


def test_scripts_have_symmetrical_scales_of_the_strongest_contributions(explained):
    found, folder = explained
    residue, atom = (
        max(abs(row["pk"]) for item in found.complexes for row in getattr(item, part)())
        for part in ("residues", "atoms")
    )
    pymol, chimerax = pymol_script(found.complexes), chimerax_script(found.complexes)
    for limit in (residue, atom):
        assert f"minimum=-{limit:.3f}, maximum={limit:.3f}" in pymol
        assert f'"{-limit:.3f},#d55e00:0,#dfe3e8:{limit:.3f},#0072b2"' in chimerax
    assert (folder / "pymol.pml").read_text() == pymol
    assert (folder / "chimerax.cxc").read_text() == chimerax


def test_the_json_holds_everything(explained):
    found, folder = explained
    rows = json.loads((folder / "explanation.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in rows] == found.parts["id"].tolist()
    first, item = rows[0], found.complexes[0]
    assert first["pairs"] == [
        {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in pair.items()}
        for pair in item.pairs()
    ]
    assert np.shape(first["attention"]["weights"]) == (*item.attention.weights.shape[:4], item.attention.in_reach.sum())
    assert first["gradients"] is None
    assert first["agreement"]["sentence"] == item.agreement.sentence


def test_notebooks_show_explanations_as_tables(explained):
    found, _ = explained
    several, one = found._repr_html_(), found.complexes[1]._repr_html_()
    assert several.count("<tr>") == 4
    assert f"pK {found.complexes[1].row.pk:.2f}" in one
    for text in (several, one):
        assert "<script" not in text
    failed = ResultRow.failed("far", "p", EVIL, LigandError(EVIL, "None."))
    assert "&lt;script&gt;" in Explanation(failed)._repr_html_()
    assert Explained.of([Explanation(failed)])._repr_html_().startswith("<div><b>far</b>: no number")


def test_the_3d_view_stands_in_a_frame_of_its_own(explained, tmp_path):
    found, folder = explained
    view = binding.view(found, height=500)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert view.page == page
    frame = view._repr_html_()
    assert frame.startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    assert 'sandbox="allow-scripts allow-downloads"' in frame
    assert "height:500px" in frame
    assert frame.count("<") == 2
    assert view.save(tmp_path / "page.html").read_text(encoding="utf-8") == page
    assert len(binding.view(found.complexes[0]).page) < len(page)


def test_models_and_cards_say_what_they_are(shipped):
    shown = shipped._repr_html_()
    assert "binding-base" in shown
    assert "casf2016" in shown
    assert binding.model_card()._repr_html_() == shown

"""The report of a screen: what it says, that it needs nothing else, that nothing of a file is code in it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from made_screen import failed_row, make_run, write_parts
from typer.testing import CliRunner

from binding import api
from binding.cli.main import app
from binding.errors import FileError, TableError, UsageError
from binding.evaluation.enrichment import enrichment_figures, recovery_curve
from binding.reports.screening import draw_compound, write_report
from binding.screening import digest as counting
from binding.screening.store import finalise

EVIL = '<script>alert(1)</script>"\' onload="x'


class Page(HTMLParser):
    """Elements, links and text of a page; fails on a tag that is closed and was not opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attributes]
        if tag not in ("meta", "br", "input"):
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attributes]

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = make_run(tmp_path_factory.mktemp("reported"))
    finalise(made.folder, top=0)
    about = {"model": {"name": EVIL}, "receptor": {"file": "/data/receptor.pdb"}, "command": EVIL, "key": "k"}
    about |= {"library": {"sources": [EVIL]}, "decides": {"pocket": {"cutoff": 10.0}, "template": None, EVIL: EVIL}}
    (made.folder / "run.json").write_text(json.dumps(about))
    return made


@pytest.fixture(scope="module")
def page(run):
    return Page(write_report(run.folder).read_text(encoding="utf-8"))


def test_counts_units_and_direction_are_said(page):
    assert "10records asked for 8scored 2failed 5compounds, 8 poses 8.12best pK 7.50median pK" in page.text
    assert "higher binds tighter" in page.text
    assert "more negative binds tighter" in page.text


def test_best_compounds_are_listed_in_order_with_their_drawings(page, run):
    names = [text for text in page.texts if text in ("fluconazole", "ibuprofen", "caffeine", "aspirin", "paracetamol")]
    assert names == ["fluconazole", "ibuprofen", "caffeine", "aspirin", "paracetamol"]
    drawings = [value for name, value in page.attributes if name == "viewbox" and value == "0 0 200 130"]
    assert len(drawings) == 5
    assert 'repaired, a "little"' in page.text


def test_hits_can_be_saved_as_they_are_in_the_results(page, run):
    found = dict(page.attributes)  # of a name that several have, the last
    columns = json.loads(found["data-columns"])
    values = [json.loads(value) for name, value in page.attributes if name == "data-values"]
    assert len(values) == 5
    last = dict(zip(columns, values[-1], strict=True))
    assert (last["compound"], last["pk"], last["mol_weight"]) == ("paracetamol", "4.7500", "151.1650")
    poses = [value for name, value in page.attributes if name == "data-sdf"]
    assert poses[0].startswith("fluconazole\n")
    assert all(text.endswith("$$$$\n") and ">  <binding_rank>" in text for text in poses)
    assert {"Save CSV", "Save SDF", "Copy SMILES"} <= set(page.texts)


def test_poses_of_a_library_that_has_moved_are_left_out(tmp_path):
    made = make_run(tmp_path)
    made.library.unlink()
    page = Page(write_report(made.folder).read_text(encoding="utf-8"))
    assert {value for name, value in page.attributes if name == "data-sdf"} == {""}
    assert "Save SDF" not in page.texts
    assert "Save CSV" in page.texts


@pytest.mark.parametrize(("known", "said"), [(None, "a network gives that never sees"), (5.5, "the prior")])
def test_what_the_ligand_alone_is_goes_by_the_weights(tmp_path, known, said):
    made = make_run(tmp_path)
    rows = [row | ({} if row["status"] == "failed" else {"pk_prior": known}) for row in made.rows]
    write_parts(made.folder, rows, size=3)
    assert said in Page(write_report(made.folder, top=1).read_text(encoding="utf-8")).text


def test_columns_of_docking_are_shown_where_there_are_any(page, tmp_path):
    assert "Dock" not in page.texts
    made = make_run(tmp_path)
    rows = [row | ({} if row["status"] == "failed" else {"dock_score": -7.25}) for row in made.rows]
    write_parts(made.folder, rows, size=3)
    shown = Page(write_report(made.folder, top=1).read_text(encoding="utf-8"))
    assert {"Dock", "-7.2"} <= set(shown.texts)


def test_few_compounds_get_few_bars(run):
    found = counting.digest(run.folder, 1)
    assert len(found.edges) - 1 <= 9
    assert sum(found.bars["pk"]) == 5


def test_failures_by_reason_with_an_example(page):
    assert 'no_contact1the library:7: It touches nothing, "really".' in page.text.replace(" :", ":")


def test_size_bias_is_told(page, run):
    best = {"fluconazole": 8.125, "ibuprofen": 7.5, "caffeine": 7.5, "aspirin": 6.25, "paracetamol": 4.75}
    atoms = {row["compound"]: row["heavy_atoms"] for row in run.rows if row["status"] == "ok"}
    r = np.corrcoef([best[name] for name in best], [atoms[name] for name in best])[0, 1]
    assert f"Size: r = {r:+.2f} between pK and heavy atoms" in page.text


def test_nothing_is_loaded_from_anywhere(page):
    assert not {"link", "iframe", "object", "embed"} & set(page.tags)
    links = [value for name, value in page.attributes if name in ("src", "href", "xlink:href", "action")]
    assert all(value.startswith(("#", "data:image/png;base64,")) for value in links)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:") in (
        page.attributes
    )


def test_what_comes_from_files_is_text_and_no_code(page):
    assert page.tags.count("script") == 1
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.text.count("<script>alert(1)</script>") >= 5  # command, library, settings, model, failure


def test_same_run_same_bytes(run, tmp_path):
    first, second = (api.report(run.folder, tmp_path / name, top=2).read_bytes() for name in ("a.html", "b.html"))
    assert first == second
    assert first.count(b'<td class="drawing"') == 2


def test_labels_add_the_enrichment(run, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text(
        "id,label\nfluconazole,active\nibuprofen,1\ncaffeine,0\naspirin,inactive\nparacetamol,decoy\nmetformin,1\n"
        "never screened,1\n"
    )
    page = Page(write_report(run.folder, tmp_path / "r.html", labels=labels).read_text())
    assert "Enrichment of 3 actives among 6 labelled compounds" in page.text
    assert "labelled compounds that could not be scored: 1" in page.text
    marks = [text for text in page.texts if text.endswith("active") and text[0] in "●○"]
    assert marks == ["● active", "● active", "○ inactive", "○ inactive", "○ inactive"]
    assert "not screened, left out: 1" in page.text
    score = np.array([8.125, 7.5, 7.5, 6.25, 4.75, np.nan])
    active = np.array([True, True, False, False, False, True])
    auc = enrichment_figures(score, active)["auc"][0]
    row = page.text[page.text.index("Ranked by") :].split("pK of the ligand alone")[0]
    assert f"{auc:.2f}" in row


def test_what_compounds_are_ranked_by_is_said_and_judged(page, tmp_path):
    assert "compounds are ranked by pK, which is learned" in page.text
    made = make_run(tmp_path)
    judged = [row | {"binder": 0.5, "rank_score": row["pose"]} if row["status"] == "ok" else row for row in made.rows]
    write_parts(made.folder, judged, size=3)
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\nfluconazole,1\nibuprofen,1\ncaffeine,0\naspirin,0\nparacetamol,0\n")
    text = Page(write_report(made.folder, tmp_path / "r.html", labels=labels).read_text()).text
    assert "probability that the compound binds at all, and compounds are ranked by it" in text
    table = text[text.index("Ranked by") :]
    assert table.index("rank score") < table.index("pK of the ligand alone")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,label\nnobody,1\nelse,0\n", "is a compound of this run"),
        ("id,label\nfluconazole,1\naspirin,maybe\n", "has the label 'maybe'"),
        ("id,active\nfluconazole,1\n", "no column 'label'"),
        ("id,label\nfluconazole,1\naspirin,1\n", "both active and inactive"),
        (
            "id,label\nfluconazole,1\naspirin,0\naspirin,0\n",
            r"labels\.csv: the id 'aspirin' is on line 3 and on line 4",
        ),
    ],
)
def test_labels_that_cannot_be_used(run, tmp_path, text, said):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(TableError, match=said):
        write_report(run.folder, tmp_path / "r.html", labels=tmp_path / "labels.csv")
    assert not (tmp_path / "r.html").exists()


def test_labels_of_a_run_with_several_receptors_are_refused(made_run, tmp_path):
    rows = [*made_run.rows, made_run.rows[0] | {"row": 10, "receptor": "other.pdb"}]
    write_parts(made_run.folder, rows, size=3)
    (tmp_path / "labels.csv").write_text("id,label\naspirin,1\ncaffeine,0\n")
    with pytest.raises(UsageError, match="several receptors"):
        write_report(made_run.folder, labels=tmp_path / "labels.csv")
    assert "on each receptor" in Page(write_report(made_run.folder).read_text()).text


def test_a_run_under_way_and_one_without_a_score(made_run, tmp_path):
    page = Page(write_report(made_run.folder).read_text())
    assert "The screen is not finished" in page.text
    run = tmp_path / "all failed"
    write_parts(run, [failed_row(n, f"bad {n}", made_run.library, n, "bad_record", "No.") for n in range(3)], size=2)
    page = Page(write_report(run).read_text())
    assert "No compound was scored" in page.text
    assert "svg" not in page.tags


def test_many_compounds_are_counted_in_cells(made_run, monkeypatch):
    monkeypatch.setattr(counting, "POINTS", 3)
    found = counting.digest(made_run.folder, top=1)
    assert found.by_size.n.sum() == 5
    assert found.by_size.x.tolist() == sorted({row["heavy_atoms"] for row in made_run.rows if row["status"] == "ok"})
    assert found.bars["pk"].sum() == found.bars["pk_ligand_only"].sum() == 5
    page = Page(write_report(made_run.folder).read_text())
    assert page.tags.count("image") >= 2  # cells are pixels inside the SVG


def test_without_matplotlib_the_page_says_so(run, tmp_path, monkeypatch):
    monkeypatch.setattr("binding.reports.screening.find_spec", lambda name: None)
    page = Page(write_report(run.folder, tmp_path / "r.html").read_text())
    assert "pip install matplotlib" in page.text
    assert page.tags.count("svg") == 5


def test_drawing_reads_the_smiles_and_nothing_behind_it():
    assert draw_compound("CCO |$<b>x</b>;;$|") == draw_compound("CCO")
    assert draw_compound("not a SMILES") is None
    assert draw_compound(None) is None


def test_recovery_curve_goes_straight_through_equal_scores():
    x, y = recovery_curve(np.array([3.0, 2.0, 2.0, np.nan]), np.array([True, False, True, False]))
    assert x.tolist() == [0, 0.25, 0.75, 1]
    assert y.tolist() == [0, 0.5, 1, 1]


def test_command(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["report", str(run.folder), "-o", "r.html", "--top", "1"])
    assert (done.exit_code, done.stderr) == (0, "written to r.html\n")
    assert (tmp_path / "r.html").is_file()
    done = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert done.exit_code == 2
    assert "holds no part" in done.stderr


def test_a_run_that_is_none(tmp_path):
    with pytest.raises(FileError):
        write_report(tmp_path)

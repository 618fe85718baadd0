"""What a terminal of 80 columns shows: names and numbers whole, no line too long; and the progress bar."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

import binding
from binding.cli import explain, figures, terminal, top
from binding.cli.progress import make_bar, rate_and_left
from binding.explanation.contributions import PARTS
from binding.io.results import ResultRow
from binding.metrics import Estimate


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def shown(capsys) -> str:
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    return out


def test_predictions_keep_their_titles(capsys):
    row = ResultRow("5ht1b_ergotamine:1", "p.pdb", "ergotamine pose 1", pk=7.97, pk_std=1.37, pk_ligand_only=7.71)
    terminal.print_table([row], 1, None)
    out = shown(capsys)
    assert " 5ht1b_ergotamine:1  ergotamine pose 1  7.97    1.37    7.71" in out


def test_predictions_whose_titles_say_nothing_show_the_energy(capsys):
    terminal.print_table([ResultRow("aspirin", "p.pdb", "aspirin", pk=5.0, dg_kcal_mol=-6.8)], 1, None)
    assert "-6.8" in shown(capsys)


def test_names_stay_whole_where_numbers_do_not_fit(capsys):
    """What follows from others goes first; what was asked for, and the names, stay."""
    columns = [
        terminal.Column("compound", False, lambda row: row),
        terminal.Column("binder", True, lambda row: "0.46"),
        terminal.Column("gain", True, lambda row: "0.123456789", spare=2),
        terminal.Column("poses", True, lambda row: "1", spare=9),
        terminal.Column("QED", True, lambda row: "0.36"),
    ]
    name = "ergotamine pose 1"
    assert [c.header for c in terminal.fitting(columns, [name], 80)] == [c.header for c in columns]
    assert [c.header for c in terminal.fitting(columns, [name], 52)] == ["compound", "binder", "gain", "QED"]
    assert [c.header for c in terminal.fitting(columns, [name], 40)] == ["compound", "binder", "QED"]
    assert [c.header for c in terminal.fitting(columns, [name], 10)] == ["compound", "binder", "QED"]
    terminal.print_columns(columns, [name] * 2, "")
    assert name in shown(capsys)


@pytest.mark.parametrize("signed", [False, True])
def test_figures_keep_the_names_of_their_rows(capsys, signed):
    estimates = [Estimate(-0.8141, -0.7721, -0.8512)] * 4
    rows = [("heavy_atoms", 285, estimates), ("mol_weight", 285, estimates)]
    headers = ["r", "Spearman", "RMSE (pK)", "MAE (pK)"]
    figures._print(terminal.console(), "Title", "predicted by", headers, rows, signed=signed)
    out = shown(capsys)
    for text in ("heavy_atoms", "mol_weight", "n = 285", "-0.814", "[-0.77, -0.85]"):
        assert text in out


def test_undefined_figures_are_empty(capsys):
    nan = float("nan")
    rows = [("pk", 5, [Estimate(0.814, nan, nan), Estimate(nan, nan, nan)])]
    figures._print(terminal.console(), "Title", "predicted by", ["r", "Spearman"], rows)
    out = shown(capsys)
    assert "0.814" in out
    assert "nan" not in out


def test_figures_stand_in_one_line_where_they_fit(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    figures._print(terminal.console(), "Title", "predicted by", ["r"], [("pk", 285, [Estimate(0.814, 0.772, 0.851)])])
    assert "0.814 [0.772, 0.851]" in capsys.readouterr().out


def test_explanations_keep_the_names_of_their_rows(capsys):
    parts = {"id": "1s2g_deoxyadenosine", "pk": 4.9} | {f"pk_{name}": -0.25 for name in PARTS}
    parts["pk_bound"] = float("nan")  # as for nearly all complexes
    explain._show_parts([SimpleNamespace(parts=lambda: parts)] * 2)
    out = shown(capsys)
    assert " 1s2g_deoxyadenosine  4.90   -0.25" in out
    assert "-0.50" in out, "both parts of the networks"
    assert "-0.75" in out, "the three parts of the geometry"
    assert sorted(name for names in explain._SHORT.values() for name in names) == sorted(PARTS)


@pytest.fixture(scope="module")
def explained(examples):
    """An explanation of a complex of which no measurement is known."""
    (found,) = binding.explain(examples / "1s2g_protein.pdb.gz", examples / "1s2g_ligand.sdf").complexes
    assert found.reasons.contributions.known < 0.5
    return found


@pytest.mark.parametrize(("known", "follows"), [(1.0, True), (0.7, False)])
def test_an_explanation_says_when_pk_follows_a_measurement(capsys, explained, known, follows):
    contributions = replace(explained.reasons.contributions, known=known)
    explain._show_one(replace(explained, reasons=replace(explained.reasons, contributions=contributions)), 3)
    assert ("--experts network" in shown(capsys)) is follows


def test_the_best_of_a_screen_keep_their_header(capsys):
    row = {"rank": 1, "compound": "CHEMBL1234567", "pk": 8.1, "pk_std": 1.2, "pk_ligand_only": 7.7, "pose": 0.5}
    row |= {"gain_over_ligand_only": 0.4, "num_poses": 12, "warnings": "", "dg_kcal_mol": -11.0}
    row |= {"binder": 0.61, "rank_score": 0.19}
    best = SimpleNamespace(rows=SimpleNamespace(to_pylist=lambda: [row], column_names=list(row)))
    top._print_table(best, "pk", None)
    out = shown(capsys)
    assert " rank  compound         pK  1 s.d.   alone  gain  prob.  poses  warned" in out
    assert "    1  CHEMBL1234567  8.10" in out


def test_the_best_of_a_screen_show_what_they_are_ranked_by(capsys):
    row = {"rank": 1, "compound": "CHEMBL1234567", "pk": 8.1, "pk_std": 1.2, "pk_ligand_only": 7.7, "pose": 0.5}
    row |= {"gain_over_ligand_only": 0.4, "num_poses": 12, "warnings": "", "dg_kcal_mol": -11.0}
    row |= {"binder": 0.61, "rank_score": 0.19, "ligand_efficiency": 0.27}
    best = SimpleNamespace(rows=SimpleNamespace(to_pylist=lambda: [row], column_names=list(row)))
    for by, words in (("rank_score", "binder    pK"), ("ligand_efficiency", "ligand_efficiency")):
        top._print_table(best, by, None)
        assert words in shown(capsys)


def test_a_bar_whose_total_was_too_small_says_so_and_keeps_its_rate(monkeypatch):
    """Five requests, thirteen rows: not 13/5, and no jump taken for a rate."""
    bar = make_bar(Console(file=io.StringIO(), force_terminal=True))
    monkeypatch.setattr(terminal, "make_bar", lambda: bar)
    clock = iter(range(100))
    monkeypatch.setattr(terminal.time, "monotonic", lambda: float(next(clock)))
    assert list(terminal.progress(iter(range(13)), 5, shown=True)) == list(range(13))
    (task,) = bar.tasks
    assert (task.completed, task.total) == (13, None)
    assert task.fields["rate"] <= 1.0


@pytest.mark.parametrize(("rate", "text"), [(20.0, "20.0/s"), (0.25, "4.0 s each"), (0.0, "0.0/s")])
def test_what_is_slower_than_one_a_second_is_told_in_seconds(rate, text):
    assert rate_and_left(rate, None) == text

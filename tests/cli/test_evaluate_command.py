"""`binding evaluate`: figures, baselines, peers, ids that look like numbers, exit codes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Sixty predictions that are worth something, their truth and two peers."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    truth = rng.normal(6.5, 1.8, 60)
    ids = ["1e66", "0012", *(f"c{number}" for number in range(58))]
    size = np.clip(np.round(truth * 3 + rng.normal(0, 6, 60)), 5, None).astype(int)
    predictions = pd.DataFrame(
        {
            "id": ids,
            "pk": truth + rng.normal(0, 0.8, 60),
            "pk_std": 0.8,
            "pk_ligand_only": truth + rng.normal(0, 1.6, 60),
            "heavy_atoms": size,
            "status": "ok",
        }
    )
    predictions.to_csv("predictions.csv", index=False)
    pd.DataFrame({"id": ids, "pk": truth}).to_csv("truth.csv", index=False)
    pd.DataFrame({"id": ids, "vina": truth + rng.normal(0, 2.5, 60)}).to_csv("peers.csv", index=False)
    return predictions, truth


def test_figures_stand_beside_the_baselines_with_intervals(binding_, tables):
    predictions, truth = tables
    result = binding_("evaluate", "predictions.csv", "--truth", "truth.csv", "--resamples", "200", "-o", "out")
    assert result.exit_code == 0, result.output
    assert "60 measured: 60 scored, 0 failed, 0 missing" in result.stdout
    for name in ("pk", "heavy_atoms", "pk_ligand_only", "RMSE", "Spearman"):
        assert name in result.stdout
    report = json.loads(Path("out/metrics.json").read_text())
    model = report["columns"][0]
    assert model["metrics"]["r"]["value"] == pytest.approx(np.corrcoef(predictions["pk"], truth)[0, 1], abs=1e-9)
    assert model["metrics"]["r"]["low"] < model["metrics"]["r"]["value"] < model["metrics"]["r"]["high"]
    assert f"{model['metrics']['r']['value']:.3f} [" in result.stdout
    assert len(pd.read_csv("out/joined.csv")) == 60


def test_peers_are_compared_on_the_same_rows(binding_, tables):
    result = binding_(
        "evaluate", "predictions.csv", "--truth", "truth.csv", "--peers", "peers.csv", "--resamples", "200"
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.count("vina") == 2  # among the figures and among the differences


def test_another_column_may_be_judged_and_matched_by_another_name(binding_, tables):
    predictions, _ = tables
    predictions.rename(columns={"id": "ligand"}).assign(id=range(60)).to_json("p.jsonl", orient="records", lines=True)
    result = binding_(
        "evaluate",
        "p.jsonl",
        "--truth",
        "truth.csv",
        "--id-column",
        "ligand",
        "--column",
        "pk_ligand_only",
        "--resamples",
        "50",
    )
    assert result.exit_code == 0, result.output
    assert "60 scored" in result.stdout


def test_failed_and_missing_rows_are_counted_and_exit_3(binding_, tables):
    predictions, _ = tables
    predictions.loc[3, "pk"] = np.nan
    predictions.drop(index=7).to_csv("predictions.csv", index=False)
    result = binding_("evaluate", "predictions.csv", "--truth", "truth.csv", "--resamples", "50")
    assert result.exit_code == 3
    assert "60 measured: 58 scored, 1 failed, 1 missing" in result.stdout


def test_complexes_are_scored_first(binding_, made, tmp_path):
    names = list(made.ligands)
    rows = [f"{name},{made.protein},{made.ligands[name]}" for name in names]
    (tmp_path / "pairs.csv").write_text("\n".join(["id,protein,ligand", *rows, ""]))
    (tmp_path / "truth.csv").write_text("id,affinity\naspirin,Ki=1uM\nparacetamol,IC50=30uM\ncaffeine,Kd=200nM\n")
    result = binding_("evaluate", "pairs.csv", "--truth", "truth.csv", "-o", "out", "--resamples", "50")
    assert result.exit_code == 0, result.output
    assert "3 measured: 3 scored" in result.stdout
    assert pd.read_csv("out/predictions.csv")["id"].tolist() == names


@pytest.mark.parametrize(
    "arguments",
    [
        ("missing.csv", "--truth", "truth.csv"),
        ("predictions.csv", "--truth", "missing.csv"),
        ("predictions.csv", "--truth", "truth.csv", "--column", "nothing"),
        ("predictions.csv", "--truth", "truth.csv", "--id-column", "nothing"),
        ("predictions.csv", "--truth", "empty.csv"),
        ("empty.csv", "--truth", "truth.csv"),
        ("predictions.csv",),
        ("predictions.csv", "--truth", "others.csv"),
        ("page.parquet", "--truth", "truth.csv"),
    ],
)
def test_bad_tables_exit_2_with_a_reason(binding_, tables, arguments, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "others.csv").write_text("id,pk\nzzz,5.0\n")
    (tmp_path / "page.parquet").write_text("<html></html>")
    result = binding_("evaluate", *arguments)
    assert result.exit_code == 2, result.output
    assert "rror" in result.stderr
    assert "Traceback" not in result.output

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


def test_the_truth_may_have_its_ids_under_another_name(binding_, tables):
    truth = pd.read_csv("truth.csv", dtype={"id": str})
    truth.rename(columns={"id": "code"}).assign(id=range(60)).to_csv("coded.csv", index=False)
    words = ("evaluate", "predictions.csv", "--truth", "coded.csv", "--resamples", "0")
    result = binding_(*words, "--truth-id", "code")
    assert result.exit_code == 0, result.output
    assert "60 measured: 60 scored" in result.stdout
    result = binding_(*words, "--truth-id", "cipher")
    assert (result.exit_code, "no column 'cipher'" in result.stderr) == (2, True)


def test_rows_that_the_weights_know_are_told(binding_, tables):
    predictions, _ = tables
    words = ("evaluate", "known.csv", "--truth", "truth.csv", "--resamples", "0")
    near = predictions.assign(nearest_ligand=[1.0] * 5 + [0.6] * 55, nearest_protein=[1.0] * 2 + [0.3] * 58)
    near.to_csv("known.csv", index=False)
    said = binding_(*words).stderr
    assert "warning: 5 of 60 rows are of ligands that the weights were trained on, 2 of them with their protein" in said
    near.assign(nearest_ligand=0.99).to_csv("known.csv", index=False)
    assert "trained on" not in binding_(*words).stderr


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


@pytest.fixture
def docked(tmp_path, monkeypatch):
    """Poses of four targets with RMSDs, and a list of actives; neither has an affinity."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    ids = [f"p{number}" for number in range(40)]
    rmsd = rng.uniform(0.3, 8.0, 40).round(2)
    pd.DataFrame({"id": ids, "pk": 9 - rmsd, "pose": rng.uniform(size=40), "heavy_atoms": 20}).to_csv("poses.csv")
    labels = ["active"] * 8 + ["decoy"] * 32
    table = pd.DataFrame({"id": ids, "target": [f"t{n // 10}" for n in range(40)], "rmsd": rmsd, "kind": labels})
    table.to_csv("truth.csv", index=False)
    return rmsd


def test_poses_and_labels_need_no_affinity(binding_, docked):
    arguments = ("poses.csv", "--truth", "truth.csv", "--resamples", "100", "-o", "out")
    docking = binding_("evaluate", *arguments, "--rmsd", "rmsd", "--group", "target")
    assert docking.exit_code == 0, docking.output
    assert "40 asked: 0 scored" in docking.stdout
    assert "4 targets (target)" in docking.stdout
    best = docked.reshape(4, 10).min(axis=1)
    stored = json.loads(Path("out/metrics.json").read_text())["docking"]
    assert stored["columns"][0]["metrics"]["top1"]["value"] == pytest.approx((best <= 2).mean())
    assert len(pd.read_csv("out/docking_groups.csv")) == 3 * 4  # pk, pose, heavy_atoms
    labels = binding_("evaluate", *arguments, "--label", "kind")
    assert labels.exit_code == 0, labels.output
    assert "8 actives among 40 compounds" in labels.stdout
    figures = pd.read_csv("out/enrichment.csv").set_index("name")
    assert figures.loc["heavy_atoms", "auc"] == 0.5
    assert figures.loc["pk", "auc_low"] < figures.loc["pk", "auc"] < figures.loc["pk", "auc_high"]


def test_series_are_scored_by_compound(binding_, tables):
    truth = pd.read_csv("truth.csv").assign(series=["a"] * 30 + ["b"] * 30)
    truth["molecule"] = [f"m{number // 2}" for number in range(60)]
    truth["pk"] = truth["pk"].to_numpy()[::2].repeat(2)
    truth.to_csv("truth.csv", index=False)
    result = binding_(
        "evaluate", "predictions.csv", "--truth", "truth.csv", "--series", "series", "--compound", "molecule",
        "--resamples", "50",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "30 scored" in result.stdout
    assert "30 further poses" in result.stdout
    assert "2 series weighted by their 30 compounds" in " ".join(result.stdout.split())


def test_an_output_folder_that_is_a_file_exits_2(binding_, tables):
    arguments = ("--truth", "truth.csv", "--resamples", "0", "-o", "truth.csv")
    result = binding_("evaluate", "predictions.csv", *arguments)
    assert result.exit_code == 2
    assert "The folder truth.csv cannot be made: there is a file of that name." in result.stderr


def test_pictures_stand_beside_the_tables(binding_, tables):
    pytest.importorskip("matplotlib")
    result = binding_("evaluate", "predictions.csv", "--truth", "truth.csv", "--resamples", "50", "-o", "out")
    assert result.exit_code == 0, result.output
    assert {path.name for path in Path("out").iterdir()} == {
        "metrics.json", "metrics.csv", "joined.csv", "calibration.csv",
        "predicted.svg", "predicted.png", "residuals.svg", "residuals.png", "calibration.svg", "calibration.png",
    }  # fmt: skip


def test_without_matplotlib_the_tables_are_written_and_a_note_says_what_to_install(binding_, tables, monkeypatch):
    monkeypatch.setattr("binding.cli.evaluate.find_spec", lambda name: None)
    result = binding_("evaluate", "predictions.csv", "--truth", "truth.csv", "--resamples", "50", "-o", "out")
    assert result.exit_code == 0, result.output
    assert "pip install matplotlib" in result.stderr
    assert Path("out/metrics.json").is_file()
    assert not list(Path("out").glob("*.svg"))


def test_weight_is_computed_where_complexes_are_scored_first(binding_, made, tmp_path):
    names = list(made.ligands)
    rows = [f"{name},{made.protein},{made.ligands[name]}" for name in names]
    (tmp_path / "pairs.csv").write_text("\n".join(["id,protein,ligand", *rows, ""]))
    (tmp_path / "truth.csv").write_text("id,pk\naspirin,6\nparacetamol,4.5\ncaffeine,6.7\n")
    result = binding_("evaluate", "pairs.csv", "--truth", "truth.csv", "-o", "out", "--resamples", "0")
    assert result.exit_code == 0, result.output
    weights = pd.read_csv("out/predictions.csv").set_index("id")["mol_weight"]
    assert weights.to_dict() == pytest.approx({"aspirin": 180.16, "paracetamol": 151.16, "caffeine": 194.19}, abs=0.02)
    assert "mol_weight" in pd.read_csv("out/metrics.csv")["name"].tolist()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--label", "nothing"), "no column 'nothing'"),
        (("--rmsd", "rmsd"), "--group COLUMN"),
        (("--label", "target"), "label 't0'"),
        (("--rmsd", "kind", "--group", "target"), "RMSD 'active'"),
        (("--group", "target"), "no affinity"),
    ],
)
def test_columns_that_are_not_what_they_should_be_exit_2(binding_, docked, arguments, said):
    result = binding_("evaluate", "poses.csv", "--truth", "truth.csv", *arguments)
    assert result.exit_code == 2, result.output
    assert said in result.stderr

"""Probes: each changes what it says and nothing else, and the model that was probed stays as it was."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import binding
from binding.api import requests_from
from binding.cli.main import app
from binding.errors import UsageError
from binding.model.weights import load_model
from binding.probes.changes import PARTS, lacking, scaled, without
from binding.probes.response import moved, response_of
from binding.probes.rows import PROBE_COLUMNS, Probed, ProbeRow
from binding.probes.run import ProbePlan, probe_rows
from binding.score.featurize import featurize
from binding.score.jobs import jobs_of
from binding.score.options import ScoringOptions


@pytest.fixture(scope="module")
def scorer():
    return load_model(None, device="cpu")


@pytest.fixture(scope="module")
def item(examples):
    requests = requests_from(examples / "1ia1_protein.pdb.gz", [examples / "1ia1_ligand.sdf"])
    (found,) = (one for job in jobs_of(requests, ScoringOptions()) for one in featurize(job))
    return found


@pytest.fixture(scope="module")
def before(scorer, item):
    return response_of(item.graph, item.pocket, scorer)


@pytest.fixture(scope="module")
def table(scorer, examples, tmp_path_factory) -> pd.DataFrame:
    """All probes of one complex, few draws."""
    plan = ProbePlan(levels=(0.0, 2.0), draws=2)
    return binding.probe(examples / "1ia1_protein.pdb.gz", examples / "1ia1_ligand.sdf", model=scorer, plan=plan)


def test_every_part_has_its_row_and_the_first_is_unchanged(table, scorer, before):
    assert tuple(table.columns) == PROBE_COLUMNS
    first = table.iloc[0]
    assert (first["probe"], first["pk_change"], first["attention_moved"]) == ("none", 0.0, 0.0)
    assert first["pk"] == pytest.approx(before.pk, abs=1e-6)
    off = table[table["probe"] == "off"]
    assert set(off["part"]) == set(PARTS) - lacking(scorer)
    joined = scorer.line.network * off["network_change"] + off["prior_change"] + off["geometry_change"]
    assert off["pk_change"].to_numpy() == pytest.approx(joined.to_numpy(), abs=2e-3)


def test_attention_stays_while_the_number_moves_and_the_reverse(table):
    """Both are known of attention in general; here they are facts of the shipped model."""
    off = table.set_index("part")
    for part, changed in (("prior", "pk_change"), ("vina", "network_change")):
        assert off.loc[part, "attention_moved"] == pytest.approx(0.0, abs=1e-9)
        assert abs(off.loc[part, changed]) > 0.1
    assert off.loc["attention-choice", "attention_moved"] > 0.2
    assert abs(off.loc["attention-choice", "network_change"]) < 0.1


def test_what_a_part_has_no_say_in_does_not_move(table):
    off = table[table["probe"] == "off"].set_index("part")
    for part in {"prior", "prior-site"} & set(off.index):
        assert off.loc[part, ["network_change", "geometry_change"]].abs().max() < 1e-6
    for part in ("attention", "attention-bias", "attention-content", "attention-choice", "angles", "vina"):
        assert abs(off.loc[part, "prior_change"]) < 1e-9
    assert off.loc["protein", "contributions_moved"] == pytest.approx(1.0)


def test_without_choice_all_heads_of_all_networks_weigh_alike(scorer, item):
    """What is left is how near a pair is to the cutoff, over which it fades out."""
    evened = response_of(item.graph, item.pocket, without(scorer, "attention-choice")).attention
    assert np.ptp(evened.weights, axis=(0, 1, 3)).max() < 1e-6
    biased = response_of(item.graph, item.pocket, without(scorer, "attention-content")).attention
    assert np.ptp(biased.weights, axis=(0, 1, 3)).max() > 0.1
    assert np.nanmean(evened.entropy()) > np.nanmean(biased.entropy())


def test_scaling_by_one_changes_nothing_and_the_model_is_left_alone(scorer, item, before):
    for modality in ("ligand", "protein"):
        same = response_of(item.graph, item.pocket, scaled(scorer, modality, 1.0))
        assert same.pk == pytest.approx(before.pk, abs=1e-6)
        other = response_of(item.graph, item.pocket, scaled(scorer, modality, 2.0))
        assert abs(other.network - before.network) > 1e-3
    again = response_of(item.graph, item.pocket, scorer)
    assert again.pk == before.pk
    assert moved(before, again).attention == 0.0


def test_a_planted_feature_moves_its_residue(table):
    rows = table[table["probe"] == "plant"]
    assert len(rows) >= 3
    assert len({part.split("=")[0] for part in rows["part"]}) == 1, "the residue that contributes most"
    assert (rows["network_change"].abs() > 1e-4).all()
    assert (rows["gradients_moved"] > 0.0).all()


def test_noise_of_nothing_changes_nothing_and_much_breaks(table):
    noise = table[table["probe"] == "noise"].set_index("level")
    assert noise.loc[0.0, "pk_change"] == pytest.approx(0.0, abs=1e-9)
    assert abs(noise.loc[2.0, "network_change"]) > 0.1, "pk itself is largely the prior's where so much is known"
    assert noise.loc[2.0, "pose"] < noise.loc[0.0, "pose"]


def test_where_the_answer_breaks():
    def row(level, breaks):
        return ProbeRow("noise", "ligand", level=level, breaks=breaks)

    assert Probed(None, (row(0.5, False), row(1.0, True), row(2.0, True))).breaks_at == 1.0
    assert Probed(None, (row(0.5, False),)).breaks_at is None


def test_the_command(scorer, examples, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "probes.csv"
    named = [str(examples / "1ia1_protein.pdb.gz"), str(examples / "1ia1_ligand.sdf")]
    asked = ["probe", *named, "-o", str(out), "--only", "plant", "--plant", "B:GLU:32=LYS", "--quiet"]
    found = CliRunner().invoke(app, asked)
    assert found.exit_code == 0, found.output
    assert "B:GLU:32=LYS" in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= 80
    rows = pd.read_csv(out)
    assert rows["part"].tolist()[1:] == ["B:GLU:32=LYS"]
    assert math.isnan(rows["level"].iloc[1])
    missing = CliRunner().invoke(app, ["probe", *named, "--only", "plant", "--plant", "B:GLU:999=LYS", "--quiet"])
    assert missing.exit_code == 4
    assert "there is no residue B:GLU:999 in the pocket" in missing.stderr


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"probes": ("on",)}, "no probe 'on'"),
        ({"plant": ("A:GLU=LYS",)}, "not understood as a residue"),
        ({"plant": ("A:GLU:32=XYZ",)}, "not understood as a residue"),
        ({"levels": (11.0,)}, "not between 0 and 10"),
        ({"factors": (float("nan"),)}, "not a number"),
        ({"draws": 0}, "draws must be 1 or more"),
    ],
)
def test_wrong_plans_are_refused(wrong, told):
    with pytest.raises(UsageError, match=told):
        ProbePlan(**wrong)


def test_a_record_that_cannot_be_scored_has_no_probes(scorer, examples, tmp_path):
    broken = tmp_path / "broken.sdf"
    broken.write_text("x\n\n\n  0  0  0\nM  END\n$$$$\n")
    requests = requests_from(examples / "1ia1_protein.pdb.gz", [broken])
    (found,) = probe_rows(requests, ScoringOptions(model=scorer), ProbePlan(probes=("off",)))
    assert found.row.status == "failed"
    assert found.rows() == []

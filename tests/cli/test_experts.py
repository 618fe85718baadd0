"""--experts: pk of all experts, of the structure or of the prior alone; the same in predict, screen and explain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from binding import api
from binding.api import requests_from
from binding.errors import UsageError
from binding.model.weights import load_model
from binding.score.featurize import featurize
from binding.score.jobs import jobs_of
from binding.score.options import ScoringOptions
from binding.screening.parts import part_paths

EXPERTS = ("all", "network", "prior")


@pytest.fixture(scope="module")
def model():
    return load_model(device="cpu")


@pytest.fixture(scope="module")
def files(examples) -> tuple[Path, Path]:
    return examples / "5ht1b_protein.pdb.gz", examples / "5ht1b_poses.sdf.gz"


@pytest.fixture(scope="module")
def predicted(model, files) -> dict[str, pd.DataFrame]:
    return {experts: api.predict(*files, model=model, experts=experts) for experts in EXPERTS}


def test_pk_is_that_of_the_experts_alone(predicted):
    whole = predicted["all"]
    for experts in ("network", "prior"):
        rows = predicted[experts]
        assert rows["pk"].to_numpy() == pytest.approx(whole[f"pk_{experts}"].to_numpy(), abs=1e-6)
        assert np.abs(rows["pk"] - whole["pk"]).max() > 0.05
        for name in ("pk_network", "pk_prior", "pk_ligand_only", "pose"):
            assert rows[name].to_numpy() == pytest.approx(whole[name].to_numpy(), abs=1e-6), "the other columns stay"
        assert (rows["pk_low"] < rows["pk"]).all()
        assert set(rows["model"]) == {f"binding-base ({experts} only)"}
    assert set(whole["model"]) == {"binding-base"}
    assert np.ptp(predicted["prior"]["pk"]) < 0.1 < np.ptp(predicted["network"]["pk"]), "the prior sees the site alone"


def test_error_bars_are_those_of_the_experts(predicted):
    assert predicted["network"]["pk_std"].mean() != pytest.approx(predicted["all"]["pk_std"].mean(), abs=1e-3)


def test_pk_is_joined_as_the_card_says(model, predicted, files):
    line, rows = model.line, predicted["all"]
    geometry = (rows["pk_network"] - line.structure.offset) / line.structure.geometry
    requests = requests_from(files[0], [files[1]])
    items = [item for job in jobs_of(requests, ScoringOptions()) for item in featurize(job)]
    weights = line.weights(model.known([item.graph for item in items]))
    expected = weights["offset"] + weights["prior"] * rows["pk_prior"] + weights["geometry"] * geometry
    assert line.network == 0.0
    assert rows["pk"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-5)


@pytest.mark.parametrize("experts", ["network", "prior"])
def test_explanations_are_of_the_same_number(model, files, predicted, experts):
    found = api.explain(*files, model=model, experts=experts)
    parts = found.parts.filter(regex="^pk_(prior_|constant|ligand_term|contacts_|geometry_)").filter(regex="(?<!_std)$")
    assert parts.sum(axis=1).to_numpy() == pytest.approx(predicted[experts]["pk"].to_numpy(), abs=1e-4)
    other = "pk_geometry_contacts" if experts == "prior" else "pk_prior_ligand"
    assert found.parts[other].isna().all()


def test_a_screen_says_what_predict_says(files, predicted, tmp_path):
    protein, poses = files
    api.screen(poses, tmp_path / "run", protein=protein, device="cpu", workers=0, experts="network")
    rows = pd.concat([pq.read_table(path).to_pandas() for path in part_paths(tmp_path / "run")])
    for name in ("pk", "pk_network", "pk_prior"):
        assert rows[name].to_numpy() == pytest.approx(predicted["network"][name].to_numpy(), abs=1e-4)
    assert set(rows["model"]) == {"binding-base (network only)"}


def test_experts_that_there_are_not():
    with pytest.raises(UsageError, match="no experts 'oracle'"):
        ScoringOptions(experts="oracle")

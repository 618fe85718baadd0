"""`binder`: the weights of its terms, the file beside the weights, the columns of a row."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from binding.errors import WeightsError
from binding.model.binder import Binder, binder_path, terms_of
from binding.model.ensemble import Scores
from binding.model.weights import available_models, load_model, resolve_weights

CARD = {"format_version": 1, "weights": {"pose": 0.5, "pk_ligand_only": 0.25}, "offset": -2.0, "base_rate": 0.3}


def graphs(*atoms: int) -> Any:
    """Of some graphs what the terms read."""
    return [SimpleNamespace(ligand=SimpleNamespace(num_atoms=number)) for number in atoms]


def scores(pose: list[float], alone: list[float], known: float = 0.0) -> Scores:
    n = len(pose)
    nothing = np.zeros(n)
    return Scores(nothing, nothing, np.array(alone), nothing, nothing, np.array(pose), np.full(n, known))


def written(folder, **changes) -> Binder | None:
    (folder / "model.binder.json").write_text(json.dumps(CARD | changes), encoding="utf-8")
    return Binder.load(folder / "model.safetensors")


def test_odds_are_a_weighted_sum_and_the_rank_score_their_log10(tmp_path):
    binder = written(tmp_path)
    assert binder is not None
    probability, rank = binder.judge(scores([0.5, 0.9], [8.0, 8.0]), graphs(20, 20))
    odds = np.array([0.0, 0.5 * np.log(9.0)])  # offset and ligand alone cancel
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-odds)))
    np.testing.assert_allclose(rank, odds / np.log(10))


def test_a_certain_pose_has_finite_odds():
    assert np.isfinite(terms_of(scores([0.0, 1.0], [6.0, 6.0]), graphs(9, 9))["pose"]).all()


def test_a_compound_like_known_ligands_of_the_site_is_likelier_up_to_a_bound(tmp_path):
    binder = written(tmp_path, weights={"known": 4.0})
    odds = [binder.judge(scores([0.5], [6.0], known), graphs(20))[1][0] for known in (0.0, 0.3, 0.7, 1.0)]
    assert odds[0] < odds[1] < odds[2]
    assert odds[2] == odds[3]


def test_weights_of_ones_own_have_none(tmp_path):
    assert Binder.load(tmp_path / "model.safetensors") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"format_version": 2},
        {"format_version": float("inf")},
        {"weights": 3},
        {"weights": {"pose": float("nan")}},
        {"offset": None},
        {"base_rate": float("inf")},
        {"weights": {"luck": 1}},
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, changes):
    with pytest.raises(WeightsError, match=r"model\.binder\.json"):
        written(tmp_path, **changes)


@pytest.mark.parametrize("name", available_models())
def test_shipped_weights_have_one_that_was_fitted_to_them(name):
    path, _ = resolve_weights(name)
    found = json.loads(binder_path(path).read_text(encoding="utf-8"))
    assert all(weight >= 0.0 for weight in found["weights"].values())
    assert load_model(name).binder is not None

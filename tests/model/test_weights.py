"""Weights and their card: what is written is what is read, and nothing else is accepted."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import SMALL, example_graph, random_member, write_random_weights
from safetensors.torch import load_file, save_file

from binding.errors import UsageError, WeightsError
from binding.graph.vocabulary import full_vocabulary
from binding.model.weights import (
    FORMAT_VERSION,
    Member,
    Scorer,
    available_models,
    load_card,
    load_model,
    resolve_weights,
    save_weights,
)

NAMES = ("1s2g", "1ia1", "4cup", "6wqa", "5ht1b")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_random_weights(tmp_path_factory.mktemp("weights") / "random.safetensors", SMALL)


@pytest.fixture
def weights(written, tmp_path):
    """A copy to spoil, card beside it."""
    for path in (written, written.with_suffix(".json")):
        shutil.copy(path, tmp_path)
    return tmp_path / written.name


def edit_card(weights: Path, **changes) -> None:
    path = weights.with_suffix(".json")
    card = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in card.items() if value is not None}))


# ---------------------------------------------------------------- what is written is read


def test_round_trip(weights):
    scorer = load_model(weights, device="cpu")
    assert scorer.name == "random"
    assert len(scorer.members) == 2
    for seed, member in enumerate(scorer.members):
        for name, tensor in random_member(seed=seed).state_dict().items():
            assert torch.equal(member.state_dict()[name], tensor), name


def test_half_precision_halves_the_file_and_moves_the_number_little(tmp_path):
    state = random_member().state_dict()
    card = {"name": "x", "config": SMALL.model_dump()}
    save_weights(tmp_path / "full.safetensors", [state], card)
    save_weights(tmp_path / "half.safetensors", [state], card, half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    graphs = [example_graph(name) for name in NAMES]
    full, half = (load_model(tmp_path / f"{n}.safetensors", device="cpu").score(graphs).pk for n in ("full", "half"))
    assert 0 < np.abs(full - half).max() < 0.05


def test_a_training_run_is_named_by_its_folder(weights, tmp_path):
    weights.rename(tmp_path / "model.safetensors")
    weights.with_suffix(".json").rename(tmp_path / "model.json")
    assert resolve_weights(tmp_path) == (tmp_path / "model.safetensors", tmp_path / "model.json")
    assert load_card(tmp_path)["name"] == "random"


def test_nothing_half_written_is_left(weights):
    assert {path.name for path in weights.parent.iterdir()} == {"random.safetensors", "random.json"}


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are those of POSIX")
def test_others_may_read_the_weights_as_they_may_the_card(weights, written):
    assert written.stat().st_mode == written.with_suffix(".json").stat().st_mode


def test_shipped_weights_are_there_and_named():
    assert {"binding-base", "binding-strict"} <= set(available_models())
    card = load_card()
    assert card["name"] == "binding-base"
    assert card["num_members"] >= 1


# ---------------------------------------------------------------- scoring


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_batch_size_does_not_matter(weights, batch_size):
    scorer = load_model(weights, device="cpu")
    graphs = [example_graph(name) for name in NAMES]
    whole = scorer.score(graphs)
    parts = [scorer.score(graphs[start : start + batch_size]) for start in range(0, len(graphs), batch_size)]
    for name in ("pk", "pk_std", "pk_ligand_only", "pose"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert joined.dtype == np.float64
        assert np.abs(joined - getattr(whole, name)).max() < 1e-5


def test_an_ensemble_is_the_mean_and_its_spread_adds_to_the_error(weights):
    graphs = [example_graph(name) for name in NAMES]
    both = load_model(weights, device="cpu", dtype="float64").score(graphs)
    singles = [Scorer("x", {}, [random_member(seed=seed)], dtype="float64").score(graphs) for seed in range(2)]
    pk = np.stack([single.pk for single in singles])
    assert both.pk == pytest.approx(pk.mean(axis=0), abs=1e-9)
    assert both.pk_ligand_only == pytest.approx(np.mean([s.pk_ligand_only for s in singles], axis=0), abs=1e-9)
    assert both.pose == pytest.approx(np.mean([s.pose for s in singles], axis=0), abs=1e-9)
    variance = np.mean([s.pk_std**2 for s in singles], axis=0) + pk.var(axis=0)
    assert both.pk_std == pytest.approx(1.25 * np.sqrt(variance), abs=1e-9), "1.25 is the card's calibration"
    assert ((both.pose > 0) & (both.pose < 1)).all()


def test_no_graph_no_number(weights):
    scores = load_model(weights, device="cpu").score([])
    assert scores.pk.shape == scores.pk_std.shape == scores.pose.shape == (0,)


def test_members_do_not_learn_while_scoring(weights):
    scorer = load_model(weights, device="cpu")
    assert not any(p.requires_grad for member in scorer.members for p in member.parameters())
    assert not any(member.training for member in scorer.members)


# ---------------------------------------------------------------- what is refused


def refusal(path, **how) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        load_model(path, device="cpu", **how)
    assert caught.value.code == "bad_weights"
    assert caught.value.hint
    return caught.value


def test_missing_weights_and_missing_card(weights, tmp_path):
    assert "no weights" in refusal(tmp_path / "nothing.safetensors").message
    assert "no weights" in refusal("no-such-model").message
    (tmp_path / "empty").mkdir()
    assert "no weights" in refusal(tmp_path / "empty").message
    weights.with_suffix(".json").unlink()
    assert "no card random.json" in refusal(weights).message


@pytest.mark.parametrize("keep", [0, 7, 500, -100])
def test_a_file_that_breaks_off(weights, keep):
    weights.write_bytes(weights.read_bytes()[:keep])
    assert "cannot be loaded" in refusal(weights).message


def test_a_pickle_is_refused_and_not_run(weights, tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    weights.write_bytes(pickle.dumps(Trap()))
    refusal(weights)
    torch.save({"state": torch.zeros(3), "trap": Trap()}, weights)
    refusal(weights)
    assert not (tmp_path / "sprung").exists()


def test_a_newer_format_says_upgrade(weights):
    edit_card(weights, format_version=FORMAT_VERSION + 1)
    error = refusal(weights)
    assert f"has format {FORMAT_VERSION + 1}" in error.message
    assert "Upgrade" in error.hint


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[1, 2]", "{}", '"card"', "\xff", "[" * 9999),
        *('{"format_version": "new"}', '{"format_version": Infinity}'),
    ],
)
def test_a_card_that_is_none(weights, text):
    weights.with_suffix(".json").write_text(text, encoding="latin-1")
    assert "is no model card" in refusal(weights).message


@pytest.mark.parametrize(
    "calibration", [{"std_scale": "wide"}, {"known_narrowing": []}, {"pose": {"logits": 0.3}}, {"pose": 0.3}, "none"]
)
def test_a_card_whose_calibration_cannot_be_read(weights, calibration):
    edit_card(weights, calibration=calibration)
    assert "cannot be loaded" in refusal(weights).message


@pytest.mark.parametrize("key", ["name", "config", "num_members"])
def test_a_card_that_lacks_something_names_it(weights, key):
    edit_card(weights, **{key: None})
    assert key in refusal(weights).message


@pytest.mark.parametrize("members", [0, 3, "many", float("inf")])
def test_a_card_that_counts_wrong(weights, members):
    edit_card(weights, num_members=members)
    refusal(weights)


def test_a_card_with_a_setting_that_this_version_lacks(weights):
    edit_card(weights, config={**SMALL.model_dump(), "telepathy": True})
    assert "telepathy" in refusal(weights).message


def test_a_card_of_another_size(weights):
    edit_card(weights, config={**SMALL.model_dump(), "hidden_channels": 64})
    assert "cannot be loaded" in refusal(weights).message


def test_a_card_of_networks_that_no_memory_holds(weights):
    edit_card(weights, config={**SMALL.model_dump(), "hidden_channels": 800_000})
    assert "its card describes networks of" in refusal(weights).message


def test_weights_that_lack_a_tensor(tmp_path):
    state = dict(random_member().state_dict())
    lost = next(name for name in state if "readout" in name)
    del state[lost]
    save_weights(tmp_path / "x.safetensors", [state], {"name": "x", "config": SMALL.model_dump()})
    refusal(tmp_path / "x.safetensors")


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_not_finite(weights, number):
    tensors = load_file(weights)
    tensors["1.interaction.bias"] = tensors["1.interaction.bias"] * 0 + number
    save_file(tensors, weights)
    with pytest.raises(WeightsError, match=r"1\.interaction\.bias has numbers that are not finite"):
        load_model(weights, device="cpu")


def test_apples_gpu_is_refused_with_the_reason(weights):
    with pytest.raises(UsageError, match="float64") as caught:
        load_model(weights, device="mps")
    assert "cpu" in caught.value.hint


def test_unknown_precision_and_device(weights):
    with pytest.raises(UsageError, match="float16"):
        load_model(weights, device="cpu", dtype="float16")
    with pytest.raises(UsageError, match="abacus"):
        load_model(weights, device="abacus")


def test_double_precision_computes_in_double(weights):
    scorer = load_model(weights, device="cpu", dtype="float64")
    assert {p.dtype for m in scorer.members for p in m.parameters()} == {torch.float64}
    assert {b.dtype for m in scorer.members for b in m.buffers() if b.is_floating_point()} == {torch.float64}
    assert isinstance(scorer.members[0], Member)


def test_weights_of_other_features_are_refused_by_name(weights, monkeypatch):
    card = json.loads(weights.with_suffix(".json").read_text())
    assert card["features"] == full_vocabulary()
    scalars = card["features"]["residue_scalars"]
    scalars[0], scalars[1] = scalars[1], scalars[0]
    edit_card(weights, features=card["features"])
    with pytest.raises(WeightsError) as caught:
        load_model(weights, device="cpu")
    assert "of residue_scalars it has cos_phi where this version has sin_phi" in caught.value.message
    assert "train again" in caught.value.hint


@pytest.mark.parametrize("name", available_models())
def test_shipped_cards_name_their_features(name):
    assert load_card(name)["features"] == full_vocabulary()

"""Parts of a member: learning rates, frozen encoders, gradient norms, what a run starts from."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pytest
import torch
from networks import SMALL, made_potential, random_member
from train_runs import log_of, run, weights_of

from binding.config import LearningRates, ModelConfig
from binding.errors import ConfigError, TrainingError, WeightsError
from binding.model.weights import DEFAULT_MODEL, Member, load_card, load_model, resolve_weights, save_weights
from binding.training import module as module_of_training
from binding.training.module import TrainingModule
from binding.training.parts import MEMBER_PARTS, clip_gradients, freeze_all_but_readouts, optimizer_groups, parameters
from binding.training.start import load_start

FROZEN = ("interaction.molecule", "interaction.directions", "interaction.pocket.", "interaction.pair",
          "interaction.bias_gate", "interaction.blocks", "ligand_only.molecule")  # fmt: skip


def test_each_parameter_is_in_one_part():
    member = Member(SMALL)
    found = [id(p) for tensors in parameters(member).values() for p in tensors]
    assert sorted(found) == sorted(id(p) for p in member.parameters())
    assert all(parameters(member)[part] for part in MEMBER_PARTS)


def test_only_readouts_are_left():
    member = Member(SMALL)
    freeze_all_but_readouts(member)
    for name, parameter in member.named_parameters():
        assert parameter.requires_grad != name.startswith(FROZEN), name
    trained = sum(p.numel() for p in member.parameters() if p.requires_grad)
    assert 0 < trained < sum(p.numel() for p in member.parameters()) / 2


def test_learning_rates_are_factors_by_part():
    member = Member(SMALL)
    groups = optimizer_groups(member, 0.01, LearningRates(pocket_encoder=0.1, ligand_only=3.0))
    assert {group["name"]: group["lr"] for group in groups} == pytest.approx(
        {"ligand_encoder": 0.01, "pocket_encoder": 0.001, "rest": 0.01, "ligand_only": 0.03}
    )
    assert sum(len(group["params"]) for group in groups) == len(list(member.parameters()))
    freeze_all_but_readouts(member)
    groups = optimizer_groups(member, 0.01, LearningRates())
    assert [group["name"] for group in groups] == ["rest", "ligand_only"], "what is frozen has no optimizer"


def test_gradient_norms_by_hand():
    member = Member(SMALL)
    member.interaction.bias.grad = torch.tensor(3.0)
    member.interaction.physics.rotor.grad = torch.tensor(4.0)
    member.ligand_only.bias.grad = torch.tensor(2.0)
    norms = {part: float(norm) for part, norm in clip_gradients(member, math.inf).items()}
    assert norms == pytest.approx(
        {"ligand_encoder": 0, "pocket_encoder": 0, "cross_attention": 0, "readouts": 5, "ligand_only": 2}
    )
    assert float(member.interaction.bias.grad) == 3.0, "nothing is clipped"


def test_warm_up_is_at_most_a_tenth_of_the_run(settings):
    def rates(steps: int, **changes) -> np.ndarray:
        module = TrainingModule(settings(**changes), steps)
        return np.array([module.rate(step) for step in range(steps)])

    short, long = rates(90, warmup_steps=200), rates(4000, warmup_steps=200)
    assert int(short.argmax()) == 8
    assert int(long.argmax()) in (198, 199)
    assert short.max() > 0.95
    assert short[-1] < 0.03
    assert rates(5, warmup_steps=200)[0] == pytest.approx(1.0), "a run of few steps has none"


# ---------------------------------------------------------------- in a run


def test_gradient_norms_are_logged_before_clipping(settings, monkeypatch):
    """Far beyond the clip, and alike whatever the clip is, in the first step."""
    logs = []
    for output, clip in (("a", 1e-3), ("b", 1e3)):
        config = settings(output, epochs=1, batch_size=100)
        monkeypatch.setattr(module_of_training, "GRADIENT_CLIP", clip)
        run(config)
        logs.append(log_of(config)[[f"gradient_{part}" for part in MEMBER_PARTS]].iloc[0])
    assert (logs[0] > 0).all()
    assert logs[0]["gradient_readouts"] > 0.1
    assert logs[0].to_numpy() == pytest.approx(logs[1].to_numpy(), rel=1e-6)


def test_factors_reach_the_weights(settings):
    """The encoders hardly move where their factor is a millionth."""
    factors = {"ligand_encoder": 1e-6, "pocket_encoder": 1e-6}
    config = settings(epochs=1, ema_decay=0.0, learning_rate=0.01, learning_rates=factors)
    torch.manual_seed(config.seed)
    module = TrainingModule(config, 1)
    run(config)
    held, start = weights_of(config), module.member.state_dict()
    moved = {name: float((held[f"0.{name}"] - tensor).norm()) for name, tensor in start.items()}
    assert moved["interaction.molecule.layers.0.source.weight"] < 1e-4
    assert moved["interaction.pocket.scalars.weight"] < 1e-4
    assert moved["interaction.pair.weight"] > 1e-3
    assert moved["ligand_only.molecule.layers.0.source.weight"] > 1e-3


def test_a_run_that_diverges_says_so(settings, monkeypatch):
    monkeypatch.setattr("binding.training.module.affinity_loss", lambda pk, *_: (pk * float("nan")).sum())
    with pytest.raises(TrainingError, match="not finite in step 0 ") as caught:
        run(settings())
    assert caught.value.code == "diverged"
    assert "learning_rate" in caught.value.hint


# ---------------------------------------------------------------- started from weights


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Two random networks as a set of weights."""
    path = tmp_path_factory.mktemp("base") / "base.safetensors"
    card = {"name": "base", "config": SMALL.model_dump(mode="json"), "calibration": {"std_scale": 1.25, "rows": 99}}
    save_weights(path, [random_member(seed=seed).state_dict() for seed in (1, 2)], card)
    return path


def fine(settings, base, output="run", **changes):
    changes = {"init": str(base), "model": {}, "validation": None, "epochs": 1, "ema_decay": 0.0} | changes
    return settings(output, **changes)


def test_sizes_and_weights_come_from_the_weights(settings, base):
    config = fine(settings, base, init_member=1, learning_rate=1e-12)
    run(config)
    written, held = load_model(config.output, device="cpu"), load_model(base, device="cpu").members[1]
    assert written.members[0].interaction.config == SMALL
    for name, tensor in written.members[0].state_dict().items():
        assert torch.allclose(tensor, held.state_dict()[name], atol=1e-6), name
    digest = hashlib.sha256(base.read_bytes()).hexdigest()
    assert written.card["init"] == {"name": "base", "member": 1, "sha256": digest}
    assert written.card["calibration"]["std_scale"] == 1.25, "nothing held out: the errors are taken over"
    assert written.card["calibration"]["taken_over_from"] == "base"


def test_the_tables_that_pose_goes_by_come_along(settings, tmp_path):
    path = tmp_path / "posed.safetensors"
    line = {"logit": 0.5, "offset": -1.0, "terms": {"distance": 0.1}}
    card = {"name": "posed", "config": SMALL.model_dump(mode="json"), "calibration": {"pose": line}}
    save_weights(path, [random_member(seed=1).state_dict()], card, potential=made_potential())
    config = fine(settings, path)
    run(config)
    written = load_model(config.output, device="cpu")
    assert written.scale.pose.terms == {"distance": 0.1}
    assert written.potential is not None
    assert torch.equal(written.potential.at_ligand, made_potential().at_ligand)


def test_only_the_readouts_learn(settings, base):
    config = fine(settings, base, trainable="readouts", learning_rate=0.01, epochs=2)
    run(config)
    held = load_model(base, device="cpu").members[0].state_dict()
    moved = {name.removeprefix("0."): tensor for name, tensor in weights_of(config).items()}
    for name, tensor in moved.items():
        same = torch.equal(tensor, held[name])
        assert same or not name.startswith(FROZEN), name
        if name in ("interaction.bias", "interaction.readout.atom.weight", "ligand_only.head.0.weight"):
            assert not same, name
    norms = log_of(config).iloc[0]
    assert norms["gradient_ligand_encoder"] == norms["gradient_cross_attention"] == 0.0
    assert norms["gradient_readouts"] > 0


def test_a_few_rows_are_learned_and_the_average_follows(settings, base):
    """Thirteen rows, thirty epochs, the default averaging: the error falls, in the kept weights too."""
    changes = {
        "sources": [{"cache": str(settings().sources[0].cache)}],
        "batch_size": 16,
        "learning_rate": 5e-3,
        "ema_decay": 0.998,
        "warmup_steps": 200,
        "noise": 0.0,
    }
    config = fine(settings, base, epochs=30, **changes)
    run(config)
    log = log_of(config)["train_affinity"]
    assert log.iloc[-1] < 0.3 * log.iloc[0]
    kept = torch.load(config.output / "last.ckpt", weights_only=True)["state_dict"]
    lag, way = 0.0, 0.0
    start = load_model(base, device="cpu").members[0].state_dict()
    for name in start:
        lag += float((kept[f"average.{name}"] - kept[f"member.{name}"]).square().sum())
        way += float((kept[f"member.{name}"] - start[name]).square().sum())
    assert lag < 0.01 * way


def test_a_run_from_weights_goes_on(settings, base):
    config = fine(settings, base)
    run(config)
    before = (config.output / "model.safetensors").read_bytes()
    run(config)
    assert (config.output / "model.safetensors").read_bytes() == before
    with pytest.raises(ConfigError, match=r"other settings.*init"):
        run(fine(settings, DEFAULT_MODEL))


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"init_member": 2}, ConfigError, r"base\.safetensors has 2 networks"),
        ({"model": {"hidden_channels": 64}}, ConfigError, r"hidden_channels 64 \(theirs: 32\)"),
        ({"model": {"angles": False}}, ConfigError, r"angles False \(theirs: True\)"),
        ({"init": "no-such-weights"}, WeightsError, "no weights 'no-such-weights'"),
    ],
)
def test_what_does_not_fit_is_told(settings, base, changes, error, told, tmp_path, monkeypatch):
    monkeypatch.chdir(base.parent)
    with pytest.raises(error, match=told) as caught:
        run(fine(settings, "base.safetensors", **changes))
    assert caught.value.hint


def test_dropout_may_change(settings, base):
    config = fine(settings, base, model={"dropout": 0.3, "hidden_channels": SMALL.hidden_channels})
    run(config)
    card = json.loads((config.output / "model.json").read_text())
    assert ModelConfig.model_validate(card["config"]) == SMALL.model_copy(update={"dropout": 0.3})


def test_a_pose_readout_is_added_and_not_taken_away(settings, base):
    added = fine(settings, base, model={"pose_readout": "pairs"})
    start = load_start(added)
    assert start.model == SMALL.model_copy(update={"pose_readout": "pairs"})
    assert not any(name.startswith("interaction.pose.") for name in start.state)
    run(added)
    assert any("interaction.pose." in name for name in weights_of(added))
    back = fine(settings, added.output, model={"pose_readout": "pooled"})
    with pytest.raises(ConfigError, match=r"pose_readout pooled \(theirs: pairs\)"):
        load_start(back)


def test_shipped_weights_are_named(settings):
    path, _ = resolve_weights(DEFAULT_MODEL)
    card = load_card(DEFAULT_MODEL)
    last = card["num_members"] - 1
    start = load_start(fine(settings, DEFAULT_MODEL, init_member=last))
    assert start.origin == {
        "name": card["name"],
        "member": last,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    assert start.model == ModelConfig.model_validate(card["config"])

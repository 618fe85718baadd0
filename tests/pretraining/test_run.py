"""A pre-training run: what it leaves, what it leaves out, resumed to the last digit; training that begins with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from binding.config import ModelConfig, TrainConfig
from binding.errors import ConfigError, TrainingError, UsageError, WeightsError
from binding.model.weights import load_card, load_model
from binding.pretraining.config import PretrainConfig
from binding.pretraining.loop import Loop
from binding.pretraining.run import pretrain
from binding.pretraining.tasks import LigandLearning, PocketLearning
from binding.training.encoders import load_encoders, save_encoder
from binding.training.run import train

from .conftest import MODEL, MOLECULES

FOLD = {"column": "uniprot", "folds": 3, "fold": 0}  # holds out benzamidine, bortezomib ..., and one of five proteins


def weights(config: PretrainConfig) -> dict[str, dict[str, torch.Tensor]]:
    return {path.stem: load_file(path) for path in sorted(Path(config.output).glob("*.safetensors"))}


def assert_same(first: PretrainConfig, second: PretrainConfig) -> None:
    one, two = weights(first), weights(second)
    assert one.keys() == two.keys() == {"ligand_encoder", "pocket_encoder"}
    for kind, tensors in one.items():
        assert all(torch.equal(tensor, two[kind][name]) for name, tensor in tensors.items())


@pytest.fixture
def finished(settings):
    config = settings(validation=FOLD)
    return config, pretrain(config, workers=1)


def test_a_run_leaves_encoders_cards_and_logs(finished):
    config, result = finished
    output = Path(config.output)
    assert [path.name for path in result.encoders] == ["ligand_encoder.safetensors", "pocket_encoder.safetensors"]
    assert result.rejected == []
    for kind, column in (("ligand", "element_accuracy"), ("pocket", "residue_accuracy")):
        card = load_card(output / f"{kind}_encoder.safetensors")
        assert card["encoder"] == kind
        assert card["rows"] == result.rows[kind]
        assert ModelConfig.model_validate(card["config"]) == config.model
        assert card["validation"]["rows"] > 0
        assert 0.0 <= card["validation"][column] <= 1.0
        log = pd.read_csv(output / f"{kind}_metrics.csv")
        assert len(log) == card["training"][kind]["epochs"]
        assert log[column].iloc[-1] == pytest.approx(card["validation"][column], abs=1e-5)
    assert PretrainConfig.from_yaml(output / "config.yaml") == config


def test_what_training_holds_out_is_not_learned_from(finished, prepared):
    config, result = finished
    ligand, pocket = LigandLearning(config, workers=1), PocketLearning(config)
    names = np.array([name for name, *_ in MOLECULES])
    protein = dict(zip(names, [row[3] for row in MOLECULES], strict=True))
    learned, held_out = names[ligand.train], names[ligand.held_out]
    assert len(learned) + len(held_out) == len(names)
    assert len(held_out) > 0
    assert not {protein[name] for name in learned} & {protein[name] for name in held_out}
    assert result.rows["ligand"] == len(learned)
    assert len(pocket.train) + len(pocket.held_out) == 5, "each protein once, the one with nine poses too"


def test_a_split_file_decides_by_id(settings, tmp_path):
    sides = {"aspirin": "validation", "imatinib": "test", "caffeine": "left_out", "benzamidine": "train"}
    path = tmp_path / "split.csv"
    path.write_text("\n".join(["id,split", *(f"{k},{v}" for k, v in sides.items()), ""]))
    task = LigandLearning(settings(pocket=None, validation={"file": str(path)}), workers=1)
    names = np.array([name for name, *_ in MOLECULES])
    assert names[task.held_out].tolist() == ["aspirin"]
    assert sorted(names[task.train]) == sorted(set(names) - {"aspirin", "imatinib", "caffeine"})


def test_where_reads_the_columns_of_the_index(settings, library):
    source = {"file": library / "molecules.sdf", "index": library / "index.csv", "where": "year >= 1994"}
    task = LigandLearning(settings(pocket=None, ligand={"molecules": [source]}), workers=1)
    assert task.train.tolist() == [4, 5, 6, 7]
    wrong = settings(pocket=None, ligand={"molecules": [source | {"where": "month > 3"}]})
    with pytest.raises(ConfigError, match="month"):
        LigandLearning(wrong, workers=1)


def test_two_files_are_one_set(settings, library):
    plain = {"file": library / "molecules.sdf"}
    measured = plain | {"index": library / "index.csv", "where": "year == 1992"}
    task = LigandLearning(settings(pocket=None, ligand={"molecules": [plain, measured]}), workers=1)
    assert task.train.tolist() == [*range(8), 8 + 2]
    assert torch.isnan(task.pk[:8]).all()
    assert float(task.pk[8 + 2]) == pytest.approx(4.699, abs=1e-3)


@pytest.mark.parametrize(("bias", "costs"), [(-50.0, False), (50.0, True)])
def test_a_bound_costs_on_its_wrong_side(settings, bias, costs):
    """Chloramphenicol's constant is above 100 uM: its pK is below 4."""
    torch.manual_seed(0)
    task = LigandLearning(settings(pocket=None), workers=1)
    task.network.bias.data.fill_(bias)
    row = [name for name, *_ in MOLECULES].index("chloramphenicol")
    terms = task.terms(np.array([row]), np.random.default_rng(0), torch.device("cpu"))
    assert (float(terms["affinity"].detach()) > 1.0) == costs
    unknown = [name for name, *_ in MOLECULES].index("paracetamol")
    terms = task.terms(np.array([unknown]), np.random.default_rng(0), torch.device("cpu"))
    assert float(terms["affinity"].detach()) == 0.0


def test_affinities_can_be_left_unread(settings):
    task = LigandLearning(settings(pocket=None, ligand={"affinity_weight": 0.0}), workers=1)
    terms = task.terms(np.arange(4), np.random.default_rng(0), torch.device("cpu"))
    assert set(terms) == {"atoms", "descriptors"}


def test_both_encoders_learn(settings):
    config = settings(
        ligand={"epochs": 30, "learning_rate": 0.01},
        pocket={"epochs": 20, "learning_rate": 0.02, "batch_size": 1, "mask": 0.5},
    )
    pretrain(config, workers=1)
    for kind, column, share in (("ligand", "train_atoms", 0.8), ("pocket", "train_residues", 0.95)):
        log = pd.read_csv(Path(config.output) / f"{kind}_metrics.csv")[column]
        assert log.iloc[-3:].mean() < share * log.iloc[0], kind


class KilledError(Exception):
    """Stands for a process that ends at once."""


@pytest.mark.parametrize(("kind", "epoch"), [("ligand", 2), ("pocket", 1)])
def test_resuming_after_a_kill_gives_the_unbroken_run(settings, monkeypatch, kind, epoch):
    whole, broken = settings("whole"), settings("broken")
    expected = pretrain(whole, workers=1)
    plain = Loop._step
    with monkeypatch.context() as patch:

        def killed(self, *args):
            if (self.task.name, len(self.log)) == (kind, epoch):
                raise KilledError
            return plain(self, *args)

        patch.setattr(Loop, "_step", killed)
        with pytest.raises(KilledError):
            pretrain(broken, workers=1)
    assert not (Path(broken.output) / f"{kind}_encoder.safetensors").exists()
    found = pretrain(broken, workers=1)
    assert_same(whole, broken)
    assert found.figures == expected.figures
    logs = [(Path(config.output) / f"{kind}_metrics.csv").read_text() for config in (whole, broken)]
    assert logs[0] == logs[1]


def test_other_settings_do_not_go_on_with_a_run(settings):
    pretrain(settings(pocket=None), workers=1)
    other = settings(pocket=None, seed=3)
    with pytest.raises(ConfigError, match="seed") as caught:
        pretrain(other, workers=1)
    assert "--restart" in caught.value.hint
    pretrain(other, workers=1, restart=True)
    pretrain(settings(ligand=None), workers=1, restart=True)
    assert not (Path(other.output) / "ligand_encoder.safetensors").exists(), "it would be taken with the new one"


def test_a_gradient_that_is_not_finite_ends_the_run(settings, monkeypatch):
    def infinite(self, *_):
        return {"atoms": self.network.mask.sum() * float("inf")}

    monkeypatch.setattr(LigandLearning, "terms", infinite)
    with pytest.raises(TrainingError, match="diverged"):
        pretrain(settings(pocket=None), workers=1)


def test_settings_that_ask_for_nothing_are_refused(tmp_path):
    path = tmp_path / "nothing.yaml"
    path.write_text("output: run\n")
    with pytest.raises(ConfigError, match="ligand"):
        pretrain(path)
    with pytest.raises(ConfigError, match="mask"):
        pretrain(path, {"ligand.molecules": [{"file": "a.sdf"}], "ligand.mask": 1.5})


def test_overrides_go_with_a_file(settings):
    with pytest.raises(UsageError):
        pretrain(settings(), {"seed": 1})


# ---------------------------------------------------------------- training that begins with them


@pytest.fixture
def begun(finished, prepared, tmp_path):
    """The first weights of a run, by the names of a member: it trains, but its rate is next to nothing."""

    def start(**changes):
        base = {
            "model": MODEL,
            "sources": [{"cache": str(prepared.path)}],
            "validation": None,
            "output": str(tmp_path / "train"),
            "epochs": 1,
            "batch_size": 8,
            "learning_rate": 1e-12,
            "threads": 1,
        }
        train(TrainConfig.model_validate(base | changes), progress=False, restart=True)
        return {k.removeprefix("0."): v for k, v in load_file(tmp_path / "train" / "model.safetensors").items()}

    return start


def test_training_begins_with_the_encoders_and_else_as_always(finished, begun):
    config, result = finished
    cold, warm = begun(), begun(encoders=[str(config.output)])
    ligand, pocket = (load_file(path) for path in result.encoders)
    places = {"interaction.molecule.": ligand, "ligand_only.molecule.": ligand, "interaction.pocket.": pocket}
    for name, tensor in warm.items():
        own = [(place, tensors) for place, tensors in places.items() if name.startswith(place)]
        if own:
            (place, tensors) = own[0]
            expected = tensors["0." + name.removeprefix(place)]
            assert torch.allclose(tensor, expected, atol=1e-6), name
        else:
            assert torch.allclose(tensor, cold[name], atol=1e-6), name
    name = "interaction.molecule.layers.0.source.weight"
    assert not torch.allclose(warm[name], cold[name], atol=1e-3)


def test_one_encoder_alone_leaves_the_other_to_chance(finished):
    config, result = finished
    model = ModelConfig.model_validate(MODEL)
    state = load_encoders([result.encoders[1]], model)
    assert all(name.startswith("interaction.pocket.") for name in state)
    assert load_encoders([config.output], model).keys() > state.keys()
    assert load_encoders([], model) == {}


def test_encoders_that_do_not_fit_are_refused(finished, tmp_path):
    config, result = finished
    larger = config.model.model_copy(update={"hidden_channels": 32, "num_heads": 4})
    with pytest.raises(ConfigError, match=r"hidden_channels 32 \(its: 16\)"):
        load_encoders(result.encoders, larger)
    flat = config.model.model_copy(update={"angles": False})
    with pytest.raises(ConfigError, match="angles"):
        load_encoders([result.encoders[1]], flat)
    load_encoders([result.encoders[0]], flat)  # a ligand's bond graph has no angles
    with pytest.raises(ConfigError, match="both a ligand encoder"):
        load_encoders([config.output, result.encoders[0]], config.model)
    with pytest.raises(WeightsError, match="no pre-trained encoder"):
        load_encoders([tmp_path], config.model)


def test_a_file_that_holds_no_encoder_is_told(tmp_path, finished):
    config, _ = finished
    path = save_encoder(tmp_path, "ligand", {"a": torch.zeros(2)}, {"config": MODEL})
    card = path.with_suffix(".json")
    card.write_text(json.dumps({k: v for k, v in json.loads(card.read_text()).items() if k != "encoder"}))
    with pytest.raises(WeightsError, match="holds no pre-trained encoder"):
        load_encoders([path], config.model)
    damaged = save_encoder(tmp_path, "pocket", {"a": torch.zeros(2)}, {"config": config.model.model_dump()})
    damaged.write_bytes(damaged.read_bytes()[:20])
    with pytest.raises(WeightsError, match="Cannot load"):
        load_encoders([damaged], config.model)


def test_an_encoder_is_no_model(finished):
    _, result = finished
    with pytest.raises(WeightsError, match="ligand encoder and no model"):
        load_model(result.encoders[0], device="cpu")


def test_an_encoder_that_lacks_a_tensor_is_told(tmp_path, finished):
    config, result = finished
    tensors = load_file(result.encoders[0])
    state = {name.removeprefix("0."): tensor for name, tensor in tensors.items() if "table" not in name}
    path = save_encoder(tmp_path, "ligand", state, {"config": config.model.model_dump()})
    with pytest.raises(WeightsError, match="Cannot load"):
        load_encoders([path], config.model)


def test_whole_weights_and_encoders_exclude_each_other():
    with pytest.raises(ValueError, match="exclude each other"):
        TrainConfig.model_validate(
            {"sources": [{"cache": "a.npz"}], "output": "o", "init": "binding-strict", "encoders": ["b"]}
        )

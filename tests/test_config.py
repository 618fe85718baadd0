"""Settings: what is known is typed, what is unknown is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from binding.config import ModelConfig, TrainConfig, load_yaml
from binding.errors import ConfigError, FileError
from binding.pretraining.config import PretrainConfig

ROOT = Path(__file__).resolve().parents[1]
LEAST = {"sources": [{"cache": "a.npz"}], "output": "runs/x"}


@pytest.fixture
def settings(tmp_path):
    """Writes settings and reads them."""

    def read(overrides=None, **changes):
        path = tmp_path / "train.yaml"
        path.write_text(yaml.safe_dump({**LEAST, **changes}))
        return TrainConfig.from_yaml(path, overrides)

    return read


def test_the_least_is_enough(settings):
    config = settings()
    assert config.model == ModelConfig()
    assert config.sources[0].repeat == 1.0


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "train").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_complete(path):
    settings = PretrainConfig if path.stem == "pretrain" else TrainConfig
    config = settings.from_yaml(path)
    assert settings.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"epoch": 3}, "epoch"),
        ({"model": {"angle": False}}, "model.angle"),
        ({"sources": [{"cache": "a.npz", "wheer": "x"}]}, "sources.0.wheer"),
        ({"validation": {"colum": "x"}}, "validation.colum"),
        ({"epochs": 0}, "epochs"),
        ({"sources": []}, "sources"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"model": {"hidden_channels": 100, "num_heads": 8}}, "multiple of num_heads"),
        ({"sources": [{"cache": "a.npz", "decoys": 1.5}]}, "sources.0.decoys"),
        ({"sources": [{"cache": "a.npz", "from_epoch": 3, "until_epoch": 3}]}, "must be after from_epoch"),
        ({"sources": [{"cache": "a.npz"}, {"cache": "b.npz", "from_epoch": 9}], "epochs": 9}, "sources.1 begins"),
        ({"sources": [{"cache": "a.npz", "until_epoch": 2}], "epochs": 3}, "no source is seen in epoch 2"),
        ({"sources": [{"cache": "a.npz", "from_epoch": 1}], "epochs": 10**12}, "no source is seen in epoch 0"),
        (
            {"sources": [{"cache": "a.npz", "until_epoch": 10**9}], "epochs": 10**12},
            "no source is seen in epoch 10000000",
        ),
        ({"sources": [{"cache": "a.npz", "rmsd": "rmsd"}]}, "rmsd needs group"),
        (
            {"sources": [{"cache": "a.npz", "rmsd": "rmsd", "group": ["native"], "decoys": 0.1}]},
            "rmsd and decoys exclude",
        ),
        ({"sources": [{"cache": "a.npz", "rmsd": "rmsd", "group": ["native"]}]}, "validation.source must not"),
        ({"learning_rates": {"pocket": 0.1}}, "learning_rates.pocket"),
        ({"learning_rates": {"rest": 0}}, "learning_rates.rest"),
        ({"trainable": "readouts"}, "needs init"),
        ({"trainable": "none"}, "needs init"),
        ({"devices": 8, "batch_size": 4}, "nothing to share"),
        ({"precision": "half"}, "precision"),
        ({"patience": 0}, "patience"),
    ],
)
def test_bad_settings_are_named(settings, changes, named):
    with pytest.raises(ConfigError) as caught:
        settings(**changes)
    assert named in caught.value.message
    assert "train.yaml" in caught.value.message
    assert caught.value.hint


def test_what_is_missing_is_named(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text("epochs: 3\n")
    with pytest.raises(ConfigError, match=r"sources.*output"):
        TrainConfig.from_yaml(path)


def test_overrides_beat_the_file(settings):
    config = settings({"model.angles": False, "epochs": 2, "sources.0.repeat": 3, "validation": None}, epochs=9)
    assert (config.model.angles, config.epochs, config.sources[0].repeat, config.validation) == (False, 2, 3.0, None)


@pytest.mark.parametrize("name", ["epochs.x", "sources.5.repeat", "sources.first.repeat", "sources.x"])
def test_overrides_that_lead_nowhere_are_refused(settings, name):
    with pytest.raises(ConfigError, match=name):
        settings({name: 1}, epochs=9)


def test_an_unknown_override_is_refused(settings):
    with pytest.raises(ConfigError, match=r"model\.wings"):
        settings({"model.wings": 2})


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n", "", "just words"])
def test_what_is_no_mapping_is_refused(tmp_path, text):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        load_yaml(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileError) as caught:
        load_yaml(tmp_path / "none.yaml")
    assert caught.value.code == "file_not_found"


def test_yaml_cannot_run_code(tmp_path):
    path = tmp_path / "trap.yaml"
    path.write_text(f"output: !!python/object/apply:pathlib.Path.touch [{tmp_path / 'sprung'}]\n")
    with pytest.raises(ConfigError):
        load_yaml(path)
    assert not (tmp_path / "sprung").exists()


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        ModelConfig().angles = False


def test_all_yaml_holds_every_setting_with_its_default():
    path = ROOT / "configs" / "train" / "all.yaml"
    written = load_yaml(path)
    needed = {"sources": [{"cache": "cache/mine.npz"}], "output": "runs/all"}
    assert written == TrainConfig.model_validate(needed).model_dump(mode="json")
    assert TrainConfig.from_yaml(path).model_dump(mode="json") == written


def test_names_of_earlier_versions():
    """Cards of older weights keep loading."""
    config = ModelConfig.model_validate({"prior": 0.3, "network": 0.6, "mean_pk": 6.5})
    assert (config.prior_weight, config.network_weight) == (0.3, 0.6)
    assert "mean_pk" not in config.model_dump()

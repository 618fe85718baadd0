"""Released weights from their parts: a prior, the network of a run, and what both were trained on."""

from __future__ import annotations

import pytest
import yaml
from dataset import write_tree
from prior_ligands import drugs, invented_pk

from binding.config import TrainConfig
from binding.data.cache import ComplexCache
from binding.data.prepare import prepare_dataset
from binding.domain.fingerprint import fingerprint
from binding.model.binder import binder_path
from binding.model.weights import load_card, load_model
from binding.prior.fit import fit_prior
from binding.training.run import train
from scripts.release import weights
from scripts.release.pose_networks import SETTINGS


def test_what_is_packed_is_loaded_and_pk_is_the_priors(tmp_path, monkeypatch):
    cache = tmp_path / "crystal.npz"
    prepare_dataset(write_tree(tmp_path / "tree"), None, cache, source="crystal", workers=0)
    monkeypatch.setattr(weights, "CACHES", {"crystal": "crystal"})
    ligands = drugs()
    fit_prior(ligands, invented_pk(ligands), [str(row) for row in range(len(ligands))], "protein_cluster", 2).save(
        tmp_path / "prior_base.npz"
    )
    small = {"hidden_channels": 16, "num_heads": 2, "num_layers": 1, "ligand_layers": 1, "vector_channels": 2}
    content = yaml.safe_load(SETTINGS.read_text())
    content |= {"epochs": 1, "device": "cpu", "threads": 1, "output": str(tmp_path / "run")}
    content |= {"model": content["model"] | small, "sources": [{"cache": str(cache)}]}
    train(TrainConfig.model_validate(content), progress=False)
    path = tmp_path / "out" / "binding-base.safetensors"
    path.parent.mkdir()
    binder_path(path).write_text("of other weights")

    weights.pack(path, tmp_path / "run", tmp_path)

    scorer, card, complexes = load_model(path, device="cpu"), load_card(path), ComplexCache(cache)
    said = scorer.score([complexes.graph(0)])
    assert said.pk == pytest.approx(said.pk_prior)
    assert card["name"] == "binding-base"
    assert card["members"] == [{"run": "run", "seed": 0, "rows": {str(cache): len(complexes)}}]
    assert card["prior"]["ligands"] == len(scorer.prior)
    assert scorer.domain is not None
    assert scorer.domain.nearest_ligand(fingerprint(complexes.ligand(0))) == 1.0
    assert scorer.prior.measured is not None, "scripts.release.prior_activity goes on from here"
    assert scorer.binder is None

"""Released weights from their parts: a prior, the network of poses, and what both were trained on."""

from __future__ import annotations

import json

import pytest
from dataset import write_tree
from prior_ligands import drugs, invented_pk
from safetensors.torch import save_file

from binding.config import ModelConfig
from binding.data.cache import ComplexCache
from binding.data.prepare import prepare_dataset
from binding.domain.fingerprint import fingerprint
from binding.model.binder import binder_path
from binding.model.interaction import InteractionModel
from binding.model.weights import load_card, load_model
from binding.prior.fit import fit_prior
from scripts.release import pose_networks, weights


def test_what_is_packed_is_loaded_and_pk_is_the_priors(tmp_path, monkeypatch):
    cache = tmp_path / "crystal.npz"
    prepare_dataset(write_tree(tmp_path / "tree"), None, cache, source="crystal", workers=0)
    monkeypatch.setattr(weights, "CACHES", {"crystal": "crystal"})
    ligands = drugs()
    fit_prior(ligands, invented_pk(ligands), [str(row) for row in range(len(ligands))], "protein_cluster", 2).save(
        tmp_path / "prior_base.npz"
    )
    network = InteractionModel(ModelConfig.model_validate(pose_networks.MODEL))
    told = pose_networks.settings() | {"seed": 3, "complexes": 20, "commit": "0123456789ab"}
    save_file(network.state_dict(), tmp_path / "base-all.safetensors", metadata={"about": json.dumps(told)})
    path = tmp_path / "out" / "binding-base.safetensors"
    path.parent.mkdir()
    binder_path(path).write_text("of other weights")

    weights.pack(path, tmp_path / "base-all.safetensors", tmp_path)

    scorer, card, complexes = load_model(path, device="cpu"), load_card(path), ComplexCache(cache)
    said = scorer.score([complexes.graph(0)])
    assert said.pk == pytest.approx(said.pk_prior)
    assert card["name"] == "binding-base"
    assert card["members"] == [{"run": "base-all", "seed": 3, "rows": {"cache/docked.npz": 20}}]
    assert card["prior"]["ligands"] == len(scorer.prior)
    assert scorer.domain is not None
    assert scorer.domain.nearest_ligand(fingerprint(complexes.ligand(0))) == 1.0
    assert scorer.prior.measured is not None, "scripts.release.prior_activity goes on from here"
    assert scorer.binder is None

"""Nothing mixes tensors of the host and of the device; what goes the way of a GPU gives the numbers of the CPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from networks import example_graph, random_member
from simulated_device import DEVICE, MixedDevices, SimulatedDevice

import binding
from binding.data.datamodule import ComplexDataModule
from binding.data.dataset import make_resident
from binding.domain.bits import BitIndex
from binding.domain.fingerprint import fingerprint
from binding.domain.words import site_words
from binding.explanation import run
from binding.graph.batch import collate
from binding.model.ensemble import Scorer
from binding.model.weights import load_model
from binding.training.module import TrainingModule

EXAMPLES = Path(__file__).resolve().parents[2] / "data" / "examples"
NAMES = ("1s2g", "1ia1", "4cup", "6wqa")
CLOSE = 1e-4  # pK


def test_mixing_is_noticed():
    with SimulatedDevice():
        there = torch.ones(3, device=DEVICE)
        assert there.device == DEVICE
        assert (2.0 * there).cpu().tolist() == [2.0, 2.0, 2.0]
        with pytest.raises(MixedDevices, match="add"):
            there + torch.ones(3)
        with pytest.raises(MixedDevices, match="index"):
            there[torch.tensor([0])]


@pytest.mark.parametrize("chunk", [None, 4])
def test_gradients_are_those_of_the_cpu(chunk):
    batch = collate([example_graph(name) for name in NAMES])

    def gradients(member, batch):
        member.interaction.save_memory(chunk is not None, chunk)
        output = member.interaction(batch)
        alone = member.ligand_only(batch)
        (output.pk + output.log_variance + output.pose_logit + alone).sum().backward()
        return {name: p.grad.cpu() for name, p in member.named_parameters() if p.grad is not None}

    here = gradients(random_member().train(False).requires_grad_(True), batch)
    with SimulatedDevice():
        member = random_member().train(False).requires_grad_(True).to(DEVICE)
        there = gradients(member, batch.to(DEVICE))
    assert here.keys() == there.keys()
    for name, gradient in here.items():
        assert torch.allclose(there[name], gradient, rtol=1e-3, atol=1e-3 * float(gradient.abs().max())), name


@pytest.mark.parametrize("graphs", ["device", "host"])
def test_a_training_step_stays_on_the_device(settings, graphs):
    """With dropout, decoys, pairs and ranks of poses; only counts, of which shapes follow, come to the host."""
    cache = str(settings().sources[0].cache)
    sources = [{"cache": cache, "decoys": 1.0, "group": ["source"]}]
    options = {"pair_weight": 1.0, "pose_rank_weight": 0.5, "batch_size": 13, "graphs": graphs}
    config = settings(validation=None, sources=sources, **options)
    data = ComplexDataModule(config)
    with SimulatedDevice() as device:
        module = TrainingModule(config, 10).train().to(DEVICE)
        module.trainer = None
        if graphs == "device":
            module.resident = data._resident = make_resident([data.train_set], DEVICE)
        (batch,) = list(data.train_dataloader())
        device.clear()
        shared = module.transfer_batch_to_device(batch, DEVICE, 0)
        assert device.to_host == []
        assert device.waits == []
        terms = module.losses(module.predict(module.member, shared), shared)
        module._terms.add(terms, len(shared.kept))
        torch.stack(list(terms.values())).sum().backward()
        module._norms.add(module.clip())
        module.on_train_batch_end()
        assert len(device.to_host) == 2
        assert sum(device.to_host) < 200
        assert device.waits == []
        assert device.unordered == []  # so that `deterministic: true` stops nowhere
        assert device.kernels < 1_900  # without the optimizer, which is one more a group
        assert all(p.grad is None or p.grad.device == DEVICE for p in module.member.parameters())
        assert all(torch.isfinite(term.cpu()) for term in terms.values())


@pytest.mark.usefixtures("_without_inference_mode")
def test_the_prior_is_that_of_the_cpu():
    """Several ligands at several sites; and what the domain asks for next is known by then."""
    graphs = [example_graph(name) for name in NAMES] + [example_graph("5ht1b", pose) for pose in range(2)]
    ligands, sites = [graph.ligand for graph in graphs], [site_words(graph) for graph in graphs]
    scorer = load_model()
    expected = scorer.prior.predict_at(ligands, sites)
    nearest = [scorer.domain.nearest_ligand(fingerprint(ligand)) for ligand in ligands]
    with SimulatedDevice():
        there = on_device(load_model())
        scores = there.score(graphs)
        with patch.object(BitIndex, "similarity", side_effect=AssertionError("the host compares")):
            assert [there.domain.nearest_ligand(fingerprint(ligand)) for ligand in ligands] == nearest
    assert scores.pk_prior == pytest.approx(expected.at_site, abs=CLOSE)
    assert scores.pk_ligand_only == pytest.approx(expected.alone, abs=CLOSE)
    assert scores.known == pytest.approx(expected.known, abs=1e-6)


def on_device(scorer):
    """The same scorer on the device."""
    given = scorer.name, scorer.card, scorer.members, DEVICE.type, "float32"
    parts = scorer.domain, scorer.prior, scorer.geometry, scorer.binder, scorer.potential
    return Scorer(*given, *parts)


@pytest.fixture
def _without_inference_mode(monkeypatch):
    """Torch has no inference tensors of our kind: no gradients are kept instead."""
    for owner, name in ((Scorer, "launch"), (Scorer, "outputs"), (run, "contributions_of")):
        monkeypatch.setattr(owner, name, torch.no_grad()(getattr(owner, name).__wrapped__))


@pytest.mark.usefixtures("_without_inference_mode")
def test_scores_are_those_of_the_cpu():
    graphs = [example_graph(name) for name in NAMES] + [example_graph("5ht1b", pose) for pose in range(3)]
    here = load_model().score(graphs)
    with SimulatedDevice():
        there = on_device(load_model()).score(graphs)
    for name in ("pk", "pk_std", "pk_ligand_only", "pose"):
        assert getattr(there, name) == pytest.approx(getattr(here, name), abs=CLOSE), name


@pytest.mark.usefixtures("_without_inference_mode")
def test_a_batch_of_a_screen_comes_back_as_its_numbers():
    """Poses in a pocket that lies there: counts come to the host in three reads, then all numbers in one."""
    first = example_graph("5ht1b")
    graphs = [replace(example_graph("5ht1b", pose), pocket=first.pocket) for pose in range(9)]
    with SimulatedDevice() as device:
        scorer = on_device(load_model())
        scorer.score(graphs)  # encodes the pocket, and sends constants
        device.clear()
        scorer.score(graphs)
    assert device.waits == []
    assert len(device.to_host) == 4
    assert sum(device.to_host) <= 80 * len(graphs) + 250  # ten numbers in 64 bits a pose, and the counts
    atoms = sum(graph.ligand.num_atoms for graph in graphs)
    assert sum(device.to_device) <= 400 * atoms + 100 * len(graphs)  # the ligands alone, of the pocket nothing
    assert device.kernels < 2_500


@pytest.mark.usefixtures("_without_inference_mode")
def test_an_explanation_stays_on_the_device():
    protein, ligand = EXAMPLES / "1s2g_protein.pdb.gz", EXAMPLES / "1s2g_ligand.sdf"
    here = binding.explain(protein, ligand, model=load_model()).parts
    with SimulatedDevice():
        there = binding.explain(protein, ligand, model=on_device(load_model())).parts
    assert there["status"].tolist() == ["ok"], there["message"].tolist()
    numbers = here.select_dtypes("number").columns
    one, two = (np.nan_to_num(table[numbers].to_numpy(dtype=float)) for table in (here, there))
    assert two == pytest.approx(one, abs=1e-3)

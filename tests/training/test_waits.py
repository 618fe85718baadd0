"""What a training step and a scoring batch ask of a device: waits, bytes to the host. Counted on the CPU.

Each wait leaves a GPU idle. Where the way of a GPU is another, ``test_simulated_device.py`` counts.
"""

from __future__ import annotations

import pytest
import torch
from dispatches import Dispatches
from networks import example_graph, random_member

from binding.data.datamodule import ComplexDataModule
from binding.data.dataset import make_resident
from binding.model.ensemble import Scorer
from binding.training.module import TrainingModule


@pytest.fixture
def step(settings):
    """A module and a batch with decoys, pairs and docked poses' labels, on its device."""
    cache = str(settings().sources[0].cache)
    sources = [{"cache": cache, "decoys": 1.0, "group": ["source"]}]
    config = settings(validation=None, sources=sources, pair_weight=1.0, pose_rank_weight=0.5, batch_size=13)
    data = ComplexDataModule(config)
    module = TrainingModule(config, 10).train()
    module.resident = make_resident([data.train_set], "cpu")
    (batch,) = list(data.train_dataloader())
    return module, batch


def test_a_training_step_waits_twice(step):
    """Batch, network, losses, backward, clipping, optimizer and running average, with the graphs on the device."""
    module, batch = step
    optimizer = module.configure_optimizers()["optimizer"]
    module.trainer = None
    with Dispatches() as joined:
        shared = module.transfer_batch_to_device(batch, torch.device("cpu"), 0)
    chosen = shared.chosen
    assert min(len(chosen.posed), len(chosen.wrong), len(chosen.pairs), len(chosen.right)) > 0
    # Which rows enter which loss is found on the host, before the labels go to the device.
    assert set(joined.waits) <= {"nonzero.default", "index.Tensor"}
    assert joined.reads == []
    assert joined.kernels < 160
    with Dispatches() as counted:
        terms = module.losses(module.predict(module.member, shared), shared)
        module._terms.add(terms, len(shared.kept))
        torch.stack(list(terms.values())).sum().backward()
        norms = module.clip()
        module._norms.add(norms)
        optimizer.step()
        module.on_train_batch_end()
    # Two reads of counts, of which shapes follow: of candidates, then of contacts, pairs, sites and rounds of messages.
    assert counted.reads == ["tolist", "tolist"]
    assert counted.waits == []
    assert counted.bytes_to_host < 200


def test_a_scoring_batch_waits_for_counts_and_for_its_numbers():
    scorer = Scorer("random", {}, [random_member(), random_member(seed=1)])
    graphs = [example_graph("1s2g"), example_graph("4cup"), example_graph("1ia1")]
    scorer.score(graphs)
    with Dispatches() as counted:
        scorer.score(graphs)
    assert counted.waits == []
    assert counted.reads == ["tolist", "tolist", "cpu"]
    assert counted.kernels < 1_450

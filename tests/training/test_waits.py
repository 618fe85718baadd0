"""How often a training step waits for the device: each wait leaves a GPU idle. Counted on the CPU, by operation."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from binding.data.datamodule import ComplexDataModule
from binding.training.module import TrainingModule

#: Operations whose result the host needs: a value, or a shape that follows from values.
WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "bincount", "repeat_interleave.Tensor")


class Waits(TorchDispatchMode):
    """Counts the waits inside its block."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        name = function.__name__
        by_mask = name.startswith("index.") and any(
            index is not None and index.dtype == torch.bool for index in arguments[1]
        )
        if name.startswith(WAITS) or by_mask:
            self.names.append(name)
        return function(*arguments, **(keywords or {}))


@pytest.fixture
def step(settings):
    """A module and a batch with decoys, pairs and docked poses' labels, on its device."""
    cache = str(settings().sources[0].cache)
    sources = [{"cache": cache, "decoys": 1.0, "group": ["source"]}]
    config = settings(validation=None, sources=sources, pair_weight=1.0, pose_rank_weight=0.5, batch_size=13)
    module = TrainingModule(config, 10).train()
    (batch,) = list(ComplexDataModule(config).train_dataloader())
    return module, module.transfer_batch_to_device(batch, torch.device("cpu"), 0)


def test_losses_and_clipping_wait_once(step):
    """Once, to see that the gradients are finite."""
    module, (graphs, labels, chosen) = step
    assert min(len(chosen.posed), len(chosen.wrong), len(chosen.pairs), len(chosen.right)) > 0
    predicted, labels = module.predict(module.member, graphs, labels)
    module.log_dict = lambda *_, **__: None
    with Waits() as counted:
        torch.stack(list(module.losses(predicted, labels, chosen).values())).sum().backward()
        module.configure_gradient_clipping(None)
        with torch.no_grad():
            module.on_train_batch_end()
    assert counted.names == ["_local_scalar_dense.default"]

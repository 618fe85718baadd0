"""The largest batch that a device holds, from what a small one keeps for its backward pass."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from binding.config import TrainConfig
from binding.data.dataset import ComplexDataset
from binding.graph.batch import Batch, collate
from binding.model.weights import Member

_SAMPLE = 8  # complexes
_TIMES_KEPT = 3.0  # what a step holds at its peak: what is kept, gradients, and room for what comes and goes
_SHARE = 0.5  # of the device's memory
_STEPS = 100  # of an epoch, at least: with fewer, a large batch learns less from it than it saves


def largest_batch(config: TrainConfig, rows: ComplexDataset, on_gpu: bool) -> int:
    """Ligand atoms a step, for ``batch_atoms: auto``.

    The same on all devices of a kind, and never less than ``batch_size`` complexes of the mean size.
    """
    sizes = rows.sizes
    least = config.batch_size * float(sizes.mean())
    an_epoch = float((sizes * rows.repeats(config.epochs - 1)).sum()) / _STEPS
    room = _SHARE * _memory(on_gpu) / config.devices if not on_gpu else _SHARE * _memory(on_gpu)
    largest = room / (_TIMES_KEPT * bytes_kept(config, rows))
    return round(max(least, min(largest, an_epoch)))


def bytes_kept(config: TrainConfig, rows: ComplexDataset) -> float:
    """Bytes a ligand atom that a forward pass keeps for the backward pass, from the largest complexes."""
    chosen = rows.sizes.argsort(kind="stable")[-_SAMPLE:]
    graphs = collate([rows.graph(int(row)) for row in chosen])
    with torch.random.fork_rng():
        member = Member(config.model).train()
        member.interaction.save_memory(config.checkpointing, config.attention_chunk)
        return kept_by(member, graphs) / float(rows.sizes[chosen].sum())


def kept_by(member: Member, graphs: Batch) -> int:
    """Bytes that a forward pass keeps for the backward pass."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        outputs = [member.interaction(graphs), None if member.ligand_only is None else member.ligand_only(graphs)]
    del outputs
    return sum(kept.values())


def _memory(on_gpu: bool) -> int:
    """Bytes of the device."""
    if on_gpu:
        return int(torch.cuda.get_device_properties(0).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

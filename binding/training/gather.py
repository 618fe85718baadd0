"""Reassembles a batch that several processes share, so that the loss is that of one process.

Each process encodes its own rows. The few numbers a row that the loss is made of are then exchanged, and every
process computes the loss of the whole batch: weighted means, and differences between rows of one group, come
out as they would have without the others.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch import distributed as dist

from binding.data.dataset import Labels


def world_size() -> int:
    """Number of processes that share each batch."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def gather_batch(predicted: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """What all processes predicted of a batch, and its labels; rows that only filled up a process's part are gone.

    Gradients flow to this process's own predictions alone. Summed over the processes, the gradients of a loss of
    all rows are those of the whole batch; ``DistributedDataParallel`` takes their mean, so that the loss has to be
    multiplied by ``world_size()``.

    Args:
        predicted: (n, columns); n may differ from process to process.
        labels: Labels of the same n rows.

    Returns:
        (B, columns) and the labels of the B rows, in the order of the ranks.
    """
    if world_size() == 1:
        return predicted, labels
    columns = [getattr(labels, name) for name in labels.__dataclass_fields__]
    # float64 holds every label exactly, so that all of them travel as one tensor
    whole = _gather(torch.stack([column.double() for column in columns], dim=1))
    gathered = Labels(*(column.to(old.dtype) for column, old in zip(whole.unbind(1), columns, strict=True)))
    counts = gathered.decoy | (gathered.weight > 0)
    kept = Labels(*(getattr(gathered, name)[counts] for name in labels.__dataclass_fields__))
    return _gather(predicted)[counts], kept


def _gather(rows: Tensor) -> Tensor:
    """The rows (n, columns) of all processes, this one's with their gradient."""
    counts = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(world_size())]
    dist.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    sizes = [int(count) for count in counts]
    padded = rows.new_zeros(max(sizes), rows.shape[1])
    padded[: len(rows)] = rows.detach()
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded)
    whole = [part[:size] for part, size in zip(parts, sizes, strict=True)]
    whole[dist.get_rank()] = rows
    return torch.cat(whole)

"""Reassembles a batch that several processes share, so that the loss is that of one process.

Each process encodes its own rows. The few numbers a row that the loss is made of are then exchanged, and every
process computes the loss of the whole batch: weighted means, and differences between rows of one group, come
out as they would have without the others.

Labels are exchanged by the hosts, before the network runs: a host then knows how many rows each process has, and does
not wait for its device to exchange what they predicted.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch import distributed as dist

from binding.data.dataset import Labels
from binding.graph.batch import Batch, sent
from binding.training.losses import Chosen


def world_size() -> int:
    """Number of processes that share each batch."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def host_group() -> dist.ProcessGroup | None:
    """A group through which tensors of the host are exchanged; None where that of the run does it.

    All processes must call it, at the same moment.
    """
    if world_size() == 1 or dist.get_backend() == "gloo":
        return None
    return dist.new_group(backend="gloo")


@dataclass(frozen=True, eq=False)
class SharedBatch:
    """A batch that all processes share, as one of them has it: its own graphs, and the labels of all B rows.

    Attributes:
        graphs: Of the n rows of this process.
        own: Their labels.
        labels: Of all rows, in the order of the ranks; rows that only filled up a process's part are gone.
        chosen: The rows that enter some terms of the loss.
        sizes: Rows of each process, those that only filled up its part included.
        kept: (B,) int64, the rows of ``labels`` among those of all processes.
        is_filler: Whether the rows of this process only fill up its part.
    """

    graphs: Batch
    own: Labels
    labels: Labels
    chosen: Chosen
    sizes: tuple[int, ...]
    kept: Tensor
    is_filler: bool

    @classmethod
    def of(
        cls, graphs: Batch, own: Labels, device: torch.device | str, group: dist.ProcessGroup | None = None
    ) -> SharedBatch:
        """Exchanges labels, which must lie on the host, and sends all to the device.

        Args:
            graphs: Of this process's rows, wherever they are.
            own: Labels of these rows.
            device: Where the network computes.
            group: See ``host_group``.
        """
        sizes = tuple(_sizes(len(own.pk), group))
        columns = [getattr(own, name) for name in own.__dataclass_fields__]
        # float64 holds every label exactly, so that all of them travel as one tensor
        whole = _gathered(torch.stack([column.double() for column in columns], dim=1), sizes, group)
        every = Labels(*(column.to(old.dtype) for column, old in zip(whole.unbind(1), columns, strict=True)))
        kept = (every.decoy | (every.weight > 0)).nonzero().flatten() if len(sizes) > 1 else torch.arange(len(whole))
        labels = Labels(*(getattr(every, name)[kept] for name in own.__dataclass_fields__))
        return cls(
            graphs=graphs.to(device),
            own=own.to(device),
            labels=labels.to(device),
            chosen=Chosen.of(labels).to(device),
            sizes=sizes,
            kept=sent(kept, device),
            is_filler=len(sizes) > 1 and not bool((own.decoy | (own.weight > 0)).any()),
        )

    def share(self, predicted: Tensor) -> Tensor:
        """(B, columns), what all processes predicted, of (n, columns) that this one did.

        Gradients flow to this process's own predictions alone. Summed over the processes, the gradients of a loss of
        all rows are those of the whole batch; ``DistributedDataParallel`` takes their mean, so that the loss has to be
        multiplied by ``world_size()``.
        """
        if len(self.sizes) == 1:
            return predicted
        return _gathered(predicted, self.sizes).index_select(0, self.kept)


def _sizes(rows: int, group: dist.ProcessGroup | None) -> list[int]:
    if world_size() == 1:
        return [rows]
    counts = torch.zeros(world_size(), dtype=torch.long)
    dist.all_gather(list(counts.split(1)), torch.tensor([rows]), group=group)
    return counts.tolist()


def _gathered(rows: Tensor, sizes: tuple[int, ...], group: dist.ProcessGroup | None = None) -> Tensor:
    """The rows (n, columns) of all processes, this one's with their gradient."""
    if len(sizes) == 1:
        return rows
    padded = rows.new_zeros(max(sizes), rows.shape[1])
    padded[: len(rows)] = rows.detach()
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded, group=group)
    whole = [part[:size] for part, size in zip(parts, sizes, strict=True)]
    whole[dist.get_rank()] = rows
    return torch.cat(whole)


def sum_over_processes(tensor: Tensor) -> Tensor:
    """The sum of a tensor over all processes, without a gradient."""
    if world_size() > 1 and tensor.numel():
        tensor = tensor.detach().clone()
        dist.all_reduce(tensor)
    return tensor

"""Lightning's door to the data."""

from __future__ import annotations

import os
from collections import deque
from functools import partial

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader

from binding.config import TrainConfig
from binding.data.cache import ComplexCache, refuse_mixed
from binding.data.dataset import BucketSampler, Collator, ComplexDataset, Shards, make_resident
from binding.data.holdout import filter_rows, split_rows
from binding.data.resident import BYTES_EACH, ResidentGraphs
from binding.prior.held_out import FittedPrior
from binding.prior.model import Prior, PriorFunction
from binding.prior.own import learn_own

_MOST_WORKERS = 8


def start_of(config: TrainConfig, prior: Prior | None = None) -> tuple[Prior | None, PriorFunction | None]:
    """The prior of a run, and what it says of ligands at their sites without having seen them.

    Args:
        config: The run.
        prior: The prior of the weights that the run starts from, if they have one.

    Raises:
        WeightsError: The file of the prior is missing or damaged.
        ConfigError: It was fitted for another rule of what is held out.
    """
    if config.prior is None:
        return prior, None if prior is None else prior.predict_at
    fitted = FittedPrior.load(config.prior)
    return fitted.prior, partial(fitted.starts, fold=fitted.fold_of_run(config.validation))


class ComplexDataModule(lightning.LightningDataModule):
    """Training and validation rows of a run's sources.

    Args:
        config: The run.
        prior: The prior of the weights that the run starts from, if they have one; it learns from the run's own rows.

    Attributes:
        prior: What the run's pk starts from, or None.

    Raises:
        CacheError, ConfigError: A cache or the split cannot be used.
        WeightsError: Nor can the file of the prior.
    """

    def __init__(self, config: TrainConfig, prior: Prior | None = None) -> None:
        super().__init__()
        self.config = config
        self.prior, start = start_of(config, prior)
        opened = {path: ComplexCache(path) for path in dict.fromkeys(source.cache for source in config.sources)}
        self.caches = [opened[source.cache] for source in config.sources]  # two sources may be parts of one cache
        refuse_mixed(self.caches)
        sources = list(config.sources)
        tables = [filter_rows(cache.table, source) for cache, source in zip(self.caches, sources, strict=True)]
        train, held_out = split_rows(tables, config.validation)
        self.train_set = ComplexDataset(self.caches, sources, train)
        unseen = start
        own = self.train_set.measured() if config.prior is None and prior is not None else ([], [], np.zeros(0))
        if prior is not None and own[0]:
            self.prior, unseen = learn_own(prior, *own, names=self.train_set.measured_ids())
            start = self.prior.predict_at
        if unseen is not None:
            self.train_set.start_from(unseen)
        self.validation_set = ComplexDataset(self.caches, sources, held_out, start)
        self._on_gpu = False

    def batches(self, epoch: int) -> BucketSampler:
        """The batches of an epoch, over all processes."""
        config = self.config
        atoms = None if config.batch_atoms == "auto" else config.batch_atoms
        return BucketSampler(
            self.train_set, config.batch_size, config.seed, epoch, together=config.together, batch_atoms=atoms
        )

    def total_steps(self) -> int:
        """Batches of the whole run."""
        return sum(len(self.batches(epoch)) for epoch in range(self.config.epochs))

    def peak_rate(self) -> float:
        """The highest learning rate: where batches are filled by atoms, it grows with the root of their complexes."""
        config = self.config
        if config.batch_atoms is None:
            return config.learning_rate
        batches = self.batches(0)
        each = sum(map(len, batches)) / max(1, len(batches))
        return config.learning_rate * (each / config.batch_size) ** 0.5

    def resident(self, device: torch.device) -> ResidentGraphs | None:
        """The graphs on the device, if that is where they are to lie; from then on batches hold poses alone.

        Called before any loader is made, which are then those for that device.
        """
        self._on_gpu = device.type == "cuda"
        sets, where = [self.train_set, self.validation_set], self.config.graphs
        if where == "auto" and device.type == "cuda":
            room = torch.cuda.get_device_properties(device).total_memory / 4
            where = "device" if sum(map(len, sets)) * BYTES_EACH < room else "host"
        if where == "device":
            return make_resident(sets, device)
        if self._workers():
            for rows in sets:
                deque(rows.graphs(), maxlen=0)  # before the workers are forked, which would each build all of them
        return None

    def train_dataloader(self) -> DataLoader:
        """Called at the start of each epoch, so that the draw depends on the epoch's number alone."""
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        config = self.config
        join = Collator(config.noise, decoys=True, seed=config.seed, epoch=epoch, first=self.train_set.first)
        return self._loader(self.train_set, self.batches(epoch), join)

    def val_dataloader(self) -> DataLoader | list:
        """Each held-out row once, its pose as it is."""
        if len(self.validation_set) == 0:
            return []
        atoms = self.config.batch_atoms
        batches = BucketSampler(
            self.validation_set,
            2 * self.config.batch_size,
            shuffle=False,
            batch_atoms=2 * atoms if isinstance(atoms, int) else None,
        )
        return self._loader(self.validation_set, batches, Collator(first=self.validation_set.first))

    def _loader(self, rows: ComplexDataset, batches: BucketSampler, join: Collator) -> DataLoader:
        return DataLoader(
            rows,
            batch_sampler=self._shard(batches),
            collate_fn=join,
            num_workers=self._workers(),
            pin_memory=self._on_gpu,
        )

    def _workers(self) -> int:
        """Processes of the loader: on the CPU they would take the cores that the network computes on."""
        if self.config.workers is not None:
            return self.config.workers
        return min(_MOST_WORKERS, (os.cpu_count() or 1) // self.config.devices) if self._on_gpu else 0

    def _shard(self, batches: BucketSampler) -> Shards:
        if self.trainer is None:
            return Shards(batches)
        return Shards(batches, self.trainer.global_rank, self.trainer.world_size)

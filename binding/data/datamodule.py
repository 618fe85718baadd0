"""Lightning's door to the data."""

from __future__ import annotations

import lightning
from torch.utils.data import DataLoader

from binding.config import TrainConfig
from binding.data.cache import ComplexCache
from binding.data.dataset import BucketSampler, Collator, ComplexDataset
from binding.data.splits import filter_rows, split_rows


class ComplexDataModule(lightning.LightningDataModule):
    """Training and validation rows of a run's sources.

    Args:
        config: The run.

    Raises:
        CacheError, ConfigError: A cache or the split cannot be used.
    """

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.config = config
        self.caches = [ComplexCache(source.cache) for source in config.sources]
        sources = list(config.sources)
        tables = [filter_rows(cache.table, source) for cache, source in zip(self.caches, sources, strict=True)]
        train, held_out = split_rows(tables, config.validation)
        self.train_set = ComplexDataset(self.caches, sources, train)
        self.validation_set = ComplexDataset(self.caches, sources, held_out)

    def train_dataloader(self) -> DataLoader:
        """Called anew for each epoch, so that the draw depends on the epoch's number alone."""
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        config = self.config
        return DataLoader(
            self.train_set,
            batch_sampler=BucketSampler(
                self.train_set, config.batch_size, config.seed, epoch, together=config.together
            ),
            collate_fn=Collator(config.noise, decoys=True, seed=config.seed, epoch=epoch),
        )

    def val_dataloader(self) -> DataLoader | list:
        """Each held-out row once, its pose as it is."""
        if len(self.validation_set) == 0:
            return []
        sampler = BucketSampler(self.validation_set, 2 * self.config.batch_size, shuffle=False)
        return DataLoader(self.validation_set, batch_sampler=sampler, collate_fn=Collator())

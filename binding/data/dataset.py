"""Rows of caches -> labelled batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from binding.config import SourceConfig
from binding.data.cache import ComplexCache
from binding.data.decoys import displaced_pose, rmsd
from binding.graph.batch import Batch, collate
from binding.graph.fields import ComplexGraph

_NEAR_NATIVE = 2.0  # Å, the field's threshold for a correct pose


@dataclass(frozen=True, eq=False)
class Labels:
    """Targets of the B ligands of a batch.

    Attributes:
        pk: (B,), of a decoy that of its crystal pose.
        weight: (B,), zero for decoys.
        relation: (B,) int64: 0 equal, -1 the true pk is lower, 1 higher.
        decoy: (B,) bool.
        near_native: (B,), 1 where the pose is within 2 Å of the crystal pose, 0 elsewhere, NaN where no crystal
            pose is known.
        group: (B,) int64, complexes of one protein share a number.
    """

    pk: Tensor
    weight: Tensor
    relation: Tensor
    decoy: Tensor
    near_native: Tensor
    group: Tensor

    def to(self, device: torch.device | str) -> Labels:
        return Labels(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class Example:
    """One row with its label."""

    index: int
    graph: ComplexGraph
    pk: float
    weight: float
    relation: int
    group: int
    decoys: float


_RELATIONS = {"<": -1, "<=": -1, ">": 1, ">=": 1}


class ComplexDataset(Dataset[Example]):
    """Rows of several caches in one list.

    Args:
        caches: One a source.
        sources: Their settings.
        rows: For each source, the index of the rows to use.
        group_column: Rows that share its value share a group.
    """

    def __init__(
        self, caches: list[ComplexCache], sources: list[SourceConfig], rows: list, group_column: str = "uniprot"
    ) -> None:
        self.caches, self.sources = caches, sources
        self.items = [(source, int(row)) for source, part in enumerate(rows) for row in part]
        keys: dict[str, int] = {}
        self._labels = []
        for source, row in self.items:
            record = caches[source].table.iloc[row]
            key = record.get(group_column)
            key = f"row {source} {row}" if key is None or key != key else str(key)
            relation = _RELATIONS.get(str(record.get("relation", "=")), 0)
            self._labels.append((float(record["pk"]), relation, keys.setdefault(key, len(keys))))
        self.sizes = np.array([int(caches[s].num_ligand_atoms()[r]) for s, r in self.items])
        self.repeats = np.array([sources[s].repeat for s, _ in self.items])

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Example:
        source, row = self.items[index]
        pk, relation, group = self._labels[index]
        settings = self.sources[source]
        return Example(index, self.caches[source].graph(row), pk, settings.weight, relation, group, settings.decoys)


class BucketSampler(Sampler[list[int]]):
    """Batches of ligands of like size, in random order; the epoch's draw depends on seed and epoch alone.

    Args:
        dataset: Its sizes and repeats are used.
        batch_size: Complexes a batch.
        seed, epoch: Of the draw.
        shuffle: False gives each row once, by size.
    """

    def __init__(
        self, dataset: ComplexDataset, batch_size: int, seed: int = 0, epoch: int = 0, shuffle: bool = True
    ) -> None:
        self.dataset, self.batch_size, self.seed, self.epoch, self.shuffle = dataset, batch_size, seed, epoch, shuffle

    def __len__(self) -> int:
        total = int(np.floor(self.dataset.repeats).sum()) if self.shuffle else len(self.dataset)
        if self.shuffle:
            total += int(round((self.dataset.repeats % 1).sum()))
        return -(-total // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        if not self.shuffle:
            order = np.argsort(self.dataset.sizes, kind="stable")
            yield from (part.tolist() for part in _chunks(order, self.batch_size))
            return
        generator = np.random.default_rng([self.seed, self.epoch])
        repeats = self.dataset.repeats
        whole = np.repeat(np.arange(len(repeats)), np.floor(repeats).astype(int))
        fractions = repeats % 1
        extra_count = int(round(fractions.sum()))
        extra = (
            generator.choice(len(repeats), extra_count, replace=False, p=fractions / fractions.sum())
            if extra_count
            else np.zeros(0, dtype=int)
        )
        order = generator.permutation(np.concatenate([whole, extra]))
        batches: list[np.ndarray] = []
        for part in _chunks(order, 16 * self.batch_size):
            by_size = part[np.argsort(self.dataset.sizes[part], kind="stable")]
            batches.extend(_chunks(by_size, self.batch_size))
        for row in generator.permutation(len(batches)):
            yield batches[row].tolist()


def _chunks(array: np.ndarray, size: int) -> list[np.ndarray]:
    return [array[start : start + size] for start in range(0, len(array), size)]


class Collator:
    """Examples -> (Batch, Labels), with noise and decoys while training.

    What is drawn for a batch depends on the seed, the epoch and the batch's rows alone, so that a resumed run
    draws what the unbroken one would have drawn.

    Args:
        noise: Å; each pose gets Gaussian noise of a standard deviation drawn between 0 and this.
        decoys: Whether to add displaced poses.
        seed, epoch: Of the draw.
    """

    def __init__(self, noise: float = 0.0, decoys: bool = False, seed: int = 0, epoch: int = 0) -> None:
        self.noise, self.decoys, self.seed, self.epoch = noise, decoys, seed, epoch

    def __call__(self, examples: list[Example]) -> tuple[Batch, Labels]:
        generator = np.random.default_rng([self.seed, self.epoch, *(example.index for example in examples)])
        graphs, rows = [], []
        for example in examples:
            ligand = example.graph.ligand
            native = ligand.positions
            known = 1.0 if example.decoys > 0 else float("nan")
            scale = generator.uniform(0.0, self.noise) if self.noise else 0.0
            noisy = native + generator.normal(scale=scale, size=native.shape) if scale else native
            graphs.append(replace(example.graph, ligand=replace(ligand, positions=noisy)))
            rows.append((example.pk, example.weight, example.relation, False, known, example.group))
            if self.decoys and example.decoys > 0 and generator.random() < example.decoys:
                moved = displaced_pose(native, generator)
                still_near = float(rmsd(native, moved) < _NEAR_NATIVE)
                graphs.append(replace(example.graph, ligand=replace(ligand, positions=moved)))
                rows.append((example.pk, 0.0, 0, True, still_near, example.group))
        pk, weight, relation, decoy, near, group = zip(*rows, strict=True)
        labels = Labels(
            pk=torch.tensor(pk, dtype=torch.float32),
            weight=torch.tensor(weight, dtype=torch.float32),
            relation=torch.tensor(relation),
            decoy=torch.tensor(decoy),
            near_native=torch.tensor(near, dtype=torch.float32),
            group=torch.tensor(group),
        )
        return collate(graphs), labels

"""Rows of caches -> labelled batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from binding.config import SourceConfig
from binding.data.cache import ComplexCache
from binding.data.decoys import displaced_pose, rmsd
from binding.data.resident import Poses, ResidentGraphs, join_poses, without_pocket
from binding.errors import ConfigError
from binding.folds import group_name
from binding.graph.batch import Batch, collate
from binding.graph.fields import ComplexGraph, LigandGraph
from binding.prior.model import PriorFunction, PriorPk

_NEAR_NATIVE = 2.0  # Å, the field's threshold for a correct pose


@dataclass(frozen=True, eq=False)
class Labels:
    """Targets of the B ligands of a batch.

    Attributes:
        pk: (B,), pK; a decoy has that of its crystal pose.
        weight: (B,), zero for decoys.
        relation: (B,) int64: 0 equal, -1 the true pk is lower, 1 higher.
        decoy: (B,) bool.
        near_native: (B,), 1 where the pose is within 2 Å of the crystal pose, 0 elsewhere, NaN where no crystal
            pose is known.
        group: (B,) int64, complexes that may be compared with each other share a number, see ``SourceConfig.group``.
        poses_of: (B,) int64, poses of one complex share a number.
        start: (B,), pK, the prior's value for the ligand at its site, a fraction of which pk starts from; zero where
            there is none.
        alone: (B,), pK, the prior's value for the ligand alone; zero where there is none.
    """

    pk: Tensor
    weight: Tensor
    relation: Tensor
    decoy: Tensor
    near_native: Tensor
    group: Tensor
    poses_of: Tensor
    start: Tensor
    alone: Tensor

    def to(self, device: torch.device | str) -> Labels:
        return Labels(*(getattr(self, n).to(device, non_blocking=True) for n in self.__dataclass_fields__))

    def pin_memory(self) -> Labels:
        """See ``binding.graph.batch.Tensors.pin_memory``."""
        return Labels(*(getattr(self, name).pin_memory() for name in self.__dataclass_fields__))


class Draw(NamedTuple):
    """A row as an epoch draws it.

    Attributes:
        row: Row of the dataset.
        place: Position in the epoch's order over all processes; noise and decoys depend on it, so that a row seen
            twice is not displaced alike, and that it does not matter which process draws it.
        filler: Whether the row counts for nothing: it stands in where a process has no row of a batch.
    """

    row: int
    place: int
    filler: bool = False


@dataclass(frozen=True, eq=False)
class Example:
    """One row with its label; ``decoys_from`` is the epoch from which it has decoys.

    ``near_native`` and ``decoy`` are those of ``Labels``, of the pose as it is in the cache; in a source without RMSDs
    the former is NaN and the latter false.
    """

    draw: Draw
    graph: ComplexGraph
    pk: float
    weight: float
    relation: int
    group: int
    decoys: float
    decoys_from: int
    near_native: float = float("nan")
    decoy: bool = False
    start: float = 0.0
    alone: float = 0.0


RELATION_SIGNS = {"<": -1, "<=": -1, ">": 1, ">=": 1}


class ComplexDataset(Dataset[Example]):
    """Rows of several caches in one list.

    Args:
        caches: One a source.
        sources: Their settings.
        rows: For each source, the index of the rows to use.
        start: What the network's pk starts from; see ``start_of``.

    Attributes:
        starts: (rows,) values of ``start`` for each row; None without it.
        first: Where its graphs begin among those on the device; None where they are joined on the host.

    Raises:
        ConfigError: A column that ``group`` names is not in the table; a table without ``uniprot``, the default, is
            taken as it is. The column ``rmsd`` is missing, or one of its cells is blank or not an RMSD.
    """

    def __init__(
        self, caches: list[ComplexCache], sources: list[SourceConfig], rows: list, start: PriorFunction | None = None
    ) -> None:
        self.caches, self.sources = caches, sources
        for cache, settings in zip(caches, sources, strict=True):
            absent = [column for column in settings.group if column not in cache.table.columns]
            if absent and settings.group != SourceConfig.model_fields["group"].default:
                raise ConfigError(
                    f"group: {cache.path} has no column {', '.join(absent)}.",
                    f"The columns are {', '.join(cache.table.columns)}.",
                )
        self.items = [(source, int(row)) for source, part in enumerate(rows) for row in part]
        keys: dict[str, int] = {}
        self._labels: list[tuple[float, int, int]] = []
        rmsds = [_rmsds(cache, settings, part) for cache, settings, part in zip(caches, sources, rows, strict=True)]
        self._rmsd = np.concatenate(rmsds) if rmsds else np.zeros(0)
        for source, row in self.items:
            record = caches[source].table.iloc[row]
            key = _group_key(record, sources[source].group)
            key = f"row {source} {row}" if key is None else key
            relation = RELATION_SIGNS.get(str(record.get("relation", "=")), 0)
            self._labels.append((float(record["pk"]), relation, keys.setdefault(key, len(keys))))
        self.relations = np.array([relation for _, relation, _ in self._labels], dtype=np.int64)
        self.groups = np.array([group for _, _, group in self._labels], dtype=np.int64)
        self.sizes = np.array([int(caches[s].num_ligand_atoms()[r]) for s, r in self.items])
        self._source = np.array([source for source, _ in self.items], dtype=np.int64)
        self.starts: PriorPk | None = None
        self.first: int | None = None
        self._light: list[ComplexGraph] = []
        if start is not None:
            self.start_from(start)

    def start_from(self, start: PriorFunction) -> None:
        """Sets ``starts``."""
        self.starts = start(*self._at_sites(range(len(self.items))))

    def measured(self) -> tuple[list[LigandGraph], list[np.ndarray], np.ndarray]:
        """Ligands, words of their sites and pK (n,) of the rows with an exact measurement; redocked poses left out."""
        rows = self.exact_rows()
        return *self._at_sites(rows.tolist()), self.pk[rows]

    @property
    def pk(self) -> np.ndarray:
        """(rows,) pK as measured; a bound where ``relations`` says so."""
        return np.array([pk for pk, _, _ in self._labels])

    def exact_rows(self) -> np.ndarray:
        """The rows with an exact measurement, without redocked poses."""
        docked = np.array([settings.rmsd is not None for settings in self.sources], dtype=bool)[self._source]
        return np.flatnonzero((self.relations == 0) & ~docked)

    def measured_ids(self) -> list[str]:
        """The ids of the rows of ``measured``."""
        places = [self.items[row] for row in self.exact_rows().tolist()]
        return [str(self.caches[source].table["id"].iloc[row]) for source, row in places]

    def _at_sites(self, rows: Iterable[int]) -> tuple[list[LigandGraph], list[np.ndarray]]:
        places = [self.items[row] for row in rows]
        ligands = [self.caches[source].ligand(row) for source, row in places]
        return ligands, [self.caches[source].site_words(row) for source, row in places]

    def graphs(self) -> Iterator[ComplexGraph]:
        """The graph of each row; they are built, so that processes which are forked later find them."""
        return map(self.graph, range(len(self.items)))

    def graph(self, index: int) -> ComplexGraph:
        """The graph of one row, whole wherever graphs lie."""
        source, row = self.items[index]
        return self.caches[source].graph(row)

    def repeats(self, epoch: int) -> np.ndarray:
        """(rows,) how often each row is seen in an epoch; zero where its source takes no part in it."""
        by_source = [source.repeat if source.is_seen(epoch) else 0.0 for source in self.sources]
        return np.array(by_source)[self._source]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int | Draw) -> Example:
        draw = index if isinstance(index, Draw) else Draw(index, index)
        source, row = self.items[draw.row]
        pk, relation, group = self._labels[draw.row]
        settings = self.sources[source]
        # A row that is drawn twice has two pockets, wherever graphs lie.
        graph = without_pocket(self._light[draw.row]) if self._light else self.caches[source].graph(row)
        known, rmsd = float("nan"), float(self._rmsd[draw.row])
        start = alone = 0.0
        if self.starts is not None:
            start, alone = float(self.starts.at_site[draw.row]), float(self.starts.alone[draw.row])
        later = settings.decoys_from_epoch
        if draw.filler:
            return Example(draw, graph, pk, 0.0, relation, group, 0.0, later, start=start, alone=alone)
        if settings.rmsd is not None:
            known = float(rmsd < _NEAR_NATIVE)
        weight, wrong = (0.0, True) if known == 0.0 else (settings.weight, False)
        return Example(draw, graph, pk, weight, relation, group, settings.decoys, later, known, wrong, start, alone)


def make_resident(datasets: Sequence[ComplexDataset], device: torch.device | str) -> ResidentGraphs:
    """Puts the graphs of datasets on a device; their examples hold from now on only what differs between batches."""

    def graphs() -> Iterator[ComplexGraph]:
        first = 0
        for rows in datasets:
            rows.first, rows._light = first, []
            light = []
            for graph in rows.graphs():
                light.append(without_pocket(graph))
                yield graph
            rows._light = light
            first += len(rows)

    return ResidentGraphs(graphs(), device)


def _rmsds(cache: ComplexCache, settings: SourceConfig, rows: Sequence[int]) -> np.ndarray:
    """(rows,) Å; NaN in a source without such a column."""
    if settings.rmsd is None:
        return np.full(len(rows), np.nan)
    if settings.rmsd not in cache.table.columns:
        raise ConfigError(
            f"rmsd: {cache.path} has no column {settings.rmsd}.", f"The columns are {', '.join(cache.table.columns)}."
        )
    values = pd.to_numeric(cache.table[settings.rmsd].iloc[list(rows)], errors="coerce").to_numpy(dtype=np.float64)
    odd = np.flatnonzero(~(values >= 0.0))
    if len(odd):
        name = cache.table["id"].iloc[rows[odd[0]]]
        raise ConfigError(
            f"rmsd: {len(odd)} rows of {cache.path} have no number of 0 or more in {settings.rmsd}, such as {name!r}.",
            f"Leave them out with where: {settings.rmsd} >= 0.",
        )
    return values


def _group_key(record: pd.Series, columns: Sequence[str]) -> str | None:
    """What complexes that may be compared share; None where a column is missing or blank."""
    values = [record.get(column) for column in columns]
    if any(value is None or value != value or value == "" for value in values):
        return None
    return "|".join(f"{column}={group_name(value)}" for column, value in zip(columns, values, strict=True))


class BucketSampler(Sampler[list[int]]):
    """Batches of ligands of similar size, in random order; the epoch's draw depends on seed and epoch alone.

    Args:
        dataset: Supplies sizes, repeats and groups.
        batch_size: Complexes a batch.
        seed, epoch: Determine the draw.
        shuffle: False gives each row once, by size.
        together: Rows of one group that come in one batch as far as there are so many, for the pair loss.
        batch_atoms: Ligand atoms that a batch holds at most, instead of a number of complexes; a larger ligand comes
            alone. ``batch_size`` then says nothing.
    """

    def __init__(
        self,
        dataset: ComplexDataset,
        batch_size: int,
        seed: int = 0,
        epoch: int = 0,
        shuffle: bool = True,
        together: int = 1,
        batch_atoms: int | None = None,
    ) -> None:
        self.batch_atoms = batch_atoms
        if batch_atoms is not None:  # of complexes of the mean size
            batch_size = max(1, round(batch_atoms / max(1.0, float(dataset.sizes.mean())))) if len(dataset) else 1
        self.dataset, self.batch_size, self.seed, self.epoch, self.shuffle = dataset, batch_size, seed, epoch, shuffle
        self.together = together

    def __len__(self) -> int:
        if self.batch_atoms is not None:
            return len(self._batches)
        total = sum(_drawn(self.dataset.repeats(self.epoch))) if self.shuffle else len(self.dataset)
        return -(-total // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._batches:
            yield batch.tolist()

    @cached_property
    def _batches(self) -> list[np.ndarray]:
        if not self.shuffle:
            return self._cut(np.argsort(self.dataset.sizes, kind="stable"))
        generator = np.random.default_rng([self.seed, self.epoch])
        repeats = self.dataset.repeats(self.epoch)
        whole = np.repeat(np.arange(len(repeats)), np.floor(repeats).astype(int))
        fractions = repeats % 1
        _, extra_count = _drawn(repeats)
        extra = (
            generator.choice(len(repeats), extra_count, replace=False, p=fractions / fractions.sum())
            if extra_count
            else np.zeros(0, dtype=int)
        )
        order, size = self._in_clumps(generator.permutation(np.concatenate([whole, extra])), generator)
        batches: list[np.ndarray] = []
        for start in range(0, len(order), 16 * self.batch_size):
            window = slice(start, start + 16 * self.batch_size)
            batches.extend(self._cut(order[window][np.argsort(size[window], kind="stable")]))
        return [batches[row] for row in generator.permutation(len(batches))]

    def _cut(self, rows: np.ndarray) -> list[np.ndarray]:
        """Rows by size, in batches."""
        if self.batch_atoms is None:
            return chunks(rows, self.batch_size)
        parts, start, held = [], 0, 0
        for place, atoms in enumerate(self.dataset.sizes[rows].tolist()):
            if place > start and held + atoms > self.batch_atoms:
                parts.append(rows[start:place])
                start, held = place, 0
            held += atoms
        return [*parts, rows[start:]] if len(rows) else parts

    def _in_clumps(self, order: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows in random order, ``together`` of a group in a row, and the size that each is sorted by."""
        sizes = self.dataset.sizes[order].astype(float)
        if self.together == 1:
            return order, sizes
        groups = self.dataset.groups[order]
        place = np.argsort(groups, kind="stable")  # within a group the order stays random
        starts = np.flatnonzero(np.diff(groups[place], prepend=-1))
        within = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
        clump = np.cumsum(within % self.together == 0) - 1
        rank = generator.permutation(clump[-1] + 1)[clump]
        # All of a clump are sorted by the clump's mean, and told apart from others of the same mean by its rank.
        mean = np.bincount(clump, sizes[place])[clump] / np.bincount(clump)[clump]
        by_rank = np.argsort(rank, kind="stable")
        return order[place][by_rank], (mean + 1e-9 * rank)[by_rank]


def _drawn(repeats: np.ndarray) -> tuple[int, int]:
    """How many rows an epoch has for sure, and how many it draws from the fractions: at least one in all."""
    whole, fractions = int(np.floor(repeats).sum()), float((repeats % 1).sum())
    return whole, max(round(fractions), int(whole == 0 and fractions > 0))


def chunks(array: np.ndarray, size: int) -> list[np.ndarray]:
    """An array in parts of a size; the last may be smaller."""
    return [array[start : start + size] for start in range(0, len(array), size)]


class Shards(Sampler[list[Draw]]):
    """One process's part of each batch: every ``world``-th row. All processes have the same number of batches.

    Args:
        batches: Batches of all processes.
        rank: Rank of this process.
        world: Number of processes.
    """

    def __init__(self, batches: BucketSampler, rank: int = 0, world: int = 1) -> None:
        self.batches, self.rank, self.world = batches, rank, world

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[Draw]]:
        place = 0
        for rows in self.batches:
            draws = [Draw(row, place + k) for k, row in enumerate(rows)]
            place += len(rows)
            yield draws[self.rank :: self.world] or [draws[0]._replace(filler=True)]


class Collator:
    """Examples -> (Batch, Labels), with noise and decoys while training.

    What is drawn for a row depends on the seed, the epoch and its place in the epoch alone, so that a resumed run
    draws what the unbroken one would have drawn, and two processes what one would have drawn.

    Args:
        noise: Å; each pose gets Gaussian noise of a standard deviation drawn between 0 and this.
        decoys: Whether to add displaced poses.
        seed, epoch: Determine the draw.
        first: Where the graphs of the dataset begin among those on the device, to which only poses are then sent; None
            joins graphs on the host.
    """

    def __init__(
        self, noise: float = 0.0, decoys: bool = False, seed: int = 0, epoch: int = 0, first: int | None = None
    ) -> None:
        self.noise, self.decoys, self.seed, self.epoch, self.first = noise, decoys, seed, epoch, first

    def __call__(self, examples: list[Example]) -> tuple[Batch | Poses, Labels]:
        graphs, rows, places = [], [], list[int]()
        for example in examples:
            generator = np.random.default_rng([self.seed, self.epoch, example.draw.row, example.draw.place])
            ligand = example.graph.ligand
            native = ligand.positions
            displaced = example.decoys > 0 and self.epoch >= example.decoys_from
            known = 1.0 if displaced else example.near_native
            complex_of = example.group if not np.isnan(example.near_native) else -1 - example.draw.place
            scale = generator.uniform(0.0, self.noise) if self.noise else 0.0
            noisy = native + generator.normal(scale=scale, size=native.shape) if scale else native
            graphs.append(replace(example.graph, ligand=replace(ligand, positions=noisy)))
            places.append(example.draw.row)
            relation = 0 if example.decoy else example.relation
            shared = (example.group, complex_of, example.start, example.alone)
            rows.append((example.pk, example.weight, relation, example.decoy, known, *shared))
            if self.decoys and displaced and generator.random() < example.decoys:
                moved = displaced_pose(native, generator)
                still_near = float(rmsd(native, moved) < _NEAR_NATIVE)
                graphs.append(replace(example.graph, ligand=replace(ligand, positions=moved)))
                places.append(example.draw.row)
                rows.append((example.pk, 0.0, 0, True, still_near, *shared))
        pk, weight, relations, decoy, near, group, poses_of, start, alone = zip(*rows, strict=True)
        labels = Labels(
            pk=torch.tensor(pk, dtype=torch.float32),
            weight=torch.tensor(weight, dtype=torch.float32),
            relation=torch.tensor(relations),
            decoy=torch.tensor(decoy),
            near_native=torch.tensor(near, dtype=torch.float32),
            group=torch.tensor(group),
            poses_of=torch.tensor(poses_of),
            start=torch.tensor(start, dtype=torch.float32),
            alone=torch.tensor(alone, dtype=torch.float32),
        )
        if self.first is not None:
            return join_poses([self.first + place for place in places], graphs), labels
        return collate(graphs), labels

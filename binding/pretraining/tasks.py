"""What each encoder learns in pre-training: its rows, the loss of a batch, and figures of the rows held out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from binding.callbacks import Advance
from binding.config import SourceConfig, ValidationConfig
from binding.constants import AMINO_ACIDS
from binding.data.cache import ComplexCache
from binding.data.dataset import RELATION_SIGNS, chunks
from binding.data.holdout import TRAIN, VALIDATION, filter_rows, read_split, split_rows
from binding.data.prepare import Rejected
from binding.graph.batch import Batch, Molecules, collate, collate_molecules
from binding.graph.fields import ATOM_CATEGORIES
from binding.io.truth import read_truth, truth_frame
from binding.pretraining.config import LigandTask, MoleculeSource, PocketTask, PretrainConfig
from binding.pretraining.heads import MoleculePretraining, PocketPretraining
from binding.pretraining.molecules import MoleculeSet, read_molecules
from binding.training.losses import HUBER_DELTA, affinity_loss

_ELEMENT: Final = list(ATOM_CATEGORIES).index("element")
_DESCRIPTOR_WEIGHT: Final = 0.5
_MASKS_OF_HELD_OUT: Final = 0  # seed


class Task(ABC):
    """Rows, network and losses of one encoder.

    Attributes:
        name: ``ligand`` or ``pocket``.
        settings: The encoder's section of the settings.
        network: The encoder, as ``network.encoder``, and the layers it learns by.
        train: The rows of an epoch, one item each.
        held_out: The rows that measure the encoder.
        rejected: Records that could not be read.
    """

    name: str
    settings: LigandTask | PocketTask
    network: nn.Module
    train: Sequence[Any] | np.ndarray
    held_out: Sequence[Any] | np.ndarray
    rejected: list[Rejected]

    @abstractmethod
    def terms(self, rows: np.ndarray, generator: np.random.Generator, device: torch.device) -> dict[str, Tensor]:
        """The terms of the loss of some rows of ``train``, each with its weight in it."""

    @abstractmethod
    def measure(self, device: torch.device) -> dict[str, float]:
        """Figures of the rows held out; the network is in evaluation mode."""


def hidden_places(possible: Tensor, share: float, generator: np.random.Generator) -> Tensor:
    """Which places a mask hides.

    Args:
        possible: (n,) bool; at least one.
        share: Share of the possible places to hide, though never fewer than one place.
        generator: Draws the places.

    Returns:
        (n,) bool.
    """
    places = np.flatnonzero(possible.numpy())
    count = max(1, round(share * len(places)))
    hidden = torch.zeros(len(possible), dtype=torch.bool)
    hidden[torch.from_numpy(generator.choice(places, count, replace=False))] = True
    return hidden


# ---------------------------------------------------------------- ligands


class LigandLearning(Task):
    """Hidden atoms, descriptors, and pK where one was measured.

    Args:
        config: The run; it has a section ``ligand``.
        workers: Processes that read; all cores where None.
        progress: Called with the number of records read.
    """

    name = "ligand"
    settings: LigandTask
    network: MoleculePretraining

    def __init__(self, config: PretrainConfig, workers: int | None = None, progress: Advance | None = None) -> None:
        assert config.ligand is not None
        self.settings, sources = config.ligand, config.ligand.molecules
        sets = [read_molecules(source.file, workers=workers, progress=progress) for source in sources]
        tables = [_labels(found, source) for found, source in zip(sets, sources, strict=True)]
        self.graphs = [graph for found in sets for graph in found.graphs]
        self.rejected = [item for found in sets for item in found.rejected]
        starts = np.cumsum([0, *map(len, tables)])
        kept = [
            filter_rows(table.set_axis(range(start, end)), SourceConfig(cache=source.file, where=source.where))
            for table, source, (start, end) in zip(tables, sources, pairwise(starts), strict=True)
        ]
        self.train, self.held_out = _molecule_sides(kept, config.validation)
        labels = pd.concat(tables, ignore_index=True)
        self.pk = torch.from_numpy(labels["pk"].to_numpy(dtype=np.float32, copy=True))
        self._sign = torch.tensor([RELATION_SIGNS.get(str(sign), 0) for sign in labels["relation"]])
        self.network = MoleculePretraining(config.model)

    def _batch(self, places: np.ndarray, generator: np.random.Generator) -> tuple[Molecules, Tensor]:
        batch = collate_molecules([self.graphs[place] for place in places])
        every = torch.ones(len(batch.atom_ligand), dtype=torch.bool)
        return batch, hidden_places(every, self.settings.mask, generator)

    def terms(self, rows: np.ndarray, generator: np.random.Generator, device: torch.device) -> dict[str, Tensor]:
        places = np.asarray(self.train)[rows]
        batch, hidden = self._batch(places, generator)
        batch, hidden, pk, sign = batch.to(device), hidden.to(device), self.pk[places], self._sign[places]
        guess = self.network(batch, hidden)
        target = batch.atom_categories[hidden]
        atoms = [nn.functional.cross_entropy(logits, target[:, k]) for k, logits in enumerate(guess.categories)]
        descriptors = nn.functional.smooth_l1_loss(guess.descriptors, batch.descriptors)
        terms = {"atoms": torch.stack(atoms).mean(), "descriptors": _DESCRIPTOR_WEIGHT * descriptors}
        if self.settings.affinity_weight:
            known = (~torch.isnan(pk)).to(device, guess.pk.dtype)
            loss = affinity_loss(guess.pk, pk.nan_to_num().to(device), known, sign.to(device), HUBER_DELTA)
            terms["affinity"] = self.settings.affinity_weight * loss
        return terms

    def measure(self, device: torch.device) -> dict[str, float]:
        generator = np.random.default_rng(_MASKS_OF_HELD_OUT)
        elements, right, pk = [], [], []
        for places in chunks(np.asarray(self.held_out), 2 * self.settings.batch_size):
            batch, hidden = self._batch(places, generator)
            guess = self.network(batch.to(device), hidden.to(device))
            elements.append(batch.atom_categories[hidden][:, _ELEMENT])
            right.append(guess.categories[_ELEMENT].argmax(-1).cpu() == elements[-1])
            pk.append(guess.pk.float().cpu())
        figures = _accuracy("element", torch.cat(right), torch.cat(elements))
        truth = self.pk[self.held_out]
        exact = ~torch.isnan(truth) & (self._sign[self.held_out] == 0)
        if self.settings.affinity_weight and exact.any():
            figures["pk_rmse"] = float((torch.cat(pk) - truth)[exact].square().mean().sqrt())
        return figures


def _labels(molecules: MoleculeSet, source: MoleculeSource) -> pd.DataFrame:
    """One row a molecule: ``id``, ``pk`` (NaN where it is not known), ``relation`` and the index's other columns."""
    if source.index is None:
        return pd.DataFrame({"id": molecules.names, "pk": np.nan, "relation": "="})
    table = truth_frame(read_truth(source.index, affinities=False)).reindex(molecules.names)
    table = table.rename_axis("id").reset_index()
    for column in table.columns.difference(["id", "pk", "relation"]):  # numbers, for `where`
        numbers = pd.to_numeric(table[column], errors="coerce")
        if numbers.notna().equals(table[column].notna()):
            table[column] = numbers
    return table


def _molecule_sides(tables: list[pd.DataFrame], validation: ValidationConfig | None) -> tuple[np.ndarray, np.ndarray]:
    """Molecules to learn from and molecules held out.

    Where a split file is given, molecules that it does not name are used for training: the file lists complexes.
    """
    if validation is not None and validation.file is not None:
        sides = read_split(validation.file)
        named = pd.concat(tables)["id"].map(sides).fillna(TRAIN)
        return named.index[named == TRAIN].to_numpy(), named.index[named == VALIDATION].to_numpy()
    train, held_out = split_rows(tables, validation)
    return np.concatenate([part.to_numpy() for part in train]), np.concatenate([part.to_numpy() for part in held_out])


# ---------------------------------------------------------------- pockets


class PocketLearning(Task):
    """Hidden amino acids. In an epoch each protein is seen once, through one of its pockets.

    Args:
        config: The run; it has a section ``pocket``.
    """

    name = "pocket"
    settings: PocketTask
    network: PocketPretraining

    def __init__(self, config: PretrainConfig) -> None:
        assert config.pocket is not None
        self.settings, self.rejected = config.pocket, []
        self.caches = [ComplexCache(source.cache) for source in self.settings.pockets]
        tables = [
            filter_rows(cache.table, SourceConfig(cache=source.cache, where=source.where))
            for cache, source in zip(self.caches, self.settings.pockets, strict=True)
        ]
        self.train, self.held_out = map(self._proteins, split_rows(tables, config.validation))
        self.network = PocketPretraining(config.model)

    def _proteins(self, rows: list[pd.Index]) -> list[tuple[int, np.ndarray]]:
        """For each protein its source and the rows of its pockets."""
        found = []
        for source, part in enumerate(rows):
            groups = self.caches[source].groups()[part]
            found += [(source, part.to_numpy()[groups == group]) for group in np.unique(groups)]
        return found

    def _batch(self, pockets: list[tuple[int, int]], generator: np.random.Generator) -> tuple[Batch, Tensor]:
        batch = collate([self.caches[source].graph(row) for source, row in pockets])
        return batch, hidden_places(batch.residue_types < len(AMINO_ACIDS), self.settings.mask, generator)

    def terms(self, rows: np.ndarray, generator: np.random.Generator, device: torch.device) -> dict[str, Tensor]:
        proteins = [self.train[row] for row in rows]
        batch, hidden = self._batch([(source, int(generator.choice(part))) for source, part in proteins], generator)
        batch, hidden = batch.to(device), hidden.to(device)
        logits = self.network(batch, hidden)
        return {"residues": nn.functional.cross_entropy(logits, batch.residue_types[hidden])}

    def measure(self, device: torch.device) -> dict[str, float]:
        generator = np.random.default_rng(_MASKS_OF_HELD_OUT)
        types, right, loss = [], [], []
        for rows in chunks(np.arange(len(self.held_out)), self.settings.batch_size):
            pockets = [(self.held_out[row][0], int(self.held_out[row][1][0])) for row in rows]
            batch, hidden = self._batch(pockets, generator)
            logits = self.network(batch.to(device), hidden.to(device)).float().cpu()
            types.append(batch.residue_types[hidden])
            right.append(logits.argmax(-1) == types[-1])
            loss.append(nn.functional.cross_entropy(logits, types[-1], reduction="none"))
        figures = _accuracy("residue", torch.cat(right), torch.cat(types))
        return figures | {"residue_cross_entropy": float(torch.cat(loss).mean())}


def _accuracy(what: str, right: Tensor, values: Tensor) -> dict[str, float]:
    """The accuracy, and that of always guessing the most frequent value."""
    frequent = float(torch.bincount(values).max()) / len(values)
    return {f"{what}_accuracy": float(right.float().mean()), f"{what}_most_frequent": frequent}

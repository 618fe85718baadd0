"""What each encoder learns in pre-training: its rows, the loss of a batch, and figures of the rows held out."""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

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
from binding.graph.batch import Batch, collate
from binding.graph.fields import ATOM_CATEGORIES
from binding.io.truth import read_truth, truth_frame
from binding.pretraining.config import LigandTask, MoleculeSource, PocketTask, PretrainConfig
from binding.pretraining.heads import MoleculePretraining, PocketPretraining
from binding.pretraining.molecules import MoleculeSet, read_molecules
from binding.training.losses import affinity_loss

_ELEMENT = list(ATOM_CATEGORIES).index("element")
_HUBER_DELTA = 1.0  # pK
_MASKS_OF_HELD_OUT = 0  # seed


class Task(Protocol):
    """What the loop needs to know of an encoder: its rows, its network and the terms of its loss."""

    @property
    def name(self) -> str:
        """``ligand`` or ``pocket``."""

    @property
    def settings(self) -> LigandTask | PocketTask:
        """Its section of the settings."""

    @property
    def network(self) -> MoleculePretraining | PocketPretraining:
        """The encoder, as ``network.encoder``, and what it learns by."""

    @property
    def rejected(self) -> list[Rejected]:
        """What could not be read."""

    @property
    def rows(self) -> int:
        """Items an epoch."""

    @property
    def held_out(self) -> int:
        """Items that measure what was learned."""

    def terms(self, rows: np.ndarray, generator: np.random.Generator, device: torch.device) -> dict[str, Tensor]:
        """The terms of the loss of some of the rows, each with its weight in it."""

    def measure(self, device: torch.device) -> dict[str, float]:
        """Figures of the rows held out; the network is in evaluation mode."""


def hidden_places(possible: Tensor, share: float, generator: np.random.Generator) -> Tensor:
    """Which places a mask hides.

    Args:
        possible: (n,) bool; at least one.
        share: Of these that are hidden; one is, whatever the share.
        generator: Of the draw.

    Returns:
        (n,) bool.
    """
    places = np.flatnonzero(possible.numpy())
    count = max(1, round(share * len(places)))
    hidden = torch.zeros(len(possible), dtype=torch.bool)
    hidden[torch.from_numpy(generator.choice(places, count, replace=False))] = True
    return hidden


# ---------------------------------------------------------------- ligands


class LigandLearning:
    """Hidden atoms, descriptors, and pK where one was measured.

    Args:
        config: The run; it has a section ``ligand``.
        workers: Processes that read; all cores where None.
        progress: Called with the number of records read.
    """

    name = "ligand"

    def __init__(self, config: PretrainConfig, workers: int | None = None, progress: Advance | None = None) -> None:
        assert config.ligand is not None
        self.settings = config.ligand
        sets, tables = [], []
        for source in self.settings.molecules:
            molecules = read_molecules(source.file, source.cache, workers=workers, progress=progress)
            sets.append(molecules)
            tables.append(_labels(molecules, source))
        self.molecules = MoleculeSet.joined(sets)
        self.rejected = self.molecules.rejected
        starts = np.cumsum([0, *map(len, sets)])
        kept = [
            filter_rows(table.set_axis(range(start, end)), SourceConfig(cache=source.file, where=source.where))
            for table, source, (start, end) in zip(tables, self.settings.molecules, pairwise(starts), strict=True)
        ]
        self._train, self._held_out = _molecule_sides(kept, config.validation)
        labels = pd.concat(tables, ignore_index=True)
        self._pk = torch.from_numpy(labels["pk"].to_numpy(dtype=np.float32, copy=True))
        self._sign = torch.tensor([RELATION_SIGNS.get(str(sign), 0) for sign in labels["relation"]])
        self.network = MoleculePretraining(config.model)

    @property
    def rows(self) -> int:
        return len(self._train)

    @property
    def held_out(self) -> int:
        return len(self._held_out)

    def terms(self, rows: np.ndarray, generator: np.random.Generator, device: torch.device) -> dict[str, Tensor]:
        places = self._train[rows]
        batch = self.molecules.batch(places)
        hidden = hidden_places(torch.ones(len(batch.atom_molecule), dtype=torch.bool), self.settings.mask, generator)
        batch, hidden, pk, sign = batch.to(device), hidden.to(device), self._pk[places], self._sign[places]
        guess = self.network(batch, hidden)
        target = batch.atom_categories[hidden]
        atoms = [nn.functional.cross_entropy(logits, target[:, k]) for k, logits in enumerate(guess.categories)]
        terms = {"atoms": torch.stack(atoms).mean()}
        if self.settings.descriptor_weight:
            loss = nn.functional.smooth_l1_loss(guess.descriptors, batch.descriptors)
            terms["descriptors"] = self.settings.descriptor_weight * loss
        if self.settings.affinity_weight:
            known = (~torch.isnan(pk)).to(device)
            pk, sign = pk.nan_to_num().to(device), sign.to(device)
            loss = affinity_loss(guess.pk, pk, known.to(guess.pk.dtype), sign, _HUBER_DELTA)
            terms["affinity"] = self.settings.affinity_weight * loss
        return terms

    def measure(self, device: torch.device) -> dict[str, float]:
        generator = np.random.default_rng(_MASKS_OF_HELD_OUT)
        elements, right, pk = [], [], []
        for places in chunks(self._held_out, 2 * self.settings.batch_size):
            batch = self.molecules.batch(places)
            hidden = hidden_places(
                torch.ones(len(batch.atom_molecule), dtype=torch.bool), self.settings.mask, generator
            )
            guess = self.network(batch.to(device), hidden.to(device))
            elements.append(batch.atom_categories[hidden][:, _ELEMENT])
            right.append(guess.categories[_ELEMENT].argmax(-1).cpu() == elements[-1])
            pk.append(guess.pk.float().cpu())
        truth = self._pk[self._held_out]
        exact = ~torch.isnan(truth) & (self._sign[self._held_out] == 0)
        figures = {
            "element_accuracy": _share(torch.cat(right)),
            "element_most_frequent": _most_frequent(torch.cat(elements)),
        }
        if self.settings.affinity_weight and exact.any():
            figures["pk_rmse"] = float((torch.cat(pk) - truth)[exact].square().mean().sqrt())
        return figures


def _labels(molecules: MoleculeSet, source: MoleculeSource) -> pd.DataFrame:
    """One row a molecule: ``id``, ``pk`` (NaN where it is not known), ``relation`` and the index's other columns."""
    if source.index is None:
        table = pd.DataFrame({"id": molecules.names, "pk": np.nan, "relation": "="})
    else:
        table = (
            truth_frame(read_truth(source.index, affinities=False))
            .reindex(molecules.names)
            .rename_axis("id")
            .reset_index()
        )
        for column in table.columns.difference(["id", "pk", "relation"]):  # numbers, for `where`
            numbers = pd.to_numeric(table[column], errors="coerce")
            if numbers.notna().equals(table[column].notna()):
                table[column] = numbers
    return table


def _molecule_sides(tables: list[pd.DataFrame], validation: ValidationConfig | None) -> tuple[np.ndarray, np.ndarray]:
    """Molecules to learn from and molecules held out.

    By a file, molecules that it does not name are learned from: it lists complexes, and these are others.
    """
    if validation is not None and validation.file is not None:
        sides = read_split(validation.file)
        named = pd.concat(tables)["id"].map(sides).fillna(TRAIN)
        return named.index[named == TRAIN].to_numpy(), named.index[named == VALIDATION].to_numpy()
    train, held_out = split_rows(tables, validation)
    return np.concatenate([part.to_numpy() for part in train]), np.concatenate([part.to_numpy() for part in held_out])


# ---------------------------------------------------------------- pockets


class PocketLearning:
    """Hidden amino acids. In an epoch each protein is seen once, by one of its pockets.

    Args:
        config: The run; it has a section ``pocket``.
    """

    name = "pocket"

    def __init__(self, config: PretrainConfig) -> None:
        assert config.pocket is not None
        self.settings = config.pocket
        self.rejected: list[Rejected] = []
        self.caches = [ComplexCache(source.cache) for source in self.settings.pockets]
        tables = [
            filter_rows(cache.table, SourceConfig(cache=source.cache, where=source.where))
            for cache, source in zip(self.caches, self.settings.pockets, strict=True)
        ]
        train, held_out = split_rows(tables, config.validation)
        self._train = self._proteins(train)
        self._held_out = self._proteins(held_out)
        self.network = PocketPretraining(config.model)

    def _proteins(self, rows: list[pd.Index]) -> list[tuple[int, np.ndarray]]:
        """For each protein its source and the rows of its pockets."""
        found = []
        for source, part in enumerate(rows):
            groups = self.caches[source].groups()[part]
            found += [(source, part.to_numpy()[groups == group]) for group in np.unique(groups)]
        return found

    @property
    def rows(self) -> int:
        return len(self._train)

    @property
    def held_out(self) -> int:
        return len(self._held_out)

    def _batch(self, pockets: list[tuple[int, int]], generator: np.random.Generator) -> tuple[Batch, Tensor]:
        batch = collate([self.caches[source].graph(row) for source, row in pockets])
        return batch, hidden_places(batch.residue_types < len(AMINO_ACIDS), self.settings.mask, generator)

    def terms(self, rows: np.ndarray, generator: np.random.Generator, device: torch.device) -> dict[str, Tensor]:
        proteins = [self._train[row] for row in rows]
        batch, hidden = self._batch([(source, int(generator.choice(part))) for source, part in proteins], generator)
        batch, hidden = batch.to(device), hidden.to(device)
        logits = self.network(batch, hidden)
        return {"residues": nn.functional.cross_entropy(logits, batch.residue_types[hidden])}

    def measure(self, device: torch.device) -> dict[str, float]:
        generator = np.random.default_rng(_MASKS_OF_HELD_OUT)
        types, right, loss = [], [], []
        for rows in chunks(np.arange(self.held_out), self.settings.batch_size):
            pockets = [(self._held_out[row][0], int(self._held_out[row][1][0])) for row in rows]
            batch, hidden = self._batch(pockets, generator)
            logits = self.network(batch.to(device), hidden.to(device)).float().cpu()
            types.append(batch.residue_types[hidden])
            right.append(logits.argmax(-1) == types[-1])
            loss.append(nn.functional.cross_entropy(logits, types[-1], reduction="none"))
        return {
            "residue_accuracy": _share(torch.cat(right)),
            "residue_most_frequent": _most_frequent(torch.cat(types)),
            "residue_cross_entropy": float(torch.cat(loss).mean()),
        }


def _share(right: Tensor) -> float:
    return float(right.float().mean())


def _most_frequent(values: Tensor) -> float:
    """Accuracy of always guessing the most frequent value."""
    return float(torch.bincount(values).max()) / len(values)

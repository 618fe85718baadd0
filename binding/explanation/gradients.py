"""Integrated gradients: what pk gains on the way from no protein to the complex, by pair, atom and residue.

From Sundararajan et al. 2017 (https://arxiv.org/abs/1703.01365), by captum. The way begins where every residue is out
of reach of every atom (all pair features are zero, and pairs fade in with them) and where each atom is like the mean of
the ligand's atoms, each residue like the mean of those in reach; it leads straight to the complex. What is gained along
it is shared out among the features, and the shares add up to the whole gain.

The prior counts ligands that are alike and has no gradient: it stays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor

from binding.errors import UsageError
from binding.graph.batch import Batch, collate
from binding.graph.fields import ComplexGraph
from binding.model.ensemble import Scorer
from binding.model.interaction import Geometry, InteractionModel
from binding.model.layers.geometry import PairFeatures

if TYPE_CHECKING:
    from captum.attr import IntegratedGradients

#: Where the way begins, in words.
BASELINE: Final = (
    "no protein in reach, every atom like the mean of the ligand's atoms, every residue like the mean of those in reach"
)
#: The error of the sum that is accepted, as a share of the gain.
COMPLETE: Final = 0.01
_LEAST_GAIN: Final = 0.1  # pK, below which the error is compared with this
_STEPS: Final = (8, 16, 32, 64, 128)  # points on the way, more of them as long as the sum is not complete
_PAIRS_AT_ONCE: Final = 20_000


@dataclass(frozen=True, eq=False)
class Gradients:
    """Integrated gradients of the networks' part of pk: n ligand atoms, k residues within reach. All in pK.

    Attributes:
        atom_labels: (n) such as ``C12``.
        residue_labels: (k) such as ``A:ASP:25``.
        pairs: (n, k) of the geometry of each pair; zero beyond the cutoff.
        atom_features: (n,) of what each atom is.
        residue_features: (k,) of what each residue is.
        elsewhere: Of what residues out of reach are, in all.
        pk: The networks' part of pk.
        baseline_pk: The same at the baseline.
        baseline: The baseline in words.
    """

    atom_labels: tuple[str, ...]
    residue_labels: tuple[str, ...]
    pairs: np.ndarray
    atom_features: np.ndarray
    residue_features: np.ndarray
    elsewhere: float
    pk: float
    baseline_pk: float
    baseline: str = BASELINE

    @property
    def atoms(self) -> np.ndarray:
        """(n,) each atom with its pairs."""
        return self.pairs.sum(axis=1) + self.atom_features

    @property
    def residues(self) -> np.ndarray:
        """(k,) each residue with its pairs."""
        return self.pairs.sum(axis=0) + self.residue_features

    @property
    def error(self) -> float:
        """What the sum of all shares is off the gain from the baseline."""
        total = self.pairs.sum() + self.atom_features.sum() + self.residue_features.sum() + self.elsewhere
        return float(total) - (self.pk - self.baseline_pk)

    @property
    def is_complete(self) -> bool:
        """Whether the error is within 1 % of the gain."""
        return abs(self.error) <= COMPLETE * max(abs(self.pk - self.baseline_pk), _LEAST_GAIN)


def gradients_of(
    graph: ComplexGraph, scorer: Scorer, atom_labels: Sequence[str], residue_labels: Sequence[str]
) -> Gradients:
    """Integrated gradients of one complex, averaged over the networks; with more points until they are complete.

    Args:
        graph: The complex.
        scorer: The model.
        atom_labels: Of all ligand atoms.
        residue_labels: Of all residues of the pocket.

    Raises:
        UsageError: ``missing_extra``, where captum is not installed.
    """
    check_installed()
    for steps in _STEPS:
        found = _integrated(graph, scorer, atom_labels, residue_labels, steps)
        if found.is_complete:
            break
    return found


def check_installed() -> None:
    """Says which extra to install where captum is not there.

    Raises:
        UsageError: ``missing_extra``.
    """
    _method()


def _method() -> type[IntegratedGradients]:
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        raise UsageError(
            "Gradients need captum, which is not installed.",
            "Install it with: pip install 'binding[explain]'. Everything but --gradients works without it.",
            "missing_extra",
        ) from None
    return IntegratedGradients


class _Way:
    """pk of one network as a function of what the gradients are taken of, for several points on the way at once.

    Args:
        graph: The complex.
        network: The network.
        scorer: For its device and type.
    """

    def __init__(self, graph: ComplexGraph, network: InteractionModel, scorer: Scorer) -> None:
        self._graph, self._network, self._scorer = graph, network, scorer
        self._made: dict[int, tuple[Batch, Geometry]] = {}

    def at(self, copies: int) -> tuple[Batch, Geometry]:
        """The batch of some copies of the complex, each with a pocket of its own, and its geometry."""
        if copies not in self._made:
            ligand, pocket = self._graph.ligand, self._graph.pocket
            graphs = [ComplexGraph(ligand, replace(pocket)) for _ in range(copies)]
            batch = collate(graphs, self._scorer.dtype).to(self._scorer.device)
            self._made[copies] = batch, self._network.measure(batch)
        return self._made[copies]

    def inputs(self) -> tuple[Tensor, ...]:
        """Atoms (1, n, channels), residues (1, r, channels), and features of the pairs, (1, E, ...) each."""
        batch, geometry = self.at(1)
        network, pairs = self._network, geometry.pairs
        atoms = network.molecule.atoms(batch.atom_categories)
        residues = network.pocket.types(batch.residue_types) + network.pocket.scalars(batch.residue_scalars)
        found = [atoms, residues, pairs.scalars, pairs.vina, pairs.smooth]
        if pairs.lines is not None:
            found.append(pairs.lines)
        return tuple(tensor.unsqueeze(0) for tensor in found)

    def baselines(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The same at the baseline."""
        atoms, residues, *pairs = inputs
        met = self.at(1)[1].contacts.pair_residue.unique()
        middle = residues[:, met].mean(dim=1, keepdim=True) if len(met) else residues
        return (
            atoms.mean(dim=1, keepdim=True).expand_as(atoms),
            middle.expand_as(residues),
            *map(torch.zeros_like, pairs),
        )

    def __call__(self, atoms: Tensor, residues: Tensor, *pairs: Tensor) -> Tensor:
        """Inputs with a leading axis of points -> pk (points,)."""
        batch, geometry = self.at(len(atoms))
        network = self._network
        scalars, vina, smooth, *lines = (feature.flatten(0, 1) for feature in pairs)
        placed = replace(geometry, pairs=PairFeatures(scalars, vina, lines[0] if lines else None, smooth))
        states = network.molecule.propagate(atoms.flatten(0, 1), batch.bond_index, batch.bond_categories)
        states, vectors = network.orient(states, placed)
        pocket = network.pocket.propagate(residues.flatten(0, 1), batch)
        return network.interact(batch, placed, states, vectors, pocket).pk


def _integrated(
    graph: ComplexGraph, scorer: Scorer, atom_labels: Sequence[str], residue_labels: Sequence[str], steps: int
) -> Gradients:
    """Integrated gradients with a number of points on the way."""
    sums: list[tuple[Any, ...]] = []
    for member in scorer.members:
        way = _Way(graph, member.interaction, scorer)
        inputs = way.inputs()
        baselines = way.baselines(inputs)
        contacts = way.at(1)[1].contacts
        with torch.no_grad():
            ends = way(*baselines).item(), way(*inputs).item()
        shares = _shares(way, inputs, baselines, steps, len(contacts.pair_atom))
        by_pair = torch.stack([share.flatten(2).sum(-1) if share.dim() > 2 else share for share in shares[2:]]).sum(0)
        sums.append((shares[0].sum(-1)[0], shares[1].sum(-1)[0], by_pair[0], ends))
    weight = scorer.line.network
    atoms, residues, pairs = (
        weight * torch.stack([found[part] for found in sums]).double().mean(0).cpu().numpy() for part in range(3)
    )
    start, end = weight * np.mean([found[3] for found in sums], axis=0)
    rows, column = np.unique(contacts.pair_residue.cpu().numpy(), return_inverse=True)
    by_place = np.zeros((graph.ligand.num_atoms, len(rows)))
    by_place[contacts.pair_atom.cpu().numpy(), column] = pairs
    return Gradients(
        atom_labels=tuple(atom_labels),
        residue_labels=tuple(residue_labels[row] for row in rows.tolist()),
        pairs=by_place,
        atom_features=atoms,
        residue_features=residues[rows],
        elsewhere=float(residues.sum() - residues[rows].sum()),
        pk=float(end),
        baseline_pk=float(start),
    )


def _shares(
    way: _Way, inputs: tuple[Tensor, ...], baselines: tuple[Tensor, ...], steps: int, pairs: int
) -> tuple[Tensor, ...]:
    """What captum finds for each input."""
    at_once = max(1, min(steps, _PAIRS_AT_ONCE // max(pairs, 1)))
    return _method()(way).attribute(
        inputs, baselines=baselines, n_steps=steps, method="gausslegendre", internal_batch_size=at_once
    )

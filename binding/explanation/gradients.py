"""Integrated gradients: what pk gains on the way from no protein to the complex, by pair, atom and residue.

From Sundararajan et al. 2017 (https://arxiv.org/abs/1703.01365), by captum. The way begins where every residue is out
of reach of every atom (all features of pairs are zero, pairs fade in with them, and nothing is buried) and where each
atom is like the mean of the ligand's atoms, each residue like the mean of those in reach; it leads straight to the
complex. What is gained along it is shared out among the features, and the shares add up to the whole gain.

All features of a pair, an atom or a residue go the same way together, by one number from 0 to 1 whose square is the
place on it: counts enter as their roots, whose slope is steep where the way begins.

Networks and the geometry expert are taken together, as pk is joined of them. The prior counts ligands that are alike
and has no gradient: it stays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import torch
from torch import Tensor

from binding.errors import UsageError
from binding.graph.batch import Batch, collate
from binding.graph.fields import ComplexGraph
from binding.model.ensemble import Scorer
from binding.model.geometric_sums import ProteinGrid, geometric_sums
from binding.model.interaction import Geometry, InteractionModel
from binding.model.layers.contacts import Contacts
from binding.model.layers.geometry import PairFeatures

if TYPE_CHECKING:
    from captum.attr import IntegratedGradients

#: Where the way begins, in words; what follows where networks have a weight in pk.
BASELINE: Final = "no protein in reach"
BASELINE_OF_NETWORKS: Final = (
    "every atom like the mean of the ligand's atoms, every residue like the mean of those in reach"
)
#: The error of the sum that is accepted, as a share of the gain.
COMPLETE: Final = 0.01
_LEAST_GAIN: Final = 0.1  # pK, below which the error is compared with this
#: Points on the way, more of them as long as the sum is not complete. The geometry expert's number has kinks.
_STEPS_OF_NETWORK: Final = (8, 16, 32, 64, 128)
_STEPS_OF_GEOMETRY: Final = (32, 128, 512, 1024)
_PAIRS_AT_ONCE: Final = 20_000


@dataclass(frozen=True, eq=False)
class Gradients:
    """Integrated gradients of pk without its prior: n ligand atoms, k residues within reach. All in pK.

    Attributes:
        atom_labels: (n) such as ``C12``.
        residue_labels: (k) such as ``A:ASP:25``.
        pairs: (n, k) of the geometry of each pair; zero beyond the cutoff.
        atom_features: (n,) of what each atom is.
        residue_features: (k,) of what each residue is, and how it buries the ligand.
        elsewhere: The same of all residues out of reach.
        pk: Without the prior.
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
    baseline: str

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
        UsageError: As ``check_possible``.
    """
    check_possible(scorer)
    scorer = scorer.at(graph)
    ways = _ways(graph, scorer)
    ends = [_ends(way) for way in ways]
    start, end = np.sum(ends, axis=0)
    accepted = COMPLETE * max(abs(end - start), _LEAST_GAIN) / len(ways)
    parts = [_complete(way, gain, accepted) for way, gain in zip(ways, np.diff(ends)[:, 0].tolist(), strict=True)]
    baseline = f"{BASELINE}, {BASELINE_OF_NETWORKS}" if scorer.line.network else BASELINE
    return _gathered(parts, (float(start), float(end)), baseline, graph, atom_labels, residue_labels)


def check_possible(scorer: Scorer) -> None:
    """Says why there can be no gradients.

    Raises:
        UsageError: ``missing_extra``, where captum is not installed; or pk is the prior alone.
    """
    check_installed()
    if not scorer.line.network and not scorer.line.geometry:
        raise UsageError(
            "Nothing in this pK has a gradient: it is the prior alone.", "Leave out --experts prior, or --gradients."
        )


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


class _Way(Protocol):
    """A part of pk as a function of how far each atom, residue and pair has come, from 0 to 1.

    Attributes:
        weight: Of the part in pk.
        steps: Numbers of points to try on the way.
        contacts: The pairs of one complex.
        atoms, residues: Numbers of the ligand's atoms and of the pocket's residues.
        dtype: In which it computes.
    """

    weight: float
    steps: tuple[int, ...]
    contacts: Contacts
    atoms: int
    residues: int
    dtype: torch.dtype

    def __call__(self, atoms: Tensor, residues: Tensor, pairs: Tensor) -> Tensor:
        """(points, n), (points, r), (points, E) -> pK (points,)."""


class _Copies:
    """Some copies of a complex as one batch, each with a pocket of its own; made once for each number of them."""

    def __init__(self, graph: ComplexGraph, scorer: Scorer) -> None:
        self._graph, self._scorer = graph, scorer
        self._made: dict[int, tuple[Batch, Geometry]] = {}

    def __call__(self, number: int) -> tuple[Batch, Geometry]:
        """The batch, and its geometry as the networks measure it."""
        if number not in self._made:
            ligand, pocket = self._graph.ligand, self._graph.pocket
            graphs = [ComplexGraph(ligand, replace(pocket)) for _ in range(number)]
            batch = collate(graphs, self._scorer.dtype).to(self._scorer.device)
            self._made[number] = batch, self._scorer.members[0].interaction.measure(batch)
        return self._made[number]


class _NetworkWay:
    """pk of one network; see ``_Way``."""

    steps: tuple[int, ...] = _STEPS_OF_NETWORK

    def __init__(self, network: InteractionModel, weight: float, copies: _Copies) -> None:
        self._network, self.weight, self._copies = network, weight, copies
        batch, geometry = copies(1)
        self.contacts, self.dtype = geometry.contacts, batch.dtype
        self.atoms, self.residues = len(batch.atom_ligand), len(batch.anchors)
        self._atoms = network.molecule.atoms(batch.atom_categories)
        self._residues = network.pocket.types(batch.residue_types) + network.pocket.scalars(batch.residue_scalars)
        met = self.contacts.pair_residue.unique()
        self._mean_atom = self._atoms.mean(dim=0)
        self._mean_residue = self._residues[met].mean(dim=0) if len(met) else self._residues.mean(dim=0)

    def __call__(self, atoms: Tensor, residues: Tensor, pairs: Tensor) -> Tensor:
        batch, geometry = self._copies(len(atoms))
        network, place = self._network, pairs.flatten().square()
        geometry = replace(geometry, pairs=_faded(geometry.pairs, place))
        nodes = _between(self._mean_atom, self._atoms, atoms.square())
        states = network.molecule.propagate(nodes, batch.bond_index, batch.bond_categories)
        states, vectors = network.orient(states, geometry)
        nodes = _between(self._mean_residue, self._residues, residues.square())
        return network.interact(batch, geometry, states, vectors, network.pocket.propagate(nodes, batch)).pk


class _GeometryWay:
    """What the geometry expert says; see ``_Way``. It reads pairs and burial; what an atom is, is part of its pairs."""

    steps: tuple[int, ...] = _STEPS_OF_GEOMETRY

    def __init__(self, scorer: Scorer, copies: _Copies) -> None:
        self._scorer, self.weight, self._copies = scorer, scorer.line.geometry, copies
        batch, geometry = copies(1)
        self.contacts, self.dtype = scorer.contacts_of(batch, geometry)[0], batch.dtype
        self.atoms, self.residues = len(batch.atom_ligand), len(batch.anchors)
        grid = ProteinGrid.of(batch)
        self._terms, self._owner = grid.terms()[0], grid.residues[0]

    def __call__(self, atoms: Tensor, residues: Tensor, pairs: Tensor) -> Tensor:
        assert self._scorer.geometry is not None
        batch, geometry = self._copies(len(atoms))
        contacts, features = self._scorer.contacts_of(batch, geometry)
        sums = geometric_sums(batch, contacts, _faded(features, pairs.flatten().square()))
        buried = residues.square().index_select(1, self._owner) @ self._terms
        said = self._scorer.geometry(replace(sums, residues=buried))
        return said.to(atoms) + 0.0 * atoms.sum(dim=1)  # captum asks for a gradient of everything


def _faded(features: PairFeatures, place: Tensor) -> PairFeatures:
    """Features (E, ...) of pairs that have come so far (E,)."""
    lines = None if features.lines is None else features.lines * place[:, None, None]
    return PairFeatures(
        features.scalars * place[:, None], features.vina * place[:, None], lines, features.smooth * place
    )


def _between(start: Tensor, end: Tensor, place: Tensor) -> Tensor:
    """(points * nodes, channels) from a start (channels,) to ends (nodes, channels), at places (points, nodes)."""
    return (start + place.unsqueeze(-1) * (end - start)).flatten(0, 1)


def _ways(graph: ComplexGraph, scorer: Scorer) -> list[_Way]:
    """The parts of pk that have a gradient."""
    copies, ways = _Copies(graph, scorer), list[_Way]()
    if scorer.line.network:
        weight = scorer.line.network / len(scorer.members)
        ways += [_NetworkWay(member.interaction, weight, copies) for member in scorer.members]
    if scorer.geometry is not None and scorer.line.geometry:
        ways.append(_GeometryWay(scorer, copies))
    return ways


def _ends(way: _Way) -> tuple[float, float]:
    """What a part adds to pk at the baseline and at the complex."""
    with torch.no_grad():
        start, end = (way.weight * float(way(*place)) for place in (_places(way, 0.0), _places(way, 1.0)))
    return start, end


def _places(way: _Way, value: float) -> tuple[Tensor, Tensor, Tensor]:
    """How far atoms (1, n), residues (1, r) and pairs (1, E) have come, where it is the same for all."""
    pairs = way.contacts.pair_atom
    atoms, residues, each = (
        torch.full((1, size), value, dtype=way.dtype, device=pairs.device)
        for size in (way.atoms, way.residues, len(pairs))
    )
    return atoms, residues, each


@dataclass(frozen=True, eq=False)
class _Integrated:
    """Shares of one part of pk, pK: (n,) atoms, (r,) residues of the pocket, (E,) pairs, whose rows follow."""

    atoms: np.ndarray
    residues: np.ndarray
    pairs: np.ndarray
    pair_atom: np.ndarray
    pair_residue: np.ndarray

    @property
    def total(self) -> float:
        """The sum of all shares."""
        return float(self.atoms.sum() + self.residues.sum() + self.pairs.sum())


def _complete(way: _Way, gain: float, accepted: float) -> _Integrated:
    """Integrated gradients of one part, with more points until their sum is its gain but for an accepted error."""
    for steps in way.steps:
        found = _integrated(way, steps)
        if abs(found.total - gain) <= accepted:
            break
    return found


def _integrated(way: _Way, steps: int) -> _Integrated:
    """Integrated gradients of one part, with so many points on the way."""
    atom, residue = way.contacts.pair_atom.cpu().numpy(), way.contacts.pair_residue.cpu().numpy()
    at_once = max(1, min(steps, _PAIRS_AT_ONCE // max(len(atom), 1)))
    shares = _method()(way).attribute(
        _places(way, 1.0),
        baselines=_places(way, 0.0),
        n_steps=steps,
        method="gausslegendre",
        internal_batch_size=at_once,
    )
    atoms, residues, pairs = (way.weight * share[0].double().cpu().numpy() for share in shares)
    return _Integrated(atoms, residues, pairs, atom, residue)


def _gathered(
    parts: Sequence[_Integrated],
    ends: tuple[float, float],
    baseline: str,
    graph: ComplexGraph,
    atom_labels: Sequence[str],
    residue_labels: Sequence[str],
) -> Gradients:
    """The parts added up, with names; ``ends`` are pk at the baseline and at the complex."""
    rows = np.unique(np.concatenate([part.pair_residue for part in parts]))
    pairs = np.zeros((graph.ligand.num_atoms, len(rows)))
    for part in parts:
        np.add.at(pairs, (part.pair_atom, np.searchsorted(rows, part.pair_residue)), part.pairs)
    residues = np.sum([part.residues for part in parts], axis=0)
    return Gradients(
        atom_labels=tuple(atom_labels),
        residue_labels=tuple(residue_labels[row] for row in rows.tolist()),
        pairs=pairs,
        atom_features=np.sum([part.atoms for part in parts], axis=0),
        residue_features=residues[rows],
        elsewhere=float(residues.sum() - residues[rows].sum()),
        pk=ends[1],
        baseline_pk=ends[0],
        baseline=baseline,
    )

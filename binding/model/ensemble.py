"""Graphs -> numbers: an ensemble of networks over one batch, with everything shared that can be.

Contacts, pair features and harmonics depend on positions alone and are computed once for all members. A 2D
structure is encoded once for all its poses in a call, a pocket once for all the ligands of a call, and where
a call has one pocket only, as in a screen, once for all calls.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from binding.config import JoiningConfig, ModelConfig
from binding.constants import Experts
from binding.domain.index import Domain
from binding.domain.words import site_words
from binding.errors import UsageError
from binding.graph.batch import (
    Batch,
    Pockets,
    collate_molecules,
    collate_pockets,
    distinct_pockets,
    place_ligands,
    sent,
)
from binding.graph.fields import ComplexGraph, LigandGraph, PocketGraph
from binding.model.binder import Binder
from binding.model.calibration import ErrorScale
from binding.model.cards import card_html
from binding.model.contact_potential import ContactPotential
from binding.model.geometric_sums import REACH, ProteinGrid, Sums, geometric_sums
from binding.model.interaction import Geometry, InteractionModel, Output
from binding.model.kernel_readout import KernelReadout
from binding.model.layers.contacts import Contacts, find_contacts
from binding.model.layers.geometry import PairFeatures, PairGeometry
from binding.model.ligand_only import LigandOnlyModel
from binding.model.pose_probability import pose_sums
from binding.model.prior_products import PriorProducts
from binding.prior.kernel import Features
from binding.prior.model import Prior, PriorPk
from binding.recent import Recent

DTYPES = {"float32": torch.float32, "float64": torch.float64}
_KEPT_POCKETS = 8
#: Ligand atoms that go through the network together: on a CPU, so many that its calls of torch cost little.
_ATOMS_AT_ONCE = {"cpu": 1024, "cuda": 32_768}


class Member(nn.Module):
    """One trained pair: the interaction model and the twin that sees no protein.

    Where pk starts from a prior (``config.prior_weight``), there is no twin: the prior is what the model is compared
    with.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.interaction = InteractionModel(config)
        self.ligand_only = None if config.prior_weight else LigandOnlyModel(config)


@dataclass(frozen=True, eq=False)
class Scores:
    """Predictions of n complexes, float64.

    Attributes:
        pk: (n,), mean of the members.
        pk_std: (n,), pK, calibrated standard deviation of the error.
        pk_ligand_only: (n,), what the ligand alone predicts.
        pk_network: (n,), what the structure says alone, networks and geometry.
        pk_prior: (n,), what the prior says of the ligand at its site; NaN for weights without a prior.
        pose: (n,), probability that the pose is within 2 Å of the native one.
        known: (n,), 0 to 1, how near the nearest measurement is, by ligand and site (``PriorPk.known``); 0 for none.
    """

    pk: np.ndarray
    pk_std: np.ndarray
    pk_ligand_only: np.ndarray
    pk_network: np.ndarray
    pk_prior: np.ndarray
    pose: np.ndarray
    known: np.ndarray


@dataclass(frozen=True, eq=False)
class _EncodedPockets:
    """Collated pockets on the device and, for each member, the states of their residues (R, channels), if kept."""

    pockets: Pockets
    states: list[Tensor] | None


@dataclass(frozen=True, eq=False)
class Launched:
    """What a device computes of n graphs, which the host has not read yet.

    Attributes:
        scorer: That has launched it.
        found: (rows, n) float64: the networks' pk, its standard deviation (not yet scaled), the pose's probability;
            what the geometry expert says, pK, and how near its nearest training complex is, zeros without one; then
            without a prior what the twins say that see no protein, pK, and with one on the device ``PriorProducts``.
        order: (n,) the graph of each column.
        starts: What the prior says, where that is known already.
        asked: Features of the distinct 2D structures, and (n,) which of them is each graph's, where the device was
            asked for the prior.
    """

    scorer: Scorer
    found: Tensor
    order: np.ndarray
    starts: PriorPk | None = None
    asked: tuple[Features, np.ndarray] | None = None

    def read(self) -> Scores:
        """The predictions; the host waits for the device, once."""
        numbers = np.empty(self.found.shape)
        numbers[:, self.order] = self.found.cpu().numpy()
        network, spread, pose, geometry, near, *rest = numbers
        line, scale = self.scorer.line, self.scorer.scale
        structure = line.structure.offset + line.structure.network * network + line.structure.geometry * geometry
        nothing = np.zeros(len(network))
        if not self.scorer.config.prior_weight:
            pk = line.offset + line.network * network + line.geometry * geometry
            std = scale.pk_std(spread, None, near)
            return Scores(pk, std, rest[0], structure, np.full(len(pk), np.nan), pose, nothing)
        starts = self.starts or PriorPk(*rest[:3])
        if self.asked is not None and self.scorer.products is not None:
            features, structure_of = self.asked
            self.scorer.products.remember(features, numbers[-self.scorer.products.num_indices :], structure_of)
        std = scale.pk_std(spread, starts.known, near)
        known = nothing if starts.known is None else starts.known
        weights = line.weights(known)
        pk = weights["offset"] + weights["network"] * network + weights["geometry"] * geometry
        pk += weights["prior"] * starts.at_site
        return Scores(pk, std, starts.alone, structure, starts.at_site, pose, known)


class Scorer:
    """A loaded set of weights, ready to score.

    Args:
        name: Name of the weights, shown in results.
        card: Content of the card file.
        members: Members of the ensemble.
        device: Device of the networks.
        dtype: ``float32`` or ``float64``.
        domain: The training set of the weights; None where it is not known.
        prior: The prior that pk starts from, if the weights use one (``config.prior_weight``).
        geometry: The readout of geometric sums that pk is joined with, if the weights have one (``config.joining``).
        binder: What tells binders from non-binders; None where the weights have none.
        potential: What native contacts look like, where ``pose`` goes by it (``calibration.pose.terms`` of the card).

    Attributes:
        line: How pk is joined of prior, networks and geometry.
        scale: What fits errors and poses to what was held out.
        products: The prior on the device; None on a CPU, or without a prior.
    """

    def __init__(
        self,
        name: str,
        card: Mapping[str, Any],
        members: Sequence[Member],
        device: str = "cpu",
        dtype: str = "float32",
        domain: Domain | None = None,
        prior: Prior | None = None,
        geometry: KernelReadout | None = None,
        binder: Binder | None = None,
        potential: ContactPotential | None = None,
    ) -> None:
        self.name = name
        self.card = dict(card)
        self.device = torch.device(device)
        self.dtype = DTYPES[dtype]
        self.members = [member.to(self.device, self.dtype).eval().requires_grad_(False) for member in members]
        self.domain, self.prior, self.binder = domain, prior, binder
        if domain is not None and prior is not None:
            domain.share(prior.features.split(), prior.index)
        self.products = self._products()
        self.geometry = None if geometry is None else geometry.to(self.device, self.dtype)
        self.potential = None if potential is None else potential.to(self.device, self.dtype)
        self.config = self.members[0].interaction.config
        self.line = self.config.line
        self._pair_geometry = PairGeometry(REACH, vector_channels=1).to(self.device, self.dtype)
        self.scale = ErrorScale.of_card(self.card)
        self._kept = Recent[_EncodedPockets](_KEPT_POCKETS)
        self._digests: WeakKeyDictionary[PocketGraph, bytes] = WeakKeyDictionary()

    def of_experts(self, experts: Experts) -> Scorer:
        """A scorer whose pk is that of some experts alone; it shares all else with this one.

        Raises:
            UsageError: ``prior``, and the weights have none.
        """
        if experts is Experts.all:
            return self
        if experts is Experts.prior and self.prior is None:
            raise UsageError(f"{self.name} has no prior.", "Use --experts all or network, or weights with a prior.")
        chosen = copy.copy(self)
        structure = self.line.structure
        values = {"prior": 1.0, "network": 0.0} if experts is Experts.prior else structure.model_dump()
        chosen.line = JoiningConfig(**values, structure=structure)
        chosen.name = f"{self.name} ({experts.value} only)"
        chosen.scale = ErrorScale.of_card(self.card, experts)
        return chosen

    def at(self, graph: ComplexGraph) -> Scorer:
        """A scorer whose pk is joined with the weights of one complex, wherever the ligand is and whatever is changed.

        Args:
            graph: The complex; how near it is to a measurement decides.
        """
        return self.knowing(float(self.known([graph])[0]))

    def knowing(self, known: float) -> Scorer:
        """A scorer whose pk is joined as that of a complex which is so near to a measurement, 0 to 1."""
        if self.line.measured is None:
            return self
        chosen = copy.copy(self)
        chosen.line = self.line.at(known)
        return chosen

    def known(self, graphs: Sequence[ComplexGraph]) -> np.ndarray:
        """(n,) how near each complex is to a measurement, where that decides how pk is joined; else zeros."""
        if self.line.measured is None or self.prior is None or not graphs:
            return np.zeros(len(graphs))
        sites = [site_words(graph) for graph in graphs]
        known = self.prior.predict_at([graph.ligand for graph in graphs], sites).known
        assert known is not None, "a prior says how near the nearest measurement is"
        return known

    @property
    def interval(self) -> float:
        """``pk_std`` to either side of ``pk`` that hold 90 % of held-out measurements."""
        return self.scale.interval

    def _repr_html_(self) -> str:
        return card_html(self.card)

    def with_parts(self, **parts: Any) -> Scorer:
        """The same scorer with other ``members``, ``prior`` or ``geometry``; nothing that it had encoded is kept.

        Args:
            parts: Attributes by name.
        """
        other = copy.copy(self)
        for name, part in parts.items():
            setattr(other, name, part)
        other._kept, other._digests = Recent(_KEPT_POCKETS), WeakKeyDictionary()
        if "prior" in parts:
            other.products = other._products()
        return other

    def _products(self) -> PriorProducts | None:
        if self.prior is None or self.device.type == "cpu":
            return None
        return PriorProducts(self.prior, [] if self.domain is None else self.domain.indices, self.device)

    def with_one_network(self) -> Scorer:
        """The same scorer, ``pose`` by its first network alone; itself where the networks say more than ``pose``.

        A pose's log odds are largely those of its contacts, so that the first network agrees well with all of them at
        a third of their time or less; ``scripts.measure.one_network`` says how well.
        """
        twins_say_ligand_alone = not self.config.prior_weight
        return self if self._networks_say_pk or twins_say_ligand_alone else self.with_parts(members=self.members[:1])

    @property
    def _networks_say_pk(self) -> bool:
        """Whether pk or its error bar depends on the networks."""
        in_pk = self.line.network or self.line.structure.network
        # The spread of the networks' pk is part of an error bar that the card does not give.
        return bool(in_pk) or self.scale.std is None

    def score(self, graphs: Sequence[ComplexGraph], starts: PriorPk | None = None) -> Scores:
        """Scores graphs together; those that hold the same pocket object share its encoding.

        Args:
            graphs: Any number; memory grows with the largest ligand times the largest pocket times the number on a
                GPU, and with the number alone on a CPU, which takes a few at a time.
            starts: Instead of what the prior says, which has seen its own ligands; ``pk_std`` is then that of a complex
                of which nothing is known, unless they say how much.
        """
        if not graphs:
            empty = np.zeros(0)
            return Scores(*[empty] * 7)
        return self.launch(graphs, starts).read()

    @torch.inference_mode()
    def launch(self, graphs: Sequence[ComplexGraph], starts: PriorPk | None = None) -> Launched:
        """Has the device begin with what ``score`` asks of it.

        A GPU is then still computing, while the host can prepare the next graphs. On a CPU all is done on return.

        Args:
            graphs: At least one.
            starts: As for ``score``.
        """
        structures, structure_of = _distinct_structures([graph.ligand for graph in graphs])
        molecules = collate_molecules(structures, self.dtype).to(self.device)
        atoms = [member.interaction.molecule(molecules) for member in self.members]
        first_atom = np.cumsum([0, *(ligand.num_atoms for ligand in structures)])
        pockets, pocket_of = self._pockets(graphs)
        posed, pieces, sums = list[Tensor](), list(self._pieces(graphs)), list[Sums]()
        for piece in pieces:
            here, places = np.unique(pocket_of[piece], return_inverse=True)
            encoded = self._encoded([pockets[row] for row in here.tolist()])
            batch = place_ligands([graphs[row] for row in piece], places, encoded.pockets, self.dtype)
            firsts = first_atom[structure_of[piece]]
            rows = [start + np.arange(graphs[row].ligand.num_atoms) for row, start in zip(piece, firsts, strict=True)]
            atom_of = sent(torch.from_numpy(np.concatenate(rows)), self.device)
            states = [state.index_select(0, atom_of) for state in atoms]
            found, counted = self._interact(batch.to(self.device), states, encoded.states)
            posed.append(found)
            sums += [] if counted is None else [counted]
        columns = [torch.cat(posed, dim=1)]
        if self.geometry is None:
            columns.append(torch.zeros_like(columns[0][:2]))
        else:
            columns.append(torch.stack(self.geometry.judge(Sums.joined(sums))))
        order = np.concatenate(pieces)
        if not self.config.prior_weight:
            alone = torch.stack([member.ligand_only(molecules) for member in self.members if member.ligand_only])
            columns.append(alone.mean(0).double()[None, sent(torch.from_numpy(structure_of[order]), self.device)])
            return Launched(self, torch.cat(columns), order)
        if starts is not None:
            return Launched(self, torch.cat(columns), order, starts)
        assert self.prior is not None, "weights that start from a prior are loaded with it"
        sites = [site_words(graph) for graph in graphs]
        if self.products is None:
            return Launched(self, torch.cat(columns), order, self.prior.predict_at(structures, sites, structure_of))
        features = Features.of(structures)
        said = self.products.predict(features, [sites[row] for row in order.tolist()], structure_of[order])
        return Launched(self, torch.cat([*columns, said]), order, asked=(features, structure_of))

    def _interact(self, batch: Batch, atoms: list[Tensor], residues: list[Tensor] | None) -> tuple[Tensor, Sums | None]:
        """The networks' pk, its standard deviation (not yet scaled) and the pose's probability, (3, ligands); and the
        geometric sums, where they are read."""
        line = self.line
        geometry, outputs = self._each(batch, atoms, residues, need_pk=self._networks_say_pk)
        pk = torch.stack([output.pk for output in outputs])
        variance = torch.stack([output.log_variance for output in outputs]).exp().mean(0)
        spread = line.network**2 * pk.var(0, correction=0)
        pk_std = (variance + spread).sqrt()
        logits = torch.stack([output.pose_logit for output in outputs])
        measured = self.contacts_of(batch, geometry) if self._reads_sums else None
        grid = None if measured is None else ProteinGrid.of(batch)
        potential = self.potential
        said = None if measured is None or potential is None else pose_sums(batch, *measured, potential, grid)
        pose = self.scale.pose.log_odds(logits, said, batch.ligand_sizes).sigmoid().mean(0)
        sums = None if measured is None or self.geometry is None else geometric_sums(batch, *measured, grid)
        return torch.stack([pk.mean(0), pk_std, pose]).double(), sums

    @property
    def _reads_sums(self) -> bool:
        """Whether any number comes from sums over contacts beside the networks."""
        return self.geometry is not None or self.potential is not None

    def contacts_of(self, batch: Batch, geometry: Geometry) -> tuple[Contacts, PairFeatures]:
        """What the geometric sums are made of: what the networks have measured, where they see as far."""
        if self.config.protein and self.config.angles and self.config.cutoff == REACH:
            return geometry.contacts, geometry.pairs
        contacts = find_contacts(batch, REACH)
        return contacts, self._pair_geometry(batch, contacts)

    def _each(
        self,
        batch: Batch,
        atoms: list[Tensor],
        residues: list[Tensor] | None,
        need_attention: bool = False,
        need_pk: bool = True,
    ) -> tuple[Geometry, list[Output]]:
        """The geometry, which all members read, and the output of each.

        Args:
            batch: The batch.
            atoms: For each member the states of its atoms.
            residues: For each member those of its residues; None where they are still to be encoded.
            need_attention, need_pk: As of ``InteractionModel.interact``.
        """
        geometry = self.members[0].interaction.measure(batch, encoded=residues is not None)
        outputs = []
        for place, (member, states) in enumerate(zip(self.members, atoms, strict=True)):
            network = member.interaction
            states, vectors = network.orient(states, geometry)
            pocket = network.encode_pocket(batch, geometry.reach) if residues is None else residues[place]
            outputs.append(network.interact(batch, geometry, states, vectors, pocket, need_attention, need_pk))
        return geometry, outputs

    @torch.inference_mode()
    def outputs(self, graph: ComplexGraph, need_attention: bool = False) -> tuple[Batch, Geometry, list[Output]]:
        """Output of each network for one complex, pair by pair, and the batch that it was read from.

        Args:
            graph: The complex.
            need_attention: Whether to keep the attention weights.
        """
        pockets, pocket_of = self._pockets([graph])
        encoded = self._encoded(pockets)
        batch = place_ligands([graph], pocket_of, encoded.pockets, self.dtype).to(self.device)
        atoms = [member.interaction.molecule(batch) for member in self.members]
        geometry, outputs = self._each(batch, atoms, encoded.states, need_attention)
        return batch, geometry, outputs

    def _pieces(self, graphs: Sequence[ComplexGraph]) -> Iterator[list[int]]:
        """Rows of graphs that go through the network together, of like size."""
        most = _ATOMS_AT_ONCE.get(self.device.type, _ATOMS_AT_ONCE["cuda"])
        piece: list[int] = []
        size = 0
        for row in sorted(range(len(graphs)), key=lambda row: graphs[row].ligand.num_atoms):
            if piece and size + graphs[row].ligand.num_atoms > most:
                yield piece
                piece, size = [], 0
            piece.append(row)
            size += graphs[row].ligand.num_atoms
        yield piece

    def _pockets(self, graphs: Sequence[ComplexGraph]) -> tuple[list[PocketGraph], np.ndarray]:
        """The pockets of graphs, each once, and which of them is each graph's (n,)."""
        pockets, row_of = distinct_pockets(graphs)
        # Worker processes send each job's graphs with a copy of the pocket: the same, but another object.
        marks = [(pocket.num_residues, pocket.num_atoms, pocket.atom_positions[0].tobytes()) for pocket in pockets]
        times = Counter(marks)
        keys = [self._digest(pocket) if times[mark] > 1 else mark for pocket, mark in zip(pockets, marks, strict=True)]
        first = dict(zip(reversed(keys), reversed(pockets), strict=True))
        place = {key: row for row, key in enumerate(dict.fromkeys(keys))}
        return [first[key] for key in place], np.array([place[key] for key in keys])[row_of]

    def _encoded(self, pockets: Sequence[PocketGraph]) -> _EncodedPockets:
        """Pockets on the device; where there is one only, as in a screen, its residues are encoded once and kept.

        Of several, each batch encodes the residues that its ligands meet. What is kept is what was encoded alone, so
        that a number never depends on what was scored before.
        """
        if len(pockets) > 1:
            return _EncodedPockets(collate_pockets(pockets, self.dtype).to(self.device), None)
        return self._kept.of(self._digest(pockets[0]), lambda: self._encode_pocket(pockets[0]))

    def _encode_pocket(self, pocket: PocketGraph) -> _EncodedPockets:
        placed = collate_pockets([pocket], self.dtype).to(self.device)
        return _EncodedPockets(placed, [member.interaction.encode_pocket(placed) for member in self.members])

    def _digest(self, pocket: PocketGraph) -> bytes:
        """Of all that the pocket holds; found once for each object."""
        if pocket not in self._digests:
            digest = blake2b(digest_size=16)
            for field in fields(pocket):
                digest.update(np.ascontiguousarray(getattr(pocket, field.name)).data)
            self._digests[pocket] = digest.digest()
        return self._digests[pocket]


def _distinct_structures(ligands: Sequence[LigandGraph]) -> tuple[list[LigandGraph], np.ndarray]:
    """Ligands of different 2D structure (the first pose of each), and which of them is each ligand's (n,)."""
    rows: dict[bytes, int] = {}
    distinct: list[LigandGraph] = []
    row_of = np.empty(len(ligands), dtype=np.int64)
    for place, ligand in enumerate(ligands):
        key = b"|".join(
            array.tobytes()
            for array in (ligand.atom_categories, ligand.bonds, ligand.bond_categories, ligand.descriptors)
        )
        if key not in rows:
            rows[key] = len(distinct)
            distinct.append(ligand)
        row_of[place] = rows[key]
    return distinct, row_of

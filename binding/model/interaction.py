"""The interaction model: two encoders, geometric cross-attention, exact pair contributions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from binding.config import ModelConfig
from binding.graph.batch import Batch, Molecules, Pockets
from binding.graph.fields import DESCRIPTORS
from binding.model.layers.contacts import Contacts, Reach, find_near
from binding.model.layers.cross_attention import GeometricCrossAttention, PairGrid
from binding.model.layers.dropout import Dropout
from binding.model.layers.encoders import DirectionEncoder, MoleculeEncoder, Neighbours, PocketEncoder, mlp
from binding.model.layers.geometry import VINA_TERMS, PairFeatures, PairGeometry, read_vectors
from binding.model.layers.precision import full_precision
from binding.model.layers.readout import MEAN_PK, VINA_MEAN_PK, PairReadout, VinaTerms, small_mlp

_ROTORS = DESCRIPTORS.index("rotatable_bonds")
_ROTOR_SCALE = 7.0
_LEAST_WEIGHT = 1e-6  # of a pair at the cutoff, before the softmax


@dataclass(frozen=True, eq=False)
class Output:
    """Output of the network for B complexes with E pairs.

    Attributes:
        pk: (B,), before any prior is mixed in (``config.prior_weight``).
        log_variance: (B,), logarithm of the variance of pk.
        pose_logit: (B,), above 0 where the pose looks near-native.
        ligand_term: (B,), pK, contribution of the ligand without the protein.
        contributions: (E,), pK; ``pk = bias + ligand_term + sum of contributions`` exactly.
        contacts: The contacts and pairs.
        attention: On request, weights (E, heads) for each layer and direction (ligand to protein, protein to ligand).
    """

    pk: Tensor
    log_variance: Tensor
    pose_logit: Tensor
    ligand_term: Tensor
    contributions: Tensor
    contacts: Contacts
    attention: list[tuple[Tensor, Tensor]] | None = None


@dataclass(frozen=True, eq=False)
class Geometry:
    """Everything that depends on positions alone: computed once per batch, read by every network of an ensemble.

    Attributes:
        neighbours: Neighbours within the ligands; None without angles.
        contacts: Contacts between ligands and pockets.
        pairs: Features of the pairs.
        to_sites: Blocks in which the ligand's atoms attend to its sites.
        to_atoms: Blocks in which the sites attend to the atoms.
        reach: What the residues that are met depend on; of an encoder that has no more to compute.
    """

    neighbours: Neighbours | None
    contacts: Contacts
    pairs: PairFeatures
    to_sites: PairGrid
    to_atoms: PairGrid
    reach: Reach


class CrossAttentionBlock(nn.Module):
    """Both directions of one layer; both read the states from before the layer."""

    def __init__(self, channels: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.ligand = GeometricCrossAttention(channels, num_heads, dropout)
        self.protein = GeometricCrossAttention(channels, num_heads, dropout)

    def forward(
        self,
        atoms: Tensor,
        sites: Tensor,
        geometry: Geometry,
        bias: Tensor,
        gate: Tensor,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor, tuple[Tensor | None, Tensor | None]]:
        """bias and gate (2 * heads, E) hold the heads of the ligand's direction first, then the protein's."""
        ligand_bias, protein_bias = bias.chunk(2)
        ligand_gate, protein_gate = gate.chunk(2)
        new_atoms, to_protein = self.ligand(atoms, sites, geometry.to_sites, ligand_bias, ligand_gate, need_weights)
        new_sites, to_ligand = self.protein(sites, atoms, geometry.to_atoms, protein_bias, protein_gate, need_weights)
        return new_atoms, new_sites, (to_protein, to_ligand)


class InteractionModel(nn.Module):
    """Affinity of a posed ligand.

    Args:
        config: Sizes and switches.

    Attributes:
        checkpointing: Whether the backward pass computes each part (encoders, pairs, attention layers, readout) again
            from its input, instead of finding all that it computed. Memory and time, not what is computed.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.checkpointing = False
        channels, heads, dropout = config.hidden_channels, config.num_heads, config.dropout
        self.molecule = MoleculeEncoder(channels, config.ligand_layers, dropout)
        self.directions = DirectionEncoder(channels, config.vector_channels) if config.angles else None
        self.pocket = PocketEncoder(channels, config.pocket_layers, dropout, config.angles)
        self.geometry = PairGeometry(config.cutoff, config.vector_channels, config.angles)
        self.pair = nn.Linear(self.geometry.num_features, channels)
        self.pair_atom = nn.Linear(channels, channels, bias=False)
        self.pair_residue = nn.Linear(channels, channels, bias=False)
        self.pair_update = mlp(channels, channels, channels, dropout)
        # One projection gives the bias and the gate of every layer, direction and head.
        self.bias_gate = nn.Linear(channels, config.num_layers * 2 * heads * 2)
        self.attention_dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(CrossAttentionBlock(channels, heads, dropout) for _ in range(config.num_layers))
        self.readout = PairReadout(channels, dropout)
        self.physics = VinaTerms() if config.physics else None
        # Vina's terms bring a mean of their own; what is left of the labels' mean starts as the constant.
        self.bias = nn.Parameter(torch.tensor(MEAN_PK - (VINA_MEAN_PK if config.physics else 0.0)))
        self.ligand_term = mlp(2 * channels + len(DESCRIPTORS), channels, 1, dropout)
        self.whole = mlp(3 * channels + 1 + len(VINA_TERMS), channels, 2, dropout)
        # In a mean a single wrong contact drowns; in a sum it does not.
        self.pose = small_mlp(channels, channels // 2, dropout) if config.pose_readout == "pairs" else None

    def save_memory(self, checkpointing: bool, attention_chunk: int | None) -> None:
        """Sets ``checkpointing``, and how many queries of a ligand each attention layer holds the scores of."""
        self.checkpointing = checkpointing
        for module in self.modules():
            if isinstance(module, GeometricCrossAttention):
                module.chunk = attention_chunk

    def measure(self, batch: Batch, encoded: bool = False) -> Geometry:
        """The geometry of a batch; no learned parameter is read.

        Args:
            batch: The batch.
            encoded: Whether its pockets are already, so that nobody asks for ``reach``.
        """
        config, directions = self.config, self.directions
        within = 0.0 if directions is None else directions.cutoff
        rounds = 0 if encoded else config.pocket_layers
        near = find_near(batch, config.cutoff if config.protein else 0.0, within, rounds)
        contacts = near.contacts
        atom, site, items = contacts.pair_atom, contacts.pair_site, batch.num_ligands
        return Geometry(
            neighbours=None if directions is None else directions.neighbours(batch, near),
            contacts=contacts,
            pairs=self.geometry(batch, contacts),
            to_sites=PairGrid.of(
                batch.atom_slot, contacts.site_slot, atom, site, items, batch.max_atoms, contacts.max_sites
            ),
            to_atoms=PairGrid.of(
                contacts.site_slot, batch.atom_slot, site, atom, items, contacts.max_sites, batch.max_atoms
            ),
            reach=near.reach,
        )

    def encode_ligand(self, batch: Molecules, geometry: Geometry) -> tuple[Tensor, Tensor | None]:
        """Atom states (A, channels) and learned vectors (A, vector_channels, 3)."""
        return self.orient(self.molecule(batch), geometry)

    def orient(self, atoms: Tensor, geometry: Geometry) -> tuple[Tensor, Tensor | None]:
        """The pose's part of ``encode_ligand``: states (A, channels) of the 2D structure -> states and vectors."""
        if self.directions is None or geometry.neighbours is None:
            return atoms, None
        with full_precision(atoms):
            return self.directions(atoms, geometry.neighbours)

    def encode_pocket(self, batch: Pockets, reach: Reach | None = None) -> Tensor:
        """Residue states (R, channels): independent of the ligand, which only says by ``reach`` which are needed."""
        return self.pocket(batch, reach)

    def forward(self, batch: Batch, need_attention: bool = False) -> Output:
        """Scores a batch.

        Args:
            batch: Complexes; those without any pair score as bias + ligand term.
            need_attention: Whether to keep the attention weights.

        Returns:
            See ``Output``.
        """
        with full_precision(batch.descriptors):
            geometry = self.measure(batch)
        atoms, vectors = self._part(self.encode_ligand, batch, geometry)
        residues = self._part(self.encode_pocket, batch, geometry.reach)
        return self.interact(batch, geometry, atoms, vectors, residues, need_attention)

    def interact(
        self,
        batch: Batch,
        geometry: Geometry,
        atoms: Tensor,
        vectors: Tensor | None,
        residues: Tensor,
        need_attention: bool = False,
        need_pk: bool = True,
    ) -> Output:
        """Joins encoded ligands and pockets; see ``forward``.

        Without ``need_pk``, pk and what it is made of are not the network's: for weights in which it has no part in pk.
        """
        contacts, smooth, vina = geometry.contacts, geometry.pairs.smooth, geometry.pairs.vina
        pairs = self._part(self._embed_pairs, geometry, atoms, vectors, residues)
        atom_states, sites, attention = self._attend(geometry, atoms, residues, pairs, need_attention)
        states, contributions = self._part(
            self.readout, pairs, atom_states, sites, contacts.pair_atom, contacts.pair_site, need_pk
        )
        contributions = contributions * smooth
        physics = self.vina_contributions(batch, geometry) if need_pk else None
        if physics is not None:
            contributions = contributions + physics
        return self._read(batch, contacts, atoms, atom_states, states, vina, contributions, smooth, attention)

    def _part(self, function: Callable[..., Any], *given: Any) -> Any:
        """What a function gives; with ``checkpointing``, what it computed on the way is not kept."""
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(function, *given, use_reentrant=False)
        return function(*given)

    def vina_contributions(self, batch: Batch, geometry: Geometry) -> Tensor | None:
        """(E,) pK, Vina's part of each pair's contribution; None where the model has none."""
        if self.physics is None:
            return None
        ligand = batch.atom_ligand.index_select(0, geometry.contacts.pair_atom)
        rotors = (batch.descriptors[:, _ROTORS] * _ROTOR_SCALE)[ligand]
        return self.physics(geometry.pairs.vina, rotors, ligand, batch.num_ligands)

    def _embed_pairs(self, geometry: Geometry, atoms: Tensor, vectors: Tensor | None, residues: Tensor) -> Tensor:
        """(E, channels). The linear layer of the features is taken in parts, so that they are never joined."""
        contacts, features, weight = geometry.contacts, geometry.pairs, self.pair.weight
        fixed = features.scalars.shape[1]
        pairs = nn.functional.linear(features.scalars, weight[:, :fixed], self.pair.bias)
        if vectors is not None and features.lines is not None:
            read = read_vectors(features.lines, vectors.index_select(0, contacts.pair_atom))
            pairs = torch.addmm(pairs, read, weight[:, fixed:].t())
        pairs = pairs + self.pair_atom(atoms).index_select(0, contacts.pair_atom)
        pairs = pairs + self.pair_residue(residues).index_select(0, contacts.pair_residue)
        pairs = nn.functional.silu(pairs)
        return pairs + self.pair_update(pairs)

    def _attend(
        self, geometry: Geometry, atoms: Tensor, residues: Tensor, pairs: Tensor, need_attention: bool
    ) -> tuple[Tensor, Tensor, list[tuple[Tensor, Tensor]] | None]:
        """Runs the blocks: atom states (A, channels), site states (S, channels), attention weights if asked for."""
        heads, smooth = 2 * self.config.num_heads, geometry.pairs.smooth
        projected = torch.addmm(self.bias_gate.bias.unsqueeze(1), self.bias_gate.weight, pairs.t())  # (.., E)
        bias, gate = projected.chunk(2)
        # A pair that leaves the cutoff fades out of the softmax's denominator too.
        bias = bias + smooth.clamp_min(_LEAST_WEIGHT).log()
        gate = self.attention_dropout(torch.sigmoid(gate) * smooth)
        sites = residues.index_select(0, geometry.contacts.site_residue)
        attention: list[tuple[Tensor, Tensor]] = []
        # Split, not sliced: gradients of the parts are joined once, instead of added up in arrays full of zeros. Of no
        # rows at all, where there are no layers, torch makes one part.
        for block, *part in zip(self.blocks, bias.split(heads), gate.split(heads), strict=False):
            atoms, sites, weights = self._part(block, atoms, sites, geometry, *part, need_attention)
            attention.append(weights)
        return atoms, sites, attention if need_attention else None

    def _read(
        self,
        batch: Batch,
        contacts: Contacts,
        atoms: Tensor,
        atom_states: Tensor,
        states: Tensor,
        vina: Tensor,
        contributions: Tensor,
        smooth: Tensor,
        attention: list[tuple[Tensor, Tensor]] | None,
    ) -> Output:
        items, owner = batch.num_ligands, batch.atom_ligand.index_select(0, contacts.pair_atom)
        size = batch.ligand_sizes.to(atoms.dtype).unsqueeze(-1)

        def ligand_mean(nodes: Tensor) -> Tensor:
            return nodes.new_zeros(items, nodes.shape[-1]).index_add_(0, batch.atom_ligand, nodes) / size

        mean = ligand_mean(atoms)
        ligand_term = self.ligand_term(torch.cat([mean, mean * size.sqrt() / 5.0, batch.descriptors], dim=-1))
        ligand_term = ligand_term.squeeze(-1).to(smooth.dtype)  # a sum of pK in 16 bits would have steps of 0.03
        interaction = contributions.new_zeros(items).index_add_(0, owner, contributions)
        weight = smooth.new_zeros(items).index_add_(0, owner, smooth).unsqueeze(-1)
        faded = states * smooth.unsqueeze(-1)
        pooled = faded.new_zeros(items, faded.shape[-1]).index_add_(0, owner, faded)
        pooled = pooled / weight.clamp_min(1.0)
        terms = vina.new_zeros(items, vina.shape[-1]).index_add_(0, owner, vina) / size  # clashes tell a wrong pose
        whole = self.whole(torch.cat([pooled, ligand_mean(atom_states), mean, weight / size / 5.0, terms], dim=-1))
        pose_logit = whole[:, 1]
        if self.pose is not None:
            marks = self.pose(states).squeeze(-1).to(smooth.dtype) * smooth
            pose_logit = pose_logit + marks.new_zeros(items).index_add_(0, owner, marks) / size.squeeze(-1).sqrt()
        return Output(
            pk=self.bias + ligand_term + interaction,
            log_variance=whole[:, 0].clamp(-4.0, 4.0),
            pose_logit=pose_logit,
            ligand_term=ligand_term,
            contributions=contributions,
            contacts=contacts,
            attention=attention,
        )

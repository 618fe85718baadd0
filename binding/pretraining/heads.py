"""Networks of pre-training: an encoder predicts what a mask hides from what surrounds it.

The encoders are those of the interaction model and, for ligands, of its ligand-only twin; the layers around them here
are discarded afterwards (masking as in Hu et al., "Strategies for pre-training graph neural networks", 2020).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from binding.config import ModelConfig
from binding.constants import AMINO_ACIDS
from binding.graph.batch import Batch, Molecules
from binding.graph.fields import ATOM_CATEGORIES, DESCRIPTORS, RESIDUE_SCALARS
from binding.model.layers.encoders import MoleculeEncoder, PocketEncoder, mlp
from binding.model.layers.readout import MEAN_PK

#: Columns of ``RESIDUE_SCALARS`` that hold for a residue of any type. The others give the type away: which chi angles
#: there are, whether atoms are missing, how many side chains are near the middle of its own.
UNTELLING_SCALARS: Final = ("sin_phi", "cos_phi", "sin_psi", "cos_psi", "has_frame")


class MoleculeGuess(NamedTuple):
    """Predictions for M molecules, of which H atoms in all are hidden.

    Attributes:
        categories: For each column of ``ATOM_CATEGORIES`` the logits (H, values) of the hidden atoms.
        descriptors: (M, len(DESCRIPTORS)).
        pk: (M,).
    """

    categories: list[Tensor]
    descriptors: Tensor
    pk: Tensor


class MoleculePretraining(nn.Module):
    """A ligand encoder that learns to predict hidden atoms, the molecule's descriptors, and its affinity.

    Args:
        config: The model that the encoder is for; only the ligand's sizes are used.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = config.hidden_channels
        self.encoder = MoleculeEncoder(channels, config.ligand_layers, config.dropout)
        self.mask = nn.Parameter(torch.randn(channels))
        self.categories = mlp(channels, channels, sum(ATOM_CATEGORIES.values()))
        self.whole = mlp(2 * channels, channels, len(DESCRIPTORS) + 1, config.dropout)
        self.bias = nn.Parameter(torch.tensor(MEAN_PK))

    def forward(self, batch: Molecules, hidden: Tensor) -> MoleculeGuess:
        """Reads molecules; ``hidden`` (A,) bool are the atoms that are not shown, though their bonds are."""
        shown = self.encoder.atoms(batch.atom_categories)
        nodes = torch.where(hidden.unsqueeze(-1), self.mask, shown)
        nodes = self.encoder.propagate(nodes, batch.bond_index, batch.bond_categories)
        logits = self.categories(nodes[hidden]).split(list(ATOM_CATEGORIES.values()), dim=-1)
        count = batch.num_ligands
        size = torch.bincount(batch.atom_ligand, minlength=count).to(nodes.dtype).unsqueeze(-1)
        mean = nodes.new_zeros(count, nodes.shape[-1]).index_add_(0, batch.atom_ligand, nodes) / size
        whole = self.whole(torch.cat([mean, mean * size.sqrt() / 5.0], dim=-1))
        return MoleculeGuess(list(logits), whole[:, :-1], whole[:, -1] + self.bias)


class PocketPretraining(nn.Module):
    """A pocket encoder that learns to predict the type of hidden amino acids from the backbone and the neighbours.

    Args:
        config: The model that the encoder is for; only the pocket's sizes are used.
    """

    untelling: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = config.hidden_channels
        self.encoder = PocketEncoder(channels, config.pocket_layers, config.dropout, config.angles)
        self.mask = nn.Parameter(torch.randn(channels))
        self.types = mlp(channels, channels, len(AMINO_ACIDS), config.dropout)
        kept = torch.tensor([float(name in UNTELLING_SCALARS) for name in RESIDUE_SCALARS])
        self.register_buffer("untelling", kept, persistent=False)

    def forward(self, batch: Batch, hidden: Tensor) -> Tensor:
        """Logits (H, len(AMINO_ACIDS)) of the residues that are ``hidden``, (R,) bool; ligands are not looked at."""
        unknown = hidden.unsqueeze(-1)
        scalars = torch.where(unknown, batch.residue_scalars * self.untelling, batch.residue_scalars)
        types = torch.where(unknown, self.mask, self.encoder.types(batch.residue_types))
        nodes = self.encoder.propagate(types + self.encoder.scalars(scalars), batch)
        return self.types(nodes[hidden])

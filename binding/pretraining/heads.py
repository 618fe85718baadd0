"""Pre-training of each encoder on its own: what a mask hides is told from what is around it.

The encoders are those of the interaction model and, for ligands, of its ligand-only twin; what is around them here
is thrown away afterwards (masking as in Hu et al., "Strategies for pre-training graph neural networks", 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from binding.config import ModelConfig
from binding.constants import AMINO_ACIDS
from binding.graph.batch import Batch
from binding.graph.fields import ATOM_CATEGORIES, DESCRIPTORS, RESIDUE_SCALARS
from binding.model.layers.encoders import MoleculeEncoder, PocketEncoder, mlp
from binding.model.layers.readout import MEAN_PK

#: Columns of ``RESIDUE_SCALARS`` that hold for a residue of any type. The others tell it: which chi angles there
#: are, whether atoms are missing, how many side chains are near the middle of its own.
UNTELLING_SCALARS = ("sin_phi", "cos_phi", "sin_psi", "cos_psi", "has_frame")


@dataclass(frozen=True, eq=False)
class MoleculeBatch:
    """M molecules, A atoms in all.

    Attributes:
        atom_categories: (A, len(ATOM_CATEGORIES)) int64.
        atom_molecule: (A,) int64, row of the molecule.
        bond_index: (2, bonds) int64, both directions.
        bond_categories: (bonds, len(BOND_CATEGORIES)) int64.
        descriptors: (M, len(DESCRIPTORS)).
    """

    atom_categories: Tensor
    atom_molecule: Tensor
    bond_index: Tensor
    bond_categories: Tensor
    descriptors: Tensor

    @property
    def num_molecules(self) -> int:
        return len(self.descriptors)

    def to(self, device: torch.device | str) -> MoleculeBatch:
        """The batch with all tensors on a device."""
        return MoleculeBatch(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class MoleculeGuess:
    """What is read off M molecules, H of whose atoms are hidden.

    Attributes:
        categories: For each column of ``ATOM_CATEGORIES`` the logits (H, values) of the hidden atoms.
        descriptors: (M, len(DESCRIPTORS)).
        pk: (M,).
    """

    categories: list[Tensor]
    descriptors: Tensor
    pk: Tensor


class MoleculePretraining(nn.Module):
    """A ligand encoder that learns to tell hidden atoms, the molecule's descriptors, and its affinity.

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

    def forward(self, batch: MoleculeBatch, hidden: Tensor) -> MoleculeGuess:
        """Reads molecules some of whose atoms are not shown; their bonds are.

        Args:
            batch: The molecules.
            hidden: (A,) bool.
        """
        shown = self.encoder.atoms(batch.atom_categories)
        nodes = torch.where(hidden.unsqueeze(-1), self.mask, shown)
        nodes = self.encoder.propagate(nodes, batch.bond_index, batch.bond_categories)
        logits = self.categories(nodes[hidden]).split(list(ATOM_CATEGORIES.values()), dim=-1)
        count = batch.num_molecules
        size = torch.bincount(batch.atom_molecule, minlength=count).to(nodes.dtype).unsqueeze(-1)
        mean = nodes.new_zeros(count, nodes.shape[-1]).index_add_(0, batch.atom_molecule, nodes) / size
        whole = self.whole(torch.cat([mean, mean * size.sqrt() / 5.0], dim=-1))
        return MoleculeGuess(list(logits), whole[:, :-1], whole[:, -1] + self.bias)


class PocketPretraining(nn.Module):
    """A pocket encoder that learns to tell the type of hidden amino acids from the backbone and the neighbours.

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
        """Reads pockets some of whose residues are not shown.

        Args:
            batch: The pockets; the ligands are not looked at.
            hidden: (R,) bool, of amino acids.

        Returns:
            Logits (hidden residues, len(AMINO_ACIDS)).
        """
        unknown = hidden.unsqueeze(-1)
        scalars = torch.where(unknown, batch.residue_scalars * self.untelling, batch.residue_scalars)
        types = torch.where(unknown, self.mask, self.encoder.types(batch.residue_types))
        nodes = self.encoder.propagate(types + self.encoder.scalars(scalars), batch)
        return self.types(nodes[hidden])

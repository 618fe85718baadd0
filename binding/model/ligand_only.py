"""The twin that sees no protein: what the ligand's 2D structure alone predicts.

Trained on the same rows as the interaction model and printed beside it, so that everyone sees what
the interaction adds. It reads no coordinates, so all poses of a ligand get the same number.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from binding.config import ModelConfig
from binding.graph.batch import Molecules
from binding.graph.fields import DESCRIPTORS
from binding.model.layers.encoders import MoleculeEncoder, mlp
from binding.model.layers.readout import MEAN_PK


class LigandOnlyModel(nn.Module):
    """Affinity from the bond graph and a dozen descriptors.

    Args:
        config: The interaction model's; only the ligand's sizes are used.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = config.hidden_channels
        self.molecule = MoleculeEncoder(channels, config.ligand_layers, config.dropout)
        self.bias = nn.Parameter(torch.tensor(MEAN_PK))
        self.head = mlp(2 * channels + len(DESCRIPTORS), channels, 1, config.dropout)

    def forward(self, batch: Molecules) -> Tensor:
        """pK (B,)."""
        atoms = self.molecule(batch)
        size = batch.ligand_sizes.to(atoms.dtype).unsqueeze(-1)
        mean = atoms.new_zeros(batch.num_ligands, atoms.shape[-1]).index_add_(0, batch.atom_ligand, atoms) / size
        found = self.head(torch.cat([mean, mean * size.sqrt() / 5.0, batch.descriptors], dim=-1)).squeeze(-1)
        return self.bias + found.to(batch.descriptors.dtype)

"""From pair embeddings to numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from binding.model.layers.encoders import mlp
from binding.model.layers.geometry import VINA_TERMS

#: Weights of Vina's five terms (Trott & Olson 2010) times -1/1.364, so that they add up in pK.
VINA_PK_WEIGHTS = (0.0261, 0.00378, -0.6158, 0.0257, 0.4305)
_ROTOR_WEIGHT = 0.0585
#: pK, about the mean of measured affinities: where the constant term starts.
MEAN_PK = 6.5
#: pK, about what Vina's function gives a crystal complex of the PDBbind refined set.
VINA_MEAN_PK = 5.0
#: pK, the most that clashes can take away.
MAX_CLASH_PK = 5.0
_REPULSION = VINA_TERMS.index("repulsion")


class VinaTerms(nn.Module):
    """Vina's terms, summed over a complex and damped by rotatable bonds, with learned weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(VINA_PK_WEIGHTS))
        self.rotor = nn.Parameter(torch.tensor(_ROTOR_WEIGHT))

    def forward(self, vina: Tensor, rotors: Tensor, ligand: Tensor, count: int) -> Tensor:
        """Contributions of the pairs.

        Clashes add up to at most ``MAX_CLASH_PK`` in a complex, shared out among its pairs in proportion, so that
        a ligand pushed into the protein gets a poor number and not an absurd one, and the sum stays exact.

        Args:
            vina: (E, 5) terms of the pairs.
            rotors: (E,) rotatable bonds of each pair's ligand.
            ligand: (E,) row of each pair's ligand.
            count: Number of ligands.

        Returns:
            (E,), pK.
        """
        attraction, clash = attraction_and_clash(vina * self.weights)
        total = clash.new_zeros(count).index_add_(0, ligand, clash)
        clash = clash / (1.0 + total / MAX_CLASH_PK)[ligand]
        return (attraction - clash) / (1.0 + self.rotor.abs() * rotors)


def attraction_and_clash(weighted: Tensor) -> tuple[Tensor, Tensor]:
    """What Vina's terms (E, 5), weighted in pK, add to each pair, and what clashes take, above zero: (E,) each."""
    return weighted.sum(-1) - weighted[:, _REPULSION], -weighted[:, _REPULSION].clamp_max(0.0)


def small_mlp(inputs: int, hidden: int, dropout: float) -> nn.Sequential:
    """Inputs to one number that is about zero at first, so that a sum over many pairs is too."""
    layers = mlp(inputs, hidden, 1, dropout)
    last = layers[-1]
    assert isinstance(last, nn.Linear)  # mlp ends in one
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)
    return layers


class PairReadout(nn.Module):
    """Contribution of each pair to pk, and an embedding of the complex as a whole.

    Args:
        channels: Width of pairs and nodes.
        dropout: Rate in the readout layers.
    """

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.atom = nn.Linear(channels, channels)
        self.residue = nn.Linear(channels, channels)
        self.contribution = small_mlp(channels, channels // 2, dropout)

    def forward(
        self,
        pairs: Tensor,
        atoms: Tensor,
        sites: Tensor,
        pair_atom: Tensor,
        pair_site: Tensor,
        need_pk: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Embeddings and contributions of the pairs.

        Args:
            pairs: (E, channels).
            atoms, sites: (A, channels) and (S, channels), final states.
            pair_atom, pair_site: (E,) their rows.
            need_pk: Whether the contributions are; they are zeros otherwise.

        Returns:
            Embeddings (E, channels) and contributions (E,), pK.
        """
        states = pairs + self.atom(atoms).index_select(0, pair_atom)
        states = nn.functional.silu(states + self.residue(sites).index_select(0, pair_site))
        if not need_pk:
            return states, states.new_zeros(len(states))
        return states, self.contribution(states).squeeze(-1)

"""The probability of a pose: what native contacts look like, Vina's terms and the network's logit, weighed by a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from binding.graph.batch import Batch
from binding.model.contact_potential import TERMS, ContactPotential
from binding.model.geometric_sums import ProteinGrid
from binding.model.layers.constants import constant
from binding.model.layers.contacts import Contacts
from binding.model.layers.geometry import VINA_TERMS, PairFeatures

#: Sums over a pose's contacts that its log odds may weigh, in order.
POSE_TERMS: Final = (*VINA_TERMS, *TERMS)


@dataclass(frozen=True)
class PoseScale:
    """``logit * network's logit + weights * terms / √atoms + offset`` is the log odds of a near-native pose.

    A network's own logit is trained on many poses that are easy to judge, and is too sure of docked ones. Sums over
    contacts, divided by the root of the size, say as much of small ligands as of large ones.

    Attributes:
        logit: Weight of the network's logit.
        offset: Constant term.
        terms: Weight of each of ``POSE_TERMS`` that counts, by name.
    """

    logit: float = 1.0
    offset: float = 0.0
    terms: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_card(cls, calibration: Mapping[str, Any]) -> PoseScale:
        """The scale of a card's ``calibration``; where it has none, the network's logit unchanged.

        Raises:
            ValueError, TypeError: An entry cannot be read, or there is no such term.
        """
        found = dict(calibration.get("pose", {}))
        terms = {str(name): float(value) for name, value in dict(found.pop("terms", {})).items()}
        if unknown := sorted(set(terms) - set(POSE_TERMS)):
            raise ValueError(f"there is no term of a pose called {', '.join(unknown)}")
        return cls(**{name: float(value) for name, value in found.items()}, terms=terms)

    def log_odds(self, logits: Tensor, sums: Tensor | None, sizes: Tensor) -> Tensor:
        """Log odds of a near-native pose for each network and ligand.

        Args:
            logits: (networks, B) or (B,).
            sums: (B, len(POSE_TERMS)), see ``pose_sums``; may be None where no term counts.
            sizes: (B,) heavy atoms.
        """
        odds = self.logit * logits + self.offset
        if not self.terms:
            return odds
        assert sums is not None, "terms of a pose are weighed, and were not computed"
        weights = constant(tuple(self.terms.get(name, 0.0) for name in POSE_TERMS), sums.device, sums.dtype)
        return odds + (sums @ weights) / sizes.to(sums.dtype).sqrt()


def pose_sums(
    batch: Batch,
    contacts: Contacts,
    pairs: PairFeatures,
    potential: ContactPotential,
    grid: ProteinGrid | None = None,
) -> Tensor:
    """(B, len(POSE_TERMS)): Vina's terms and those of a potential, summed over the contacts of each ligand.

    Args:
        batch: The batch.
        contacts: Its contacts within the reach of the geometric sums.
        pairs: Features of their pairs.
        potential: The tables.
        grid: Of the batch, where it is made already.
    """
    ligand = batch.atom_ligand.index_select(0, contacts.pair_atom)
    vina = pairs.vina.new_zeros(batch.num_ligands, len(VINA_TERMS)).index_add_(0, ligand, pairs.vina)
    return torch.cat([vina, potential(batch, grid).to(vina.dtype)], dim=1)

"""The probability of a pose: the network's logit and Vina's score, weighted by a fit to held-out docked poses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from binding.model.layers.readout import MAX_CLASH_PK, VINA_PK_WEIGHTS, attraction_and_clash


@dataclass(frozen=True)
class PoseScale:
    """``logit * network's logit + vina * Vina's pK / √atoms + offset`` is the log odds of a near-native pose.

    A network's own logit is trained on many poses that are easy to judge, and is too sure of docked ones. Vina's
    function sums over contacts; divided by the root of the size it says as much of small ligands as of large ones.

    Attributes:
        logit: Weight of the network's logit.
        vina: Weight of Vina's function (published weights, without rotors), pK over √(heavy atoms).
        offset: Constant term.
    """

    logit: float = 1.0
    vina: float = 0.0
    offset: float = 0.0

    @classmethod
    def of_card(cls, calibration: Mapping[str, Any]) -> PoseScale:
        """The scale of a card's ``calibration``; where it has none, the network's logit unchanged."""
        return cls(**{name: float(value) for name, value in dict(calibration.get("pose", {})).items()})

    def log_odds(self, logits: Tensor, vina: Tensor) -> Tensor:
        """Log odds of a near-native pose for each network and ligand.

        Args:
            logits: (networks, B) or (B,).
            vina: (B,), see ``vina_by_size``.
        """
        return self.logit * logits + self.vina * vina + self.offset


def vina_by_size(terms: Tensor, ligand: Tensor, sizes: Tensor) -> Tensor:
    """Vina's function of each ligand over the root of its size.

    Args:
        terms: (E, 5) Vina's terms of the pairs.
        ligand: (E,) row of each pair's ligand.
        sizes: (B,) heavy atoms.

    Returns:
        (B,) pK; higher is better. Clashes are bounded as in ``VinaTerms``.
    """
    attraction, clash = attraction_and_clash(terms * terms.new_tensor(VINA_PK_WEIGHTS))
    sums = terms.new_zeros(2, len(sizes)).index_add_(1, ligand, torch.stack([attraction, clash]))
    return (sums[0] - sums[1] / (1.0 + sums[1] / MAX_CLASH_PK)) / sizes.to(terms.dtype).sqrt()

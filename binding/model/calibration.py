"""What fits predictions to the errors of complexes that were held out, as the card of a set of weights says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from binding.constants import Experts
from binding.model.pose_probability import PoseScale

_NORMAL_90 = 1.6449  # standard deviations to either side that hold 90 % of a normal distribution


@dataclass(frozen=True)
class ErrorScale:
    """``pk_std = std * (1 - known_narrowing * known) * (1 - near_narrowing * near)``.

    Attributes:
        std: pK, of a complex of which nothing is known; None where it is what the networks predict times ``std_scale``.
        std_scale: Factor on the networks' standard deviation; not read where ``std`` is given.
        known_narrowing: Relative reduction where the same ligand was measured at the same site; smaller for less
            similar ones (``PriorPk.known``).
        near_narrowing: Relative reduction where a training complex has the same geometric sums; smaller for less
            similar ones (``KernelReadout.judge``).
        interval: ``pk_std`` to either side of ``pk`` that hold 90 % of held-out measurements.
        pose: Conversion of the networks' pose logits to a probability.
    """

    std: float | None
    std_scale: float
    known_narrowing: float
    near_narrowing: float
    interval: float
    pose: PoseScale

    @classmethod
    def of_card(cls, card: Mapping[str, Any], experts: Experts = Experts.all) -> Self:
        """The scale of a card.

        Args:
            card: The card.
            experts: What pk is made of; the scale of some experts alone is under ``experts`` of the calibration. What
                narrows an error is that which the experts know of, and nothing else.

        Raises:
            ValueError, TypeError: An entry cannot be read.
        """
        found: dict[str, Any] = dict(card.get("calibration", {}))
        if experts is not Experts.all:
            found |= {"known_narrowing": 0.0} if experts is Experts.network else {"near_narrowing": 0.0}
            found |= dict(found.get("experts", {}).get(experts.value, {}))
        return cls(
            std=None if found.get("std") is None else float(found["std"]),
            std_scale=float(found.get("std_scale", 1.0)),
            known_narrowing=float(found.get("known_narrowing", 0.0)),
            near_narrowing=float(found.get("near_narrowing", 0.0)),
            interval=float(found.get("interval_90", _NORMAL_90)),
            pose=PoseScale.of_card(found),
        )

    def pk_std(self, predicted: np.ndarray, known: np.ndarray | None, near: np.ndarray) -> np.ndarray:
        """(n,) pK.

        Args:
            predicted: (n,) standard deviation that the networks predict, pK.
            known: (n,) 0 to 1, how near the nearest measurement of the prior is; None where it is not known.
            near: (n,) 0 to 1, how near the nearest training complex of the geometry expert is.
        """
        std = predicted * self.std_scale if self.std is None else np.full(len(predicted), self.std)
        known = np.zeros(len(predicted)) if known is None else known
        return std * (1.0 - self.known_narrowing * known) * (1.0 - self.near_narrowing * near)

"""What training minimises. All in pK."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def affinity_loss(pk: Tensor, target: Tensor, weight: Tensor, relation: Tensor, delta: float) -> Tensor:
    """Weighted Huber loss; a censored row costs only on the wrong side of its bound.

    Args:
        pk: (B,) predicted. target: (B,). weight: (B,).
        relation: (B,): 0 equal, -1 the true pk is below the target, 1 above.
        delta: pK, where the loss turns from square to linear.
    """
    error = pk - target
    error = torch.where(relation < 0, error.clamp_min(0.0), torch.where(relation > 0, error.clamp_max(0.0), error))
    loss = nn.functional.huber_loss(error, torch.zeros_like(error), delta=delta, reduction="none")
    return (loss * weight).sum() / weight.sum().clamp_min(1e-6)


def variance_loss(pk: Tensor, log_variance: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Gaussian likelihood of the error as it is: trains the variance alone (Nix & Weigend 1994)."""
    squared = (pk - target).detach() ** 2
    loss = 0.5 * (squared * torch.exp(-log_variance) + log_variance)
    return (loss * weight).sum() / weight.sum().clamp_min(1e-6)


def pose_loss(logit: Tensor, near_native: Tensor) -> Tensor:
    """Cross-entropy of near-native against displaced poses; rows without a known pose (NaN) are left out."""
    known = ~torch.isnan(near_native)
    if not known.any():
        return logit.sum() * 0.0
    return nn.functional.binary_cross_entropy_with_logits(logit[known], near_native[known])


def decoy_loss(pk: Tensor, target: Tensor, wrong: Tensor) -> Tensor:
    """One-sided: a displaced pose (``wrong``) must not bind better than its crystal pose was measured to."""
    if not wrong.any():
        return pk.sum() * 0.0
    return (pk[wrong] - target[wrong]).clamp_min(0.0).mean()


def pair_loss(pk: Tensor, target: Tensor, weight: Tensor, group: Tensor, delta: float) -> Tensor:
    """Huber loss of differences between complexes of one group, offsets of assays taken out."""
    same = (group[:, None] == group[None, :]) & (weight[:, None] > 0) & (weight[None, :] > 0)
    same = same.triu(diagonal=1)
    if not same.any():
        return pk.sum() * 0.0
    error = (pk[:, None] - pk[None, :]) - (target[:, None] - target[None, :])
    return nn.functional.huber_loss(error[same], torch.zeros_like(error[same]), delta=delta)

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


def pose_rank_loss(logit: Tensor, near_native: Tensor, poses_of: Tensor) -> Tensor:
    """Cross-entropy of picking a near-native pose among the poses of one complex, by a softmax of their logits.

    Args:
        logit: (B,). near_native: (B,), NaN where it is not known. poses_of: (B,), poses of one complex share a number.

    Returns:
        The mean over complexes that have both near-native and wrong poses in the batch; zero where none has.
    """
    near, wrong = near_native == 1, near_native == 0
    same = (poses_of[:, None] == poses_of[None, :]) & (near | wrong)
    right = same & near
    first = near & ~right.tril(-1).any(1)  # one row a complex, a near-native one
    asked = first & (same & wrong).any(1)
    if not asked.any():
        return logit.sum() * 0.0
    logits = logit.expand(int(asked.sum()), -1)
    of_right = logits.masked_fill(~right[asked], -torch.inf).logsumexp(1)
    return (logits.masked_fill(~same[asked], -torch.inf).logsumexp(1) - of_right).mean()


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

"""What training minimises. All in pK."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from binding.data.dataset import Labels
from binding.graph.batch import Tensors

HUBER_DELTA = 1.0  # pK, where the loss turns from square to linear


def affinity_loss(pk: Tensor, target: Tensor, weight: Tensor, relation: Tensor, delta: float) -> Tensor:
    """Weighted Huber loss; a censored row costs only on the wrong side of its bound.

    Args:
        pk: (B,), predicted.
        target: (B,), measured.
        weight: (B,).
        relation: (B,): 0 equal, -1 the true pk is below the target, 1 above.
        delta: pK, where the loss turns from square to linear.
    """
    error = pk - target
    error = torch.where(relation < 0, error.clamp_min(0.0), torch.where(relation > 0, error.clamp_max(0.0), error))
    loss = nn.functional.huber_loss(error, torch.zeros_like(error), delta=delta, reduction="none")
    return (loss * weight).sum() / weight.sum().clamp_min(1e-6)


def variance_loss(pk: Tensor, log_variance: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Gaussian likelihood of the detached error: trains the variance alone (Nix & Weigend 1994)."""
    squared = (pk - target).detach() ** 2
    loss = 0.5 * (squared * torch.exp(-log_variance) + log_variance)
    return (loss * weight).sum() / weight.sum().clamp_min(1e-6)


@dataclass(frozen=True, eq=False)
class Chosen(Tensors):
    """The rows and pairs of B complexes that enter some terms of the loss.

    They follow from the labels alone, and are found before the labels go to the device: a step then never waits for
    the device to say how many there are.

    Attributes:
        posed: (P,) int64, rows with a known pose, near-native or wrong.
        wrong: (W,) int64, decoys that are not near-native.
        pairs: (Q,) int64, ``row * B + column`` of pairs of one group, each pair once.
        right: (C, B) bool, the near-native poses of each of C complexes that have near-native and wrong ones.
        known: (C, B) bool, all poses of these complexes.
    """

    posed: Tensor
    wrong: Tensor
    pairs: Tensor
    right: Tensor
    known: Tensor

    @classmethod
    def of(cls, labels: Labels) -> Chosen:
        """For a batch, on the device of its labels."""
        near, wrong = labels.near_native == 1, labels.near_native == 0
        exact = (labels.weight > 0) & (labels.relation == 0)  # a bound has no difference to another measurement
        paired = (labels.group[:, None] == labels.group[None, :]) & exact[:, None] & exact[None, :]
        same = (labels.poses_of[:, None] == labels.poses_of[None, :]) & (near | wrong)
        right = same & near
        first = near & ~right.tril(-1).any(1)  # one row a complex, a near-native one
        asked = (first & (same & wrong).any(1)).nonzero().flatten()
        return cls(
            posed=(~torch.isnan(labels.near_native)).nonzero().flatten(),
            wrong=(labels.decoy & wrong).nonzero().flatten(),
            pairs=paired.triu(diagonal=1).flatten().nonzero().flatten(),
            right=right[asked],
            known=same[asked],
        )


def pose_loss(logit: Tensor, near_native: Tensor, posed: Tensor) -> Tensor:
    """Cross-entropy of near-native against displaced poses, of the rows ``posed`` alone; zero where there are none."""
    if not len(posed):
        return logit.sum() * 0.0
    return nn.functional.binary_cross_entropy_with_logits(logit[posed], near_native[posed])


def pose_rank_loss(logit: Tensor, right: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy of picking a near-native pose among the poses of one complex, by a softmax of their logits.

    Args:
        logit: (B,).
        right: (C, B) bool, the near-native poses of each complex.
        known: (C, B) bool, all its poses.

    Returns:
        The mean over the complexes; zero where there is none.
    """
    if not len(right):
        return logit.sum() * 0.0
    logits = logit.expand(len(right), -1)
    of_right = logits.masked_fill(~right, -torch.inf).logsumexp(1)
    return (logits.masked_fill(~known, -torch.inf).logsumexp(1) - of_right).mean()


def decoy_loss(pk: Tensor, target: Tensor, wrong: Tensor) -> Tensor:
    """One-sided: the displaced poses in the rows ``wrong`` must not bind better than their crystal poses do."""
    if not len(wrong):
        return pk.sum() * 0.0
    return (pk[wrong] - target[wrong]).clamp_min(0.0).mean()


def pair_loss(pk: Tensor, target: Tensor, pairs: Tensor, delta: float) -> Tensor:
    """Huber loss of the differences within pairs (see ``Chosen.pairs``), which cancel the offsets of assays."""
    if not len(pairs):
        return pk.sum() * 0.0
    error = ((pk[:, None] - pk[None, :]) - (target[:, None] - target[None, :])).flatten()[pairs]
    return nn.functional.huber_loss(error, torch.zeros_like(error), delta=delta)

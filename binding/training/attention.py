"""Whether attention still chooses while a network trains: entropy of its weights, a warning where it collapses."""

from __future__ import annotations

import warnings
from typing import Final

import torch
from torch import Tensor

from binding.model.interaction import Output

#: Normalised entropy of a head, at or below which each of its queries looks at one partner alone.
SINGLE: Final = 0.02
#: The same, from which on it looks at all partners alike.
EVEN: Final = 0.995


def attention_entropy(sums: Tensor) -> Tensor:
    """Entropy of the attention weights over that of even ones: (layers, 2, heads), NaN where no query has a choice.

    0 is attention to a single partner, 1 attention that does not choose. Queries with fewer than two partners are left
    out. The first direction is that of atoms, which attend to residues; the second that of residues.

    Args:
        sums: See ``entropy_sums``; those of several batches, or of several processes, add up.
    """
    return sums[0] / sums[1]


def entropy_sums(output: Output) -> Tensor:
    """(2, layers, 2, heads): normalised entropies, summed over the queries that have a choice, and how many those are.

    Args:
        output: With attention weights.
    """
    contacts = output.contacts
    queries = contacts.pair_atom, contacts.pair_site
    layers = [
        torch.stack([_of_one(weights, query) for weights, query in zip(directions, queries, strict=True)], dim=1)
        for directions in output.attention or []
    ]
    return torch.stack(layers, dim=1) if layers else output.pk.new_zeros(2, 0, 2, 0)


def _of_one(weights: Tensor, query: Tensor) -> Tensor:
    """(2, heads) sum over the queries and their number, of weights (E, heads) of pairs of queries (E,)."""
    weights = weights.detach().float()
    partners = torch.bincount(query)
    entropy = weights.new_zeros(len(partners), weights.shape[1])
    entropy = entropy.index_add_(0, query, torch.special.entr(weights))
    choosing = partners > 1
    sums = (entropy[choosing] / partners[choosing].log().unsqueeze(1)).sum(0)
    return torch.stack([sums, choosing.sum().to(sums.dtype).expand_as(sums)])


def warn_of_collapse(entropy: Tensor) -> None:
    """A warning that names the heads whose attention has collapsed; nothing where all still choose.

    Args:
        entropy: (layers, 2, heads), see ``attention_entropy``.
    """
    for collapsed, what in ((entropy <= SINGLE, "a single partner"), (entropy >= EVEN, "all partners alike")):
        if not bool(collapsed.any()):
            continue
        names = [
            f"head {head + 1} of layer {layer + 1} ({('atoms', 'residues')[direction]})"
            for layer, direction, head in collapsed.nonzero().tolist()
        ]
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        warnings.warn(
            f"Attention has collapsed onto {what}: {shown}. See attention_entropy in metrics.csv; "
            "a lower learning_rate or more dropout may help.",
            stacklevel=2,
        )

"""Graphs to numbers: batches of similar size, and a graph that fails does not affect the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from binding.constants import MEASURED_PK
from binding.errors import BindingError
from binding.score.featurize import as_binding_error
from binding.score.options import DEFAULT_BATCH_SIZE

if TYPE_CHECKING:
    from binding.graph.fields import ComplexGraph
    from binding.model.weights import Scorer

_GPU_BATCHES = 8  # batches of a CPU that a GPU takes at once, so that its kernels have enough to do
_PAIRS_PER_COMPLEX = 3_000  # atoms x residues, twice a usual complex; what a full batch may hold on average


class Numbers(NamedTuple):
    """What the network says about one complex; see ``ResultRow`` for the units."""

    pk: float
    pk_std: float
    pk_low: float
    pk_high: float
    pk_ligand_only: float
    pk_network: float
    pk_prior: float
    pose: float
    binder: float
    rank_score: float


def score_graphs(
    graphs: Sequence[ComplexGraph], scorer: Scorer, batch_size: int = DEFAULT_BATCH_SIZE
) -> list[Numbers | BindingError]:
    """Scores graphs in batches of similar size.

    Args:
        graphs: Any number; they are batched by size among themselves, so the same graphs give the same bits.
        scorer: The model.
        batch_size: Most complexes in one pass of the network; fewer of large ones, see ``complexes_at_once`` for GPUs.

    Returns:
        For each graph its numbers, or why there are none, in the order given.
    """
    results: dict[int, Numbers | BindingError] = {}
    for batch in _batches(graphs, complexes_at_once(scorer, batch_size)):
        results.update(zip(batch, _score([graphs[place] for place in batch], scorer), strict=True))
    return [results[place] for place in range(len(graphs))]


def complexes_at_once(scorer: Scorer, batch_size: int) -> int:
    """Most complexes in one pass: ``batch_size`` on a CPU, whose cache they fill, and many more on a GPU."""
    return batch_size if scorer.device.type == "cpu" else _GPU_BATCHES * batch_size


def _pairs(graph: ComplexGraph) -> int:
    return graph.ligand.num_atoms * graph.pocket.num_residues


def _batches(graphs: Sequence[ComplexGraph], batch_size: int) -> Iterator[list[int]]:
    """Places of graphs, sorted by size and cut so that padding, and with it memory, stays bounded."""
    batch: list[int] = []
    for place in sorted(range(len(graphs)), key=lambda place: _pairs(graphs[place])):
        too_big = (len(batch) + 1) * _pairs(graphs[place]) > batch_size * _PAIRS_PER_COMPLEX
        if batch and (len(batch) >= batch_size or too_big):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _score(graphs: list[ComplexGraph], scorer: Scorer) -> list[Numbers | BindingError]:
    """One batch; where it fails, its halves: one graph costs no other its row, and what is too large is cut."""
    try:
        scores = scorer.score(graphs)
    except Exception as error:  # noqa: BLE001 - one graph must not cost the others their rows
        if len(graphs) > 1:
            middle = len(graphs) // 2
            return _score(graphs[:middle], scorer) + _score(graphs[middle:], scorer)
        return [as_binding_error(error)]
    pk = bounded(scores.pk)
    half = scorer.interval * scores.pk_std
    parts = (scores.pk_ligand_only, bounded(scores.pk_network), bounded(scores.pk_prior))
    nothing = np.full(len(graphs), np.nan)
    binder = (nothing, nothing) if scorer.binder is None else scorer.binder.judge(scores, graphs)
    columns = (pk, scores.pk_std, pk - half, pk + half, *parts, scores.pose, *binder)
    table = np.stack(columns, axis=1)
    return [Numbers(*map(float, row)) if np.isfinite(row[0]) else _not_finite() for row in table]


def bounded(pk: np.ndarray) -> np.ndarray:
    """pK clipped to the range ever measured, (n,); values that are not finite stay as they are."""
    return np.where(np.isfinite(pk), np.clip(pk, *MEASURED_PK), pk)


def bound_warnings(pk: float) -> tuple[str, ...]:
    """The warning about a pK at the bound; none elsewhere."""
    if pk not in MEASURED_PK:
        return ()
    which = "weakest" if pk == MEASURED_PK[0] else "tightest"
    return (f"pk is bounded to {pk:g}, the {which} binding ever measured: do not trust it",)


def _not_finite() -> BindingError:
    return BindingError("The network gave no finite number for this complex.", code="not_finite")

"""Graphs to numbers: batches of similar size, and a graph that fails does not affect the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from binding.constants import MEASURED_PK
from binding.errors import BindingError
from binding.score.featurize import as_binding_error
from binding.score.options import DEFAULT_BATCH_SIZE

if TYPE_CHECKING:
    from binding.graph.fields import ComplexGraph
    from binding.model.ensemble import Launched, Scorer

_GPU_BATCHES = 8  # batches of a CPU that a GPU takes at once, so that its kernels have enough to do
_GPU_ATOMS = 32  # ligand atoms of a complex, on average, with which such a batch is full
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


def launch_graphs(
    graphs: Sequence[ComplexGraph], scorer: Scorer, batch_size: int = DEFAULT_BATCH_SIZE
) -> Callable[[], list[Numbers | BindingError]]:
    """Begins to score graphs in batches of similar size.

    Args:
        graphs: Any number; they are batched by size among themselves, so the same graphs give the same bits.
        scorer: The model.
        batch_size: Most complexes in one pass of the network on a CPU, fewer of large ones; a GPU takes the atoms of
            eight times as many complexes of 32 atoms.

    Returns:
        What waits for the numbers, and gives them for each graph, in the order given, or why there are none; a GPU
        computes meanwhile.
    """
    batches = list(_batches(graphs, scorer, batch_size))
    chosen = [[graphs[place] for place in batch] for batch in batches]
    launched = [_launched(part, scorer) for part in chosen]

    def wait() -> list[Numbers | BindingError]:
        results: dict[int, Numbers | BindingError] = {}
        for batch, part, begun in zip(batches, chosen, launched, strict=True):
            results.update(zip(batch, _numbers(part, scorer, begun), strict=True))
        return [results[place] for place in range(len(graphs))]

    return wait


def complexes_at_once(scorer: Scorer, batch_size: int) -> int:
    """Most complexes in one pass: ``batch_size`` on a CPU, whose cache they fill, and many more on a GPU."""
    return batch_size if scorer.device.type == "cpu" else _GPU_BATCHES * batch_size


def _pairs(graph: ComplexGraph) -> int:
    return graph.ligand.num_atoms * graph.pocket.num_residues


def _batches(graphs: Sequence[ComplexGraph], scorer: Scorer, batch_size: int) -> Iterator[list[int]]:
    """Places of graphs, sorted by size and cut so that padding, and with it memory, stays bounded.

    On a CPU a batch is full by its complexes, whose atoms then are about as many as its cache holds; on a GPU by its
    atoms, or there would be too few to keep it busy where ligands are small.
    """
    on_cpu = scorer.device.type == "cpu"
    at_once = complexes_at_once(scorer, batch_size)
    batch: list[int] = []
    atoms = 0
    for place in sorted(range(len(graphs)), key=lambda place: _pairs(graphs[place])):
        size = graphs[place].ligand.num_atoms
        is_full = len(batch) >= batch_size if on_cpu else atoms + size > _GPU_ATOMS * at_once
        too_big = (len(batch) + 1) * _pairs(graphs[place]) > at_once * _PAIRS_PER_COMPLEX
        if batch and (is_full or too_big):
            yield batch
            batch, atoms = [], 0
        batch.append(place)
        atoms += size
    if batch:
        yield batch


def _launched(graphs: list[ComplexGraph], scorer: Scorer) -> Launched | Exception:
    """One batch, under way, or why it cannot be."""
    try:
        return scorer.launch(graphs)
    except Exception as error:  # noqa: BLE001 - one graph must not cost the others their rows
        return error


def _numbers(
    graphs: list[ComplexGraph], scorer: Scorer, launched: Launched | Exception
) -> list[Numbers | BindingError]:
    """One batch; where it fails, its halves: one graph costs no other its row, and what is too large is cut."""
    try:
        if isinstance(launched, Exception):
            raise launched
        scores = launched.read()
    except Exception as error:  # noqa: BLE001 - as above
        if len(graphs) > 1:
            middle = len(graphs) // 2
            halves = graphs[:middle], graphs[middle:]
            return [row for half in halves for row in _numbers(half, scorer, _launched(half, scorer))]
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
    return BindingError(
        "The network gave no finite number for this complex.",
        "Look at the structure: atoms may lie on each other, or far from all others.",
        "not_finite",
    )

"""The geometry expert of a run: fitted in closed form to the training rows, joined with the rest on held-out ones."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.optimize

from binding.config import GeometryConfig, JoiningConfig, ModelConfig, StructureLine, TrainConfig
from binding.data.cache import ComplexCache
from binding.data.datamodule import ComplexDataModule
from binding.data.dataset import ComplexDataset
from binding.metrics import MIN_ROWS
from binding.model.geometric_sums import Sums, sums_of
from binding.model.kernel_readout import KernelReadout

FEWEST: Final = 20  # complexes with an exact measurement
MOST_ROWS: Final = 6_000  # complexes of a readout: half a minute of fitting, 5 MB
_AT_ONCE: Final = 32  # complexes whose sums are taken together
#: What the weights that nothing speaks against count for, in held-out rows.
_EXPECTED_ROWS: Final = 50
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FittedGeometry:
    """The geometry expert of a run.

    Attributes:
        readout: The readout.
        expected: How it is joined where no held-out row speaks against it.
    """

    readout: KernelReadout
    expected: JoiningConfig


def sums_of_rows(caches: Sequence[ComplexCache], items: Sequence[tuple[int, int]]) -> Sums:
    """Geometric sums of rows of caches, in order.

    Args:
        caches: The caches.
        items: Cache and row of each complex; at least one.
    """
    pieces = [items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE)]
    return Sums.joined([sums_of([caches[source].graph(row) for source, row in piece]) for piece in pieces])


def fit_geometry(
    caches: Sequence[ComplexCache],
    items: Sequence[tuple[int, int]],
    pk: np.ndarray,
    weights: np.ndarray,
    families: Sequence[str] | None = None,
    config: GeometryConfig | None = None,
) -> KernelReadout:
    """A readout of geometric sums, fitted to rows of caches.

    Args:
        caches: The caches.
        items: Cache and row of each of n complexes.
        pk: (n,) measured, exact.
        weights: (n,) of each row, 1 for crystal complexes; the noise of a row is one over its weight.
        families: (n,) protein family of each, for ``config.family_variance``.
        config: Blocks of the readout.

    Raises:
        TrainingError: ``not_fitted``.
    """
    config = config or GeometryConfig()
    named = [""] * len(items) if families is None else families
    return KernelReadout.fit(config, sums_of_rows(caches, items), pk, named, 1.0 / weights)


def geometry_of_run(
    config: TrainConfig, data: ComplexDataModule, known: KernelReadout | None = None
) -> FittedGeometry | None:
    """The expert of a run; None where it has none.

    Without a known one it is fitted to the training rows with an exact measurement; a known one learns these rows.

    Args:
        config: The run.
        data: Its rows.
        known: The expert of the weights that the run starts from.
    """
    if known is not None:
        expected = config.model.line
        if not config.geometry:
            return FittedGeometry(known, expected)
        rows = data.train_set.exact_rows()
        if not len(rows) or len(rows) > MOST_ROWS:
            return FittedGeometry(known, expected)
        sums = sums_of_rows(data.caches, [data.train_set.items[row] for row in rows])
        return FittedGeometry(known.learned_from(sums, *_measured(data.train_set, rows)), expected)
    chosen = _chosen(data.train_set) if config.geometry else []
    if len(chosen) < FEWEST:
        return None
    pk, noise = _measured(data.train_set, chosen)
    readout = fit_geometry(data.caches, [data.train_set.items[row] for row in chosen], pk, 1.0 / noise)
    return FittedGeometry(readout, _expected(config.model))


def _measured(rows: ComplexDataset, chosen: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """pK and noise of some rows, (n,) each."""
    weights = np.array([rows.sources[rows.items[row][0]].weight for row in chosen])
    return rows.pk[chosen], 1.0 / weights


def _chosen(rows: ComplexDataset) -> list[int]:
    """Rows to fit to: each complex once; of too many those of the greatest weight, the same draw each time."""
    found: dict[tuple[str, int], int] = {}
    for row in rows.exact_rows().tolist():
        source, place = rows.items[row]
        found.setdefault((str(rows.caches[source].path), place), row)
    if len(found) <= MOST_ROWS:
        return list(found.values())
    _log.warning("the geometry expert is fitted to %d of %d complexes", MOST_ROWS, len(found))

    def order(key: tuple[str, int]) -> tuple[float, int]:
        return -rows.sources[rows.items[found[key]][0]].weight, zlib.crc32(f"{key}".encode())

    return sorted(found[key] for key in sorted(found, key=order)[:MOST_ROWS])


# ---------------------------------------------------------------- joining


def _expected(model: ModelConfig) -> JoiningConfig:
    """What the weights are where nothing else is known: beside the geometry, the network adds nothing to pk.

    So it was on families that no network had seen (docs/explanation/model.md).
    """
    return JoiningConfig(
        prior=model.prior_weight,
        network=0.0,
        geometry=model.network_weight,
        structure=StructureLine(network=0.0, geometry=1.0),
    )


def joined_on(
    expected: JoiningConfig, truth: np.ndarray, network: np.ndarray, geometry: np.ndarray, prior: np.ndarray | None
) -> JoiningConfig:
    """Weights of pk by least squares on held-out rows, none below zero, drawn towards the expected ones.

    Args:
        expected: Counts as much as fifty rows.
        truth: (n,) measured pK; with fewer than three, the expected weights stay.
        network, geometry, prior: (n,) what each expert says, pK; the prior is None where there is none.
    """
    if len(truth) < MIN_ROWS:
        return expected
    experts = {"network": network, "geometry": geometry}
    structure = expected.structure
    alone = _line(structure.model_dump(), experts, truth)
    all_experts = experts if prior is None else experts | {"prior": prior}
    whole = _line(expected.model_dump(exclude={"structure"}), all_experts, truth)
    return JoiningConfig(**whole, structure=StructureLine(**alone))


def _line(expected: Mapping[str, float], experts: Mapping[str, np.ndarray], truth: np.ndarray) -> dict[str, float]:
    """``offset`` and the weight of each expert."""
    names, columns = list(experts), np.stack(list(experts.values()), axis=1)
    start = np.array([expected[name] for name in names])
    spread = np.sqrt(_EXPECTED_ROWS) * np.maximum(columns.std(axis=0), 0.1)
    left = np.concatenate([columns - columns.mean(axis=0), np.diag(spread)])
    right = np.concatenate([truth - truth.mean(), spread * start])
    weights, _ = scipy.optimize.nnls(left, right)
    missed = truth - columns @ weights - expected["offset"]
    offset = expected["offset"] + missed.sum() / (len(truth) + _EXPECTED_ROWS)
    return {"offset": float(offset), **dict(zip(names, map(float, weights), strict=True))}

"""The end of a run: held-out predictions, the calibration that follows, weights, card and the training set's file."""

from __future__ import annotations

import math
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from binding import __version__
from binding.config import JoiningConfig, TrainConfig
from binding.data.datamodule import ComplexDataModule
from binding.data.dataset import BucketSampler, ComplexDataset
from binding.domain.index import Domain
from binding.files import atomic
from binding.metrics import MIN_ROWS, regression_metrics
from binding.model.weights import Member, Scorer, save_weights
from binding.training.domain import training_domain
from binding.training.geometry import FittedGeometry, geometry_of_run, joined_on, sums_of_rows
from binding.training.start import Start


@dataclass(frozen=True)
class TrainResult:
    """What a run left behind.

    Attributes:
        weights: ``model.safetensors``, its card beside it.
        predictions: CSV of the held-out rows, or None where nothing was held out.
        metrics: Metrics of the model and its ligand-only twin on the held-out rows with an exact measurement.
        interrupted: Whether it was stopped before its end; the same command resumes it.
        rank: Rank of this process, where several train together; only 0 writes files.
    """

    weights: Path
    predictions: Path | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False
    rank: int = 0


def finish(config: TrainConfig, average: Member, data: ComplexDataModule, start: Start | None) -> TrainResult:
    """Writes ``validation.csv`` and the weights with their card and their training set into the run's folder.

    Args:
        config: The run.
        average: The averaged network that the run keeps.
        data: The rows of the run.
        start: The weights that the run started from, if any.
    """
    output = Path(config.output)
    member = Member(config.model)  # on the CPU, free of the trainer
    member.load_state_dict(average.state_dict())
    geometry = geometry_of_run(config, data, None if start is None else start.geometry)
    if geometry is not None:
        joining = _joining(member, geometry, data)
        config = config.model_copy(update={"model": config.model.model_copy(update={"joining": joining})})
        member = Member(config.model)
        member.load_state_dict(average.state_dict())
    readout = None if geometry is None else geometry.readout
    counts = np.bincount([source for source, _ in data.train_set.items], minlength=len(config.sources))
    rows: dict[str, int] = {}
    for source, count in zip(config.sources, counts.tolist(), strict=True):
        rows[str(source.cache)] = rows.get(str(source.cache), 0) + count  # two sources may be parts of one cache
    card: dict[str, Any] = {
        "name": output.name,
        "version": __version__,
        "commit": _commit(),
        "config": config.model.model_dump(mode="json"),
        "training": config.model_dump(mode="json", exclude={"model", "threads"}),
        "rows": rows,
    }
    if data.prior is not None:
        card["prior"] = data.prior.summary()
    if start is not None:
        card["init"] = start.origin
        if start.calibration:
            card["calibration"] = {**start.calibration, "taken_over_from": start.origin["name"]}
    predictions, metrics = None, {}
    if len(data.validation_set):
        predictions = output / "validation.csv"
        scorer = Scorer(output.name, {}, [member], prior=data.prior, geometry=readout)
        table = predict_dataset(scorer, data.validation_set)
        with atomic(predictions, resumes=True) as partial:
            table.to_csv(partial, index=False, float_format="%.5f")
        exact = table[table["relation"] == "="]  # a bound has no error
        truth = exact["pk_true"].to_numpy()
        if len(exact) >= MIN_ROWS:
            error = exact["pk"].to_numpy() - truth
            kept = {name: value for name, value in card.get("calibration", {}).items() if name == "pose"}
            card["calibration"] = {**kept, **calibrate(error, exact["pk_std"].to_numpy()), "rows": len(exact)}
        names = ("pk", "pk_ligand_only", *(("pk_network",) if readout is not None else ()))
        metrics = {name: regression_metrics(truth, exact[name].to_numpy()) for name in names}
        card["validation"] = {"rows": len(table), "exact_rows": len(exact), **metrics}
    weights = output / "model.safetensors"
    potential = None if start is None else start.potential
    states = [member.state_dict()]
    save_weights(weights, states, card, prior=data.prior, geometry=readout, potential=potential, resumes=True)
    seen = [training_domain(data.train_set.caches, data.train_set.items)]
    if data.prior is not None:
        seen.append(data.prior.domain())
    Domain.merged(seen).save(weights, resumes=True)
    return TrainResult(weights, predictions, metrics)


def _joining(member: Member, geometry: FittedGeometry, data: ComplexDataModule) -> JoiningConfig:
    """How pk is joined, by the held-out rows with an exact measurement."""
    rows = data.validation_set
    exact = rows.exact_rows()
    if not len(exact):
        return geometry.expected
    plain = Member(member.interaction.config.model_copy(update={"joining": None}))
    plain.load_state_dict(member.state_dict())
    said = predict_dataset(Scorer("network", {}, [plain], prior=data.prior), rows).iloc[exact]
    prior = None if data.prior is None else said["pk_prior"].to_numpy()
    sums = sums_of_rows(rows.caches, [rows.items[row] for row in exact.tolist()])
    return joined_on(
        geometry.expected,
        said["pk_true"].to_numpy(),
        network=said["pk_network"].to_numpy(),
        geometry=geometry.readout(sums).numpy(),
        prior=prior,
    )


def calibrate(error: np.ndarray, std: np.ndarray) -> dict[str, float]:
    """What makes predicted standard deviations fit the errors of rows that were not trained on.

    Args:
        error: (n,) pK, of exact measurements; one row or more.
        std: (n,) pK, as the network gives it.

    Returns:
        ``std_scale``, by which ``std`` is multiplied, so that scaled errors have a mean square of 1; and
        ``interval_90``, the number of such standard deviations to either side that hold 90 % of a further row's errors
        (the quantile that split conformal prediction takes), for any distribution of the errors.
    """
    size = np.sort(np.abs(error) / std)
    scale = float(np.sqrt(np.mean(size**2)))
    rank = min(math.ceil(0.9 * (len(size) + 1)), len(size))
    return {"std_scale": scale, "interval_90": float(size[rank - 1]) / scale}


def predict_dataset(scorer: Scorer, rows: ComplexDataset, batch_size: int = 64) -> pd.DataFrame:
    """Scores rows of caches; the prior's part is ``rows.starts``, or without these what the scorer's prior says.

    Args:
        scorer: The model.
        rows: What to score.
        batch_size: Complexes a batch.

    Returns:
        One row each, in order: ``source``, ``id``, ``pk_true``, ``relation``, ``pk``, ``pk_std``,
        ``pk_ligand_only``, ``pk_network``, ``pk_prior``, ``pose``, ``heavy_atoms``.
    """
    columns = ("pk", "pk_std", "pk_ligand_only", "pk_network", "pk_prior", "pose")
    values = np.zeros((len(rows), len(columns)))
    for batch in BucketSampler(rows, batch_size, shuffle=False):
        starts = None if rows.starts is None else rows.starts.take(batch)
        scores = scorer.score([rows.graph(index) for index in batch], starts)
        values[batch] = np.stack([getattr(scores, name) for name in columns], axis=1)
    records = [rows.caches[source].table.iloc[row] for source, row in rows.items]
    head = pd.DataFrame(
        {
            "source": [record["source"] for record in records],
            "id": [record["id"] for record in records],
            "pk_true": [float(record["pk"]) for record in records],
            "relation": [record["relation"] for record in records],
        }
    )
    return head.join(pd.DataFrame(values, columns=columns)).assign(heavy_atoms=rows.sizes)


def _commit() -> str:
    """The commit of the code that trains, where it runs from a checkout."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()

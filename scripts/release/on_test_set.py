"""What the cards of released weights say of a test set, and how complexes are scored and spoilt for it.

The test set is for the final figures: choose by held-out rows, and write down every exception in
docs/explanation/accuracy.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from binding.graph.fields import ComplexGraph
from binding.graph.site import PocketSpec
from binding.io.index import read_index
from binding.io.table import read_folder
from binding.metrics import paired_difference, regression_metrics
from binding.model.weights import Scorer
from binding.score.featurize import Featurized, featurize
from binding.score.jobs import Job

BATCH = 32


def test_graphs(folder: Path, pocket: PocketSpec) -> tuple[np.ndarray, list[ComplexGraph], np.ndarray]:
    """Measured pk, graphs and heavy-atom counts of a folder in PDBbind layout."""
    truth = {entry.id: entry.affinity.pk for entry in read_index(folder / "index.csv")}
    ids, graphs = [], []
    for request in read_folder(folder):
        assert isinstance(request.ligand, Path)
        (item,) = featurize(Job(request.protein, request.ligand, pocket))
        if not isinstance(item, Featurized):
            raise SystemExit(f"{request.id}: {item}")
        ids.append(str(request.id))
        graphs.append(item.graph)
    return np.array([truth[i] for i in ids]), graphs, np.array([g.ligand.num_atoms for g in graphs])


def score(scorer: Scorer, graphs: Sequence[ComplexGraph]) -> pd.DataFrame:
    """What is said of each graph, in order."""
    order = np.argsort([graph.ligand.num_atoms for graph in graphs], kind="stable")
    columns = ("pk", "pk_std", "pk_ligand_only", "pk_network", "pk_prior", "pose")
    values = np.zeros((len(graphs), len(columns)))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        scores = scorer.score([graphs[row] for row in rows])
        values[rows] = np.stack([getattr(scores, name) for name in columns], axis=1)
    return pd.DataFrame(values, columns=columns)


def shifted(graph: ComplexGraph, by: np.ndarray) -> ComplexGraph:
    """The ligand moved by a vector, Å."""
    return replace(graph, ligand=replace(graph.ligand, positions=graph.ligand.positions + by))


def without_protein(graphs: Sequence[ComplexGraph]) -> list[ComplexGraph]:
    """Each ligand 1,000 Å away from its protein."""
    return [shifted(graph, np.array([1000.0, 0.0, 0.0])) for graph in graphs]


def shuffled(graphs: Sequence[ComplexGraph], seed: int = 0) -> list[ComplexGraph]:
    """Each ligand centred where another complex's ligand lies, in that complex's pocket."""
    order = np.random.default_rng(seed).permutation(len(graphs))
    partner = np.empty(len(graphs), dtype=int)
    partner[order] = np.roll(order, 1)
    out = []
    for graph, other in zip(graphs, (graphs[row] for row in partner), strict=True):
        by = other.ligand.positions.mean(axis=0) - graph.ligand.positions.mean(axis=0)
        out.append(replace(shifted(graph, by), pocket=other.pocket))
    return out


def noisy(graphs: Sequence[ComplexGraph], size: float, seed: int = 0) -> list[ComplexGraph]:
    """Gaussian noise on the ligands' coordinates, Å."""
    generator = np.random.default_rng(seed)
    return [
        replace(
            g,
            ligand=replace(
                g.ligand, positions=g.ligand.positions + generator.normal(scale=size, size=(g.ligand.num_atoms, 3))
            ),
        )
        for g in graphs
    ]


def brief(truth: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """r, Spearman, RMSE and MAE with 95 % intervals."""
    return regression_metrics(truth, predicted)


def test_metrics(scorer: Scorer, graphs: list[ComplexGraph], truth: np.ndarray, sizes: np.ndarray) -> dict[str, Any]:
    """Everything the card says of the test set."""
    table = score(scorer, graphs)
    pk, twin = table["pk"].to_numpy(), table["pk_ligand_only"].to_numpy()
    size_line = np.polyval(np.polyfit(sizes, truth, 1), sizes)
    gain = paired_difference(pk, twin, truth)
    broken = {
        "protein_removed": score(scorer, without_protein(graphs))["pk"].to_numpy(),
        "protein_shuffled": score(scorer, shuffled(graphs))["pk"].to_numpy(),
        "noise_0.2_A": score(scorer, noisy(graphs, 0.2))["pk"].to_numpy(),
        "noise_0.5_A": score(scorer, noisy(graphs, 0.5))["pk"].to_numpy(),
        "noise_1.0_A": score(scorer, noisy(graphs, 1.0))["pk"].to_numpy(),
    }
    inside = np.abs(pk - truth) < scorer.interval * table["pk_std"].to_numpy()
    return {
        "rows": len(truth),
        "pk": brief(truth, pk),
        "pk_ligand_only": brief(truth, twin),
        **{
            name: brief(truth, table[name].to_numpy())
            for name in ("pk_network", "pk_prior")
            if table[name].notna().all()
        },
        "heavy_atoms_fitted_on_the_test_rows": brief(truth, size_line),
        "gain_over_ligand_only": {
            name: {"value": round(g.value, 4), "interval": [round(g.low, 4), round(g.high, 4)]}
            for name, g in gain.items()
        },
        "single_members": [
            brief(truth, score(Scorer("one", scorer.card, [m], prior=scorer.prior), graphs)["pk"].to_numpy())
            for m in (scorer.members if scorer.line.network else ())
        ],
        "checks": {name: brief(truth, values) for name, values in broken.items()},
        "share_within_90_percent_interval": round(float(inside.mean()), 4),
    }

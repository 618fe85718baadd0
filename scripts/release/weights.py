"""Packs trained runs as a released set of weights with its card; scripts.release.geometry adds its expert.

    python -m scripts.release.weights --name binding-strict \\
        --runs runs/strict-0 runs/strict-1 runs/strict-2 runs/strict-3 runs/strict-4

Every figure of the card is computed here, from files, with the weights as they are stored. The test set is for the
final figures: choose by held-out rows, and write down every exception in docs/explanation/accuracy.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml

from binding.config import TrainConfig
from binding.data.cache import ComplexCache
from binding.data.holdout import filter_rows, split_rows
from binding.domain.index import Domain
from binding.graph.fields import ComplexGraph
from binding.graph.site import PocketSpec
from binding.io.index import read_index
from binding.io.table import read_folder
from binding.metrics import paired_difference, regression_metrics
from binding.model.weights import Scorer, load_card, load_model, save_weights
from binding.prior.model import Prior
from binding.score.featurize import Featurized, featurize
from binding.score.jobs import Job
from binding.training.domain import training_domain
from binding.training.finish import calibrate
from scripts.figures import ROOT

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


def members(runs: Sequence[Path]) -> list[dict[str, torch.Tensor]]:
    """The one member of each run."""
    return [load_model(run, device="cpu").members[0].state_dict() for run in runs]


def prior(runs: Sequence[Path]) -> Prior | None:
    """What all runs start from; None where they start from none."""
    found = [load_model(run, device="cpu").prior for run in runs]
    first = found[0].arrays() if found[0] is not None else {}
    for other in found:
        arrays = other.arrays() if other is not None else {}
        if arrays.keys() != first.keys() or any(not np.array_equal(first[name], arrays[name]) for name in first):
            raise SystemExit("the runs do not start from one and the same prior")
    return found[0]


def domain(runs: Sequence[Path]) -> Domain:
    """What any of the runs was trained on."""
    found = [Domain.load(run / "model.safetensors") or domain_of_settings(run) for run in runs]
    return Domain.merged(found)


def domain_of_settings(run: Path) -> Domain:
    """The same of a run that was trained before runs wrote it: its rows are drawn anew, from the caches as they are."""
    config = TrainConfig.model_validate(yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8")))
    caches = [ComplexCache(source.cache) for source in config.sources]
    tables = [filter_rows(cache.table, source) for cache, source in zip(caches, config.sources, strict=True)]
    train, _ = split_rows(tables, config.validation)
    return training_domain(caches, [(source, int(row)) for source, rows in enumerate(train) for row in rows])


def calibration(runs: Sequence[Path]) -> dict[str, Any]:
    """Scale of pk_std, and of the 90 % interval, from rows that the member which predicts them did not train on.

    These are of families of which nothing is known; scripts.release.pose_odds says how poses become probabilities.
    """
    raw = pd.concat([pd.read_csv(run / "validation.csv") for run in runs])
    raw = raw[raw["relation"] == "="]  # a bound has no error
    fitted = calibrate((raw["pk"] - raw["pk_true"]).to_numpy(), raw["pk_std"].to_numpy())
    scales = [round(load_card(run)["calibration"]["std_scale"], 4) for run in runs]
    rounded = {name: round(value, 4) for name, value in fitted.items()}
    return {**rounded, "std_scale_by_run": scales, "held_out_rows": len(raw)}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True)
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("--test", type=Path, help="test set, for weights that no geometry expert joins later")
    parser.add_argument("--output", type=Path, default=ROOT / "binding" / "weights")
    args = parser.parse_args()

    cards = [load_card(run) for run in args.runs]
    if any(card["config"] != cards[0]["config"] for card in cards):
        raise SystemExit("the runs do not share one model configuration")
    card: dict[str, Any] = {
        "name": args.name,
        "version": cards[0]["version"],
        "commit": sorted({c["commit"] for c in cards}),
        "config": cards[0]["config"],
        "parameters_of_one_member": sum(t.numel() for t in members(args.runs[:1])[0].values()),
        # where the run was kept is of no use to others
        "training": {name: value for name, value in cards[0]["training"].items() if name != "output"},
        "members": [
            {
                "run": run.name,
                "seed": c["training"]["seed"],
                "fold": c["training"]["validation"]["fold"],
                "rows": c["rows"],
            }
            for run, c in zip(args.runs, cards, strict=True)
        ],
        "calibration": calibration(args.runs),
        "held_out_proteins": [c["validation"] for c in cards],
    }
    path = args.output / f"{args.name}.safetensors"
    start = prior(args.runs)
    if start is not None:
        card["prior"] = start.summary()
    save_weights(path, members(args.runs), card, half=True, prior=start)
    domain(args.runs).save(path)
    if args.test is not None:
        truth, graphs, sizes = test_graphs(args.test, PocketSpec())
        card["test"] = {args.test.name: test_metrics(load_model(path, device="cpu"), graphs, truth, sizes)}
        save_weights(path, members(args.runs), card, half=True, prior=start)
        print(json.dumps(card["test"], indent=2))


if __name__ == "__main__":
    main()

"""What simpler models make of the same complexes, families held out -> docs/figures/baselines.json.

    python -m scripts.measure.baselines ../shared/data

Each model is fitted to the crystal and borrowed complexes of cache/ outside a fold of protein families and predicts the
crystal complexes inside it, with the folds and intervals of scripts.release.geometry. Models that start at random are
fitted from three seeds. The forest needs scikit-learn and is left out without it. The prior is the one of the released
weights, refitted without what is like the fold. Carbonic anhydrase, a twelfth of all rows, lies in one fold: figures
are given with and without it.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from binding.config import GeometryConfig, KernelBlock
from binding.constants import ATOM_CLASSES
from binding.data.cache import ComplexCache
from binding.files import make_folder
from binding.metrics import pearson, rmse
from binding.model.geometric_sums import KINDS, PAIR_SUMS, Sums
from binding.model.layers.geometry import SHELLS
from binding.model.weights import DEFAULT_MODEL, load_model
from scripts.figures import FIGURES, write_figures
from scripts.release.families import FOLDS, Rows
from scripts.release.geometry import CACHE, estimated, fitted, resampled, rounded
from scripts.release.left_out import kept_without

SEEDS = (0, 1, 2)
LARGEST_PROTEIN = "P00918"  # carbonic anhydrase 2
FIRST_SHELLS = 3  # of the contact profile: to about 4 Å
HIDDEN, EPOCHS = 128, 12
OF_LIGAND = ("descriptors", "topology")
GLOBAL = (*OF_LIGAND, "vina", "burial", "composition")
ALL_GROUPS = (*GLOBAL, "shells", "table", "angles", "handedness")
#: From rows to fit, rows to predict and a seed to pK of the latter.
Model = Callable[[Rows, Rows, int], np.ndarray]


def kernel(*blocks: KernelBlock) -> Model:
    """The readout of the geometry expert with other blocks."""

    def predict(known: Rows, asked: Rows, seed: int) -> np.ndarray:
        return fitted(known, GeometryConfig(blocks=blocks)).judge(asked.sums)[0].numpy()

    return predict


def first_shells(known: Rows, asked: Rows, seed: int) -> np.ndarray:
    """The geometry expert where no contact beyond the first shells of the profile is counted."""
    near = [Rows(rows.table, without_far(rows.sums)) for rows in (known, asked)]
    return kernel(*GeometryConfig().blocks)(near[0], near[1], seed)


def without_far(sums: Sums) -> Sums:
    """Sums whose counts by distance end with the first shells; Vina's terms and burial stay."""
    parts = dict(zip(PAIR_SUMS, sums.pairs.clone().split(list(PAIR_SUMS.values()), dim=1), strict=True))
    classes = len(ATOM_CLASSES)
    parts["shells"].view(len(sums.pairs), classes, len(SHELLS))[:, :, FIRST_SHELLS:] = 0.0
    # Of each kind of atom: counts by class in the first shells, then those in the others, then what is signed.
    parts["by_kind"].view(len(sums.pairs), len(KINDS), -1)[:, :, classes : 2 * classes] = 0.0
    return replace(sums, pairs=torch.cat(list(parts.values()), dim=1))


def numbers(rows: Rows, names: tuple[str, ...]) -> Tensor:
    """(n, width) of some groups of sums, float32."""
    groups = rows.sums.double().groups()
    return torch.cat([groups[name] for name in names], dim=1).float()


def perceptron(known: Rows, asked: Rows, seed: int) -> np.ndarray:
    """A network of one hidden layer on the global numbers."""
    torch.manual_seed(seed)
    known = known.take(known.table["exact"].to_numpy())
    values, weight = numbers(known, GLOBAL), torch.from_numpy(1.0 / known.noise).float()
    mean, scale = values.mean(0), values.std(0) + 1e-6
    inputs, truth = ((values - mean) / scale).clamp(-4.0, 4.0), torch.tensor(known.pk).float()
    net = nn.Sequential(nn.Linear(inputs.shape[1], HIDDEN), nn.SiLU(), nn.Dropout(0.3), nn.Linear(HIDDEN, 1))
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.1)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(truth)).split(64):
            error = net(inputs[batch]).squeeze(1) - (truth[batch] - truth.mean())
            optimizer.zero_grad()
            (weight[batch] * error**2).mean().backward()
            optimizer.step()
    with torch.no_grad():
        return (
            net.eval()(((numbers(asked, GLOBAL) - mean) / scale).clamp(-4.0, 4.0)).squeeze(1) + truth.mean()
        ).numpy()


def forest(known: Rows, asked: Rows, seed: int) -> np.ndarray:
    """Extremely randomised trees on all groups of sums."""
    from sklearn.ensemble import ExtraTreesRegressor

    known = known.take(known.table["exact"].to_numpy())
    trees = ExtraTreesRegressor(100, min_samples_leaf=2, max_features=0.2, random_state=seed)
    trees.fit(numbers(known, ALL_GROUPS).numpy(), known.pk, 1.0 / known.noise)
    return trees.predict(numbers(asked, ALL_GROUPS).numpy())


def models() -> dict[str, tuple[Model, tuple[int, ...]]]:
    """By name each model and its seeds."""
    linear, plain, shells, table, *directions = GeometryConfig().blocks
    ligand = KernelBlock(groups=OF_LIGAND, kernel="linear", amplitude=2.0), KernelBlock(groups=OF_LIGAND)
    bare = (*OF_LIGAND, "burial")
    without = (
        KernelBlock(groups=bare, kernel="linear", amplitude=2.0),
        KernelBlock(groups=(*bare, "composition"), amplitude=1.0),
    )
    found: dict[str, tuple[Model, tuple[int, ...]]] = {
        "ligand": (kernel(*ligand), SEEDS[:1]),
        "ridge": (kernel(KernelBlock(groups=GLOBAL, kernel="linear", amplitude=2.0)), SEEDS[:1]),
        "perceptron": (perceptron, SEEDS),
        "without_contacts": (kernel(*without), SEEDS[:1]),
        "global_numbers": (kernel(linear, plain), SEEDS[:1]),
        "first_shells": (first_shells, SEEDS[:1]),
        "without_angles": (kernel(linear, plain, shells, table), SEEDS[:1]),
        "geometry": (kernel(linear, plain, shells, table, *directions), SEEDS[:1]),
    }
    if find_spec("sklearn") is not None:
        found["forest"] = (forest, SEEDS)
    return found


def predictions(rows: Rows, names: Sequence[str]) -> pd.DataFrame:
    """A column ``name seed`` for each model and seed, of all crystal rows, held out by families.

    Each is kept in cache/baselines/, by the rows that it was made from, so that what was stopped is resumed.
    """
    crystal, fold = (rows.table["source"] == "crystal").to_numpy(), rows.table["fold"].to_numpy()
    digest = hashlib.sha256(rows.table.to_csv().encode() + rows.sums.pairs.numpy().tobytes()).hexdigest()[:12]
    folder, found = CACHE / "baselines", {}
    make_folder(folder)
    for name in names:
        model, seeds = models()[name]
        for seed in seeds:
            kept = folder / f"{name}_{seed}_{digest}.csv"
            if not kept.is_file():
                column = np.full(len(fold), np.nan)
                for number in range(FOLDS):
                    asked = crystal & (fold == number)
                    column[asked] = model(rows.take(fold != number), rows.take(asked), seed)
                pd.DataFrame({"pk": column[crystal]}).to_csv(kept, index=False)
            found[f"{name} {seed}"] = pd.read_csv(kept)["pk"].to_numpy()
            print(name, seed, flush=True)
    return pd.DataFrame(found)


def figures(table: pd.DataFrame, names: list[str]) -> dict[str, Any]:
    """Figures of each model on some rows: mean over seeds, and how much it falls behind the whole geometry.

    Args:
        table: pk_true, group and the columns of ``predictions``.
        names: Models.
    """
    truth, draws = table["pk_true"].to_numpy(), resampled(table["group"])
    report: dict[str, Any] = {}
    metrics = {"r": pearson, "rmse": rmse}
    best = table["geometry 0"].to_numpy()
    whole_value = {metric: float(of(best, truth)) for metric, of in metrics.items()}
    whole = {metric: [float(of(best[draw], truth[draw])) for draw in draws] for metric, of in metrics.items()}
    for name in names:
        columns = [table[column].to_numpy() for column in table if column.rsplit(" ", 1)[0] == name]
        report[name] = {"n": len(table), "seeds": len(columns)}
        for metric, of in metrics.items():
            values = [np.mean([of(column[draw], truth[draw]) for column in columns]) for draw in draws]
            gaps = [value - base for value, base in zip(values, whole[metric], strict=True)]
            value = float(np.mean([of(column, truth) for column in columns]))
            report[name][metric] = estimated(value, values)
            report[name][f"{metric}_minus_geometry"] = estimated(value - whole_value[metric], gaps)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with crystal/ and casf2016/")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "baselines.json")
    parser.add_argument("--models", nargs="+", choices=list(models()), help="predict by these alone; write no figures")
    options = parser.parse_args()
    rows = Rows.of(options.data, CACHE)
    crystal = rows.table[rows.table["source"] == "crystal"].reset_index(drop=True)
    predicted = predictions(rows, options.models or list(models()))
    if options.models:
        return
    prior = load_model(DEFAULT_MODEL, device="cpu").prior
    assert prior is not None, "released weights have a prior"
    said = kept_without(prior, CACHE / "crystal.npz", crystal["fold"].to_numpy())["family"]
    table = predicted.assign(**{"prior 0": said, "pk_true": crystal["pk"], "group": crystal["group"]})
    others = (ComplexCache(CACHE / "crystal.npz").table["uniprot"] != LARGEST_PROTEIN).to_numpy()
    exact = crystal["exact"].to_numpy()
    names = ["prior", *models()]
    largest = crystal["group"][~others].mode()[0]
    report = {
        "all": figures(table[exact], names),
        "without_carbonic_anhydrase": figures(table[exact & (crystal["group"] != largest).to_numpy()], names),
    }
    write_figures(options.output, rounded(report), DEFAULT_MODEL)


if __name__ == "__main__":
    main()

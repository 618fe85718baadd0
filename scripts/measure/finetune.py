"""What fine-tuning on a few compounds of a series does for the ranking of its others -> docs/figures/finetune.json.

    python -m scripts.measure.finetune ../shared/data/series --weights binding-base
    python -m scripts.measure.finetune cache/posed_congeneric.npz --by series --output /tmp    # to choose settings by

In each series with enough compounds, some are drawn at random; the weights are fine-tuned on them with the settings
of configs/train/finetune.yaml and rank the others. They are compared with the network before, the fine-tuned
ligand-only twin, and a guess that needs no structure: the mean of the drawn compounds weighted by fingerprint
similarity.

A folder is one of series, see `scripts.measure.series`; a cache needs the column that --by names.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from binding import api
from binding.config import SourceConfig, TrainConfig, ValidationConfig
from binding.data.cache import ComplexCache
from binding.data.dataset import ComplexDataset
from binding.metrics import kendall
from binding.model.weights import Scorer, load_model
from binding.training.finish import predict_dataset
from binding.training.run import train
from scripts.figures import FIGURES, ROOT, machine, name_of, write_figures

COLUMNS = ("before", "after", "ligand_only_after", "similarity")


def prepared(folder: Path, scratch: Path) -> Path:
    """A cache of all series of a folder, by way of the layout that `binding prepare` reads."""
    tables = []
    for path in sorted(folder.glob("*/affinity.csv")):
        name = path.parent.name
        (scratch / name).mkdir()
        shutil.copy(path.parent / "protein.pdb", scratch / name / f"{name}_pocket.pdb")
        shutil.copy(path.parent / "ligands.sdf", scratch / name / f"{name}_ligands.sdf")
        table = pd.read_csv(path, dtype=str, keep_default_na=False).rename(columns={"ligand_id": "id"})
        tables.append(table.assign(receptor=name, series=name))
    pd.concat(tables).drop_duplicates("id").to_csv(scratch / "index.csv", index=False)
    api.prepare(scratch, scratch / "series.npz")
    return scratch / "series.npz"


def similarity(train_rows: pd.DataFrame, others: pd.DataFrame, smiles: str) -> np.ndarray:
    """Mean pK of the training rows, weighted by the fourth power of Morgan-2 Tanimoto similarity."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    known, asked = (
        [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in rows[smiles]] for rows in (train_rows, others)
    )
    weights = np.array([DataStructs.BulkTanimotoSimilarity(one, known) for one in asked]) ** 4 + 1e-9
    return weights @ train_rows["pk"].to_numpy(dtype=float) / weights.sum(axis=1)


def by_compound(table: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Each compound once, its poses' best prediction by each column."""
    return table.groupby("compound_id").agg({"pk_true": "first", **dict.fromkeys(names, "max")})


def one_draw(
    config: TrainConfig, cache: ComplexCache, rows: pd.DataFrame, drawn: set[str], before: Scorer, smiles: str
) -> dict[str, float]:
    """Kendall's tau on the compounds that were not drawn, before and after."""
    inside = rows["compound_id"].isin(drawn)
    sources = [SourceConfig(cache=cache.path)]
    others = ComplexDataset([cache], sources, [rows.index[~inside]])
    with tempfile.TemporaryDirectory() as scratch:
        split = Path(scratch) / "split.csv"
        side = np.where(cache.table["id"].isin(rows["id"][inside]), "train", "left_out")
        pd.DataFrame({"id": cache.table["id"], "split": side}).to_csv(split, index=False)
        run = config.model_copy(
            update={
                "sources": (config.sources[0].model_copy(update={"cache": cache.path, "where": None}),),
                "validation": ValidationConfig(file=split),
                "output": Path(scratch) / "run",
            }
        )
        with contextlib.redirect_stdout(None):
            train(run, progress=False)
        after = load_model(Path(scratch) / "run", device="cpu")
    table = predict_dataset(before, others).rename(columns={"pk": "before"})
    table["after"], table["ligand_only_after"] = predict_dataset(after, others)[["pk", "pk_ligand_only"]].to_numpy().T
    table["compound_id"] = rows["compound_id"][~inside].to_numpy()
    table["similarity"] = similarity(rows[inside], rows[~inside], smiles)
    judged = by_compound(table, COLUMNS)
    return {name: kendall(judged[name].to_numpy(), judged["pk_true"].to_numpy()) for name in COLUMNS}


def draws(rows: pd.DataFrame, count: int, size: int, seed: int) -> Iterator[set[str]]:
    """Random sets of compounds; the same for every model and setting."""
    names = np.array(sorted(rows["compound_id"].unique()))
    for number in range(count):
        yield set(np.random.default_rng([seed, number]).choice(names, size, replace=False))


def summary(by_series: pd.DataFrame, resamples: int = 2000) -> dict[str, Any]:
    """Means over series, and of the change, with 95 % intervals from resampling the series."""
    generator = np.random.default_rng(0)
    picks = generator.integers(len(by_series), size=(resamples, len(by_series)))
    figures = {name: by_series[name].to_numpy() for name in COLUMNS}
    figures["change"] = figures["after"] - figures["before"]
    figures["after_minus_similarity"] = figures["after"] - figures["similarity"]
    out = {}
    for name, values in figures.items():
        low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
        out[name] = {"value": float(values.mean()), "low": float(low), "high": float(high)}
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder of series, or a cache")
    parser.add_argument("--weights", default="binding-base", help="to start from; the first of its networks")
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "train" / "finetune.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="other settings than its own")
    parser.add_argument("--by", default="series", help="the cache's column of series")
    parser.add_argument("--smiles", default="smiles", help="the cache's column of SMILES")
    parser.add_argument("--train-on", type=int, default=20, help="compounds drawn")
    parser.add_argument("--fewest", type=int, default=30, help="compounds of a series")
    parser.add_argument("--most", type=int, default=None, help="series, the first so many by name")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--output", type=Path, default=FIGURES)
    options = parser.parse_args()
    overrides = dict(text.split("=", 1) for text in options.set)
    with tempfile.TemporaryDirectory() as scratch:
        path = options.source if options.source.is_file() else prepared(options.source, Path(scratch))
        cache = ComplexCache(path)
        config = TrainConfig.from_yaml(options.config, {"init": options.weights, "output": scratch, **overrides})
        loaded = load_model(options.weights, device="cpu")
        before = loaded.with_parts(members=[loaded.members[config.init_member]])
        table = cache.table[cache.table["relation"] == "="]
        if "compound_id" not in table:
            table = table.assign(compound_id=table["id"])
        rows = []
        sizes = table.groupby(options.by)["compound_id"].nunique()
        for name in sorted(sizes.index[sizes >= options.fewest])[: options.most]:
            part = table[table[options.by] == name]
            figures = pd.DataFrame(
                [
                    one_draw(config, cache, part, drawn, before, options.smiles)
                    for drawn in draws(part, options.draws, options.train_on, seed=0)
                ]
            )
            rows.append({"series": name, "compounds": int(sizes[name]), **figures.mean().to_dict()})
            print(json.dumps(rows[-1]), flush=True)
    content = {
        "model": name_of(options.weights),
        "machine": machine(),
        "settings": config.model_dump(mode="json", exclude={"sources", "output", "model"}),
        "train_on": options.train_on,
        "draws": options.draws,
        "series": rows,
        "mean": summary(pd.DataFrame(rows)),
    }
    write_figures(options.output / "finetune.json", content, options.weights)
    print(json.dumps(content["mean"], indent=1))


if __name__ == "__main__":
    main()

"""The geometry expert of released weights, and how pk is joined of it and the prior -> docs/figures/joining.json.

    python -m scripts.release.geometry ../shared/data --names binding-strict binding-base

The expert is fitted in closed form to the crystal and borrowed complexes of cache/ (those that the strict rule allows
for binding-strict). Each crystal complex is predicted twice without what it could be known by: once by experts that
know nothing of its protein's family, and once by experts that do not know its ligand. The line pk = offset + prior +
geometry, whose weights depend on how near the nearest measurement is, is fitted by least squares to both, each row
counted twice; so is what `pk_std` is made of. Figures of a fold
come from numbers fitted to the other folds, and intervals from resampling whole groups of families.

The networks' part in pk is measured on the complexes whose families are unlike all that the networks were trained on,
and is not in the line: beside the geometry it is nothing. They say `pose`. No test set is read for a figure; the
ligands of CASF-2016 are read by the strict rule. Nothing but `config.joining`, `calibration`, `geometry` and the
tensors of the expert changes in the weights; what else the card says of a test set is measured by
scripts.release.weights.
"""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import lsq_linear, minimize
from scipy.stats import norm

from binding.config import GeometryConfig, JoiningConfig, ModelConfig
from binding.data.cache import ComplexCache
from binding.domain.index import KNOWN_PROTEIN
from binding.domain.words import pocket_words
from binding.graph.site import PocketSpec
from binding.metrics import pearson, rmse
from binding.model.kernel_readout import KernelReadout
from binding.model.weights import Member, Scorer, load_card, load_model, save_weights
from binding.prior.model import PriorPk
from binding.training.finish import calibrate
from scripts.figures import FIGURES, ROOT, commit, write_figures
from scripts.release.families import Rows
from scripts.release.left_out import kept_without
from scripts.release.weights import test_graphs, test_metrics

CACHE = ROOT / "cache"
STRICT = "binding-strict"
WAYS = ("family", "ligand")  # what is held out
RESAMPLES = 1000
#: The geometry's weight where the very complex was measured, at the least: `explain` has contacts to show there too.
LEAST_GEOMETRY = 0.2
LEVELS = (0.5, 0.68, 0.8, 0.9, 0.95)
BINS = {"known": (0.0, 0.05, 0.2, 0.4, 0.6, 1.0), "near": (0.0, 0.6, 0.7, 0.8, 1.0)}
_TOGETHER = 8  # graphs in a batch
_COLUMN = {"family": "fold", "ligand": "part"}
_REPLACED = ("geometry", "geometry_rows", "calibration", "held_out", "held_out_proteins", "test")  # parts of a card
_STEPS = np.arange(1, 20) / 20.0  # of the expected calibration error


def fitted(rows: Rows, config: GeometryConfig) -> KernelReadout:
    """The expert of some rows; bounds are left out."""
    exact = rows.take(rows.table["exact"].to_numpy())
    return KernelReadout.fit(config, exact.sums, exact.pk, exact.table["group"].tolist(), exact.noise)


def held_out(rows: Rows, config: GeometryConfig, way: str) -> tuple[np.ndarray, np.ndarray]:
    """(n,) pK and nearness of the crystal rows, each by an expert without its fold or its part of the ligands."""
    parts, crystal = rows.table[_COLUMN[way]].to_numpy(), (rows.table["source"] == "crystal").to_numpy()
    pk, near = np.full(len(parts), np.nan), np.full(len(parts), np.nan)
    for part in np.unique(parts[crystal]):
        asked = crystal & (parts == part)
        pk[asked], near[asked] = (
            values.numpy() for values in fitted(rows.take(parts != part), config).judge(rows.take(asked).sums)
        )
    return pk[crystal], near[crystal]


def table_of(rows: Rows, scorer: Scorer, geometry: dict[str, tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """Each exact crystal complex twice, by what was held out: pk_true, prior, geometry, known, near, group, fold.

    Args:
        rows: All rows.
        scorer: Its prior is read.
        geometry: By each of ``WAYS`` what ``held_out`` found.
    """
    crystal = rows.table[rows.table["source"] == "crystal"].reset_index(drop=True)
    assert scorer.prior is not None, "released weights have a prior"
    prior = kept_without(scorer.prior, CACHE / "crystal.npz", crystal["fold"].to_numpy())
    found = []
    for way in WAYS:
        said, near = geometry[way]
        columns = {"prior": prior[way], "known": prior[f"known_{way}"], "geometry": said, "near": near}
        found.append(crystal.assign(way=way, pk_true=crystal["pk"], **columns)[crystal["exact"]])
    return pd.concat(found, ignore_index=True)


def terms(rows: pd.DataFrame, experts: Sequence[str]) -> np.ndarray:
    """What a line weighs, (rows, k): 1 and the experts.

    Where the prior is joined with others its weight depends on what it knows, and there are these columns twice: times
    1 - ``known``, and times ``known``.
    """
    plain = np.column_stack([np.ones(len(rows)), *(rows[name] for name in experts)])
    if "prior" not in experts or len(experts) == 1:
        return plain
    known = rows[["known"]].to_numpy()
    return np.concatenate([(1.0 - known) * plain, known * plain], axis=1)


def line_of(rows: pd.DataFrame, experts: Sequence[str]) -> np.ndarray:
    """Offset and weights by least squares, no weight below zero, nor the geometry's below its least; of ``terms``."""
    features = terms(rows, experts)
    least = np.zeros(features.shape[1])
    least[:: 1 + len(experts)] = -np.inf  # offsets
    if "geometry" in experts and features.shape[1] > 1 + len(experts):
        least[1 + len(experts) + 1 + list(experts).index("geometry")] = LEAST_GEOMETRY
    return lsq_linear(features, rows["pk_true"].to_numpy(), (least, np.inf)).x


def by(line: np.ndarray, rows: pd.DataFrame, experts: Sequence[str]) -> np.ndarray:
    """pK (rows,) by such a line."""
    return terms(rows, experts) @ line


def described(line: np.ndarray, experts: Sequence[str]) -> dict[str, Any]:
    """A line as the card has it; ``measured`` is what it is where the very complex was measured."""
    names = ("offset", *experts)
    here, there = line[: len(names)].tolist(), line[len(names) :].tolist()
    found: dict[str, Any] = dict(zip(names, here, strict=True))
    return found | ({"measured": dict(zip(names, there, strict=True))} if there else {})


def crossed(rows: pd.DataFrame, fit: Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]) -> np.ndarray:
    """(rows,) of each fold of families what a fit to the rows of the other folds says of it."""
    found = np.empty(len(rows))
    for fold in rows["fold"].unique():
        asked = (rows["fold"] == fold).to_numpy()
        found[asked] = fit(rows[~asked], rows[asked])
    return found


def deviations(rows: pd.DataFrame, line: np.ndarray, experts: Sequence[str]) -> dict[str, float]:
    """``std`` and what narrows it, of greatest likelihood: std * (1 - a known) * (1 - b near)."""
    names = [name for expert, name in (("prior", "known"), ("geometry", "near")) if expert in experts]
    error, given = (rows["pk_true"] - by(line, rows, experts)).to_numpy(), rows[names].to_numpy()

    def std(guess: np.ndarray) -> np.ndarray:
        return np.exp(guess[0]) * np.prod(1.0 - np.clip(guess[1:], 0.0, 0.95) * given, axis=1)

    def loss(guess: np.ndarray) -> float:
        return float((np.log(std(guess)) + 0.5 * (error / std(guess)) ** 2).mean())

    best = minimize(loss, np.array([0.3, *(0.3 for _ in names)]), method="Nelder-Mead", options={"maxiter": 4000}).x
    interval = calibrate(error, std(best))
    found = {"std": float(np.exp(best[0])), "interval_90": interval["interval_90"] * interval["std_scale"]}
    return found | {f"{name}_narrowing": float(np.clip(a, 0.0, 0.95)) for name, a in zip(names, best[1:], strict=True)}


def std_by(numbers: dict[str, float], rows: pd.DataFrame) -> np.ndarray:
    """(rows,) pk_std by what ``deviations`` found."""
    narrowed = (1.0 - numbers.get(f"{name}_narrowing", 0.0) * rows[name] for name in ("known", "near"))
    return numbers["std"] * math.prod(narrowed).to_numpy()


def resampled(groups: pd.Series, seed: int = 0) -> list[np.ndarray]:
    """Rows of ``RESAMPLES`` draws of whole groups."""
    places = [np.flatnonzero(inside) for inside in (groups.to_numpy() == name for name in groups.unique())]
    generator = np.random.default_rng(seed)
    return [
        np.concatenate([places[k] for k in generator.integers(0, len(places), len(places))]) for _ in range(RESAMPLES)
    ]


def estimated(value: float, draws: Sequence[float]) -> dict[str, float]:
    """A value with its 95 % interval from resampling."""
    low, high = np.quantile(draws, [0.025, 0.975]).tolist()
    return {"value": value, "low": low, "high": high}


def accuracy(predicted: np.ndarray, rows: pd.DataFrame) -> dict[str, Any]:
    """r and RMSE with 95 % intervals."""
    truth, found = rows["pk_true"].to_numpy(), {}
    draws = resampled(rows["group"])
    for name, metric in (("r", pearson), ("rmse", rmse)):
        values = [float(metric(predicted[draw], truth[draw])) for draw in draws]
        found[name] = estimated(float(metric(predicted, truth)), values)
    return {"n": len(rows), **found}


def reliability(rows: pd.DataFrame, interval: float) -> dict[str, Any]:
    """How well error bars fit errors.

    Args:
        rows: With ``error`` and ``std``, by numbers fitted to other folds.
        interval: Standard deviations to either side that hold 90 %.

    Returns:
        ``coverage`` of a normal law at some levels, ``ece``, the mean difference of such shares from their levels, the
        share ``inside_90`` of the interval, and the RMSE and mean standard deviation.
    """
    size = (rows["error"].abs() / rows["std"]).to_numpy()
    shares = {level: float((size < norm.ppf(0.5 + level / 2.0)).mean()) for level in (*LEVELS, *_STEPS)}
    inside = [(size[draw] < interval).mean() for draw in resampled(rows["group"])]
    return {
        "n": len(rows),
        "coverage": {f"{level:g}": shares[level] for level in LEVELS},
        "ece": float(np.mean([abs(shares[level] - level) for level in _STEPS])),
        "inside_90": estimated(float((size < interval).mean()), inside),
        "rmse": float(np.sqrt(np.square(rows["error"]).mean())),
        "mean_std": float(rows["std"].mean()),
        "std_from_to": np.quantile(rows["std"], [0.05, 0.95]).tolist(),
    }


def binned(rows: pd.DataFrame, interval: float) -> dict[str, list[dict[str, Any]]]:
    """``reliability`` by how near the nearest measurement and the nearest training complex are."""
    found = {}
    for name, edges in BINS.items():
        parts = rows.groupby(pd.cut(rows[name], edges, include_lowest=True), observed=True)
        found[name] = [
            {"low": max(place.left, edges[0]), "high": place.right} | reliability(part, interval)
            for place, part in parts
        ]
    return found


def joined(rows: pd.DataFrame) -> tuple[dict[str, Any], dict[str, Any]]:
    """The card's line and calibration of pk and of each expert, and the figures of all of them.

    Args:
        rows: See ``table_of``.
    """
    settings: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    for name, experts in (("all", ["prior", "geometry"]), ("network", ["geometry"]), ("prior", ["prior"])):

        def line(others: pd.DataFrame, asked: pd.DataFrame, experts: list[str] = experts) -> np.ndarray:
            return by(line_of(others, experts), asked, experts)

        def std(others: pd.DataFrame, asked: pd.DataFrame, experts: list[str] = experts) -> np.ndarray:
            return std_by(deviations(others, line_of(others, experts), experts), asked)

        own = line_of(rows, experts)
        calibration = deviations(rows, own, experts)
        settings[name] = {
            "line": described(own, experts),
            "calibration": calibration,
        }
        said, spread = crossed(rows, line), crossed(rows, std)
        errors = rows.assign(error=rows["pk_true"] - said, std=spread)
        figures[name] = {
            way: accuracy(said[inside], rows[inside])
            | {"error_bars": reliability(errors[inside], calibration["interval_90"])}
            for way in WAYS
            for inside in [(rows["way"] == way).to_numpy()]
        }
        if name == "all":
            figures["error_bars_by"] = binned(errors, calibration["interval_90"])
    return settings, figures


def shares(rows: pd.DataFrame, line: dict[str, Any]) -> dict[str, float]:
    """Each expert's share of the variance of pk: the covariance of its part with the sum.

    Where weights depend on what is known, what they add for that alone is shared out as well: an expert's part is its
    number, less the mean of all, times its weight.
    """
    there = line.get("measured", line)
    names = [name for name in line if name not in ("offset", "measured")]
    weight = {name: line[name] + rows["known"] * (there[name] - line[name]) for name in names}
    part = {name: weight[name] * (rows[name] - rows[name].mean()) for name in names}
    total = sum(part.values())
    return {name: float(np.cov(values, total)[0, 1] / total.var()) for name, values in part.items()}


def networks_beside(rows: pd.DataFrame, scorer: Scorer) -> dict[str, Any]:
    """What the networks add to the geometry, on complexes of families that are unlike all that they were trained on."""
    cache = ComplexCache(CACHE / "crystal.npz")
    asked = rows[rows["way"] == "family"].reset_index(drop=True)
    place = {str(name): row for row, name in enumerate(cache.table["id"])}
    assert scorer.domain is not None, "released weights record what they were trained on"
    nearest = [
        scorer.domain.nearest_protein(pocket_words(graph.pocket, graph.ligand.positions))
        for graph in (cache.graph(place[name]) for name in asked["id"])
    ]
    of_group = pd.Series(nearest).fillna(1.0).groupby(asked["group"]).transform("max")
    asked = asked[of_group < KNOWN_PROTEIN].reset_index(drop=True)
    alone = copy.copy(scorer)
    alone.line = JoiningConfig()
    graphs = [cache.graph(place[name]) for name in asked["id"]]
    nothing = np.zeros(_TOGETHER)
    said = [
        alone.score(part, PriorPk(nothing[: len(part)], nothing[: len(part)])).pk
        for part in (graphs[start : start + _TOGETHER] for start in range(0, len(graphs), _TOGETHER))
    ]
    asked = asked.assign(network=np.concatenate(said))
    experts = ["geometry", "network"]
    weights = [line_of(asked.iloc[draw], experts)[2] for draw in resampled(asked["group"])]
    return {
        "network": accuracy(crossed(asked, lambda a, b: by(line_of(a, experts[1:]), b, experts[1:])), asked),
        "geometry": accuracy(crossed(asked, lambda a, b: by(line_of(a, experts[:1]), b, experts[:1])), asked),
        "both": accuracy(crossed(asked, lambda a, b: by(line_of(a, experts), b, experts)), asked),
        "weight_beside_the_geometry": estimated(float(line_of(asked, experts)[2]), weights),
    }


def card_of(
    card: dict[str, Any], settings: dict[str, Any], held_out: dict[str, Any], readout: KernelReadout, rows: Rows
) -> dict[str, Any]:
    """The card with the line, the calibration, the rows of the expert and what was held out."""
    line, structure = settings["all"]["line"], settings["network"]["line"]
    joining: dict[str, Any] = line | {"network": 0.0}
    joining["structure"] = {"offset": structure["offset"], "network": 0.0, "geometry": structure["geometry"]}
    exact = rows.table[rows.table["exact"]]
    calibration = settings["all"]["calibration"]
    calibration["experts"] = {name: settings[name]["calibration"] for name in ("network", "prior")}
    calibration = rounded(calibration)
    if "pose" in card["calibration"]:
        calibration |= {"pose": card["calibration"]["pose"]}
    fitted_to = {f"cache/{source}.npz": int(count) for source, count in exact["source"].value_counts().items()}
    kept = {name: value for name, value in card.items() if name not in _REPLACED}
    return kept | {
        "commit": sorted({*card["commit"], commit()}),
        "config": card["config"] | {"joining": rounded(joining)},
        "geometry_rows": fitted_to | {"support": len(readout)},
        "calibration": calibration,
        "held_out": rounded(held_out),
    }


def rounded(content: Any, digits: int = 4) -> Any:
    """The same with its numbers rounded."""
    if isinstance(content, dict):
        return {name: rounded(value, digits) for name, value in content.items()}
    if isinstance(content, list):
        return [rounded(value, digits) for value in content]
    return round(content, digits) if isinstance(content, float) else content


def tested(scorer: Scorer, card: dict[str, Any], readout: KernelReadout, test: Path) -> dict[str, Any]:
    """What the card says of the test set; one network is enough, as none takes part in pk."""
    one = Member(ModelConfig.model_validate(card["config"]))
    one.load_state_dict(scorer.members[0].state_dict())
    truth, graphs, sizes = test_graphs(test, PocketSpec())
    asked = Scorer(scorer.name, card, [one], prior=scorer.prior, geometry=readout, potential=scorer.potential)
    return test_metrics(asked, graphs, truth, sizes)


def write(path: Path, scorer: Scorer, card: dict[str, Any], readout: KernelReadout) -> None:
    """The weights with another card and the expert; tensors of networks and prior stay as they are."""
    states = [member.state_dict() for member in scorer.members]
    save_weights(path, states, card, half=True, prior=scorer.prior, geometry=readout, potential=scorer.potential)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with crystal/ and casf2016/")
    parser.add_argument("--names", nargs="+", default=[STRICT, "binding-base"])
    parser.add_argument("--weights", type=Path, default=ROOT / "binding" / "weights")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "joining.json")
    parser.add_argument("--test", type=Path, help="test set, for the card's last figures")
    options = parser.parse_args()
    everything, config, report = Rows.of(options.data, CACHE), GeometryConfig(), {}
    geometry = {way: held_out(everything, config, way) for way in WAYS}
    for name in options.names:
        path = options.weights / f"{name}.safetensors"
        scorer = load_model(path, device="cpu")
        card: dict[str, Any] = dict(load_card(path))
        rows = everything.take(everything.table["strict"].to_numpy()) if name == STRICT else everything
        judged = table_of(everything, scorer, geometry)
        settings, figures = joined(judged)
        readout = fitted(rows, config)
        card = card_of(card, settings, figures["all"], readout, rows)
        if options.test is not None:
            card["test"] = {options.test.name: tested(scorer, card, readout, options.test)}
        write(path, scorer, card, readout)
        line = settings["all"]["line"]
        of_way = {way: judged[judged["way"] == way] for way in WAYS}
        report[name] = rounded(
            {
                "line": line,
                "line_of_pk_network": settings["network"]["line"],
                "error_bars_by": figures.pop("error_bars_by"),
                "experts": figures,
                "shares_of_variance": {way: shares(part, line) for way, part in of_way.items()},
                "networks": networks_beside(judged, scorer),
            }
        )
        print(name, report[name]["line"], {way: figures["all"][way]["r"]["value"] for way in WAYS}, flush=True)
    write_figures(options.output, report)


if __name__ == "__main__":
    main()

"""What `pose` is made of -> tables and card of released weights, docs/figures/pose.json.

    python -m scripts.release.pose_odds ../shared/data --names binding-strict binding-base

Tables of native contacts are counted in crystal complexes (those of the strict rule for binding-strict). Logistic
regression (Platt 1999) then weighs what they say, Vina's terms and the networks' logit on docked poses of complexes
that have right and wrong ones: the log odds of a pose within 2 Å are linear in sums over contacts, divided by the root
of the ligand's size, and in the logit (``binding.model.pose_probability``). No pose is judged by tables that hold its
family, and all are of proteins that are unlike all that the networks were trained on. Right and wrong poses weigh the
same in total: how many poses of a search are right depends on the search. A quarter of the loss asks which poses of one
complex are right (conditional logit): as an objective of its own it ranks the poses of a ligand better and tells right
poses of different ligands apart worse. The line is then scaled to be a probability again. Repulsion never speaks for a
pose. The figures come from ten random parts of the families, each judged by a line fitted to the others. No test set is
read.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize
from scipy.special import expit

from binding.data.cache import ComplexCache
from binding.graph.fields import ComplexGraph
from binding.metrics import estimate, mean_over_groups
from binding.model.contact_potential import TERMS, ContactPotential
from binding.model.layers.geometry import VINA_TERMS
from binding.model.layers.readout import VINA_PK_WEIGHTS
from binding.model.pose_probability import POSE_TERMS, pose_sums
from binding.model.weights import Scorer, load_card, load_model, save_weights
from scripts.figures import FIGURES, ROOT, commit, write_figures
from scripts.release.families import crystal_families
from scripts.release.geometry import STRICT
from scripts.release.native_contacts import counted, potential_of, protein_kinds
from scripts.release.small_screens import unseen_pockets

CACHE = ROOT / "cache"
NEAR = 2.0  # Å from the crystal pose: a right pose
RESAMPLES = 2000
PARTS = 10
SHRINK = 1e-3  # penalty on the squares of standardised weights
RANKED: Final = 0.25  # share of the loss that compares the poses of one complex
BINS = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
LOGIT: Final = "logit"
#: What may be weighed: each arm is fitted; the first is shipped, the others stay in the table.
ARMS: Final = {
    "pose": (*POSE_TERMS, LOGIT),
    "contacts": POSE_TERMS,
    "network": (LOGIT,),
    "vina_refitted_and_network": (*VINA_TERMS, LOGIT),
    "vina_refitted": VINA_TERMS,
    "without_angles": tuple(name for name in (*POSE_TERMS, LOGIT) if name not in ("at_protein", "at_ligand")),
    "without_distances": tuple(name for name in (*POSE_TERMS, LOGIT) if name != "distance"),
    "without_counts": tuple(name for name in (*POSE_TERMS, LOGIT) if not name.startswith("within")),
}
#: Other shares of the loss, by all that `pose` weighs.
OBJECTIVES: Final = {"each_by_itself": 0.0, "half_compared": 0.5, "compared": 1.0}
_NOT_ABOVE_ZERO = ("repulsion",)


@torch.inference_mode()
def judged(scorer: Scorer, graphs: Iterable[ComplexGraph], potential: ContactPotential) -> pd.DataFrame:
    """``POSE_TERMS`` by the root of the size, and the mean logit of the networks, of some poses."""
    found = []
    for graph in graphs:
        batch, geometry, outputs = scorer.outputs(graph)
        sums = pose_sums(batch, *scorer.contacts_of(batch, geometry), potential)[0].double().numpy()
        logit = float(torch.stack([output.pose_logit for output in outputs]).mean())
        found.append([*(sums / np.sqrt(float(batch.ligand_sizes))), logit])
    return pd.DataFrame(found, columns=[*POSE_TERMS, LOGIT])


def counts_by_fold(crystal: ComplexCache, families: pd.DataFrame, allowed: np.ndarray) -> list[ContactPotential]:
    """Counted contacts of each fold of the families, of the complexes that a mask (n,) allows."""
    kinds = protein_kinds(crystal)
    return [
        counted(crystal, np.flatnonzero(allowed & (families["fold"] == fold)).tolist(), kinds)
        for fold in sorted(families["fold"].unique())
    ]


def without_each(counts: Sequence[ContactPotential]) -> list[ContactPotential]:
    """The potential without each fold."""
    return [potential_of([count for place, count in enumerate(counts) if place != fold]) for fold in range(len(counts))]


def poses_of(
    scorer: Scorer, docked: ComplexCache, families: pd.DataFrame, tables: list[ContactPotential]
) -> pd.DataFrame:
    """Docked poses of complexes with right and wrong ones, by tables without their fold of families.

    Args:
        scorer: The weights.
        docked: The cache of scripts.release.decoys.
        families: ``crystal_families`` of the complexes that the networks have not seen.
        tables: The potential without each fold.
    """
    about = docked.table.assign(native=docked.table["native"].astype(str), row=np.arange(len(docked)))
    about = about[(about["origin"] != "native") & about["native"].isin(families["id"])]
    about = about.assign(right=about["rmsd"].astype(float) < NEAR, energy=-about["energy"].astype(float))
    about = about[about.groupby("native")["right"].transform("nunique") == 2]
    about = about.merge(families[["id", "fold", "group"]].rename(columns={"id": "native"}), on="native")
    parts = []
    for fold, part in about.groupby("fold"):
        said = judged(scorer, (docked.graph(row) for row in part["row"]), tables[int(fold)])
        parts.append(pd.concat([part[["native", "group", "right", "energy"]].reset_index(drop=True), said], axis=1))
    return pd.concat(parts, ignore_index=True)


def evenly(right: np.ndarray) -> np.ndarray:
    """(poses,) weights of mean 1 by which right and wrong ones are as many."""
    return np.where(right, 0.5 / right.mean(), 0.5 / (1.0 - right.mean()))


def fitted(poses: pd.DataFrame, names: Sequence[str], ranked: float = RANKED) -> np.ndarray:
    """Weights of some columns and the offset: ratios by the mixed loss, then scale and offset by likelihood alone.

    Args:
        poses: With the columns, ``right`` and ``native``, the complex; each complex has right and wrong poses.
        names: The columns.
        ranked: See ``RANKED``.
    """
    poses = poses.sort_values("native", kind="stable")
    values = poses[list(names)].to_numpy(dtype=float)
    middle, scale = values.mean(axis=0), values.std(axis=0) + 1e-9
    features, right = (values - middle) / scale, poses["right"].to_numpy(dtype=bool)
    complexes = pd.factorize(poses["native"])[0]

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        odds, shrunk = features @ line[:-1] + line[-1], SHRINK * np.append(line[:-1], 0.0)
        alone, by_odds = by_themselves(odds, right)
        compared, by_rank = within_complexes(odds, right, complexes)
        slope = (1.0 - ranked) * by_odds + ranked * by_rank
        value = (1.0 - ranked) * alone + ranked * compared + float(line @ shrunk)
        return value, np.append(features.T @ slope, slope.sum()) + 2.0 * shrunk

    def scaled(line: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = by_themselves(line[0] * said + line[1], right)
        return value, np.array([slope @ said, slope.sum()])

    bounds = [(None, 0.0) if name in _NOT_ABOVE_ZERO else (None, None) for name in names] + [(None, None)]
    line = minimize(loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds).x
    said = features @ line[:-1]
    times, offset = minimize(scaled, np.array([1.0, line[-1]]), jac=True, method="L-BFGS-B").x
    slopes = times * line[:-1] / scale
    return np.append(slopes, offset - slopes @ middle)


def by_themselves(odds: np.ndarray, right: np.ndarray) -> tuple[float, np.ndarray]:
    """Cross-entropy of right and wrong poses, weighed evenly, and its derivative by the log odds (poses,)."""
    weight = evenly(right) / len(right)
    return float(weight @ (np.logaddexp(0.0, odds) - right * odds)), weight * (expit(odds) - right)


def within_complexes(odds: np.ndarray, right: np.ndarray, complexes: np.ndarray) -> tuple[float, np.ndarray]:
    """Cross-entropy of the right poses of a complex among all its poses, and its derivative by the log odds (poses,).

    Args:
        odds: (poses,).
        right: (poses,) bool; at least one of each complex.
        complexes: (poses,) 0, 0, 1, ...: rows of one complex follow each other.
    """
    start = np.flatnonzero(np.diff(complexes, prepend=-1))

    def shares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        most = np.maximum.reduceat(values, start)
        powers = np.exp(values - most[complexes])
        total = np.add.reduceat(powers, start)
        return most + np.log(total), powers / total[complexes]

    whole, of_whole = shares(odds)
    of_right, among_right = shares(np.where(right, odds, -np.inf))
    return float((whole - of_right).mean()), (of_whole - among_right) / len(start)


def odds_by(line: np.ndarray, poses: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """(poses,) log odds by such a line."""
    return poses[list(names)].to_numpy(dtype=float) @ line[:-1] + line[-1]


def part_of(groups: pd.Series) -> np.ndarray:
    """(n,) the random part of each family."""
    return np.array([zlib.crc32(str(name).encode()) % PARTS for name in groups])


def by_others(poses: pd.DataFrame, names: Sequence[str], ranked: float = RANKED) -> np.ndarray:
    """(poses,) log odds by lines from the other parts of the families."""
    part = part_of(poses["group"])
    result = np.empty(len(poses))
    for number in np.unique(part):
        line = fitted(poses[part != number], names, ranked)
        result[part == number] = odds_by(line, poses[part == number], names)
    return result


def best_is_right(poses: pd.DataFrame, score: str) -> np.ndarray:
    """(complexes,) 1.0 where the best-scored pose is right."""
    return poses.loc[poses.groupby("native")[score].idxmax(), "right"].to_numpy(dtype=float)


def above_wrong(poses: pd.DataFrame, score: str) -> np.ndarray:
    """(complexes,) share of pairs of a right and a wrong pose in which the right one scores higher."""
    found = []
    for _, part in poses.groupby("native"):
        values, right = part[score].to_numpy(), part["right"].to_numpy()
        apart = values[right][:, None] - values[~right][None]
        found.append((apart > 0).mean() + 0.5 * (apart == 0).mean())
    return np.array(found)


def mean_with_interval(values: np.ndarray) -> dict[str, float]:
    """The mean over complexes, and its interval by resamples of them."""
    return vars(estimate(*mean_over_groups(values, np.ones(len(values)), resamples=RESAMPLES)))


def reliability(poses: pd.DataFrame, column: str) -> list[dict[str, float]]:
    """How many are right of those that are given a probability, right and wrong ones weighed evenly."""
    weight, said = evenly(poses["right"].to_numpy()), expit(poses[column].to_numpy())
    place = np.clip(np.digitize(said, BINS) - 1, 0, len(BINS) - 2)
    return [
        {
            "low": float(BINS[number]),
            "high": float(BINS[number + 1]),
            "n": int((place == number).sum()),
            "said": float(np.average(said[place == number], weights=weight[place == number])),
            "right": float(np.average(poses["right"][place == number], weights=weight[place == number])),
        }
        for number in range(len(BINS) - 1)
        if (place == number).any()
    ]


def log_loss(poses: pd.DataFrame, column: str) -> float:
    """Natural logarithm; right and wrong ones weighed evenly."""
    odds = np.where(poses["right"], poses[column], -poses[column])
    return float(np.average(np.logaddexp(0.0, -odds), weights=evenly(poses["right"].to_numpy())))


def figures(poses: pd.DataFrame) -> dict[str, Any]:
    """What the arms say of held-out poses."""
    said = poses.assign(vina_function=poses[list(VINA_TERMS)].to_numpy() @ np.array(VINA_PK_WEIGHTS))
    for arm, names in ARMS.items():
        said[arm] = by_others(poses, names)
    for arm, ranked in OBJECTIVES.items():
        said[arm] = by_others(poses, ARMS["pose"], ranked)
    fits = (*ARMS, *OBJECTIVES)
    scores = {name: name for name in (*fits, "vina_function")} | {"vina": "energy"}
    right = {name: best_is_right(said, column) for name, column in scores.items()}
    return {
        "complexes": int(poses["native"].nunique()),
        "families": int(poses["group"].nunique()),
        "poses": len(poses),
        "share_right": float(poses["right"].mean()),
        "best_is_right": {name: mean_with_interval(values) for name, values in right.items()},
        "gain": {name: mean_with_interval(right["pose"] - right[name]) for name in scores if name != "pose"},
        "auc": {name: mean_with_interval(above_wrong(said, column)) for name, column in scores.items()},
        "log_loss": {name: log_loss(said, name) for name in fits},
        "reliability": {name: reliability(said, name) for name in ("pose", "network")},
    }


def described(line: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """A line as the card has it."""
    weights = dict(zip(names, (round(float(value), 5) for value in line), strict=False))
    return {"logit": weights.pop(LOGIT), "offset": round(float(line[-1]), 4), "terms": weights}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with crystal/ and casf2016/")
    parser.add_argument("--names", nargs="+", default=[STRICT, "binding-base"])
    parser.add_argument("--weights", type=Path, default=ROOT / "binding" / "weights")
    parser.add_argument("--docked", type=Path, default=CACHE / "docked.npz")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "pose.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    crystal, docked = ComplexCache(CACHE / "crystal.npz"), ComplexCache(options.docked)
    report: dict[str, Any] = {}
    families = crystal_families(options.data, CACHE)
    for name in options.names:
        path = options.weights / f"{name}.safetensors"
        scorer, card = load_model(path, device="cpu"), dict(load_card(path))
        allowed = families["strict"].to_numpy() if name == STRICT else np.ones(len(families), dtype=bool)
        counts = counts_by_fold(crystal, families, allowed)
        assert scorer.domain is not None, "released weights record what they were trained on"
        new = set(unseen_pockets(scorer.domain, crystal))
        poses = poses_of(scorer, docked, families[families["id"].isin(new)], without_each(counts))
        shipped = described(fitted(poses, ARMS["pose"]), ARMS["pose"])
        report[name] = {"line": shipped, "counted": int(allowed.sum())} | figures(poses)
        card["calibration"] = dict(card["calibration"]) | {"pose": shipped}
        card["commit"] = sorted({*card["commit"], commit()})
        states = [member.state_dict() for member in scorer.members]
        save_weights(
            path, states, card, half=True, prior=scorer.prior, geometry=scorer.geometry, potential=potential_of(counts)
        )
        best = {score: round(found["value"], 3) for score, found in report[name]["best_is_right"].items()}
        auc = {score: round(found["value"], 3) for score, found in report[name]["auc"].items()}
        print(name, shipped, best, auc, report[name]["log_loss"], sep="\n", flush=True)
    write_figures(options.output, {"terms": list(TERMS), "models": report})


if __name__ == "__main__":
    main()

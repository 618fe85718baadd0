"""`pose` by the first network against all networks, on docked small screens -> docs/figures/one_network.json.

    python -m scripts.measure.one_network DATA WORK

WORK is that of scripts.release.small_screens: binders and decoys docked into pockets of proteins that the networks have
not seen. A screen judges poses by the first network alone; the figures say what that changes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from binding.metrics import estimate, mean_over_groups
from binding.model.weights import DEFAULT_MODEL, STRICT_MODEL, load_model
from binding.score.featurize import Featurized, featurize
from binding.score.jobs import Job
from scripts.figures import FIGURES, write_figures
from scripts.release.binder import BINDERS

FEWEST_POSES, AT_ONCE = 5, 8


def judged(data: Path, work: Path, models: tuple[str, ...]) -> pd.DataFrame:
    """A row for each pose: receptor, compound, whether it binds, and ``pose`` by one and by all of each weights."""
    scorers = {name: load_model(name, device="cpu") for name in models}
    by = {(name, one): s.with_one_network() if one else s for name, s in scorers.items() for one in (True, False)}
    frames = []
    for path in sorted((work / "done" / "small_screens").glob("*.csv")):
        if not path.with_suffix(".sdf").is_file():
            continue
        pocket, reference = (data / "crystal" / path.stem / f"{path.stem}_{w}.gz" for w in ("pocket.pdb", "ligand.sdf"))
        found = [o for o in featurize(Job(pocket, path.with_suffix(".sdf"), reference)) if isinstance(o, Featurized)]
        table = pd.read_csv(path).set_index("id").loc[[o.ligand.name for o in found], ["receptor", "compound", "kind"]]
        for key, scorer in by.items():
            parts = [found[start : start + AT_ONCE] for start in range(0, len(found), AT_ONCE)]
            table[key] = np.concatenate([scorer.score([o.graph for o in part]).pose for part in parts] or [np.zeros(0)])
        frames.append(table)
    poses = pd.concat(frames, ignore_index=True)
    return poses.assign(binds=poses["kind"].isin(BINDERS))


def auc(binds: np.ndarray, values: np.ndarray) -> float:
    """ROC-AUC."""
    ranks = pd.Series(values).rank().to_numpy()
    actives = int(binds.sum())
    return float((ranks[binds].sum() - actives * (actives + 1) / 2) / (actives * (len(binds) - actives)))


def compared(poses: pd.DataFrame, model: str) -> dict[str, Any]:
    """The two ways side by side; AUC of the best pose of each compound, mean over receptors."""
    one, whole = (model, True), (model, False)
    best = poses.groupby(["receptor", "compound"], as_index=False)[[one, whole, "binds"]].max()
    areas = np.array(
        [[auc(g["binds"].to_numpy(), g[key]) for key in (one, whole)]
         for _, g in best.groupby("receptor") if g["binds"].nunique() == 2]
    )  # fmt: skip
    weights = np.ones(len(areas))
    mean = {
        name: vars(estimate(*mean_over_groups(values, weights)))
        for name, values in (("one", areas[:, 0]), ("all", areas[:, 1]), ("difference", areas[:, 0] - areas[:, 1]))
    }
    alike = [spearmanr(g[one], g[whole])[0] for _, g in poses.groupby("receptor") if len(g) >= FEWEST_POSES]
    apart = (poses[one] - poses[whole]).abs()
    return {
        "receptors": len(areas),
        "auc": mean,
        "rank_correlation": round(float(spearmanr(poses[one], poses[whole])[0]), 4),
        "rank_correlation_in_a_receptor": round(float(np.nanmean(alike)), 4),
        "mean_difference": round(float(apart.mean()), 4),
        "greatest_difference": round(float(apart.max()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    options = parser.parse_args()
    models = (DEFAULT_MODEL, STRICT_MODEL)
    poses = judged(options.data, options.work, models)
    found = {model: compared(poses, model) for model in models}
    write_figures(FIGURES / "one_network.json", {"poses": len(poses), "models": found}, *models)


if __name__ == "__main__":
    main()

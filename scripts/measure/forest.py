"""A random forest that sees the ligand alone, beside the networks on held-out rows -> docs/figures/forest.json.

    python -m scripts.measure.forest ../shared/data --runs runs/base-0 runs/base-1 runs/base-2

For each run, a forest is trained on all rows of the data folder, posed or not, except those of the protein families
that the run held out and those with the ligand of a held-out row (the same 2D structure, stereo and protonation
aside). Both then predict the held-out rows. Another forest, trained on the rows that binding-strict may see,
predicts CASF-2016. WORK is the folder of scripts.release.posed, with `leak_columns.csv` beside it. Needs
scikit-learn.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors
from sklearn.ensemble import RandomForestRegressor

from binding.config import TrainConfig
from binding.evaluation.baselines import mol_weight
from binding.folds import fold_of
from binding.graph.ligand import neutralise
from binding.metrics import measure, paired_difference
from binding.model.weights import DEFAULT_MODEL, STRICT_MODEL
from binding.splits.similarity import fingerprints
from scripts.figures import FIGURES, ROOT, write_figures
from scripts.measure.held_out import held_out
from scripts.release.prior_tables import STRICT, measured_ligands


def log_p(mol: Chem.Mol) -> float:
    """Crippen's."""
    return rdMolDescriptors.CalcCrippenDescriptors(mol)[0]


DESCRIPTORS = (
    mol_weight,
    log_p,
    rdMolDescriptors.CalcTPSA,
    rdMolDescriptors.CalcNumHBD,
    rdMolDescriptors.CalcNumHBA,
    rdMolDescriptors.CalcNumRotatableBonds,
    rdMolDescriptors.CalcNumRings,
    rdMolDescriptors.CalcNumAromaticRings,
    rdMolDescriptors.CalcFractionCSP3,
    rdMolDescriptors.CalcNumHeteroatoms,
    rdMolDescriptors.CalcNumAmideBonds,
    Chem.Mol.GetNumHeavyAtoms,
)


def all_rows(data: Path, work: Path) -> pd.DataFrame:
    """The rows of scripts.release.prior_tables with the ligand's 2D structure."""
    rows = measured_ligands(data, work)
    skeletons = {text: skeleton(text) for text in rows["smiles"].unique()}
    return rows.assign(skeleton=rows["smiles"].map(skeletons))


def skeleton(smiles: str) -> str:
    """The 2D structure without stereo and protons that a pH put there."""
    return Chem.MolToSmiles(neutralise(Chem.MolFromSmiles(smiles)), isomericSmiles=False)


def features(skeletons: Sequence[str]) -> np.ndarray:
    """(ligands, 2048 + 12) float32: ECFP4 bits and descriptors."""
    mols = [Chem.MolFromSmiles(text) for text in skeletons]
    numbers = np.array([[f(mol) for f in DESCRIPTORS] for mol in mols], dtype=np.float32)
    return np.hstack([np.unpackbits(fingerprints(mols), axis=1).astype(np.float32), numbers])


class Ligands:
    """The features of many ligands, computed once."""

    def __init__(self, skeletons: Sequence[str]) -> None:
        distinct = list(dict.fromkeys(skeletons))
        self._place = {text: row for row, text in enumerate(distinct)}
        self._features = features(distinct)

    def of(self, skeletons: Iterable[str]) -> np.ndarray:
        """(ligands, 2060) of these."""
        return self._features[[self._place[text] for text in skeletons]]


def fitted(rows: pd.DataFrame, ligands: Ligands, trees: int) -> RandomForestRegressor:
    """A forest on these rows; equal structures count once, with their mean."""
    mean = rows.groupby("skeleton", sort=False)["pk"].mean()
    forest = RandomForestRegressor(
        n_estimators=trees, max_features=0.2, min_samples_leaf=2, max_samples=0.5, n_jobs=1, random_state=0
    )
    return forest.fit(ligands.of(mean.index), mean.to_numpy())


def compared(rows: pd.DataFrame) -> dict[str, Any]:
    """Figures of the network, its twin and the forest, and the network's lead over the forest on the same rows."""
    truth = rows["pk_true"].to_numpy()
    columns = {name: rows[name].to_numpy() for name in ("pk", "pk_ligand_only", "forest")}
    gaps = paired_difference(columns["pk"], columns["forest"], truth)
    return {
        "n": len(rows),
        "columns": {name: _plain(measure(values, truth)) for name, values in columns.items()},
        "pk_minus_forest": _plain(gaps),
    }


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    return {name: vars(value) for name, value in found.items()}


def held_out_rows(run: Path, rows: pd.DataFrame, ligands: Ligands, trees: int) -> tuple[pd.DataFrame, int]:
    """What a run held out of `crystal/` and `ligands/`, predicted by it and by a forest; and the forest's rows."""
    rule = TrainConfig.from_yaml(run / "config.yaml").validation
    if rule is None or rule.column != "protein_cluster":
        raise SystemExit(f"{run} did not hold out protein families (validation.column=protein_cluster)")
    asked = held_out(run)
    asked = asked[asked["source"].isin(["crystal", "posed_ligands"]) & (asked["relation"] == "=")]
    asked = asked.assign(where=asked["source"].replace("posed_ligands", "ligands"), id=asked["id"].astype(str))
    asked = asked.merge(rows[["source", "id", "skeleton"]], left_on=["where", "id"], right_on=["source", "id"])
    inside = rows["protein_cluster"].map(lambda name: fold_of(str(name), rule.folds)) == rule.fold
    allowed = rows[~inside & ~rows["skeleton"].isin(set(asked["skeleton"]))]
    forest = fitted(allowed, ligands, trees)
    return asked.assign(forest=forest.predict(ligands.of(asked["skeleton"]))), len(allowed)


def casf(data: Path, rows: pd.DataFrame, ligands: Ligands, trees: int) -> tuple[pd.DataFrame, int]:
    """CASF-2016 by binding-strict and by a forest on the rows that it may see."""
    strict = rows.query(STRICT)
    asked = pd.read_csv(FIGURES / "casf2016_predictions.csv", dtype={"id": str})
    smiles = pd.read_csv(data / "casf2016" / "index.csv", dtype={"id": str}).set_index("id")["ligand_smiles"]
    test = features([skeleton(smiles[name]) for name in asked["id"]])
    return asked.assign(forest=fitted(strict, ligands, trees).predict(test)), len(strict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, nargs="+", required=True)
    parser.add_argument("--work", type=Path, default=ROOT / "cache" / "posed")
    parser.add_argument("--trees", type=int, default=250)
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "forest.json")
    options = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    start = time.process_time()
    rows = all_rows(options.data, options.work)
    ligands = Ligands(rows["skeleton"].tolist())
    found = [held_out_rows(run, rows, ligands, options.trees) for run in options.runs]
    held = pd.concat([table for table, _ in found])
    strict, strict_rows = casf(options.data, rows, ligands, options.trees)
    content = {
        "trees": options.trees,
        "rows": {run.name: count for run, (_, count) in zip(options.runs, found, strict=True)}
        | {"strict": strict_rows},
        "held_out": {source: compared(part) for source, part in held.groupby("where")},
        "casf2016": compared(strict),
        "cpu_seconds": round(time.process_time() - start),
    }
    write_figures(options.output, content, DEFAULT_MODEL, STRICT_MODEL)


if __name__ == "__main__":
    main()

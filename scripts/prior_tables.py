"""All ligands with a measured affinity, posed or not, as tables for `binding prior` -> cache/prior_{base,strict}.csv.

    python scripts/prior_tables.py ../shared/data cache/posed
    binding prior cache/prior_base.csv -o cache/prior_base.npz --column protein_cluster --folds 10

Rows of `crystal/`, `modelled/`, `congeneric/` and `ligands/` with an exact value; for `binding-strict` those that the
rules of configs/train/strict.yaml allow. WORK is the folder of pose_training.py; `leak_columns.csv` lies beside it
(leak_columns.py). prepare_release.py does all of this.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from leak_columns import training_rows

#: Which rows binding-strict may see, as in configs/train/strict.yaml.
STRICT = (
    "(source == 'crystal' and cleansplit_train == 1) or (source != 'crystal' and "
    "not (source == 'modelled' and casf2016_receptor == 1) and "
    "casf_ligand <= 0.9 and (casf_protein == 0 or casf_pair <= 0.5))"
)


def affinities(data: Path) -> pd.DataFrame:
    """source, id, pk and whether it is exact, of all rows; for crystal and modelled also what the strict rule asks."""
    crystal, modelled, ligands = (pd.read_csv(data / name / "index.csv") for name in ("crystal", "modelled", "ligands"))
    series = [
        table.assign(id=[f"{path.parent.name}__{name}" for name in table["ligand_id"]])
        for path in sorted((data / "congeneric").glob("*/affinity.csv"))
        for table in [pd.read_csv(path)]
    ]
    frames = {
        "crystal": crystal.assign(exact=crystal["relation"].isin(["=", "~"])),
        "modelled": modelled.assign(exact=True),
        "ligands": ligands.assign(exact=~ligands["affinity"].str.contains("[<>]")),
        "congeneric": pd.concat(series).assign(exact=True),
    }
    columns = ["source", "id", "pk", "exact", "cleansplit_train", "casf2016_receptor"]
    return pd.concat([frame.assign(source=name).reindex(columns=columns) for name, frame in frames.items()])


def measured_ligands(data: Path, work: Path) -> pd.DataFrame:
    """Every exact row once, with its SMILES, its protein family and the other columns of leak_columns.py."""
    rows = training_rows(data, work).merge(affinities(data), on=["source", "id"])
    rows = rows.merge(pd.read_csv(work.parent / "leak_columns.csv", dtype={"id": str}), on=["source", "id"])
    return rows[rows["exact"]].drop_duplicates(["source", "id"]).reset_index(drop=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    options = parser.parse_args()
    rows = measured_ligands(options.data, options.work)
    columns = ["source", "id", "smiles", "pk", "protein_cluster"]
    for name, kept in (("base", rows), ("strict", rows.query(STRICT))):
        path = options.work.parent / f"prior_{name}.csv"
        kept[columns].to_csv(path, index=False)
        print(f"{path}: {len(kept):,} rows")


if __name__ == "__main__":
    main()

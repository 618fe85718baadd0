"""All ligands with a measured affinity, posed or not, as tables for `binding prior` -> cache/prior_{base,strict}.csv.

    python -m scripts.release.prior_tables ../shared/data cache/posed
    binding prior cache/prior_base.csv -o cache/prior_base.npz --column protein_cluster --folds 10 --sites cache/...

Rows of `crystal/`, `borrowed/`, `modelled/`, `congeneric/` and `ligands/` with an exact value; for `binding-strict`
those that the rules of configs/train/strict.yaml allow. The column `site` names the complex in whose pocket each binds:
its own where it has a pose in one of the caches; else, of the same table, the first crystal complex of its protein by
UniProt, or the first borrowed or modelled one; else the first posed row of its series; else it is blank. WORK is the
folder of scripts.release.posed; `leak_columns.csv` lies beside it (scripts.release.leaks), and so do the caches.
`make release` does all of this.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from binding.data.cache import ComplexCache
from scripts.release.leaks import training_rows
from scripts.release.posed import SOURCES, complex_index

#: The caches whose complexes are named, of which source; the order is that of --sites.
CACHES = {
    "crystal": "crystal",
    "borrowed": "borrowed",
    "posed_ligands": "ligands",
    "modelled": "modelled",
    "posed_congeneric": "congeneric",
}
#: Which rows binding-strict may see, as in configs/train/strict.yaml.
STRICT = (
    "(source == 'crystal' and cleansplit_train == 1) or (source != 'crystal' and "
    "not (source == 'borrowed' and cleansplit_train == 0) and not casf2016_receptor == 1 and "
    "casf_ligand <= 0.9 and (casf_protein == 0 or casf_pair <= 0.5))"
)


def affinities(data: Path) -> pd.DataFrame:
    """source, id, pk and whether it is exact, of all rows, and where there are any the columns of the strict rule."""
    modelled, ligands = (pd.read_csv(data / name / "index.csv") for name in ("modelled", "ligands"))
    complexes = complex_index(data)
    complexes = complexes.assign(exact=complexes["relation"].isin(["=", "~"]))
    series = [
        table.assign(id=[f"{path.parent.name}__{name}" for name in table["ligand_id"]])
        for path in sorted((data / "congeneric").glob("*/affinity.csv"))
        for table in [pd.read_csv(path)]
    ]
    frames = {str(source): frame for source, frame in complexes.groupby("source", sort=False)}
    frames |= {
        "modelled": modelled.assign(exact=True),
        "ligands": ligands.assign(exact=~ligands["affinity"].str.contains("[<>]")),
        "congeneric": pd.concat(series).assign(exact=True),
    }
    columns = ["source", "id", "pk", "exact", "cleansplit_train", "casf2016_receptor"]
    return pd.concat([frame.assign(source=name).reindex(columns=columns) for name, frame in frames.items()])


def measured_ligands(data: Path, work: Path) -> pd.DataFrame:
    """Every exact row once, with its SMILES, its protein family and the other columns of scripts.release.leaks."""
    rows = training_rows(data, work).merge(affinities(data), on=["source", "id"])
    rows = rows.merge(pd.read_csv(work.parent / "leak_columns.csv", dtype={"id": str}), on=["source", "id"])
    return rows[rows["exact"]].drop_duplicates(["source", "id"]).reset_index(drop=True)


def posed_rows(folder: Path) -> set[tuple[str, str]]:
    """Source and id of the complexes of the caches.

    Raises:
        SystemExit: Two caches have one id, so that a site would not be told by it.
    """
    found: dict[str, str] = {}
    for name, source in CACHES.items():
        ids = ComplexCache(folder / f"{name}.npz").table["id"].tolist()
        if twice := sorted(found.keys() & set(ids)):
            raise SystemExit(f"{name}.npz and an earlier cache both have {', '.join(twice[:3])}")
        found |= dict.fromkeys(ids, source)
    return {(source, name) for name, source in found.items()}


def sites_of(rows: pd.DataFrame, posed: set[tuple[str, str]]) -> list[str]:
    """(rows,) the complex in whose pocket each binds, one of these rows; blank where there is none.

    Args:
        rows: Of one table, with source, id and uniprot.
        posed: Source and id of what the caches hold.
    """
    own = [key in posed for key in zip(rows["source"], rows["id"], strict=True)]
    known = rows[own]
    by_quality = [known[known["source"] == source] for source in (*SOURCES, "modelled")]
    by_protein: dict[str, str] = {}
    for name, protein in pd.concat(by_quality)[["id", "uniprot"]].dropna().itertuples(index=False):
        by_protein.setdefault(protein, name)
    by_series: dict[str, str] = {}
    for name in known.loc[known["source"] == "congeneric", "id"]:
        by_series.setdefault(name.split("__")[0], name)
    return [
        name if has_pose else by_series.get(name.split("__")[0], by_protein.get(protein, ""))
        for name, protein, has_pose in zip(rows["id"], rows["uniprot"], own, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    options = parser.parse_args()
    rows = measured_ligands(options.data, options.work)
    posed = posed_rows(options.work.parent)
    columns = ["source", "id", "smiles", "pk", "protein_cluster", "site"]
    for name, kept in (("base", rows), ("strict", rows.query(STRICT))):
        path = options.work.parent / f"prior_{name}.csv"
        table = kept.assign(site=sites_of(kept, posed))[columns]
        table.to_csv(path, index=False)
        print(f"{path}: {len(table):,} rows, {int((table['site'] != '').sum()):,} with a site")


if __name__ == "__main__":
    main()

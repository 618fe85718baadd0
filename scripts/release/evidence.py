"""Names the measurements behind the prior of shipped weights -> binding/weights/<name>.evidence.npz.

    python -m scripts.release.evidence ../shared/data binding-base binding-strict --caches cache/*.npz

For weights whose prior was fitted before it kept names; `binding prior` keeps them now. The measured value of a row of
the prior is read off the fit (fitted value + ridge x weight, good to 0.01 pK); its ligand is told by the fingerprint.
Measurements of that ligand in DATA are given to the rows: by their own site where a cache of `binding prepare` says
what that is, and else by the value. A row that none fits keeps its value and gets no name.

Names: a PDB entry (10gs), a compound of BindingDB (BDBM50186226) or ChEMBL (CHEMBL104467); else series and compound.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from rdkit import rdBase

from binding.data.cache import ComplexCache
from binding.data.ligand_table import LigandsBySmiles
from binding.errors import BindingError
from binding.model.weights import load_model, resolve_weights
from binding.prior.fit import RIDGE_AT_SITE
from binding.prior.kernel import Features
from binding.prior.measured import Measured, evidence_path
from binding.prior.model import Prior
from scripts.release.posed import complex_index

CLOSE: Final = 0.012  # pK between a measurement and the value read off the fit
MOST_AVERAGED: Final = 4  # measurements that are tried as one average
MOST_TRIED: Final = 14  # measurements among which averages are looked for
_CHEMBL = re.compile(r"CHEMBL\d+")


class Known(NamedTuple):
    """A measurement of DATA: its name, pK, and the words of its own site, if a cache has it."""

    name: str
    pk: float
    site: bytes


def name_of(source: str, key: str) -> str:
    """What a chemist can look up."""
    if source == "modelled":
        return f"BDBM{key.split('_')[1]}"
    compound = _CHEMBL.search(key.split("__")[-1])
    return compound.group() if source == "congeneric" and compound else key


def measurements(data: Path) -> pd.DataFrame:
    """source, id, smiles and pk of all exact rows."""
    complexes = complex_index(data).rename(columns={"ligand_smiles": "smiles"})
    modelled = pd.read_csv(data / "modelled" / "index.csv").rename(columns={"ligand_smiles": "smiles"})
    ligands = pd.read_csv(data / "ligands" / "index.csv")
    series = [
        table.assign(id=[f"{path.parent.name}__{name}" for name in table["ligand_id"]])
        for path in sorted((data / "congeneric").glob("*/affinity.csv"))
        for table in [pd.read_csv(path)]
    ]
    frames = [
        complexes[complexes["relation"].isin(["=", "~"])],
        modelled.assign(source="modelled"),
        ligands[~ligands["affinity"].str.contains("[<>]")].assign(source="ligands"),
        pd.concat(series).assign(source="congeneric"),
    ]
    rows = pd.concat([frame[["source", "id", "smiles", "pk"]] for frame in frames], ignore_index=True)
    repeats = (rows["source"] == "ligands") & rows["id"].isin(complexes["id"])
    return rows[~repeats].drop_duplicates(["source", "id"]).reset_index(drop=True)


def by_ligand(rows: pd.DataFrame, sites: dict[str, bytes]) -> dict[bytes, list[Known]]:
    """The measurements of each ligand, by its fingerprint."""
    graphs, found = LigandsBySmiles(), defaultdict(list)
    keys: dict[str, bytes] = {}
    for source, key, smiles, pk in rows[["source", "id", "smiles", "pk"]].itertuples(index=False):
        if smiles not in keys:
            try:
                keys[smiles] = Features.of([graphs.graph(smiles, key)]).keys()[0]
            except BindingError:
                keys[smiles] = b""
        found[keys[smiles]].append(Known(name_of(source, key), float(pk), sites.get(key, b"")))
    return found


def own_sites(caches: list[Path]) -> dict[str, bytes]:
    """The words of the site of each complex of the caches."""
    found = {}
    for path in caches:
        cache = ComplexCache(path)
        for row, key in enumerate(cache.table["id"].tolist()):
            found[key] = cache.site_words(row).astype(np.uint32).tobytes()
    return found


def values_of(prior: Prior, ligand: int, bits: np.ndarray, rows: list[int], words: list[np.ndarray]) -> np.ndarray:
    """pK that the rows of one ligand were measured at, as the fit itself says it.

    Args:
        prior: The prior.
        ligand: The known ligand.
        bits: Of its fingerprint.
        rows: Its rows.
        words: Of the site of each row.
    """
    known = Features(bits, np.array([len(bits)]), prior.features.descriptors[ligand : ligand + 1])
    fitted = prior.predict_features(known, words, np.zeros(len(rows), dtype=np.int64)).at_site
    return fitted + RIDGE_AT_SITE * prior.at_site.weights[rows]


def named(values: dict[int, float], sites: dict[int, bytes], known: list[Known]) -> dict[int, list[Known]]:
    """Which measurements of one ligand each of its rows averages.

    Args:
        values: pK of each row of the ligand.
        sites: Words of the site of each; empty where it is not known.
        known: Measurements of the ligand.
    """
    if len(values) == 1 and all(abs(np.mean([one.pk for one in known]) - value) < CLOSE for value in values.values()):
        return dict.fromkeys(values, known)
    found: dict[int, list[Known]] = {}
    left = list(known)
    for row, value in values.items():
        here = [one for one in left if sites[row] and one.site == sites[row]]
        if here and abs(np.mean([one.pk for one in here]) - value) < CLOSE:
            found[row] = here
            left = [one for one in left if one not in here]
    for row, value in values.items():
        if row in found:
            continue
        same = [one for one in left if abs(one.pk - value) < CLOSE]
        chosen = same[: max(1, len(same) - len(values) + 1)] or _average(left[:MOST_TRIED], value)
        if chosen:
            found[row] = chosen
            left = [one for one in left if one not in chosen]
    return found


def _average(known: list[Known], value: float) -> list[Known]:
    for size in range(2, MOST_AVERAGED + 1):
        for some in combinations(known, size):
            if abs(np.mean([one.pk for one in some]) - value) < CLOSE / 2:
                return list(some)
    return []


def measured_of(prior: Prior, known: dict[bytes, list[Known]]) -> Measured:
    """The measurements behind each row of a prior."""
    fit = prior.at_site
    words = [*fit.sites.split(), np.zeros(0, dtype=np.uint32)]
    rows_of = defaultdict(list)
    for row, ligand in enumerate(fit.row_ligand.tolist()):
        rows_of[ligand].append(row)
    names, pk = [""] * len(fit.weights), np.full(len(fit.weights), np.nan)
    for ligand, bits in enumerate(prior.features.split()):
        rows, candidates = rows_of[ligand], known.get(bits.tobytes(), [])
        if len(rows) == len(candidates) == 1:  # nothing to tell apart
            found = {rows[0]: candidates}
        else:
            here = [words[fit.row_site[row]] for row in rows]
            pk[rows] = values_of(prior, ligand, bits, rows, here).round(2)
            sites = {row: site.astype(np.uint32).tobytes() for row, site in zip(rows, here, strict=True)}
            found = named(dict(zip(rows, pk[rows].tolist(), strict=True)), sites, candidates) if candidates else {}
        for row, measured in found.items():
            names[row] = " ".join(dict.fromkeys(one.name for one in measured))
            pk[row] = np.mean([one.pk for one in measured])
    return Measured(np.array(names), pk)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", nargs="+", help="names of shipped weights, or paths")
    parser.add_argument("--caches", nargs="*", type=Path, default=[], help="whose complexes tell sites apart")
    options = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    known = by_ligand(measurements(options.data), own_sites(options.caches))
    for name in options.weights:
        path, _ = resolve_weights(name)
        prior = load_model(name, device="cpu").prior
        if prior is None:
            raise SystemExit(f"{name} has no prior")
        measured = measured_of(prior, known)
        measured.save(path, prior.at_site)
        count = int((measured.names != "").sum())
        print(f"{evidence_path(path)}: {len(measured):,} rows, {count:,} with a name")


if __name__ == "__main__":
    main()

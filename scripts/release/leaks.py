"""How near each training row is to the test sets and to the others, as columns by which a training set can be cut.

    python -m scripts.release.leaks DATA WORK -o leak_columns.csv

DATA is the evaluation data folder, WORK that of scripts.release.posed, whose tables say in which pocket a ligand was
posed. For each row of `crystal/`, `borrowed/`, `modelled/`, `ligands/` and `congeneric/`:

casf_protein    1 where the row's pocket has a chain that is alike to one of a CASF-2016 protein (0.4 of the shorter
                chain's residues identical), or the protein is the same by UniProt
casf_ligand     greatest similarity of the ligand to any CASF-2016 ligand (Tanimoto, Morgan radius 2, 2048 bits)
casf_pair       greatest similarity to the ligands of those CASF-2016 complexes whose protein is alike
series_protein, series_pair   the same of the congeneric test series, by sequence alone
protein_cluster one name for all rows whose proteins are related: pockets linked by chains of 0.3 identity (single
                linkage, as `binding split --by protein` does it), and by a shared UniProt accession. What is held
                out by this column is of families that were not trained on.

--indices FOLDER writes `<source>_index.csv` for each folder that `binding prepare` reads as it is (`crystal`,
`borrowed`, `modelled`): its own index and these columns. Which pockets are alike is kept in WORK/alike.json, their
clusters in WORK/clusters.json.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase

from binding.files import atomic
from binding.io.ligand import read_ligands
from binding.io.sequences import read_sequences
from binding.splits.clusters import LEAST_KNOWN, Clusters, cluster_proteins
from binding.splits.identity import SequenceIndex
from binding.splits.similarity import fingerprints, tanimoto_rows
from binding.structures import Ligand
from scripts.release.posed import SOURCES, complex_index, kept, known_ligands, own_pockets

IDENTITY = 0.4
COLUMNS = ("casf_protein", "casf_ligand", "casf_pair", "series_protein", "series_pair", "protein_cluster")


def pocket_files(data: Path) -> dict[str, Path]:
    """Pockets of the training rows by receptor; of two of one name that of `crystal`."""
    found = {}
    for series, name in own_pockets(data, known_ligands(data)).items():
        found[name] = data / "congeneric" / series / "pocket.pdb.gz"
    for folder in sorted((data / "congeneric").iterdir()):
        found[folder.name] = folder / "pocket.pdb.gz"
    for what in ("modelled", "borrowed", "crystal"):
        if not (data / what).is_dir():
            continue
        for folder in sorted((data / what).iterdir()):
            found[folder.name] = folder / f"{folder.name}_pocket.pdb.gz"
    return {name: path for name, path in found.items() if path.is_file()}


def test_files(data: Path) -> dict[str, dict[str, tuple[Path, Path]]]:
    """Protein and ligands of each test set's complexes or series."""
    casf = {p.name: (p / f"{p.name}_protein.pdb", p / f"{p.name}_ligand.sdf") for p in (data / "casf2016").iterdir()}
    series = {p.name: (p / "protein.pdb", p / "ligands.sdf") for p in (data / "series").iterdir()}
    sets = {"casf": casf, "series": series}
    return {name: {k: v for k, v in files.items() if v[0].is_file()} for name, files in sets.items()}


def alike_proteins(pockets: dict[str, Path], tests: dict[str, Path]) -> dict[str, list[str]]:
    """For each pocket the test proteins with a chain of IDENTITY to one of its own."""
    chains = {
        (side, name): [chain.letters for chain in read_sequences(path) if chain.known >= LEAST_KNOWN]
        for side, files in (("train", pockets), ("test", tests))
        for name, path in files.items()
    }
    sequences = sorted({letters for found in chains.values() for letters in found})
    rows = {letters: row for row, letters in enumerate(sequences)}
    index = SequenceIndex(sequences)
    owners = defaultdict(set)
    for (side, name), found in chains.items():
        if side == "test":
            for letters in found:
                owners[rows[letters]].add(name)
    others = np.array(sorted(owners))
    near: dict[int, set[str]] = {}
    result = {}
    for name in pockets:
        alike = set()
        for letters in chains["train", name]:
            row = rows[letters]
            if row not in near:
                related = [
                    int(k) for k in index.candidates(row, others, IDENTITY) if index.is_related(row, int(k), IDENTITY)
                ]
                near[row] = {test for k in [*related, *([row] if row in owners else [])] for test in owners[k]}
            alike |= near[row]
        result[name] = sorted(alike)
    return result


def related_pockets(pockets: dict[str, Path]) -> dict[str, str]:
    """For each pocket the first of those that are linked to it by chains of like sequence."""
    chains = {
        name: [chain for chain in read_sequences(path) if chain.known >= LEAST_KNOWN] for name, path in pockets.items()
    }
    return cluster_proteins(chains).clusters


def protein_clusters(rows: pd.DataFrame, related: dict[str, str]) -> list[str]:
    """(rows,) the first name of all receptors and UniProt accessions that are linked to the row's."""
    receptors = [related.get(str(name)) for name in rows["receptor"]]
    accessions = [value if isinstance(value, str) else None for value in rows["uniprot"]]
    names = sorted({*related.values(), *filter(None, accessions), *rows["id"]})
    place = {name: row for row, name in enumerate(names)}
    linked = Clusters(len(names))
    for receptor, accession in zip(receptors, accessions, strict=True):
        if receptor is not None and accession is not None:
            linked.join(place[receptor], place[accession])
    return [
        names[linked.root(place[receptor or accession or own])]
        for receptor, accession, own in zip(receptors, accessions, rows["id"], strict=True)
    ]


def training_rows(data: Path, work: Path) -> pd.DataFrame:
    """source, id, receptor, uniprot and smiles of all rows; no receptor where a ligand was not posed."""
    complexes = complex_index(data).rename(columns={"ligand_smiles": "smiles"})
    complexes = complexes.assign(receptor=complexes["id"])
    modelled = pd.read_csv(data / "modelled" / "index.csv").rename(columns={"ligand_smiles": "smiles"})
    ligands = pd.read_csv(data / "ligands" / "index.csv")
    ligands = ligands[~ligands["id"].isin(complexes["id"])]
    posed = [
        pd.read_csv(path, usecols=["id", "receptor"]) for path in sorted((work / "done" / "ligands").glob("*.csv"))
    ]
    ligands = ligands.merge(pd.concat(posed), on="id", how="left")
    series = []
    for path in sorted((data / "congeneric").glob("*/affinity.csv")):
        frame = pd.read_csv(path)
        name = path.parent.name
        series.append(frame.assign(id=[f"{name}__{x}" for x in frame["ligand_id"]], receptor=name, uniprot=None))
    rows = {str(source): frame for source, frame in complexes.groupby("source", sort=False)}
    rows |= {"modelled": modelled, "ligands": ligands, "congeneric": pd.concat(series)}
    columns = ["source", "id", "receptor", "uniprot", "smiles"]
    return pd.concat([frame.assign(source=name)[columns] for name, frame in rows.items()], ignore_index=True)


def test_ligands(files: dict[str, tuple[Path, Path]]) -> tuple[np.ndarray, np.ndarray]:
    """(ligands, 256) packed fingerprints, and the complex or series of each."""
    mols, owners = [], []
    for name, (_, path) in files.items():
        found = [record.mol for record in read_ligands(path) if isinstance(record, Ligand)]
        mols += found
        owners += [name] * len(found)
    return fingerprints(mols), np.array(owners)


def columns_of(
    rows: pd.DataFrame, files: dict[str, tuple[Path, Path]], alike: dict[str, list[str]], uniprot: dict[str, str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows,) each: is the protein alike; the greatest similarity to any ligand, and to those of alike proteins."""
    others, owners = test_ligands(files)
    by_uniprot = defaultdict(set)
    for name, accession in uniprot.items():
        by_uniprot[accession].add(name)
    near = [
        set(alike.get(str(receptor), ())) | by_uniprot.get(accession, set())
        for receptor, accession in zip(rows["receptor"], rows["uniprot"], strict=True)
    ]
    mols = [Chem.MolFromSmiles(text) for text in rows["smiles"]]
    any_ligand, of_alike = np.zeros(len(rows)), np.zeros(len(rows))
    for start, block in tanimoto_rows(fingerprints(mols), others):
        any_ligand[start : start + len(block)] = block.max(axis=1)
        for k, values in enumerate(block, start):
            if near[k]:
                of_alike[k] = values[np.isin(owners, list(near[k]))].max(initial=0.0)
    return np.array([bool(found) for found in near]), any_ligand, of_alike


def write_indices(data: Path, leaks: pd.DataFrame, folder: Path) -> None:
    """``<source>_index.csv`` of each folder of complexes: its index with the columns of this table."""
    complexes = complex_index(data)
    for source in (*SOURCES, "modelled"):
        path = data / source / "index.csv"
        if not path.is_file():
            continue
        index = pd.read_csv(path, dtype=str, keep_default_na=False)
        if source == "borrowed":
            index = index.merge(complexes[["id", "casf2016_receptor"]], on="id")
        columns = leaks[leaks["source"] == source].drop(columns="source").round(3)
        index.merge(columns, on="id", validate="one_to_one").to_csv(folder / f"{source}_index.csv", index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--indices", type=Path, metavar="FOLDER", help="write the joined indices of folders here")
    arguments = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    data, work = arguments.data, arguments.work
    tests, pockets = test_files(data), pocket_files(data)
    alike = kept(
        work / "alike.json",
        [*pockets, *(name for files in tests.values() for name in files)],
        lambda: {name: alike_proteins(pockets, {k: v[0] for k, v in files.items()}) for name, files in tests.items()},
    )
    related = kept(work / "clusters.json", pockets, lambda: related_pockets(pockets))
    casf = pd.read_csv(data / "casf2016" / "index.csv", usecols=["id", "uniprot"]).dropna()
    rows = training_rows(data, work)
    columns: dict[str, Any] = {"protein_cluster": protein_clusters(rows, related)}
    for name, accessions in (("casf", dict(zip(casf["id"], casf["uniprot"], strict=True))), ("series", {})):
        protein, ligand, pair = columns_of(rows, tests[name], alike[name], accessions)
        columns |= {f"{name}_protein": protein.astype(int), f"{name}_ligand": ligand, f"{name}_pair": pair}
    table = rows[["source", "id"]].assign(**{name: columns[name] for name in COLUMNS})
    with atomic(arguments.output) as partial:
        table.to_csv(partial, index=False, float_format="%.3f")
    if arguments.indices is not None:
        write_indices(data, table, arguments.indices)


if __name__ == "__main__":
    main()

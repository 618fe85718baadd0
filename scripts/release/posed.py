"""Training sets of posed ligands, in the layout that `binding prepare` reads.

    python -m scripts.release.posed ligands DATA WORK      pose ligands of known conformation, one file a protein
    python -m scripts.release.posed congeneric DATA WORK   pose congeneric series on their references, one file a round
    python -m scripts.release.posed collect DATA WORK --leaks leak_columns.csv
                                                           lay out WORK/ligands and WORK/congeneric, with index.csv

then `binding prepare WORK/ligands -o posed_ligands.npz`, and so for congeneric. What is not good enough to train on is
in left_out.csv with its reason, and not in index.csv.

DATA is the evaluation data folder. A run that was stopped is resumed; what is done is in WORK/done.
A ligand of `ligands/` takes its place from the bound ligands of the same protein: those of `crystal/` and `borrowed/`,
and those references of `congeneric/` that are themselves in `ligands/` (at the very same coordinates: their pocket is
theirs). Ligands of `crystal/` and `borrowed/` have a pocket already and are not posed again.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase

from binding.errors import BindingError
from binding.files import atomic, write_text
from binding.io.ligand import read_ligands
from binding.io.sequences import UNKNOWN, read_sequences
from binding.io.series import Compound, read_series
from binding.io.structure import read_protein
from binding.poses.overlay import Overlaid, Overlayer, Template, is_good
from binding.poses.place import GOOD_COVERAGE, Placer
from binding.poses.series import COLUMNS as PLACED_COLUMNS
from binding.poses.series import place_series
from binding.structures import Ligand

ROUNDS = (8, 16, None)  # of each series so many compounds, in an order that is spread over the affinities
WORD, MOST_WORDS, SAME_PROTEIN = 6, 20, 0.8  # residues; words that must be there; share of the shorter's words
SAME_PLACE = 0.01  # Å between two records of the same ligand
COLUMNS = (
    "id", "receptor", "status", "error_code", "way", "similarity", "overlap", "core_coverage", "core_rmsd", "clashes",
    "score", "score_per_atom", "moved", "turned", "good", "cpu_s",
)  # fmt: skip


#: Folders of complexes in PDBbind layout: with their own protein, and with that of another entry.
SOURCES = ("crystal", "borrowed")


def first(path: Path) -> Ligand:
    record = next(iter(read_ligands(path)))
    if not isinstance(record, Ligand):
        raise record.error
    return record


def known_ligands(data: Path) -> dict[str, Ligand]:
    """Ligands of known conformation by their PDB id."""
    records = read_ligands(data / "ligands" / "ligands.sdf.gz")
    return {record.name: record for record in records if isinstance(record, Ligand)}


def own_pockets(data: Path, ligands: dict[str, Ligand]) -> dict[str, str]:
    """Series whose reference is one of the ligands, at the same coordinates: PDB id by the series' name."""
    names = list(ligands)
    centres = np.array([ligands[name].positions.mean(axis=0) for name in names])
    found = {}
    for folder in sorted(path for path in (data / "congeneric").iterdir() if path.is_dir()):
        reference = first(folder / "reference_ligand.sdf.gz").positions
        for k in np.flatnonzero(np.linalg.norm(centres - reference.mean(axis=0), axis=1) < SAME_PLACE).tolist():
            if len(ligands[names[k]].positions) == len(reference):
                found[folder.name] = names[k]
    return found


def complex_index(data: Path) -> pd.DataFrame:
    """The rows of `crystal`, then of `borrowed` where there is one: ligands with a pocket of their own.

    The column ``source`` names the folder, and ``casf2016_receptor`` is 1 where a CASF-2016 entry lends the protein.
    """
    frames = []
    for source in SOURCES:
        if (data / source).is_dir():
            frames.append(pd.read_csv(data / source / "index.csv").assign(source=source))
    rows = pd.concat(frames, ignore_index=True)
    if "host" in rows:
        tests = pd.read_csv(data / "casf2016" / "index.csv", usecols=["id"])["id"]
        rows["casf2016_receptor"] = rows["host"].isin(tests).astype(int)
    return rows


def template_files(data: Path, own: dict[str, str]) -> dict[str, tuple[Path, Path]]:
    """Pocket and ligand files of the bound ligands, by PDB id; `crystal` first, then `borrowed`."""
    files = {}
    for series, name in own.items():
        folder = data / "congeneric" / series
        files[name] = (folder / "pocket.pdb.gz", folder / "reference_ligand.sdf.gz")
    for source, name in complex_index(data)[["source", "id"]][::-1].itertuples(index=False):
        folder = data / source / name
        files[name] = (folder / f"{name}_pocket.pdb.gz", folder / f"{name}_ligand.sdf.gz")
    return files


def read_template(name: str, files: tuple[Path, Path]) -> Template:
    return Template(name, first(files[1]), read_protein(files[0]))


def row_of(name: str, posed: Overlaid | BindingError, seconds: float) -> dict[str, object]:
    row: dict[str, object] = {"id": name, "status": "ok", "error_code": "", "cpu_s": round(seconds, 3)}
    if isinstance(posed, BindingError):
        return row | {"status": "failed", "error_code": posed.code}
    shared = [key for key in COLUMNS if hasattr(posed, key)]
    return row | {"receptor": posed.template} | {key: getattr(posed, key) for key in shared}


def write_done(stem: Path, rows: list[dict[str, object]], poses: list[Chem.Mol], columns: tuple[str, ...]) -> None:
    """Poses first, then the table, whose presence says that both are whole."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    sdf, table = stem.with_suffix(".sdf"), stem.with_suffix(".csv")
    write_text(sdf, "".join(f"{Chem.MolToMolBlock(mol)}$$$$\n" for mol in poses))
    with atomic(table) as partial, open(partial, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)


def pose_ligands(data: Path, work: Path, shard: int, shards: int) -> None:
    ligands = known_ligands(data)
    own = own_pockets(data, ligands)
    files = template_files(data, own)
    known = pd.read_csv(data / "ligands" / "index.csv", usecols=["id", "uniprot"])
    uniprot = pd.concat([known, complex_index(data)[["id", "uniprot"]]]).dropna()
    proteins = dict(zip(uniprot["id"], uniprot["uniprot"], strict=True))
    templates, asked = defaultdict(list), defaultdict(list)
    for name in sorted(files):
        templates[proteins.get(name, name)].append(name)
    for name in sorted(set(ligands) - set(files)):  # what is in `files` has a pocket of its own
        if proteins.get(name) in templates:
            asked[proteins[name]].append(name)
    done = work / "done" / "ligands"
    pose_natives(done / "native", ligands, own)
    for k, protein in enumerate(sorted(asked)):
        if k % shards == shard and not set(asked[protein]) <= posed_already(done / f"{protein}.csv"):
            overlayer = Overlayer([read_template(name, files[name]) for name in templates[protein]])
            rows, poses = [], []
            for name in asked[protein]:
                start = time.process_time()
                posed: Overlaid | BindingError
                try:
                    posed = overlayer.overlay(ligands[name])
                    posed.mol.SetProp("_Name", name)
                    poses.append(posed.mol)
                except BindingError as error:
                    posed = error
                rows.append(row_of(name, posed, time.process_time() - start))
            write_done(done / protein, rows, poses, COLUMNS)


def posed_already(table: Path) -> set[str]:
    """The ligands of a table of an earlier run."""
    return set(pd.read_csv(table)["id"]) if table.is_file() else set()


def pose_natives(stem: Path, ligands: dict[str, Ligand], own: dict[str, str]) -> None:
    """Ligands that are the reference of a series: they are where they were found."""
    series = {name: folder for folder, name in sorted(own.items(), reverse=True)}  # the first of several
    rows: list[dict[str, object]] = [
        {"id": name, "receptor": folder, "status": "ok", "way": "own"} for name, folder in sorted(series.items())
    ]
    poses = []
    for name in sorted(series):
        poses.append(Chem.Mol(ligands[name].mol))
        poses[-1].SetProp("_Name", name)
    write_done(stem, rows, poses, COLUMNS)


def spread(values: list[float]) -> list[int]:
    """The rows in an order of which every beginning is spread over the values: ends first, then middles."""
    order = np.argsort(values, kind="stable").tolist()
    parts, found = [(0, len(order) - 1)], []
    for low, high in parts:  # grows while it is walked
        if low <= high:
            middle = (low + high) // 2
            found.append(order[middle])
            parts += [(low, middle - 1), (middle + 1, high)]
    return found


def pose_congeneric(data: Path, work: Path, shard: int, shards: int, deadline: float) -> None:
    """Round after round: no series gets more before each has had its first compounds."""
    folders = sorted(path for path in (data / "congeneric").iterdir() if path.is_dir())
    for number, most in enumerate(ROUNDS):
        for k, folder in enumerate(folders):
            stem = work / "done" / f"congeneric_{number}" / folder.name
            if k % shards != shard or stem.with_suffix(".csv").exists():
                continue
            if time.time() > deadline:
                return
            compounds = [item for item in read_series(folder / "affinity.csv") if isinstance(item, Compound)]
            chosen = spread([float(compound.properties["pk"]) for compound in compounds])[:most]
            done = {
                name
                for table in (work / "done").glob(f"congeneric_*/{folder.name}.csv")
                for name in pd.read_csv(table)["id"]
            }
            chosen = [place for place in chosen if f"{folder.name}__{compounds[place].name}" not in done]
            if not chosen:
                continue
            reference = first(folder / "reference_ligand.sdf.gz")
            placer = Placer(read_protein(folder / "pocket.pdb.gz"), [reference], least_coverage=GOOD_COVERAGE)
            rows, poses = [], []
            for row in place_series(placer, [compounds[place] for place in sorted(chosen)]):
                name = f"{folder.name}__{row.id}"
                rows.append(row.as_dict() | {"id": name})
                if row.mol is not None:
                    row.mol.SetProp("_Name", name)
                    poses.append(row.mol)
            write_done(stem, rows, poses, PLACED_COLUMNS)


def of_series(data: Path) -> tuple[dict[str, str], dict[str, str]]:
    """PDB id of each series whose reference is one of the ligands, and UniProt accession of each that is known."""
    own = own_pockets(data, known_ligands(data))
    return own, series_proteins(data, own)


def words(path: Path) -> set[str]:
    """Stretches of residues of a structure's chains, all known."""
    letters = [chain.letters for chain in read_sequences(path)]
    found = {text[k : k + WORD] for text in letters for k in range(len(text) - WORD + 1)}
    return {word for word in found if UNKNOWN not in word}


def series_proteins(data: Path, own: dict[str, str]) -> dict[str, str]:
    """UniProt accession of each series: that of its reference's entry, or of the pocket that shares its sequence."""
    index = pd.concat(
        [
            pd.read_csv(data / "ligands" / "index.csv", usecols=["id", "uniprot"]),
            complex_index(data)[["id", "uniprot"]],
            pd.read_csv(data / "modelled" / "index.csv", usecols=["receptor", "uniprot"]).set_axis(
                ["id", "uniprot"], axis=1
            ),
        ]
    ).dropna()
    accession = dict(zip(index["id"], index["uniprot"], strict=True))
    known = {series: accession[name] for series, name in own.items() if name in accession}
    pockets = [p for what in (*SOURCES, "modelled") for p in sorted((data / what).glob("*/*_pocket.pdb.gz"))]
    others = [(accession[path.parent.name], words(path)) for path in pockets if path.parent.name in accession]
    others += [(name, words(data / "congeneric" / series / "pocket.pdb.gz")) for series, name in known.items()]
    for path in sorted((data / "congeneric").glob("*/pocket.pdb.gz")):
        if path.parent.name not in known:
            mine = words(path)
            share, name = max(
                (len(mine & other) / max(min(len(mine), len(other)), MOST_WORDS), name) for name, other in others
            )
            if share >= SAME_PROTEIN:
                known[path.parent.name] = name
    return known


def kept(path: Path, of: Iterable[str], make: Callable[[], Any]) -> Any:
    """What was made before, from a JSON file; it is made where the file is missing or of other names.

    Args:
        path: The file.
        of: Names of what it is made from.
        make: Makes it; plain JSON.
    """
    names = hashlib.sha256("\n".join(sorted(of)).encode()).hexdigest()
    if path.is_file():
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("of") == names:
            return content["found"]
    write_text(path, json.dumps({"of": names, "found": make()}, indent=0))
    return json.loads(path.read_text(encoding="utf-8"))["found"]


def done_tables(work: Path, pattern: str) -> pd.DataFrame:
    return pd.concat([pd.read_csv(path) for path in sorted((work / "done").glob(f"{pattern}/*.csv"))])


def done_poses(work: Path, pattern: str) -> dict[str, str]:
    """SDF records by their title."""
    records = (
        f"{record}$$$$\n"
        for path in sorted((work / "done").glob(f"{pattern}/*.sdf"))
        for record in path.read_text(encoding="utf-8").split("$$$$\n")
        if record
    )
    return {record.split("\n", 1)[0]: record for record in records}


def lay_out(folder: Path, rows: pd.DataFrame, poses: dict[str, str], pockets: dict[str, Path]) -> None:
    """The tree that `binding prepare` reads, with the good rows; the others go to left_out.csv."""
    good = rows["good"].eq(True)
    for receptor, group in rows[good].groupby("receptor"):
        target = folder / str(receptor)
        target.mkdir(parents=True, exist_ok=True)
        (target / f"{receptor}_pocket.pdb.gz").write_bytes(pockets[str(receptor)].read_bytes())
        with gzip.open(target / f"{receptor}_ligands.sdf.gz", "wt", encoding="utf-8", compresslevel=4) as stream:
            stream.writelines(poses[name] for name in group["id"])
    rows[good].to_csv(folder / "index.csv", index=False)
    rows[~good].to_csv(folder / "left_out.csv", index=False)


def collect_ligands(data: Path, work: Path, leaks: pd.DataFrame, own: dict[str, str]) -> None:
    pockets = {name: pocket for name, (pocket, _) in template_files(data, own).items()}
    pockets |= {series: data / "congeneric" / series / "pocket.pdb.gz" for series in own}
    rows = done_tables(work, "ligands")
    rows = rows[~rows["id"].isin(complex_index(data)["id"])]
    quality = rows[["way", "overlap", "score_per_atom", "clashes"]]
    rows["good"] = [values[0] == "own" or is_good(*values) for values in quality.itertuples(index=False)]
    index = pd.read_csv(data / "ligands" / "index.csv")
    rows = index.merge(rows, on="id").merge(leaks[leaks["source"] == "ligands"].drop(columns="source"), on="id")
    lay_out(work / "ligands", rows, done_poses(work, "ligands"), pockets)


def collect_congeneric(data: Path, work: Path, leaks: pd.DataFrame, uniprot: dict[str, str]) -> None:
    rows = done_tables(work, "congeneric_*")
    rows["series"] = rows["receptor"] = rows["id"].str.split("__").str[0]
    measured = pd.concat(
        pd.read_csv(path).assign(series=path.parent.name)
        for path in sorted((data / "congeneric").glob("*/affinity.csv"))
    )
    measured["id"] = measured["series"] + "__" + measured["ligand_id"].astype(str)
    targets = pd.read_csv(data / "congeneric" / "index.csv").set_index("id")["target"]
    rows = rows.merge(measured[["id", "pk", "smiles"]], on="id")
    rows["target"] = rows["series"].map(targets)
    rows["uniprot"] = rows["series"].map(uniprot).fillna(rows["target"])
    rows = rows.merge(leaks[leaks["source"] == "congeneric"].drop(columns="source"), on="id")
    pockets = {name: data / "congeneric" / name / "pocket.pdb.gz" for name in rows["series"].unique()}
    lay_out(work / "congeneric", rows, done_poses(work, "congeneric_*"), pockets)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["ligands", "congeneric", "collect"])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--shard", type=int, default=0, help="of the proteins")
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further series after so long")
    parser.add_argument("--leaks", type=Path, help="table of scripts.release.leaks")
    arguments = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    share = (arguments.data, arguments.work, arguments.shard, arguments.shards)
    if arguments.what == "ligands":
        pose_ligands(*share)
    elif arguments.what == "collect":
        leaks, data = pd.read_csv(arguments.leaks), arguments.data
        own, uniprot = kept(arguments.work / "series.json", template_files(data, {}), lambda: of_series(data))
        collect_ligands(arguments.data, arguments.work, leaks, own)
        collect_congeneric(arguments.data, arguments.work, leaks, uniprot)
    else:
        pose_congeneric(*share, deadline=time.time() + 60.0 * arguments.minutes)


if __name__ == "__main__":
    main()

"""Accuracy of the strict weights on a test set, demo and times of the default weights -> docs/figures/.

    python -m scripts.measure.casf ../shared/data/casf2016

The folder is in PDBbind layout with an ``index.csv`` of measured affinities and, optionally, a
``peer_predictions.csv``. Predictions and ids are written, no structures. `python -m scripts.tables.pictures` then
draws the pictures and `python -m scripts.tables` fills the tables; `make figures` does all three.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from binding.evaluation import TruthColumns, evaluate
from binding.io.index import IndexEntry, read_index
from binding.io.predictions import read_predictions
from binding.model.weights import DEFAULT_MODEL, STRICT_MODEL, load_card
from scripts.figures import FIGURES, ROOT, machine, name_of, run, write_figures

COLUMNS = ["id", "pk_true", "pk", "pk_std", "pk_ligand_only", "heavy_atoms"]


def predict_folder(folder: Path, model: str) -> tuple[pd.DataFrame, float]:
    """Predictions of a folder by the command line, and the wall seconds from start to end of the process."""
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "predictions.csv"
        start = time.perf_counter()
        run("-m", "binding", "predict", str(folder), "--model", model, "-o", str(output), "--print", "none", "--quiet")
        return pd.read_csv(output), time.perf_counter() - start


def with_targets(entries: list[IndexEntry]) -> list[IndexEntry]:
    """The rows with a column ``target``: the protein's name, one for all rows of an accession.

    CASF-2016 has five complexes of each of 57 proteins. Its index calls one CTX-M by the name of AmpC, whose accession
    it has not.
    """
    names: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        names[entry.extra["uniprot"]][entry.extra["protein_name"]] += 1
    common = {accession: found.most_common(1)[0][0] for accession, found in names.items()}
    return [replace(entry, extra={**entry.extra, "target": common[entry.extra["uniprot"]]}) for entry in entries]


def figures(predictions: Path, folder: Path) -> dict[str, Any]:
    """What `binding evaluate` finds, from the file of predictions, so that anyone can compute the same from it.

    Ranking inside targets is among it where the index names proteins and their accessions.
    """
    truth, columns = read_index(folder / "index.csv"), TruthColumns()
    if {"uniprot", "protein_name"} <= set(truth[0].extra):
        truth, columns = with_targets(truth), TruthColumns(group="target")
    peers = folder / "peer_predictions.csv"
    others = read_predictions(peers) if peers.is_file() else None
    return evaluate(read_predictions(predictions), truth, columns=columns, peers=others).as_dict()


def pairs_within_cutoff() -> dict[str, Any]:
    """How many of all (ligand atom, residue) pairs of the example pockets lie within the model's cutoff."""
    from binding.graph.site import PocketSpec
    from binding.io.table import read_requests
    from binding.score.featurize import Featurized, featurize
    from binding.score.jobs import Job

    cutoff = float(load_card()["config"]["cutoff"])
    near = total = 0
    for request in read_requests(ROOT / "data" / "examples" / "pairs.csv"):
        assert isinstance(request.ligand, Path | str)
        for item in featurize(Job(request.protein, request.ligand, PocketSpec())):
            assert isinstance(item, Featurized)
            ligand, pocket = item.graph.ligand, item.graph.pocket
            touched = cKDTree(pocket.atom_positions).query_ball_point(ligand.positions, cutoff)
            near += sum(len(np.unique(pocket.atom_residue[rows])) for rows in touched)
            total += ligand.num_atoms * pocket.num_residues
    return {"cutoff": cutoff, "all": total, "within": near}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path, default=FIGURES)
    parser.add_argument("--repeats", type=int, default=5, help="of each timing but that of the folder")
    options = parser.parse_args()
    folder, output = options.folder.resolve(), options.output.resolve()
    output.mkdir(parents=True, exist_ok=True)

    rows, _ = predict_folder(folder, STRICT_MODEL)
    _, seconds = predict_folder(folder, DEFAULT_MODEL)
    measured = {entry.id: entry.affinity.pk for entry in read_index(folder / "index.csv")}
    table = output / f"{folder.name}_predictions.csv"
    rows.assign(pk_true=rows["id"].map(measured))[COLUMNS].to_csv(table, index=False, float_format="%.4f")
    content = {"model": STRICT_MODEL} | figures(table, folder)
    write_figures(output / f"{folder.name}_metrics.json", content, STRICT_MODEL)

    demo = run("-m", "binding", "predict", "data/examples/pairs.csv", "--print", "table", "--quiet")
    lines = [line.rstrip() for line in demo.strip("\n").splitlines()]
    (output / "demo.txt").write_text("\n".join(lines).strip("\n") + "\n", encoding="utf-8")

    with tempfile.TemporaryDirectory() as scratch:
        bench = Path(scratch) / "bench.json"
        run("-m", "scripts.bench.predict", "--repeats", str(options.repeats), "--json", str(bench), threads="1")
        stages = json.loads(bench.read_text(encoding="utf-8"))
    folder_time = {"name": folder.name, "complexes": len(rows), "seconds": round(seconds, 2)}
    speed = {
        "model": name_of(),
        "machine": machine(),
        "folder": folder_time,
        "stages": {k: round(v, 6) for k, v in stages.items()},
    }
    write_figures(output / "speed.json", speed | {"pairs": pairs_within_cutoff()}, None)


if __name__ == "__main__":
    main()

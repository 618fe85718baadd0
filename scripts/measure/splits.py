"""What each rule of `binding split` leaves to memory, and how fast and reliably relatives are found.

    python -m scripts.measure.splits ../shared/data/crystal --test ../shared/data/casf2016 \\
        --more ../shared/data/modelled ../shared/data/congeneric

Writes docs/figures/splits.json; takes some ten minutes on one core.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from binding.data.entries import Content, MeasuredComplex, read_complexes, read_content
from binding.data.holdout import LEFT_OUT, TEST, TRAIN, VALIDATION
from binding.io.sequences import ChainSequence, read_sequences
from binding.metrics import measure
from binding.splits.clusters import IDENTITY, LEAST_KNOWN, cluster_proteins
from binding.splits.identity import SequenceIndex
from binding.splits.leakage import NEAREST, WEIGHTED, LeakReport, Thresholds, find_leaks
from binding.splits.split import Compared, SplitRule, assign, compare_rows
from scripts.figures import FIGURES, write_figures

OUTPUT = FIGURES / "splits.json"
RULES = ("random", "time", "scaffold", "protein", "both")
PROTEINS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="complexes to split")
    parser.add_argument("--test", type=Path, metavar="FOLDER", help="a test set to compare with all of them")
    parser.add_argument("--rows", type=int, metavar="N", help="a draw of the rows; all by default")
    parser.add_argument(
        "--more",
        type=Path,
        nargs="*",
        default=[],
        metavar="FOLDER",
        help="of further proteins, to cluster",
    )
    parser.add_argument("--proteins", type=int, default=PROTEINS, metavar="N", help="to time the clustering of")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    rows, content, reading = read([options.folder], options.rows)
    say(f"{len(rows)} rows read in {reading:.0f} CPU seconds")
    start = time.process_time()
    features = compare_rows(rows, content)
    say(f"compared in {time.process_time() - start:.0f} CPU seconds")
    figures: dict[str, Any] = {
        "folder": options.folder.name,
        "rows": len(rows),
        "of": len(read_complexes([options.folder])),
        "reading_seconds": round(reading, 1),
        "clusters": len(set(features.clusters.values())),
        "rules": {by: judge(rows, features, by) for by in RULES},
    }
    if options.test is not None:
        figures["test_set"] = compare([options.folder, options.test])
    chains = [chain for found in content.chains.values() for chain in found if chain.known >= LEAST_KNOWN]
    figures["proteins"] = many([*content.chains.values(), *structures(options.more)], options.proteins)
    figures["recall"] = recall(sorted({chain.letters for chain in chains}))
    write_figures(options.output, figures)


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


def read(folders: list[Path], draw: int | None = None) -> tuple[list[MeasuredComplex], Content, float]:
    start = time.process_time()
    rows = read_complexes(folders)
    if draw is not None:
        rows = random.Random(0).sample(rows, min(draw, len(rows)))
    content = read_content(rows, proteins=True, ligands=True)
    return [row for row in rows if row.id not in content.failed], content, time.process_time() - start


def judge(rows: list[MeasuredComplex], features: Compared, by: str) -> dict[str, Any]:
    """Counts, shares of test rows with something close, and the look-up, of a tenth to test on."""
    start = time.process_time()
    assignment = assign(rows, SplitRule(by=by), features)
    report = find_leaks(assignment.on(TRAIN), {TEST: assignment.on(TEST)}, features.known(rows), Thresholds(IDENTITY))
    say(f"{by}: {time.process_time() - start:.0f} CPU seconds")
    counts = {side: len(assignment.on(side)) for side in (TRAIN, VALIDATION, TEST, LEFT_OUT)}
    return {"counts": counts, "shares": report.shares[TEST], "lookup": memory(report, rows)}


def memory(report: LeakReport, rows: list[MeasuredComplex]) -> dict[str, dict[str, dict[str, float]]]:
    """How well the look-up predicts the rows of the report."""
    pk = {row.id: row.entry.affinity.pk for row in rows}
    truth = np.array([pk[name] for name in report.lookup["id"]])
    found = {name: measure(report.lookup[name].to_numpy(), truth) for name in (NEAREST, WEIGHTED)}
    return {name: {key: vars(metrics[key]) for key in ("r", "rmse")} for name, metrics in found.items()}


def compare(folders: list[Path]) -> dict[str, Any]:
    """A test set against all rows of the first folder, and against those that CleanSplit keeps."""
    rows, content, _ = read(folders)
    features = compare_rows(rows, content)
    test = [row.id for row in rows if row.folder.parent == folders[1]]
    trains = {
        "all": [row.id for row in rows if row.folder.parent == folders[0]],
        "cleansplit": [row.id for row in rows if row.entry.extra.get("cleansplit_train") == "1"],
    }
    figures = {"folder": folders[1].name, "rows": len(test)}
    for name, train in trains.items():
        kept = sorted(set(train) - set(test))
        report = find_leaks(kept, {TEST: test}, features.known(rows), Thresholds(IDENTITY))
        figures[name] = {"train": len(kept), "shares": report.shares[TEST], "lookup": memory(report, rows)}
        say(f"{folders[1].name} against {name}: done")
    return figures


def structures(folders: list[Path]) -> list[list[ChainSequence]]:
    """The chains of the structure file in each folder of some folders."""
    found = []
    for folder in folders:
        for path in sorted(p for p in folder.iterdir() if p.is_dir()):
            files = [*path.glob("*pocket.pdb*"), *path.glob("*protein.pdb*")]
            if files:
                found.append(read_sequences(files[0]))
    return found


def many(proteins: list[list[ChainSequence]], count: int) -> dict[str, float]:
    """Clusters many proteins: a draw of those given."""
    draw = random.Random(0).sample(proteins, min(count, len(proteins)))
    named = {f"p{place:04d}": chains for place, chains in enumerate(draw)}
    start = time.process_time()
    found = cluster_proteins(named)
    seconds = time.process_time() - start
    say(f"{len(named)} proteins: {seconds:.0f} CPU seconds")
    return {
        "proteins": len(named),
        "sequences": len(found.index.sequences),
        "clusters": len(set(found.clusters.values())),
        "seconds": round(seconds, 1),
    }


def recall(sequences: list[str], count: int = 200) -> dict[str, int]:
    """All pairs of a draw aligned, and found by the short cuts."""
    index = SequenceIndex(random.Random(2).sample(sequences, min(count, len(sequences))))
    number = len(index.sequences)
    truth = {pair for pair in combinations(range(number), 2) if index.identity(*pair) >= IDENTITY}
    found, aligned = set(), 0
    for row in range(number):
        candidates = index.candidates(row, np.arange(row), IDENTITY).tolist()
        aligned += len(candidates)
        found |= {(other, row) for other in candidates if index.is_related(row, other, IDENTITY)}
    return {
        "sequences": number,
        "pairs": number * (number - 1) // 2,
        "related": len(truth),
        "found": len(found & truth),
        "wrong": len(found - truth),
        "aligned": aligned,
    }


if __name__ == "__main__":
    main()

"""What changes pk and what does not: contacts, mirror images, the cut of the pocket -> docs/figures/robustness.json.

    python -m scripts.measure.robustness ../shared/data/casf2016

A mirror image has all distances of a complex, and frames of residues that are right-handed again; chirality tags, which
no expert in pk reads, stay. The pocket is cut at 10, 12 and 15 Å. Without contacts: all sums over contacts (kinds,
distances and angles of atoms that meet) of each ligand are those of a mean complex of its size; what the ligand is and
how deep it lies stays.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from binding.graph.fields import ATOM_CATEGORIES, ComplexGraph
from binding.graph.site import PocketSpec
from binding.metrics import pearson
from binding.model.geometric_sums import Sums, sums_of
from binding.model.weights import DEFAULT_MODEL, STRICT_MODEL, Scorer, load_model
from scripts.figures import FIGURES, write_figures
from scripts.release.geometry import rounded
from scripts.release.weights import score, test_graphs

CUTOFFS = (10.0, 12.0, 15.0)  # Å
CHANGED = 0.05  # pK
_CHIRALITY = list(ATOM_CATEGORIES).index("chirality")
_MIRROR = np.array([1.0, 1.0, -1.0])


def mirrored(graph: ComplexGraph) -> ComplexGraph:
    """The mirror image of a complex."""
    pocket = graph.pocket
    return ComplexGraph(
        replace(graph.ligand, positions=graph.ligand.positions * _MIRROR),
        replace(
            pocket,
            anchors=pocket.anchors * _MIRROR,
            centroids=pocket.centroids * _MIRROR,
            atom_positions=pocket.atom_positions * _MIRROR,
            atom_directions=pocket.atom_directions * _MIRROR,
            atom_normals=pocket.atom_normals * _MIRROR,
            frames=pocket.frames * _MIRROR * [[1.0], [1.0], [-1.0]],  # the third axis is a cross product
        ),
    )


def is_chiral(graph: ComplexGraph) -> bool:
    """Whether an atom of the ligand has a hand."""
    return bool((graph.ligand.atom_categories[:, _CHIRALITY] > 0).any())


def without_contacts(scorer: Scorer, graphs: list[ComplexGraph]) -> Scorer:
    """The scorer with a geometry expert that finds the same contacts an atom in all complexes."""
    readout = scorer.geometry
    assert readout is not None, "released weights have a geometry expert"
    whole = sums_of(graphs)
    usual = whole.pairs.sum(0) / whole.sizes.sum()

    def judge(sums: Sums) -> tuple[Tensor, Tensor]:
        return readout.judge(replace(sums, pairs=usual.to(sums.pairs.dtype) * sums.sizes.reshape(-1, 1)))

    blind = copy.copy(readout)
    blind.judge = judge  # type: ignore[method-assign]
    return scorer.with_parts(geometry=blind)


def by_cut(scorer: Scorer, folder: Path) -> tuple[dict[str, float], list[ComplexGraph], np.ndarray]:
    """Largest change of pk against the widest cut, by cut; the graphs of the narrowest, and what was measured."""
    found: dict[float, np.ndarray] = {}
    narrow: list[ComplexGraph] = []
    for cutoff in CUTOFFS:
        truth, graphs, _ = test_graphs(folder, PocketSpec(cutoff))
        found[cutoff] = score(scorer, graphs)["pk"].to_numpy()
        narrow = narrow or graphs
    widest = found[CUTOFFS[-1]]
    return {f"{cutoff:g}": float(np.abs(found[cutoff] - widest).max()) for cutoff in CUTOFFS[:-1]}, narrow, truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("test", type=Path, help="test set in PDBbind layout with an index.csv")
    parser.add_argument("-o", "--output", type=Path, default=FIGURES / "robustness.json")
    options = parser.parse_args()
    report: dict[str, Any] = {}
    for name in (STRICT_MODEL, DEFAULT_MODEL):
        whole = load_model(name, device="cpu")
        one = whole.members if whole.line.network else whole.members[:1]
        scorer = whole.with_parts(members=one)
        cut, graphs, truth = by_cut(scorer, options.test)
        chiral = [graph for graph in graphs if is_chiral(graph)]
        pk, image = (score(scorer, part)["pk"].to_numpy() for part in (chiral, [mirrored(graph) for graph in chiral]))
        change = np.abs(pk - image)
        seen, blind = (score(one, graphs)["pk"].to_numpy() for one in (scorer, without_contacts(scorer, graphs)))
        report[name] = {
            "largest_change_by_cut": cut,
            "contacts": {
                "mean_change": float(np.abs(seen - blind).mean()),
                "share_of_variance": float(np.var(seen - blind) / np.var(seen)),
                "r": float(pearson(seen, truth)),
                "r_without": float(pearson(blind, truth)),
            },
            "mirror": {
                "chiral": len(chiral),
                "changed": float((change > CHANGED).mean()),
                "from": CHANGED,
                "median": float(np.median(change)),
                "largest": float(change.max()),
            },
        }
        print(name, report[name], flush=True)
    write_figures(options.output, rounded(report, 6), STRICT_MODEL, DEFAULT_MODEL)


if __name__ == "__main__":
    main()

"""Do attributions say what deleting costs? Ranks and deletion curves -> docs/figures/agreement.json.

    python -m scripts.measure.agreement ../shared/data/casf2016
    python -m scripts.measure.agreement ../shared/data/crystal --complexes 60 --output agreement-crystal.json

Of each complex, every residue in reach is deleted once, and the loss of pk is compared with what each attribution says
of the residue. Then the residues are deleted one after the other, the highest first by each attribution, by the number
of contacts and in random order: the better the order, the more of pk is lost early. The same for the pieces of the
ligand, without the curves. The model is compared with itself; no measured affinity is read.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from binding.explanation.agreement import MEASURES, TOP, Agreement, partial
from binding.explanation.occlusion import numbers_of
from binding.explanation.rows import Reasons
from binding.explanation.run import Asked, reasons_of
from binding.graph.fields import ComplexGraph
from binding.graph.pocket import build_pocket_graph
from binding.graph.site import PocketSpec
from binding.metrics import estimate, mean_over_groups, spearman
from binding.model.weights import Scorer, load_model
from binding.score.featurize import Failed, Featurized, featurize, load_protein
from binding.score.jobs import Job
from scripts.figures import FIGURES, name_of, write_figures

OUTPUT = FIGURES / "agreement.json"
FEWEST = 5  # residues or pieces, below which no correlation is taken
DELETED = (0.1, 0.2, 0.3, 0.5)  # shares of the residues in reach, at which pk is read along a curve
RANDOM = 3  # orders
RESAMPLES = 2000


def mean(values: Sequence[float]) -> dict[str, float]:
    """Over complexes, with its interval; those where a figure is not defined are left out."""
    kept = np.array([value for value in values if np.isfinite(value)])
    value, samples = mean_over_groups(kept, np.ones(len(kept)), resamples=RESAMPLES)
    return {"complexes": len(kept)} | vars(estimate(value, samples))


def measures_of(reasons: Reasons) -> dict[str, np.ndarray]:
    """(k,) of each attribution of the residues in reach; higher is said to matter more."""
    found = reasons.contributions
    values = {name: value for name, value in reasons.agreement.by_measure.items() if name != "occlusion"}
    with_burial = found.residues.pk + found.burial[found.pocket_rows]
    return values | {"with_burial": with_burial, "nearness": -found.distances}


def ranks(found: Agreement, values: dict[str, np.ndarray], loss: np.ndarray) -> dict[str, float]:
    """Rank correlations of attributions with the loss of pk, and what attention says beyond contacts."""
    with_loss = {name: float(spearman(value, loss)) for name, value in values.items()}
    between = found.between("attention", "contacts")
    left = partial(with_loss["attention"], between, with_loss["contacts"])
    return with_loss | {"attention_beyond_contacts": left}


def shared_top(values: dict[str, np.ndarray], loss: np.ndarray) -> dict[str, float]:
    """How many of the ten residues that cost most are among an attribution's highest ten."""
    most = min(TOP, len(loss))
    best = set(np.argsort(-loss, kind="stable")[:most].tolist())
    return {
        name: len(best & set(np.argsort(-value, kind="stable")[:most].tolist())) / most
        for name, value in values.items()
    }


def curves(
    scorer: Scorer, item: Featurized, rows: np.ndarray, orders: dict[str, list[np.ndarray]]
) -> dict[str, tuple[float, float]]:
    """Mean loss of pk, without and with its prior, along each deletion curve, mean over the orders of a name.

    Args:
        scorer: The model.
        item: The complex.
        rows: (k,) the residues in reach.
        orders: For each name some orders (k,) of these residues.
    """
    assert item.pocket is not None
    steps = sorted({max(1, round(share * len(rows))) for share in DELETED})
    graphs = [item.graph]
    for each in orders.values():
        for order in each:
            for step in steps:
                keep = np.ones(item.pocket.num_residues, dtype=bool)
                keep[rows[order[:step]]] = False
                graphs.append(ComplexGraph(item.graph.ligand, build_pocket_graph(item.pocket.select(keep))))
    losses = [numbers[0] - numbers[1:] for numbers in numbers_of(scorer.at(graphs[0]), graphs)]
    found, first = {}, 0
    for name, each in orders.items():
        last = first + len(each) * len(steps)
        found[name] = float(losses[0][first:last].mean()), float(losses[1][first:last].mean())
        first = last
    return found


def pieces(reasons: Reasons) -> dict[str, float]:
    """Rank correlations with what deleting pieces of the ligand costs; NaN with fewer than five of them."""
    assert reasons.occlusion is not None
    assert reasons.attention is not None
    assert reasons.gradients is not None
    kept = [one for one in reasons.occlusion.fragments if np.isfinite(one.pk)]
    by_atom = {
        "contributions": reasons.contributions.atoms.pk,
        "gradients": reasons.gradients.atoms,
        "attention": reasons.attention.by_atom(),
        "size": np.ones(reasons.ligand.num_atoms),
    }
    loss = np.array([one.pk for one in kept])
    if len(kept) < FEWEST:
        return dict.fromkeys(by_atom, float("nan"))
    sums = {name: np.array([value[list(one.piece.atoms)].sum() for one in kept]) for name, value in by_atom.items()}
    return {name: float(spearman(value, loss)) for name, value in sums.items()}


def load(folder: Path, name: str) -> Featurized | Failed:
    """A complex in PDBbind layout, compressed or not, as ``binding predict`` makes it of its files."""
    files = {path.name.removesuffix(".gz"): path for path in (folder / name).iterdir()}
    protein = files.get(f"{name}_pocket.pdb", files.get(f"{name}_protein.pdb"))
    assert protein is not None
    (item,) = featurize(Job(load_protein(protein), files[f"{name}_ligand.sdf"], PocketSpec()))
    return item


def measure(scorer: Scorer, items: Sequence[Featurized]) -> dict[str, Any]:
    """All figures of some complexes."""
    generator = np.random.default_rng(0)
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))

    def note(kind: str, values: dict[str, float]) -> None:
        for name, value in values.items():
            found[kind][name].append(value)

    for item in items:
        reasons = reasons_of(item, scorer, Asked(attention=True, gradients=True, occlusion=True))
        rows = reasons.contributions.pocket_rows
        assert reasons.occlusion is not None
        assert reasons.gradients is not None
        if len(rows) < FEWEST:
            continue
        values = measures_of(reasons)
        for kind, loss in (("pk", reasons.occlusion.residues), ("structure", reasons.occlusion.residues_network)):
            note(f"ranks_{kind}", ranks(reasons.agreement, values, loss))
            note(f"top_{kind}", shared_top(values, loss))
        orders = {name: [np.argsort(-value, kind="stable")] for name, value in values.items()}
        orders["deletion"] = [np.argsort(-reasons.occlusion.residues, kind="stable")]
        orders["random"] = [generator.permutation(len(rows)) for _ in range(RANDOM)]
        lost = curves(scorer, item, rows, orders)
        for place, kind in enumerate(("structure", "pk")):
            note(f"area_{kind}", {name: pair[place] for name, pair in lost.items()})
            for known in ("random", "contacts"):
                note(
                    f"area_{kind}_over_{known}", {name: pair[place] - lost[known][place] for name, pair in lost.items()}
                )
        note("pieces", pieces(reasons))
        for place, name in enumerate(reasons.agreement.measures):
            row = reasons.agreement.spearman[place].tolist()
            note(f"between_{name}", dict(zip(reasons.agreement.measures, row, strict=True)))
        gain = abs(reasons.gradients.pk - reasons.gradients.baseline_pk)
        note("gradients", {"error": abs(reasons.gradients.error) / gain})
    return {kind: {name: mean(values) for name, values in each.items()} for kind, each in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="complexes in PDBbind layout, with index.csv")
    parser.add_argument("--complexes", type=int, help="a random sample, one a protein; all where not given")
    parser.add_argument("--model", help="the default weights where not given")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    scorer = load_model(options.model, device="cpu")
    index = pd.read_csv(options.folder / "index.csv", dtype={"id": str})
    if options.complexes:
        index = index.sample(frac=1.0, random_state=0).drop_duplicates("uniprot").iloc[: options.complexes]
    loaded = [load(options.folder, name) for name in index["id"]]
    items = [item for item in loaded if isinstance(item, Featurized)]
    report = {
        "model": name_of(options.model),
        "set": options.folder.name,
        "asked": len(index),
        "sampled": bool(options.complexes),
        "failed": dict(Counter(item.error.code for item in loaded if isinstance(item, Failed))),
        "deleted": DELETED,
        "measures": list(MEASURES),
        "figures": measure(scorer, items),
    }
    write_figures(options.output, report, options.model)
    for kind, each in report["figures"].items():
        print(kind, {name: f"{v['value']:.3f} ({v['low']:.3f} {v['high']:.3f})" for name, v in each.items()})


if __name__ == "__main__":
    main()

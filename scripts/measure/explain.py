"""What explanations are worth: deleted residues, single networks, noise -> docs/figures/explain.json.

    python -m scripts.measure.explain ../shared/data/crystal

Takes a sample of crystal complexes, one a protein, none of a test set. Each residue within 6.5 Å of the ligand is
deleted from the structure, one at a time, and the loss of pk is compared with the residue's share in the
explanation. The model is compared with itself and measured affinities are not read, so that it does not matter that
it was trained on some of these complexes; only its prior knows more of them than of a new complex. pk is joined as
where nothing like the complex was measured: else half of the sample would follow its measurement, not its contacts.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from binding.explanation.contributions import PARTS, Contributions, Shares, contributions_of
from binding.explanation.occlusion import numbers_of
from binding.graph.checks import CONTACT
from binding.graph.site import PocketSpec
from binding.metrics import estimate, mean_over_groups, pearson, spearman
from binding.model.weights import Scorer, load_model
from binding.score.featurize import Failed, Featurized, featurize, load_protein
from binding.score.jobs import Job
from binding.structures import Ligand, Protein
from scripts.figures import FIGURES, name_of, write_figures

OUTPUT = FIGURES / "explain.json"
NOISE = 0.3  # Å, standard deviation of each coordinate
FEWEST = 5  # residues, below which no correlation is taken
RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Deleted:
    """One complex, each of whose k residues was deleted once.

    Attributes:
        share: (k,) pK, what the explanation says of its contacts. distance: (k,) Å to the ligand.
        structure: (k,) pK, what pk lost without its prior. pk: (k,) pK, what pk lost.
    """

    share: np.ndarray
    distance: np.ndarray
    structure: np.ndarray
    pk: np.ndarray

    def within(self, distance: float) -> Deleted:
        """The residues that are nearer to the ligand."""
        near = self.distance <= distance
        return Deleted(self.share[near], self.distance[near], self.structure[near], self.pk[near])


def ready(protein: Protein, ligand: Ligand) -> Featurized | Failed:
    """As ``binding predict`` makes it of two files."""
    (found,) = featurize(Job(protein, (ligand,), PocketSpec()))
    return found


def deleted(scorer: Scorer, item: Featurized, found: Contributions) -> Deleted:
    """Deletes each residue of an explanation; one without which no pocket is left stays out."""
    places, items = [], [item]
    for place, row in enumerate(found.pocket_rows.tolist()):
        assert item.pocket is not None
        less = ready(item.pocket.select(np.arange(item.pocket.num_residues) != row), item.ligand)
        if isinstance(less, Featurized):
            places.append(place)
            items.append(less)
    structure, pk = numbers_of(scorer, [each.graph for each in items])
    return Deleted(found.residues.pk[places], found.distances[places], structure[0] - structure[1:], pk[0] - pk[1:])


def moved(item: Featurized, generator: np.random.Generator) -> Featurized:
    """The complex with noise on the ligand; its pocket stays."""
    ligand = item.graph.ligand
    noisy = replace(ligand, positions=ligand.positions + generator.normal(scale=NOISE, size=ligand.positions.shape))
    return replace(item, graph=replace(item.graph, ligand=noisy))


def by_row(found: Contributions, count: int) -> np.ndarray:
    """(residues of the pocket,) shares, zero beyond the cutoff."""
    shares = np.zeros(count)
    shares[found.pocket_rows] = found.residues.pk
    return shares


def between_networks(shares: Shares) -> float:
    """Mean correlation of the networks' shares, two and two."""
    pairs = np.corrcoef(shares.networks)
    return float(pairs[np.triu_indices(len(pairs), 1)].mean())


def mean(values: Sequence[float]) -> dict[str, float]:
    """Over complexes, with its interval; those where a correlation is not defined are left out."""
    kept = np.array([value for value in values if np.isfinite(value)])
    value, samples = mean_over_groups(kept, np.ones(len(kept)), resamples=RESAMPLES)
    return {"complexes": len(kept)} | vars(estimate(value, samples))


def occlusion(found: Sequence[Deleted]) -> dict[str, Any]:
    """Rank correlations with what deleting costs, of the shares and of nearness, which is the trivial guess."""
    kept = [item for item in found if len(item.share) >= FEWEST]
    shares, losses = (np.concatenate([getattr(item, name) for item in kept]) for name in ("share", "structure"))
    figures: dict[str, Any] = {"residues": len(shares)}
    for loss in ("structure", "pk"):
        figures[loss] = {
            "share": mean([float(spearman(item.share, getattr(item, loss))) for item in kept]),
            "nearness": mean([float(spearman(-item.distance, getattr(item, loss))) for item in kept]),
        }
    figures["slope"] = mean([float(item.share @ item.structure / (item.share @ item.share)) for item in kept])
    figures["below_zero"] = float((shares < 0.0).mean())
    figures["median_share"] = float(np.median(np.abs(shares)))
    figures["median_loss"] = float(np.median(np.abs(losses)))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="crystal complexes in PDBbind layout, with index.csv")
    parser.add_argument("--complexes", type=int, default=60)
    parser.add_argument("--model", help="the default weights where not given")
    options = parser.parse_args()
    scorer = load_model(options.model, device="cpu")
    scorer = scorer.with_parts(line=scorer.line.at(0.0))
    index = pd.read_csv(options.folder / "index.csv", dtype={"id": str})
    names = index.sample(frac=1.0, random_state=0).drop_duplicates("uniprot")["id"].iloc[: options.complexes]
    generator = np.random.default_rng(0)
    failed: Counter[str] = Counter()
    removed: list[Deleted] = []
    stable: dict[str, list[float]] = defaultdict(list)
    parts: dict[str, list[float]] = defaultdict(list)
    for name in names:
        folder = options.folder / name
        (item,) = featurize(
            Job(load_protein(folder / f"{name}_pocket.pdb.gz"), folder / f"{name}_ligand.sdf.gz", PocketSpec())
        )
        if isinstance(item, Failed):
            failed[item.error.code] += 1
            continue
        found, shaken = (contributions_of(one.graph, scorer) for one in (item, moved(item, generator)))
        removed.append(deleted(scorer, item, found))
        for part in PARTS:
            parts[part].append(found.part(part)[0])
        count = item.graph.pocket.num_residues
        met = np.union1d(found.pocket_rows, shaken.pocket_rows)
        stable["noise_residues"].append(float(pearson(by_row(found, count)[met], by_row(shaken, count)[met])))
        stable["noise_atoms"].append(float(pearson(found.atoms.pk, shaken.atoms.pk)))
        if len(scorer.members) > 1 and scorer.line.network:
            stable["networks_residues"].append(between_networks(found.residues))
            stable["networks_atoms"].append(between_networks(found.atoms))
    report = {
        "model": name_of(options.model),
        "asked": len(names),
        "failed": dict(failed),
        "networks": len(scorer.members),
        "noise": NOISE,
        "parts": {
            name: {"mean": float(np.mean(values)), "std": float(np.std(values))}
            for name, values in parts.items()
            if np.isfinite(values).all()  # else the weights have no such part, or hardly any complex has
        },
        "touching": {"distance": CONTACT} | occlusion([item.within(CONTACT) for item in removed]),
        "cutoff": {"distance": scorer.members[0].interaction.config.cutoff} | occlusion(removed),
        "stability": {name: mean(values) for name, values in stable.items()},
    }
    write_figures(OUTPUT, report, options.model)
    print(report)


if __name__ == "__main__":
    main()

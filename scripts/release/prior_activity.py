"""Measurements without a structure of their own, taught to the prior of released weights.

    python -m scripts.release.prior_activity ../shared/data --names binding-strict binding-base

`activity/` holds assays of ChEMBL (FS-Mol, MoleculeACE) and the kinases of Davis et al. Exact values on proteins whose
structure is in `crystal/`, `borrowed/` or `modelled/` become rows of the fit with sites: at most ``MOST`` compounds of
a protein, drawn by a hash, each at that site of the protein, among those that the prior knows already, which is most
like the others. A compound that the prior already knows on this protein is not taken twice. `binding-strict` learns
nothing that the rules of configs/train/strict.yaml refuse.

Compounds of an assay share what is particular to it, so that its rows tell more of how compounds compare than of where
they all stand: beside a greater ridge they have a covariance (``left_out.SAME_ASSAY``) that no prediction uses. The
weights of all priors are solved for at once, by conjugate gradients: their rows are nearly the same. The fit that sees
the ligand alone stays as it was: what some hundred proteins bind is no fair sample of what binds.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from rdkit import rdBase

from binding.data.cache import ComplexCache
from binding.data.ligand_table import LigandsBySmiles
from binding.errors import BindingError
from binding.graph.fields import LigandGraph
from binding.model.weights import load_card, load_model, save_weights
from binding.prior.kernel import Features, kernel_matrix
from binding.prior.measured import Measured, joined_names
from binding.prior.model import Prior, SiteFit, summary_of
from binding.prior.sites import Sites
from scripts.figures import ROOT
from scripts.release.leaks import alike_proteins, columns_of, test_files
from scripts.release.left_out import PREFIX, add_noise, conjugate_gradients

STRICT: Final = "binding-strict"
MOST: Final = 250  # compounds of a protein
SEVERAL: Final = 60  # sites of a protein, among which the most typical one is looked for
KNOWN_SITE: Final = 0.3  # similarity of sites from which on they count as those of one protein
PLAUSIBLE: Final = (1.0, 13.0)  # pK
_ASSAY: Final = {"fsmol": "assay", "moleculeace": "target_chembl", "davis": "protein"}
_TOLERANCE: Final = 0.001
_CACHE: Final = ROOT / "cache"


@dataclass(frozen=True, eq=False)
class Place:
    """Where compounds of a protein are said to bind.

    Attributes:
        receptor: Folder of the pocket.
        pocket: Its file.
        words: Of the site; see ``binding.domain.words.pocket_words``.
    """

    receptor: str
    pocket: Path
    words: np.ndarray


def measurements(data: Path) -> pd.DataFrame:
    """name, uniprot, smiles and pk of all exact values on proteins that are told; no assays of metabolism."""
    frames = []
    for file, prefix in PREFIX.items():
        table = pd.read_csv(data / "activity" / f"{file}.csv.gz", low_memory=False)
        if "assay_type" in table:
            table = table[table["assay_type"] != "A"]
        table = table[table["relation"].isin(["=", "~"]) & table["pk"].between(*PLAUSIBLE)]
        frames.append(table.assign(name=prefix + table[_ASSAY[file]].astype(str)).dropna(subset=["uniprot"]))
    return pd.concat(frames, ignore_index=True)[["name", "uniprot", "smiles", "pk"]]


def places(prior: Prior, caches: Path, data: Path) -> dict[str, Place]:
    """By protein its most typical site among those that the prior knows; crystal complexes before all others."""
    known, found = {words.tobytes() for words in prior.at_site.sites.split()}, dict[str, Place]()
    for source in ("crystal", "borrowed", "modelled"):
        cache = ComplexCache(caches / f"{source}.npz")
        table = cache.table[["id", "uniprot"]].assign(row=range(len(cache))).dropna()
        for protein, rows in table[~table["uniprot"].isin(list(found))].groupby("uniprot"):
            sites = {row: cache.site_words(row).astype(np.uint32) for row in rows["row"].tolist()}
            sites = dict([(row, words) for row, words in sites.items() if words.tobytes() in known][:SEVERAL])
            if sites:
                all_of = Sites.of(list(sites.values()))
                alike = [all_of.similarity(words).sum() for words in sites.values()]
                row = list(sites)[int(np.argmax(alike))]
                receptor = str(cache.table["id"].iloc[row])
                receptor = receptor.split("_")[0] if source == "modelled" else receptor
                found[str(protein)] = Place(
                    receptor, data / source / receptor / f"{receptor}_pocket.pdb.gz", sites[row]
                )
    return found


def drawn(rows: pd.DataFrame, most: int = MOST) -> pd.DataFrame:
    """At most so many SMILES of each protein, by a hash, with all their measurements."""
    pairs = rows[["uniprot", "smiles"]].drop_duplicates()
    chance = [zlib.crc32(f"{protein} {smiles}".encode()) for protein, smiles in pairs.itertuples(index=False)]
    kept = pairs.assign(chance=chance).sort_values("chance", kind="stable").groupby("uniprot").head(most)
    return rows.merge(kept[["uniprot", "smiles"]], on=["uniprot", "smiles"])


def allowed(rows: pd.DataFrame, where: dict[str, Place], data: Path) -> np.ndarray:
    """(rows,) bool, what binding-strict may learn; see ``STRICT`` of scripts.release.prior_tables."""
    tests = test_files(data)["casf"]
    used = {where[protein].receptor: where[protein].pocket for protein in rows["uniprot"].unique()}
    alike = alike_proteins(used, {name: files[0] for name, files in tests.items()})
    casf = pd.read_csv(data / "casf2016" / "index.csv", usecols=["id", "uniprot"]).dropna()
    asked = rows.assign(receptor=[where[protein].receptor for protein in rows["uniprot"]])
    accessions = dict(zip(casf["id"], casf["uniprot"], strict=True))
    protein, ligand, pair = columns_of(asked, tests, alike, accessions)
    return (ligand <= 0.9) & (~protein | (pair <= 0.5))


def graphs_of(smiles: Sequence[str]) -> dict[str, LigandGraph]:
    """Graphs of those that can be read."""
    ligands, found = LigandsBySmiles(), dict[str, LigandGraph]()
    for text in smiles:
        try:
            found[text] = ligands.graph(text, text)
        except BindingError:
            continue
    return found


def extended(prior: Prior, rows: pd.DataFrame, where: dict[str, Place], graphs: dict[str, LigandGraph]) -> Prior:
    """The prior with further rows, whose weights are still zero; measurements of one ligand at one site are averaged.

    Args:
        prior: With its measurements.
        rows: name, uniprot, smiles and pk; those without a graph are left out.
        where: Site of each protein.
        graphs: By SMILES.
    """
    assert prior.measured is not None, "scripts.release.evidence names the measurements of a prior that has no names"
    fit, rows = prior.at_site, rows[rows["smiles"].isin(list(graphs))].reset_index(drop=True)
    features = Features.of([graphs[text] for text in rows["smiles"]])
    ligands = {key: place for place, key in enumerate(prior.features.keys())}
    old = len(ligands)
    ligand = np.array([ligands.setdefault(key, len(ligands)) for key in features.keys()], dtype=np.int64)
    sites = {words.tobytes(): place for place, words in enumerate(fit.sites.split())}
    site = np.array([sites[where[protein].words.tobytes()] for protein in rows["uniprot"]], dtype=np.int64)
    new = ~already_known(prior, ligand, site)
    pairs, row_of = np.unique(np.stack([ligand, site])[:, new], axis=1, return_inverse=True)
    row_of = row_of.reshape(-1)
    values = np.bincount(row_of, rows["pk"].to_numpy()[new]) / np.bincount(row_of)
    names = joined_names(rows["name"][new].tolist(), row_of)
    used = np.unique(pairs[0][pairs[0] >= old])  # of the new ligands, some of which the prior knows on their protein
    place = np.append(np.arange(old), np.full(len(ligands) - old, -1))
    place[used] = old + np.arange(len(used))
    first = np.array([int(np.flatnonzero(ligand == number)[0]) for number in used], dtype=np.int64)
    joined = Features(
        np.concatenate([prior.features.bits, features.take(first).bits]),
        np.concatenate([prior.features.bit_counts, features.bit_counts[first]]),
        np.concatenate([prior.features.descriptors, features.descriptors[first]]),
    )
    atoms, elements = summary_of([graphs[rows["smiles"][row]] for row in first.tolist()] or list(graphs.values())[:1])
    at_site = SiteFit(
        fit.sites,
        np.concatenate([fit.row_ligand, place[pairs[0]]]),
        np.concatenate([fit.row_site, pairs[1]]),
        np.zeros(len(fit.weights) + len(values)),
        0.0,
    )
    return Prior(
        joined,
        np.append(prior.weights, np.zeros(len(joined) - old)),
        prior.mean,
        (min(prior.atoms[0], atoms[0]), max(prior.atoms[1], atoms[1])),
        prior.elements + elements,
        at_site,
        Measured.joined([prior.measured, Measured(names, values)]),
    )


def already_known(prior: Prior, ligand: np.ndarray, site: np.ndarray) -> np.ndarray:
    """(n,) bool, whether a ligand, by its number in the prior, was measured at a site like this one."""
    fit, words, found = prior.at_site, prior.at_site.sites.split(), np.zeros(len(ligand), dtype=bool)
    for number in np.unique(site).tolist():
        like = np.append(fit.sites.similarity(words[number]) >= KNOWN_SITE, False)
        asked = site == number
        found[asked] = np.isin(ligand[asked], fit.row_ligand[like[fit.row_site]])
    return found


@dataclass(frozen=True, eq=False)
class Together:
    """The rows of several priors, each once.

    Attributes:
        features: Of all ligands.
        fit: All rows, without weights.
        names: (r,) of their measurements.
        values: (r,) pK.
        rows: For each prior the rows (r_k,) that are its own, in its order.
    """

    features: Features
    fit: SiteFit
    names: np.ndarray
    values: np.ndarray
    rows: list[np.ndarray]

    @classmethod
    def of(cls, priors: Sequence[Prior]) -> Together:
        """The rows of priors with measurements."""
        ligands, sites, rows = dict[bytes, int](), dict[bytes, int](), dict[tuple[int, int, str, float], int]()
        kept, found = [], []
        for prior in priors:
            assert prior.measured is not None
            fit, measured = prior.at_site, prior.measured
            before = len(ligands)
            ligand = np.array([ligands.setdefault(key, len(ligands)) for key in prior.features.keys()])
            kept.append(prior.features.take(np.flatnonzero(ligand >= before)))
            site = [sites.setdefault(words.tobytes(), len(sites)) for words in fit.sites.split()]
            place = np.array([*site, -1])[fit.row_site]
            keys = zip(
                ligand[fit.row_ligand].tolist(), place.tolist(), measured.names, measured.pk.round(4), strict=True
            )
            found.append(np.array([rows.setdefault((*key[:2], str(key[2]), float(key[3])), len(rows)) for key in keys]))
        row_ligand, row_site, names, values = (np.array(column) for column in zip(*rows, strict=True))
        words = [np.frombuffer(key, dtype=np.uint32) for key in sites]
        fit = SiteFit(Sites.of(words), row_ligand, row_site, np.zeros(len(rows)), 0.0)
        joined = [
            np.concatenate([getattr(part, name) for part in kept]) for name in ("bits", "bit_counts", "descriptors")
        ]
        return cls(Features(*joined), fit, names, values, found)

    def matrix(self) -> np.ndarray:
        """(r, r) float32, the covariance of the measurements."""
        matrix = kernel_matrix(self.features.take(self.fit.row_ligand))
        self.fit.sites.scale(matrix, self.fit.row_site)
        add_noise(matrix, self.names)
        return matrix

    def masks(self) -> np.ndarray:
        """(r, priors) bool, which rows are whose."""
        masks = np.zeros((len(self.values), len(self.rows)), dtype=bool)
        for column, rows in enumerate(self.rows):
            masks[rows, column] = True
        return masks

    def solved(self, matrix: np.ndarray, masks: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
        """Weights (r, k) of k fits and their means (k,), each to the rows of a mask (r, k)."""
        means = (self.values[:, None] * masks).sum(axis=0) / masks.sum(axis=0)
        centred = (self.values[:, None] - means) * masks
        return conjugate_gradients(matrix, 0.0, centred, masks, tolerance), means


def refitted(priors: Sequence[Prior]) -> list[Prior]:
    """The priors with weights of fits to all their rows."""
    together = Together.of(priors)
    weights, means = together.solved(together.matrix(), together.masks(), _TOLERANCE)
    return with_weights(priors, together, weights, means)


def with_weights(priors: Sequence[Prior], together: Together, weights: np.ndarray, means: np.ndarray) -> list[Prior]:
    """The priors with weights (r, priors) of their rows."""
    found = []
    for column, (prior, rows) in enumerate(zip(priors, together.rows, strict=True)):
        fit = prior.at_site
        at_site = SiteFit(fit.sites, fit.row_ligand, fit.row_site, weights[rows, column], float(means[column]))
        kept = prior.features, prior.weights, prior.mean, prior.atoms, prior.elements
        found.append(Prior(*kept, at_site, prior.measured))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with activity/, crystal/, borrowed/, modelled/ and casf2016/")
    parser.add_argument("--names", nargs="+", default=[STRICT, "binding-base"])
    parser.add_argument("--weights", type=Path, default=ROOT / "binding" / "weights")
    options = parser.parse_args()
    rdBase.DisableLog("rdApp.*")
    paths = [options.weights / f"{name}.safetensors" for name in options.names]
    priors = taught(paths, options.data)
    for path, prior in zip(paths, refitted(priors), strict=True):
        scorer, card = load_model(path, device="cpu"), dict[str, Any](load_card(path))
        states = [member.state_dict() for member in scorer.members]
        card["prior"] = prior.summary() | {"rows_of_activity": rows_of_activity(prior)}
        save_weights(path, states, card, half=True, prior=prior, geometry=scorer.geometry, potential=scorer.potential)
        print(f"{path.stem}: {len(prior):,} ligands, {card['prior']['rows_of_activity']:,} rows of activity/")


def taught(paths: Sequence[Path], data: Path) -> list[Prior]:
    """The priors of some weights with the rows that each may learn, not yet fitted."""
    rows, found = measurements(data), []
    for path in paths:
        prior = load_model(path, device="cpu").prior
        assert prior is not None, "released weights have a prior"
        if rows_of_activity(prior):
            raise SystemExit(f"The prior of {path} has learned from activity/ already.")
        where = places(prior, _CACHE, data)
        own = drawn(rows[rows["uniprot"].isin(list(where))])
        if path.stem == STRICT:
            own = own[allowed(own, where, data)]
        found.append(extended(prior, own, where, graphs_of(own["smiles"].unique().tolist())))
    return found


def rows_of_activity(prior: Prior) -> int:
    """How many of its rows were measured in `activity/`."""
    names = [] if prior.measured is None else prior.measured.names.tolist()
    return sum(name.startswith(tuple(PREFIX.values())) for name in names)


if __name__ == "__main__":
    main()

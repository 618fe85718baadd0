"""What of the held-out rows is known from training: nearest protein, nearest ligand, and what memory alone predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from binding.splits.clusters import ProteinSet
from binding.splits.similarity import SIMILARITY, tanimoto_rows

NEAREST: Final = "nearest_neighbour"
WEIGHTED: Final = "nearest_5_weighted"
_NEIGHBOURS: Final = 5
_POWER: Final = 3  # of the similarity, as a weight
_COLUMNS: Final = (
    "id split nearest_protein protein_identity nearest_ligand ligand_similarity nearest_analogue analogue_similarity"
).split()
SAME_PROTEIN: Final = 0.9  # identity from here on means the same protein, or a variant of it


@dataclass(frozen=True)
class Thresholds:
    """From where on something is close.

    Attributes:
        identity: Sequence identity of protein chains at which the clusters were made.
        similarity: Tanimoto of ligands, ECFP4.
    """

    identity: float
    similarity: float = SIMILARITY


@dataclass(frozen=True, eq=False)
class LeakReport:
    """What the held-out rows have in common with the training rows.

    Attributes:
        rows: For each held-out row: ``id``, ``split``, ``nearest_protein`` (the id of a training row),
            ``protein_identity``, ``nearest_ligand``, ``ligand_similarity``, ``nearest_analogue`` (the most similar
            ligand on a protein of the same cluster), ``analogue_similarity``, and ``close_protein``,
            ``close_ligand``, ``close_analogue``.
        lookup: For each held-out row: ``id``, and the pK that memory predicts, ``nearest_neighbour`` and
            ``nearest_5_weighted``.
        shares: For each side the number of rows and the shares with something close.
        thresholds: What close means.
    """

    rows: pd.DataFrame = field(repr=False)
    lookup: pd.DataFrame = field(repr=False)
    shares: dict[str, dict[str, float]]
    thresholds: Thresholds


@dataclass(frozen=True, eq=False)
class LeakData:
    """What is known of the rows that are compared.

    Attributes:
        pk: By id.
        protein: Name of each id's protein in ``proteins``.
        proteins: All of them.
        prints: Packed fingerprint of each id's ligand.
    """

    pk: Mapping[str, float]
    protein: Mapping[str, str]
    proteins: ProteinSet
    prints: Mapping[str, np.ndarray]


def find_leaks(
    train: Sequence[str], held_out: Mapping[str, Sequence[str]], known: LeakData, thresholds: Thresholds
) -> LeakReport:
    """Compares each held-out row with the training rows.

    Args:
        train: Ids that are trained on, at least one.
        held_out: Ids of each other side.
        known: Their affinities, proteins and ligands.
        thresholds: What counts as close.
    """
    train = sorted(train)
    asked = [(side, name) for side, names in held_out.items() for name in names]
    proteins = _nearest_proteins({known.protein[name] for _, name in asked}, train, known)
    cluster = known.proteins.clusters
    train_clusters = np.array([cluster[known.protein[name]] for name in train])
    pk = np.array([known.pk[name] for name in train])
    rows, lookup = [], []
    train_prints = np.stack([known.prints[name] for name in train])
    asked_prints = np.stack([known.prints[name] for _, name in asked]) if asked else train_prints[:0]
    for start, block in tanimoto_rows(asked_prints, train_prints):
        for (side, name), similar in zip(asked[start:], block, strict=False):
            related = np.flatnonzero(train_clusters == cluster[known.protein[name]])
            protein, identity = proteins[known.protein[name]]
            ligand = int(similar.argmax())
            analogue = int(related[similar[related].argmax()]) if len(related) else None
            rows.append(
                {
                    "id": name,
                    "split": side,
                    "nearest_protein": protein,
                    "protein_identity": identity,
                    "nearest_ligand": train[ligand],
                    "ligand_similarity": float(similar[ligand]),
                    "nearest_analogue": "" if analogue is None else train[analogue],
                    "analogue_similarity": float("nan") if analogue is None else float(similar[analogue]),
                }
            )
            lookup.append({"id": name} | look_up(similar, pk, related))
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table["close_protein"] = table["protein_identity"] >= thresholds.identity
    table["close_ligand"] = table["ligand_similarity"] >= thresholds.similarity
    table["close_analogue"] = table["analogue_similarity"] >= thresholds.similarity
    return LeakReport(table, pd.DataFrame(lookup, columns=["id", NEAREST, WEIGHTED]), _shares(table), thresholds)


def look_up(similar: np.ndarray, pk: np.ndarray, related: np.ndarray) -> dict[str, float]:
    """What memory predicts: the pK of the most similar training ligands.

    Args:
        similar: (n,) Tanimoto of the training ligands to the one that is asked for.
        pk: (n,) their pK.
        related: Rows of those on a protein of the same cluster; all are used where there is none.

    Returns:
        ``nearest_neighbour``, the pK of the most similar one, and ``nearest_5_weighted``, the mean of the five most
        similar ones weighted by the cube of their similarity.
    """
    rows = related if len(related) else np.arange(len(pk))
    best = rows[np.argsort(-similar[rows], kind="stable")[:_NEIGHBOURS]]
    weights = similar[best].astype(np.float64) ** _POWER
    mean = np.average(pk[best], weights=weights) if weights.sum() > 0 else pk[best].mean()
    return {NEAREST: float(pk[best[0]]), WEIGHTED: float(mean)}


def _nearest_proteins(asked: set[str], train: list[str], known: LeakData) -> dict[str, tuple[str, float]]:
    """For each protein a training row of the nearest training protein, and the identity."""
    row_of: dict[str, str] = {}
    for name in train:
        row_of.setdefault(known.protein[name], name)
    found = known.proteins.nearest(sorted(asked - set(row_of)), sorted(row_of))
    nearest = {protein: (row_of.get(other, ""), identity) for protein, (other, identity) in found.items()}
    return nearest | {protein: (row_of[protein], 1.0) for protein in asked & set(row_of)}  # the very file


def _shares(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {
        str(side): {
            "rows": len(part),
            "same_protein": float((part["protein_identity"] >= SAME_PROTEIN).mean()),
            "close_protein": float(part["close_protein"].mean()),
            "close_ligand": float(part["close_ligand"].mean()),
            "close_analogue": float(part["close_analogue"].mean()),
        }
        for side, part in table.groupby("split", sort=False)
    }

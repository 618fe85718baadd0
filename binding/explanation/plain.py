"""An explanation as plain data: dictionaries, lists, numbers and text, as JSON holds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from binding.explanation.agreement import Agreement
from binding.explanation.attention import DIRECTIONS, AttentionMaps, HeadMaps
from binding.explanation.gradients import Gradients
from binding.explanation.occlusion import Occlusion
from binding.explanation.rows import Explanation


def as_plain(explanation: Explanation) -> dict[str, Any]:
    """Everything that an explanation holds; None for what was not asked for and for numbers that are not there.

    Its tables are lists of rows with the columns of the CSV files.
    """
    found: dict[str, Any] = {
        "parts": explanation.parts(),
        "residues": explanation.residues(),
        "atoms": explanation.atoms(),
        "pairs": explanation.pairs(),
        "heads": _heads(explanation.heads),
        "evidence": explanation.evidence(),
        "interactions": explanation.interactions(),
        "attention": _attention(explanation.attention),
        "gradients": _gradients(explanation.gradients),
        "occlusion": _occlusion(explanation.occlusion),
        "agreement": _agreement(explanation.agreement),
    }
    return _plain({"id": explanation.row.id, **found})


def _attention(found: AttentionMaps | None) -> dict[str, Any] | None:
    """Weights of the pairs in reach by network, layer, direction and head, and the entropy of each head."""
    if found is None:
        return None
    atom, residue = np.nonzero(found.in_reach)
    return {
        "in_pk": found.in_pk,
        "axes": ["network", "layer", "direction", "head", "pair"],
        "directions": list(DIRECTIONS),
        "pairs": [[found.atom_labels[a], found.residue_labels[r]] for a, r in zip(atom, residue, strict=True)],
        "weights": found.weights[..., atom, residue].astype(np.float64).round(5),
        "entropy": found.entropy().round(4),
    }


def _heads(found: HeadMaps | None) -> dict[str, Any] | None:
    """What each fixed head of the geometry expert adds to each pair, pK, and the atoms that it counts there."""
    if found is None:
        return None
    atom, residue = np.nonzero(found.pk.any(axis=0))
    return {
        "pairs": [[found.atom_labels[a], found.residue_labels[r]] for a, r in zip(atom, residue, strict=True)],
        "pk": dict(zip(found.heads, found.pk[:, atom, residue].round(5), strict=True)),
        "weights": dict(zip(found.heads, found.weights[:, atom, residue].round(4), strict=False)),
    }


def _gradients(found: Gradients | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "baseline": found.baseline,
        "baseline_pk": found.baseline_pk,
        "error": found.error,
        "elsewhere": found.elsewhere,
        "atom_features": dict(zip(found.atom_labels, found.atom_features.tolist(), strict=True)),
        "residue_features": dict(zip(found.residue_labels, found.residue_features.tolist(), strict=True)),
    }


def _occlusion(found: Occlusion | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "residues": dict(zip(found.residue_labels, found.residues.tolist(), strict=True)),
        "residues_network": dict(zip(found.residue_labels, found.residues_network.tolist(), strict=True)),
        "fragments": [
            {
                "kind": one.piece.kind,
                "smiles": one.piece.smiles,
                "atoms": [atom + 1 for atom in one.piece.atoms],
                "pk": one.pk,
                "pk_network": one.pk_network,
            }
            for one in found.fragments
        ],
    }


def _agreement(found: Agreement | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "measures": list(found.measures),
        "spearman": found.spearman,
        "top": found.top,
        "of": found.most,
        "sentence": found.sentence,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not np.isfinite(value) else value

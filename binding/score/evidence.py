"""The measurements that the prior's part of a pk is made of, for one complex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from binding.domain.words import site_words
from binding.graph.fields import ComplexGraph
from binding.prior.evidence import Evidence, evidence_of

if TYPE_CHECKING:
    from binding.model.ensemble import Scorer


def evidence_in(graph: ComplexGraph, scorer: Scorer, most: int) -> Evidence | None:
    """The evidence for one complex; None where no prior has a part in pk.

    Args:
        graph: The complex.
        scorer: The model.
        most: How many measurements to list.
    """
    if scorer.prior is None or not scorer.line.prior:
        return None
    words = site_words(graph)
    return evidence_of(scorer.prior, graph.ligand, words, scorer.at(graph).line.prior, most)


def evidence_values(evidence: Evidence) -> dict[str, Any]:
    """Values of ``binding.io.columns.evidence_columns`` by name; measurements that are not listed have none."""
    values: dict[str, Any] = {"evidence_rest": evidence.mean + evidence.rest}
    for rank, row in enumerate(evidence.listed, start=1):
        name = f"evidence_{rank}"
        values[name] = row.name
        values |= {f"{name}_pk": row.measured, f"{name}_ligand": row.ligand, f"{name}_site": row.site}
        values[f"{name}_share"] = row.pk
    return values

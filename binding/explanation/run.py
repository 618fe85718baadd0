"""Requests in, explanations out: one for every ligand record, in order, even for those that fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from binding.explanation import gradients, interactions
from binding.explanation.attention import attention_of
from binding.explanation.contacts import contact_kinds
from binding.explanation.contributions import contributions_of
from binding.explanation.evidence import LISTED
from binding.explanation.occlusion import occlude
from binding.explanation.rows import Explanation, Reasons
from binding.io.results import OK, ResultRow
from binding.io.table import Request
from binding.score.evidence import evidence_in
from binding.score.featurize import Featurized, Outcome, as_binding_error
from binding.score.options import ScoringOptions
from binding.score.pipeline import score_requests

if TYPE_CHECKING:
    from binding.model.weights import Scorer


@dataclass(frozen=True)
class Asked:
    """What to find beside the contributions, which cost nothing.

    Attributes:
        attention: Attention weights.
        gradients: Integrated gradients; they need captum.
        occlusion: What deleting each residue and each piece of the ligand costs.
        evidence: How many of the measurements to list that the prior's part is made of.
        interactions: Hydrogen bonds and others as a chemist names them; they need ProLIF.
    """

    attention: bool = False
    gradients: bool = False
    occlusion: bool = False
    evidence: int = LISTED
    interactions: bool = False


def explain_rows(
    requests: Iterable[Request], options: ScoringOptions | None = None, asked: Asked | None = None
) -> Iterator[Explanation]:
    """Explains requests: the same rows as ``binding.score.pipeline.predict_rows``, with their reasons.

    Args:
        requests: What to explain; a request with N ligand records gives N explanations.
        options: How to score; the defaults of ``ScoringOptions`` if None.
        asked: What to find beside the contributions; nothing if None.

    Raises:
        BindingError: Before the first one, where the model cannot be loaded; ``missing_extra``, where gradients are
            asked for and captum is not installed, or nothing in pk has one.
    """
    options, asked = options or ScoringOptions(), asked or Asked()
    if asked.gradients:
        gradients.check_installed()
    if asked.interactions:
        interactions.check_prolif()
    scorer = options.load()
    if asked.gradients:
        gradients.check_possible(scorer)
    return (_explain(outcome, row, scorer, asked) for outcome, row in score_requests(requests, scorer, options))


def reasons_of(item: Featurized, scorer: Scorer, asked: Asked | None = None) -> Reasons:
    """The terms that add up to pk of one complex, and what else is asked for."""
    assert item.pocket is not None
    asked, graph, pocket = asked or Asked(), item.graph, item.pocket
    contributions = contributions_of(graph, scorer).bounded()
    kinds = contact_kinds(graph, contributions.pocket_rows)
    reasons = Reasons(contributions, pocket, item.ligand, kinds)
    atoms, residues, rows = reasons.atom_labels, pocket.residue_ids, contributions.pocket_rows.tolist()
    return replace(
        reasons,
        attention=attention_of(graph, scorer, atoms, residues) if asked.attention else None,
        gradients=gradients.gradients_of(graph, scorer, atoms, residues) if asked.gradients else None,
        occlusion=occlude(pocket, item.ligand, graph, scorer, rows) if asked.occlusion else None,
        evidence=evidence_in(graph, scorer, asked.evidence) if asked.evidence else None,
        interactions=interactions.interactions_of(pocket, item.ligand) if asked.interactions else None,
    )


def _explain(item: Outcome, row: ResultRow, scorer: Scorer, asked: Asked) -> Explanation:
    if row.status != OK or not isinstance(item, Featurized):
        return Explanation(row)
    try:
        return Explanation(row, reasons_of(item, scorer, asked))
    except Exception as error:  # noqa: BLE001 - one complex must not cost the others their rows
        return Explanation(row.as_failed(as_binding_error(error)))

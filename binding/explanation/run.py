"""Requests in, explanations out: one for every ligand record, in order, even for those that fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from binding.errors import BindingError
from binding.explanation.contacts import contact_kinds
from binding.explanation.contributions import contributions_of
from binding.explanation.rows import Explanation, Reasons
from binding.io.results import OK, ResultRow
from binding.io.table import Request
from binding.score.featurize import Featurized, Outcome, as_binding_error
from binding.score.options import ScoringOptions
from binding.score.pipeline import score_requests

if TYPE_CHECKING:
    from binding.model.weights import Scorer


def explain_rows(requests: Iterable[Request], options: ScoringOptions | None = None) -> Iterator[Explanation]:
    """Explains requests: the same rows as ``binding.score.pipeline.predict_rows``, with their reasons.

    Args:
        requests: What to explain; a request with N ligand records gives N explanations.
        options: How to score; the defaults of ``ScoringOptions`` if None.

    Raises:
        BindingError: Before the first one, where the model cannot be loaded.
    """
    options = options or ScoringOptions()
    scorer = options.load()
    return (_explain(outcome, row, scorer) for outcome, row in score_requests(requests, scorer, options))


def reasons_of(item: Featurized, scorer: Scorer) -> Reasons:
    """The terms that add up to pk of one complex."""
    assert item.pocket is not None
    contributions = contributions_of(item.graph, scorer).bounded()
    kinds = contact_kinds(item.graph, contributions.pocket_rows)
    return Reasons(contributions, item.pocket, item.ligand, kinds)


def _explain(item: Outcome, row: ResultRow, scorer: Scorer) -> Explanation:
    if row.status != OK or not isinstance(item, Featurized):
        return Explanation(row)
    try:
        return Explanation(row, reasons_of(item, scorer))
    except Exception as error:  # noqa: BLE001 - one complex must not cost the others their rows
        return Explanation(_failed(row, as_binding_error(error)))


def _failed(row: ResultRow, error: BindingError) -> ResultRow:
    return ResultRow.failed(row.id, row.protein, row.ligand, error, model=row.model, heavy_atoms=row.heavy_atoms)

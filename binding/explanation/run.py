"""Requests in, explanations out: one for every ligand record, in order, whatever happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from binding.errors import BindingError
from binding.explanation.contacts import contact_kinds
from binding.explanation.contributions import contributions_of
from binding.explanation.rows import Explanation, Reasons
from binding.graph.site import PocketSpec
from binding.io.results import OK, ResultRow
from binding.io.table import Request
from binding.score.featurize import Featurized, as_binding_error
from binding.score.pipeline import DEFAULT_BATCH_SIZE, score_requests

if TYPE_CHECKING:
    from binding.model.weights import Scorer


def explain_requests(
    requests: Iterable[Request],
    scorer: Scorer,
    *,
    pocket: PocketSpec | None = None,
    template: str | None = None,
    workers: int | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> Iterator[Explanation]:
    """Explains requests, as ``binding.score.pipeline.predict_requests`` scores them: same arguments, same rows."""
    scored = score_requests(requests, scorer, pocket=pocket, template=template, workers=workers, batch_size=batch_size)
    for outcome, row in scored:
        if row.status == OK and isinstance(outcome, Featurized):
            yield _explain(outcome, row, scorer)
        else:
            yield Explanation(row)


def reasons_of(item: Featurized, scorer: Scorer) -> Reasons:
    """What the pk of one complex rests on."""
    contributions = contributions_of(item.graph, scorer)
    kinds = contact_kinds(item.graph, contributions.pocket_rows)
    return Reasons(contributions, item.pocket, item.ligand, kinds)


def _explain(item: Featurized, row: ResultRow, scorer: Scorer) -> Explanation:
    try:
        return Explanation(row, reasons_of(item, scorer))
    except Exception as error:  # noqa: BLE001 - one complex must not cost the others their rows
        return Explanation(_failed(row, as_binding_error(error)))


def _failed(row: ResultRow, error: BindingError) -> ResultRow:
    return ResultRow.failed(row.id, row.protein, row.ligand, error, model=row.model, heavy_atoms=row.heavy_atoms)
